"""The capabilities of this machine and user, determined without the tested code."""

import os
import shutil
import subprocess


def installed(name):
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def has_tuspy():
    command = ["/usr/bin/python3", "-c", "import tusclient"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def can_make_links():
    """Returns whether this user may create network namespaces and devices."""
    if os.geteuid() != 0 or not installed("ip"):
        return False
    name = f"sluice-test-{os.getpid()}"
    return all(
        subprocess.run(["ip", *words], capture_output=True, check=False).returncode == 0
        for words in (
            ["netns", "add", name],
            ["-netns", name, "tuntap", "add", "dev", "tun0", "mode", "tun"],
            ["netns", "del", name],
        )
    )


def namespaces():
    return {
        name
        for name in (os.listdir("/run/netns") if os.path.isdir("/run/netns") else [])
        if name.startswith("sluice-bench-")
    }
