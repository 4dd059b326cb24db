"""Numbers by the wall clock of a place: in the spring gap a window is shorter, in the autumn's double hour longer."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from wattswitch.api.source import Day, Schedule, Window
from wattswitch.feeds.reading import Problem, Reading, Refused

_DAYS: Final = tuple(Day)
_MINUTES_A_DAY: Final = 1440
_DAYS_AHEAD: Final = 2
_DAY_SECONDS: Final = 86_400


class ScheduleSource:
    """Says the value of the first window that is open, or the default. A window that wraps midnight belongs to the
    day and month on which it opens."""

    def __init__(self, name: str, spec: Schedule) -> None:
        self.name = name
        self._spec = spec
        self._zone = _find_zone(spec.time_zone)
        minutes = {minute for window in spec.windows for minute in (window.from_minute, window.to_minute)}
        self._edges = sorted({0, *(minute % _MINUTES_A_DAY for minute in minutes)})
        self._known_from = 0.0
        self._known_change = 0.0

    def read(self, now: float) -> Reading:
        """The number at `now`. Raises Refused where the time zone is unknown."""
        return Reading(self._value(self._local(now)), now, now, self.name)

    def next_change(self, now: float) -> float | None:
        """The next moment at which the number differs, at most two days ahead; then ask again.

        None where there are no windows, or no such time zone.
        """
        if self._zone is None or not self._spec.windows:
            return None
        if not self._known_from <= now < self._known_change:
            self._known_from, self._known_change = now, self._find_change(now, self._zone)
        return self._known_change

    def changes(self, first: float, last: float) -> list[float]:
        """Every moment after `first` and before `last` from which the number is another."""
        if self._zone is None or not self._spec.windows:
            return []
        days = int((last - first) // _DAY_SECONDS) + _DAYS_AHEAD
        moments = sorted({each for each in self._moments(first, self._zone, days) if first < each < last})
        values = [self._value(self._local(at)) for at in (first, *moments)]
        return [at for at, before, after in zip(moments, values, values[1:], strict=False) if before != after]

    def _local(self, now: float) -> datetime:
        if self._zone is None:
            message = f"timeZone {self._spec.time_zone!r} is not in the IANA database: use one like Europe/Berlin"
            raise Refused(Problem.UNKNOWN_TIME_ZONE, message)
        return datetime.fromtimestamp(now, self._zone)

    def _value(self, local: datetime) -> float:
        opened = (window for window in self._spec.windows if _is_open(window, local))
        window = next(opened, None)
        return float(self._spec.default if window is None else window.value)

    def _find_change(self, now: float, zone: ZoneInfo) -> float:
        value = self._value(self._local(now))
        moments = sorted(moment for moment in self._moments(now, zone) if moment > now)
        return next((moment for moment in moments if self._value(self._local(moment)) != value), moments[-1])

    def _moments(self, now: float, zone: ZoneInfo, days: int = _DAYS_AHEAD) -> Iterator[float]:
        """Every moment around `now`, and so many days ahead, at which a window can open or close."""
        today = datetime.fromtimestamp(now, zone).date()
        for ahead in range(-1, days + 1):
            day = today + timedelta(days=ahead)
            yield from _clock_changes(day, zone)
            for minute in self._edges:
                for fold in (0, 1):
                    yield _moment(day, minute, zone, fold)


def _find_zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def _is_open(window: Window, local: datetime) -> bool:
    minute = local.hour * 60 + local.minute
    wraps = window.to_minute <= window.from_minute
    if wraps and minute < window.to_minute:
        return _opens_on(window, local.date() - timedelta(days=1))
    return window.from_minute <= minute and (wraps or minute < window.to_minute) and _opens_on(window, local.date())


def _opens_on(window: Window, day: date) -> bool:
    return (not window.days or _DAYS[day.weekday()] in window.days) and (
        not window.months or day.month in window.months
    )


def _moment(day: date, minute: int, zone: ZoneInfo, fold: int = 0) -> float:
    return datetime.combine(day, time(minute // 60, minute % 60, fold=fold), zone).timestamp()


def _clock_changes(day: date, zone: ZoneInfo) -> Iterator[float]:
    """The moment of `day` at which the zone's clocks are put forward or back, to the second; at most one."""
    start, end = int(_moment(day, 0, zone)), int(_moment(day + timedelta(days=1), 0, zone))
    before = _offset(start, zone)
    if _offset(end, zone) == before:
        return
    while end - start > 1:
        middle = (start + end) // 2
        start, end = (middle, end) if _offset(middle, zone) == before else (start, middle)
    yield float(end)


def _offset(at: int, zone: ZoneInfo) -> timedelta | None:
    return datetime.fromtimestamp(at, UTC).astimezone(zone).utcoffset()
