"""A running scenario: its network, servers, contestants, and a temporary directory."""

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass

from . import network, stop
from .contestants import Curl, IperfClient, Sequential, Sluice
from .figures import MIB, Ratio
from .noise import noise_file, noise_files
from .scenario import Comparison, affordable, alternate, say, warm_up
from .servers import Bank, Iperf
from .tus_contestants import CurlFiles, SluiceFiles, TusJs, Tuspy

# Some clients take too long on a link: they get a file that takes about this many seconds, as
# estimated from a warm-up with a smaller file.
_SLOW_SECONDS = 6
_SLOW_PROBE = 8 * MIB

_TUS_CHUNK = 5 * MIB  # as the Data Bank's own script sends them


@dataclass
class Options:
    """`size` and `round_trip` are None to use the default of each scenario."""

    runs: int
    size: int
    directory: str
    programs: str
    rate: float
    round_trip: float
    think: float
    loss: float
    sluice_arguments: list


class Scene:
    """A running scenario: its servers, and a temporary directory."""

    def __init__(self, options, outcome, size):
        self.options = options
        self.outcome = outcome
        self.size = outcome.size = options.size or size
        self._stack = ExitStack()
        self._servers = []

    def __enter__(self):
        self.scratch = self._stack.enter_context(
            tempfile.TemporaryDirectory(dir=self.options.directory, prefix="run-")
        )
        return self

    def __exit__(self, *error):
        # If a server has exited, its last message is the cause, not the error of the client.
        self.outcome.notes += [words for server in self._servers if (words := server.obituary())]
        return self._stack.__exit__(*error)

    def start(self, server):
        with stop.held():
            self._servers.append(self._stack.enter_context(server))
        return server

    def file(self, size=None):
        return noise_file(self.options.directory, size or self.size)

    def loopback(self):
        return self.on(network.Loopback())

    def link(self, round_trip, loss=0.0, large_buffers=False):
        link = network.link(
            self.options.programs,
            self.options.rate,
            self.options.round_trip or round_trip,
            loss,
            self.scratch,
        )
        if large_buffers:
            link = network.LargeBuffers(link)
        say(f"{self.outcome.name}: {link.about}")
        return self.on(link)

    def against_the_link(self, link, who, what="rate", at_least=None):
        """Compares a contestant's rate, named `what` in the table, with the rate of the link."""
        runs = self.outcome.entry(who).runs
        comparison = Comparison(f"{what} / the link's", at_least=at_least)
        if runs:
            rates = [run.rate for run in runs]
            comparison.ratio = Ratio.of(rates, [link.payload_rate] * len(rates))
        else:
            comparison.reason = f"{who} was not measured"
        self.outcome.comparisons.append(comparison)

    def on(self, link):
        self.start(link)
        self.outcome.network = link.about
        return link

    def bank(self, link, thinks=0.0):
        return self.start(Bank(self.options.programs, link, self.scratch, thinks))

    def sluice(self, url, name="sluice", arguments=(), within=lambda: (), **more):
        """`within`: returns a prefix of the command, or raises Unavailable."""
        self.outcome.offer(
            name,
            lambda: Sluice(
                name,
                self.options.programs,
                url,
                self.scratch,
                [*arguments, *self.options.sluice_arguments],
                within(),
                **more,
            ),
        )

    def sluice_files(self, url, name="sluice", arguments=()):
        self.outcome.offer(
            name,
            lambda: SluiceFiles(
                name,
                self.options.programs,
                url,
                self.scratch,
                [*arguments, *self.options.sluice_arguments],
            ),
        )

    def curl_files(self, url, connections):
        self.outcome.offer(
            "curl --parallel",
            lambda: CurlFiles("curl --parallel", url, self.scratch, connections),
        )

    def curl(self, url, name="curl -F", **more):
        self.outcome.offer(name, lambda: Curl(name, url, **more))

    def sequential(self, url, **more):
        self.outcome.offer("sequential", lambda: Sequential("sequential", url, **more))
        self.outcome.offer(
            "sequential, kept", lambda: Sequential("sequential, kept", url, keep=True, **more)
        )

    def tuspy(self, url, chunk=_TUS_CHUNK, **more):
        self.outcome.offer("tuspy", lambda: Tuspy("tuspy", url, chunk, **more))

    def tus_js(self, url, **more):
        """Adds tus-js-client with chunks, and with its default of one PATCH for the whole file."""
        for name, chunk in (("tus-js", _TUS_CHUNK), ("tus-js, whole", None)):

            def make(name=name, chunk=chunk):
                return TusJs(name, self.options.programs, url, chunk, **more)

            self.outcome.offer(name, make)

    def iperf(self, link, streams=(1,)):
        server = None
        for count in streams:
            name = "iperf3" if count == 1 else f"iperf3 -P {count}"

            def make(count=count, name=name):
                nonlocal server
                server = server or self.start(Iperf(link, self.scratch))
                return IperfClient(name, server, count)

            self.outcome.offer(name, make)

    def go(self):
        """Runs the scenario over loopback, with the same file for all contestants."""
        for entry in self.outcome.entries:
            entry.path = self.file()
        warm_up(self.outcome)
        alternate(self.outcome, self.options.runs)

    def go_with_files(self, count, size):
        """Runs the scenario with `count` small files over loopback; slow contestants get a tenth
        of the files."""
        self.outcome.figure = "files_per_second"
        for entry in self.outcome.entries:
            slow = entry.contestant is not None and entry.contestant.slow
            entry.path = noise_files(
                self.options.directory, max(count // 10, 1) if slow else count, size
            )
        warm_up(self.outcome)
        alternate(self.outcome, self.options.runs)

    def go_over_link(self, probe, seconds=20):
        """Runs the scenario over a link. Warms up with `probe` bytes. Without an explicit size,
        limits the file to what the slowest contestant sends within `seconds`; contestants
        marked as slow get a file of their own."""
        whole = [
            entry
            for entry in self.outcome.entries
            if entry.contestant is None or not entry.contestant.slow
        ]
        others = [entry for entry in self.outcome.entries if entry not in whole]
        probe = min(self.size, probe)
        small = min(self.size, _SLOW_PROBE)
        for entry in self.outcome.entries:
            entry.path = self.file(probe if entry in whole else small)
        warm_up(self.outcome)
        if self.options.size is None:
            rates = [
                entry.warm.rate for entry in whole if entry.warm and not entry.contestant.limit
            ]
            self.outcome.size = self.size = affordable(rates, self.size, probe, seconds)
        for entry in whole:
            entry.path = self.file()
        for entry in others:
            if entry.warm:
                entry.path = self.file(
                    affordable([entry.warm.rate], self.size, small, _SLOW_SECONDS)
                )
        alternate(self.outcome, self.options.runs)
