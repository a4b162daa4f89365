"""Alternating runs of several contestants, and what they are held against."""

import sys
from dataclasses import dataclass, field

from .figures import Ratio, Spread, format_file_rate, format_rate
from .measure import Unavailable, shown


@dataclass
class Entry:
    """A contestant with its runs, or with the reason why it has none."""

    name: str
    contestant: object = None
    path: str = None
    reason: str = None
    warm: object = None  # the run that does not count
    runs: list = field(default_factory=list)

    def values(self, figure):
        return [getattr(run, figure) for run in self.runs]

    def spread(self, figure):
        values = [value for value in self.values(figure) if value is not None]
        return Spread.of(values) if values else None


@dataclass
class Comparison:
    """A ratio with what it is held against: at least `target`, or at most, or nothing."""

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
    """All that is known of one scenario."""

    def __init__(self, name, about):
        self.name = name
        self.about = about
        self.network = None
        self.size = None
        self.figure = "rate"  # of a run, what is shown: or "files_per_second", of many files
        self.entries = []
        self.comparisons = []
        self.reason = None  # why it could not run at all
        self.error = None  # what went wrong
        self.notes = []

    def offer(self, name, make):
        """Adds the contestant that `make` makes, or the reason why it cannot take part."""
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
        """`below`: names of contestants; the one with the smallest median is meant. Compares what
        is shown, unless a `figure` is named."""
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
    """One run of each that does not count."""
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
    """`runs` rounds, each with another one at its beginning."""
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
    """As many bytes as the slowest of these takes `seconds` for, but not over `size`: `probe` times
    a power of two, so that a machine ends up with a few files and not with one for each run."""
    whole = probe
    while rates and whole * 2 <= min(min(rates) * seconds, size):
        whole *= 2
    return min(size, whole)


def commands(outcome):
    return {entry.name: shown(entry.contestant.command) for entry in outcome.entries if entry.runs}
