"""The base class of tests with a random file and a databankd."""

import os
import subprocess
import tempfile
import unittest

from harness.measure import Server
from harness.servers import DATASET, TOKEN

BIN, WORK = os.environ["SLUICE_BIN"], os.environ["SLUICE_WORK"]


class WithBank(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(dir=WORK)
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.path = os.path.join(self.directory, "noise")
        self.bytes = os.urandom(250_000)
        with open(self.path, "wb") as file:
            file.write(self.bytes)

    def bank(self, *arguments):
        """Starts databankd and returns its URL."""
        server = Server(
            [
                os.path.join(BIN, "databankd"),
                "--listen",
                "127.0.0.1:0",
                "--store",
                os.path.join(self.directory, "store"),
                "--dataset",
                f"{DATASET}={TOKEN}",
                "--verbose",
                *arguments,
            ],
            os.path.join(self.directory, "log"),
        )
        self.enterContext(server)
        return server.line("listening on ")

    def upload_with(self, command, token=TOKEN):
        return subprocess.run(
            [*command, DATASET, self.path],
            env={**os.environ, "SLUICE_TOKEN": token},
            capture_output=True,
            text=True,
            check=False,
        )

    def registered(self, name="noise"):
        """Returns the bytes of a registered file; None if it is not registered."""
        try:
            with open(os.path.join(self.directory, "store", DATASET, name), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def requests(self, method):
        """Returns the number of requests with that method that the server received."""
        with open(os.path.join(self.directory, "log"), encoding="utf-8") as lines:
            return sum(f'"{method}" ' in line for line in lines)
