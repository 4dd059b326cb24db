"""The peaks of a whole grid that transmission is charged by: when they may come, when they came, what the site drew.

Everything that rules differ in is data: months, hours, the zone, and how long an interval is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from functools import cached_property
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from wattswitch.settlement.calendars import Calendar
from wattswitch.settlement.intervals import Load, starts_within

EVERY_DAY: Final = frozenset(range(7))
ALL_YEAR: Final = frozenset(range(1, 13))


class ClockWindow(NamedTuple):
    """Local hours of some weekdays (Monday 0), half-open; one that ends at 00:00 ends with the day."""

    begin: time
    end: time
    weekdays: frozenset[int] = EVERY_DAY

    def holds(self, local: datetime) -> bool:
        """Whether this local time is within."""
        at = local.time()
        return local.weekday() in self.weekdays and self.begin <= at and (at < self.end or self.end == time(0))


@dataclass(frozen=True)
class PeakRule:
    """Which months have a peak, in intervals of what length; `windows` are the hours in which it is to be expected.

    The peak itself counts whenever it comes. Without windows every hour of the day is one.
    """

    name: str
    months: frozenset[int]
    zone: str
    interval_seconds: int
    windows: tuple[ClockWindow, ...] = ()
    weekdays: frozenset[int] = EVERY_DAY

    @cached_property
    def calendar(self) -> Calendar:
        """The calendar of its zone."""
        return Calendar(ZoneInfo(self.zone))

    def expects(self, at: float) -> bool:
        """Whether a peak is to be expected at this moment."""
        local = datetime.fromtimestamp(at, self.calendar.zone)
        if local.month not in self.months or local.weekday() not in self.weekdays:
            return False
        return not self.windows or any(window.holds(local) for window in self.windows)


FOUR_CP: Final = PeakRule("4CP", frozenset({6, 7, 8, 9}), "America/Chicago", 900, (ClockWindow(time(15), time(18)),))
"""ERCOT: the highest 15 minutes of June to September each. Its windows are a habit of hot weekdays, not a rule."""
TWELVE_CP: Final = PeakRule("12CP", ALL_YEAR, "America/Chicago", 1800)
"""ERCOT, as proposed for 2027: the highest 30 minutes of every month."""


@dataclass(frozen=True, slots=True)
class SystemLoad:
    """The load of the whole grid, in any unit: means of intervals of `seconds`, by their start."""

    seconds: int
    load: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Peak:
    """The interval of a month in which the grid drew most; the earliest of equals.

    `site_kw` is what the site drew in it, None where that is not known. `complete` says whether the whole month was
    there to look at.
    """

    rule: str
    start: int
    seconds: int
    system_load: float
    site_kw: float | None
    complete: bool


@dataclass(frozen=True, slots=True)
class NoPeak:
    """Why a month has none."""

    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class WindowDemand:
    """The most that the site drew in an interval of a month in which a peak was to be expected."""

    rule: str
    start: int
    kw: float
    mean_kw: float


def peak(rule: PeakRule, system: SystemLoad, load: Load, year: int, month: int) -> Peak | NoPeak:
    """The peak of a month by this rule, and the site's demand in it."""
    if month not in rule.months:
        return NoPeak(rule.name, "the rule counts no peak in this month")
    if rule.interval_seconds % system.seconds:
        return NoPeak(rule.name, f"intervals of {rule.interval_seconds} s cannot be made of {system.seconds} s")
    starts = list(_starts(rule, year, month))
    means = {at: mean for at in starts if (mean := _mean(system.load, system.seconds, at, rule)) is not None}
    if not means:
        return NoPeak(rule.name, "the grid's load is not known for any interval of this month")
    at = max(means, key=lambda start: (means[start], -start))
    site_kw = _mean(load.kw, load.seconds, at, rule)
    return Peak(rule.name, at, rule.interval_seconds, means[at], site_kw, complete=len(means) == len(starts))


def window_demand(rule: PeakRule, load: Load, year: int, month: int) -> WindowDemand | None:
    """The site's demand in the hours of a month in which a peak was to be expected; None where none is known."""
    starts = [at for at in _starts(rule, year, month) if rule.expects(at)]
    known = {at: mean for at in starts if (mean := _mean(load.kw, load.seconds, at, rule)) is not None}
    if not known:
        return None
    at = max(known, key=lambda start: (known[start], -start))
    return WindowDemand(rule.name, at, known[at], sum(known.values()) / len(known))


def _starts(rule: PeakRule, year: int, month: int) -> Iterator[int]:
    return iter(starts_within(*rule.calendar.month(year, month), rule.interval_seconds))


def _mean(values: Mapping[int, float], seconds: int, start: int, rule: PeakRule) -> float | None:
    """The mean over one interval of the rule; None unless its parts are known and fill it."""
    if rule.interval_seconds % seconds:
        return None
    parts = [values.get(at) for at in range(start, start + rule.interval_seconds, seconds)]
    known = [value for value in parts if value is not None]
    return sum(known) / len(known) if len(known) == len(parts) else None
