"""From values to pixels, and where the ticks go."""

import bisect
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

import numpy as np
from numpy.typing import NDArray

from wattswitch.pages import amounts

Floats = NDArray[np.float64]

_COMPRESSED_MOST = 0.7
"""The most that all values beyond a knee take of a bent scale, compared with the straight part."""

_LINE = 15.0
"""Pixels that the label of a tick needs."""

_LEAST_SPAN = 10.0
"""A price axis spans at least this much money per MWh."""


@dataclass(frozen=True, slots=True)
class Linear:
    """A straight scale: `low` is drawn at pixel `start`, `high` at `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, values: Floats) -> Floats:
        """Pixels of these values; NaN stays NaN."""
        span = self.high - self.low or 1.0
        return self.start + (np.asarray(values, dtype=float) - self.low) * ((self.end - self.start) / span)

    def at(self, value: float) -> float:
        """The pixel of one value."""
        return float(self(np.array([value]))[0])

    def ticks(self, pixels: float) -> tuple[float, ...]:
        """Round values about that far apart."""
        return nice_ticks(self.low, self.high, max(2, int(abs(self.end - self.start) / pixels)))


@dataclass(frozen=True, slots=True)
class Bent:
    """Straight up to `knee` on either side of zero, logarithmic beyond it: for prices whose spikes dwarf the rest."""

    low: float
    high: float
    knee: float
    start: float
    end: float

    def __call__(self, values: Floats) -> Floats:
        """Pixels of these values; NaN stays NaN."""
        low, high = self._bend(np.array([self.low, self.high])).tolist()
        share: Floats = (self._bend(np.asarray(values, dtype=float)) - low) / (high - low)
        return self.start + share * (self.end - self.start)

    def at(self, value: float) -> float:
        """The pixel of one value."""
        return float(self(np.array([value]))[0])

    def ticks(self, pixels: float) -> tuple[float, ...]:
        """Round values in the straight part about `pixels` apart; beyond it 1, 2 and 5 times powers of ten, closer."""
        bottom, top = max(self.low, -self.knee), min(self.high, self.knee)
        straight = abs(self.at(top) - self.at(bottom))
        ticks = list(nice_ticks(bottom, top, max(1, int(straight / pixels))))
        for lead in (1, 5, 2):
            for power in range(1, 8):
                for value in (lead * 10.0**power, -lead * 10.0**power):
                    beyond = abs(value) > self.knee and self.low <= value <= self.high
                    if beyond and min(abs(self.at(value) - self.at(tick)) for tick in ticks) >= _LINE:
                        bisect.insort(ticks, value)
        return tuple(ticks)

    def _bend(self, values: Floats) -> Floats:
        reach = math.log10(max(abs(self.low), abs(self.high)) / self.knee)
        straight = (min(self.high, self.knee) - max(self.low, -self.knee)) / self.knee
        slope = min(math.log(10), _COMPRESSED_MOST * straight / reach)
        size = np.abs(values) / self.knee
        return np.sign(values) * np.where(size <= 1, size, 1 + slope * np.log10(np.maximum(size, 1)))


Scale = Linear | Bent


def price_scale(prices: Floats, start: float, end: float) -> Scale:
    """A scale for all of these prices: straight, or bent where a few spikes would press the others flat.

    Zero is always on it.
    """
    known = prices[np.isfinite(prices)]
    if not len(known):
        return Linear(0.0, 100.0, start, end)
    low, high = min(0.0, float(np.min(known))), max(0.0, float(np.max(known)))
    usual = nice_above(max(float(np.quantile(np.abs(known), 0.95)), 1.0))
    if max(high, -low) > 2.5 * usual:
        return Bent(low, max(high, usual), usual, start, end)
    high = max(high, low + _LEAST_SPAN)
    room = 0.06 * (high - low)
    return Linear(low - room if low < 0 else 0.0, high + room, start, end)


def nice_above(value: float) -> float:
    """The next of 1, 2, 5 times a power of ten that is not below the value, which is above zero."""
    base = 10.0 ** math.floor(math.log10(value))
    return next(lead * base for lead in (1, 2, 5, 10) if lead * base >= value * (1 - 1e-9))


def nice_ticks(low: float, high: float, count: int) -> tuple[float, ...]:
    """About `count` round values from `low` to `high`, never more than `count` + 1."""
    if not high > low:
        return (low,)
    step = nice_above((high - low) / count)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(index * step for index in range(first, last + 1))


@dataclass(frozen=True, slots=True)
class TimeTick:
    """A tick of a time axis: when, what is written there, and under it the date or the year, where it changes."""

    at: float
    label: str
    below: str


_Stamp = Callable[[float, tzinfo], str]


def time_ticks(start: float, end: float, zone: tzinfo, count: int) -> tuple[TimeTick, ...]:
    """At most about `count` ticks at round local times: hours, days or months."""
    hours = (end - start) / 3600
    for every in (1, 2, 3, 6, 12):
        if hours / every <= count:
            return _label(_clock_times(start, end, zone, every), zone, amounts.clock, amounts.weekday)
    for every in (1, 2, 7, 14):
        if hours / 24 / every <= count:
            return _label(_days(start, end, zone, every), zone, amounts.short_day, _year)
    for every in (1, 2, 3, 6):
        if hours / 24 / 30.4 / every <= count:
            return _label(_months(start, end, zone, every), zone, amounts.month, _year)
    years = max(1, math.ceil(hours / 8766 / count))
    return _label(_months(start, end, zone, 12 * years), zone, _year, lambda at, zone: "")


def _label(times: Iterable[float], zone: tzinfo, upper: _Stamp, lower: _Stamp) -> tuple[TimeTick, ...]:
    """Ticks whose lower line is written only where it differs from the one before."""
    ticks: list[TimeTick] = []
    last = ""
    for at in times:
        below = lower(at, zone)
        ticks.append(TimeTick(at, upper(at, zone), "" if below == last else below))
        last = below
    return tuple(ticks)


def _year(at: float, zone: tzinfo) -> str:
    return str(amounts.local(at, zone).year)


def _clock_times(start: float, end: float, zone: tzinfo, every: int) -> list[float]:
    """Whole local hours that `every` divides."""
    first = math.ceil(start / 3600)
    hours = (3600.0 * hour for hour in range(first, math.floor(end / 3600) + 1))
    return [at for at in hours if amounts.local(at, zone).hour % every == 0]


def _days(start: float, end: float, zone: tzinfo, every: int) -> list[float]:
    """Local midnights, `every` days apart."""
    midnight = amounts.local(start, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    times: list[float] = []
    while midnight.timestamp() <= end:
        if midnight.timestamp() >= start:
            times.append(midnight.timestamp())
        midnight += timedelta(days=1)
    return times[::every]


def _months(start: float, end: float, zone: tzinfo, every: int) -> list[float]:
    """First local midnights of months, those that `every` divides when counted from a January."""
    when = amounts.local(start, zone)
    index = when.year * 12 + when.month - 1
    times: list[float] = []
    while (first := datetime(index // 12, index % 12 + 1, 1, tzinfo=zone).timestamp()) <= end:
        if first >= start and index % every == 0:
            times.append(first)
        index += 1
    return times
