"""Runs bench/compare, bench/scale and bench/threads with a small file."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from xml.dom import minidom

from rights import has_tuspy, installed, can_make_links, namespaces

from harness.command_line import ROOT

BIN, WORK = os.environ["SLUICE_BIN"], os.environ["SLUICE_WORK"]
LINK = ("link", "think", "loss", "tus-link", "lanes", "lanes-loss", "large-buffers", "small-link")


def processes_of(directory):
    """Returns the command lines of processes that use a temporary directory in `directory`."""
    found = []
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().decode(errors="replace").split("\0")
        except OSError:
            continue
        if any(word.startswith(directory + "/run-") for word in words):
            found.append(words)
    return found


# The message of bench/compare if sluice cannot use another CA bundle.
NO_CERTIFICATES = "cannot make sluice trust"


class Programs(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        directory = tempfile.TemporaryDirectory(dir=WORK)
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.json = os.path.join(self.directory, "result.json")

    def command(self, name, *arguments):
        return [
            os.path.join(ROOT, "bench", name),
            "--bin",
            BIN,
            "--dir",
            self.directory,
            "--runs",
            "1",
            *arguments,
        ]

    def run_bench(self, name, *arguments, **environment):
        done = subprocess.run(
            self.command(name, "--json", self.json, *arguments),
            capture_output=True,
            text=True,
            env={**os.environ, **environment},
            check=False,
        )
        self.assertEqual(
            [entry for entry in os.listdir(self.directory) if entry.startswith("run-")], []
        )
        self.assertEqual(processes_of(self.directory), [])
        return done

    def results(self):
        with open(self.json, encoding="utf-8") as file:
            whole = json.load(file)
        self.assertTrue(whole["machine"]["kernel"])
        self.assertTrue(whole["versions"]["sluice"].startswith("sluice "))
        return {scenario["name"]: scenario for scenario in whole["scenarios"]}

    def check_runs(self, scenario, runs=1):
        """Checks that each contestant has runs or a reason. Returns the names of those with runs."""
        self.assertIsNone(scenario["error"])
        measured = set()
        for contestant in scenario["contestants"]:
            with self.subTest(scenario=scenario["name"], contestant=contestant["name"]):
                if contestant["not_measured"]:
                    self.assertEqual(contestant["runs"], [])
                    if contestant["name"] == "sluice":  # needs root, and more in containers
                        self.assertIn(NO_CERTIFICATES, contestant["not_measured"])
                        self.assertEqual(scenario["name"], "tls")
                    continue
                measured.add(contestant["name"])
                self.assertEqual(len(contestant["runs"]), runs)
                self.assertTrue(contestant["command"])
                for run in contestant["runs"]:
                    self.assertGreater(run["bytes_per_second"], 0)
                    self.assertGreaterEqual(run["cpu_seconds"], 0)
        if scenario["name"] != "tls":
            self.assertIn("sluice", measured)
        return measured

    def test_compares_on_this_machine(self):
        chart = os.path.join(self.directory, "chart.svg")
        scenarios = ("page-cache", "cold", "tls", "md5", "tus", "small")
        done = self.run_bench(
            "compare",
            "--size",
            "8M",
            "--svg",
            chart,
            *(word for name in scenarios for word in ("--scenario", name)),
        )
        results = self.results()
        self.assertEqual(tuple(results), scenarios, done.stderr)
        reasons = 0
        for scenario in results.values():
            if scenario["not_measured"]:
                self.assertIn(scenario["not_measured"], done.stdout)
                reasons += 1
                continue
            measured = self.check_runs(scenario)
            reasons += len(scenario["contestants"]) - len(measured)
            for comparison in scenario["comparisons"]:
                self.assertNotEqual(comparison["ratio"] is None, comparison["not_known"] is None)
        # Contestants may be missing only if a program is not installed, or if the build directory
        # is in memory.
        if (
            all(map(installed, ("iperf3", "fio", "nginx", "openssl", "node")))
            and has_tuspy()
            and "stays" not in done.stdout
            and NO_CERTIFICATES not in done.stdout
        ):
            self.assertEqual(reasons, 0, done.stdout)
        self.assertEqual(done.returncode, 3 if reasons else 0, done.stderr)
        minidom.parse(chart)
        page_cache = {
            contestant["name"]: contestant["runs"]
            for contestant in results["page-cache"]["contestants"]
        }
        self.assertEqual(page_cache["sluice"][0]["bytes"], 8 << 20)
        self.assertEqual(page_cache["curl -F"][0]["bytes"], 8 << 20)
        small = {
            contestant["name"]: contestant["runs"] for contestant in results["small"]["contestants"]
        }
        self.assertEqual(small["sluice"][0]["files"], (8 << 20) // 10240)
        self.assertEqual(small["curl --parallel"][0]["files"], (8 << 20) // 10240)
        if results["tls"]["not_measured"] is None and NO_CERTIFICATES not in done.stdout:
            self.assertRegex(
                "\n".join(results["tls"]["notes"]),
                r"sluice: TLSv1\.[23] \S+\ncurl: TLSv1\.[23] \S+",
            )

    def test_compares_over_a_link(self):
        before = namespaces()
        done = self.run_bench(
            "compare",
            "--size",
            "1M",
            "--rate",
            "200M",
            "--rtt",
            "10ms",
            "--think",
            "10ms",
            *(word for name in LINK for word in ("--scenario", name)),
        )
        results = self.results()
        self.assertEqual(tuple(results), LINK)
        self.assertEqual(namespaces(), before)
        for scenario in results.values():
            self.assertIsNone(scenario["error"])
            if can_make_links():
                self.assertIsNone(scenario["not_measured"])
                self.check_runs(scenario)
                self.assertIn("200 Mbit/s, round trip 10 ms", scenario["network"])
            else:
                self.assertTrue(scenario["not_measured"])
                self.assertIn(f"not measured: {scenario['not_measured']}", done.stdout)
        complete = can_make_links() and installed("iperf3") and has_tuspy()
        self.assertEqual(done.returncode, 0 if complete else 3, done.stderr)

    def test_reports_missing_program_with_exit_code_3(self):
        programs = os.path.join(self.directory, "bin")
        os.mkdir(programs)
        os.symlink(sys.executable, os.path.join(programs, "python3"))
        for name in ("setpriv", "curl"):
            os.symlink(shutil.which(name), os.path.join(programs, name))
        done = self.run_bench("compare", "--size", "1M", "--scenario", "page-cache", PATH=programs)
        [scenario] = self.results().values()
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertEqual(
            self.check_runs(scenario), {"sluice", "curl -F", "sequential", "sequential, kept"}
        )
        self.assertIn(
            "iperf3: not measured: iperf3 is not installed; run: tools/install-dependencies bench",
            done.stdout,
        )
        self.assertIn("not known: iperf3 was not measured", done.stdout)

    def test_runs_next_scenario_after_a_failed_upload(self):
        done = self.run_bench(
            "compare",
            "--size",
            "1M",
            "--scenario",
            "md5",
            "--scenario",
            "page-cache",
            "--sluice-args=--digest crc",
        )
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout.count("  failed: "), 2, done.stdout)
        self.assertIn("crc", done.stdout)

    def test_reports_a_server_that_ends(self):
        programs = os.path.join(self.directory, "bin")
        os.mkdir(programs)
        os.symlink(os.path.join(BIN, "sluice"), os.path.join(programs, "sluice"))
        with open(os.path.join(programs, "databankd"), "w", encoding="utf-8") as script:
            script.write(
                "#!/bin/sh\necho listening on http://127.0.0.1:9\necho oh no >&2\nexit 3\n"
            )
        os.chmod(script.name, 0o755)
        done = self.run_bench(
            *("compare", "--size", "1M", "--scenario", "page-cache", "--bin", programs),
            "--sluice-args=--retries 0",
        )
        self.assertEqual(done.returncode, 1)
        self.assertRegex(
            done.stdout, "databankd .* exited with code 3 during the measurement: oh no"
        )

    def test_stop_removes_processes_links_and_files(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal=number):
                command = self.command(
                    "compare", "--size", "8M", "--scenario", "page-cache", "--runs", "1000"
                )
                with subprocess.Popen(
                    command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
                ) as process:
                    for line in process.stderr:
                        if "run 1 of 1000" in line:
                            break
                    self.assertNotEqual(processes_of(self.directory), [])
                    process.send_signal(number)
                    process.stderr.read()
                self.assertEqual(process.returncode, 128 + number)
                self.assertEqual(processes_of(self.directory), [])
                self.assertEqual(
                    [name for name in os.listdir(self.directory) if name.startswith("run-")], []
                )

    def test_scale_runs(self):
        done = self.run_bench("scale", "--sizes", "16M,8M")
        self.assertEqual(done.returncode, 0, done.stderr)
        [scenario] = self.results().values()
        self.assertEqual(
            [contestant["name"] for contestant in scenario["contestants"]], ["8 MiB", "16 MiB"]
        )
        self.assertEqual(
            [contestant["runs"][0]["bytes"] for contestant in scenario["contestants"]],
            [8 << 20, 16 << 20],
        )
        self.assertIn("peak memory with 16 MiB / 128 MiB", done.stdout)

    def test_threads_runs(self):
        done = self.run_bench("threads", "--size", "24M")
        self.assertEqual(done.returncode, 0, done.stderr)
        for thread in ("network-0", "network-1", "all others", "CPU s/GiB"):
            self.assertIn(thread, done.stdout)
        with open(self.json, encoding="utf-8") as file:
            numbers = json.load(file)["numbers"]
        self.assertEqual([number["network_threads"] for number in numbers], [1, 2])
        for number in numbers:
            (run,) = number["runs"]
            self.assertEqual(run["lanes"], 2)
            self.assertEqual(len(run["network_cpu_seconds"]), number["network_threads"])
            self.assertLessEqual(sum(run["network_cpu_seconds"].values()), run["cpu_seconds"])

    def test_reports_lack_of_disk_space_with_exit_code_3(self):
        done = self.run_bench("scale", "--sizes", "8M,4194303T")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertRegex(done.stdout, "not measured: cannot create a sparse file of 4.19.* TiB")

    def test_rejects_invalid_options_before_making_files(self):
        for words in (
            ["--scenario", "nonsense"],
            ["--runs", "0"],
            ["--size", "12X"],
            ["--bin", "/nowhere"],
            ["--loss", "100%"],
            ["--rtt", "50"],
            ["--json", "/nowhere/at/all"],
        ):
            done = subprocess.run(
                self.command("compare", *words), capture_output=True, text=True, check=False
            )
            self.assertEqual(done.returncode, 2, words)
            self.assertIn(words[1], done.stderr)
        self.assertEqual(os.listdir(self.directory), [])


if __name__ == "__main__":
    unittest.main()
