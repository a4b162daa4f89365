"""Runs every example in README.md and the man pages."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

import pages

BIN, WORK, BUILD = os.environ["SLUICE_BIN"], os.environ["SLUICE_WORK"], os.environ["SLUICE_BUILD"]
TOKEN = "c0ffee0123456789"
DATASETS = ("IDB-1", "IDB-1234567")

# The time limit of an example: longer than any example takes.
TIMEOUT_S = 120

SBATCH = r"""#!/bin/bash
for script in "$@"; do :; done
echo 4711
tasks=$(sed -n "s/^#SBATCH --array=1-//p" "$script")
export SLURM_ARRAY_JOB_ID=4711
for task in $(seq "${tasks:-1}"); do SLURM_ARRAY_TASK_ID=$task bash "$script" >&2 || exit; done
"""

# Servers in the examples that a test cannot reach -> options for the test's server.
SERVERS = {
    "--system demo": '--url "$SLUICE_URL"',
    "https://databank.example.edu": '"$SLUICE_URL"',
}

# Commands that tools/check runs -> their text in tools/check. The test does not run them, because a
# second build would test nothing new.
RUN_BY_CHECK = {
    "tools/check": "tools/check",
    "tools/demo": "tools/demo ",
    "tools/install-dependencies": "tools/install-dependencies check",
    "cmake --preset release": 'cmake --preset "$preset"',
    "cmake --build --preset release": 'cmake --build --preset "$preset"',
}


class Sandbox(contextlib.ExitStack):
    """A home directory with the files of the examples, and a databankd with the datasets and the
    `faults`. The end of the `with` block removes both."""

    def __init__(self, *faults, listen="127.0.0.1:0"):
        super().__init__()
        self.directory = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory(dir=WORK)))
        self.files = self.directory / "work"
        self.files.mkdir()
        for name in ("scan.h5", "a.h5", "interrupted.h5", "unconfirmed.h5", "one.tif", "two.tif"):
            (self.files / name).write_bytes(os.urandom(100_000))
        for name in ("a.h5", "interrupted.h5"):  # long enough to be interrupted
            os.truncate(self.files / name, 12_000_000)
        (self.files / "scans" / "run1").mkdir(parents=True)
        (self.files / "scans" / "run1" / "first.tif").write_bytes(os.urandom(1000))
        (self.files / "scans" / "second.tif").write_bytes(os.urandom(1000))
        (self.files / "list.txt").write_text("a.h5\nscans/second.tif\n")
        (self.files / "rules").write_text("# no temporary files\n*.tmp\n")
        (self.files / "files.csv").write_text("path,dataset\na.h5,IDB-1\nscan.h5,IDB-1\n")
        (self.files / "site.toml").write_text('limit-rate = "1G"\n')
        (self.directory / ".config" / "sluice").mkdir(parents=True)
        (self.directory / ".config" / "sluice" / "config.toml").write_text("[profile.night]\n")
        (self.files / "token").write_text(TOKEN + "\n")
        (self.files / "token").chmod(0o600)
        shutil.copy("/etc/ssl/certs/ca-certificates.crt", self.files / "site-ca.pem")
        (self.files / "site-ca").mkdir()
        shutil.copy("/etc/ssl/certs/ca-certificates.crt", self.files / "site-ca" / "9d66eef0.0")
        programs = self.directory / "bin"
        programs.mkdir()
        # A fake scheduler, which runs the job, or each task of an array.
        (programs / "sbatch").write_text(SBATCH)
        (programs / "sbatch").chmod(0o755)
        self.environment = {
            "PATH": f"{programs}:{BIN}:{os.environ['PATH']}",
            "HOME": str(self.directory),
            "LC_ALL": "C.UTF-8",
            "SLUICE_URL": self._start_bank(faults, listen),
        }
        for key in DATASETS:
            added = self.run(f"sluice token add {key}")
            assert added.returncode == 0, added.stderr

    def _start_bank(self, faults, listen):
        bank = subprocess.Popen(
            [os.path.join(BIN, "databankd"), "--listen", listen, "--quiet"]
            + ["--store", str(self.directory / "store"), "--protocols", "tus,binary"]
            + [word for key in DATASETS for word in ("--dataset", f"{key}={TOKEN}")]
            + [word for fault in faults for word in ("--fault", fault)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=self.directory,
        )
        self.enter_context(bank)
        self.callback(bank.kill)
        return bank.stdout.readline().removeprefix("listening on ").strip()

    def run(self, script, cwd=None):
        started = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=cwd or self.files,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            output, errors = started.communicate(TOKEN + "\n", timeout=TIMEOUT_S)
        finally:
            # Kills background servers of failed examples, too.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)
        return subprocess.CompletedProcess(script, started.returncode, output, errors)


class Examples(unittest.TestCase):
    def run_script(self, sandbox, script, where, cwd=None):
        for shown, real in SERVERS.items():
            script = script.replace(shown, real)
        done = sandbox.run(script, cwd)
        text = f"{where}:\n{script}\n{done.stdout}\n{done.stderr}"
        self.assertEqual(done.returncode, 0, text)

    def prepare(self, sandbox, script, expected):
        done = sandbox.run(script)
        self.assertEqual(done.returncode, expected, f"{script}\n{done.stdout}\n{done.stderr}")

    def run_example(self, page, script, cwd=None):
        """Runs an example after preparing what it needs: an interrupted upload, an upload whose
        registration got no response, or a receipt."""
        listen = "[::1]:0" if "--ipv6" in script else "127.0.0.1:0"
        put = "sluice put --quiet --token-file token --retries 0 --register-wait 1s"
        dataset = "IDB-1234567" if "IDB-1234567" in script else "IDB-1"
        name = "a.h5" if "a.h5" in script else "interrupted.h5"
        if "unconfirmed" in script:
            with Sandbox("lose-response,at=1,on=register", listen=listen) as sandbox:
                self.prepare(sandbox, f"{put} {dataset} unconfirmed.h5", 1)
                self.run_script(sandbox, script, page, cwd)
        elif page.startswith(("sluice-resume", "sluice-forget")) or "interrupted" in script:
            with Sandbox("reset-mid-body,at=1,on=patch,seed=1", listen=listen) as sandbox:
                where = "--state-dir state" if "--state-dir" in script else ""
                self.prepare(sandbox, f"{put} {where} {dataset} {name}", 7)
                self.run_script(sandbox, script, page, cwd)
        else:
            with Sandbox(listen=listen) as sandbox:
                if page.startswith("sluice-verify"):
                    self.prepare(sandbox, f"{put} --receipt . IDB-1 scan.h5", 0)
                if page.startswith("sluice-status") and "files.batch" in script:
                    self.prepare(sandbox, "sluice batch --shards 2 --local files.csv", 0)
                elif page.startswith("sluice-status"):
                    self.prepare(sandbox, f"{put} IDB-1 scan.h5", 0)
                    self.prepare(sandbox, f"{put} --state-dir state IDB-1 a.h5", 0)
                self.run_script(sandbox, script, page, cwd)

    def test_options(self):
        ran = 0
        for page in pages.PAGES:
            for command in pages.one_line_examples(page):
                if command.startswith("sluice "):
                    ran += 1
                    if "--watch" in command:  # lasts until Ctrl-C
                        command = f"timeout --signal INT --preserve-status 2 {command} || test $? = 130"
                    with self.subTest(f"{page.name}: {command}"):
                        self.run_example(page.name, command)
        self.assertGreater(ran, 60)

    def test_pages(self):
        for page in pages.PAGES:
            scripts = pages.examples(page)
            if page.suffix == ".1":
                self.assertGreater(len(scripts), 1, page.name)
            for script in scripts:
                with self.subTest(f"{page.name}: {script}"):
                    self.run_example(page.name, script)

    def test_configuration_files(self):
        """The configuration files in the pages are valid and have the profile."""
        shown = 0
        for page in pages.PAGES:
            for text in re.findall(r"(?ms)^\.Bd .*?\n(.*?)^\.Ed", page.read_text()):
                if not re.search(r"(?m)^\[", text):
                    continue
                shown += 1
                with self.subTest(f"{page.name}: {text}"), Sandbox() as sandbox:
                    (sandbox.files / "shown.toml").write_text(text)
                    show = "sluice config show --config shown.toml --profile night"
                    self.run_script(sandbox, show, page.name)
        self.assertEqual(shown, 2)

    def test_readme(self):
        readme = pages.ROOT / "README.md"
        scripts = pages.shell_blocks(readme)
        self.assertGreater(len(scripts), 3)
        check = (pages.ROOT / "tools" / "check").read_text()
        for script in scripts:
            lines = []
            for line in re.sub(r"\\\n\s*", "", script).splitlines():
                command = re.split(r"\s+#|\s+\[", line)[0]
                parts = [part.strip() for part in command.split("&&")]
                checked = [part for part in parts if part in RUN_BY_CHECK]
                for part in checked:
                    self.assertIn(RUN_BY_CHECK[part], check)
                if not checked:
                    lines.append(line.replace("build/release", BUILD))
            if lines:
                with self.subTest(script):
                    cwd = pages.ROOT if "cmake" in script else None
                    self.run_example(readme.name, "\n".join(lines), cwd)


if __name__ == "__main__":
    unittest.main()
