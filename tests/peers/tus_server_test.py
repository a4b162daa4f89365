"""sluice with third-party tus servers (tus_servers.mjs): each stores the file's bytes, which are
registered once. All servers run the same tests."""

import json
import os

import peers
from peers import DATASET, MIB, TOKEN, Program, Test, sha256


class Contract:
    """The tests of all servers."""

    server = ""
    extensions = []
    checksums = []

    def serve(self, *arguments):
        script = os.path.join(peers.PEERS, "tus_server.mjs")
        store = os.path.join(self.scratch, "store")
        server = Program(
            self,
            [peers.installed("node"), script, "--server", self.server, "--store", store]
            + ["--dataset", DATASET, "--token", TOKEN, *arguments],
        )
        server.url = server.line("listening on ")
        return server

    def put(self, server, *arguments):
        return self.sluice_put(server.url, "--protocol", "tus", *arguments)

    def assert_registered(self, *paths):
        """Checks that exactly these files are registered, each once, with name, size and bytes."""
        with open(
            os.path.join(self.scratch, "store", "registered.jsonl"), encoding="utf-8"
        ) as file:
            lines = [json.loads(line) for line in file]
        self.assertCountEqual(
            [(line["registered"], line["size"], line["claimed"], line["sha256"]) for line in lines],
            [
                (
                    os.path.basename(path),
                    os.path.getsize(path),
                    str(os.path.getsize(path)),
                    sha256(path),
                )
                for path in paths
            ],
        )

    def stored(self):
        """Returns the names of the stored uploads, without the server's metadata files."""
        found = os.listdir(os.path.join(self.scratch, "store", "uploads"))
        return sorted(name for name in found if not name.endswith(".json"))

    def kill_at_mark(self, server, path, *arguments):
        """Uploads to a server with --mark, and kills sluice at the mark, with bytes in flight."""
        program = self.put(server, "--limit-rate", "16M", *arguments, DATASET, path)
        server.line('{"mark"')
        program.kill()

    def patches(self, server):
        """Returns the offsets of the PATCH requests."""
        return [
            int(line["offset"]) for line in server.json_lines() if line.get("method") == "PATCH"
        ]

    def test_files_of_all_sizes(self):
        paths = [self.noise(size, f"{size}.bin") for size in (0, 1, 5 * MIB + 3, 20 * MIB)]
        server = self.serve()
        uploads = self.registered_by_sluice(self.put(server, DATASET, *paths))
        self.assertEqual([upload["bytes"] for upload in uploads], [0, 1, 5 * MIB + 3, 20 * MIB])
        self.assert_registered(*paths)

    def test_names_that_need_quoting(self):
        names = [
            "two  blanks.txt",
            "quote\"s and 'ticks'.csv",
            "Größe – 測量.dat",
            "a;b=c&d%20+e,f.txt",
        ]
        paths = [self.noise(1000 + index, name) for index, name in enumerate(names)]
        self.registered_by_sluice(self.put(self.serve(), DATASET, *paths))
        self.assert_registered(*paths)

    def test_relative_location(self):
        path = self.noise(3 * MIB)
        self.registered_by_sluice(self.put(self.serve("--relative"), DATASET, path))
        self.assert_registered(path)

    def test_in_several_chunks(self):
        path = self.noise(20 * MIB + 1)
        server = self.serve()
        self.registered_by_sluice(self.put(server, "--chunk", "8M", DATASET, path))
        self.assertEqual(self.patches(server), [0, 8 * MIB, 16 * MIB])
        self.assert_registered(path)

    def test_small_files_share_connections(self):
        paths = [self.noise(10_000 + index, f"{index}.bin") for index in range(40)]
        server = self.serve()
        self.registered_by_sluice(self.put(server, "--transfers", "4", DATASET, *paths))
        self.assert_registered(*paths)
        connections = sum("connected" in line for line in server.json_lines())
        # At most one connection for each registration, which uses a new one if that is cheap; four
        # for the concurrent transfers, and some for the first questions.
        self.assertLessEqual(connections, len(paths) + 8)

    def test_sends_small_files_with_the_creation(self):
        """All these servers announce creation-with-upload."""
        sizes = (0, 1, 10_000, MIB, 4 * MIB, 4 * MIB + 1)
        paths = [self.noise(size, f"{size}.bin") for size in sizes]
        server = self.serve()
        self.registered_by_sluice(self.put(server, "--verify-chunks", "off", DATASET, *paths))
        self.assert_registered(*paths)
        requests = [(line.get("method"), line.get("path")) for line in server.json_lines()]
        self.assertEqual(requests.count(("POST", "/files/")), len(paths))
        self.assertEqual(self.patches(server), [0], "only of the largest file")
        self.assertNotIn("HEAD", [method for method, _ in requests])

    def test_parallel_parts_require_concatenation(self):
        path = self.noise(40 * MIB)
        server = self.serve()
        program = self.put(server, "--lanes", "4", DATASET, path)
        self.assertEqual(program.wait(), 2, program.output())
        self.assertIn("concatenation", program.output())
        self.registered_by_sluice(self.put(server, "--lanes", "auto", DATASET, path))
        requests = [(line.get("method"), line.get("path")) for line in server.json_lines()]
        self.assertEqual(requests.count(("POST", "/files/")), 1)
        self.assert_registered(path)

    def test_auto_detects_tus(self):
        path = self.noise(MIB)
        uploads = self.registered_by_sluice(self.sluice_put(self.serve().url, DATASET, path))
        self.assertEqual(uploads[0].get("protocol", "tus"), "tus")
        self.assert_registered(path)

    def test_check_reports_capabilities_without_changes(self):
        server = self.serve()
        program = self.sluice("check", server.url, DATASET)
        self.assertEqual(program.wait(), 0, program.output())
        found = program.json_lines()[0]["server"]
        self.assertEqual(found["protocol"], "tus")
        self.assertEqual(found["most_file_bytes"], 2199023255552)
        self.assertCountEqual(found["extensions"], self.extensions)
        self.assertCountEqual(found["checksum_algorithms"], self.checksums)
        self.assertEqual(self.stored(), [])
        self.assertFalse(os.path.exists(os.path.join(self.scratch, "store", "registered.jsonl")))

    def test_wrong_token_registers_nothing(self):
        path = self.noise(1000)
        server = self.serve()
        program = self.sluice_put(
            server.url, "--protocol", "tus", DATASET, path, environment={"SLUICE_TOKEN": "another"}
        )
        self.assertEqual(program.wait(), 3, program.output())
        self.assertFalse(os.path.exists(os.path.join(self.scratch, "store", "registered.jsonl")))

    def test_resumes_after_kill_from_the_server_s_offset(self):
        path = self.noise(32 * MIB)
        server = self.serve("--mark", 16 * MIB)
        self.kill_at_mark(server, path, "--verify-chunks", "off")
        before = len(self.patches(server))
        upload = self.registered_by_sluice(self.put(server, DATASET, path))[0]
        # All received bytes except those not yet written to the file.
        self.assertGreaterEqual(upload["resumed_from"], 15 * MIB)
        self.assertGreaterEqual(min(self.patches(server)[before:]), 15 * MIB)
        self.assert_registered(path)

    def test_resumes_after_the_server_crashed_and_restarted(self):
        path = self.noise(32 * MIB)
        server = self.serve("--die-at", 16 * MIB)
        program = self.put(server, DATASET, path)
        server.wait()
        port = server.url.rpartition(":")[2]
        restarted = self.serve("--port", port)
        self.registered_by_sluice(program)
        self.assertGreater(min(self.patches(restarted)), 0)
        self.assert_registered(path)

    def test_restarts_an_upload_that_the_server_lost(self):
        path = self.noise(20 * MIB)
        server = self.serve("--mark", 8 * MIB)
        self.kill_at_mark(server, path)
        server.kill()
        (lost,) = self.stored()
        os.remove(os.path.join(self.scratch, "store", "uploads", lost))
        restarted = self.serve("--port", server.url.rpartition(":")[2])
        upload = self.registered_by_sluice(self.put(restarted, DATASET, path))[0]
        self.assertEqual(upload["resumed_from"], 0)
        self.assertEqual(self.patches(restarted)[0], 0)
        self.assert_registered(path)

    def test_restart_deletes_the_earlier_upload(self):
        path = self.noise(20 * MIB)
        server = self.serve("--mark", 8 * MIB)
        self.kill_at_mark(server, path)
        earlier = self.stored()
        self.assertEqual(len(earlier), 1)
        self.registered_by_sluice(self.put(server, "--restart", DATASET, path))
        server.line('{"answered":204,"to":"DELETE"')
        self.assertEqual(len(self.stored()), 1)
        self.assertNotEqual(self.stored(), earlier)
        self.assert_registered(path)


