"""The modules of bench/harness: statistics, the order of runs, and unavailable contestants."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
from contextlib import redirect_stderr
from unittest import mock
from xml.dom import minidom

from rights import can_make_links, namespaces

from harness import (
    chart,
    contestants,
    figures,
    measure,
    network,
    noise,
    report,
    scenario,
    scenarios,
    stop,
)

WORK = os.environ["SLUICE_WORK"]
subprocess_popen = subprocess.Popen


class Stop(unittest.TestCase):
    """A stop signal at the moments in which it could leave a program running or be lost."""

    def setUp(self):
        before = {number: signal.getsignal(number) for number in stop._SIGNALS}
        self.addCleanup(
            lambda: [signal.signal(number, handler) for number, handler in before.items()]
        )
        received = mock.patch.object(stop, "_received", None)
        received.start()
        self.addCleanup(received.stop)
        stop.handle_signals()
        self.started = []

    def popen_and_signal(self, *arguments, **more):
        """Starts a program, and receives SIGTERM before the caller knows the process."""
        process = subprocess_popen(*arguments, **more)
        self.started.append(process)
        signal.raise_signal(signal.SIGTERM)
        return process

    def expect_stop(self, call):
        with self.assertRaises(SystemExit) as stopped:
            call()
        self.assertEqual(stopped.exception.code, 128 + signal.SIGTERM)
        for process in self.started:
            self.assertIsNotNone(process.poll(), "the program is still running")

    def test_ends_program_that_is_being_started(self):
        with mock.patch("subprocess.Popen", self.popen_and_signal):
            self.expect_stop(lambda: measure.run(["sleep", "1000"]))
        self.assertEqual(len(self.started), 1)

    def test_ends_server_that_is_being_started(self):
        log = os.path.join(WORK, "stop.log")
        with mock.patch("subprocess.Popen", self.popen_and_signal):
            self.expect_stop(measure.Server(["sleep", "1000"], log).__enter__)
        self.assertEqual(len(self.started), 1)

    def test_ends_program_whose_timer_is_being_started(self):
        def start(_):
            signal.raise_signal(signal.SIGTERM)

        def popen(*arguments, **more):
            self.started.append(subprocess_popen(*arguments, **more))
            return self.started[-1]

        with mock.patch("threading.Timer.start", start), mock.patch("subprocess.Popen", popen):
            self.expect_stop(lambda: measure.run(["sleep", "1000"]))
        self.assertEqual(len(self.started), 1)

    def test_starts_no_program_after_lost_exception(self):
        with self.assertRaises(SystemExit):
            signal.raise_signal(signal.SIGTERM)
        with mock.patch("subprocess.Popen", self.popen_and_signal):
            self.expect_stop(lambda: measure.run(["true"]))
        self.assertEqual(self.started, [])

    def test_outlasts_error_of_cleanup(self):
        def measured(_):
            try:
                signal.raise_signal(signal.SIGTERM)
            finally:
                raise OSError("cannot remove the directory")

        class EmptyScene:
            def __init__(self, *_):
                pass

            def __enter__(self):
                return self

            def __exit__(self, *_):
                pass

        with (
            mock.patch.dict(scenarios.ALL, {"test": (measured, 1)}),
            mock.patch.object(scenarios, "Scene", EmptyScene),
        ):
            self.expect_stop(lambda: scenarios.run_scenario("test", None))

    def test_nested_holds_delay_signal_to_end_of_outer_one(self):
        steps = []

        def hold():
            with stop.held():
                with stop.held():
                    signal.raise_signal(signal.SIGTERM)
                    steps.append("inner")
                steps.append("outer")
            steps.append("after")

        self.expect_stop(hold)
        self.assertEqual(steps, ["inner", "outer"])


class Figures(unittest.TestCase):
    def test_parses_sizes_like_sluice(self):
        for text, size in (
            ("65536", 65536),
            ("64M", 64 << 20),
            ("64MiB", 64 << 20),
            ("64MB", 64_000_000),
            ("1.5k", 1536),
            ("1T", 1 << 40),
        ):
            self.assertEqual(figures.parse_size(text), size, text)
        for text in ("", "M", "-1", "0", "1.3", "4X", "1e6", "64 M B"):
            with self.assertRaises(ValueError, msg=text):
                figures.parse_size(text)

    def test_parses_rates_in_bits_and_powers_of_1000(self):
        self.assertEqual(figures.parse_bit_rate("1G"), 1e9)
        self.assertEqual(figures.parse_bit_rate("2.5m"), 2.5e6)
        for text in ("0", "1Gb", "fast"):
            with self.assertRaises(ValueError, msg=text):
                figures.parse_bit_rate(text)

    def test_parses_durations(self):
        self.assertAlmostEqual(figures.parse_duration("50ms"), 0.05)
        self.assertAlmostEqual(figures.parse_duration("1.5s"), 1.5)
        self.assertEqual(figures.parse_duration("0"), 0)
        for text in ("5", "5m", "-1s"):  # a number needs the unit ms or s
            with self.assertRaises(ValueError, msg=text):
                figures.parse_duration(text)

    def test_parses_shares(self):
        self.assertAlmostEqual(figures.parse_share("0.1%"), 0.001)
        self.assertAlmostEqual(figures.parse_share("0.001"), 0.001)
        for text in ("1", "100%", "some", "0.1%%x"):
            with self.assertRaises(ValueError, msg=text):
                figures.parse_share(text)

    def test_median_and_mad_ignore_one_outlier(self):
        self.assertEqual(figures.Spread.of([10, 12, 11, 13, 900]), figures.Spread(12, 10, 900, 1))
        self.assertEqual(figures.Spread.of([1, 2, 3, 4]), figures.Spread(2.5, 1, 4, 1))
        self.assertEqual(figures.Spread.of([7]), figures.Spread(7, 7, 7, 0))

    def test_ratio_is_of_medians_with_bounds_of_rounds(self):
        ratio = figures.Ratio.of([10, 20, 30], [10, 10, 60])
        self.assertEqual((ratio.value, ratio.lowest, ratio.highest), (2, 0.5, 2))
        for above, below in (([], []), ([1], [1, 2])):
            with self.assertRaises(ValueError):
                figures.Ratio.of(above, below)

    def test_formats_values(self):
        self.assertEqual(figures.format_rate(1.234e9), "1.23 GB/s")
        self.assertEqual(figures.format_rate(113e6), "113 MB/s")
        self.assertEqual(figures.format_size(4 << 30), "4 GiB")
        self.assertEqual(figures.format_bit_rate(1e9), "1 Gbit/s")


class Recorded:
    """A contestant with given results that records its runs."""

    limit = False
    command = ["recorded"]

    def __init__(self, name, log, seconds=1.0, warm_up=None):
        self.details = {}
        self.name, self.log, self.seconds, self._warm_up = name, log, seconds, warm_up

    def prepare(self):
        self.log.append(f"prepare {self.name}")

    def warm_up(self, path):
        if self._warm_up is not None:
            raise self._warm_up
        return self.once(path)

    def once(self, path):
        self.log.append(self.name)
        return measure.Run(1000, self.seconds, cpu_seconds=self.seconds / 2)


def unavailable():
    raise measure.Unavailable("not installed")


def measured(log, runs, **contestants):
    outcome = scenario.Outcome("test", "a <test>")
    for name, make in contestants.items():
        outcome.offer(name, make)
    with redirect_stderr(io.StringIO()):
        scenario.warm_up(outcome)
        log.clear()
        scenario.alternate(outcome, runs)
    return outcome


class Runs(unittest.TestCase):
    def setUp(self):
        self.log = []

    def test_contestants_alternate_and_each_starts_a_round(self):
        outcome = measured(
            self.log, 3, a=lambda: Recorded("a", self.log), b=lambda: Recorded("b", self.log)
        )
        self.assertEqual(
            [word for word in self.log if not word.startswith("prepare")], list("abbaab")
        )
        self.assertEqual(
            self.log[0:2], ["prepare a", "a"]
        )  # before each run
        self.assertEqual([len(entry.runs) for entry in outcome.entries], [3, 3])

    def test_unavailable_contestants_have_a_reason_and_the_others_run(self):
        outcome = measured(
            self.log,
            2,
            a=lambda: Recorded("a", self.log),
            b=unavailable,
            c=lambda: Recorded("c", self.log, warm_up=measure.Unavailable("no disk")),
        )
        self.assertEqual(
            [entry.reason for entry in outcome.entries], [None, "not installed", "no disk"]
        )
        self.assertEqual([len(entry.runs) for entry in outcome.entries], [2, 0, 0])
        self.assertFalse(outcome.complete)
        outcome.compare("rate / b's", "a", ["b"], at_least=1)
        text = report.table([outcome])
        for part in (
            "b: not measured: not installed",
            "c: not measured: no disk",
            "not known: b was not measured",
        ):
            self.assertIn(part, text)
        self.assertNotIn("reached", text)

    def test_target_is_compared_with_the_slower_of_two(self):
        outcome = measured(
            self.log,
            1,
            a=lambda: Recorded("a", self.log, 1),
            b=lambda: Recorded("b", self.log, 0.5),
            c=lambda: Recorded("c", self.log, 0.8),
        )
        outcome.compare("rate", "a", ["b", "c"], at_least=0.8)
        outcome.compare("rate", "a", ["b"], at_least=0.51)
        outcome.compare("CPU", "a", ["c"], figure="cpu_per_gib", at_most=1.3)
        outcome.compare("CPU", "a", ["c"], figure="cpu_per_gib", at_most=1.2)
        outcome.compare("rate", "a", ["b"])
        self.assertEqual(
            [comparison.reached for comparison in outcome.comparisons],
            [True, False, True, False, None],
        )
        self.assertAlmostEqual(outcome.comparisons[0].ratio.value, 0.8)
        self.assertIn("MISSED", report.table([outcome]))

    def test_json_has_all_runs(self):
        outcome = measured(self.log, 4, a=lambda: Recorded("a", self.log), b=unavailable)
        [result] = report.as_json([outcome])
        a, b = result["contestants"]
        self.assertEqual(
            (len(a["runs"]), a["runs"][0]["bytes_per_second"], a["command"]), (4, 1000, "recorded")
        )
        self.assertEqual((b["runs"], b["not_measured"]), ([], "not installed"))

    def test_chart_is_xml_with_a_bar_for_each_contestant(self):
        outcome = measured(
            self.log,
            1,
            fast=lambda: Recorded("fast", self.log, 1),
            slow=lambda: Recorded("slow", self.log, 4),
            gone=unavailable,
        )
        document = minidom.parseString(chart.chart([outcome], "here & now"))
        bars = [float(bar.getAttribute("width")) for bar in document.getElementsByTagName("rect")][
            1:
        ]
        self.assertEqual(len(bars), 2)
        self.assertAlmostEqual(bars[0] / bars[1], 4, places=1)
        words = [text.firstChild.data for text in document.getElementsByTagName("text")]
        for part in ("not measured: not installed", "test, a <test>", "here & now"):
            self.assertIn(part, words)

    def test_many_files_are_reported_and_compared_in_files(self):
        class Files(Recorded):
            def once(self, path):
                # The same bytes per second, but half as many files.
                count = 300 if self.name == "a" else 150
                return measure.Run(1000, self.seconds, cpu_seconds=0.6, files=count)

        outcome = scenario.Outcome("test", "files")
        outcome.figure = "files_per_second"
        for name in "ab":
            outcome.offer(name, lambda name=name: Files(name, self.log))
        with redirect_stderr(io.StringIO()) as printed:
            scenario.warm_up(outcome)
            scenario.alternate(outcome, 2)
        self.assertIn("run 1 of 2: a 300 files/s", printed.getvalue())
        outcome.compare("files", "a", ["b"], at_least=2)
        outcome.compare("bytes", "a", ["b"], figure="rate")
        self.assertEqual([each.ratio.value for each in outcome.comparisons], [2, 1])
        text = report.table([outcome])
        self.assertRegex(text, r"CPU ms/file")
        self.assertRegex(text, r"a  300 files/s .* 2\.00 ")
        self.assertEqual(report.as_json([outcome])[0]["contestants"][0]["runs"][0]["files"], 300)
        bars = minidom.parseString(chart.chart([outcome], "")).getElementsByTagName("rect")[1:]
        a, b = (float(bar.getAttribute("width")) for bar in bars)
        self.assertAlmostEqual(a / b, 2, places=1)

    def test_affordable_reduces_size_for_slow_contestants(self):
        self.assertEqual(scenario.affordable([100, 50], 10_000, 100, 10), 400)
        self.assertEqual(scenario.affordable([1e6], 250, 100, 10), 200)
        self.assertEqual(scenario.affordable([1e6], 12_800, 100, 10), 12_800)
        self.assertEqual(scenario.affordable([1e6], 50, 100, 10), 50)
        self.assertEqual(scenario.affordable([1], 10_000, 100, 10), 100)
        self.assertEqual(scenario.affordable([], 10_000, 100, 10), 100)


class Programs(unittest.TestCase):
    def test_counts_cpu_and_memory_of_the_client(self):
        ended = measure.run(
            [sys.executable, "-c", "x = bytearray(300 << 20)\nprint(sum(range(10**6)))"]
        )
        self.assertEqual(ended.stdout, "499999500000\n")
        self.assertGreater(ended.cpu_seconds, 0)
        self.assertGreater(ended.peak, 300 << 20)

    def iperf(self, *outputs):
        """Runs a client whose iperf3 prints `outputs` in order. Returns the run and the attempts."""
        server = mock.Mock(address="127.0.0.1", port=1)
        ended = [measure.Ended(json.dumps(output), "", 1, 1, None) for output in outputs]
        with mock.patch.object(contestants, "program", return_value="iperf3"):
            client = contestants.IperfClient("iperf3", server, 1)
        with mock.patch.object(contestants, "run", side_effect=ended) as started:
            with mock.patch("time.sleep"):
                return client.once(sys.executable), started.call_count

    def test_retries_a_busy_iperf3(self):
        busy = {"end": {}, "error": "the server is busy running a test. try again later"}
        total = {"bytes": 1000, "seconds": 2}
        run, attempts = self.iperf(busy, busy, {"end": {"sum_received": total, "sum_sent": {}}})
        self.assertEqual((run.rate, attempts), (500, 3))

    def test_retries_iperf3_after_a_connection_reset(self):
        reset = "unable to receive control message: Connection reset by peer"
        before = {"start": {"connected": []}, "end": {}, "error": reset}
        total = {"bytes": 1000, "seconds": 2}
        run, attempts = self.iperf(before, {"end": {"sum_received": total, "sum_sent": {}}})
        self.assertEqual((run.rate, attempts), (500, 2))
        during = {"start": {"connected": [{"socket": 5}]}, "end": {}, "error": reset}
        with self.assertRaisesRegex(measure.Failed, "Connection reset by peer"):
            self.iperf(during)

    def test_reports_iperf3_errors_with_exit_code_0(self):
        with self.assertRaisesRegex(measure.Failed, "failed: no route"):
            self.iperf({"end": {}, "error": "no route"})

    def test_omits_memory_below_that_of_the_harness(self):
        ballast = bytearray(64 << 20)
        self.assertIsNone(measure.run(["true"]).peak)
        del ballast

    def test_failure_has_the_last_output(self):
        with self.assertRaisesRegex(measure.Failed, "exited with code 7 .*: sorry"):
            measure.run(["sh", "-c", "echo first >&2; echo sorry >&2; exit 7"])

    def test_kills_a_program_that_hangs(self):
        with self.assertRaisesRegex(measure.Failed, "was killed"):
            measure.run(["sleep", "600"], limit=0.05)

    def test_reports_a_missing_program(self):
        with self.assertRaisesRegex(measure.Unavailable, "install-dependencies bench"):
            measure.program("no-such-program")

    def test_reports_the_last_output_of_a_server_that_ends(self):
        with tempfile.TemporaryDirectory(dir=WORK) as directory:
            log = os.path.join(directory, "log")
            with measure.Server(["sh", "-c", "echo no port >&2; exit 1"], log) as server:
                with self.assertRaisesRegex(measure.Failed, "no port"):
                    server.line("listening on ")


class Noise(unittest.TestCase):
    def test_files_in_and_out_of_the_page_cache(self):
        with tempfile.TemporaryDirectory(dir=WORK) as directory:
            path = noise.noise_file(directory, 8 << 20)
            self.assertEqual(os.path.getsize(path), 8 << 20)
            noise.warm(path)
            self.assertEqual(noise.resident(path), 1.0)
            try:
                noise.evict(path)
            except measure.Unavailable as reason:
                self.assertIn("on a disk", str(reason))  # the build directory is in memory
                self.assertGreater(noise.resident(path), 0.02)
            else:
                self.assertLessEqual(noise.resident(path), 0.02)
            before = os.stat(path).st_mtime_ns
            self.assertEqual(noise.noise_file(directory, 8 << 20), path)
            self.assertEqual(os.stat(path).st_mtime_ns, before)  # the file was reused

    def test_many_files_differ_and_are_reused(self):
        with tempfile.TemporaryDirectory(dir=WORK) as directory:
            path = noise.noise_files(directory, 30, 1000)
            contents = set()
            for name in os.listdir(path):
                with open(os.path.join(path, name), "rb") as file:
                    contents.add(file.read())
            self.assertEqual([len(content) for content in contents], [1000] * 30)
            before = os.stat(path).st_mtime_ns
            self.assertEqual(noise.noise_files(directory, 30, 1000), path)
            self.assertEqual(os.stat(path).st_mtime_ns, before)
            self.assertEqual([name for name in os.listdir(directory) if "part" in name], [])

    def test_does_not_start_a_file_that_does_not_fit(self):
        with tempfile.TemporaryDirectory(dir=WORK) as directory:
            with self.assertRaisesRegex(measure.Unavailable, "not enough disk space"):
                noise.noise_file(directory, 1 << 60)
            self.assertEqual(os.listdir(directory), [])


class Network(unittest.TestCase):
    def test_reports_that_a_link_needs_root(self):
        with mock.patch("os.geteuid", return_value=1000):
            with self.assertRaisesRegex(measure.Unavailable, "root"):
                network.link("/nowhere", 1e9, 0.05, 0, WORK)

    def test_netem_queue_holds_delay_and_round_trip(self):
        emulated = network.Netem(1e9, 0.05, 0.001)
        command = emulated._netem("dev0")  # pylint: disable=protected-access
        text = " ".join(command)
        self.assertIn("rate 1000000000bit delay 25000us limit 6251 loss 0.100000%", text)

    def test_netem_devices_carry_a_connection_and_are_removed(self):
        """Replaces tc by a command that does nothing, because many kernels lack netem."""
        script = (
            "import socket, sys; server = socket.create_server((sys.argv[1], 0)); "
            "print('port', server.getsockname()[1], flush=True); "
            "server.accept()[0].sendall(b'over the link')"
        )
        emulated = network.Netem(1e9, 0.05)
        with mock.patch.object(network.Netem, "_netem", return_value=["true"]):
            if not can_make_links():
                with self.assertRaises(measure.Failed):
                    emulated.__enter__()
                return
            with tempfile.TemporaryDirectory(dir=WORK) as directory, emulated:
                command = [*emulated.server_side, sys.executable, "-c", script, emulated.address]
                with measure.Server(command, os.path.join(directory, "log")) as server:
                    port = int(server.line("port "))
                    with socket.create_connection((emulated.address, port)) as connection:
                        self.assertEqual(connection.makefile("rb").read(), b"over the link")
        self.assertNotIn(emulated.name, namespaces())
        self.assertFalse([name for _, name in socket.if_nameindex() if name.startswith("slb")])

    def test_large_buffers_do_not_change_this_machine(self):
        def buffers(*side):
            return measure.run([*side, "cat", "/proc/sys/net/ipv4/tcp_wmem"]).stdout

        before = buffers()
        emulated = network.LargeBuffers(network.Netem(1e9, 0.05))
        with mock.patch.object(network.Netem, "_netem", return_value=["true"]):
            if not can_make_links():
                with self.assertRaises(measure.Failed):
                    emulated.__enter__()
                return
            with emulated:
                for side in ([], emulated.server_side):
                    self.assertIn("268435456", buffers(*side))
                self.assertEqual(emulated.payload_rate, 1e9 / 8 * 1448 / 1500)
        self.assertEqual(buffers(), before)
        self.assertFalse([name for name in namespaces() if name.startswith("slb-client")])


if __name__ == "__main__":
    unittest.main()
