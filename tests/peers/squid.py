"""squid, a proxy: with a password, over TLS, or breaking TLS open with an authority of its own."""

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
IN_A_URL = "s3cr%40t%2Fpw%20100%25"

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
    """A self-signed one; DIRECTORY/NAME.pem, with its key in NAME-key.pem."""
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
    """squid cannot choose one itself. Below those that the kernel gives to anybody at any time."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as trial:
            try:
                trial.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


class Squid:
    """It runs as nobody special, in a directory of its own, and knows databank.example. What it
    cannot know is checked when it ends: no token and no password is in its log."""

    def __init__(self, test, listen="http_port", servers=None):
        """`listen`: "http_port", which needs a password; "https_port", the same over TLS; or
        "ssl-bump", which also opens TLS. `servers`: the certificate of those behind it."""
        self._test = test
        self.directory = tempfile.mkdtemp(prefix="squid-")
        test.addCleanup(shutil.rmtree, self.directory)
        self.port = free_port()
        self.authority = certificate(self.directory, "campus-inspection")
        address = certificate(self.directory, "proxy", "-addext", "subjectAltName=DNS:localhost")
        self.certificate = address
        at = f"127.0.0.1:{self.port}"
        keys = {"https_port": address, "ssl-bump": self.authority}.get(listen, "")
        tls = f"tls-cert={keys} tls-key={keys.removesuffix('.pem')}-key.pem" if keys else ""
        port = listen if listen != "ssl-bump" else "http_port"
        line = f"{port} {at} {tls}"
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
        self._as = {}
        if os.geteuid() == 0:  # as which squid does not run
            nobody = pwd.getpwnam("proxy")
            self._as = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            for path in (self.directory, *glob.glob(f"{self.directory}/*")):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
        subprocess.run(
            [f"{_HELPERS}/security_file_certgen", "-c"]
            + ["-s", f"{self.directory}/certificates", "-M", "4MB"],
            check=True,
            capture_output=True,
            **self._as,
        )
        self.start()

    def start(self):
        """The first time, or again at the same port."""
        # What it shares in memory outlives one that was killed, under this name.
        name = f"sluice{os.getpid()}x{next(_names)}"
        self._test.addCleanup(
            lambda: [os.unlink(path) for path in glob.glob(f"/dev/shm/{name}-*")]
        )
        self._program = Program(
            self._test,
            [peers.installed("squid"), "-N", "-d", "1", "-n", name]
            + ["-f", f"{self.directory}/squid.conf"],
            cwd=self.directory,
            **self._as,
        )
        self._program.says("Socket connections at")

    def kill(self):
        self._program.kill()

    def url(self, scheme="http", user=USER, password=IN_A_URL):
        """Its address, with a password unless there is no `user`."""
        who = f"{user}:{password}@" if user else ""
        return f"{scheme}://{who}localhost:{self.port}"

    def shown(self, scheme="http"):
        """What may be said of it."""
        return self.url(scheme, user="")

    def log(self):
        """Ends it, and returns the lines of its log: each request, with its user."""
        self._test.assertEqual(self._program.end(), 0, self._program.output())
        with open(os.path.join(self.directory, "access.log"), encoding="utf-8") as file:
            text = file.read()
        for secret in (peers.TOKEN, PASSWORD, IN_A_URL):
            self._test.assertNotIn(secret, text)
        return text.splitlines()