class Checksums:
    """More tests for servers with the checksum extension."""

    def algorithms(self, server):
        """Returns the checksum algorithm of each PATCH."""
        patches = [line for line in server.json_lines() if line.get("method") == "PATCH"]
        return [line.get("checksum", "").split(" ")[0] for line in patches]

    def test_sends_a_checksum_with_each_chunk(self):
        path = self.noise(20 * MIB + 1)
        server = self.serve()
        self.registered_by_sluice(
            self.put(server, "--verify-chunks", "on", "--chunk", "8M", DATASET, path)
        )
        self.assertEqual(self.algorithms(server), ["sha1"] * 3)
        self.assert_registered(path)

    def test_resends_a_corrupted_chunk(self):
        path = self.noise(20 * MIB)
        server = self.serve("--flip", 9 * MIB)
        self.registered_by_sluice(
            self.put(server, "--verify-chunks", "on", "--chunk", "8M", DATASET, path)
        )
        server.line('{"flipped"')
        server.line('{"answered":460')
        self.assertEqual(self.patches(server), [0, 8 * MIB, 8 * MIB, 16 * MIB])
        self.assert_registered(path)

    def test_resumes_after_kill_with_checksums(self):
        path = self.noise(32 * MIB)
        server = self.serve("--mark", 16 * MIB)
        self.kill_at_mark(server, path, "--verify-chunks", "on", "--chunk", "8M")
        upload = self.registered_by_sluice(
            self.put(server, "--verify-chunks", "on", DATASET, path)
        )[0]
        self.assertGreaterEqual(upload["resumed_from"], 8 * MIB)
        self.assert_registered(path)


class TusServer(Contract, Test):
    server = "@tus/server"
    extensions = ["creation", "creation-with-upload", "creation-defer-length"]
    extensions += ["termination", "expiration"]


class TusNodeServer(Contract, Test):
    server = "tus-node-server"
    extensions = ["creation", "creation-with-upload", "creation-defer-length", "termination"]


class Uploadx(Checksums, Contract, Test):
    server = "@uploadx/core"
    extensions = ["creation", "creation-with-upload", "termination", "checksum", "expiration"]
    checksums = ["md5", "sha1", "sha256"]
