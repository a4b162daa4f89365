"""Helpers of these tests: child processes, scratch directories, runs of sluice and databankd."""

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

BIN = os.environ["SLUICE_BIN"]  # the directory of sluice and databankd
PEERS = os.environ["SLUICE_PEERS"]  # copies of the scripts, and node_modules
DEBIAN_PYTHON = "/usr/bin/python3"  # finds Debian's package of tuspy

DATASET = "TESTIDB-1234567"
TOKEN = "7f3e9a-the-token-c2b1d8"
MIB = 1 << 20

# The time limit of each wait, in seconds: longer than any operation of these tests takes.
TIMEOUT = 300

# Without the user's proxy, token and journal.
_ENVIRONMENT = {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}


def installed(program):
    path = shutil.which(program, path=_ENVIRONMENT["PATH"])
    if path is None:
        raise AssertionError(f"{program} is not installed; run: tools/install-dependencies check")
    return path


class Program:
    """A child process. Threads read its output all the time, so that it never blocks on a full
    pipe. Its standard input ends with the test process."""

    def __init__(self, test, command, environment=None, **more):
        self._process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**_ENVIRONMENT, **(environment or {})},
            start_new_session=True,  # so that kill() also kills the program's children
            **more,
        )
        self._changed = threading.Condition()
        self._output = {self._process.stdout: [], self._process.stderr: []}
        self._readers = [threading.Thread(target=self._read, args=(pipe,)) for pipe in self._output]
        self._reading = len(self._readers)
        for reader in self._readers:
            reader.start()
        test.addCleanup(self.kill)

    def pid(self):
        return self._process.pid

    def _read(self, pipe):
        for line in pipe:
            with self._changed:
                self._output[pipe].append(line.decode(errors="replace").rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._reading -= 1
            self._changed.notify_all()

    def _lines(self, pipe):
        with self._changed:
            return list(self._output[pipe])

    def lines(self):
        """Returns the lines of stdout so far; all of them after wait()."""
        return self._lines(self._process.stdout)

    def json_lines(self):
        """Returns the JSON objects among the lines of stdout."""
        return [json.loads(line) for line in self.lines() if line.startswith("{")]

    def output(self):
        """Returns stdout and stderr as one text."""
        return "\n".join(self.lines() + self._lines(self._process.stderr))

    def line(self, start):
        """Blocks until a line begins with `start`. Returns the rest of the first such line."""

        def matches():
            lines = self.output().split("\n")
            return [line[len(start) :] for line in lines if line.startswith(start)]

        with self._changed:
            self._changed.wait_for(lambda: matches() or not self._reading, TIMEOUT)
        if not matches():
            raise AssertionError(f"no line begins with {start!r} in:\n{self.output()}")
        return matches()[0]

    def wait_for_output(self, text):
        """Blocks until the output contains `text`."""
        with self._changed:
            self._changed.wait_for(lambda: text in self.output() or not self._reading, TIMEOUT)
        if text not in self.output():
            raise AssertionError(f"{text!r} is not in:\n{self.output()}")

    def wait(self):
        """Blocks until the program has ended. Returns its exit status. After TIMEOUT, kills the
        program and raises AssertionError."""
        try:
            status = self._process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                f"{self._process.args} did not end within {TIMEOUT} s; its output:\n{self.output()}"
            ) from None
        for reader in self._readers:
            reader.join()
        return status

    def end(self):
        """Sends SIGTERM and waits. Returns the exit status."""
        self._process.terminate()
        return self.wait()

    def kill(self):
        """Kills the program with SIGKILL if it still runs, and reaps it. Idempotent."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for reader in self._readers:
            reader.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            pipe.close()


class Test(unittest.TestCase):
    """The base class of the tests: a scratch directory for each test, and the programs in it."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(dir=PEERS)
        self.addCleanup(scratch.cleanup)
        self.scratch = scratch.name

    def noise(self, size, name="noise.bin"):
        """Makes a file of random bytes. Returns its path."""
        path = os.path.join(self.scratch, name)
        with open(path, "xb") as file:
            for start in range(0, size, MIB):
                file.write(os.urandom(min(MIB, size - start)))
        return path

    def bank(self, *arguments, port=0):
        """Starts databankd. Returns the program with its `url`, and with `deposited(name)`, which
        returns the path of a registered file."""
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
        """Starts `sluice COMMAND --url URL --json` and returns the running program."""
        return Program(
            self,
            [os.path.join(BIN, "sluice"), command, "--url", url, "--json"]
            + ["--state-dir", os.path.join(self.scratch, "state"), *arguments],
            {"SLUICE_TOKEN": TOKEN, **(environment or {})},
        )

    def sluice_put(self, url, *arguments, environment=None):
        return self.sluice("put", url, "--progress", "never", *arguments, environment=environment)

    def registered_by_sluice(self, program):
        """Waits for a sluice that must succeed. Returns the uploads in its report."""
        status = program.wait()
        self.assertEqual(status, 0, program.output())
        self.assertNotIn(TOKEN, program.output())
        uploads = json.loads("\n".join(program.lines()))["uploads"]
        for upload in uploads:
            self.assertEqual(upload["status"], "registered", upload)
        return uploads

    def register(self, bank, name, url, size):
        """Registers the tus upload at `url` as a file."""
        form = {"filename": name, "tus_url": url, "size": size, "dataset_key": DATASET}
        request = urllib.request.Request(
            f"{bank.url}/api/dataset/{DATASET}/datafile",
            data=urllib.parse.urlencode(form).encode(),
            headers={"Authorization": f"Token token={TOKEN}"},
        )
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(request, timeout=TIMEOUT) as response:
            self.assertIn(f"successfully uploaded {name}", response.read().decode())

    def assertSameFile(self, path, other):
        self.assertEqual(sha256(path), sha256(other), f"{other} differs from {path}")


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
