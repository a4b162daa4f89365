"""The man pages are valid mdoc, fit into 80 columns and are found if installed; links are valid."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import pages

WORK = os.environ["SLUICE_WORK"]
BUILD = os.environ["SLUICE_BUILD"]


def run(*command, **more):
    environment = {
        **os.environ,
        "LC_ALL": "C.UTF-8",
        "MANWIDTH": "80",
        "MAN_DISABLE_SECCOMP": "1",  # man's seccomp filter is too strict for some containers
        **more.pop("env", {}),
    }
    environment.pop("MANPATH", None)
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=600, env=environment, **more
    )


class ManPages(unittest.TestCase):
    def test_mandoc_reports_no_warnings(self):
        for page in pages.PAGES:
            checked = run("mandoc", "-T", "lint", "-W", "warning", page)
            self.assertEqual(checked.stdout + checked.stderr, "", page.name)

    def test_man_reports_no_warnings_and_lines_fit(self):
        for page in pages.PAGES:
            shown = run("man", "--warnings", "--encoding=UTF-8", "-l", page)
            self.assertEqual(shown.returncode, 0, shown.stderr)
            self.assertEqual(shown.stderr, "", page.name)
            for line in shown.stdout.splitlines():
                self.assertLessEqual(len(line), 80, f"{page.name}: {line}")

    def test_examples_are_rendered_as_written(self):
        # mdoc interprets a lone full stop and a backslash. Readers would copy another command than
        # examples_test runs.
        for page in pages.PAGES:
            shown = run("man", "--encoding=UTF-8", "-l", page, env={"MANWIDTH": "200"}).stdout
            lines = [line.strip() for line in shown.splitlines()]
            for command in pages.one_line_examples(page):
                self.assertIn(command, lines, page.name)
            for script in pages.examples(page):
                for line in script.splitlines():
                    self.assertIn(line.strip(), lines, page.name)

    def test_pages_have_the_usual_sections(self):
        for page in pages.PAGES:
            text = page.read_text()
            for section in ("NAME", "DESCRIPTION", "SEE ALSO"):
                self.assertIn(f"\n.Sh {section}\n", text, page.name)
            if page.suffix == ".1":
                for section in ("SYNOPSIS", "EXIT STATUS", "EXAMPLES"):
                    self.assertIn(f"\n.Sh {section}\n", text, page.name)

    def test_installed_pages_and_completions_are_found(self):
        with tempfile.TemporaryDirectory(dir=WORK) as prefix:
            installed = run("cmake", "--install", BUILD, "--prefix", prefix)
            self.assertEqual(installed.returncode, 0, installed.stderr)
            for script in (
                "bash-completion/completions/sluice",
                "zsh/site-functions/_sluice",
                "fish/vendor_completions.d/sluice.fish",
            ):
                text = pathlib.Path(prefix, "share", script).read_text()
                self.assertIn("complet", text)
                self.assertIn("manifest", text)
            manual = os.path.join(prefix, "share", "man")
            path = {"PATH": f"{prefix}/bin:{os.environ['PATH']}"}
            for page in pages.PAGES:
                found = run("man", "-w", page.stem, env=path)
                self.assertEqual(found.stdout.strip(), f"{manual}/man{page.suffix[1:]}/{page.name}")
            made = run("mandb", "--quiet", "--user-db", manual)
            self.assertEqual(made.returncode, 0, made.stderr)
            topics = run("apropos", "-M", manual, "Data Bank").stdout
            for page in pages.PAGES:
                self.assertRegex(topics, rf"(?m)^{page.stem} \({page.suffix[1:]}\)")


class References(unittest.TestCase):
    # Pages of other Debian packages.
    OTHERS = {
        (name, "1")
        for name in ("bash", "chmod", "curl", "fish", "md5sum", "nohup", "ps", "sbatch", "sha256sum", "ulimit", "umask", "xxhsum", "zsh")
    } | {("fcntl", "2")}

    def test_references_between_man_pages(self):
        own = {(page.stem, page.suffix[1:]) for page in pages.PAGES}
        for page in pages.PAGES:
            for name, section in re.findall(r"(?m)^\.Xr (\S+) (\d)", page.read_text()):
                self.assertIn((name, section), own | self.OTHERS, page.name)

    def test_references_from_readmes_to_man_pages(self):
        own = {f"{page.stem}({page.suffix[1:]})" for page in pages.PAGES}
        for readme in pages.READMES:
            for name in re.findall(r"\b((?:sluice|databankd)[\w-]*\(\d\))", readme.read_text()):
                self.assertIn(name, own, readme)

    def test_links_from_readmes_to_files_and_headings(self):
        for readme in pages.READMES:
            text = re.sub(r"(?ms)^```.*?^```$", "", readme.read_text())
            for target in re.findall(r"\]\(([^)\s]+)\)", text):
                if re.match(r"[a-z]+:", target):
                    continue
                file, _, heading = target.partition("#")
                path = (readme.parent / file).resolve() if file else readme
                self.assertTrue(path.exists(), f"{readme}: {target}")
                if heading:
                    self.assertIn(heading, headings(path), f"{readme}: {target}")

    def test_references_from_readmes_to_sources(self):
        """Each path such as `engine/upload.h` exists."""
        for readme in pages.READMES:
            for path in re.findall(
                r"`((?:engine|io|tools|tests|bench|cmake)/[\w./-]+\.(?:h|cc|md|py|supp|txt))`",
                readme.read_text(),
            ):
                self.assertTrue((pages.ROOT / path).exists(), f"{readme}: {path}")


def headings(path):
    """Returns the anchors of the headings as GitHub makes them."""
    found = set()
    for title in re.findall(r"(?m)^#+ (.*)$", path.read_text()):
        title = re.sub(r"[^\w\s-]", "", title.lower())
        found.add(re.sub(r"\s", "-", title.strip()))
    return found


class Readme(unittest.TestCase):
    def test_is_short(self):
        self.assertLessEqual(len((pages.ROOT / "README.md").read_text().splitlines()), 150)

    def test_required_programs_are_installed(self):
        for program in ("man", "mandoc", "mandb", "apropos"):
            self.assertIsNotNone(
                shutil.which(program),
                f"{program} is not installed; run: tools/install-dependencies check",
            )


if __name__ == "__main__":
    unittest.main()
