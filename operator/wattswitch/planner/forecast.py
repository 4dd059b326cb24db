"""The demand that a start made now must be ready for, learned from the demand's own recent past.

The forecast is the value now, plus what its own trend and the time of day say about the next start time. How much each
of the two says is learned by regression and shrunk towards nothing, so that without evidence the value now is the
forecast. The margin is a quantile of the forecast's own past errors, by the time that they lasted: the smallest that
was not passed during `PROBABILITY` of it. Nothing is assumed of how demand is distributed, but that the next error is
like the last ones (split conformal prediction). It is a share of time and not of readings: where a start takes three
minutes and a reading comes every ten, what the reading brings is unserved for three of them.

`PROBABILITY` is what money says: a replica that is missing loses its worth, an idle one what its watts would have
earned elsewhere; where that is one to twenty, the most is earned when demand is within what was made ready during 19
parts of 20 (the newsvendor's fraction).
"""

import math
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

T = TypeVar("T")

RECENT_SECONDS = 12 * 3600.0
MOST_RECENT = 64
"""How long, and how many, demands are remembered that were higher than all that came after them."""

PROBABILITY = 0.95
"""Share of time during which the demand one start time ahead is within what was expected of it and the margin."""

MEMORY = 512
"""Forecasts that are remembered with what came of them: 8.5 hours of minutes, or 3.5 days of ten minutes."""

LEAST_GAP_SECONDS = 60.0
"""Of readings nearer to each other one is learned from, so that a fast feed does not forget the day."""

MOST_WAITING = 16
"""Forecasts that may wait for what comes of them; a long start time spaces them out."""

LONGEST_GAP_SECONDS = 3600.0
"""After a longer silence nothing is learned across it."""

MOST_DEMAND = 1e12
"""No demand is larger; what claims to be is no reading."""

BINS = 48
BIN_SECONDS = 86_400 / BINS
MEMORY_DAYS = 7
"""The time of day is a mean over about so many days, so that every day of the week counts."""

TOLERANCE = 1e-9
"""Relative, for sums of floats that should be equal."""

PRIOR_CASES = 20.0
"""The regression starts as if it had seen so many cases in which neither trend nor time of day said anything."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Demand one start time ahead, in the unit of the demand: what is likely, and what it may be more."""

    mean: float
    margin: float

    @property
    def need(self) -> float:
        """What to be ready for: demand stays within it during `PROBABILITY` of the time."""
        return max(0.0, self.mean + self.margin)


@dataclass(frozen=True, slots=True)
class _Forecast:
    """What was known and expected at one moment; `trend` and `daily` are changes in the unit of the demand."""

    at: float
    value: float
    trend: float = 0.0
    daily: float = 0.0
    expected: float = 0.0
    slope: float = 1.0
    """How much more is expected for each unit that the value lies higher; never below 0."""


@dataclass(frozen=True, slots=True)
class _Regression:
    """How much of the trend and of the time of day comes true: least squares over about `MEMORY` cases."""

    cases: float = 0.0
    trend_trend: float = 0.0
    trend_daily: float = 0.0
    daily_daily: float = 0.0
    trend_change: float = 0.0
    daily_change: float = 0.0

    def saw(self, forecast: _Forecast, value: float) -> "_Regression":
        """With one more case: what was known at `forecast`, and the value that came."""
        kept, change, x, y = 1 - 1 / MEMORY, value - forecast.value, forecast.trend, forecast.daily
        return _Regression(
            kept * self.cases + 1,
            kept * self.trend_trend + x * x,
            kept * self.trend_daily + x * y,
            kept * self.daily_daily + y * y,
            kept * self.trend_change + x * change,
            kept * self.daily_change + y * change,
        )

    def weights(self) -> tuple[float, float]:
        """What to believe of the trend, -1 to 1 (below 0 it comes back), and of the time of day, 0 to 1."""
        if not self.cases:
            return 0.0, 0.0
        doubt = 1 + PRIOR_CASES / self.cases
        xx, yy, xy = doubt * self.trend_trend, doubt * self.daily_daily, self.trend_daily
        determinant = xx * yy - xy * xy
        if determinant > 0:
            trend = (yy * self.trend_change - xy * self.daily_change) / determinant
            daily = (xx * self.daily_change - xy * self.trend_change) / determinant
        else:
            trend = self.trend_change / xx if xx > 0 else 0.0
            daily = self.daily_change / yy if yy > 0 else 0.0
        return min(1.0, max(-1.0, trend)), min(1.0, max(0.0, daily))


