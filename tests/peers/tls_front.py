"""nginx as a TLS reverse proxy for databankd."""

import json
import os
import socket
import subprocess

import peers
from peers import Program, Test

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
  client_max_body_size {max_body};
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


class TlsFront(Test):
    """The base class of tests with nginx as a reverse proxy with a self-signed certificate."""

    def front(self, bank, max_body, buffering, days=2, tls="", names="IP:127.0.0.1"):
        """Starts nginx as a reverse proxy for `bank`. Returns its URL. `max_body`: the largest
        body, "0" for no limit; `buffering`: of requests, "on" or "off"; `days`, `names`: the
        validity and the names of the certificate; `tls`: more directives."""
        subprocess.run(
            [peers.installed("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt"]
            + ["ec_paramgen_curve:P-256", "-nodes", "-days", str(days), "-subj", "/CN=sluice test"]
            + ["-addext", f"subjectAltName={names}"]
            + ["-keyout", f"{self.scratch}/key.pem", "-out", f"{self.scratch}/certificate.pem"],
            check=True,
            capture_output=True,
        )
        # nginx inherits a listening socket, as during an upgrade of its binary. So the port is
        # certainly free, and clients can connect before nginx has started.
        with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
            address = "127.0.0.1:%d" % listening.getsockname()[1]
            configuration = os.path.join(self.scratch, "nginx.conf")
            with open(configuration, "w", encoding="utf-8") as file:
                file.write(
                    _CONFIGURATION.format(
                        scratch=self.scratch,
                        address=address,
                        max_body=max_body,
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

    def requests(self):
        with open(os.path.join(self.scratch, "access.jsonl"), encoding="utf-8") as file:
            return [json.loads(line) for line in file]
