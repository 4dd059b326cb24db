"""What a source is to its feed: either it follows the clock, or it is polled."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from wattswitch.feeds.reading import Key, Reading


@runtime_checkable
class ClockSource(Protocol):
    """A source whose number depends on the time alone and is always fresh."""

    name: str

    def read(self, now: float) -> Reading:
        """The number at `now`, in the source's unit. Raises Refused."""

    def next_change(self, now: float) -> float | None:
        """The moment after `now` at which the number may change, None where it never does."""

    def changes(self, first: float, last: float) -> list[float]:
        """Every moment after `first` and before `last` from which the number is another, in order."""


class PolledSource(Protocol):
    """A source that is asked over and over; it may be slow, wrong or gone."""

    name: str

    async def fetch(self) -> Mapping[Key, Reading]:
        """The number of each key (`WHOLE` for a feed that is not per workload), in the source's unit.

        A reading may carry a problem of its own. Raises Refused where the whole request gave nothing. May be
        cancelled at any moment, and then leaves no connection open.
        """
