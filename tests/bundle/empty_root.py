"""A root directory that has nothing but a kernel (/proc) and what a test puts there."""

import os
import pathlib
import shutil
import subprocess
import sys

import peers
from peers import Program

# An own mount namespace: what is mounted goes with the last process in it, also after a crash.
_NAMESPACE = ["--mount"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--mount"]
# --rbind: a user namespace may not show what lies below a mount of its parent's.
_MOUNT = 'mount --rbind /proc "$1/proc" && shift && exec "$@"'
# The last step before the program, so that its environment reaches no other one.
_ENTER = """
import os, sys
root, user, variables, *command = sys.argv[1:]
os.chroot(root)
os.chdir("/")
if user:
    os.setgroups([])
    os.setgid(int(user))
    os.setuid(int(user))
os.execve(command[0], command, dict(pair.split("=", 1) for pair in variables.splitlines()))
"""
# As root, to show that the bundle needs no root. In a user namespace there is no other user.
_USER = "65534" if os.geteuid() == 0 else ""


def why_not():
    """Why this user may not enter such a root; None if it may."""
    tried = subprocess.run(
        [peers.installed("unshare"), *_NAMESPACE, "sh", "-c"]
        + ["mount --rbind /proc /proc && exec chroot / true"],
        capture_output=True,
        text=True,
        check=False,
    )
    return tried.stderr.strip() or "unshare failed" if tried.returncode != 0 else None


class EmptyRoot:
    """The directory `path`, which becomes the root of the programs that run in it."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        for directory in ("proc", "home"):
            (self.path / directory).mkdir(parents=True)
        (self.path / "home").chmod(0o777)

    def write(self, name, text):
        file = self.path / name.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def link(self, name, target):
        file = self.path / name.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.symlink_to(target)

    def copy(self, tree, name):
        """A copy of the directory `tree`, by hard links."""
        copied = self.path / name.lstrip("/")
        shutil.copytree(tree, copied, symlinks=True, copy_function=os.link)

    def run(self, test, *command, environment=None):
        """The program `command`, with nothing but `environment`; not as root if we are root."""
        variables = "\n".join(f"{name}={value}" for name, value in (environment or {}).items())
        return Program(
            test,
            [peers.installed("unshare"), *_NAMESPACE, "sh", "-c", _MOUNT, "sh", self.path]
            + [sys.executable, "-c", _ENTER, self.path, _USER, variables, *command],
        )
