"""Describes the machine and the versions of the programs."""

import datetime
import os
import platform
import re
import subprocess

from .measure import Unavailable, program
from .tus_contestants import DEBIAN_PYTHON, packages_of

_TUSPY_VERSION = "import importlib.metadata as m; print(m.version('tuspy'))"


def _read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return None


def _first(pattern, text):
    found = re.search(pattern, text or "", re.MULTILINE)
    return found.group(1).strip() if found else None


def _says(*command):
    """Returns the first output line with a digit; None if the program is missing or fails."""
    try:
        done = subprocess.run(
            [program(command[0]), *command[1:]], capture_output=True, text=True, check=False
        )
    except (Unavailable, OSError):
        return None
    if done.returncode != 0:
        return None
    lines = (done.stdout + done.stderr).strip().splitlines()
    return next((line for line in lines if re.search(r"\d", line)), None)


def machine(directory):
    """Returns the machine's properties as a dict for JSON. `directory`: that of the test files."""
    memory = _first(r"^MemTotal:\s+(\d+) kB", _read("/proc/meminfo"))
    return {
        "when": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "kernel": platform.release(),
        "system": _first(r'^PRETTY_NAME="?([^"\n]*)', _read("/etc/os-release")),
        "processor": _first(r"^model name\s*:\s*(.*)$", _read("/proc/cpuinfo"))
        or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": int(memory) * 1024 if memory else None,
        "file_system": _says("stat", "-f", "-c", "%T (block size %S)", directory),
        "congestion_control": _read("/proc/sys/net/ipv4/tcp_congestion_control"),
        "tcp_wmem": _read("/proc/sys/net/ipv4/tcp_wmem"),
        "tcp_rmem": _read("/proc/sys/net/ipv4/tcp_rmem"),
        # Much above 0: other programs ran during the measurement.
        "load_average_before": os.getloadavg()[0],
    }


def described(where, runs):
    """Returns a line that describes the machine and the number of runs."""
    return (
        f"{where['processor']}, {where['cores']} cores, Linux {where['kernel']}, "
        f"median of {runs} {'run' if runs == 1 else 'runs'}"
    )


def versions(programs):
    tus_js_manifest = os.path.join(
        packages_of(programs), "node_modules", "tus-js-client", "package.json"
    )
    asked = {
        "sluice": (os.path.join(programs, "sluice"), "--version"),
        "databankd": (os.path.join(programs, "databankd"), "--version"),
        "curl": ("curl", "--version"),
        "iperf3": ("iperf3", "--version"),
        "fio": ("fio", "--version"),
        "nginx": ("nginx", "-v"),
        "openssl": ("openssl", "version"),
        "node": ("node", "--version"),
        "tuspy": (DEBIAN_PYTHON, "-c", _TUSPY_VERSION),
        "tus-js-client": ("node", "-p", "require(process.argv[1]).version", tus_js_manifest),
    }
    return {
        "python": platform.python_version(),
        **{name: _says(*command) for name, command in asked.items()},
    }
