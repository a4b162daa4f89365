"""The archive of tools/bundle, unpacked in an empty root directory: `sluice check` and `sluice put`
over TLS, to databankd behind nginx."""

import os
import pathlib
import random
import socket
import struct
import subprocess
import sys
import tarfile
import tempfile
import threading
import unittest

import empty_root
import peers
import tls_front
from empty_root import EmptyRoot
from peers import DATASET, MIB, TOKEN, Test

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"
BUILD = os.environ["SLUICE_BUILD"]

# The CA certificates of each distribution: the file, and a symbolic link to the file.
CERTIFICATES = {
    "Debian": ("/etc/ssl/certs/ca-certificates.crt", None),
    "Red Hat 6": ("/etc/pki/tls/certs/ca-bundle.crt", None),
    "Red Hat": (
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/pki/tls/certs/ca-bundle.crt",
    ),
    "SUSE": ("/var/lib/ca-certificates/ca-bundle.pem", None),
    "Alpine": ("/etc/ssl/cert.pem", None),
}

MAX_ARCHIVE_BYTES = 14_000_000  # 12.7 million at the time of writing
HOST = "databank.test"


def make_bundle(directory):
    """Runs tools/bundle. Returns the path of the archive, in `directory`."""
    made = subprocess.run(
        [TOOLS / "bundle", "--build", BUILD, "--output", directory],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=600,
    )
    if made.returncode != 0:
        raise AssertionError(made.stderr)
    return pathlib.Path(made.stdout.strip())


class NameServer:
    """A DNS server for one name, on port 53 of a random loopback address, which is in `address`."""

    def __init__(self, test, name):
        self._name = b"".join(
            bytes([len(label)]) + label.encode() for label in name.split(".")
        ) + bytes(1)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        test.addCleanup(self._socket.close)
        seed = random.randrange(1 << 30)
        print(f"name server: seed {seed}", flush=True)
        chosen = random.Random(seed)
        for _ in range(20):
            self.address = f"127.{chosen.randrange(1, 255)}.{chosen.randrange(256)}.53"
            try:
                self._socket.bind((self.address, 53))
                break
            except OSError as error:
                why = error
        else:
            raise AssertionError(f"cannot bind port 53 of any loopback address: {why}")
        self.queries = 0  # received
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                query, client = self._socket.recvfrom(4096)
            except OSError:
                return
            self.queries += 1
            end = query.index(0, 12) + 5
            question = query[12:end]
            known = question[:-4].lower() == self._name
            address = known and question[-4:] == struct.pack("!HH", 1, 1)
            # The flags of a response to a recursive query; NXDOMAIN for other names.
            flags = 0x8180 if known else 0x8183
            response = query[:2] + struct.pack("!HHHHH", flags, 1, int(address), 0, 0) + question
            if address:
                response += struct.pack("!HHHIH", 0xC00C, 1, 1, 60, 4) + bytes([127, 0, 0, 1])
            self._socket.sendto(response, client)


