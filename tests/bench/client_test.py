"""bench/sequential_client.py with databankd: registers the file's bytes, and fails after a
refusal."""

import sys
import unittest

import sequential_client
from with_bank import TOKEN, WithBank


class SequentialClient(WithBank):
    def upload(self, url, *arguments, token=TOKEN):
        command = [sys.executable, "-B", sequential_client.__file__, "--url", url]
        return self.upload_with([*command, "--chunk", "100000", *arguments], token)

    def test_uploads_with_one_connection_per_request(self):
        done = self.upload(self.bank())
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.registered(), self.bytes)

    def test_uploads_with_one_connection(self):
        done = self.upload(self.bank(), "--keep")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.registered(), self.bytes)

    def test_fails_after_an_error_with_status_200(self):
        done = self.upload(self.bank("--fault", "forget-staging,at=2,on=transfer"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("the response to transfer was HTTP", done.stderr)
        self.assertIsNone(self.registered())

    def test_fails_with_a_wrong_token(self):
        done = self.upload(self.bank(), token="wrong")
        self.assertEqual(done.returncode, 1)
        self.assertIn("the response to setup was HTTP", done.stderr)
        self.assertNotIn("wrong", done.stderr)

    def test_fails_without_a_server(self):
        done = self.upload("http://127.0.0.1:1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("Connection refused", done.stderr)


if __name__ == "__main__":
    unittest.main()
