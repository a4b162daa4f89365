"""The common options of the programs."""

import argparse
import os
import shlex

from . import stop
from .figures import parse_size

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def argument(parse):
    """Wraps `parse` for argparse, which would drop the message of a ValueError."""

    def checked(text):
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return checked


def count(text):
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise ValueError(f"'{text}' is not a number from 1 to 1000")
    return int(text)


def sizes(text):
    return sorted({parse_size(size) for size in text.split(",")})


def add_common_options(parser, runs):
    add = parser.add_argument
    add(
        "--runs",
        type=argument(count),
        default=runs,
        help="measured runs of each contestant (%(default)s)",
    )
    add(
        "--dir",
        default=os.path.join(ROOT, "build", "bench"),
        type=os.path.abspath,
        help="directory for the test files, on a disk (build/bench)",
    )
    add("--json", metavar="FILE", help="write every run, the machine and the commands to FILE")
    add(
        "--bin",
        metavar="DIR",
        default=os.path.join(ROOT, "build", "release", "bin"),
        type=os.path.abspath,
        help="directory of the programs sluice, databankd and link (build/release/bin)",
    )
    add(
        "--sluice-args",
        type=argument(shlex.split),
        default=[],
        metavar="WORDS",
        help="more options for sluice put, such as --sluice-args='--chunk 64M'",
    )


def prepare(parser, options, *results):
    """Exits with code 2 if a program is missing or a result cannot be written. Creates the
    directory. Turns signals into exceptions, so that the programs that were started are stopped."""
    for name in ("sluice", "databankd"):
        if not os.access(os.path.join(options.bin, name), os.X_OK):
            parser.error(
                f"cannot find {name} in {options.bin}; build {name} (cmake --preset release && "
                "cmake --build --preset release), or name its directory with --bin"
            )
    try:
        os.makedirs(options.dir, exist_ok=True)
    except OSError as error:
        parser.error(f"cannot create the directory {options.dir} (--dir): {error.strerror}")
    for path in filter(None, results):  # before the measurements, which take long
        directory = os.path.dirname(os.path.abspath(path))
        if os.path.isdir(path) or not os.access(directory, os.W_OK):
            parser.error(f"cannot write {path}")
    stop.handle_signals()