class Bundle(Test):
    front = tls_front.TlsFront.front
    certificate = tls_front.TlsFront.certificate

    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(dir=peers.PEERS)
        cls.addClassCleanup(directory.cleanup)
        cls.archive = make_bundle(directory.name)
        with tarfile.open(cls.archive) as archive:
            cls.names = archive.getnames()
            archive.extractall(directory.name)
        cls.unpacked = pathlib.Path(directory.name, cls.names[0])

    def empty_root(self, name="root", place="/opt/sluice"):
        """Returns an EmptyRoot with the bundle at `place`."""
        root = EmptyRoot(os.path.join(self.scratch, name))
        root.copy(self.unpacked, place)
        root.sluice = f"{place}/bin/sluice"
        return root

    def sluice_in(self, root, *words, environment=None, program=None):
        return root.run(self, program or root.sluice, *words, environment=environment)

    def version(self, root, **more):
        """Runs `sluice --version`, which must succeed. Returns its output."""
        program = self.sluice_in(root, "--version", **more)
        self.assertEqual(program.wait(), 0, program.output())
        return program.output()

    def server(self):
        """Starts databankd, and nginx as its reverse proxy with a certificate for HOST. Returns
        databankd and the URL of nginx."""
        bank = self.bank("--location", "http")
        url = self.front(bank, "0", "off", names=f"DNS:{HOST}")
        return bank, url.replace("127.0.0.1", HOST)

    def check_and_put(self, root, bank, url, name):
        """Runs `sluice check`, and `sluice put` for a new file of that name. Returns the result of
        `sluice check`."""
        path = self.noise(3 * MIB + 5, name)
        os.link(path, root.path / "home" / name)
        os.chmod(path, 0o644)
        common = ("--url", url, "--json", "--state-dir", "/home/state")
        token = {"SLUICE_TOKEN": TOKEN}
        check = self.sluice_in(root, "check", *common, DATASET, environment=token)
        self.assertEqual(check.wait(), 0, check.output())
        put = self.sluice_in(
            root, "put", *common, "--progress", "never", DATASET, f"/home/{name}", environment=token
        )
        self.registered_by_sluice(put)
        self.assertSameFile(path, bank.deposited(name))
        return check.json_lines()[0]

    def test_finds_certificates_of_each_distribution(self):
        bank, url = self.server()
        certificate = pathlib.Path(self.certificate()).read_text()
        for system, (file, link) in CERTIFICATES.items():
            with self.subTest(system=system):
                root = self.empty_root(system.replace(" ", "-"))
                root.write("/etc/hosts", f"127.0.0.1 {HOST}\n")
                root.write(file, certificate)
                if link:
                    root.link(link, file)
                self.check_and_put(root, bank, url, f"{system}.bin")

    def test_batch_runs_shards_with_the_bundle(self):
        bank, url = self.server()
        root = self.empty_root()
        root.write("/etc/hosts", f"127.0.0.1 {HOST}\n")
        root.write("/etc/ssl/cert.pem", pathlib.Path(self.certificate()).read_text())
        root.write("/dev/null", "")  # the standard input of the shards
        for name in ("a", "b"):
            root.write(f"/home/{name}", name)
        root.write("/home/files.csv", f"path,dataset\na,{DATASET}\nb,{DATASET}\n")
        batch = self.sluice_in(
            root,
            *("batch", "--local", "--shards", "2", "--url", url, "--state-dir", "/home/state"),
            "/home/files.csv",
            environment={"SLUICE_TOKEN": TOKEN},
        )
        self.assertEqual(batch.wait(), 0, batch.output())
        for name in ("a", "b"):
            self.assertEqual(pathlib.Path(bank.deposited(name)).read_text(), name)

    def test_suggests_ca_file_without_certificates(self):
        _, url = self.server()
        root = self.empty_root()
        root.write("/etc/hosts", f"127.0.0.1 {HOST}\n")
        check = self.sluice_in(root, "check", "--url", url, "--state-dir", "/home/state")
        self.assertEqual(check.wait(), 7, check.output())
        self.assertIn("--ca-file", check.output())

    def test_resolves_names_by_etc_hosts_and_dns(self):
        if os.geteuid() != 0:
            self.skipTest("only root may bind port 53 for the DNS server")
        bank, url = self.server()
        names = NameServer(self, HOST)
        root = self.empty_root()
        root.write("/etc/resolv.conf", f"nameserver {names.address}\n")
        root.write("/etc/ssl/cert.pem", pathlib.Path(self.certificate()).read_text())
        self.check_and_put(root, bank, url, "dns.bin")
        self.assertGreater(names.queries, 0)
        # DNS does not resolve this name, and the certificate is for another name.
        root.write("/etc/hosts", "127.0.0.1 hosts.test\n")
        url = url.replace(HOST, "hosts.test")
        check = self.sluice_in(root, "check", "--url", url, "--state-dir", "/home/state")
        self.assertEqual(check.wait(), 7, check.output())
        self.assertIn("check the host name in the URL", check.output())

    def test_runs_from_any_directory_through_links_and_after_a_move(self):
        root = self.empty_root(place="/home/a b:c;$d/sluice")
        version = self.version(root)
        self.assertRegex(version, r"\d+\.\d+\.\d+")
        root.link("/usr/bin/sluice", root.sluice)
        root.link("/bin/up", "../usr/bin/sluice")
        self.assertEqual(self.version(root, program="/bin/up"), version)
        (root.path / "home" / "a b:c;$d" / "sluice").rename(root.path / "moved")
        self.assertEqual(self.version(root, program="/moved/bin/sluice"), version)

    def test_names_a_missing_file(self):
        for missing in ("lib/ld-linux-x86-64.so.2", "libexec/sluice", "lib/libcurl.so.4"):
            with self.subTest(missing=missing):
                root = self.empty_root(missing.replace("/", "-"))
                # The loader must not find these files, and would report that they are no libraries.
                for directory in ("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib"):
                    root.write(f"{directory}/libcurl.so.4", "no library")
                (root.path / "opt" / "sluice" / missing).unlink()
                program = self.sluice_in(root, "--version")
                self.assertNotEqual(program.wait(), 0)
                named = "lib/sluice" if "ld-linux" in missing else os.path.basename(missing)
                self.assertIn(named, program.output())
                self.assertIn("No such file or directory", program.output())
                if "libcurl" not in missing:  # the loader reports missing libraries
                    self.assertIn("unpack the bundle again", program.output())

    def test_loader_ignores_environment_and_files_of_the_host(self):
        root = self.empty_root()
        version = self.version(root)
        # Not a library: the loader would report an error on opening this file.
        root.write("/nonsense.so", "no library")
        # The same, with the name of a library that sluice needs.
        root.write("/nonsense/libcurl.so.4", "no library")
        root.write("/etc/ld.so.preload", "/nonsense.so\n")
        root.write("/etc/ld.so.cache", "no cache")
        for variables in (
            {},
            {"LD_PRELOAD": "/nonsense.so"},
            {"LD_AUDIT": "/nonsense.so"},
            {"LD_LIBRARY_PATH": "/nonsense"},
        ):
            with self.subTest(variables=variables):
                self.assertEqual(self.version(root, environment=variables), version)

    def test_ignores_openssl_configuration_of_the_host(self):
        bank, url = self.server()
        root = self.empty_root()
        root.write("/etc/hosts", f"127.0.0.1 {HOST}\n")
        root.write("/etc/ssl/cert.pem", pathlib.Path(self.certificate()).read_text())
        # Only the provider `base`, which has no algorithms, as on hosts with a FIPS provider.
        provider = "openssl_conf = a\n[a]\nproviders = b\n[b]\nbase = c\n[c]\nactivate = 1\n"
        root.write("/usr/lib/ssl/openssl.cnf", provider)
        self.check_and_put(root, bank, url, "noise.bin")
        # OPENSSL_CONF still applies to sluice.
        check = self.sluice_in(
            root,
            *("check", "--url", url, "--state-dir", "/home/state"),
            environment={"OPENSSL_CONF": "/usr/lib/ssl/openssl.cnf"},
        )
        self.assertNotEqual(check.wait(), 0, check.output())

    def test_needs_no_library_of_the_host(self):
        """Uses the list of the bundle's loader, because ldd would use the loader of the host."""
        root = self.empty_root()
        listing = root.run(
            self,
            "/opt/sluice/lib/sluice",
            *("--library-path", "/opt/sluice/lib", "--list", "/opt/sluice/libexec/sluice"),
        )
        self.assertEqual(listing.wait(), 0, listing.output())
        found = [line.split(" => ")[-1].split()[0] for line in listing.lines() if "=>" in line]
        self.assertGreater(len(found), 20)
        self.assertEqual([path for path in found if not path.startswith("/opt/sluice/lib/")], [])
        # bin/sluice and the loader need no libraries.
        for program in ("bin/sluice", "lib/ld-linux-x86-64.so.2"):
            headers = subprocess.run(
                ["readelf", "--program-headers", self.unpacked / program],
                capture_output=True,
                text=True,
                check=True,
            )
            self.assertNotIn("INTERP", headers.stdout)

    def test_process_has_name_and_path_of_sluice(self):
        # sluice waits for a server that accepts the connection and never responds.
        with socket.create_server(("127.0.0.1", 0)) as silent:
            root = self.empty_root()
            url = "http://127.0.0.1:%d" % silent.getsockname()[1]
            program = self.sluice_in(root, "check", "--url", url, "--state-dir", "/home/state")
            silent.settimeout(peers.TIMEOUT)
            connection, _ = silent.accept()
            with connection:
                process = pathlib.Path("/proc", str(program.pid()))
                self.assertEqual((process / "comm").read_text().strip(), "sluice")
                # Child processes inherit no other variable.
                environment = (process / "environ").read_bytes()
                self.assertEqual(environment, b"SLUICE_PROGRAM=/opt/sluice/bin/sluice\0")
                program.kill()

    def test_archive_is_small_complete_and_reproducible(self):
        self.assertLess(self.archive.stat().st_size, MAX_ARCHIVE_BYTES)
        for name in (
            "README",
            "share/man/man1/sluice.1",
            "share/man/man5/sluice-json.5",
            "share/bash-completion/completions/sluice",
            "share/doc/sluice/licences/libcurl4",
            "share/doc/sluice/licences/common-licenses/LGPL-2.1",
            "share/doc/sluice/packages",
        ):
            self.assertTrue((self.unpacked / name).is_file(), name)
        self.assertEqual([name for name in self.names if "databankd" in name], [])
        again = make_bundle(self.scratch)
        self.assertEqual(peers.sha256(again), peers.sha256(self.archive))


if __name__ == "__main__":
    os.umask(0o022)  # another user runs the programs
    error = empty_root.unsupported()
    if error:
        print(f"skipped: cannot enter another root directory: {error}")
        sys.exit(77)
    unittest.main()
