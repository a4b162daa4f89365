"""The proxy squid: with a password, over TLS, or inspecting TLS with an authority of its own."""

import glob
import itertools
import os
import pwd
import random
import shutil
import socket
import subprocess
import tempfile

import peers
from peers import Program

USER = "me"
PASSWORD = "s3cr@t/pw 100%"
PASSWORD_IN_URL = "s3cr%40t%2Fpw%20100%25"

_HELPERS = "/usr/lib/squid"
_CONFIGURATION = """\
{listen}
hosts_file {directory}/hosts
tls_outgoing_options cafile={directory}/servers.pem
sslcrtd_program {helpers}/security_file_certgen -s {directory}/certificates -M 4MB
sslcrtd_children 1 startup=1
auth_param basic program {helpers}/basic_ncsa_auth {directory}/users
auth_param basic children 1 startup=1
auth_param basic realm campus
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
access_log stdio:{directory}/access.log
cache_log /dev/null
cache deny all
cache_mem 8 MB
memory_cache_shared off
sslproxy_session_cache_size 0
max_filedescriptors 1024
pid_filename none
netdb_filename none
pinger_enable off
shutdown_lifetime 0 seconds
visible_hostname squid.example
coredump_dir {directory}
"""
_names = itertools.count()


def certificate(directory, name, *more):
    """Makes a self-signed certificate, DIRECTORY/NAME.pem, with its key in NAME-key.pem. Returns
    its path."""
    path = os.path.join(directory, name)
    subprocess.run(
        [peers.installed("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt"]
        + ["ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}", *more]
        + ["-keyout", f"{path}-key.pem", "-out", f"{path}.pem"],
        check=True,
        capture_output=True,
    )
    return f"{path}.pem"


def free_port():
    """Returns a free port for squid, which cannot choose one. The port is below the range that the
    kernel assigns to clients."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as trial:
            try:
                trial.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


class Squid:
    """A squid without root rights in its own directory, which resolves databank.example. log()
    checks that its log contains no token and no password."""

    def __init__(self, test, listen="http_port", servers=None):
        """`listen`: "http_port", with a password; "https_port", the same over TLS; or "ssl-bump",
        which also inspects TLS. `servers`: the certificate file of the servers."""
        self._test = test
        self.directory = tempfile.mkdtemp(prefix="squid-")
        test.addCleanup(shutil.rmtree, self.directory)
        self.port = free_port()
        self.authority = certificate(self.directory, "campus-inspection")
        self.certificate = certificate(
            self.directory, "proxy", "-addext", "subjectAltName=DNS:localhost"
        )
        address = f"127.0.0.1:{self.port}"
        keys = {"https_port": self.certificate, "ssl-bump": self.authority}.get(listen, "")
        tls = f"tls-cert={keys} tls-key={keys.removesuffix('.pem')}-key.pem" if keys else ""
        port = listen if listen != "ssl-bump" else "http_port"
        line = f"{port} {address} {tls}"
        if listen == "ssl-bump":
            line += " ssl-bump generate-host-certificates=on\nssl_bump bump all"
        shutil.copy(servers or self.authority, os.path.join(self.directory, "servers.pem"))
        hashed = subprocess.run(
            [peers.installed("openssl"), "passwd", "-apr1", "-stdin"],
            input=PASSWORD,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for name, text in (
            ("squid.conf", _CONFIGURATION.format(
                listen=line, directory=self.directory, helpers=_HELPERS)),
            ("users", f"{USER}:{hashed}"),
            ("hosts", "127.0.0.1 databank.example\n"),
        ):
            with open(os.path.join(self.directory, name), "w", encoding="utf-8") as file:
                file.write(text)
        self._user = {}
        if os.geteuid() == 0:  # squid refuses to run as root
            proxy = pwd.getpwnam("proxy")
            self._user = {"user": proxy.pw_uid, "group": proxy.pw_gid, "extra_groups": []}
            for path in (self.directory, *glob.glob(f"{self.directory}/*")):
                os.chown(path, proxy.pw_uid, proxy.pw_gid)
        subprocess.run(
            [f"{_HELPERS}/security_file_certgen", "-c"]
            + ["-s", f"{self.directory}/certificates", "-M", "4MB"],
            check=True,
            capture_output=True,
            **self._user,
        )
        self.start()

    def start(self):
        """Starts squid, also again after kill(), on the same port."""
        # A killed squid leaves shared memory under this name.
        name = f"sluice{os.getpid()}x{next(_names)}"
        self._test.addCleanup(
            lambda: [os.unlink(path) for path in glob.glob(f"/dev/shm/{name}-*")]
        )
        self._program = Program(
            self._test,
            [peers.installed("squid"), "-N", "-d", "1", "-n", name]
            + ["-f", f"{self.directory}/squid.conf"],
            cwd=self.directory,
            **self._user,
        )
        self._program.wait_for_output("Socket connections at")

    def kill(self):
        self._program.kill()

    def url(self, scheme="http", user=USER, password=PASSWORD_IN_URL):
        """Returns the proxy's URL; without credentials if `user` is empty."""
        credentials = f"{user}:{password}@" if user else ""
        return f"{scheme}://{credentials}localhost:{self.port}"

    def shown(self, scheme="http"):
        """Returns the URL as messages must show it, without credentials."""
        return self.url(scheme, user="")

    def log(self):
        """Ends squid. Returns the lines of its log, which have each request and its user."""
        self._test.assertEqual(self._program.end(), 0, self._program.output())
        with open(os.path.join(self.directory, "access.log"), encoding="utf-8") as file:
            text = file.read()
        for secret in (peers.TOKEN, PASSWORD, PASSWORD_IN_URL):
            self._test.assertNotIn(secret, text)
        return text.splitlines()
