"""The measured programs: how to run each, and how to read its output."""

import json
import os
import shutil
import sys
import time

from .figures import MIB
from .measure import Failed, Run, Unavailable, program, run, shown
from .servers import DATASET, TOKEN

_names = 0


def new_name(who):
    """Returns a new file name: the server refuses registered names."""
    global _names
    _names += 1
    return f"{who}-{_names}"


class Contestant:
    """A measured program. `command`: the last command that was run. `prepare`: called before each
    run, for example to evict the file from the page cache."""

    limit = False  # does not upload; measures an upper bound
    slow = False  # takes too long on a link: gets a smaller file

    def __init__(self, name, prepare=lambda: None):
        self.name = name
        self.prepare = prepare
        self.command = []
        self.details = {}  # for the JSON

    def warm_up(self, path):
        """Runs once without counting the result."""
        self.prepare()
        return self.once(path)

    def once(self, path):
        raise NotImplementedError


class Sluice(Contestant):
    """`sluice put`. Each run has an empty state directory, unless `remembers` is set."""

    _TOLD = ("seconds", "protocol", "lanes", "chunks", "retries", "bottleneck")

    def __init__(
        self, name, programs, url, scratch, arguments=(), within=(), remembers=False, **kept
    ):
        super().__init__(name, **kept)
        self._state = os.path.join(scratch, "remembered" if remembers else "state")
        self._remembers = remembers
        self.watch = None  # see measure.run()
        self.start = [
            *within,
            os.path.join(programs, "sluice"),
            "put",
            "--url",
            url,
            "--insecure-http",
            "--json",
            "--quiet",
            "--state-dir",
            self._state,
            *arguments,
        ]

    def once(self, path):
        if not self._remembers:
            self.forget()
        self.command = [*self.start, "--name", new_name("sluice"), DATASET, path]
        ended = run(self.command, {"SLUICE_TOKEN": TOKEN}, watch=self.watch)
        report = self.uploads(ended.stdout)[0]
        size = os.path.getsize(path)
        if report["bytes"] != size:
            raise Failed(f"{shown(self.command)} reports {report['bytes']} bytes, not {size}")
        return Run(
            size,
            ended.seconds,
            ended.cpu_seconds,
            ended.peak,
            more={key: report[key] for key in self._TOLD if key in report},
        )

    def forget(self):
        """Deletes the state directory."""
        shutil.rmtree(self._state, ignore_errors=True)

    def uploads(self, stdout):
        """Returns the uploads of the JSON report. Raises Failed unless all are registered."""
        uploads = json.loads(stdout)["uploads"]
        for report in uploads:
            if report["status"] != "registered":
                raise Failed(
                    f"{shown(self.command)} reports {report['status']} for {report['name']}"
                )
        return uploads


class Curl(Contestant):
    """One curl process with one connection: setup, one transfer of the whole file, verify."""

    def __init__(self, name, url, certificates=None, **kept):
        super().__init__(name, **kept)
        self._curl = program("curl")
        self._url = f"{url}/api/dataset/{DATASET}/datafile"
        self._trust = ["--cacert", certificates] if certificates else []

    def _request(self, *fields):
        words = [
            "--silent",
            "--show-error",
            "--http1.1",
            *self._trust,
            "-H",
            "Expect:",
            "-H",
            f"Authorization: Token token={TOKEN}",
        ]
        return [*words, *(word for field in fields for word in ("-F", field)), self._url]

    def once(self, path):
        name, size = new_name("curl"), os.path.getsize(path)
        quoted = path.replace("\\", "\\\\").replace('"', '\\"')
        self.command = [
            self._curl,
            *self._request("phase=setup", f"filename={name}", f"filesize={size}"),
            "--next",
            *self._request(
                "phase=transfer",
                f"filename={name}",
                "previous_size=0",
                f'bytechunk=@"{quoted}";filename=bytechunk',
            ),
            "--next",
            *self._request("phase=verify", f"filename={name}"),
        ]
        ended = run(self.command)
        for answer in ("successfully set up", "successfully added chunk", "successfully uploaded"):
            if answer not in ended.stdout:
                raise Failed(f"curl got the responses {ended.stdout[:300]!r}, not {answer!r}")
        return Run(size, ended.seconds, ended.cpu_seconds, ended.peak)


class Sequential(Contestant):
    """bench/sequential_client.py."""

    slow = True

    def __init__(self, name, url, keep=False, **kept):
        super().__init__(name, **kept)
        script = os.path.join(
            os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "sequential_client.py"
        )
        self._start = [sys.executable, script, "--url", url, *(["--keep"] if keep else [])]

    def once(self, path):
        self.command = [*self._start, "--name", new_name("sequential"), DATASET, path]
        ended = run(self.command, {"SLUICE_TOKEN": TOKEN})
        return Run(os.path.getsize(path), ended.seconds, ended.cpu_seconds, ended.peak)


