"""Loads of January 2024 from a few numbers: 2024-01-01 is a Monday."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, tzinfo

from wattswitch.settlement.baselines import History, Window
from wattswitch.settlement.calendars import Calendar
from wattswitch.settlement.intervals import Load

HOUR = 3600


def at(day: int, hour: float, *, month: int = 1, zone: tzinfo = UTC) -> int:
    return int(datetime(2024, month, day, tzinfo=zone).timestamp() + hour * HOUR)


def jan(day: int) -> date:
    return date(2024, 1, day)


def window(day: int, first: float, last: float, **shown: float) -> Window:
    return Window(at(day, first), at(day, last), **shown)


def load(
    days: Mapping[int, float],
    hours: Mapping[tuple[int, float], float] | None = None,
    curtailed: Iterable[tuple[int, float]] = (),
    *,
    seconds: int = HOUR,
) -> Load:
    """A level for each day of January, other kW at (day, hour), and where we curtailed."""
    kw = {at(day, 0) + i * seconds: level for day, level in days.items() for i in range(24 * HOUR // seconds)}
    kw |= {at(day, hour): value for (day, hour), value in (hours or {}).items()}
    return Load(seconds, kw, frozenset(at(day, hour) for day, hour in curtailed))


def history(known: Load, *, holidays: Iterable[date] = (), **changed) -> History:
    return History(known, Calendar(UTC, frozenset(holidays)), **changed)
