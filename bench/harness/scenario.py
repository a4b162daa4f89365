"""Alternating runs of several contestants, and comparisons with targets."""

import sys
from dataclasses import dataclass, field

from .figures import Ratio, Spread, format_file_rate, format_rate
from .measure import Unavailable, shown


@dataclass
class Entry:
    """A contestant with its runs, or the reason why it has none."""

    name: str
    contestant: object = None
    path: str = None
    reason: str = None
    warm: object = None  # the result of the warm-up
    runs: list = field(default_factory=list)

    def values(self, figure):
        return [getattr(run, figure) for run in self.runs]

    def spread(self, figure):
        values = [value for value in self.values(figure) if value is not None]
        return Spread.of(values) if values else None


@dataclass
class Comparison:
    """A ratio and its target, if any: a minimum or a maximum."""

    what: str
    ratio: Ratio = None
    at_least: float = None
    at_most: float = None
    reason: str = None

    @property
    def reached(self):
        if self.ratio is None or (self.at_least is None and self.at_most is None):
            return None
        return (
            self.ratio.value >= self.at_least
            if self.at_least is not None
            else self.ratio.value <= self.at_most
        )


class Outcome:
    """The results of a scenario."""

    def __init__(self, name, about):
        self.name = name
        self.about = about
        self.network = None
        self.size = None
        self.figure = "rate"  # the attribute of Run to show: or "files_per_second"
        self.entries = []
        self.comparisons = []
        self.reason = None  # why it could not run at all
        self.error = None  # what went wrong
        self.notes = []

    def offer(self, name, make):
        """Adds the contestant that `make` returns, or the reason why it is unavailable."""
        try:
            entry = Entry(name, make())
        except Unavailable as reason:
            entry = Entry(name, reason=str(reason))
        self.entries.append(entry)
        return entry

    def shown(self, value):
        return format_rate(value) if self.figure == "rate" else format_file_rate(value)

    def entry(self, name):
        return next(entry for entry in self.entries if entry.name == name)

    @property
    def complete(self):
        return self.reason is None and all(entry.reason is None for entry in self.entries)

    def compare(self, what, above, below, figure=None, at_least=None, at_most=None):
        """Adds a comparison of `above` with the contestant of `below` that has the smallest median.
        `figure`: the attribute of Run to compare; by default the one that is shown."""
        figure = figure or self.figure
        entries = [self.entry(name) for name in (above, *below)]
        missing = [entry for entry in entries if not entry.runs]
        if missing:
            comparison = Comparison(what, reason=f"{missing[0].name} was not measured")
        else:
            least = min(entries[1:], key=lambda entry: entry.spread(figure).median)
            if len(below) > 1:
                what += f" (here {least.name})"
            comparison = Comparison(what, Ratio.of(entries[0].values(figure), least.values(figure)))
        comparison.at_least, comparison.at_most = at_least, at_most
        self.comparisons.append(comparison)


def say(text):
    print(f"compare: {text}", file=sys.stderr, flush=True)


def warm_up(outcome):
    """Runs each contestant once without counting the result."""
    for entry in outcome.entries:
        if entry.reason is not None:
            say(f"{outcome.name}: no {entry.name}: {entry.reason}")
            continue
        say(f"{outcome.name}: warming up {entry.name}")
        try:
            entry.warm = entry.contestant.warm_up(entry.path)
        except Unavailable as reason:
            entry.reason = str(reason)
            say(f"{outcome.name}: no {entry.name}: {entry.reason}")


def alternate(outcome, runs):
    """Runs `runs` rounds of all contestants; each round starts with another contestant."""
    entries = [entry for entry in outcome.entries if entry.reason is None]
    for number in range(runs):
        first = number % len(entries) if entries else 0
        for entry in entries[first:] + entries[:first]:
            entry.contestant.prepare()
            run = entry.contestant.once(entry.path)
            entry.runs.append(run)
            shown_rate = outcome.shown(getattr(run, outcome.figure))
            say(f"{outcome.name}: run {number + 1} of {runs}: {entry.name} {shown_rate}")


def affordable(rates, size, probe, seconds):
    """Returns the file size that takes `seconds` at the slowest of `rates`, at most `size`. It is
    `probe` times a power of two, so that a few files serve all runs on a machine."""
    whole = probe
    while rates and whole * 2 <= min(min(rates) * seconds, size):
        whole *= 2
    return min(size, whole)


def commands(outcome):
    return {entry.name: shown(entry.contestant.command) for entry in outcome.entries if entry.runs}
