"""Runs programs and measures time, CPU time and memory."""

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

from . import stop

# Longer runs are considered hung: the longest planned run, of 1 TiB, takes about ten minutes.
LONGEST_RUN = 3600


class Unavailable(Exception):
    """A measurement is not possible on this machine. The text has the reason, and what to do."""


class Failed(Exception):
    """A program failed."""


def program(name):
    path = shutil.which(name)
    if path is None:
        # On Debian, the PATH of ordinary users may lack these directories.
        path = shutil.which(name, path="/usr/sbin:/sbin")
    if path is None:
        raise Unavailable(f"{name} is not installed; run: tools/install-dependencies bench")
    return path


@dataclass
class Run:
    """The results of a run. `rate`: bytes per second of the whole run. `peak`: the maximum resident
    memory in bytes; None if too small to measure. `cpu_seconds`: user and kernel time of the
    client."""

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
    """Runs a command and returns its results. Raises Failed, with the last line of output, if the
    exit code is not 0 or the run takes longer than `limit` seconds. `watch`, if given, is called
    with the process id, and returns a function that is called after the end of the process."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        # The kernel includes the memory of the child before exec(), that is of this process, in its
        # peak. Since Linux 6.2 it also counts pages of each core in batches of at least 32, of
        # three kinds, so that equal memory may be reported with a difference of up to 384 KiB per
        # core.
        floor = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + 384 * os.cpu_count()
        begin = time.monotonic()
        child = None
        killer = None
        stop_watching = None
        stop.check()
        try:
            with stop.held():
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
            if watch:
                stop_watching = watch(child.pid)
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:
            if child is not None:
                child.kill()
                child.wait()
            raise
        finally:
            if killer is not None:
                killer.cancel()
            if stop_watching is not None:
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
    """A program that runs in the background during a `with` block."""

    def __init__(self, command, log, end_signal=signal.SIGTERM):
        self.command = command
        self.log = log
        self.end_signal = end_signal
        self.process = None

    def __enter__(self):
        stop.check()
        self._log = open(self.log, "w+", encoding="utf-8", errors="replace")
        try:
            with stop.held():
                # setpriv ends the server even if this process is killed.
                self.process = subprocess.Popen(
                    [program("setpriv"), "--pdeathsig", "TERM", *self.command],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=self._log,
                    text=True,
                    start_new_session=True,
                )  # Ctrl-C reaches only this process, which then ends the servers in order
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process is not None:
            self.process.send_signal(self.end_signal)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process.stdout.close()
        self._log.close()

    def line(self, start):
        """Waits for a line on stdout that begins with `start`, and returns the rest of the line."""
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
