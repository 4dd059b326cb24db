"""One settlement interval: what was drawn in it, what that cost and earned, and how well it is known.

The rows of an interval add up: those of the workloads (their own draw), `FIXED` and `OVERHEAD` (what PUE adds) are the
modelled energy of `SITE`, which alone has a meter. Energy is in kWh, prices are per MWh, times are Unix seconds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

SITE: Final = ""
"""The key of the whole site. Keys of workloads have slashes in them, so no workload has one of these three."""
FIXED: Final = "fixed"
OVERHEAD: Final = "overhead"

SECONDS_PER_HOUR: Final = 3600.0
SECONDS_TOLERANCE: Final = 1e-3
"""Unix seconds held as floats are exact to less than this."""


class Quality(StrEnum):
    """How well an interval is known: seen throughout, held over a short silence, or with a gap in it."""

    OK = "OK"
    ESTIMATED = "ESTIMATED"
    MISSING = "MISSING"


@dataclass(frozen=True, slots=True)
class Interval:
    """What one workload, or the whole site, did from `start` on for `seconds`.

    `energy_kwh` is modelled, `meter_kwh` is None where no meter was read throughout; both are of the `known_seconds`
    alone. `wanted_kwh` is what price and demand alone would have drawn. `cost` is None where the price was not known
    throughout; that of `SITE` is of the metered energy where there is one. `worth_per_mwh` is what a MWh at the meter
    earns, None where it was never known. `by_price` and `by_event` tell whether it was held down at any time.
    """

    start: int
    seconds: int
    workload: str
    energy_kwh: float
    known_seconds: float
    meter_kwh: float | None = None
    price_per_mwh: float | None = None
    cost: float | None = None
    revenue: float = 0.0
    wanted_kwh: float = 0.0
    worth_per_mwh: float | None = None
    by_price: bool = False
    by_event: bool = False
    quality: Quality = Quality.OK

    @property
    def end(self) -> int:
        """When it is over."""
        return self.start + self.seconds

    @property
    def kwh(self) -> float:
        """Metered energy, else the modelled one."""
        return self.energy_kwh if self.meter_kwh is None else self.meter_kwh

    @property
    def kw(self) -> float | None:
        """The mean power of what is known of it, None where nothing is."""
        hours = self.known_seconds / SECONDS_PER_HOUR
        return self.kwh / hours if self.known_seconds > SECONDS_TOLERANCE else None

    @property
    def curtailed(self) -> bool:
        """Whether anything was held down, by whatever cause."""
        return self.by_price or self.by_event


@dataclass(frozen=True, slots=True)
class Load:
    """Mean kW by the start of each interval that is known throughout, and in which of them we held the load down."""

    seconds: int
    kw: Mapping[int, float]
    curtailed: frozenset[int] = field(default_factory=frozenset)

    @classmethod
    def of(cls, rows: Iterable[Interval], seconds: int, workload: str = SITE) -> "Load":
        """The load of the site, or of one workload; rows of another length are left out."""
        mine = [row for row in rows if row.workload == workload and row.seconds == seconds]
        usable = [row for row in mine if row.quality is not Quality.MISSING]
        known = {row.start: kw for row in usable if (kw := row.kw) is not None}
        return cls(seconds, known, frozenset(row.start for row in mine if row.curtailed))

    def free(self, start: int) -> float | None:
        """The kW of an interval that we did not curtail; None where there is none, or we did."""
        return None if start in self.curtailed else self.kw.get(start)

    def mean(self, starts: Iterable[int]) -> float | None:
        """The mean over those of these intervals that are known and that we did not curtail; None where none is."""
        found = [kw for start in starts if (kw := self.free(start)) is not None]
        return sum(found) / len(found) if found else None


def aligned(at: float, seconds: int) -> int:
    """The start of the interval that this moment is in."""
    return int(at // seconds) * seconds


def starts_within(start: float, end: float, seconds: int) -> range:
    """Starts of the intervals that lie in [start, end) as a whole."""
    first = -int(-start // seconds) * seconds
    return range(first, aligned(end, seconds), seconds)
