"""Runs a program and says what it took."""

import os
import resource
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field

# A run that takes longer hangs: the longest that is meant, 1 TiB, takes some ten minutes.
LONGEST_RUN = 3600


class Unavailable(Exception):
    """Something cannot be measured on this machine; the text is the reason, and what would help."""


class Failed(Exception):
    """A program did not do what it should have."""


def program(name):
    path = shutil.which(name)
    if path is None:
        # Where Debian has them is not always in an ordinary user's PATH.
        path = shutil.which(name, path="/usr/sbin:/sbin")
    if path is None:
        raise Unavailable(f"{name} is not installed; run: tools/install-dependencies bench")
    return path


@dataclass
class Run:
    """What one run took. `rate` is in bytes a second, of the whole job; `peak` in bytes, nothing
    where it was too small to tell; CPU seconds are those of the client, in user and kernel mode."""

    bytes: int
    seconds: float
    cpu_seconds: float = None
    peak: int = None
    rate: float = None
    files: int = 1
    more: dict = field(default_factory=dict)

    def __post_init__(self):
        if self.rate is None:
            self.rate = self.bytes / self.seconds

    @property
    def cpu_per_gib(self):
        return None if self.cpu_seconds is None else self.cpu_seconds / (self.bytes / (1 << 30))

    @property
    def files_per_second(self):
        return self.files / self.seconds

    @property
    def cpu_ms_per_file(self):
        return None if self.cpu_seconds is None else self.cpu_seconds / self.files * 1000


@dataclass
class Ended:
    stdout: str
    stderr: str
    seconds: float
    cpu_seconds: float
    peak: int


def shown(command):
    return shlex.join(str(word) for word in command)


def run(command, environment=None, limit=LONGEST_RUN, watch=None):
    """Runs it to its end. Failed with its last words where that is not 0 or takes over `limit`
    seconds. `watch`, if any, is called with the process's number; what it returns is called once
    the process has ended."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        # The kernel counts what a child had in memory before exec() to its peak: this process. And
        # since Linux 6.2 it counts a core's pages in batches of 32 or more, of three kinds, so that
        # the two figures of the same memory differ, by up to 384 KiB a core.
        floor = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + 384 * os.cpu_count()
        begin = time.monotonic()
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env={**os.environ, **(environment or {})},
        )
        killer = threading.Timer(limit, child.kill)
        killer.daemon = True
        killer.start()
        stop_watching = watch(child.pid) if watch else lambda: None
        try:
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:
            child.kill()
            child.wait()
            raise
        finally:
            killer.cancel()
            stop_watching()
        seconds = time.monotonic() - begin
        child.returncode = os.waitstatus_to_exitcode(status)  # or Popen would wait for it again
        out.seek(0)
        err.seek(0)
        stdout, stderr = (file.read().decode(errors="replace") for file in (out, err))
    if child.returncode != 0:
        words = (stderr.strip() or stdout.strip() or "(no output)").splitlines()[-1]
        code = child.returncode
        how = f"was killed by signal {-code}" if code < 0 else f"exited with code {code}"
        raise Failed(f"{shown(command)} {how} after {seconds:.1f} s: {words}")
    return Ended(
        stdout,
        stderr,
        seconds,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss * 1024 if usage.ru_maxrss > floor else None,
    )


class Server:
    """A program that runs beside the measurements until the `with` around it ends."""

    def __init__(self, command, log, stop=signal.SIGTERM):
        self.command = command
        self.log = log
        self.stop = stop

    def __enter__(self):
        self._log = open(self.log, "w+", encoding="utf-8", errors="replace")
        # setpriv: nothing is left behind where this process is killed, either.
        self.process = subprocess.Popen(
            [program("setpriv"), "--pdeathsig", "TERM", *self.command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            start_new_session=True,
        )  # Ctrl-C is for this process, which then ends the others in order
        return self

    def __exit__(self, *_):
        self.process.send_signal(self.stop)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self._log.close()

    def line(self, start):
        """The rest of its first line on stdout that begins with `start`."""
        for line in self.process.stdout:
            if line.startswith(start):
                return line[len(start) :].strip()
        raise Failed(f"{shown(self.command)} exited: {self.last_words()}")

    def obituary(self):
        """Why the server has exited; None while it runs."""
        code = self.process.poll()
        if code is None:
            return None
        how = f"exited with code {code}" if code >= 0 else f"was killed by signal {-code}"
        return f"{shown(self.command)} {how} during the measurement: {self.last_words()}"

    def last_words(self):
        self.process.wait(20)
        self._log.seek(0)
        lines = self._log.read().strip().splitlines()
        return lines[-1] if lines else "(no output)"
