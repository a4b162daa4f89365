"""The scripts of `sluice completion` in bash, zsh and fish."""

import os
import pathlib
import pty
import select
import shlex
import signal
import subprocess
import tempfile
import time
import unittest

import pages

BIN = os.environ["SLUICE_BIN"]
WORK = os.environ["SLUICE_WORK"]
TIMEOUT_S = 120


def sluice(*arguments):
    return subprocess.run(
        [os.path.join(BIN, "sluice"), *arguments], capture_output=True, text=True, check=True, timeout=600
    ).stdout


class Terminal:
    """A shell on a pseudoterminal."""

    def __init__(self, argv, directory):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(directory)
            os.execvpe(argv[0], argv, {"PATH": f"{BIN}:{os.environ['PATH']}", "TERM": "dumb",
                                       "HOME": directory, "PS1": "$ ", "LC_ALL": "C.UTF-8"})
        self.seen = ""  # the output after the last match

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)

    def type(self, text):
        os.write(self.fd, text.encode())

    def read_until(self, text):
        """Blocks until the shell prints `text` after the last match. Returns False after
        TIMEOUT_S, or if the shell has ended."""
        deadline = time.monotonic() + TIMEOUT_S
        while text not in self.seen:
            ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                return False
            try:
                self.seen += os.read(self.fd, 65536).decode(errors="replace")
            except OSError:  # the shell has ended
                return False
        self.seen = self.seen.split(text, 1)[1]
        return True


class Completion(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.directory = self.enterContext(tempfile.TemporaryDirectory(dir=WORK))
        for shell in ("bash", "zsh", "fish"):
            (pathlib.Path(self.directory) / shell).write_text(sluice("completion", shell))
        (pathlib.Path(self.directory) / "zfunc").mkdir()
        (pathlib.Path(self.directory) / "zfunc" / "_sluice").write_text(sluice("completion", "zsh"))
        (pathlib.Path(self.directory) / "scan one.h5").touch()
        (pathlib.Path(self.directory) / "scans").mkdir()

    def bash(self, *words):
        """Returns the candidates for the last of the words."""
        script = (
            "compopt() { :; }; source ./bash; COMP_WORDS=("
            + " ".join(map(shlex.quote, ("sluice", *words)))
            + f"); COMP_CWORD={len(words)}; _sluice; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        )
        done = subprocess.run(["bash", "--norc", "-u", "-c", script], cwd=self.directory, capture_output=True,
                              text=True, timeout=600)
        self.assertEqual(done.stderr, "")
        return sorted(filter(None, done.stdout.splitlines()))

    def fish(self, line):
        """Returns the candidates for the last word of the line."""
        done = subprocess.run(
            ["fish", "--no-config", "-c", f"source ./fish; complete -C {shlex.quote(line)}"],
            cwd=self.directory, capture_output=True, text=True, timeout=600,
            env={"PATH": os.environ["PATH"], "HOME": self.directory, "TERM": "dumb"},
        )
        self.assertEqual(done.stderr, "")
        return sorted(found.split("\t")[0] for found in done.stdout.splitlines())

    def test_bash(self):
        self.assertEqual(self.bash("pu"), ["put"])
        self.assertEqual(self.bash("put", "--proto"), ["--protocol"])
        self.assertEqual(self.bash("put", "--protocol", "t"), ["tus"])
        self.assertEqual(self.bash("put", "--protocol", "=", "p"), ["phased"])
        self.assertEqual(self.bash("put", "--protocol", "="), ["auto", "binary", "phased", "tus"])
        self.assertEqual(self.bash("put", "IDB-1", "scan"), ["scan one.h5", "scans"])
        self.assertEqual(self.bash("put", "--receipt", "sc"), ["scans"])
        self.assertEqual(self.bash("put", "--limit-rate", ""), [])
        self.assertEqual(self.bash("--profile", "put", "sta"), ["status"])
        self.assertEqual(self.bash("token", ""), ["add", "list", "remove"])
        self.assertEqual(self.bash("completion", "z"), ["zsh"])
        self.assertEqual(self.bash("--ver"), ["--version"])
        self.assertEqual(self.bash("nonsense", "--"), [])

    def test_fish(self):
        self.assertEqual(self.fish("sluice pu"), ["put"])
        self.assertEqual(self.fish("sluice put --proto"), ["--protocol"])
        self.assertEqual(self.fish("sluice put --protocol t"), ["tus"])
        self.assertEqual(self.fish("sluice put --protocol=p"), ["--protocol=phased"])
        self.assertEqual(self.fish("sluice put IDB-1 scan"), ["scan one.h5", "scans/"])
        self.assertEqual(self.fish("sluice put --receipt sc"), ["scans/"])
        self.assertEqual(self.fish("sluice token "), ["add", "list", "remove"])

    def test_bash_on_a_terminal(self):
        with Terminal(["bash", "--norc", "--noprofile", "-i"], self.directory) as shell:
            shell.type("bind 'set enable-bracketed-paste off'; source ./bash; echo re''ady\n")
            self.assertTrue(shell.read_until("ready"))
            shell.type("sluice put --proto\t")
            self.assertTrue(shell.read_until("sluice put --protocol "), shell.seen)
            shell.type("=\x7ftu\t")
            self.assertTrue(shell.read_until("tus "), shell.seen)
            shell.type("IDB-1 scan\\ o\t")
            self.assertTrue(shell.read_until("ne.h5 "), shell.seen)

    def test_zsh_on_a_terminal(self):
        compinit = "autoload -Uz compinit && compinit -u -D"
        for load in (f"{compinit}; source ./zsh", f"fpath+=$PWD/zfunc; {compinit}"):
            with self.subTest(load):
                self.check_zsh(load)

    def check_zsh(self, load):
        with Terminal(["zsh", "-f", "-i"], self.directory) as shell:
            shell.type(f"{load}; echo re''ady\n")
            self.assertTrue(shell.read_until("ready"), shell.seen)
            for typed, completed in (
                ("sluice pu", "sluice put"),
                ("sluice put --proto", "sluice put --protocol"),
                ("sluice put --protocol=tu", "sluice put --protocol=tus"),
                ("sluice put --receipt sc", "sluice put --receipt scans"),
                ("sluice token rem", "sluice token remove"),
                ("sluice put IDB-1 scan\\ o", "sluice put IDB-1 scan\\ one.h5"),
            ):
                # Prints the current line, independent of what the editor has drawn. Typing after a
                # completion removes a blank, = or / that the completion has appended.
                shell.type(f"{typed}\t\x01print -r -- 'line<''\x05'\n")
                expected = f"line<{completed}"
                self.assertTrue(shell.read_until(expected), f"{expected}: {shell.seen}")

    def test_scripts_complete_all_options(self):
        for command in pages.PAGES:
            if not command.name.startswith("sluice-") or command.suffix != ".1":
                continue
            name = command.stem.removeprefix("sluice-")
            offered = self.bash(name, "--")
            in_fish = [word for word in self.fish(f"sluice {name} --") if word.startswith("--")]
            expected = {flag for flags in pages.options_of_page(command) for flag in flags.split(", ") if flag[:2] == "--"}
            self.assertEqual(set(offered), expected | {"--config", "--profile"}, name)
            self.assertEqual(set(in_fish), set(offered), name)


if __name__ == "__main__":
    unittest.main()
