"""What the two programs' command lines have in common."""

import argparse
import os
import shlex
import signal

from .figures import parse_size

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def argument(parse):
    """For argparse, which would hide what a ValueError says."""

    def checked(text):
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return checked


def count(text):
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise ValueError(f"'{text}' is no number from 1 to 1000")
    return int(text)


def sizes(text):
    return sorted({parse_size(size) for size in text.split(",")})


def add_common_options(parser, runs):
    add = parser.add_argument
    add("--runs", type=argument(count), default=runs, help="runs that count, of each (%(default)s)")
    add(
        "--dir",
        default=os.path.join(ROOT, "build", "bench"),
        type=os.path.abspath,
        help="where the files are made, on a disk (build/bench)",
    )
    add("--json", metavar="FILE", help="write every run, the machine and the commands there")
    add(
        "--bin",
        metavar="DIR",
        default=os.path.join(ROOT, "build", "release", "bin"),
        type=os.path.abspath,
        help="where sluice and databankd are, and link (build/release/bin)",
    )
    add(
        "--sluice-args",
        type=argument(shlex.split),
        default=[],
        metavar="WORDS",
        help="more options for sluice put, such as --sluice-args='--chunk 64M'",
    )


def prepare(parser, options, *results):
    """Ends with 2 where a program is not there or a result could not be written. Makes the
    directory; from then on a signal is an exception, so that all that was started is ended."""
    for name in ("sluice", "databankd"):
        if not os.access(os.path.join(options.bin, name), os.X_OK):
            parser.error(
                f"there is no {name} in {options.bin}: build it (cmake --preset release && "
                "cmake --build --preset release), or name its directory with --bin"
            )
    try:
        os.makedirs(options.dir, exist_ok=True)
    except OSError as error:
        parser.error(f"--dir {options.dir}: {error.strerror}")
    for path in filter(None, results):  # not after twenty minutes
        directory = os.path.dirname(os.path.abspath(path))
        if os.path.isdir(path) or not os.access(directory, os.W_OK):
            parser.error(f"{path} cannot be written")
    for number in _SIGNALS:
        signal.signal(number, _stop)


_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


def _stop(number, _):
    # Once is enough: what is taken down now shall not be interrupted.
    for other in _SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    raise SystemExit(128 + number)
