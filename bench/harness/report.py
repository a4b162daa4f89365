"""The results as a table and as JSON."""

import json
import sys
from dataclasses import asdict

from .figures import MIB, format_size
from .machine import versions
from .measure import shown
from .scenario import commands


def _number(value, form="{:.2f}"):
    return "-" if value is None else form.format(value)


def lines(rows, align):
    """Formats rows as aligned columns. `align`: < or > for each column."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(align))]
    return [
        "  "
        + "  ".join(
            f"{cell:{side}{width}}" for cell, side, width in zip(row, align, widths)
        ).rstrip()
        for row in rows
    ]


def _title(outcome):
    parts = [outcome.name, outcome.about]
    if outcome.size:
        parts.append(format_size(outcome.size))
    if outcome.network:
        parts.append(outcome.network)
    return ", ".join(parts)


def _rows(outcome):
    many = outcome.figure == "files_per_second"
    cpu_figure, cpu_title = (
        ("cpu_ms_per_file", "CPU ms/file") if many else ("cpu_per_gib", "CPU s/GiB")
    )
    rows = [("", "rate", "from", "to", "spread", "seconds", cpu_title, "peak MiB", "runs")]
    for entry in outcome.entries:
        if not entry.runs:
            continue
        rate, peak = entry.spread(outcome.figure), entry.spread("peak")
        cpu = entry.spread(cpu_figure)
        rows.append(
            (
                entry.name,
                outcome.shown(rate.median),
                outcome.shown(rate.lowest),
                outcome.shown(rate.highest),
                f"{100 * rate.mad / rate.median:.1f} %",
                _number(entry.spread("seconds").median),
                _number(cpu and cpu.median),
                _number(peak and peak.highest / MIB, "{:.0f}"),
                str(len(entry.runs)),
            )
        )
    return rows


def _target(comparison):
    if comparison.at_least is not None:
        return f"at least {comparison.at_least:g}"
    if comparison.at_most is not None:
        return f"at most {comparison.at_most:g}"
    return ""


def _verdict(comparison):
    if comparison.reason is not None:
        return f"not known: {comparison.reason}"
    return {None: "", True: "reached", False: "MISSED"}[comparison.reached]


def table(outcomes):
    """Returns the results as text. Column spread: the median absolute deviation in % of the median.
    Column peak: the maximum of all runs."""
    text = []
    for outcome in outcomes:
        text += ["", _title(outcome)]
        if outcome.reason is not None:
            text.append(f"  not measured: {outcome.reason}")
        if outcome.error is not None:
            text.append(f"  failed: {outcome.error}")
        rows = _rows(outcome)
        if len(rows) > 1:
            text += lines(rows, "<>>>>>>>>")
        text += [
            f"  {entry.name}: not measured: {entry.reason}"
            for entry in outcome.entries
            if entry.reason
        ]
        text += [f"  {note}" for note in outcome.notes]
        if outcome.comparisons:
            text += lines(
                [
                    (
                        f"sluice's {comparison.what}",
                        _number(comparison.ratio and comparison.ratio.value),
                        f"({comparison.ratio.lowest:.2f} to {comparison.ratio.highest:.2f})"
                        if comparison.ratio
                        else "",
                        _target(comparison),
                        _verdict(comparison),
                    )
                    for comparison in outcome.comparisons
                ],
                "<>>><",
            )
    return "\n".join(text[1:])


def _run_json(run):
    return {
        "bytes": run.bytes,
        "seconds": run.seconds,
        "bytes_per_second": run.rate,
        "cpu_seconds": run.cpu_seconds,
        "cpu_seconds_per_gib": run.cpu_per_gib,
        "peak_rss_bytes": run.peak,
        **({"files": run.files} if run.files != 1 else {}),
        **({"more": run.more} if run.more else {}),
    }


def _entry_json(entry, command):
    spread = entry.spread("rate")
    return {
        "name": entry.name,
        "not_measured": entry.reason,
        "command": command,
        "bytes_per_second": asdict(spread) if spread else None,
        "runs": [_run_json(run) for run in entry.runs],
        **(entry.contestant.details if entry.contestant else {}),
    }


def _comparison_json(comparison):
    return {
        "what": f"sluice's {comparison.what}",
        "ratio": asdict(comparison.ratio) if comparison.ratio else None,
        "at_least": comparison.at_least,
        "at_most": comparison.at_most,
        "reached": comparison.reached,
        "not_known": comparison.reason,
    }


def write_json(path, where, programs, outcomes):
    """`where`: the result of machine() before the first run."""
    result = {
        "command": shown(sys.argv),
        "machine": where,
        "versions": versions(programs),
        "scenarios": as_json(outcomes),
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
        file.write("\n")


def as_json(outcomes):
    """Returns a list for json.dump() with every run, in the order of the rounds."""
    result = []
    for outcome in outcomes:
        command = commands(outcome)
        result.append(
            {
                "name": outcome.name,
                "about": outcome.about,
                "network": outcome.network,
                "file_bytes": outcome.size,
                "not_measured": outcome.reason,
                "error": outcome.error,
                "notes": outcome.notes,
                "contestants": [
                    _entry_json(entry, command.get(entry.name)) for entry in outcome.entries
                ],
                "comparisons": [_comparison_json(comparison) for comparison in outcome.comparisons],
            }
        )
    return result
