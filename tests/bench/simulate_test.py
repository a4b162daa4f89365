"""bench/simulate: its rows, its table and its options."""

import json
import os
import subprocess
import tempfile
import unittest

from harness.command_line import ROOT
from harness.simulation import LARGE_BUFFER, USUAL_BUFFER, format_length, usual_rows

BIN, WORK = os.environ["SLUICE_BIN"], os.environ["SLUICE_WORK"]


class Simulate(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(dir=WORK)
        self.addCleanup(directory.cleanup)
        self.json = os.path.join(directory.name, "result.json")

    def run_simulate(self, *arguments, programs=BIN):
        return subprocess.run(
            [os.path.join(ROOT, "bench", "simulate"), "--bin", programs, *arguments],
            capture_output=True,
            text=True,
            check=False,
        )

    def results(self, *arguments):
        done = self.run_simulate("--json", self.json, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.json, encoding="utf-8") as file:
            return json.load(file), done.stdout

    def test_rows_are_the_product_of_the_options(self):
        rows, table = self.results(
            "--size", "1GB", "--rate", "1G", "--rate", "10G", "--rtt", "1ms", "--rtt", "10ms"
        )
        self.assertEqual(
            [(row["protocol"], row["rate_asked"], row["round_trip"]) for row in rows],
            [
                (protocol, rate, round_trip)
                for protocol in ("phased", "tus")
                for rate in (1e9, 1e10)
                for round_trip in (0.001, 0.01)
            ],
        )
        for row in rows:
            with self.subTest(row=row):
                self.assertEqual(row["status"], "registered")
                self.assertEqual(row["registered"], 10**9)
                self.assertLess(row["rate"], row["payload_rate"])
                self.assertGreater(row["rate"], 0.3 * row["payload_rate"])
                self.assertLessEqual(row["most_buffers"], 16)
        self.assertEqual(len(table.splitlines()), 2 + len(rows))
        self.assertIn("| phased | 1 GB | 1 Gbit/s | 1 ms |", table)

    def test_delay_thinking_and_loss_slow_uploads(self):
        def rate(*arguments):
            rows, _ = self.results("--size", "2GB", "--protocol", "phased", "--rate", "1G", *arguments)
            return rows[0]["rate"]

        plain = rate()
        self.assertGreater(plain, 1e8)
        self.assertLess(rate("--rtt", "200ms", "--buffer", "usual"), 0.7 * plain)
        self.assertLess(rate("--think", "2s"), 0.95 * plain)
        self.assertLess(rate("--loss", "0.1%", "--congestion", "cubic"), 0.5 * plain)

    def test_same_seed_gives_the_same_row(self):
        once, _ = self.results("--size", "500MB", "--protocol", "tus", "--rate", "1G", "--loss", "1%")
        again, _ = self.results("--size", "500MB", "--protocol", "tus", "--rate", "1G", "--loss", "1%")
        self.assertEqual(once, again)

    def test_usual_rows_have_each_protocol_rate_and_buffer(self):
        rows = usual_rows()
        self.assertEqual(len(rows), len(set(rows)))
        self.assertEqual({row.protocol for row in rows}, {"phased", "tus"})
        self.assertEqual({row.rate for row in rows}, {1e9, 1e10, 1e11})
        self.assertEqual({row.buffer for row in rows}, {USUAL_BUFFER, LARGE_BUFFER})

    def test_rejects_invalid_options(self):
        for arguments in (("--rate", "fast"), ("--loss", "100%"), ("--protocol", "ftp")):
            self.assertEqual(self.run_simulate(*arguments).returncode, 2)
        missing = self.run_simulate("--rate", "1G", programs=WORK)
        self.assertEqual(missing.returncode, 2)
        self.assertIn("cannot find bench_simulate", missing.stderr)
        self.assertEqual(self.run_simulate("--json", "/nowhere/result.json").returncode, 2)

    def test_formats_lengths(self):
        self.assertEqual(format_length(12.34), "12.3 s")
        self.assertEqual(format_length(3723.4), "1:02:03")


if __name__ == "__main__":
    unittest.main()
