"""sluice against tus servers that others wrote (tus_servers.mjs): what they store is the file, and
is registered once. One contract for all of them."""

import json
import os

import peers
from peers import DATASET, MIB, TOKEN, Program, Test, sha256


class Contract:
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
        """Each once, with its name, its size and its bytes, and nothing else."""
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
        """The uploads that the server has; what it notes beside them is no upload."""
        found = os.listdir(os.path.join(self.scratch, "store", "uploads"))
        return sorted(name for name in found if not name.endswith(".json"))

    def stop_half_way(self, server, path, *arguments):
        """A server with --mark; sluice is killed there, while bytes are under way."""
        program = self.put(server, "--limit-rate", "16M", *arguments, DATASET, path)
        server.line('{"mark"')
        program.kill()

    def patches(self, server):
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

    def test_a_relative_location(self):
        path = self.noise(3 * MIB)
        self.registered_by_sluice(self.put(self.serve("--relative"), DATASET, path))
        self.assert_registered(path)

    def test_in_several_chunks(self):
        path = self.noise(20 * MIB + 1)
        server = self.serve()
        self.registered_by_sluice(self.put(server, "--chunk", "8M", DATASET, path))
        self.assertEqual(self.patches(server), [0, 8 * MIB, 16 * MIB])
        self.assert_registered(path)

    def test_many_small_files_share_a_few_connections(self):
        paths = [self.noise(10_000 + index, f"{index}.bin") for index in range(40)]
        server = self.serve()
        self.registered_by_sluice(self.put(server, "--transfers", "4", DATASET, *paths))
        self.assert_registered(*paths)
        connections = sum("connected" in line for line in server.json_lines())
        # Four at a time, and the first questions may have had one of their own; a registration
        # goes over a new one where that costs little.
        self.assertLessEqual(connections, len(paths) + 8)

    def test_small_files_go_with_the_creation_of_their_uploads(self):
        """All of these servers announce creation-with-upload."""
        sizes = (0, 1, 10_000, MIB, 4 * MIB, 4 * MIB + 1)
        paths = [self.noise(size, f"{size}.bin") for size in sizes]
        server = self.serve()
        self.registered_by_sluice(self.put(server, "--verify-chunks", "off", DATASET, *paths))
        self.assert_registered(*paths)
        asked = [(line.get("method"), line.get("path")) for line in server.json_lines()]
        self.assertEqual(asked.count(("POST", "/files/")), len(paths))
        self.assertEqual(self.patches(server), [0], "that of the largest file alone")
        self.assertNotIn("HEAD", [method for method, _ in asked])

    def test_lanes_are_for_servers_that_join_them(self):
        path = self.noise(40 * MIB)
        server = self.serve()
        program = self.put(server, "--lanes", "4", DATASET, path)
        self.assertEqual(program.wait(), 2, program.output())
        self.assertIn("concatenation", program.output())
        self.registered_by_sluice(self.put(server, "--lanes", "auto", DATASET, path))
        asked = [(line.get("method"), line.get("path")) for line in server.json_lines()]
        self.assertEqual(asked.count(("POST", "/files/")), 1)
        self.assert_registered(path)

    def test_auto_finds_out_that_it_is_tus(self):
        path = self.noise(MIB)
        uploads = self.registered_by_sluice(self.sluice_put(self.serve().url, DATASET, path))
        self.assertEqual(uploads[0].get("protocol", "tus"), "tus")
        self.assert_registered(path)

    def test_check_says_what_it_announces_and_changes_nothing(self):
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

    def test_a_wrong_token_registers_nothing(self):
        path = self.noise(1000)
        server = self.serve()
        program = self.sluice_put(
            server.url, "--protocol", "tus", DATASET, path, environment={"SLUICE_TOKEN": "another"}
        )
        self.assertEqual(program.wait(), 3, program.output())
        self.assertFalse(os.path.exists(os.path.join(self.scratch, "store", "registered.jsonl")))

    def test_killed_half_way_it_goes_on_where_the_server_is(self):
        path = self.noise(32 * MIB)
        server = self.serve("--mark", 16 * MIB)
        self.stop_half_way(server, path, "--verify-chunks", "off")
        before = len(self.patches(server))
        upload = self.registered_by_sluice(self.put(server, DATASET, path))[0]
        # All that it had got but what was still on its way to its file.
        self.assertGreaterEqual(upload["resumed_from"], 15 * MIB)
        self.assertGreaterEqual(min(self.patches(server)[before:]), 15 * MIB)
        self.assert_registered(path)

    def test_the_server_dies_half_way_and_comes_back(self):
        path = self.noise(32 * MIB)
        server = self.serve("--die-at", 16 * MIB)
        program = self.put(server, DATASET, path)
        server.wait()
        port = server.url.rpartition(":")[2]
        again = self.serve("--port", port)
        self.registered_by_sluice(program)
        self.assertGreater(min(self.patches(again)), 0)
        self.assert_registered(path)

    def test_what_the_server_has_lost_is_sent_again(self):
        path = self.noise(20 * MIB)
        server = self.serve("--mark", 8 * MIB)
        self.stop_half_way(server, path)
        server.kill()
        (lost,) = self.stored()
        os.remove(os.path.join(self.scratch, "store", "uploads", lost))
        again = self.serve("--port", server.url.rpartition(":")[2])
        upload = self.registered_by_sluice(self.put(again, DATASET, path))[0]
        self.assertEqual(upload["resumed_from"], 0)
        self.assertEqual(self.patches(again)[0], 0)
        self.assert_registered(path)

    def test_what_is_abandoned_is_deleted_there(self):
        path = self.noise(20 * MIB)
        server = self.serve("--mark", 8 * MIB)
        self.stop_half_way(server, path)
        abandoned = self.stored()
        self.assertEqual(len(abandoned), 1)
        self.registered_by_sluice(self.put(server, "--restart", DATASET, path))
        server.line('{"answered":204,"to":"DELETE"')
        self.assertEqual(len(self.stored()), 1)
        self.assertNotEqual(self.stored(), abandoned)
        self.assert_registered(path)


class Checksums:
    """For servers that compare them, too."""

    def algorithms(self, server):
        """That of each PATCH's checksum."""
        patches = [line for line in server.json_lines() if line.get("method") == "PATCH"]
        return [line.get("checksum", "").split(" ")[0] for line in patches]

    def test_each_chunk_with_a_checksum(self):
        path = self.noise(20 * MIB + 1)
        server = self.serve()
        self.registered_by_sluice(
            self.put(server, "--verify-chunks", "on", "--chunk", "8M", DATASET, path)
        )
        self.assertEqual(self.algorithms(server), ["sha1"] * 3)
        self.assert_registered(path)

    def test_a_byte_that_changes_on_its_way_is_sent_again(self):
        path = self.noise(20 * MIB)
        server = self.serve("--flip", 9 * MIB)
        self.registered_by_sluice(
            self.put(server, "--verify-chunks", "on", "--chunk", "8M", DATASET, path)
        )
        server.line('{"flipped"')
        server.line('{"answered":460')
        self.assertEqual(self.patches(server), [0, 8 * MIB, 8 * MIB, 16 * MIB])
        self.assert_registered(path)

    def test_killed_half_way_with_checksums(self):
        path = self.noise(32 * MIB)
        server = self.serve("--mark", 16 * MIB)
        self.stop_half_way(server, path, "--verify-chunks", "on", "--chunk", "8M")
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
