"""sluice with proxies: squid with a password, over TLS, or inspecting TLS; SOCKS; and no_proxy. The
Data Bank is nginx with databankd, under a name that only the proxies resolve. 0.0.0.0 is an address
of this machine that sluice does not treat as local."""

import base64
import http.server
import json
import os
import socket
import subprocess
import threading

import peers
import squid
from peers import BIN, DATASET, MIB, TOKEN, Program
from socks import Socks
from squid import Squid
from tls_front import TlsFront

_SECRETS = (
    TOKEN,
    squid.PASSWORD,
    squid.PASSWORD_IN_URL,
    base64.b64encode(f"{squid.USER}:{squid.PASSWORD}".encode()).decode(),
)


class RefusingProxy:
    """A proxy that responds to every request with the same status and an HTML page."""

    def __init__(self, test, status):
        self.requests = []
        requests = self.requests

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_CONNECT(self):
                requests.append(self.path)
                page = b"<html><head><title>Campus proxy</title></head></html>"
                self.send_response(status)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://localhost:%d" % self._server.server_address[1]
        thread = threading.Thread(target=self._server.serve_forever)
        thread.start()
        test.addCleanup(self._server.server_close)
        test.addCleanup(thread.join)
        test.addCleanup(self._server.shutdown)


class Proxies(TlsFront):
    def setUp(self):
        super().setUp()
        self.data_bank = self.bank("--location", "http")
        self.direct = self.front(
            self.data_bank, "0", "off", names="DNS:databank.example,IP:0.0.0.0,DNS:localhost"
        )
        self.port = self.direct.rsplit(":", 1)[1]
        self.url = f"https://databank.example:{self.port}"

    def finish(self, program, status):
        """Waits for the end of a program and checks its exit status. Returns its output, which must
        contain no secret."""
        self.assertEqual(program.wait(), status, program.output())
        for secret in _SECRETS:
            self.assertNotIn(secret, program.output())
        return program.output()

    def check(self, *arguments, environment, url=None, status=0):
        """Runs `sluice check --json`. Returns its result and its output."""
        program = self.sluice("check", url or self.url, *arguments, environment=environment)
        output = self.finish(program, status)
        return program.json_lines()[0], output

    def with_certificate(self, environment=None):
        """Returns the environment with the server's certificate as a trusted one."""
        return {"SSL_CERT_FILE": self.certificate(), **(environment or {})}

    def upload(self, name, *arguments, environment):
        """Uploads a new file. Returns the output of sluice."""
        path = self.noise(MIB + 5, name)
        program = self.sluice_put(
            self.url, *arguments, "--verbose", DATASET, path, environment=environment
        )
        self.registered_by_sluice(program)
        self.assertSameFile(path, self.data_bank.deposited(name))
        return self.finish(program, 0)

    def write_configuration(self, text, mode=0o600):
        path = os.path.join(self.scratch, "config.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def test_reads_password_from_environment_and_configuration(self):
        proxy = Squid(self)
        environment = self.with_certificate({"SLUICE_PROXY": proxy.url()})
        output = self.upload("a.bin", environment=environment)
        self.assertIn(f"through the proxy {proxy.shown()} (from SLUICE_PROXY)", output)
        self.upload("b.bin", environment=self.with_certificate({"https_proxy": proxy.url()}))
        for name, text in (("c.bin", "proxy = '{}'\n"), ("d.bin", "[put]\nproxy = '{}'\n")):
            file = self.write_configuration(text.format(proxy.url()))
            output = self.upload(name, environment=self.with_certificate({"SLUICE_CONFIG": file}))
            self.assertIn(f"through the proxy {proxy.shown()} (from {file}, line ", output)
        log = proxy.log()
        self.assertGreaterEqual(len(log), 4)
        for line in log:
            self.assertIn("TCP_TUNNEL/200", line)
            self.assertIn(f"CONNECT databank.example:{self.port} {squid.USER} ", line)

    def test_does_not_retry_or_print_a_refused_password(self):
        proxy = Squid(self)
        wrong = "wr0ng%2Fone"
        path = self.noise(1000)
        events = os.path.join(self.scratch, "events.jsonl")
        for variable in ("SLUICE_PROXY", "https_proxy"):
            environment = self.with_certificate({variable: proxy.url(password=wrong)})
            put = self.sluice_put(
                self.url, "-v", "--log-json", events, DATASET, path, environment=environment
            )
            output = self.finish(put, 7)
            told = f"answered CONNECT databank.example:{self.port} with HTTP 407"
            self.assertIn(f"{proxy.shown()} (from {variable}) {told}", output)
            self.assertIn(f"correct them in {variable}", output)
            self.assertNotIn("retrying", output)
            found, more = self.check(environment=environment, status=7)
            self.assertEqual(
                found["proxy"], {"url": proxy.shown(), "from": variable, "exempt": False}
            )
            shown = Program(self, [f"{BIN}/sluice", "config", "show", "put"], environment)
            output += more + self.finish(shown, 0)
            with open(events, encoding="utf-8") as file:
                output += file.read()
            for text in (wrong, "wr0ng", base64.b64encode(b"me:wr0ng/one").decode()):
                self.assertNotIn(text, output)
        # Without a password, the message asks for one.
        environment = self.with_certificate()
        _, output = self.check("--proxy", proxy.shown(), environment=environment, status=7)
        self.assertIn("set them in the environment variable SLUICE_PROXY or the config", output)
        for line in proxy.log():
            self.assertIn("TCP_DENIED/407", line)

    def test_rejects_password_that_other_users_can_read(self):
        secret = squid.PASSWORD_IN_URL
        proxy = f"http://me:{secret}@localhost:1"
        path = self.noise(1000)
        output = self.finish(self.sluice_put(self.url, "--proxy", proxy, DATASET, path), 2)
        self.assertIn("SLUICE_PROXY", output)
        file = self.write_configuration(f"proxy = '{proxy}'\n", mode=0o644)
        environment = {"SLUICE_CONFIG": file}
        output = self.finish(self.sluice_put(self.url, DATASET, path, environment=environment), 2)
        self.assertIn(f"chmod 600 {file}", output)
        show = [f"{BIN}/sluice", "config", "show", "put"]
        os.chmod(file, 0o600)
        output = self.finish(Program(self, show, environment), 0)
        self.assertIn("http://me:***@localhost:1", output)

    def test_requires_trust_in_a_proxy_that_inspects_tls(self):
        proxy = Squid(self, "ssl-bump", self.certificate())
        through = {"SLUICE_PROXY": proxy.url()}
        path = self.noise(1000)
        output = self.finish(
            self.sluice_put(self.url, DATASET, path, environment=self.with_certificate(through)), 7
        )
        self.assertIn(f"{self.certificate()} (from SSL_CERT_FILE)", output)
        self.assertIn(f"the proxy {proxy.shown()} (from SLUICE_PROXY), if it inspects TLS", output)
        self.assertIn("the certificate is issued by 'CN = campus-inspection'", output)
        self.assertNotIn("retrying", output)

        directory = os.path.join(self.scratch, "authorities")
        os.mkdir(directory)
        subprocess.run(["cp", proxy.authority, directory], check=True)
        subprocess.run([peers.installed("openssl"), "rehash", directory], check=True)
        for arguments, variables, place in (
            (("--ca-file", proxy.authority), {}, "--ca-file"),
            (("--ca-dir", directory), {}, "--ca-dir"),
            ((), {"SLUICE_CA_FILE": proxy.authority}, "SLUICE_CA_FILE"),
            ((), {"SSL_CERT_FILE": proxy.authority}, "SSL_CERT_FILE"),
            ((), {"SSL_CERT_DIR": directory}, "SSL_CERT_DIR"),
            ((), {"CURL_CA_BUNDLE": proxy.authority}, "CURL_CA_BUNDLE"),
        ):
            with self.subTest(place=place):
                found, _ = self.check(*arguments, DATASET, environment={**through, **variables})
                self.assertEqual(found["server"]["certificate_issuer"], "CN = campus-inspection")
                self.assertEqual(found["trust"]["from"], place)
                self.assertEqual(found["proxy"]["url"], proxy.shown())
        text = Program(
            self,
            [f"{BIN}/sluice", "check", "--url", self.url, "--ca-file", proxy.authority]
            + ["--state-dir", self.scratch],
            through,
        )
        output = self.finish(text, 0)
        self.assertIn(f"proxy     {proxy.shown()} (from SLUICE_PROXY)\n", output)
        self.assertIn("issued by 'CN = campus-inspection' and accepted by", output)
        self.assertIn(f"{proxy.authority} (from --ca-file)", output)

        self.upload("a.bin", "--ca-file", proxy.authority, environment=through)
        # The proxy has decrypted the requests.
        self.assertIn("POST https://databank.example", "\n".join(proxy.log()))

    def test_checks_the_certificate_of_a_proxy_over_tls(self):
        proxy = Squid(self, "https_port")
        through = {"SLUICE_PROXY": proxy.url("https")}
        named = f"the proxy {proxy.shown('https')} (from SLUICE_PROXY)"
        _, output = self.check(environment=self.with_certificate(through), status=7)
        self.assertIn("the certificate is issued by 'CN = proxy'", output)
        self.assertIn(f"if {named} uses another authority", output)
        elsewhere = through["SLUICE_PROXY"].replace("localhost", "127.0.0.1")
        trusted = {"SSL_CERT_FILE": proxy.certificate}
        _, output = self.check(environment={**trusted, "SLUICE_PROXY": elsewhere}, status=7)
        self.assertIn("check the host name in SLUICE_PROXY", output)
        # The proxy is trusted, but the server is not.
        _, output = self.check(environment={**trusted, **through}, status=7)
        self.assertIn("has a certificate of another authority", output)
        self.assertIn(f"the certificates in {proxy.certificate} (from SSL_CERT_FILE)", output)

        both = os.path.join(self.scratch, "both.pem")
        with open(both, "w", encoding="utf-8") as file:
            for path in (proxy.certificate, self.certificate()):
                with open(path, encoding="utf-8") as one:
                    file.write(one.read())
        self.upload("a.bin", "--ca-file", both, environment=through)
        self.upload("b.bin", environment={**through, "CURL_CA_BUNDLE": both})
        plain = {"SLUICE_PROXY": proxy.url("http")}
        _, output = self.check(environment=self.with_certificate(plain), status=7)
        self.assertIn(f"check the proxy {proxy.shown()} (from SLUICE_PROXY)", output)
        for line in proxy.log():
            self.assertNotIn("TCP_DENIED", line)

    def test_socks5h_lets_the_proxy_resolve_names(self):
        proxy = Socks(
            self, {squid.USER: squid.PASSWORD}, {"databank.example": "127.0.0.1"}
        )
        address = f"socks5h://localhost:{proxy.port}"
        good = f"socks5h://{squid.USER}:{squid.PASSWORD_IN_URL}@localhost:{proxy.port}"
        output = self.upload("a.bin", environment=self.with_certificate({"all_proxy": good}))
        self.assertIn(f"through the proxy {address} (from all_proxy)", output)
        self.assertEqual(set(proxy.requested_hosts), {"databank.example"})
        count = len(proxy.requested_hosts)
        for url in (good.replace(squid.PASSWORD_IN_URL, "wr0ng"), address):
            environment = self.with_certificate({"SLUICE_PROXY": url})
            _, output = self.check(environment=environment, status=7)
            self.assertIn(f"check the proxy {address} (from SLUICE_PROXY)", output)
            self.assertNotIn("wr0ng", output)
        self.assertEqual(len(proxy.requested_hosts), count)

    def test_supports_all_forms_of_no_proxy(self):
        unused, used = Squid(self), Squid(self)
        path = self.noise(1000)
        port = self.port
        named, address = self.url, f"https://0.0.0.0:{port}"

        def check(url, environment, proxy=unused):
            environment = self.with_certificate({"https_proxy": proxy.url(), **environment})
            return self.sluice("check", url, environment=environment)

        # Exempt: direct connections to a reachable address.
        for variable, value in (
            ("no_proxy", "0.0.0.0"),
            ("no_proxy", f"0.0.0.0:{port}"),
            ("no_proxy", "example.org, 0.0.0.0/8"),
            ("no_proxy", "example.org 0.0.0.0/32"),
            ("no_proxy", "*"),
            ("no_proxy", "example.org,*"),
            ("NO_PROXY", "0.0.0.0"),
        ):
            with self.subTest(value=value):
                program = check(address, {variable: value})
                self.finish(program, 0)
                self.assertEqual(
                    program.json_lines()[0]["proxy"],
                    {"url": None, "from": "https_proxy", "exempt": True},
                )
        # Local addresses need no exemption.
        self.finish(check(f"https://localhost:{port}", {}), 0)
        # no_proxy also applies to the proxy of the option and of its variable.
        environment = self.with_certificate({"SLUICE_PROXY": unused.url(), "no_proxy": "0.0.0.0"})
        self.registered_by_sluice(self.sluice_put(address, DATASET, path, environment=environment))
        # Exempt: names that no DNS server resolves. Concurrently, because resolving takes time.
        exempt = [
            (value, check(named, {"no_proxy": value}))
            for value in (
                "databank.example",
                ".example",
                "*.example",
                "DataBank.EXAMPLE.",
                f"databank.example:{port}",
                "example.org\tdatabank.example",
            )
        ]
        for value, program in exempt:
            with self.subTest(value=value):
                self.finish(program, 7)
                self.assertTrue(program.json_lines()[0]["proxy"]["exempt"])
        self.assertEqual(unused.log(), [])
        # Not exempt: similar names, addresses and ports, and an empty value.
        for url, value in (
            (named, "atabank.example,databank.example.org,databank"),
            (named, "databank.example:1"),
            (address, "0.0.0.1,10.0.0.0/8,0.0.0.0:1"),
            (named.replace("databank", "DataBank"), ""),
        ):
            with self.subTest(value=value):
                program = check(url, {"no_proxy": value}, used)
                self.finish(program, 0)
                self.assertEqual(program.json_lines()[0]["proxy"]["url"], used.shown())
        log = "\n".join(used.log())
        for host in ("databank.example", "0.0.0.0"):
            self.assertIn(f"CONNECT {host}:{port} {squid.USER} ", log)

    def test_resumes_after_the_proxy_was_killed_and_restarted(self):
        proxy = Squid(self)
        path = self.noise(24 * MIB)
        program = self.sluice_put(
            self.url,
            *("--protocol", "tus", "--chunk", "4M", "--limit-rate", "12M", "--lanes", "0"),
            *(DATASET, path),
            environment=self.with_certificate({"SLUICE_PROXY": proxy.url()}),
        )
        # One chunk is stored, and the rest takes 1.5 s.
        self.data_bank.wait_for_output('databankd: "PATCH" ')
        proxy.kill()
        # The message of the refused connection, not of the reset one.
        program.wait_for_output(f"check the proxy {proxy.shown()} (from SLUICE_PROXY)")
        proxy.start()
        upload = self.registered_by_sluice(program)[0]
        self.assertGreaterEqual(upload["retries"], 1)
        # The upload did not restart from the beginning.
        self.assertLess(upload["chunks"], 12)
        self.assertSameFile(path, self.data_bank.deposited("noise.bin"))

    def test_attributes_error_responses_to_the_proxy(self):
        path = self.noise(1000)
        for status, attempts, advice in (
            (503, 3, "the proxy cannot reach the server"),
            (403, 1, "ask the administrators of the proxy"),
            (302, 1, "ask the administrators of the proxy"),
        ):
            with self.subTest(status=status):
                proxy = RefusingProxy(self, status)
                environment = self.with_certificate({"SLUICE_PROXY": proxy.url})
                arguments = ("--retries", "2", DATASET, path)
                program = self.sluice_put(self.url, *arguments, environment=environment)
                output = self.finish(program, 7)
                told = f"answered CONNECT databank.example:{self.port} with HTTP {status}"
                self.assertIn(f"{proxy.url} (from SLUICE_PROXY) {told}", output)
                self.assertIn(advice, output)
                self.assertEqual(output.count("retrying in"), attempts - 1)
                self.assertEqual(
                    set(proxy.requests), {f"databank.example:{self.port}"}, proxy.requests
                )

    def test_names_an_unreachable_proxy(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = "http://localhost:%d" % taken.getsockname()[1]
        _, output = self.check("--proxy", address, environment=self.with_certificate(), status=7)
        self.assertIn(f"check the proxy {address} (from --proxy)", output)

    def test_ipv4_and_ipv6_restrict_addresses(self):
        # nginx listens on IPv4 only.
        local = f"https://localhost:{self.port}"
        self.check("--ipv4", url=local, environment=self.with_certificate())
        _, output = self.check("--ipv6", url=local, environment=self.with_certificate(), status=7)
        self.assertIn("only IPv6 addresses are tried (--ipv6)", output)
        _, output = self.check("--ipv4", url="https://[::1]:1", environment={}, status=7)
        self.assertIn("only IPv4 addresses are tried (--ipv4)", output)
        # The options also apply to the connection to the proxy.
        proxy = Squid(self)
        through = self.with_certificate({"SLUICE_PROXY": proxy.url()})
        self.check("--ipv4", environment=through)
        _, output = self.check("--ipv6", environment=through, status=7)
        self.assertIn(f"check the proxy {proxy.shown()} (from SLUICE_PROXY)", output)
        self.assertIn("only IPv6", output)
