"""The servers."""

import os
import socket
import subprocess
import time

from .measure import Failed, Server, Unavailable, program

DATASET = "IDB-0000001"
CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"  # the default of libcurl on Debian
TOKEN = "0123456789abcdef"  # valid only for a server that runs a few seconds on this machine

_NGINX = """\
daemon off;
pid {scratch}/nginx.pid;
error_log stderr error;
worker_processes 1;
events {{}}
http {{
  log_format tls '$http_user_agent $ssl_protocol $ssl_cipher';
  access_log {scratch}/nginx-access.log tls;
  client_body_temp_path {scratch}/nginx-body;
  proxy_temp_path {scratch}/nginx-proxy;
  fastcgi_temp_path {scratch}/nginx-fastcgi;
  uwsgi_temp_path {scratch}/nginx-uwsgi;
  scgi_temp_path {scratch}/nginx-scgi;
  client_max_body_size 0;
  client_body_buffer_size 512k;
  upstream bank {{
    server {bank};
    keepalive 8;
  }}
  server {{
    listen {address}:{port} ssl;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.2 TLSv1.3;
    location / {{
      proxy_pass http://bank;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_request_buffering off;
      proxy_read_timeout 3600s;
    }}
  }}
}}
"""


class Bank(Server):
    """databankd, which discards the data. `thinks`: the seconds that it delays each chunk."""

    def __init__(self, programs, network, scratch, thinks=0.0):
        command = [
            *network.server_side,
            os.path.join(programs, "databankd"),
            "--listen",
            f"{network.address}:0",
            "--store",
            os.path.join(scratch, "store"),
            "--dataset",
            f"{DATASET}={TOKEN}",
            "--discard",
            "--quiet",
        ]
        if thinks:
            command += ["--think", f"{thinks * 1000:.0f}ms"]
        super().__init__(command, os.path.join(scratch, "databankd.log"))

    def __enter__(self):
        super().__enter__()
        try:
            self.url = self.line("listening on ")
        except BaseException:
            self.__exit__()
            raise
        return self


class Iperf(Server):
    def __init__(self, network, scratch):
        self.address, self.port = network.address, network.free_port()
        super().__init__(
            [
                *network.server_side,
                program("iperf3"),
                "--server",
                "--forceflush",
                "--bind",
                self.address,
                "--port",
                str(self.port),
            ],
            os.path.join(scratch, "iperf3.log"),
        )

    def __enter__(self):
        super().__enter__()
        try:
            self.line("Server listening on ")
        except BaseException:
            self.__exit__()
            raise
        return self


class TlsProxy(Server):
    """nginx with TLS in front of `bank`, over loopback; does not buffer request bodies."""

    def __init__(self, bank, network, scratch):
        nginx = program("nginx")
        if not os.path.exists(CA_BUNDLE):
            raise Unavailable(f"{CA_BUNDLE} is missing; run: tools/install-dependencies bench")
        self.address, self.port = network.address, network.free_port()
        self.url = f"https://{self.address}:{self.port}"
        certificate = os.path.join(scratch, "certificate.pem")
        # Includes the system's certificates, because reading those takes about 20 ms in real use.
        self.certificates = os.path.join(scratch, "certificates.pem")
        self._access_log = os.path.join(scratch, "nginx-access.log")
        key = os.path.join(scratch, "key.pem")
        subprocess.run(
            [
                program("openssl"),
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=sluice bench",
                "-addext",
                f"subjectAltName=IP:{self.address}",
                "-keyout",
                key,
                "-out",
                certificate,
            ],
            check=True,
            capture_output=True,
        )
        with open(self.certificates, "wb") as bundle:
            for path in (CA_BUNDLE, certificate):
                with open(path, "rb") as part:
                    bundle.write(part.read() + b"\n")
        configuration = os.path.join(scratch, "nginx.conf")
        with open(configuration, "w", encoding="utf-8") as file:
            file.write(
                _NGINX.format(
                    scratch=scratch,
                    address=self.address,
                    port=self.port,
                    bank=bank.url.removeprefix("http://"),
                    certificate=certificate,
                    key=key,
                )
            )
        super().__init__(
            [nginx, "-e", "stderr", "-c", configuration], os.path.join(scratch, "nginx.log")
        )

    def __enter__(self):
        super().__enter__()
        try:
            self._wait_until_it_listens()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _wait_until_it_listens(self):
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection((self.address, self.port), 1).close()
                return
            except OSError as error:
                if self.process.poll() is not None:
                    raise Failed(f"nginx exited: {self.last_words()}") from None
                if time.monotonic() > until:
                    raise Failed(f"nginx did not listen within 20 s: {error}") from None
                time.sleep(0.01)

    def cipher(self, client):
        """Returns the protocol and cipher of the last request of that client."""
        with open(self._access_log, encoding="utf-8", errors="replace") as lines:
            mine = [line.split()[-2:] for line in lines if line.startswith(client)]
        return " ".join(mine[-1]) if mine else "unknown"
