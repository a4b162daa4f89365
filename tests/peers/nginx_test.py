"""nginx in front of databankd: TLS, HTTP/2 on, bodies of any size or of 1 MiB at most, buffered or
passed on as they come."""

import json
import os
import socket
import subprocess

import peers
from peers import DATASET, MIB, Program, Test

_CONFIGURATION = """\
daemon off;
user root;
worker_processes 1;
pid {scratch}/nginx.pid;
error_log stderr error;
events {{}}
http {{
  map $content_length $bytes {{ "" 0; default $content_length; }}
  log_format line escape=json '{{"status":$status,"method":"$request_method","bytes":$bytes,'
                              '"protocol":"$server_protocol","tls":"$ssl_protocol"}}';
  access_log {scratch}/access.jsonl line;
  client_body_temp_path {scratch}/body;
  proxy_temp_path {scratch}/proxy;
  fastcgi_temp_path {scratch}/fastcgi;
  uwsgi_temp_path {scratch}/uwsgi;
  scgi_temp_path {scratch}/scgi;
  client_max_body_size {largest};
  server {{
    listen {address} ssl http2;
    ssl_certificate {scratch}/certificate.pem;
    ssl_certificate_key {scratch}/key.pem;
    {tls}
    location / {{
      proxy_pass {bank};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_request_buffering {buffering};
    }}
  }}
}}
"""


