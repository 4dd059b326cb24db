"""The meter against the books: what is measured above the books lowers the limit; nothing ever raises it."""

from bisect import bisect_right
from dataclasses import dataclass, field

KEEP_SECONDS = 900.0


@dataclass
class Correction:
    """Watts to take off the limit. It changes only on a new reading and only outside the deadband.

    `history` holds the committed watts, every booking included, from each moment on at which they changed, so that a
    reading is compared with the books as they stood at its own timestamp.
    """

    watts: int = 0
    history: list[tuple[float, int]] = field(default_factory=list)
    measured_at: float = 0.0

    def note(self, now: float, committed_watts: int) -> None:
        """Remember what the books say from `now` on."""
        if not self.history or self.history[-1][1] != committed_watts:
            self.history.append((now, committed_watts))
        while len(self.history) > 1 and self.history[1][0] < now - KEEP_SECONDS:
            self.history.pop(0)

    def measure(self, at: float, measured_watts: float, deadband_watts: int) -> None:
        """Take in a fresh reading with the timestamp `at`; one that was taken in before changes nothing."""
        modelled = self._modelled(at)
        if at <= self.measured_at or modelled is None:
            return
        self.measured_at = at
        found = max(0, round(measured_watts) - modelled)
        if abs(found - self.watts) > deadband_watts:
            self.watts = found

    def _modelled(self, at: float) -> int | None:
        """The committed watts at that moment, None where it lies before everything that is remembered."""
        place = bisect_right(self.history, at, key=lambda entry: entry[0])
        return self.history[place - 1][1] if place else None
