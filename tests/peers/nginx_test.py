"""nginx as a reverse proxy for databankd: TLS, HTTP/2 enabled, bodies of any size or of at most
1 MiB, with and without request buffering."""

import os
import subprocess

import peers
from peers import DATASET, MIB
from tls_front import TlsFront


class Nginx(TlsFront):
    def put(self, url, *arguments):
        return self.sluice_put(url, "--ca-file", self.certificate(), *arguments)

    def upload(self, protocol, max_body, buffering, *more, size=6 * MIB + 5, arguments=()):
        """Uploads a file through nginx. Returns the requests in nginx's log."""
        path = self.noise(size)
        bank = self.bank(*more)
        url = self.front(bank, max_body, buffering)
        self.registered_by_sluice(self.put(url, "--protocol", protocol, *arguments, DATASET, path))
        self.assertSameFile(path, bank.deposited("noise.bin"))
        seen = self.requests()
        for request in seen:
            # sluice chooses HTTP/1.1, because curl's uploads over HTTP/2 are slow.
            self.assertEqual(request["protocol"], "HTTP/1.1")
            self.assertIn(request["tls"], ("TLSv1.2", "TLSv1.3"))
        return seen

    def assert_small_chunks(self, seen):
        """Expects a 413, and then chunks of at most 1 MiB for the whole file."""
        self.assertIn(413, [request["status"] for request in seen])
        accepted = [request["bytes"] for request in seen if request["status"] < 300]
        self.assertLessEqual(max(accepted), MIB)
        self.assertGreaterEqual(sum(accepted), 6 * MIB + 5)

    def test_phased_without_buffering(self):
        self.upload("phased", "0", "off")

    def test_phased_with_buffering(self):
        self.upload("phased", "0", "on")

    def test_phased_with_body_limit_without_buffering(self):
        self.assert_small_chunks(self.upload("phased", "1m", "off"))

    def test_phased_with_body_limit_and_buffering(self):
        self.assert_small_chunks(self.upload("phased", "1m", "on"))

    # databankd sends Location headers with http://, like a server behind a TLS proxy.
    def test_tus_without_buffering(self):
        self.upload("tus", "0", "off", "--location", "http")

    def test_tus_with_buffering(self):
        self.upload("tus", "0", "on", "--location", "http")

    def test_tus_with_body_limit_without_buffering(self):
        self.assert_small_chunks(self.upload("tus", "1m", "off", "--location", "http"))

    def test_tus_with_body_limit_and_buffering(self):
        self.assert_small_chunks(self.upload("tus", "1m", "on", "--location", "http"))

    def test_tus_with_parallel_parts(self):
        seen = self.upload(
            "tus", "0", "off", "--location", "http", size=24 * MIB, arguments=("--lanes", "4")
        )
        # Four POSTs create the parts, and one joins them. The last POST, which registers the file,
        # may not be in the log yet.
        self.assertGreaterEqual([request["method"] for request in seen].count("POST"), 5)

    def test_tus_resumes_after_kill_with_buffering(self):
        path = self.noise(16 * MIB)
        bank = self.bank()
        url = self.front(bank, "0", "on")
        command = ("--protocol", "tus", "--chunk", "5M")
        # The upload takes 2 s and four requests. Kill sluice during the second request.
        program = self.put(url, *command, "--limit-rate", "8M", DATASET, path)
        bank.line('databankd: "PATCH" ')
        program.kill()
        upload = self.registered_by_sluice(self.put(url, *command, DATASET, path))[0]
        self.assertGreaterEqual(upload["resumed_from"], 5 * MIB)
        self.assertSameFile(path, bank.deposited("noise.bin"))

    def test_binary(self):
        self.upload("binary", "0", "off")

    def test_auto(self):
        self.upload("auto", "0", "off", "--location", "http")

    def test_fails_if_the_body_limit_is_less_than_the_least_part(self):
        # The server discards chunks of less than 5 MiB, and nginx refuses more than 1 MiB.
        path = self.noise(6 * MIB + 5)
        bank = self.bank("--part-min", "5M")
        url = self.front(bank, "1m", "off")
        program = self.put(url, "--protocol", "tus", "--retries", "3", DATASET, path)
        self.assertEqual(program.wait(), 1, program.output())
        self.assertFalse(os.path.exists(bank.deposited("noise.bin")))
        self.assertLess(len(self.requests()), 100)

    def test_check_reports_the_expiry_of_the_certificate(self):
        bank = self.bank()
        for days, warnings in ((14, 1), (16, 0)):
            with self.subTest(days=days):
                url = self.front(bank, "0", "off", days)
                program = self.sluice("check", url, "--ca-file", self.certificate(), DATASET)
                self.assertEqual(program.wait(), 0, program.output())
                found = program.json_lines()[0]
                # Some seconds of the last day have passed.
                self.assertEqual(found["server"]["certificate_days_left"], days - 1)
                end = subprocess.run(
                    [peers.installed("openssl"), "x509", "-noout", "-enddate"]
                    + ["-dateopt", "iso_8601", "-in", f"{self.scratch}/certificate.pem"],
                    check=True,
                    capture_output=True,
                    text=True,
                )
                self.assertEqual(
                    "notAfter=" + found["server"]["certificate_ends"].replace("T", " "),
                    end.stdout.strip(),
                )
                self.assertEqual(len(found["warnings"]), warnings, found["warnings"])

    def refused_put(self, url, *arguments, environment=None, status=7):
        """Runs a `put` that must fail without retries and requests. Returns its output."""
        path = os.path.join(self.scratch, "noise.bin")
        if not os.path.exists(path):
            self.noise(1000)
        program = self.sluice_put(url, *arguments, DATASET, path, environment=environment)
        self.assertEqual(program.wait(), status, program.output())
        self.assertNotIn("retrying in", program.output())
        self.assertEqual(self.requests(), [])
        return program.output()

    def test_rejects_certificate_of_unknown_authority(self):
        url = self.front(self.bank(), "0", "off")
        self.assertIn("the system's certificate authorities", self.refused_put(url))
        other = os.path.join(self.scratch, "other.pem")
        subprocess.run(
            [peers.installed("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt"]
            + ["ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=another"]
            + ["-keyout", f"{self.scratch}/other-key.pem", "-out", other],
            check=True,
            capture_output=True,
        )
        for variable in ("CURL_CA_BUNDLE", "SSL_CERT_FILE"):
            output = self.refused_put(url, environment={variable: other})
            self.assertIn(f"{other} (from {variable})", output)
            output = self.refused_put(url, environment={variable: "/nowhere.pem"})
            self.assertIn(f"/nowhere.pem (from {variable})", output)
        # The option has precedence over the variables.
        output = self.refused_put(
            url, "--ca-file", other, environment={"CURL_CA_BUNDLE": self.certificate()}
        )
        self.assertIn(f"{other} (from --ca-file)", output)
        # Unusable files are usage errors.
        for bad in ("/nowhere.pem", f"{self.scratch}/other-key.pem", self.scratch):
            self.assertIn(bad, self.refused_put(url, "--ca-file", bad, status=2))

    def test_reads_certificate_authorities_from_the_environment(self):
        directory = os.path.join(self.scratch, "authorities")
        os.mkdir(directory)
        url = self.front(self.bank(), "0", "off")
        subject = subprocess.run(
            [peers.installed("openssl"), "x509", "-noout", "-subject_hash"]
            + ["-in", self.certificate()],
            check=True,
            capture_output=True,
            text=True,
        )
        os.symlink(self.certificate(), os.path.join(directory, subject.stdout.strip() + ".0"))
        for environment in (
            {"CURL_CA_BUNDLE": self.certificate(), "SSL_CERT_FILE": "/nowhere.pem"},
            {"SSL_CERT_FILE": self.certificate()},
            {"SSL_CERT_DIR": directory},
        ):
            with self.subTest(environment=environment):
                program = self.sluice("check", url, DATASET, environment=environment)
                self.assertEqual(program.wait(), 0, program.output())

    def test_rejects_certificate_for_another_host_name(self):
        url = self.front(self.bank(), "0", "off").replace("127.0.0.1", "localhost")
        output = self.refused_put(url, "--ca-file", self.certificate())
        self.assertIn("check the host name in the URL", output)

    def test_rejects_old_tls_version_and_unsupported_ciphers(self):
        bank = self.bank()
        for tls, message in (
            ("ssl_protocols TLSv1; ssl_ciphers DEFAULT@SECLEVEL=0;", "no TLS version in common"),
            # nginx has no RSA key for these ciphers.
            ("ssl_protocols TLSv1.2; ssl_ciphers aRSA;", "no TLS cipher in common"),
        ):
            with self.subTest(tls=tls):
                url = self.front(bank, "0", "off", tls=tls)
                self.assertIn(message, self.refused_put(url, "--ca-file", self.certificate()))

    def test_reports_plain_http_to_a_tls_port(self):
        url = "http" + self.front(self.bank(), "0", "off").removeprefix("https")
        for program in (
            self.sluice("check", url),
            self.sluice("check", url, DATASET),
            self.sluice_put(url, DATASET, self.noise(1000)),
        ):
            self.assertEqual(program.wait(), 2, program.output())
            self.assertIn("must start with https://", program.output())
            self.assertNotIn("retrying in", program.output())

    def test_reports_tls_to_a_plain_http_port(self):
        url = "https" + self.bank().url.removeprefix("http")
        program = self.sluice_put(url, DATASET, self.noise(1000))
        self.assertEqual(program.wait(), 7, program.output())
        # The connection can end before the plain response arrives; sluice retries then.
        self.assertIn("does not speak TLS", program.output())

    def test_uploads_over_tus_if_options_is_forbidden(self):
        path = self.noise(6 * MIB)
        bank = self.bank("--location", "http")
        forbidden = "if ($request_method = OPTIONS) { return 405; }"
        url = self.front(bank, "0", "off", tls=forbidden)
        self.registered_by_sluice(self.put(url, "--protocol", "tus", DATASET, path))
        self.assertSameFile(path, bank.deposited("noise.bin"))
        check = self.sluice("check", url, "--ca-file", self.certificate())
        self.assertEqual(check.wait(), 0, check.output())
        self.assertIn("--protocol tus", "".join(check.json_lines()[0]["warnings"]))

    def test_does_not_retry_a_forbidden_method(self):
        path = self.noise(6 * MIB)
        bank = self.bank("--location", "http")
        forbidden = "if ($request_method = PATCH) { return 405; }"
        url = self.front(bank, "0", "off", tls=forbidden)
        program = self.put(url, "--protocol", "tus", "--retries", "1", DATASET, path)
        self.assertEqual(program.wait(), 1, program.output())
        for text in ("does not allow PATCH", "HTTP 405", "offset 0", "nginx"):
            self.assertIn(text, program.output())
