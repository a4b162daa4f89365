"""What these tests share: programs that are started, waited for, and gone afterwards."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest
import urllib.parse
import urllib.request

BIN = os.environ["SLUICE_BIN"]  # sluice and databankd
PEERS = os.environ["SLUICE_PEERS"]  # the scripts of this directory, with node_modules beside them
DEBIAN_PYTHON = "/usr/bin/python3"  # tuspy is Debian's package, and another python would not see it

DATASET = "TESTIDB-1234567"
TOKEN = "7f3e9a-the-token-c2b1d8"
MIB = 1 << 20

# Longer than anything here takes: what does not come within it never will.
PATIENCE = 30

# Nothing of the person's own: no proxy, no token, no journal.
_ENVIRONMENT = {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}


def installed(program):
    path = shutil.which(program, path=_ENVIRONMENT["PATH"])
    if path is None:
        raise AssertionError(f"{program} is not installed; run: tools/install-dependencies check")
    return path


class Program:
    """A program that runs beside the test. What it says is read all the time, so that it never
    waits for us, and its standard input ends with us."""

    def __init__(self, test, command, environment=None, **more):
        self._process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**_ENVIRONMENT, **(environment or {})},
            start_new_session=True,  # kill() means those that it starts, too
            **more,
        )
        self._changed = threading.Condition()
        self._said = {self._process.stdout: [], self._process.stderr: []}
        self._readers = [threading.Thread(target=self._read, args=(pipe,)) for pipe in self._said]
        self._reading = len(self._readers)
        for reader in self._readers:
            reader.start()
        test.addCleanup(self.kill)

    def pid(self):
        return self._process.pid

    def _read(self, pipe):
        for line in pipe:
            with self._changed:
                self._said[pipe].append(line.decode(errors="replace").rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._reading -= 1
            self._changed.notify_all()

    def _lines(self, pipe):
        with self._changed:
            return list(self._said[pipe])

    def lines(self):
        """What it has written to stdout up to now; all of it after wait()."""
        return self._lines(self._process.stdout)

    def json_lines(self):
        """Those lines that are JSON objects."""
        return [json.loads(line) for line in self.lines() if line.startswith("{")]

    def output(self):
        """Everything, for people to read."""
        return "\n".join(self.lines() + self._lines(self._process.stderr))

    def line(self, start):
        """What follows `start` in the first line that begins with it, as soon as there is one."""

        def found():
            lines = self.output().split("\n")
            return [line[len(start) :] for line in lines if line.startswith(start)]

        with self._changed:
            self._changed.wait_for(lambda: found() or not self._reading, PATIENCE)
        if not found():
            raise AssertionError(f"there is no line {start!r} in:\n{self.output()}")
        return found()[0]

    def says(self, text):
        """Waits until a line has `text` in it."""
        with self._changed:
            self._changed.wait_for(lambda: text in self.output() or not self._reading, PATIENCE)
        if text not in self.output():
            raise AssertionError(f"there is no {text!r} in:\n{self.output()}")

    def wait(self):
        """Its exit status."""
        try:
            status = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                f"{self._process.args} hangs, and said:\n{self.output()}"
            ) from None
        for reader in self._readers:
            reader.join()
        return status

    def end(self):
        """SIGTERM, and then wait()."""
        self._process.terminate()
        return self.wait()

    def kill(self):
        """SIGKILL, if it still runs. It may be called again."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for reader in self._readers:
            reader.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            pipe.close()


class Test(unittest.TestCase):
    """A scratch directory that goes with each test, and what is run in it."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(dir=PEERS)
        self.addCleanup(scratch.cleanup)
        self.scratch = scratch.name

    def noise(self, size, name="noise.bin"):
        """A new file of random bytes."""
        path = os.path.join(self.scratch, name)
        with open(path, "xb") as file:
            for start in range(0, size, MIB):
                file.write(os.urandom(min(MIB, size - start)))
        return path

    def bank(self, *arguments, port=0):
        """databankd; its address, and where it puts a file."""
        program = Program(
            self,
            [
                os.path.join(BIN, "databankd"),
                "--listen",
                f"127.0.0.1:{port}",
                "--store",
                os.path.join(self.scratch, "store"),
                "--dataset",
                f"{DATASET}={TOKEN}",
                "--verbose",
                *arguments,
            ],
        )
        program.url = program.line("listening on ")
        program.deposited = lambda name: os.path.join(self.scratch, "store", DATASET, name)
        return program

    def sluice(self, command, url, *arguments, environment=None):
        """`sluice COMMAND --url URL --json`, while it runs."""
        return Program(
            self,
            [os.path.join(BIN, "sluice"), command, "--url", url, "--json"]
            + ["--state-dir", os.path.join(self.scratch, "state"), *arguments],
            {"SLUICE_TOKEN": TOKEN, **(environment or {})},
        )

    def sluice_put(self, url, *arguments, environment=None):
        return self.sluice("put", url, "--progress", "never", *arguments, environment=environment)

    def registered_by_sluice(self, program):
        """The report of one that must end well: its uploads."""
        status = program.wait()
        self.assertEqual(status, 0, program.output())
        self.assertNotIn(TOKEN, program.output())
        uploads = json.loads("\n".join(program.lines()))["uploads"]
        for upload in uploads:
            self.assertEqual(upload["status"], "registered", upload)
        return uploads

    def register(self, bank, name, url, size):
        """The call after an upload by tus."""
        form = {"filename": name, "tus_url": url, "size": size, "dataset_key": DATASET}
        request = urllib.request.Request(
            f"{bank.url}/api/dataset/{DATASET}/datafile",
            data=urllib.parse.urlencode(form).encode(),
            headers={"Authorization": f"Token token={TOKEN}"},
        )
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(request, timeout=PATIENCE) as answer:
            self.assertIn(f"successfully uploaded {name}", answer.read().decode())

    def assertSameFile(self, path, landed):
        self.assertEqual(sha256(path), sha256(landed), f"{landed} is not {path}")


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
