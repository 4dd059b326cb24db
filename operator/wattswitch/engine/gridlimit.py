"""What may be drawn while nobody says so: the failsafe of the grid's own number.

Guarantee: a number that is lost never raises what may be drawn, and after a loss none counts whose source's own time
is not later than the loss. For the first moments of a process, in which nothing is raised, the last number that an
earlier one heard stands in for the failsafe.
"""

from dataclasses import dataclass

from wattswitch.feeds import Reading


@dataclass
class FailsafeLimit:
    """One grid limit. `began_at` is when this process first asked; `lost_at` since when no number counts."""

    began_at: float | None = None
    lost_at: float | None = None
    heard: bool = False

    def watts(self, reading: Reading, failsafe_watts: int, now: float, *, starting: bool) -> int:
        """What may be drawn now, in watts at the meter."""
        self.began_at = now if self.began_at is None else self.began_at
        last = None if reading.value is None else max(0, int(reading.value))
        if last is not None and self._counts(reading, self.began_at):
            self.lost_at, self.heard = None, True
            return last
        if starting and last is not None:
            return last
        self.lost_at = now if self.lost_at is None else self.lost_at
        return failsafe_watts if last is None else min(failsafe_watts, last)

    def _counts(self, reading: Reading, began_at: float) -> bool:
        """Whether the number is of this process, and news since the last loss."""
        if not reading.fresh or reading.fetched_at < began_at:
            return False
        return not self.heard or self.lost_at is None or reading.at > self.lost_at
