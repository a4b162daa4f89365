"""The tus clients of bench/compare with databankd: they register the file's bytes, and fail after a
refusal."""

import os
import unittest
from unittest import mock

from harness import tus_contestants
from harness.measure import Failed, Unavailable
from with_bank import BIN, WithBank


class TusClients(WithBank):
    def tuspy(self, url, chunk=100_000):
        return tus_contestants.Tuspy("tuspy", url, chunk)

    def tus_js(self, url, chunk=None):
        return tus_contestants.TusJs("tus-js", BIN, url, chunk)

    def files(self, count=20, size=10_000):
        directory = os.path.join(self.directory, "a directory")
        os.mkdir(directory)
        for number in range(count):
            with open(os.path.join(directory, f'{number:02} "#.h5'), "wb") as file:
                file.write(os.urandom(size))
        return directory

    def assert_registers(self, client):
        """Expects the file under the name in the contestant's command."""
        run = client.once(self.path)
        self.assertEqual(run.bytes, len(self.bytes))
        name = client.command[client.command.index("--name") + 1]
        self.assertEqual(self.registered(name), self.bytes)

    def assert_registers_all(self, client, directory):
        run = client.once(directory)
        names = os.listdir(directory)
        self.assertEqual((run.files, run.bytes), (len(names), 10_000 * len(names)))
        for name in names:
            with open(os.path.join(directory, name), "rb") as file:
                self.assertEqual(self.registered(name), file.read(), name)

    def test_tuspy_uploads_in_chunks(self):
        self.assert_registers(self.tuspy(self.bank()))
        self.assertEqual(self.requests("PATCH"), 3)

    def test_tuspy_uploads_a_directory(self):
        self.assert_registers_all(self.tuspy(self.bank()), self.files())

    def test_tuspy_fails_if_the_server_discards_its_chunks(self):
        url = self.bank("--part-min", "150000")
        with self.assertRaisesRegex(Failed, "the server's offset stays at 0"):
            self.tuspy(url).once(self.path)
        self.assertEqual(self.requests("PATCH"), 1)

    def test_tus_js_uploads_in_chunks(self):
        self.assert_registers(self.tus_js(self.bank(), 100_000))
        self.assertEqual(self.requests("PATCH"), 3)

    def test_tus_js_uploads_in_one_request(self):
        self.assert_registers(self.tus_js(self.bank()))
        self.assertEqual(self.requests("PATCH"), 1)

    def test_fails_if_the_registration_is_refused(self):
        url = self.bank("--fault", "status:500,on=register")
        for client in (self.tuspy(url), self.tus_js(url)):
            with self.assertRaisesRegex(Failed, "the response to register was HTTP 500"):
                client.once(self.path)

    def test_fails_with_a_wrong_token(self):
        url = self.bank()
        with mock.patch.object(tus_contestants, "TOKEN", "wrong-token"):
            for client in (self.tuspy(url), self.tus_js(url)):
                with self.assertRaises(Failed) as failure:
                    client.once(self.path)
                self.assertNotIn("wrong-token", str(failure.exception))

    def test_sluice_uploads_a_directory(self):
        client = tus_contestants.SluiceFiles(
            "sluice", BIN, self.bank(), self.directory, ["--protocol", "tus"]
        )
        self.assert_registers_all(client, self.files())

    def test_curl_uploads_a_directory(self):
        client = tus_contestants.CurlFiles("curl", self.bank(), self.directory, 4)
        directory = self.files(count=1)
        self.assert_registers_all(client, directory)
        more = os.path.join(self.directory, "more")
        os.mkdir(more)
        for number in range(50):
            with open(os.path.join(more, str(number)), "wb") as file:
                file.write(os.urandom(10_000))
        client.once(more)
        # All files have the same size, so the uploads may be in any order.
        sent = set(os.listdir(more))
        self.assertTrue(all(len(self.registered(name) or b"") == 10_000 for name in sent))
        self.assertEqual(self.requests("PATCH"), 51)

    def assert_curl_fails(self, step, expected):
        """Expects an error if one of many responses has status 503."""
        url = self.bank("--fault", f"status:503,at=7,on={step}")
        client = tus_contestants.CurlFiles("curl", url, self.directory, 4)
        with self.assertRaisesRegex(Failed, f"1 of them with another status than {expected}"):
            client.once(self.files())

    def test_curl_fails_if_a_creation_is_refused(self):
        self.assert_curl_fails("create", 201)

    def test_curl_fails_if_a_chunk_is_refused(self):
        self.assert_curl_fails("patch", 204)

    def test_curl_fails_if_a_registration_is_refused(self):
        self.assert_curl_fails("register", 200)

    def test_reports_missing_packages(self):
        with self.assertRaisesRegex(Unavailable, "peers.install"):
            tus_contestants.TusJs("tus-js", "/nowhere/bin", "http://127.0.0.1:1")
        with mock.patch.object(tus_contestants, "DEBIAN_PYTHON", "/nowhere"):
            with self.assertRaisesRegex(Unavailable, "install-dependencies bench"):
                self.tuspy("http://127.0.0.1:1")


if __name__ == "__main__":
    unittest.main()
