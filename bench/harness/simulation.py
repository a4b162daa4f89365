"""Rows of bench/simulate: what each simulates, the program that does, and the table of them."""

import concurrent.futures
import json
import os
import subprocess
from dataclasses import asdict, dataclass

from .figures import format_bit_rate, format_duration, format_rate, format_size
from .measure import Failed

# Bytes of the file that a connection of Linux has in flight with its usual buffers (the last number
# of net.ipv4.tcp_wmem is 4 MiB, two thirds of which are payload), and with those of a transfer node
# (256 MiB).
USUAL_BUFFER = (4 << 20) * 2 // 3
LARGE_BUFFER = (256 << 20) * 2 // 3


@dataclass(frozen=True)
class Row:
    """One upload. Bits and bytes a second, seconds, shares, bytes."""

    protocol: str
    rate: float
    round_trip: float
    loss: float = 0.0
    think: float = 0.0
    buffer: int = LARGE_BUFFER
    congestion: str = "bbr"

    def arguments(self):
        return [
            "--protocol",
            self.protocol,
            "--rate",
            f"{self.rate:.0f}",
            "--rtt",
            f"{self.round_trip:.9f}",
            "--loss",
            f"{self.loss:.9f}",
            "--think",
            f"{self.think:.9f}",
            "--buffer",
            str(self.buffer),
            "--congestion",
            self.congestion,
        ]


def usual_rows():
    """The rows without options: each protocol on each link, from hosts with large buffers; then what
    losses, a thinking server, usual buffers and another congestion control change."""
    rows = []
    for protocol in ("phased", "tus"):
        rows += [
            *(Row(protocol, 1e9, round_trip) for round_trip in (0.001, 0.05, 0.2)),
            *(Row(protocol, 1e10, round_trip) for round_trip in (0.001, 0.01, 0.05, 0.2)),
            *(Row(protocol, 1e11, round_trip) for round_trip in (0.001, 0.01, 0.05, 0.2)),
            *(Row(protocol, 1e10, 0.05, loss=loss) for loss in (1e-3, 1e-2)),
            Row(protocol, 1e10, 0.05, think=1.0),
            *(Row(protocol, 1e9, trip, buffer=USUAL_BUFFER) for trip in (0.01, 0.05, 0.2)),
            Row(protocol, 1e10, 0.05, buffer=USUAL_BUFFER),
            Row(protocol, 1e9, 0.05, congestion="cubic"),
            Row(protocol, 1e9, 0.05, congestion="cubic", loss=1e-4),
        ]
    return rows


def simulate(program, row, size, seed, extra=()):
    """What bench_simulate says of the row, and its command."""
    command = [program, *row.arguments(), "--size", str(size), "--seed", str(seed), *extra]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode != 0 or not run.stdout:
        raise Failed(f"'{' '.join(command)}' failed: {run.stderr.strip() or run.stdout.strip()}")
    asked = asdict(row)
    asked["rate_asked"] = asked.pop("rate")
    return {**asked, "size": size, "seed": seed, "command": command, **json.loads(run.stdout)}


def simulate_all(program, rows, size, seed, jobs, on_row):
    """All rows, `jobs` at a time, in the order of `rows`. Calls on_row(row, result) for each."""
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(simulate, program, row, size, seed): row for row in rows}
        try:
            for done in concurrent.futures.as_completed(running):
                on_row(running[done], done.result())
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        return [future.result() for future in running]


_HEAD = (
    "protocol",
    "file",
    "link",
    "round trip",
    "loss",
    "think",
    "send buffer",
    "control",
    "MB/s",
    "of the link",
    "duration",
    "chunks",
    "requests",
    "connections",
    "longest pause",
    "buffers",
)


def format_length(seconds):
    """Of an upload: 1:02:03, or 12.3 s below a minute."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def _cells(result):
    whole = result["registered"] == result["size"]
    return (
        result["protocol"],
        f"{result['size'] / 1e9:.4g} GB",
        format_bit_rate(result["rate_asked"]),
        format_duration(result["round_trip"]),
        f"{result['loss'] * 100:.3g} %" if result["loss"] else "",
        format_duration(result["think"]) if result["think"] else "",
        format_size(result["buffer"]),
        result["congestion"],
        f"{result['rate'] / 1e6:.4g}" + ("" if whole else " *"),
        f"{100 * result['rate'] / result['payload_rate']:.1f} %",
        format_length(result["seconds"]),
        str(result["chunks"]),
        str(result["requests"]),
        str(result["connections"]),
        format_duration(result["longest_pause_s"]),
        str(result["most_buffers"]),
    )


def table(results):
    """As Markdown. A star marks an upload that was ended early, by the number of its events."""
    lines = ["| " + " | ".join(_HEAD) + " |", "|" + " --- |" * len(_HEAD)]
    lines += ["| " + " | ".join(_cells(result)) + " |" for result in results]
    return "\n".join(lines)


def progress(row, result):
    return (
        f"simulate: {row.protocol}, {format_bit_rate(row.rate)}, "
        f"{format_duration(row.round_trip)}: {format_rate(result['rate'])}"
    )


def cores():
    return len(os.sched_getaffinity(0))
