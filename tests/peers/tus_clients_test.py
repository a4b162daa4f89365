"""Clients that others wrote, against databankd: tus-js-client and tuspy upload, stop half-way and
go on, and what is registered is the file."""

import os

import peers
from peers import MIB, TOKEN, Program, Test


class TusClients(Test):
    def setUp(self):
        super().setUp()
        self.path = self.noise(20 * MIB + 7)
        self.size = os.path.getsize(self.path)

    def js(self, bank, *arguments):
        """tus-js-client; what it said last."""
        program = Program(
            self,
            [peers.installed("node"), os.path.join(peers.PEERS, "tus_client.mjs")]
            + ["--endpoint", f"{bank.url}/files/", "--token", TOKEN]
            + ["--urls", os.path.join(self.scratch, "urls.json"), *arguments, self.path],
        )
        self.assertEqual(program.wait(), 0, program.output())
        return program.json_lines()[-1]

    def tuspy(self, bank, *arguments):
        """The address of its upload, and the offsets it saw."""
        program = Program(
            self,
            [peers.DEBIAN_PYTHON, "-B", os.path.join(peers.PEERS, "tus_client.py")]
            + ["--endpoint", f"{bank.url}/files/", "--token", TOKEN]
            + ["--chunk", 5 * MIB, *arguments, self.path],
        )
        self.assertEqual(program.wait(), 0, program.output())
        offsets = [int(line.split()[1]) for line in program.lines() if line.startswith("offset ")]
        return program.line("url "), offsets

    def assert_deposits(self, bank, url):
        """Registers what is at `url`, which must be the file then."""
        self.register(bank, "noise.bin", url, self.size)
        self.assertSameFile(self.path, bank.deposited("noise.bin"))

    def assert_struck(self, bank, fault, least):
        """So often at least: or what was tested was no failure."""
        bank.end()
        self.assertGreaterEqual(int(bank.line(f"faults struck: {fault} ")), least)

    def test_js_in_one_request(self):
        bank = self.bank("--protocols", "tus")
        self.assert_deposits(bank, self.js(bank)["url"])

    def test_js_stopped_after_two_chunks_goes_on(self):
        bank = self.bank("--protocols", "tus")
        stopped = self.js(bank, "--chunk", 4 * MIB, "--stop-at", 8 * MIB)
        self.assertEqual(stopped["stopped"], 8 * MIB)
        ended = self.js(bank, "--chunk", 4 * MIB)
        self.assertEqual(ended, {"url": stopped["url"], "sent": self.size - 8 * MIB})
        self.assert_deposits(bank, ended["url"])

    def test_js_goes_on_where_databankd_was_killed_and_started_again(self):
        bank = self.bank("--protocols", "tus")
        self.js(bank, "--chunk", 4 * MIB, "--stop-at", 8 * MIB)
        bank.kill()
        bank = self.bank("--protocols", "tus", port=bank.url.rpartition(":")[2])
        ended = self.js(bank, "--chunk", 4 * MIB)
        self.assertEqual(ended["sent"], self.size - 8 * MIB)
        self.assert_deposits(bank, ended["url"])

    def test_js_where_requests_fail(self):
        for fault in ("reset-mid-body", "partial-append", "lose-response", "locked"):
            with self.subTest(fault):
                bank = self.bank("--protocols", "tus", "--fault", f"{fault},on=patch,at=2")
                self.assert_deposits(bank, self.js(bank, "--chunk", 8 * MIB)["url"])
                self.assert_struck(bank, fault, 1)

    def test_js_that_tells_the_length_last(self):
        bank = self.bank("--protocols", "tus")
        ended = self.js(bank, "--deferred", "--chunk", 8 * MIB)
        self.assert_deposits(bank, ended["url"])

    def test_js_drops_what_it_began(self):
        bank = self.bank("--protocols", "tus")
        stopped = self.js(bank, "--chunk", 4 * MIB, "--stop-at", 8 * MIB, "--drop")
        again = self.js(bank, "--chunk", 4 * MIB)
        self.assertNotEqual(again["url"], stopped["url"])
        self.assertEqual(again["sent"], self.size)

    def test_js_in_four_parallel_parts(self):
        bank = self.bank("--protocols", "tus")
        ended = self.js(bank, "--parallel", 4)
        self.assertEqual(ended["sent"], self.size)
        self.assert_deposits(bank, ended["url"])

    def test_js_in_parallel_parts_stopped_and_gone_on(self):
        bank = self.bank("--protocols", "tus")
        stopped = self.js(bank, "--parallel", 4, "--chunk", MIB, "--stop-at", 8 * MIB)
        ended = self.js(bank, "--parallel", 4, "--chunk", MIB)
        # Requests that were under way when it stopped may have arrived.
        self.assertLessEqual(ended["sent"], self.size - stopped["stopped"])
        self.assertGreater(ended["sent"], 0)
        self.assert_deposits(bank, ended["url"])

    def test_tuspy_in_chunks(self):
        bank = self.bank("--protocols", "tus")
        url, offsets = self.tuspy(bank)
        self.assertEqual(offsets, [0, 5 * MIB, 10 * MIB, 15 * MIB, 20 * MIB, self.size])
        self.assert_deposits(bank, url)

    def test_tuspy_with_a_checksum_of_each_chunk(self):
        bank = self.bank("--protocols", "tus")
        url, _ = self.tuspy(bank, "--checksum")
        self.assert_deposits(bank, url)

    def test_tuspy_where_one_checksum_does_not_match(self):
        bank = self.bank("--protocols", "tus", "--fault", "checksum,on=patch,at=2")
        url, offsets = self.tuspy(bank, "--checksum", "--retries", 3)
        self.assertEqual(offsets[-1], self.size)
        self.assert_deposits(bank, url)
        self.assert_struck(bank, "checksum", 1)

    def test_tuspy_stopped_half_way_goes_on(self):
        bank = self.bank("--protocols", "tus")
        url, _ = self.tuspy(bank, "--stop-at", 10 * MIB)
        again, offsets = self.tuspy(bank, "--url", url)
        self.assertEqual((again, offsets[0]), (url, 10 * MIB))
        self.assert_deposits(bank, url)

    def test_tuspy_where_requests_fail(self):
        for fault in ("reset-mid-body", "partial-append", "lose-response", "locked"):
            with self.subTest(fault):
                bank = self.bank("--protocols", "tus", "--fault", f"{fault},on=patch,every=2")
                url, _ = self.tuspy(bank, "--retries", 5)
                self.assert_deposits(bank, url)
                self.assert_struck(bank, fault, 2)

    def test_tuspy_under_the_part_rule(self):
        bank = self.bank("--protocols", "tus", "--part-min", "5M")
        url, offsets = self.tuspy(bank)
        self.assertEqual(offsets[1], 5 * MIB)
        self.assert_deposits(bank, url)