@dataclass(frozen=True, slots=True)
class _Day:
    """Mean demand by half-hour of the UTC day, None where it was never seen to its end."""

    means: tuple[float | None, ...] = (None,) * BINS
    visits: tuple[int, ...] = (0,) * BINS
    current: int = -1
    total: float = 0.0
    count: int = 0

    def saw(self, at: float, value: float) -> "_Day":
        """With one more reading; a half-hour counts once it is over."""
        number = int(at // BIN_SECONDS)
        if number == self.current:
            return _Day(self.means, self.visits, number, self.total + value, self.count + 1)
        if not self.count:
            return _Day(self.means, self.visits, number, value, 1)
        index, mean = self.current % BINS, self.total / self.count
        visits = min(self.visits[index] + 1, MEMORY_DAYS)
        known = self.means[index]
        learned = mean if known is None else known + (mean - known) / visits
        return _Day(_with(self.means, index, learned), _with(self.visits, index, visits), number, value, 1)

    def change(self, start: float, end: float) -> float:
        """By how much demand usually changes from one moment to another, 0 where that is not known."""
        before, after = self._at(start), self._at(end)
        return 0.0 if before is None or after is None else after - before

    def _at(self, at: float) -> float | None:
        """The mean at this time of day, drawn straight from the middle of one half-hour to that of the next."""
        place = at / BIN_SECONDS - 0.5
        first = math.floor(place)
        before, after = self.means[first % BINS], self.means[(first + 1) % BINS]
        if before is None or after is None:
            return None
        return before + (place - first) * (after - before)


def _with(items: tuple[T, ...], index: int, item: T) -> tuple[T, ...]:
    return (*items[:index], item, *items[index + 1 :])


def _with_newest(recent: tuple[tuple[float, float], ...], at: float, value: float) -> tuple[tuple[float, float], ...]:
    """What was asked for until now lasted until now; what is no more than the new value is forgotten."""
    lasting = (*recent[:-1], *((at, last) for _, last in recent[-1:]))
    higher = [(until, old) for until, old in lasting if old > value and until > at - RECENT_SECONDS]
    return (*higher[1 - MOST_RECENT :], (at, value))


@dataclass(frozen=True, slots=True)
class _Errors:
    """The last `MEMORY` errors: by how much demand was above what had been expected, and for how many seconds."""

    by_time: tuple[tuple[float, float], ...] = ()
    by_size: tuple[tuple[float, float], ...] = ()
    seconds: float = 0.0

    def saw(self, error: float, seconds: float) -> "_Errors":
        """With one more error."""
        new, by_time, by_size, total = (error, seconds), self.by_time, self.by_size, self.seconds
        if len(by_time) == MEMORY:
            oldest = bisect_left(by_size, by_time[0])
            total -= by_time[0][1]
            by_time, by_size = by_time[1:], by_size[:oldest] + by_size[oldest + 1 :]
        place = bisect_left(by_size, new)
        return _Errors((*by_time, new), (*by_size[:place], new, *by_size[place:]), total + seconds)

    def margin(self) -> float | None:
        """The least error that is not passed during `PROBABILITY` of the time, 0 or more.

        One that is not known yet counts as one more and as the largest; None where that would be the answer.
        """
        unknown = self.seconds / len(self.by_size) if self.by_size else math.inf
        above = (1 - PROBABILITY) * (self.seconds + unknown) * (1 + TOLERANCE) - unknown
        margin = None
        for error, seconds in reversed(self.by_size):
            if above < 0:
                break
            margin, above = max(0.0, error), above - seconds
        return margin


@dataclass(frozen=True, slots=True)
class DemandModel:
    """What was learned of one demand whose replicas take `lead_seconds` to start; immutable and bounded.

    Of two models that differ in their newest reading only, the one with the higher reading never expects less.
    """

    lead_seconds: float
    newest_at: float = -math.inf
    newest_value: float = 0.0
    recent: tuple[tuple[float, float], ...] = ()
    """Demands that no later one reached, with the last moment of each: oldest first, ever lower, the newest last."""
    _made: tuple[_Forecast, ...] = ()
    """Forecasts whose time has not passed, the latest last: each is about one start time after it was made."""
    _errors: _Errors = field(default_factory=_Errors)
    _margin: float | None = None
    _regression: _Regression = field(default_factory=_Regression)
    _day: _Day = field(default_factory=_Day)

    def update(self, at: float, value: float) -> "DemandModel":
        """With one more reading: `at` in Unix seconds, `value` in the unit of the demand.

        What is no later than the newest reading, not finite, negative or above `MOST_DEMAND` changes nothing.
        """
        if not (self.newest_at < at < math.inf and 0 <= value <= MOST_DEMAND):
            return self
        made = self._made if at - self.newest_at <= LONGEST_GAP_SECONDS else ()
        newest = replace(
            self, newest_at=at, newest_value=value, recent=_with_newest(self.recent, at, value), _made=made
        )
        too_near = made and at - made[-1].at < max(LEAST_GAP_SECONDS, self._lead / MOST_WAITING)
        return newest if too_near else newest._learn(at, value)

    def ahead(self, now: float) -> Expected | None:
        """What to be ready for one start time from now, None before enough was learned and after a long silence.

        What was expected of a time that has not passed yet still counts: a replica that is on its way is not called
        back for one low reading.
        """
        if self._margin is None or now - self.newest_at > LONGEST_GAP_SECONDS:
            return None
        latest = self._made[-1]
        mean = latest.expected + latest.slope * (self.newest_value - latest.value)
        earlier = (m.expected for m in self._lasting(now) if m is not latest)
        return Expected(max(0.0, mean, *earlier), self._margin)

    @property
    def _lead(self) -> float:
        return max(self.lead_seconds, LEAST_GAP_SECONDS)

    def _learn(self, at: float, value: float) -> "DemandModel":
        """Learn from what came of earlier forecasts, and make the next one.

        The next one's weights are from before this reading and its margin is about the time before it, so that a
        higher reading never lowers what is expected.
        """
        errors, due, regression = self._errors, self._due(at), self._regression
        for error, seconds in self._errors_until(at):
            errors = errors.saw(error, seconds)
        for made in due:
            regression = regression.saw(made, value)
        return replace(
            self,
            _made=(*self._lasting(at), self._forecast(at, value, due[-1] if due else None)),
            _errors=errors,
            _margin=errors.margin(),
            _regression=regression,
            _day=self._day.saw(at, value),
        )

    def _lasting(self, at: float) -> list[_Forecast]:
        """The forecasts that are about a time after `at`: one holds until the next one does."""
        ends = (*(made.at for made in self._made[1:]), at)
        return [made for made, end in zip(self._made, ends, strict=False) if end + self._lead > at]

    def _errors_until(self, at: float) -> Iterator[tuple[float, float]]:
        """How wrong the forecasts were that were about the time from the last one until now."""
        ends = (*(made.at for made in self._made[1:]), at)
        for made, end in zip(self._made, ends, strict=False):
            latest = self._made[-1]
            seconds = min(at, end + self._lead) - max(latest.at, made.at + self._lead)
            if seconds > 0:
                yield latest.value - made.expected, seconds

    def _due(self, at: float) -> list[_Forecast]:
        """The forecasts for which this is the first reading after their start time, or a little before it."""
        early = LEAST_GAP_SECONDS / 2
        return [made for made in self._made if self._made[-1].at < made.at + self._lead - early <= at]

    def _forecast(self, at: float, value: float, before: _Forecast | None) -> _Forecast:
        """What is expected at this reading; `before` is what was known one start time ago."""
        trend_weight, daily_weight = self._regression.weights()
        if before is None:
            daily = self._day.change(at, at + self._lead)
            return _Forecast(at, value, 0.0, daily, value + daily_weight * daily)
        trend, daily = value - before.value, self._day.change(at, at + (at - before.at))
        expected = value + trend_weight * trend + daily_weight * daily
        return _Forecast(at, value, trend, daily, expected, 1 + trend_weight)
