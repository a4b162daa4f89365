"""Parsers for the man pages and READMEs: options, examples."""

import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
MAN = ROOT / "tools" / "man"
PAGES = sorted(MAN.glob("*.[1-9]"))
# Without the READMEs of build directories and of ignored directories.
READMES = sorted(
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
)


class Option:
    """An option as described by --help or a man page."""

    def __init__(self, flags, placeholder, text):
        self.flags = flags  # "-q, --quiet"
        self.placeholder = placeholder  # "SIZE"; empty for a flag
        self.text = " ".join(text.split())

    def sentence(self, beginning):
        """Returns the rest of the sentence after `beginning`: "64M" in "Default: 64M."."""
        found = re.search(rf"{beginning}: (.*?)\.(?= [A-Z]|$)", self.text)
        return found.group(1) if found else None

    def facts(self):
        """Returns the properties that --help and the man page must share."""
        return {
            "placeholder": self.placeholder,
            "default": self.sentence("Default"),
            "range": self.sentence("Range"),
        }


def options_of_help(text):
    """Returns the options of --help by their flags. An option is indented by 2, its text by 26."""
    options = {}
    flags = placeholder = None
    lines = []

    def finish():
        if flags:
            options[flags] = Option(flags, placeholder, " ".join(lines))

    for line in text.splitlines():
        begins = re.match(r"  (-[-\w]+(?:, -[-\w]+)?)(?: (\S+))?(?:\s{2,}(.*))?$", line)
        if begins:
            finish()
            flags, placeholder = begins[1], begins[2] or ""
            lines = [begins[3] or ""]
        elif flags and line.startswith(" " * 26):
            lines.append(line)
        else:
            finish()
            flags = None
    finish()
    return options


def _plain(line):
    """Returns a line of mdoc as text, without macros and without blanks before punctuation."""
    if line.startswith("."):
        words = [word for word in line[1:].split(" ") if word]
        words = [word for word in words if not re.fullmatch(r"[A-Z][a-z]", word)]
        line = " ".join(words)
    return re.sub(r" ([.,;:)])", r"\1", line)


def options_of_page(page):
    """Returns the options of a page, which are the list items that begin with flags."""
    options = {}
    flags = placeholder = None
    lines = []
    for line in page.read_text().splitlines() + [".Sh"]:
        begins = re.match(r"\.It Fl (?:(\w) , Fl )?-([\w-]+)(?: Ar (\S+))?$", line)
        if begins or line.startswith((".It", ".El", ".Sh", ".Ss")):
            # A list in the text of an option is part of the text.
            if flags and (begins or line.startswith((".Sh", ".Ss"))):
                options[flags] = Option(flags, placeholder, " ".join(lines))
                flags = None
            if begins:
                short = f"-{begins[1]}, " if begins[1] else ""
                flags, placeholder, lines = f"{short}--{begins[2]}", begins[3] or "", []
        elif flags and line != ".Pp" and not line.startswith((".Bl", ".Dl")):
            lines.append(_plain(line))
    return options


def one_line_examples(page):
    """Returns the examples of options: the commands in `.Dl COMMAND`."""
    return [
        line[len(".Dl ") :].replace("\\e", "\\")
        for line in page.read_text().splitlines()
        if line.startswith(".Dl ")
    ]


def examples(page):
    """Returns the literal blocks of the section EXAMPLES, which are shell scripts."""
    section = re.search(r"(?ms)^\.Sh EXAMPLES$(.*?)^\.Sh", page.read_text())
    if not section:
        return []
    blocks = re.findall(r"(?ms)^\.Bd -literal[^\n]*\n(.*?)^\.Ed$", section[1])
    return [block.replace("\\e", "\\").replace("\\&", "") for block in blocks]


def shell_blocks(readme):
    """Returns the shell scripts of a README: the blocks ```sh."""
    return re.findall(r"(?ms)^```sh\n(.*?)^```$", readme.read_text())
