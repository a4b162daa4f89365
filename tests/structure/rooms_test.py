"""No folder of the engine, databankd and sluice includes a higher one; their READMEs are short and
complete."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# From the bottom up: a room may include itself and the rooms before it. As in engine/README.md.
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
# The same for databankd. As in tools/databankd/README.md.
DATABANKD = [
    "tools/databankd/base",
    "tools/databankd/faults",
    "tools/databankd/store",
    "tools/databankd/protocol",
    "tools/databankd/http",
    "tools/databankd",
]
# The same for sluice. As in tools/sluice/README.md.
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
MAX_README_LINES = 40

INCLUDE = re.compile(r'(?m)^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]')


def sources(*folders):
    """Returns the source files below the folders, as paths relative to ROOT."""
    return [
        path.relative_to(ROOT).as_posix()
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in SUFFIXES
    ]


def included(text):
    """Returns (quote, path) of each include in a text."""
    return INCLUDE.findall(text)


def own_includes(file):
    """Returns the files of this repository that `file` includes."""
    text = (ROOT / file).read_text()
    return [path for quote, path in included(text) if quote == '"' and (ROOT / path).is_file()]


def layer_of(file, layers):
    """Returns the layer of a source file; None if the file is in none of `layers`."""
    folder = file.rpartition("/")[0]
    if folder in layers:
        return folder
    top = folder.partition("/")[0]
    return top if top in ("io", "tools") and top in layers else None


def upward_includes(includes_of, layers):
    """Returns the includes of higher layers, as texts. `includes_of`: file -> included files."""
    found = []
    for file, paths in includes_of.items():
        own = layer_of(file, layers)
        for path in paths:
            other = layer_of(path, layers)
            if own and other and layers.index(other) > layers.index(own):
                found.append(f"{file} includes {path}, which is in a higher layer")
    return found


def include_cycle(includes_of):
    """Returns the files of one cycle of includes, in order; an empty list if there is no cycle."""
    done = set()

    def visit(file, chain):
        if file in chain:
            return chain[chain.index(file) :] + [file]
        if file in done:
            return []
        for path in includes_of.get(file, []):
            if found := visit(path, [*chain, file]):
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
    def test_all_sources_are_in_a_room(self):
        for file in sources("io", "engine", "tools"):
            self.assertIsNotNone(layer_of(file, LAYERS), f"{file}: add its folder to ROOMS")
        for file in sources("tools/databankd"):
            self.assertIsNotNone(layer_of(file, DATABANKD), f"{file}: add its folder to DATABANKD")
        for file in sources("tools/sluice"):
            self.assertIsNotNone(layer_of(file, SLUICE), f"{file}: add its folder to SLUICE")

    def test_all_rooms_have_sources(self):
        for layers in (ROOMS, DATABANKD, SLUICE):
            used = {layer_of(file, layers) for file in sources("engine", "tools")}
            self.assertLessEqual(set(layers), used)

    def test_rooms_do_not_include_higher_rooms(self):
        for layers in (LAYERS, DATABANKD, SLUICE):
            self.assertEqual(upward_includes(includes_of_all(), layers), [])

    def test_includes_have_no_cycle(self):
        self.assertEqual(include_cycle(includes_of_all()), [])

    def test_includes_have_paths_relative_to_the_root(self):
        for file in sources("io", "engine", "tools", "bench", "tests"):
            for quote, path in included((ROOT / file).read_text()):
                if quote == '"':
                    self.assertTrue((ROOT / path).is_file(), f"{file} includes {path}")

    def test_only_the_http_room_includes_curl(self):
        for file in sources("io", "engine", "tools", "bench", "tests"):
            for _, path in included((ROOT / file).read_text()):
                if path.startswith("curl/") or path == "curl.h":
                    self.assertRegex(file, r"^(tests/)?engine/http/", f"{file} includes {path}")

    def test_only_clock_h_reads_the_system_clock(self):
        clock_call = re.compile(r"(?:_clock|Clock)::now\(|\bstd::time\(|\btime\(nullptr\)|\bgettimeofday\(")
        for file in sources("engine"):
            if file != "engine/base/clock.h":
                self.assertIsNone(clock_call.search((ROOT / file).read_text()), file)

    def test_no_source_calls_time(self):
        # time() reads a coarse clock, up to a tick behind the clock of unix_s(), so a later value
        # could be less than an earlier one.
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

    def test_rooms_have_a_short_readme(self):
        for folder in self.FOLDERS:
            readme = ROOT / folder / "README.md"
            self.assertTrue(readme.is_file(), readme)
            self.assertLessEqual(len(readme.read_text().splitlines()), MAX_README_LINES, readme)

    def test_readmes_name_existing_files(self):
        for folder in self.FOLDERS:
            for line in (ROOT / folder / "README.md").read_text().splitlines():
                row = re.match(r"\| `(\w+)/` \|", line)  # the row of a subfolder
                places = [folder, f"{folder}/{row[1]}" if row else folder, "engine", "."]
                for name in re.findall(r"`([\w/]+\.(?:h|cc))`", line):
                    found = any((ROOT / place / name).is_file() for place in places)
                    self.assertTrue(found, f"{folder}: {name}")

    def test_readmes_name_all_headers(self):
        for room in ROOMS:
            text = (ROOT / room / "README.md").read_text()
            for header in sorted((ROOT / room).glob("*.h")):
                self.assertIn(header.name, text, f"{room}/README.md")


class Helpers(unittest.TestCase):
    def test_finds_upward_includes(self):
        found = upward_includes(
            {"engine/base/text.h": ["engine/upload/upload_run.h"], "io/source.h": []}, LAYERS
        )
        self.assertEqual(len(found), 1)
        downward = {"engine/upload/upload_run.h": ["engine/base/text.h"]}
        self.assertEqual(upward_includes(downward, LAYERS), [])
        found = upward_includes({"engine/base/text.h": ["tools/sluice/options.h"]}, LAYERS)
        self.assertEqual(len(found), 1)

    def test_finds_upward_includes_in_databankd(self):
        store, http = "tools/databankd/store/data_bank.h", "tools/databankd/http/request.h"
        self.assertEqual(len(upward_includes({store: [http]}, DATABANKD)), 1)
        self.assertEqual(len(upward_includes({http: ["tools/databankd/options.h"]}, DATABANKD)), 1)
        self.assertEqual(upward_includes({http: [store], store: ["io/result.h"]}, DATABANKD), [])

    def test_unlisted_folders_have_no_layer(self):
        self.assertIsNone(layer_of("engine/new/text.h", LAYERS))
        self.assertIsNone(layer_of("tools/databankd/new/text.h", DATABANKD))

    def test_finds_a_cycle(self):
        self.assertEqual(include_cycle({"a": ["b"], "b": ["c"], "c": ["b"]}), ["b", "c", "b"])
        self.assertEqual(include_cycle({"a": ["b", "c"], "b": ["c"], "c": []}), [])

    def test_parses_all_forms_of_includes(self):
        text = '#include <curl/curl.h>\n  # include "engine/base/text.h"\n// "engine/upload.h"\n'
        self.assertEqual(included(text), [("<", "curl/curl.h"), ('"', "engine/base/text.h")])


if __name__ == "__main__":
    unittest.main()
