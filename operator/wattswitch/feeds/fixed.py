"""A number that never changes and is always fresh."""

from wattswitch.api.source import Fixed
from wattswitch.feeds.reading import Reading


class FixedSource:
    """Says the same number at every moment."""

    def __init__(self, name: str, spec: Fixed) -> None:
        self.name = name
        self._value = float(spec.value)

    def read(self, now: float) -> Reading:
        """The number, as of now."""
        return Reading(self._value, now, now, self.name)

    def next_change(self, now: float) -> float | None:
        """Never."""
        return None

    def changes(self, first: float, last: float) -> list[float]:
        """None."""
        return []
