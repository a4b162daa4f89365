"""Stop signals (SIGHUP, SIGINT, SIGTERM). Each raises SystemExit in the main thread, so that the
programs that were started are ended."""

import contextlib
import signal

_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
_received = None  # the number of the signal
_held = 0  # held() blocks that are running


def handle_signals():
    """Sets the handlers of the stop signals. Main thread only."""
    for number in _SIGNALS:
        signal.signal(number, _stop)


def check():
    """Raises SystemExit if a stop signal was received. The SystemExit of the handler can be lost:
    Python ignores exceptions in destructors, and an error of the cleanup replaces it."""
    if _received is not None:
        raise SystemExit(128 + _received)


@contextlib.contextmanager
def held():
    """Delays a stop signal to the end of the `with` block. For the start of a program: otherwise
    the signal could arrive before the code that ends the program knows of it."""
    global _held
    _held += 1
    try:
        yield
    finally:
        _held -= 1
    if _held == 0:
        check()


def _stop(number, _):
    # Ignore further signals, so that the cleanup is not interrupted.
    for other in _SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    global _received
    _received = number
    if _held == 0:
        check()
