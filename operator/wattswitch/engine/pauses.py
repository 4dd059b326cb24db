"""Pauses after failures: short, longer each time, and over at the first success."""

FIRST_SECONDS = 0.1


class Pauses:
    """One pause for each name. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._failures: dict[str, int] = {}

    def holds(self, name: str, now: float) -> bool:
        """Whether the name is to be left alone."""
        return now < self._until.get(name, now)

    def begin(self, name: str, now: float, most_seconds: float) -> float:
        """Note a failure; how long the pause is, in seconds."""
        failures = self._failures.get(name, 0)
        seconds = min(most_seconds, FIRST_SECONDS * 2.0 ** min(failures, 10))
        self._failures[name], self._until[name] = failures + 1, now + seconds
        return seconds

    def end(self, name: str) -> None:
        """Note a success."""
        self._failures.pop(name, None)
        self._until.pop(name, None)
