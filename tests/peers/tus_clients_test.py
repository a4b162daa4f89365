"""Third-party tus clients with databankd: tus-js-client and tuspy upload, stop and resume;
databankd registers the file's bytes."""

import os

import peers
from peers import MIB, TOKEN, Program, Test


class TusClients(Test):
    def setUp(self):
        super().setUp()
        self.path = self.noise(20 * MIB + 7)
        self.size = os.path.getsize(self.path)

    def js(self, bank, *arguments):
        """Runs tus-js-client. Returns its last line."""
        program = Program(
            self,
            [peers.installed("node"), os.path.join(peers.PEERS, "tus_client.mjs")]
            + ["--endpoint", f"{bank.url}/files/", "--token", TOKEN]
            + ["--urls", os.path.join(self.scratch, "urls.json"), *arguments, self.path],
        )
        self.assertEqual(program.wait(), 0, program.output())
        return program.json_lines()[-1]

    def tuspy(self, bank, *arguments):
        """Runs tuspy. Returns the URL of the upload and the offsets."""
        program = Program(
            self,
            [peers.DEBIAN_PYTHON, "-B", os.path.join(peers.PEERS, "tus_client.py")]
            + ["--endpoint", f"{bank.url}/files/", "--token", TOKEN]
            + ["--chunk", 5 * MIB, *arguments, self.path],
        )
        self.assertEqual(program.wait(), 0, program.output())
        offsets = [int(line.split()[1]) for line in program.lines() if line.startswith("offset ")]
        return program.line("url "), offsets

    def assert_registers(self, bank, url):
        """Registers the upload at `url`, and compares the registered file with the source."""
        self.register(bank, "noise.bin", url, self.size)
        self.assertSameFile(self.path, bank.deposited("noise.bin"))

    def assert_struck(self, bank, fault, least):
        """Checks that the fault struck at least that often: otherwise nothing was tested."""
        bank.end()
        self.assertGreaterEqual(int(bank.line(f"faults struck: {fault} ")), least)

    def test_js_in_one_request(self):
        bank = self.bank("--protocols", "tus")
        self.assert_registers(bank, self.js(bank)["url"])

    def test_js_resumes_after_two_chunks(self):
        bank = self.bank("--protocols", "tus")
        stopped = self.js(bank, "--chunk", 4 * MIB, "--stop-at", 8 * MIB)
        self.assertEqual(stopped["stopped"], 8 * MIB)
        result = self.js(bank, "--chunk", 4 * MIB)
        self.assertEqual(result, {"url": stopped["url"], "sent": self.size - 8 * MIB})
        self.assert_registers(bank, result["url"])

    def test_js_resumes_after_databankd_was_killed_and_restarted(self):
        bank = self.bank("--protocols", "tus")
        self.js(bank, "--chunk", 4 * MIB, "--stop-at", 8 * MIB)
        bank.kill()
        bank = self.bank("--protocols", "tus", port=bank.url.rpartition(":")[2])
        result = self.js(bank, "--chunk", 4 * MIB)
        self.assertEqual(result["sent"], self.size - 8 * MIB)
        self.assert_registers(bank, result["url"])

    def test_js_retries_failed_requests(self):
        for fault in ("reset-mid-body", "partial-append", "lose-response", "locked"):
            with self.subTest(fault):
                bank = self.bank("--protocols", "tus", "--fault", f"{fault},on=patch,at=2")
                self.assert_registers(bank, self.js(bank, "--chunk", 8 * MIB)["url"])
                self.assert_struck(bank, fault, 1)

    def test_js_with_deferred_length(self):
        bank = self.bank("--protocols", "tus")
        result = self.js(bank, "--deferred", "--chunk", 8 * MIB)
        self.assert_registers(bank, result["url"])

    def test_js_deletes_its_upload(self):
        bank = self.bank("--protocols", "tus")
        stopped = self.js(bank, "--chunk", 4 * MIB, "--stop-at", 8 * MIB, "--drop")
        again = self.js(bank, "--chunk", 4 * MIB)
        self.assertNotEqual(again["url"], stopped["url"])
        self.assertEqual(again["sent"], self.size)

    def test_js_with_four_parallel_parts(self):
        bank = self.bank("--protocols", "tus")
        result = self.js(bank, "--parallel", 4)
        self.assertEqual(result["sent"], self.size)
        self.assert_registers(bank, result["url"])

    def test_js_resumes_parallel_parts(self):
        bank = self.bank("--protocols", "tus")
        stopped = self.js(bank, "--parallel", 4, "--chunk", MIB, "--stop-at", 8 * MIB)
        result = self.js(bank, "--parallel", 4, "--chunk", MIB)
        # Requests that were in flight at the abort may have arrived.
        self.assertLessEqual(result["sent"], self.size - stopped["stopped"])
        self.assertGreater(result["sent"], 0)
        self.assert_registers(bank, result["url"])

    def test_tuspy_in_chunks(self):
        bank = self.bank("--protocols", "tus")
        url, offsets = self.tuspy(bank)
        self.assertEqual(offsets, [0, 5 * MIB, 10 * MIB, 15 * MIB, 20 * MIB, self.size])
        self.assert_registers(bank, url)

    def test_tuspy_with_checksums(self):
        bank = self.bank("--protocols", "tus")
        url, _ = self.tuspy(bank, "--checksum")
        self.assert_registers(bank, url)

    def test_tuspy_retries_after_checksum_mismatch(self):
        bank = self.bank("--protocols", "tus", "--fault", "checksum,on=patch,at=2")
        url, offsets = self.tuspy(bank, "--checksum", "--retries", 3)
        self.assertEqual(offsets[-1], self.size)
        self.assert_registers(bank, url)
        self.assert_struck(bank, "checksum", 1)

    def test_tuspy_resumes(self):
        bank = self.bank("--protocols", "tus")
        url, _ = self.tuspy(bank, "--stop-at", 10 * MIB)
        again, offsets = self.tuspy(bank, "--url", url)
        self.assertEqual((again, offsets[0]), (url, 10 * MIB))
        self.assert_registers(bank, url)

    def test_tuspy_retries_failed_requests(self):
        for fault in ("reset-mid-body", "partial-append", "lose-response", "locked"):
            with self.subTest(fault):
                bank = self.bank("--protocols", "tus", "--fault", f"{fault},on=patch,every=2")
                url, _ = self.tuspy(bank, "--retries", 5)
                self.assert_registers(bank, url)
                self.assert_struck(bank, fault, 2)

    def test_tuspy_with_a_least_part_size(self):
        bank = self.bank("--protocols", "tus", "--part-min", "5M")
        url, offsets = self.tuspy(bank)
        self.assertEqual(offsets[1], 5 * MIB)
        self.assert_registers(bank, url)
