"""The folders of the engine, databankd and sluice include one another in one direction; READMEs are short."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# From the bottom up: a room may include itself and those before it. engine/README.md lists them for people.
ROOMS = [
    "engine/base",
    "engine/http",
    "engine/protocol",
    "engine/digest",
    "engine/report",
    "engine/pipeline",
    "engine/policy",
    "engine/journal",
    "engine/upload",
    "engine",
]
LAYERS = ["io", *ROOMS, "tools"]
# The same for databankd. tools/databankd/README.md lists these folders for people.
DATABANKD = [
    "tools/databankd/base",
    "tools/databankd/faults",
    "tools/databankd/store",
    "tools/databankd/protocol",
    "tools/databankd/http",
    "tools/databankd",
]
# The same for sluice. tools/sluice/README.md lists these folders for people.
SLUICE = [
    "tools/sluice/process",
    "tools/sluice/display",
    "tools/sluice/config",
    "tools/sluice/select",
    "tools/sluice/manifest",
    "tools/sluice/tokens",
    "tools/sluice/run",
    "tools/sluice/shards",
    "tools/sluice/completion",
    "tools/sluice/commands",
    "tools/sluice",
]
SUFFIXES = {".h", ".cc"}
MOST_README_LINES = 40

INCLUDE = re.compile(r'(?m)^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]')


def sources(*folders):
    """The source files below the folders, as paths from ROOT."""
    return [
        path.relative_to(ROOT).as_posix()
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in SUFFIXES
    ]


def included(text):
    """(quote, path) of each include in the text of a file."""
    return INCLUDE.findall(text)


def own_includes(file):
    """The files of this repository that `file` includes."""
    text = (ROOT / file).read_text()
    return [path for quote, path in included(text) if quote == '"' and (ROOT / path).is_file()]


def layer_of(file, layers):
    """The layer of a source file; None for a file that lies in none of `layers`."""
    folder = file.rpartition("/")[0]
    if folder in layers:
        return folder
    top = folder.partition("/")[0]
    return top if top in ("io", "tools") and top in layers else None


def upward(includes_of, layers):
    """Each include of a higher layer, as text. `includes_of`: file -> files that it includes."""
    found = []
    for file, paths in includes_of.items():
        own = layer_of(file, layers)
        for path in paths:
            other = layer_of(path, layers)
            if own and other and layers.index(other) > layers.index(own):
                found.append(f"{file} includes {path}, which is above it")
    return found


def circle(includes_of):
    """The files of one circle of includes, in order; empty for none."""
    done = set()

    def visit(file, way):
        if file in way:
            return way[way.index(file) :] + [file]
        if file in done:
            return []
        for path in includes_of.get(file, []):
            if found := visit(path, [*way, file]):
                return found
        done.add(file)
        return []

    for file in includes_of:
        if found := visit(file, []):
            return found
    return []


def includes_of_all():
    return {file: own_includes(file) for file in sources("io", "engine", "tools")}


class Rooms(unittest.TestCase):
    def test_every_source_lies_in_a_room(self):
        for file in sources("io", "engine", "tools"):
            self.assertIsNotNone(layer_of(file, LAYERS), f"{file}: name its folder in ROOMS")
        for file in sources("tools/databankd"):
            self.assertIsNotNone(layer_of(file, DATABANKD), f"{file}: name its folder in DATABANKD")
        for file in sources("tools/sluice"):
            self.assertIsNotNone(layer_of(file, SLUICE), f"{file}: name its folder in SLUICE")

    def test_every_room_has_sources(self):
        for layers in (ROOMS, DATABANKD, SLUICE):
            used = {layer_of(file, layers) for file in sources("engine", "tools")}
            self.assertLessEqual(set(layers), used)

    def test_no_room_includes_one_above_it(self):
        for layers in (LAYERS, DATABANKD, SLUICE):
            self.assertEqual(upward(includes_of_all(), layers), [])

    def test_no_circle_of_includes(self):
        self.assertEqual(circle(includes_of_all()), [])

    def test_own_headers_are_included_with_their_path_from_the_root(self):
        for file in sources("io", "engine", "tools", "bench", "tests"):
            for quote, path in included((ROOT / file).read_text()):
                if quote == '"':
                    self.assertTrue((ROOT / path).is_file(), f"{file} includes {path}")

    def test_only_the_http_room_includes_curl(self):
        for file in sources("io", "engine", "tools", "bench", "tests"):
            for _, path in included((ROOT / file).read_text()):
                if path.startswith("curl/") or path == "curl.h":
                    self.assertRegex(file, r"^(tests/)?engine/http/", f"{file} includes {path}")

    def test_only_the_clock_asks_the_system_for_the_time(self):
        asks = re.compile(r"(?:_clock|Clock)::now\(|\bstd::time\(|\btime\(nullptr\)|\bgettimeofday\(")
        for file in sources("engine"):
            if file != "engine/base/clock.h":
                self.assertIsNone(asks.search((ROOT / file).read_text()), file)

    def test_seconds_come_from_one_clock(self):
        # time() reads a clock of the kernel that is up to a tick behind the one that unix_s() reads, so of
        # two values taken one after the other the second can be the smaller one.
        for file in sources("io", "engine", "tools", "bench", "tests"):
            self.assertIsNone(re.search(r"\btime\((?:nullptr|NULL|0)\)", (ROOT / file).read_text()), file)

    def test_only_the_http_folder_of_databankd_includes_microhttpd(self):
        for file in sources("io", "engine", "tools", "bench", "tests"):
            for _, path in included((ROOT / file).read_text()):
                if path == "microhttpd.h":
                    self.assertRegex(file, r"^tools/databankd/http/", f"{file} includes {path}")

    def test_databankd_shares_no_code_with_the_engine(self):
        for file in sources("tools/databankd"):
            for path in own_includes(file):
                self.assertRegex(path, r"^(io|tools/command_line|tools/databankd)/", f"{file} includes {path}")


class ReadmesOfRooms(unittest.TestCase):
    FOLDERS = [*ROOMS, "tools/databankd", "tools/sluice"]

    def test_each_room_has_a_short_one(self):
        for folder in self.FOLDERS:
            readme = ROOT / folder / "README.md"
            self.assertTrue(readme.is_file(), readme)
            self.assertLessEqual(len(readme.read_text().splitlines()), MOST_README_LINES, readme)

    def test_they_name_files_that_exist(self):
        for folder in self.FOLDERS:
            for line in (ROOT / folder / "README.md").read_text().splitlines():
                row = re.match(r"\| `(\w+)/` \|", line)  # the row of a folder in it
                places = [folder, f"{folder}/{row[1]}" if row else folder, "engine", "."]
                for name in re.findall(r"`([\w/]+\.(?:h|cc))`", line):
                    found = any((ROOT / place / name).is_file() for place in places)
                    self.assertTrue(found, f"{folder}: {name}")

    def test_they_name_every_header(self):
        for room in ROOMS:
            text = (ROOT / room / "README.md").read_text()
            for header in sorted((ROOT / room).glob("*.h")):
                self.assertIn(header.name, text, f"{room}/README.md")


class TheTestItself(unittest.TestCase):
    def test_an_upward_include_is_found(self):
        found = upward({"engine/base/text.h": ["engine/upload/upload_run.h"], "io/source.h": []}, LAYERS)
        self.assertEqual(len(found), 1)
        self.assertEqual(upward({"engine/upload/upload_run.h": ["engine/base/text.h"]}, LAYERS), [])
        self.assertEqual(len(upward({"engine/base/text.h": ["tools/sluice/options.h"]}, LAYERS)), 1)

    def test_an_upward_include_within_databankd_is_found(self):
        store, http = "tools/databankd/store/data_bank.h", "tools/databankd/http/request.h"
        self.assertEqual(len(upward({store: [http]}, DATABANKD)), 1)
        self.assertEqual(len(upward({http: ["tools/databankd/options.h"]}, DATABANKD)), 1)
        self.assertEqual(upward({http: [store], store: ["io/result.h"]}, DATABANKD), [])

    def test_a_folder_that_no_list_names_is_found(self):
        self.assertIsNone(layer_of("engine/new/text.h", LAYERS))
        self.assertIsNone(layer_of("tools/databankd/new/text.h", DATABANKD))

    def test_a_circle_is_found(self):
        self.assertEqual(circle({"a": ["b"], "b": ["c"], "c": ["b"]}), ["b", "c", "b"])
        self.assertEqual(circle({"a": ["b", "c"], "b": ["c"], "c": []}), [])

    def test_includes_are_read_in_all_their_forms(self):
        text = '#include <curl/curl.h>\n  # include "engine/base/text.h"\n// "engine/upload.h"\n'
        self.assertEqual(included(text), [("<", "curl/curl.h"), ('"', "engine/base/text.h")])


if __name__ == "__main__":
    unittest.main()
