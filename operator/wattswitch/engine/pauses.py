"""Pauses after failures: short, longer each time, and over at the first success."""

from collections.abc import Hashable

FIRST_SECONDS = 0.1


class Pauses:
    """One pause for each name. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._until: dict[Hashable, float] = {}
        self._failures: dict[Hashable, int] = {}

    def holds(self, name: Hashable, now: float) -> bool:
        """Whether the name is to be left alone."""
        return now < self._until.get(name, now)

    def begin(self, name: Hashable, now: float, most_seconds: float, least_seconds: float = 0.0) -> float:
        """Note a failure; how long the pause is, in seconds."""
        failures = self._failures.get(name, 0)
        seconds = max(least_seconds, min(most_seconds, FIRST_SECONDS * 2.0 ** min(failures, 10)))
        self._failures[name], self._until[name] = failures + 1, now + seconds
        return seconds

    def end(self, name: Hashable) -> None:
        """Note a success."""
        self._failures.pop(name, None)
        self._until.pop(name, None)
