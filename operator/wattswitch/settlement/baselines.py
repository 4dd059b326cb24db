"""What a site would have drawn during an event, by the rules of the programmes; or why no number can be given.

A history that contains our own curtailments sinks, and with it everything that is paid by it. So a day on which we
held the load down in the hours that count is left out and said to be, and where too few days are left there is no
number. All powers are mean kW of whole intervals.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final, NamedTuple

from wattswitch.settlement.calendars import Calendar
from wattswitch.settlement.intervals import Load, aligned, starts_within

CURTAILED: Final = "Curtailed"
NO_DATA: Final = "NoData"
EVENT_DAY: Final = "EventDay"

_HOUR: Final = 3600
LOOK_BACK_DAYS: Final = 45
_LEAST_KNOWN = 0.5
"""The share of the intervals beside the event, or outside of it, that must be known and not curtailed by us."""


class Left(NamedTuple):
    """A day that a baseline does without, and why: `Curtailed` by us, `NoData`, `EventDay`."""

    day: date
    reason: str


@dataclass(frozen=True, slots=True)
class Window:
    """An event from `start` to `end`, and how much before and after it a baseline is told for."""

    start: float
    end: float
    lead_seconds: float = 0.0
    tail_seconds: float = 0.0

    def first(self, seconds: int) -> int:
        """The start of the interval in which it begins: what is before that is before the event as a whole."""
        return aligned(self.start, seconds)

    def past(self, seconds: int) -> int:
        """The end of the interval in which it ends."""
        return -aligned(-self.end, seconds)

    def starts(self, seconds: int) -> range:
        """Starts of the whole intervals of the event."""
        return starts_within(self.start, self.end, seconds)

    def shown(self, seconds: int) -> range:
        """Starts of the whole intervals that the baseline is told for."""
        return starts_within(self.start - self.lead_seconds, self.end + self.tail_seconds, seconds)


@dataclass(frozen=True, slots=True)
class Baseline:
    """kW by interval start, which days it is made of and which it does without.

    `level_kw` is what the load may not pass where the programme asks for a level, not for a reduction. `ratio` is the
    same-day adjustment that was applied, 1 for none. `left_out_intervals` are those of the event day that a method
    of the day itself does without, because they are not known or we curtailed in them.
    """

    method: str
    kw: Mapping[int, float]
    days: tuple[date, ...] = ()
    left_out: tuple[Left, ...] = ()
    left_out_intervals: int = 0
    ratio: float = 1.0
    level_kw: float | None = None

    @property
    def curtailed_days(self) -> int:
        """Days left out because we curtailed on them."""
        return sum(left.reason == CURTAILED for left in self.left_out)


@dataclass(frozen=True, slots=True)
class NoBaseline:
    """Why there is no number. `missing_days` are those that it lacks, 0 where it is not for want of days."""

    method: str
    reason: str
    missing_days: int = 0
    left_out: tuple[Left, ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """What baselines are made from: the load, the calendar, and the windows of all events, this one or not.

    `look_back_days` is how far back days are looked for.
    """

    load: Load
    calendar: Calendar = field(default_factory=Calendar)
    events: tuple[Window, ...] = ()
    look_back_days: int = LOOK_BACK_DAYS

    def same_time(self, starts: Iterable[int], event_day: date, day: date) -> list[int]:
        """These intervals of the event day at the same local times around another day."""
        apart = (day - event_day).days
        return [self.calendar.moved(start, apart) for start in starts]


@dataclass(frozen=True, slots=True)
class Adjustment:
    """By how the day itself ran before the event: that ratio, over these seconds before it, held within 1 ± `cap`."""

    from_seconds: float = 4 * _HOUR
    until_seconds: float = 1 * _HOUR
    cap: float = 0.2


@dataclass(frozen=True, slots=True)
class _Days:
    """The eligible days, the latest first, and those left out on the way to them."""

    found: tuple[date, ...]
    left_out: tuple[Left, ...]


def firm_service_level(history: History, event: Window, level_kw: float, peak_load_kw: float) -> Baseline | NoBaseline:
    """A level that the load may not pass, whatever it was before; reductions count from the peak load contribution."""
    method = "firm service level"
    if level_kw > peak_load_kw:
        return NoBaseline(method, "the firm service level is above the peak load contribution")
    return _constant(method, history, event, peak_load_kw, level_kw=level_kw)


def meter_before_after(
    history: History,
    event: Window,
    *,
    before_seconds: float = _HOUR,
    after_seconds: float = 0.0,
    skip_seconds: float = 0.0,
) -> Baseline | NoBaseline:
    """The mean just before the event and, if asked for, just after it, `skip_seconds` away from it."""
    seconds = history.load.seconds
    before = event.first(seconds) - skip_seconds
    after = event.past(seconds) + skip_seconds
    sides = [
        starts_within(before - before_seconds, before, seconds),
        starts_within(after, after + after_seconds, seconds),
    ]
    return _mean_of(f"meter before{'/after' if after_seconds else ''}", history, event, sides)


def x_of_y(
    history: History, event: Window, x: int, y: int, adjustment: Adjustment | None = None
) -> Baseline | NoBaseline:
    """The mean of the `x` days that drew most in the event's hours, out of the last `y` eligible like days.

    Raises ValueError unless 0 < x <= y.
    """
    if not 0 < x <= y:
        raise ValueError(f"x must be from 1 to y, not {x} of {y}")
    method = f"{x} of {y}" + (" with same-day adjustment" if adjustment else "")
    seconds, day = history.load.seconds, history.calendar.day(event.start)
    hours = event.starts(seconds)
    days = _eligible(history, day, hours, y)
    if (refusal := _too_few(method, history, hours, days, y)) is not None:
        return refusal
    drawn = {other: history.load.mean(history.same_time(hours, day, other)) or 0.0 for other in days.found}
    chosen = sorted(days.found, key=lambda other: (-drawn[other], other))[:x]
    kw = _by_time(history, event.shown(seconds), day, chosen, within=hours)
    ratio: float | None = 1.0
    if adjustment is not None:
        ratio = _ratio(history, event, day, chosen, adjustment)
    if ratio is None:
        why = "in the hours of the same-day adjustment no interval is known on both sides that we did not curtail"
        return NoBaseline(method, why, left_out=days.left_out)
    adjusted = {at: ratio * value for at, value in kw.items()}
    return Baseline(method, adjusted, tuple(sorted(chosen)), days.left_out, ratio=ratio)


def same_day_3_2(history: History, event: Window) -> Baseline | NoBaseline:
    """PJM Same Day 3+2: three hours before and two after, each an hour away from the event."""
    seconds = history.load.seconds
    first, past = event.first(seconds), event.past(seconds)
    before = starts_within(first - 4 * _HOUR, first - _HOUR, seconds)
    after = starts_within(past + _HOUR, past + 3 * _HOUR, seconds)
    return _mean_of("same day 3+2", history, event, (before, after))


def match_day(history: History, event: Window, matches: int = 3) -> Baseline | NoBaseline:
    """PJM Match Day: the mean of the like days most similar outside of the event and the hours beside it.

    Similar by the root of the mean squared difference over what both days know and we did not curtail.
    """
    method = f"match day ({matches})"
    seconds, day = history.load.seconds, history.calendar.day(event.start)
    hours = event.starts(seconds)
    all_days = _eligible(history, day, hours, history.look_back_days)
    apart = {other: _distance(history, event, day, other) for other in all_days.found}
    left_out = all_days.left_out + tuple(Left(other, NO_DATA) for other, far in apart.items() if not math.isfinite(far))
    found = tuple(other for other in all_days.found if math.isfinite(apart[other]))
    if (refusal := _too_few(method, history, hours, _Days(found, left_out), matches)) is not None:
        return refusal
    chosen = sorted(found, key=lambda other: (apart[other], -other.toordinal()))[:matches]
    kw = _by_time(history, event.shown(seconds), day, chosen, within=hours)
    return Baseline(method, kw, tuple(sorted(chosen)), left_out)


def centerpoint(history: History, event: Window, days: int = 4) -> Baseline | NoBaseline:
    """CenterPoint load management: the hour that begins two hours before the event, on that day and the ones before."""
    method = "CenterPoint"
    seconds, day = history.load.seconds, history.calendar.day(event.start)
    first = event.first(seconds)
    hour = starts_within(first - 2 * _HOUR, first - _HOUR, seconds)
    before = _eligible(history, day, hour, days)
    if (refusal := _too_few(method, history, hour, before, days)) is not None:
        return refusal
    own = [history.load.free(start) for start in hour]
    if any(kw is None for kw in own):
        return NoBaseline(method, "the hour before last of the event day is not known, or we curtailed in it", 1)
    means = [history.load.mean(history.same_time(hour, day, other)) or 0.0 for other in (day, *before.found)]
    chosen = tuple(sorted((day, *before.found)))
    return _constant(method, history, event, sum(means) / len(means), days=chosen, left_out=before.left_out)


def centerpoint_savings_kw(baseline: Baseline, load: Load, event: Window) -> float | None:
    """The baseline less the highest hour of consecutive intervals in the event; None where not one hour is known."""
    in_hour = _HOUR // load.seconds
    starts = event.starts(load.seconds)
    hours = [[load.kw.get(at) for at in starts[i : i + in_hour]] for i in range(len(starts) - in_hour + 1)]
    means = [sum(hour) / in_hour for values in hours if len(hour := [kw for kw in values if kw is not None]) == in_hour]
    if not means or not baseline.kw:
        return None
    return next(iter(baseline.kw.values())) - max(means)


def _eligible(history: History, event_day: date, hours: range, most: int) -> _Days:
    """The latest like days, at most `most`, on which all of these hours are known, free of us and free of events."""
    found: list[date] = []
    left_out: list[Left] = []
    event_days = {history.calendar.day(at) for other in history.events for at in (other.start, other.end - 1)}
    for day in history.calendar.before(event_day, history.look_back_days):
        if len(found) == most:
            break
        if not history.calendar.alike(day, event_day):
            continue
        starts = history.same_time(hours, event_day, day)
        if day in event_days:
            left_out.append(Left(day, EVENT_DAY))
        elif any(start in history.load.curtailed for start in starts):
            left_out.append(Left(day, CURTAILED))
        elif any(start not in history.load.kw for start in starts):
            left_out.append(Left(day, NO_DATA))
        else:
            found.append(day)
    return _Days(tuple(found), tuple(left_out))


def _too_few(method: str, history: History, hours: range, days: _Days, needed: int) -> NoBaseline | None:
    if not hours:
        return NoBaseline(method, "the event is shorter than one whole interval", left_out=days.left_out)
    missing = needed - len(days.found)
    if missing <= 0:
        return None
    why = {
        CURTAILED: "we curtailed",
        NO_DATA: "data is missing",
        EVENT_DAY: "another event ran",
    }
    counts = {reason: sum(left.reason == reason for left in days.left_out) for reason in why}
    told = ", ".join(f"{counts[reason]} because {words}" for reason, words in why.items() if counts[reason])
    left = f"; left out: {told}" if told else ""
    reason = (
        f"{missing} of {needed} days {'is' if missing == 1 else 'are'} missing: {len(days.found)} eligible days in the "
        f"last {history.look_back_days}{left}"
    )
    return NoBaseline(method, reason, missing, days.left_out)


def _by_time(history: History, shown: range, event_day: date, days: Iterable[date], within: range) -> dict[int, float]:
    """The mean of these days at each time of day; outside the event only where one of them is known and free."""
    kw = {}
    chosen = list(days)
    for start in shown:
        same = [at for day in chosen for at in history.same_time([start], event_day, day)]
        if start in within:
            kw[start] = sum(history.load.kw[at] for at in same) / len(same)
        elif (mean := history.load.mean(same)) is not None:
            kw[start] = mean
    return kw


def _ratio(history: History, event: Window, day: date, chosen: list[date], adjustment: Adjustment) -> float | None:
    """How much more the day drew before the event than the baseline says; None where neither can be told."""
    first = event.first(history.load.seconds)
    starts = starts_within(first - adjustment.from_seconds, first - adjustment.until_seconds, history.load.seconds)
    pairs = [
        (own, mean)
        for start in starts
        if (own := history.load.free(start)) is not None
        and (mean := history.load.mean(at for other in chosen for at in history.same_time([start], day, other)))
        is not None
    ]
    expected = sum(mean for _, mean in pairs)
    if expected <= 0:
        return None
    return min(1 + adjustment.cap, max(1 - adjustment.cap, sum(own for own, _ in pairs) / expected))


def _distance(history: History, event: Window, day: date, other: date) -> float:
    """Root mean squared kW between two days, outside the event and the hours beside it; infinite if hardly known."""
    load, calendar = history.load, history.calendar
    begin, end = calendar.midnight(day), calendar.midnight(day + timedelta(days=1))
    first, last = event.start - _HOUR, event.end + _HOUR
    starts = [at for at in starts_within(begin, end, load.seconds) if at + load.seconds <= first or at >= last]
    pairs = [(load.free(start), load.free(history.same_time([start], day, other)[0])) for start in starts]
    known = [(own - theirs) ** 2 for own, theirs in pairs if own is not None and theirs is not None]
    if not known or len(known) < _LEAST_KNOWN * len(starts):
        return math.inf
    return math.sqrt(sum(known) / len(known))


def _mean_of(method: str, history: History, event: Window, sides: Iterable[range]) -> Baseline | NoBaseline:
    """One number for the whole event: the mean of these intervals of the same day, without those we curtailed."""
    used: list[float] = []
    asked = 0
    for side in sides:
        free = [kw for start in side if (kw := history.load.free(start)) is not None]
        if len(free) < _LEAST_KNOWN * len(side):
            why = f"of its {len(side)} intervals on one side of the event, {len(free)} are known and free of us"
            return NoBaseline(method, f"{why}; half of them are needed")
        used += free
        asked += len(side)
    if not used:
        return NoBaseline(method, "there is no whole interval to make it of")
    day = history.calendar.day(event.start)
    result = _constant(method, history, event, sum(used) / len(used), days=(day,))
    return replace(result, left_out_intervals=asked - len(used)) if isinstance(result, Baseline) else result


def _constant(
    method: str,
    history: History,
    event: Window,
    kw: float,
    *,
    days: tuple[date, ...] = (),
    left_out: tuple[Left, ...] = (),
    level_kw: float | None = None,
) -> Baseline | NoBaseline:
    seconds = history.load.seconds
    if not event.starts(seconds):
        return NoBaseline(method, "the event is shorter than one whole interval")
    return Baseline(method, dict.fromkeys(event.shown(seconds), kw), days, left_out, level_kw=level_kw)
