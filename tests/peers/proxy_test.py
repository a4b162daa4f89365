"""sluice behind proxies: squid with a password, over TLS, or breaking TLS open; SOCKS; and the hosts
that none is used for. The Data Bank is nginx with databankd behind it, and has a name that only the
proxies know; 0.0.0.0 is an address of this machine that sluice does not take for one."""

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
    squid.IN_A_URL,
    base64.b64encode(f"{squid.USER}:{squid.PASSWORD}".encode()).decode(),
)


class Answering:
    """A proxy that answers every request with the same status and a page."""

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

    def said(self, program, status):
        """All that it says, in which there is no secret."""
        self.assertEqual(program.wait(), status, program.output())
        for secret in _SECRETS:
            self.assertNotIn(secret, program.output())
        return program.output()

    def check(self, *arguments, environment, url=None, status=0):
        """What `sluice check --json` finds, and what it says."""
        program = self.sluice("check", url or self.url, *arguments, environment=environment)
        said = self.said(program, status)
        return program.json_lines()[0], said

    def trusting(self, environment=None):
        return {"SSL_CERT_FILE": self.certificate(), **(environment or {})}

    def lands(self, name, *arguments, environment):
        """Uploads a new file."""
        path = self.noise(MIB + 5, name)
        program = self.sluice_put(
            self.url, *arguments, "--verbose", DATASET, path, environment=environment
        )
        self.registered_by_sluice(program)
        self.assertSameFile(path, self.data_bank.deposited(name))
        return self.said(program, 0)

    def configuration(self, text, mode=0o600):
        path = os.path.join(self.scratch, "config.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def test_a_password_can_come_from_the_environment_and_the_configuration(self):
        proxy = Squid(self)
        said = self.lands("a.bin", environment=self.trusting({"SLUICE_PROXY": proxy.url()}))
        self.assertIn(f"through the proxy {proxy.shown()} (from SLUICE_PROXY)", said)
        self.lands("b.bin", environment=self.trusting({"https_proxy": proxy.url()}))
        for name, text in (("c.bin", "proxy = '{}'\n"), ("d.bin", "[put]\nproxy = '{}'\n")):
            file = self.configuration(text.format(proxy.url()))
            said = self.lands(name, environment=self.trusting({"SLUICE_CONFIG": file}))
            self.assertIn(f"through the proxy {proxy.shown()} (from {file}, line ", said)
        log = proxy.log()
        self.assertGreaterEqual(len(log), 4)
        for line in log:
            self.assertIn("TCP_TUNNEL/200", line)
            self.assertIn(f"CONNECT databank.example:{self.port} {squid.USER} ", line)

    def test_a_password_that_is_refused_ends_the_upload_at_once_and_is_nowhere(self):
        proxy = Squid(self)
        wrong = "wr0ng%2Fone"
        path = self.noise(1000)
        events = os.path.join(self.scratch, "events.jsonl")
        for variable in ("SLUICE_PROXY", "https_proxy"):
            environment = self.trusting({variable: proxy.url(password=wrong)})
            put = self.sluice_put(
                self.url, "-v", "--log-json", events, DATASET, path, environment=environment
            )
            said = self.said(put, 7)
            self.assertIn(f"{proxy.shown()} (from {variable}) sent HTTP 407", said)
            self.assertIn(f"correct them in {variable}", said)
            self.assertNotIn("retrying", said)
            found, more = self.check(environment=environment, status=7)
            self.assertEqual(
                found["proxy"], {"url": proxy.shown(), "from": variable, "exempt": False}
            )
            shown = Program(self, [f"{BIN}/sluice", "config", "show", "put"], environment)
            said += more + self.said(shown, 0)
            with open(events, encoding="utf-8") as file:
                said += file.read()
            for text in (wrong, "wr0ng", base64.b64encode(b"me:wr0ng/one").decode()):
                self.assertNotIn(text, said)
        # Without one, it has to be set.
        _, said = self.check("--proxy", proxy.shown(), environment=self.trusting(), status=7)
        self.assertIn("set them in the environment variable SLUICE_PROXY or the config", said)
        for line in proxy.log():
            self.assertIn("TCP_DENIED/407", line)

    def test_a_password_that_others_can_read_is_refused(self):
        secret = squid.IN_A_URL
        proxy = f"http://me:{secret}@localhost:1"
        path = self.noise(1000)
        said = self.said(self.sluice_put(self.url, "--proxy", proxy, DATASET, path), 2)
        self.assertIn("SLUICE_PROXY", said)
        file = self.configuration(f"proxy = '{proxy}'\n", mode=0o644)
        environment = {"SLUICE_CONFIG": file}
        said = self.said(self.sluice_put(self.url, DATASET, path, environment=environment), 2)
        self.assertIn(f"chmod 600 {file}", said)
        show = [f"{BIN}/sluice", "config", "show", "put"]
        os.chmod(file, 0o600)
        said = self.said(Program(self, show, environment), 0)
        self.assertIn("http://me:***@localhost:1", said)

    def test_a_proxy_that_opens_tls_has_to_be_trusted(self):
        proxy = Squid(self, "ssl-bump", self.certificate())
        through = {"SLUICE_PROXY": proxy.url()}
        path = self.noise(1000)
        said = self.said(
            self.sluice_put(self.url, DATASET, path, environment=self.trusting(through)), 7
        )
        self.assertIn(f"{self.certificate()} (from SSL_CERT_FILE)", said)
        self.assertIn(f"the proxy {proxy.shown()} (from SLUICE_PROXY), if it inspects TLS", said)
        self.assertIn("the certificate is issued by 'CN = campus-inspection'", said)
        self.assertNotIn("retrying", said)

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
        said = self.said(text, 0)
        self.assertIn(f"proxy     {proxy.shown()} (from SLUICE_PROXY)\n", said)
        self.assertIn("issued by 'CN = campus-inspection' and accepted by", said)
        self.assertIn(f"{proxy.authority} (from --ca-file)", said)

        self.lands("a.bin", "--ca-file", proxy.authority, environment=through)
        # It has opened what it passed on.
        self.assertIn("POST https://databank.example", "\n".join(proxy.log()))

    def test_a_proxy_over_tls_is_checked_like_a_server(self):
        proxy = Squid(self, "https_port")
        through = {"SLUICE_PROXY": proxy.url("https")}
        named = f"the proxy {proxy.shown('https')} (from SLUICE_PROXY)"
        _, said = self.check(environment=self.trusting(through), status=7)
        self.assertIn("the certificate is issued by 'CN = proxy'", said)
        self.assertIn(f"if {named} uses another authority", said)
        elsewhere = through["SLUICE_PROXY"].replace("localhost", "127.0.0.1")
        trusted = {"SSL_CERT_FILE": proxy.certificate}
        _, said = self.check(environment={**trusted, "SLUICE_PROXY": elsewhere}, status=7)
        self.assertIn("check the host name in SLUICE_PROXY", said)
        # The proxy is trusted, and the server is not.
        _, said = self.check(environment={**trusted, **through}, status=7)
        self.assertIn("has a certificate of another authority", said)
        self.assertIn(f"the certificates in {proxy.certificate} (from SSL_CERT_FILE)", said)

        both = os.path.join(self.scratch, "both.pem")
        with open(both, "w", encoding="utf-8") as file:
            for path in (proxy.certificate, self.certificate()):
                with open(path, encoding="utf-8") as one:
                    file.write(one.read())
        self.lands("a.bin", "--ca-file", both, environment=through)
        self.lands("b.bin", environment={**through, "CURL_CA_BUNDLE": both})
        plain = {"SLUICE_PROXY": proxy.url("http")}
        _, said = self.check(environment=self.trusting(plain), status=7)
        self.assertIn(f"check the proxy {proxy.shown()} (from SLUICE_PROXY)", said)
        for line in proxy.log():
            self.assertNotIn("TCP_DENIED", line)

    def test_socks5h_leaves_the_name_to_the_proxy(self):
        proxy = Socks(
            self, {squid.USER: squid.PASSWORD}, {"databank.example": "127.0.0.1"}
        )
        address = f"socks5h://localhost:{proxy.port}"
        good = f"socks5h://{squid.USER}:{squid.IN_A_URL}@localhost:{proxy.port}"
        said = self.lands("a.bin", environment=self.trusting({"all_proxy": good}))
        self.assertIn(f"through the proxy {address} (from all_proxy)", said)
        self.assertEqual(set(proxy.asked), {"databank.example"})
        count = len(proxy.asked)
        for url in (good.replace(squid.IN_A_URL, "wr0ng"), address):
            _, said = self.check(environment=self.trusting({"SLUICE_PROXY": url}), status=7)
            self.assertIn(f"check the proxy {address} (from SLUICE_PROXY)", said)
            self.assertNotIn("wr0ng", said)
        self.assertEqual(len(proxy.asked), count)

    def test_no_proxy_in_all_its_spellings(self):
        unused, used = Squid(self), Squid(self)
        path = self.noise(1000)
        port = self.port
        named, address = self.url, f"https://0.0.0.0:{port}"

        def check(url, environment, proxy=unused):
            environment = self.trusting({"https_proxy": proxy.url(), **environment})
            return self.sluice("check", url, environment=environment)

        # Direct connections to an address that can be reached.
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
                self.said(program, 0)
                self.assertEqual(
                    program.json_lines()[0]["proxy"],
                    {"url": None, "from": "https_proxy", "exempt": True},
                )
        # This machine needs no exemption.
        self.said(check(f"https://localhost:{port}", {}), 0)
        # The option and its variable are exempt from the same.
        environment = self.trusting({"SLUICE_PROXY": unused.url(), "no_proxy": "0.0.0.0"})
        self.registered_by_sluice(self.sluice_put(address, DATASET, path, environment=environment))
        # Names that no DNS server has, so they are only looked for: all at a time.
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
                self.said(program, 7)
                self.assertTrue(program.json_lines()[0]["proxy"]["exempt"])
        self.assertEqual(unused.log(), [])
        # What is like them, and another.
        for url, value in (
            (named, "atabank.example,databank.example.org,databank"),
            (named, "databank.example:1"),
            (address, "0.0.0.1,10.0.0.0/8,0.0.0.0:1"),
            (named.replace("databank", "DataBank"), ""),
        ):
            with self.subTest(value=value):
                program = check(url, {"no_proxy": value}, used)
                self.said(program, 0)
                self.assertEqual(program.json_lines()[0]["proxy"]["url"], used.shown())
        log = "\n".join(used.log())
        for host in ("databank.example", "0.0.0.0"):
            self.assertIn(f"CONNECT {host}:{port} {squid.USER} ", log)

    def test_an_upload_survives_a_proxy_that_is_killed_and_started_again(self):
        proxy = Squid(self)
        path = self.noise(24 * MIB)
        program = self.sluice_put(
            self.url,
            *("--protocol", "tus", "--chunk", "4M", "--limit-rate", "12M", "--lanes", "0"),
            *(DATASET, path),
            environment=self.trusting({"SLUICE_PROXY": proxy.url()}),
        )
        # One chunk is there, and 1.5 seconds are left.
        self.data_bank.says('databankd: "PATCH" ')
        proxy.kill()
        # The connection that broke is one thing, the next one that nobody takes is another.
        program.says(f"check the proxy {proxy.shown()} (from SLUICE_PROXY)")
        proxy.start()
        upload = self.registered_by_sluice(program)[0]
        self.assertGreaterEqual(upload["retries"], 1)
        # Not from the beginning.
        self.assertLess(upload["chunks"], 12)
        self.assertSameFile(path, self.data_bank.deposited("noise.bin"))

    def test_what_a_proxy_answers_is_said_to_be_the_proxys(self):
        path = self.noise(1000)
        for status, attempts, advice in (
            (503, 3, "the proxy cannot reach the server"),
            (403, 1, "ask the administrators of the proxy"),
            (302, 1, "ask the administrators of the proxy"),
        ):
            with self.subTest(status=status):
                proxy = Answering(self, status)
                environment = self.trusting({"SLUICE_PROXY": proxy.url})
                arguments = ("--retries", "2", DATASET, path)
                program = self.sluice_put(self.url, *arguments, environment=environment)
                said = self.said(program, 7)
                self.assertIn(f"{proxy.url} (from SLUICE_PROXY) sent HTTP {status} to", said)
                self.assertIn(advice, said)
                self.assertEqual(said.count("retrying in"), attempts - 1)
                self.assertEqual(
                    set(proxy.requests), {f"databank.example:{self.port}"}, proxy.requests
                )

    def test_a_proxy_that_is_not_there_is_named(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = "http://localhost:%d" % taken.getsockname()[1]
        _, said = self.check("--proxy", address, environment=self.trusting(), status=7)
        self.assertIn(f"check the proxy {address} (from --proxy)", said)

    def test_one_family_of_addresses_is_used_alone(self):
        # nginx listens on IPv4 only.
        local = f"https://localhost:{self.port}"
        self.check("--ipv4", url=local, environment=self.trusting())
        _, said = self.check("--ipv6", url=local, environment=self.trusting(), status=7)
        self.assertIn("only IPv6 addresses are tried (--ipv6)", said)
        _, said = self.check("--ipv4", url="https://[::1]:1", environment={}, status=7)
        self.assertIn("only IPv4 addresses are tried (--ipv4)", said)
        # It is meant for the way to the proxy, too.
        proxy = Squid(self)
        through = self.trusting({"SLUICE_PROXY": proxy.url()})
        self.check("--ipv4", environment=through)
        _, said = self.check("--ipv6", environment=through, status=7)
        self.assertIn(f"check the proxy {proxy.shown()} (from SLUICE_PROXY)", said)
        self.assertIn("only IPv6", said)