class IperfClient(Contestant):
    """iperf3: sends as many bytes as the file has over `streams` connections. The rate is that of
    the bytes received by the server."""

    limit = True

    def __init__(self, name, server, streams, **kept):
        super().__init__(name, **kept)
        self._start = [
            program("iperf3"),
            "--client",
            server.address,
            "--port",
            str(server.port),
            "--parallel",
            str(streams),
            "--json",
        ]

    def once(self, path):
        size = os.path.getsize(path)
        self.command = [*self._start, "--bytes", str(size)]
        for _ in range(300):
            ended = run(self.command)
            result = json.loads(ended.stdout)
            if not self._turned_away(result):
                break
            time.sleep(0.1)
        end = result["end"]
        if "sum_received" not in end:  # its failures can end with 0
            raise Failed(f"{shown(self.command)} failed: {result.get('error', '(no output)')}")
        received = end["sum_received"]
        more = {"retransmits": end["sum_sent"].get("retransmits")}
        return Run(received["bytes"], received["seconds"], ended.cpu_seconds, ended.peak, more=more)

    @staticmethod
    def _turned_away(result):
        """Returns whether the server was still busy with the previous run. It then closes the
        connection with unread data, so that the kernel sends a reset, which may arrive before the
        response."""
        error = result.get("error", "")
        connected = result.get("start", {}).get("connected", [])
        return "busy" in error or ("Connection reset" in error and not connected)


class Fio(Contestant):
    """fio: reads the file with O_DIRECT. The warm-up tries all settings in _WAYS and selects the
    fastest."""

    limit = True
    _WAYS = [("psync", jobs, 1, size) for jobs in (4, 8, 16) for size in (MIB, 4 * MIB)]
    _WAYS += [
        (engine, 1, depth, size)
        for engine in ("libaio", "io_uring")
        for depth in (8, 32)
        for size in (MIB, 4 * MIB)
    ]

    def __init__(self, **kept):
        super().__init__("fio", **kept)
        self._fio = program("fio")
        self._best = None

    def warm_up(self, path):
        reached, tried = {}, self.details.setdefault("tried", {})
        for way in self._WAYS:
            if os.path.getsize(path) < way[1] * way[3]:  # less than a read for each thread
                continue
            label = "{} jobs={} depth={} bs={}".format(*way)
            self._best = way
            self.prepare()
            try:
                reached[way] = self.once(path).rate
                tried[label] = round(reached[way])
            except Failed as reason:  # io_uring is switched off on many machines
                tried[label] = str(reason)
        if not reached:
            reasons = [*tried.values(), "the file is smaller than 1 MiB"]
            raise Unavailable(f"fio cannot read {path} with O_DIRECT: {reasons[0]}")
        self._best = max(reached, key=reached.get)

    def once(self, path):
        engine, jobs, depth, block = self._best
        share = os.path.getsize(path) // jobs // MIB * MIB
        self.command = [
            self._fio,
            "--name=read",
            f"--filename={path}",
            "--readonly",
            "--rw=read",
            "--direct=1",
            "--thread",
            f"--ioengine={engine}",
            f"--numjobs={jobs}",
            f"--iodepth={depth}",
            f"--bs={block}",
            f"--size={share}",
            f"--offset_increment={share}",
            "--group_reporting",
            "--invalidate=0",
            "--output-format=json",
        ]
        ended = run(self.command)
        # fio may print messages before the JSON.
        read = json.loads(ended.stdout[ended.stdout.index("{") :])["jobs"][0]["read"]
        return Run(
            read["io_bytes"], read["io_bytes"] / read["bw_bytes"], ended.cpu_seconds, ended.peak
        )


class OpensslMd5(Contestant):
    """`openssl speed md5`: one thread that hashes the same 16 KiB repeatedly."""

    limit = True

    def __init__(self, seconds, **kept):
        super().__init__("openssl speed md5", **kept)
        self._seconds = seconds
        self.command = [
            program("openssl"),
            "speed",
            "-mr",
            "-seconds",
            str(seconds),
            "-bytes",
            "16384",
            "-evp",
            "md5",
        ]

    def once(self, path):
        ended = run(self.command)
        rate = next(
            float(line.rsplit(":", 1)[1])
            for line in ended.stdout.splitlines()
            if line.startswith("+F:")
        )
        return Run(
            round(rate * self._seconds), self._seconds, ended.cpu_seconds, ended.peak, rate=rate
        )
