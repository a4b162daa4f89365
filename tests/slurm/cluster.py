"""A Slurm cluster of one node on loopback: munged, slurmctld and slurmd. They share no file, port
or key with other clusters on the machine."""

import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

# The time limit of each wait, in seconds: longer than any operation of these tests takes.
TIMEOUT = 600

_PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"

_CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld_port}
SlurmdPort={slurmd_port}
AuthType=auth/munge
AuthInfo=socket={dir}/munge.sock
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={dir}/state
SlurmdSpoolDir={dir}/spool
SlurmctldPidFile={dir}/slurmctld.pid
SlurmdPidFile={dir}/slurmd.pid
SlurmctldLogFile={dir}/slurmctld.log
SlurmdLogFile={dir}/slurmd.log
# Without cgroups and root rights; with more cores than the machine may have.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
MpiDefault=none
JobRequeue=1
SchedulerParameters=sched_interval=2
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=4000
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP OverSubscribe=YES
"""


def _free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _installed(program):
    path = shutil.which(program, path=_PATH)
    if path is None:
        raise AssertionError(f"{program} is not installed; run: tools/install-dependencies check")
    return path


def wait_until(description, condition, timeout=TIMEOUT):
    """Polls `condition`, because Slurm does not notify. Returns its first true result."""
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"timed out after {timeout} s: {description}")
        time.sleep(0.2)


class Cluster:
    """A running cluster, until stop()."""

    def __init__(self):
        # In /tmp, because the path of a Unix socket is limited to 107 bytes.
        self.dir = tempfile.mkdtemp(prefix="slurm-", dir="/tmp")
        os.chmod(self.dir, 0o755)
        host = socket.gethostname().split(".")[0]
        self.host = host
        for name in ("state", "spool"):
            os.mkdir(os.path.join(self.dir, name))
        key = os.open(os.path.join(self.dir, "munge.key"), os.O_WRONLY | os.O_CREAT, 0o400)
        os.write(key, os.urandom(1024))
        os.close(key)
        self.conf = os.path.join(self.dir, "slurm.conf")
        with open(self.conf, "w") as conf:
            conf.write(
                _CONF.format(
                    host=host, dir=self.dir, user=pwd.getpwuid(os.getuid()).pw_name, ctld_port=_free_port(), slurmd_port=_free_port()
                )
            )
        self.environment = {"PATH": _PATH, "LC_ALL": "C.UTF-8", "SLURM_CONF": self.conf, "HOME": self.dir}
        self._daemons = {}
        try:
            self._start(
                "munged",
                "--foreground",
                "--force",
                f"--key-file={self.dir}/munge.key",
                f"--socket={self.dir}/munge.sock",
                f"--pid-file={self.dir}/munged.pid",
                f"--log-file={self.dir}/munged.log",
                f"--seed-file={self.dir}/munge.seed",
            )
            wait_until("munged listens", lambda: os.path.exists(f"{self.dir}/munge.sock"))
            self._start("slurmctld", "-D", "-c")
            self.start_node()
        except BaseException:
            self.stop()
            raise

    def start_node(self):
        self._start("slurmd", "-D", "-N", self.host)
        wait_until(
            "the node is idle or busy",
            lambda: self.output("sinfo", "-h", "-o", "%T", check=False).strip() in ("idle", "mixed", "allocated"),
        )

    def kill_node(self):
        """Kills slurmd, like a crash."""
        self._daemons["slurmd"].kill()
        self._daemons["slurmd"].wait()

    def _start(self, program, *words):
        log = open(os.path.join(self.dir, program + ".out"), "ab")
        self._daemons[program] = subprocess.Popen(
            [_installed(program), *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=self.environment,
            start_new_session=True,
        )
        log.close()

    def output(self, *words, check=True):
        done = subprocess.run(
            [_installed(words[0]), *words[1:]], env=self.environment, capture_output=True, text=True, timeout=TIMEOUT
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{words}: {done.stderr}")
        return done.stdout

    def jobs(self):
        """Returns (task, job of the array, state, reason) of each pending or running task."""
        lines = self.output("squeue", "-h", "-a", "-r", "-o", "%K|%F|%T|%r").splitlines()
        return [line.split("|") for line in lines]

    def stop(self):
        for program in ("slurmd", "slurmctld", "munged"):
            daemon = self._daemons.get(program)
            if daemon is None or daemon.poll() is not None:
                continue
            daemon.send_signal(signal.SIGTERM)
            try:
                daemon.wait(30)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        # slurmstepd runs in a session of its own, with the directory in its environment only.
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if ((process / "comm").read_text().startswith("slurmstepd")
                        and self.dir.encode() in (process / "environ").read_bytes()):
                    os.kill(int(process.name), signal.SIGKILL)
            except OSError:  # the process has ended, or belongs to another user
                continue

    def logs(self):
        text = ""
        for name in ("slurmctld.log", "slurmd.log", "slurmctld.out", "slurmd.out", "munged.log"):
            path = os.path.join(self.dir, name)
            if os.path.exists(path):
                with open(path, errors="replace") as log:
                    text += f"--- {name}\n" + "".join(log.readlines()[-40:])
        return text

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)
