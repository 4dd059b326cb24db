"""The one clock of the operator; everything below takes times as arguments."""

import time


def now() -> float:
    """Wall-clock time in Unix seconds: for prices, events and stamps, never for deadlines of our own."""
    return time.time()


def monotonic() -> float:
    """Seconds that only go forward: for ages and deadlines of our own."""
    return time.monotonic()
