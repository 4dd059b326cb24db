"""Days and hours as people on the site count them: a zone, holidays, business days."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo

_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which days are alike. `weekend` are weekdays, Monday 0; holidays count as weekend."""

    zone: tzinfo = UTC
    holidays: frozenset[date] = field(default_factory=frozenset)
    weekend: frozenset[int] = frozenset({_SATURDAY, _SATURDAY + 1})

    def day(self, at: float) -> date:
        """The local day of a moment."""
        return datetime.fromtimestamp(at, self.zone).date()

    def business(self, day: date) -> bool:
        """Whether it is a business day."""
        return day not in self.holidays and day.weekday() not in self.weekend

    def alike(self, day: date, other: date) -> bool:
        """Whether both are business days, or neither is."""
        return self.business(day) == self.business(other)

    def before(self, day: date, days: int) -> Iterator[date]:
        """So many days before a day, the latest first."""
        return (day - timedelta(days=back) for back in range(1, days + 1))

    def midnight(self, day: date) -> float:
        """The first moment of a local day."""
        return datetime(day.year, day.month, day.day, tzinfo=self.zone).timestamp()

    def moved(self, at: float, days: int) -> int:
        """The same local time so many days later; an hour that the clock leaves out is the one after it."""
        local = datetime.fromtimestamp(at, self.zone)
        return int((local.replace(tzinfo=None) + timedelta(days=days)).replace(tzinfo=self.zone).timestamp())

    def month(self, year: int, month: int) -> tuple[float, float]:
        """The first moment of a month, and the first one after it."""
        first = datetime(year, month, 1, tzinfo=self.zone)
        after = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=self.zone)
        return first.timestamp(), after.timestamp()
