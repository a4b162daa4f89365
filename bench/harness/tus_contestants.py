"""The programs measured over tus: each creates, sends and registers an upload."""

import base64
import os
import urllib.parse

from .contestants import Contestant, Sluice, new_name
from .measure import Failed, Run, Unavailable, program, run, shown
from .servers import DATASET, TOKEN

_BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DEBIAN_PYTHON = "/usr/bin/python3"  # tuspy is a Debian package, which other Pythons do not find


def packages_of(programs):
    """Returns the directory in which tests/peers installs Node packages."""
    return os.path.join(os.path.dirname(programs), "tests", "peers")


def files_of(directory):
    return sorted(os.path.join(directory, name) for name in os.listdir(directory))


class Tuspy(Contestant):
    """bench/tuspy_client.py: one process, sequential PATCHes; uploads all files of a directory."""

    slow = True

    def __init__(self, name, url, chunk, **kept):
        super().__init__(name, **kept)
        try:
            run([DEBIAN_PYTHON, "-c", "import tusclient"])
        except (Failed, OSError):
            raise Unavailable(
                f"{DEBIAN_PYTHON} has no tuspy; run: tools/install-dependencies bench"
            ) from None
        script = os.path.join(_BENCH, "tuspy_client.py")
        self._start = [DEBIAN_PYTHON, "-B", script, "--url", url, "--chunk", str(chunk)]

    def once(self, path):
        if os.path.isdir(path):
            self.command = _of_all_files(path, [*self._start, DATASET])
            sent = [os.path.getsize(file) for file in files_of(path)]
        else:
            self.command = [*self._start, "--name", new_name("tuspy"), DATASET, path]
            sent = [os.path.getsize(path)]
        ended = run(self.command, {"SLUICE_TOKEN": TOKEN})
        return Run(sum(sent), ended.seconds, ended.cpu_seconds, ended.peak, files=len(sent))


class TusJs(Contestant):
    """bench/tus_js_client.mjs; without a chunk size, the file is one PATCH."""

    def __init__(self, name, programs, url, chunk=None, **kept):
        super().__init__(name, **kept)
        packages = packages_of(programs)
        if not os.path.isdir(os.path.join(packages, "node_modules", "tus-js-client")):
            raise Unavailable(
                f"tus-js-client is not in {packages}; in the build directory, run: "
                "ctest -R peers.install"
            )
        self._start = [program("node"), os.path.join(_BENCH, "tus_js_client.mjs"), "--url", url]
        self._start += ["--packages", packages, *(["--chunk", str(chunk)] if chunk else [])]

    def once(self, path):
        self.command = [*self._start, "--name", new_name("tus-js"), DATASET, path]
        ended = run(self.command, {"SLUICE_TOKEN": TOKEN})
        return Run(os.path.getsize(path), ended.seconds, ended.cpu_seconds, ended.peak)


class SluiceFiles(Sluice):
    """`sluice put` with all files of a directory."""

    def once(self, path):
        self.forget()
        self.command = _of_all_files(path, [*self.start, DATASET])
        ended = run(self.command, {"SLUICE_TOKEN": TOKEN})
        uploads = self.uploads(ended.stdout)
        sizes = [os.path.getsize(file) for file in files_of(path)]
        if len(uploads) != len(sizes):
            raise Failed(f"{shown(self.command)} reports {len(uploads)} of {len(sizes)} files")
        return Run(sum(sizes), ended.seconds, ended.cpu_seconds, ended.peak, files=len(sizes))


class CurlFiles(Contestant):
    """The same requests with three runs of `curl --parallel`: all creations, then all PATCHes, then
    all registrations. Has no checks and no journal."""

    def __init__(self, name, url, scratch, connections, **kept):
        super().__init__(name, **kept)
        self._curl = program("curl")
        self._url = url
        self._list = os.path.join(scratch, "curl.conf")
        self._parallel = ["--silent", "--show-error", "--no-progress-meter", "--parallel"]
        self._parallel += ["--parallel-immediate", "--parallel-max", str(connections)]

    def once(self, path):
        files = files_of(path)
        sizes = [os.path.getsize(file) for file in files]
        names = [os.path.basename(file) for file in files]
        created = self._all(
            "201",
            (
                [
                    ("url", f"{self._url}/files/"),
                    ("request", "POST"),
                    ("data", ""),
                    ("header", f"Upload-Length: {size}"),
                    ("header", f"Upload-Metadata: filename {_base64(name)}"),
                ]
                for name, size in zip(names, sizes)
            ),
        )
        # Responses arrive in any order, so all files must have the same size.
        if len(set(sizes)) > 1:
            raise Failed(f"the files in {path} have different sizes")
        sent = self._all(
            "204",
            (
                [
                    ("url", where),
                    ("request", "PATCH"),
                    ("data-binary", f"@{file}"),
                    ("header", "Content-Type: application/offset+octet-stream"),
                    ("header", "Upload-Offset: 0"),
                ]
                for file, where in zip(files, created.more["locations"])
            ),
        )
        form = ({"filename": name, "size": size} for name, size in zip(names, sizes))
        registered = self._all(
            "200",
            (
                [
                    ("url", f"{self._url}/api/dataset/{DATASET}/datafile"),
                    ("data", urllib.parse.urlencode({**fields, "tus_url": where})),
                    ("data", f"dataset_key={DATASET}"),
                ]
                for fields, where in zip(form, created.more["locations"])
            ),
        )
        phases = (created, sent, registered)
        peaks = [phase.peak for phase in phases if phase.peak is not None]
        return Run(
            sum(sizes),
            sum(phase.seconds for phase in phases),
            sum(phase.cpu_seconds for phase in phases),
            max(peaks, default=None),
            files=len(files),
            more={
                f"{name}_seconds": phase.seconds
                for name, phase in zip(("create", "patch", "register"), phases)
            },
        )

    def _all(self, expected, requests):
        """Sends all requests with one curl. Raises Failed unless each response has that status."""
        count = 0
        with open(self._list, "w", encoding="utf-8") as file:
            os.chmod(self._list, 0o600)
            for request in requests:
                words = [
                    *request,
                    ("header", f"Authorization: Token token={TOKEN}"),
                    ("header", "Tus-Resumable: 1.0.0"),
                    ("output", "/dev/null"),
                    ("write-out", "%{http_code} %header{location}\n"),
                ]
                file.write("next\n" if count else "")
                file.writelines(f"{word} = {_quoted(value)}\n" for word, value in words)
                count += 1
        self.command = [self._curl, *self._parallel, "--config", self._list]
        ended = run(self.command)
        answers = [line.split() for line in ended.stdout.splitlines()]
        others = [answer for answer in answers if answer[0] != expected]
        if others or len(answers) != count:
            raise Failed(
                f"curl got {len(answers)} responses to {count} requests, "
                f"{len(others)} of them with another status than {expected}: {others[:1]}"
            )
        ended_as = Run(0, ended.seconds, ended.cpu_seconds, ended.peak)
        ended_as.more["locations"] = [answer[1] for answer in answers if len(answer) > 1]
        return ended_as


def _of_all_files(directory, command):
    """Returns a command with all files of a directory as arguments, which is short to print."""
    return ["sh", "-c", 'directory=$1; shift; exec "$@" "$directory"/*', "sh", directory, *command]


def _base64(text):
    return base64.b64encode(text.encode()).decode()


def _quoted(value):
    """Quotes a value for a curl configuration file."""
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n")):
        value = value.replace(plain, escaped)
    return f'"{value}"'
