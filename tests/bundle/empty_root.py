"""A root directory with only /proc, an empty /home and the files of a test."""

import os
import pathlib
import shutil
import subprocess
import sys

import peers
from peers import Program

# A new mount namespace: its mounts disappear with its last process, also after a crash.
_NAMESPACE = ["--mount"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--mount"]
# --rbind: a user namespace may not reveal the directories below a mount of its parent.
_MOUNT = 'mount --rbind /proc "$1/proc" && shift && exec "$@"'
# Runs last, so that the program's environment does not apply to the commands before.
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
# Root runs the programs as nobody, to show that the bundle does not need root. A user namespace has
# no other user.
_USER = "65534" if os.geteuid() == 0 else ""


def unsupported():
    """Returns why this user cannot enter such a root, or None."""
    tried = subprocess.run(
        [peers.installed("unshare"), *_NAMESPACE, "sh", "-c"]
        + ["mount --rbind /proc /proc && exec chroot / true"],
        capture_output=True,
        text=True,
        check=False,
    )
    return tried.stderr.strip() or "unshare failed" if tried.returncode != 0 else None


class EmptyRoot:
    """A directory that becomes the root of the programs that run() starts."""

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
        """Copies the directory `tree` to `name` with hard links."""
        copied = self.path / name.lstrip("/")
        shutil.copytree(tree, copied, symlinks=True, copy_function=os.link)

    def run(self, test, *command, environment=None):
        """Starts `command` with only the variables in `environment`; not as root, except in a
        user namespace. Returns the program."""
        variables = "\n".join(f"{name}={value}" for name, value in (environment or {}).items())
        return Program(
            test,
            [peers.installed("unshare"), *_NAMESPACE, "sh", "-c", _MOUNT, "sh", self.path]
            + [sys.executable, "-c", _ENTER, self.path, _USER, variables, *command],
        )