class Nginx(Test):
    def front(self, bank, largest, buffering, days=2, tls="", names="IP:127.0.0.1"):
        """The address of an nginx in front of `bank`, and of nobody else; its certificate is good
        for so many days and for `names`. `tls`: more directives."""
        subprocess.run(
            [peers.installed("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt"]
            + ["ec_paramgen_curve:P-256", "-nodes", "-days", str(days), "-subj", "/CN=sluice test"]
            + ["-addext", f"subjectAltName={names}"]
            + ["-keyout", f"{self.scratch}/key.pem", "-out", f"{self.scratch}/certificate.pem"],
            check=True,
            capture_output=True,
        )
        # nginx takes over a socket that listens already, as it does from an nginx that it
        # replaces: so the port is free for certain, and nobody has to wait until it answers.
        with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
            address = "127.0.0.1:%d" % listening.getsockname()[1]
            configuration = os.path.join(self.scratch, "nginx.conf")
            with open(configuration, "w", encoding="utf-8") as file:
                file.write(
                    _CONFIGURATION.format(
                        scratch=self.scratch,
                        address=address,
                        largest=largest,
                        bank=bank.url,
                        buffering=buffering,
                        tls=tls,
                    )
                )
            Program(
                self,
                [peers.installed("nginx"), "-e", "stderr", "-c", configuration],
                {"NGINX": f"{listening.fileno()};"},
                pass_fds=(listening.fileno(),),
            )
        return f"https://{address}"

    def certificate(self):
        return f"{self.scratch}/certificate.pem"

    def put(self, url, *arguments):
        return self.sluice_put(url, "--ca-file", self.certificate(), *arguments)

    def requests(self):
        with open(os.path.join(self.scratch, "access.jsonl"), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def lands(self, protocol, largest, buffering, *more, size=6 * MIB + 5, arguments=()):
        """Uploads a file through nginx, and returns what nginx saw."""
        path = self.noise(size)
        bank = self.bank(*more)
        url = self.front(bank, largest, buffering)
        self.registered_by_sluice(self.put(url, "--protocol", protocol, *arguments, DATASET, path))
        self.assertSameFile(path, bank.deposited("noise.bin"))
        seen = self.requests()
        for request in seen:
            # What sluice asks for: curl's uploads over HTTP/2 are slow.
            self.assertEqual(request["protocol"], "HTTP/1.1")
            self.assertIn(request["tls"], ("TLSv1.2", "TLSv1.3"))
        return seen

    def assert_small_chunks(self, seen):
        """It was told that its requests are too long, and sent the file in shorter ones."""
        self.assertIn(413, [request["status"] for request in seen])
        accepted = [request["bytes"] for request in seen if request["status"] < 300]
        self.assertLessEqual(max(accepted), MIB)
        self.assertGreaterEqual(sum(accepted), 6 * MIB + 5)

    def test_phased_passed_on(self):
        self.lands("phased", "0", "off")

    def test_phased_buffered(self):
        self.lands("phased", "0", "on")

    def test_phased_in_requests_of_1_mib_passed_on(self):
        self.assert_small_chunks(self.lands("phased", "1m", "off"))

    def test_phased_in_requests_of_1_mib_buffered(self):
        self.assert_small_chunks(self.lands("phased", "1m", "on"))

    # databankd says http:// in its locations, as what is behind a TLS proxy does.
    def test_tus_passed_on(self):
        self.lands("tus", "0", "off", "--location", "http")

    def test_tus_buffered(self):
        self.lands("tus", "0", "on", "--location", "http")

    def test_tus_in_requests_of_1_mib_passed_on(self):
        self.assert_small_chunks(self.lands("tus", "1m", "off", "--location", "http"))

    def test_tus_in_requests_of_1_mib_buffered(self):
        self.assert_small_chunks(self.lands("tus", "1m", "on", "--location", "http"))

    def test_tus_in_parallel_lanes(self):
        seen = self.lands(
            "tus", "0", "off", "--location", "http", size=24 * MIB, arguments=("--lanes", "4")
        )
        # Four parts and the one that joins them. That of the registration, the last, may not be
        # in the log yet.
        self.assertGreaterEqual([request["method"] for request in seen].count("POST"), 5)

    def test_tus_killed_half_way_behind_a_buffer(self):
        path = self.noise(16 * MIB)
        bank = self.bank()
        url = self.front(bank, "0", "on")
        command = ("--protocol", "tus", "--chunk", "5M")
        # 2 seconds in all, and four requests: it is killed in the second of them.
        program = self.put(url, *command, "--limit-rate", "8M", DATASET, path)
        bank.line('databankd: "PATCH" ')
        program.kill()
        upload = self.registered_by_sluice(self.put(url, *command, DATASET, path))[0]
        self.assertGreaterEqual(upload["resumed_from"], 5 * MIB)
        self.assertSameFile(path, bank.deposited("noise.bin"))

    def test_binary(self):
        self.lands("binary", "0", "off")

    def test_auto(self):
        self.lands("auto", "0", "off", "--location", "http")

    def test_requests_that_are_too_short_for_the_server_and_too_long_for_nginx_end_in_an_error(
        self,
    ):
        # The server throws away less than 5 MiB, and nginx refuses more than 1.
        path = self.noise(6 * MIB + 5)
        bank = self.bank("--part-min", "5M")
        url = self.front(bank, "1m", "off")
        program = self.put(url, "--protocol", "tus", "--retries", "3", DATASET, path)
        self.assertEqual(program.wait(), 1, program.output())
        self.assertFalse(os.path.exists(bank.deposited("noise.bin")))
        self.assertLess(len(self.requests()), 100)

    def test_check_says_how_long_the_certificate_is_good_for(self):
        bank = self.bank()
        for days, warnings in ((14, 1), (16, 0)):
            with self.subTest(days=days):
                url = self.front(bank, "0", "off", days)
                program = self.sluice("check", url, "--ca-file", self.certificate(), DATASET)
                self.assertEqual(program.wait(), 0, program.output())
                found = program.json_lines()[0]
                # Of the last day some seconds are over.
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

    def refused(self, url, *arguments, environment=None, status=7):
        """The message of a `put` that ends at once, without a request, and what it says."""
        path = os.path.join(self.scratch, "noise.bin")
        if not os.path.exists(path):
            self.noise(1000)
        program = self.sluice_put(url, *arguments, DATASET, path, environment=environment)
        self.assertEqual(program.wait(), status, program.output())
        self.assertNotIn("retrying in", program.output())
        self.assertEqual(self.requests(), [])
        return program.output()

    def test_a_certificate_of_nobody_known_is_refused(self):
        url = self.front(self.bank(), "0", "off")
        self.assertIn("the system's certificate authorities", self.refused(url))
        other = os.path.join(self.scratch, "other.pem")
        subprocess.run(
            [peers.installed("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt"]
            + ["ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=another"]
            + ["-keyout", f"{self.scratch}/other-key.pem", "-out", other],
            check=True,
            capture_output=True,
        )
        for variable in ("CURL_CA_BUNDLE", "SSL_CERT_FILE"):
            said = self.refused(url, environment={variable: other})
            self.assertIn(f"{other} (from {variable})", said)
            said = self.refused(url, environment={variable: "/nowhere.pem"})
            self.assertIn(f"/nowhere.pem (from {variable})", said)
        # The option counts, whatever the variables say.
        said = self.refused(
            url, "--ca-file", other, environment={"CURL_CA_BUNDLE": self.certificate()}
        )
        self.assertIn(f"{other} (from --ca-file)", said)
        # What cannot be right is said before anything is tried.
        for bad in ("/nowhere.pem", f"{self.scratch}/other-key.pem", self.scratch):
            self.assertIn(bad, self.refused(url, "--ca-file", bad, status=2))

    def test_whom_to_trust_can_come_from_the_environment(self):
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

    def test_an_address_that_the_certificate_does_not_have_is_refused(self):
        url = self.front(self.bank(), "0", "off").replace("127.0.0.1", "localhost")
        says = self.refused(url, "--ca-file", self.certificate())
        self.assertIn("check the host name in the URL", says)

    def test_tls_that_is_too_old_or_has_no_cipher_in_common_is_refused(self):
        bank = self.bank()
        for tls, says in (
            ("ssl_protocols TLSv1; ssl_ciphers DEFAULT@SECLEVEL=0;", "no TLS version in common"),
            # It has no key for any of them.
            ("ssl_protocols TLSv1.2; ssl_ciphers aRSA;", "no TLS cipher in common"),
        ):
            with self.subTest(tls=tls):
                url = self.front(bank, "0", "off", tls=tls)
                self.assertIn(says, self.refused(url, "--ca-file", self.certificate()))

    def test_plain_http_to_a_port_of_tls_is_said_to_be_that(self):
        url = "http" + self.front(self.bank(), "0", "off").removeprefix("https")
        for program in (
            self.sluice("check", url),
            self.sluice("check", url, DATASET),
            self.sluice_put(url, DATASET, self.noise(1000)),
        ):
            self.assertEqual(program.wait(), 2, program.output())
            self.assertIn("must start with https://", program.output())
            self.assertNotIn("retrying in", program.output())

    def test_tls_to_a_port_of_plain_http_is_said_to_be_that(self):
        url = "https" + self.bank().url.removeprefix("http")
        program = self.sluice_put(url, DATASET, self.noise(1000))
        self.assertEqual(program.wait(), 7, program.output())
        # Its plain answer can be overtaken by the end of the connection, which is retried.
        self.assertIn("does not speak TLS", program.output())

    def test_where_options_is_forbidden_tus_has_to_be_asked_for(self):
        path = self.noise(6 * MIB)
        bank = self.bank("--location", "http")
        forbidden = "if ($request_method = OPTIONS) { return 405; }"
        url = self.front(bank, "0", "off", tls=forbidden)
        self.registered_by_sluice(self.put(url, "--protocol", "tus", DATASET, path))
        self.assertSameFile(path, bank.deposited("noise.bin"))
        check = self.sluice("check", url, "--ca-file", self.certificate())
        self.assertEqual(check.wait(), 0, check.output())
        self.assertIn("--protocol tus", "".join(check.json_lines()[0]["warnings"]))

    def test_a_method_that_is_forbidden_ends_the_upload_at_once(self):
        path = self.noise(6 * MIB)
        bank = self.bank("--location", "http")
        forbidden = "if ($request_method = PATCH) { return 405; }"
        url = self.front(bank, "0", "off", tls=forbidden)
        program = self.put(url, "--protocol", "tus", "--retries", "1", DATASET, path)
        self.assertEqual(program.wait(), 1, program.output())
        for says in ("does not allow PATCH", "HTTP 405", "offset 0", "nginx"):
            self.assertIn(says, program.output())
