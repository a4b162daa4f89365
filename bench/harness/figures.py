"""Parses and formats sizes, rates and durations; statistics of several runs."""

import re
import statistics
from dataclasses import dataclass

KIB, MIB, GIB, TIB = 1 << 10, 1 << 20, 1 << 30, 1 << 40

_SIZE_UNITS = {"": 1, "B": 1}
_SIZE_UNITS.update(
    {
        unit: 1024**power
        for power, letter in enumerate("KMGT", 1)
        for unit in (letter, letter + "IB")
    }
)
_SIZE_UNITS.update({letter + "B": 1000**power for power, letter in enumerate("KMGT", 1)})
_BIT_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}
_DURATION_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


def _parse(text, pattern, units, what):
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*" + pattern, text.strip())
    if not match or match.group(2) not in units:
        raise ValueError(f"'{text}' is not a {what}")
    return float(match.group(1)) * units[match.group(2)]


def parse_size(text):
    """Returns the bytes of "65536", "64M", "64MiB" (powers of 1024) or "64MB" (powers of 1000), as
    sluice does."""
    size = _parse(text.upper(), r"([A-Z]*)", _SIZE_UNITS, "size, such as 64M or 4G")
    if size < 1 or size != int(size):
        raise ValueError(f"'{text}' is not a whole number of bytes, 1 or more")
    return int(size)


def parse_bit_rate(text):
    """Returns the bits per second of "1G", "100M", "2.5G": powers of 1000."""
    rate = _parse(
        text.upper(), r"([A-Z]*)", _BIT_UNITS, "rate in bits a second, such as 1G or 100M"
    )
    if rate < 1:
        raise ValueError(f"'{text}' is not a rate of 1 bit per second or more")
    return rate


def parse_duration(text):
    """Returns the seconds of "50ms", "1.5s", "0"."""
    if text.strip() == "0":
        return 0.0
    return _parse(text, r"([a-z]+)", _DURATION_UNITS, "duration, such as 50ms or 1.5s")


def parse_share(text):
    """Returns 0.001 for "0.1%" or "0.001"."""
    text = text.strip()
    share = _parse(text.rstrip("%"), r"()", {"": 1}, "share, such as 0.1%")
    share /= 100 if text.endswith("%") else 1
    if share >= 1:
        raise ValueError(f"'{text}' is not below 100%")
    return share


def format_size(size):
    for unit, name in ((TIB, "TiB"), (GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size >= unit:
            return f"{size / unit:.4g} {name}"
    return f"{size} B"


def format_rate(rate):
    """Formats bytes per second, in powers of 1000."""
    for unit, name in ((1e9, "GB/s"), (1e6, "MB/s"), (1e3, "kB/s")):
        if rate >= unit:
            value = rate / unit
            return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f} {name}"
    return f"{rate:.0f} B/s"


def format_file_rate(rate):
    return f"{rate:.0f} files/s" if rate >= 100 else f"{rate:.1f} files/s"


def format_bit_rate(rate):
    for unit, name in ((1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s")):
        if rate >= unit:
            return f"{rate / unit:.4g} {name}"
    return f"{rate:.0f} bit/s"


def format_duration(seconds):
    return f"{seconds * 1000:.4g} ms" if seconds < 1 else f"{seconds:.3g} s"


@dataclass(frozen=True)
class Spread:
    """The median, the range and the median absolute deviation (`mad`) of some runs."""

    median: float
    lowest: float
    highest: float
    mad: float

    @staticmethod
    def of(values):
        median = statistics.median(values)
        return Spread(
            median,
            min(values),
            max(values),
            statistics.median(abs(value - median) for value in values),
        )


@dataclass(frozen=True)
class Ratio:
    """The ratio of two medians, and the lowest and highest ratio of a round."""

    value: float
    lowest: float
    highest: float

    @staticmethod
    def of(above, below):
        """`above`, `below`: values with one index for each round."""
        if not above or len(above) != len(below):
            raise ValueError("a ratio takes as many runs above as below, and at least one")
        rounds = [a / b for a, b in zip(above, below)]
        return Ratio(statistics.median(above) / statistics.median(below), min(rounds), max(rounds))
