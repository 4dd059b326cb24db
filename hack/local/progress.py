"""Says what is being waited for: one line that counts on a terminal, a line every 15 seconds elsewhere."""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator

TERMINAL_PERIOD_SECONDS = 0.2
PLAIN_PERIOD_SECONDS = 15.0


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    """Show the title and its running time until the block ends."""
    started = time.monotonic()
    ended = threading.Event()
    show, period_seconds = _display(title)
    show(0.0)
    ticker = threading.Thread(target=_tick, args=(show, period_seconds, started, ended), daemon=True)
    ticker.start()
    outcome = "failed"
    try:
        yield
        outcome = "done"
    finally:
        ended.set()
        ticker.join()
        _close(f"{title}: {outcome} in {_duration(time.monotonic() - started)}")


class _Terminal:
    def __init__(self, title: str) -> None:
        self._title = title

    def __call__(self, elapsed_seconds: float) -> None:
        sys.stderr.write(f"\r\x1b[K{self._title} … {_duration(elapsed_seconds)}")
        sys.stderr.flush()


class _Plain:
    def __init__(self, title: str) -> None:
        self._title = title

    def __call__(self, elapsed_seconds: float) -> None:
        note = f" … {_duration(elapsed_seconds)}" if elapsed_seconds else ""
        sys.stderr.write(f"{self._title}{note}\n")
        sys.stderr.flush()


def _display(title: str) -> tuple[_Terminal | _Plain, float]:
    if sys.stderr.isatty():
        return _Terminal(title), TERMINAL_PERIOD_SECONDS
    return _Plain(title), PLAIN_PERIOD_SECONDS


def _tick(show: _Terminal | _Plain, period_seconds: float, started: float, ended: threading.Event) -> None:
    while not ended.wait(period_seconds):
        show(time.monotonic() - started)


def _close(line: str) -> None:
    sys.stderr.write(f"\r\x1b[K{line}\n" if sys.stderr.isatty() else f"{line}\n")
    sys.stderr.flush()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    if minutes:
        return f"{minutes:.0f} min {rest:.0f} s"
    return f"{rest:.1f} s" if rest < 10 else f"{rest:.0f} s"
