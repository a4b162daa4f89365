"""bench/sequential_client.py against databankd: what landed is the file, and a refusal is not taken
for a success."""

import os
import subprocess
import sys
import tempfile
import unittest

import sequential_client
from harness.measure import Server
from harness.servers import DATASET, TOKEN

BIN, WORK = os.environ["SLUICE_BIN"], os.environ["SLUICE_WORK"]


class SequentialClient(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(dir=WORK)
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.path = os.path.join(self.directory, "noise")
        self.bytes = os.urandom(250_000)
        with open(self.path, "wb") as file:
            file.write(self.bytes)

    def bank(self, *arguments):
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

    def upload(self, url, *arguments, token=TOKEN):
        return subprocess.run(
            [
                sys.executable,
                "-B",
                sequential_client.__file__,
                "--url",
                url,
                "--chunk",
                "100000",
                *arguments,
                DATASET,
                self.path,
            ],
            env={**os.environ, "SLUICE_TOKEN": token},
            capture_output=True,
            text=True,
            check=False,
        )

    def landed(self):
        with open(os.path.join(self.directory, "store", DATASET, "noise"), "rb") as file:
            return file.read()

    def test_with_a_connection_for_each_request(self):
        done = self.upload(self.bank())
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.landed(), self.bytes)

    def test_with_one_connection(self):
        done = self.upload(self.bank(), "--keep")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.landed(), self.bytes)

    def test_a_chunk_that_is_refused_with_200_is_no_success(self):
        done = self.upload(self.bank("--fault", "forget-staging,at=2,on=transfer"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("is not uploaded: transfer was answered with", done.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.directory, "store", DATASET, "noise")))

    def test_a_wrong_token(self):
        done = self.upload(self.bank(), token="wrong")
        self.assertEqual(done.returncode, 1)
        self.assertIn("setup was answered with", done.stderr)
        self.assertNotIn("wrong", done.stderr)

    def test_no_server(self):
        done = self.upload("http://127.0.0.1:1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("Connection refused", done.stderr)


if __name__ == "__main__":
    unittest.main()
