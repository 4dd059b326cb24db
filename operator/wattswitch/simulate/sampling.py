"""A recorded series as the feed that it stands for would have told it: one row for each step of a grid.

Numbers are in the base units of their quantity; what a feed's `range` does not hold counts as not known.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wattswitch.api.curve import CurveSource
from wattswitch.api.feed import Feed
from wattswitch.api.source import Source
from wattswitch.feeds.reading import Refused
from wattswitch.feeds.schedule import ScheduleSource
from wattswitch.planner.model import OnStale, Signal
from wattswitch.simulate.series import InputsError, Series


@dataclass(frozen=True, eq=False)
class Sampled:
    """What a feed says at each step, in base units: shape (T,).

    `values` are the last known numbers, NaN before the first, and their mean over the step where they change within it;
    `since` the Unix seconds at which each began to hold;
    `fresh` whether the feed counts as fresh by its own `staleAfterSeconds`.
    """

    values: NDArray[np.float64]
    since: NDArray[np.float64]
    fresh: NDArray[np.bool_]
    on_stale: OnStale = OnStale.HOLD
    assume: float | None = None

    def signal_of(self, value: float, since: float, fresh: bool) -> Signal:  # noqa: FBT001
        """The planner's view of such a row."""
        known = not math.isnan(value)
        problem = "" if known and fresh else "Stale" if known else "NoReading"
        return Signal(value if known else None, problem, since, self.on_stale, self.assume)


def follows_clock(feed: Feed) -> bool:
    """Whether the first source of the feed is always fresh, so that none but it is ever heard."""
    return is_clock(feed.sources[0])


def is_clock(source: Source | CurveSource) -> bool:
    """Whether a source says everything by itself: a fixed number, or one by the clock."""
    return source.fixed is not None or source.schedule is not None


def to_base(feed: Feed) -> float:
    """What turns a recorded number into the feed's base unit: scale and unit of the source that it stands for."""
    source = next((each for each in feed.sources if not is_clock(each)), feed.sources[0])
    return float(source.scale) * source.unit.to_base


def known_numbers(feed: Feed, series: Series) -> Series:
    """The numbers in base units that the feed's range holds. Raises InputsError where there is none."""
    known = believed(series.scaled(to_base(feed)), feed).known
    if not known.starts.size and feed.range is not None:
        unit = next((source.unit for source in feed.sources if not is_clock(source)), feed.sources[0].unit)
        raise InputsError(
            f"{series.name}: no number is within the feed's range, {feed.range.min} to {feed.range.max} in base units,"
            f" when read as {unit}: correct the numbers, the source's unit or the range"
        )
    return known


def sample(
    feed: Feed, series: Series | None, times: NDArray[np.float64], span: tuple[float, float], delay: float = 0.0
) -> Sampled:
    """What the feed says at each step: the recording while it is fresh, else the first source that needs none.

    A recorded number is fresh while it holds, and beyond that until it is `staleAfterSeconds` old; one that comes late
    is fresh by its age alone.
    """
    policy = (OnStale(feed.on_stale), None if feed.assume is None else float(feed.assume))
    clock = next((source for source in feed.sources if is_clock(source)), None)
    if series is None:
        series, clock = clock_series(clock or feed.sources[0], span), None
        return Sampled(series.at(times), times.copy(), np.ones(times.size, dtype=bool), *policy)
    known = known_numbers(feed, series)
    place = np.searchsorted(known.starts, times - delay, side="right") - 1
    there = place >= 0
    values = np.where(there, known.values[place], np.nan)
    since = np.where(there, known.starts[place], 0.0)
    holds = np.zeros(times.size, dtype=bool) if delay else times < known.ends[place]
    fresh = there & (holds | (times - since < feed.stale_after_seconds))
    changes = changes_within(known, times - delay, span)
    if changes.any():
        begins = times[changes] - delay
        values[changes] = _means(known, begins, begins + (span[1] - times[-1]))
        since[changes], fresh[changes] = begins, delay < feed.stale_after_seconds
    if clock is not None and not fresh.all():
        stand_in = clock_series(clock, span).at(times)
        values, since = np.where(fresh, values, stand_in), np.where(fresh, since, times)
        fresh = np.ones(times.size, dtype=bool)
    return Sampled(values, since, fresh, *policy)


def changes_within(known: Series, times: NDArray[np.float64], span: tuple[float, float]) -> NDArray[np.bool_]:
    """(T,) whether a number begins after the beginning of a step and before its end."""
    ends = times + (span[1] - span[0]) / times.size
    after = np.searchsorted(known.starts, times, side="right")
    return np.asarray(np.searchsorted(known.starts, ends, side="left") > after)


def _means(known: Series, begins: NDArray[np.float64], ends: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of the last known number over each of these times, from the first known number on."""
    summed = np.concatenate(([0.0], np.cumsum(known.values[:-1] * np.diff(known.starts))))

    def up_to(at: NDArray[np.float64]) -> NDArray[np.float64]:
        place = np.maximum(np.searchsorted(known.starts, at, side="right") - 1, 0)
        return np.asarray(summed[place] + known.values[place] * (at - known.starts[place]))

    begins = np.maximum(begins, known.first)
    return np.asarray((up_to(ends) - up_to(begins)) / (ends - begins))


def believed(series: Series, feed: Feed) -> Series:
    """The series in base units, without the numbers that the feed's range does not hold."""
    if feed.range is None:
        return series
    low, high = float(feed.range.min), float(feed.range.max)
    values = np.where((series.values >= low) & (series.values <= high), series.values, np.nan)
    return Series(series.starts, values, series.name)


def clock_series(source: Source | CurveSource, span: tuple[float, float]) -> Series:
    """What a fixed or scheduled source says from the first step to the last, in base units."""
    factor = float(source.scale) * source.unit.to_base
    if source.fixed is not None:
        return Series(np.array([span[0], span[1]]), np.full(2, float(source.fixed.value) * factor), source.name)
    if source.schedule is None:
        raise InputsError(f"source {source.name!r} needs a recording")
    schedule, starts, values = ScheduleSource(source.name, source.schedule), [], []
    now: float | None = span[0]
    try:
        while now is not None and now < span[1]:
            starts.append(now)
            values.append(float(schedule.read(now).value or 0.0) * factor)
            now = schedule.next_change(now)
    except Refused as refusal:
        raise InputsError(f"source {source.name!r}: {refusal.message}") from None
    starts.append(span[1])
    values.append(values[-1])
    return _Steps(np.array(starts), np.array(values), source.name)


class _Steps(Series):
    """Numbers that hold until the next one, however far that is."""

    @property
    def ends(self) -> NDArray[np.float64]:
        """The next one's start."""
        return np.append(self.starts[1:], np.inf)
