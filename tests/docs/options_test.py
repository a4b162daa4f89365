"""--help and the man page of each command have the same options, with the same placeholders,
defaults and ranges."""

import os
import re
import subprocess
import unittest

import pages

BIN = os.environ["SLUICE_BIN"]
COMMANDS = ["batch", "check", "completion", "config", "forget", "manifest", "put", "resume", "run", "status", "token", "verify"]


def help_of(*command):
    return subprocess.run(
        [os.path.join(BIN, command[0]), *command[1:], "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    ).stdout


class Options(unittest.TestCase):
    maxDiff = None

    def compare(self, page, text):
        in_help = {flags: option.facts() for flags, option in pages.options_of_help(text).items()}
        in_page = pages.options_of_page(pages.MAN / page)
        self.assertGreater(len(in_help), 0)
        self.assertEqual(in_help, {flags: option.facts() for flags, option in in_page.items()})
        for flags, option in in_page.items():
            self.assertGreater(len(option.text), 20, f"{page} does not describe {flags}")

    def test_help_agrees_with_pages(self):
        for command in COMMANDS:
            with self.subTest(command):
                self.compare(f"sluice-{command}.1", help_of("sluice", command))

    def test_sluice_page_lists_all_commands(self):
        listed = re.findall(r"(?m)^  ([a-z]+) {4,}", help_of("sluice").split("Commands:")[1])
        self.assertEqual(sorted(listed), COMMANDS)
        overview = (pages.MAN / "sluice.1").read_text()
        for command in listed:
            self.assertIn(f".It Cm {command}\n", overview)
            self.assertIn(f".Xr sluice-{command} 1", overview)

    def test_help_of_sluice_agrees_with_its_page(self):
        self.compare("sluice.1", help_of("sluice"))

    def test_help_of_databankd_agrees_with_its_page(self):
        self.compare("databankd.1", help_of("databankd"))

    def test_databankd_page_has_all_faults(self):
        in_help = re.findall(r"(?m)^  ([a-z]+(?:-[a-z]+)*)[:\[ ]", help_of("databankd").split("Faults:")[1])
        section = (pages.MAN / "databankd.1").read_text().split(".Sh FAULTS")[1].split("\n.Sh")[0]
        in_page = [name for line in re.findall(r"(?m)^\.It (?:Cm )?(.*)$", section) for name in [re.split(r"[: \[]", line)[0]]]
        for fault in in_help:
            self.assertIn(fault, in_page)

    def test_shared_options_have_the_same_text(self):
        put = pages.options_of_page(pages.MAN / "sluice-put.1")
        for command in COMMANDS:
            shared = pages.options_of_page(pages.MAN / f"sluice-{command}.1")
            for flags in shared.keys() & put.keys():
                if command == "batch" and flags in ("--retries", "--token-wait"):
                    continue  # other defaults
                if command in ("batch", "resume", "run", "check", "forget", "token") and flags not in ("--json",):
                    self.assertEqual(shared[flags].text, put[flags].text, f"{command} {flags}")

    def test_all_options_have_an_example(self):
        for command in COMMANDS:
            page = pages.MAN / f"sluice-{command}.1"
            examples = pages.one_line_examples(page)
            for flags in pages.options_of_page(page):
                name = flags.split(", ")[-1]
                if name != "--help":
                    self.assertTrue(
                        any(re.search(rf"{name}(?![\w-])", line) for line in examples),
                        f"{page.name}: no example of {name}",
                    )


if __name__ == "__main__":
    unittest.main()
