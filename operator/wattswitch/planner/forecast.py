"""The demand that a start made now must be ready for, learned from the demand's own past.

The forecast is the value now, plus what its own trend, the time of day and the time of the week say about the next
start time. How much each of the three says is learned by regression and shrunk towards nothing, so that without
evidence the value now is the forecast. What demand may be beyond it is read off the forecast's own past errors, each
as a multiple of what errors came to just before it: a demand that has been restless is given more room than one that
has been calm. Nothing is assumed of how demand is distributed, but that the next error is like the last ones (split
conformal prediction).

How much room it is given is a question of money, and answered where prices are known (`planner/idle.py`). A missing
replica earns nothing while it starts; an idle one costs its watts. So what counts is the share of time during which
replicas would be missing, not of readings: where a start takes three minutes and a reading comes every ten, what a
reading brings is unserved for three of them. `SHARES` are the shares for which the answer is kept ready.
"""

import math
from bisect import bisect_left, insort_left
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

T = TypeVar("T")

RECENT_SECONDS = 12 * 3600.0
MOST_RECENT = 64
"""How long, and how many, demands are remembered that were higher than all that came after them."""

SHARES = (0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5)
"""Shares of time during which demand may be above what was made ready, for which it is told how much that is."""

USUAL_SHARE = 0.05
"""What is meant where nobody says what idling costs: about one to twenty to what a replica in demand earns."""

MEMORY = 512
"""Forecasts that are remembered with what came of them: 8.5 hours of minutes, or 3.5 days of ten minutes."""

LEAST_CASES = 19
"""Nothing is said before so many errors are known."""

LEAST_GAP_SECONDS = 60.0
"""Of readings nearer to each other one is learned from, so that a fast feed does not forget the day."""

MOST_WAITING = 16
"""Forecasts that may wait for what comes of them; a long start time spaces them out."""

LONGEST_GAP_SECONDS = 3600.0
"""After a longer silence nothing is learned across it."""

MOST_DEMAND = 1e12
"""No demand is larger; what claims to be is no reading."""

DAY_SECONDS = 86_400
DAY_BIN_SECONDS = 1800
DAY_BINS = DAY_SECONDS // DAY_BIN_SECONDS
MEMORY_DAYS = 7
"""The time of day is a mean over about so many days, so that every day of the week counts."""

WEEK_DAYS = 7
WEEK_BIN_SECONDS = 600
WEEK_BINS = DAY_SECONDS // WEEK_BIN_SECONDS
"""Of each day of the week. A new week counts as much as all before it, so that one odd week is soon forgotten."""

TOLERANCE = 1e-9
"""Relative, for sums of floats that should be equal."""

PRIOR_CASES = 20.0
"""The regression starts as if it had seen so many cases in which nothing that it looks at said anything."""

SCALE_CASES = 8
"""What errors come to is a mean over about so many of them: restlessness comes and goes within hours."""

LEAST_SCALE = 0.25
"""A short calm is not taken for more than this part of what errors usually come to."""

MOST_SCALES = 8.0
"""An error counts as no larger than so many times what was usual before it."""


class Expected(NamedTuple):
    """Demand one start time ahead, in the unit of the demand: what is likely, and what it may be more.

    `needs` are (share, need) pairs, shares rising and needs falling: demand is above `need` during `share` of the time.
    """

    mean: float
    needs: tuple[tuple[float, float], ...]

    @property
    def need(self) -> float:
        """What to be ready for where nobody says what idling costs."""
        return max((need for share, need in self.needs if share >= USUAL_SHARE), default=self.mean)


class _Forecast(NamedTuple):
    """What was known and expected at one moment; `signs` are changes in the unit of the demand."""

    at: float
    value: float
    signs: tuple[float, float, float] = (0.0, 0.0, 0.0)
    expected: float = 0.0
    slope: float = 1.0
    """How much more is expected for each unit that the value lies higher; never below 0."""
    scale: float | None = None
    """What errors came to before it."""


class _Regression(NamedTuple):
    """How much of the trend, of the time of day and of the time of the week comes true: least squares.

    Over about `MEMORY` cases: `products` are sums of products of signs (row by row, the upper half), `changes` sums of
    their products with what came.
    """

    cases: float = 0.0
    products: tuple[float, ...] = (0.0,) * 6
    changes: tuple[float, ...] = (0.0,) * 3

    def saw(self, forecast: _Forecast, value: float) -> "_Regression":
        """With one more case: what was known at `forecast`, and the value that came."""
        kept, change, (x, y, z) = 1 - 1 / MEMORY, value - forecast.value, forecast.signs
        xx, xy, xz, yy, yz, zz = self.products
        xc, yc, zc = self.changes
        return _Regression(
            kept * self.cases + 1,
            (
                kept * xx + x * x,
                kept * xy + x * y,
                kept * xz + x * z,
                kept * yy + y * y,
                kept * yz + y * z,
                kept * zz + z * z,
            ),
            (kept * xc + x * change, kept * yc + y * change, kept * zc + z * change),
        )

    def weights(self) -> tuple[float, float, float]:
        """What to believe of the trend, -1 to 1 (below 0 it comes back), and of the day and the week, 0 to 1."""
        if not self.cases:
            return 0.0, 0.0, 0.0
        doubt = 1 + PRIOR_CASES / self.cases
        xx, xy, xz, yy, yz, zz = self.products
        trend, day, week = _solved(((doubt * xx, xy, xz), (doubt * yy, yz), (doubt * zz,)), self.changes)
        return min(1.0, max(-1.0, trend)), min(1.0, max(0.0, day)), min(1.0, max(0.0, week))


def _solved(rows: tuple[tuple[float, ...], ...], right: tuple[float, ...]) -> tuple[float, float, float]:
    """The solution of three symmetric equations, given by the upper half; 0 for what never showed."""
    (xx, xy, xz), (yy, yz), (zz,) = rows
    a, b, c = right
    first, second = (xy / xx, xz / xx) if xx > 0 else (0.0, 0.0)
    yy, yz, zz = yy - first * xy, yz - first * xz, zz - second * xz
    b, c = b - first * a, c - second * a
    third = yz / yy if yy > 0 else 0.0
    zz, c = zz - third * yz, c - third * b
    z = c / zz if zz > 0 else 0.0
    y = (b - yz * z) / yy if yy > 0 else 0.0
    x = (a - xy * y - xz * z) / xx if xx > 0 else 0.0
    return x, y, z


class _Day(NamedTuple):
    """Mean demand by half-hour of the UTC day, None where it was never seen to its end."""

    means: tuple[float | None, ...] = (None,) * DAY_BINS
    visits: tuple[int, ...] = (0,) * DAY_BINS
    current: int = -1
    total: float = 0.0
    readings: int = 0

    def saw(self, at: float, value: float) -> "_Day":
        """With one more reading; a half-hour counts once it is over."""
        number = int(at // DAY_BIN_SECONDS)
        if number == self.current:
            return _Day(self.means, self.visits, number, self.total + value, self.readings + 1)
        if not self.readings:
            return _Day(self.means, self.visits, number, value, 1)
        index, mean = self.current % DAY_BINS, self.total / self.readings
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
        place = at / DAY_BIN_SECONDS - 0.5
        first = math.floor(place)
        before, after = self.means[first % DAY_BINS], self.means[(first + 1) % DAY_BINS]
        if before is None or after is None:
            return None
        return before + (place - first) * (after - before)


_NO_DAY: tuple[float | None, ...] = (None,) * WEEK_BINS


class _Week(NamedTuple):
    """Mean demand by ten minutes of each day of the week, None where it was never seen to its end."""

    days: tuple[tuple[float | None, ...], ...] = (_NO_DAY,) * WEEK_DAYS
    current: int = -1
    total: float = 0.0
    readings: int = 0

    def saw(self, at: float, value: float) -> "_Week":
        """With one more reading; ten minutes count once they are over."""
        number = int(at // WEEK_BIN_SECONDS)
        if number == self.current:
            return _Week(self.days, number, self.total + value, self.readings + 1)
        if not self.readings:
            return _Week(self.days, number, value, 1)
        day, index = divmod(self.current, WEEK_BINS)
        day, mean = day % WEEK_DAYS, self.total / self.readings
        known = self.days[day][index]
        learned = _with(self.days[day], index, mean if known is None else (known + mean) / 2)
        return _Week(_with(self.days, day, learned), number, value, 1)

    def change(self, start: float, end: float) -> float:
        """By how much demand changed from one moment to another at this time of the week, 0 where that is not known.

        Readings may come less often than every ten minutes: from `end` on the next that came counts.
        """
        before = self._of(int(start // WEEK_BIN_SECONDS))
        if before is None:
            return 0.0
        soonest = int(end // WEEK_BIN_SECONDS)
        for number in range(soonest, soonest + int(LONGEST_GAP_SECONDS // WEEK_BIN_SECONDS)):
            after = self._of(number)
            if after is not None:
                return after - before
        return 0.0

    def _of(self, number: int) -> float | None:
        day, index = divmod(number, WEEK_BINS)
        return self.days[day % WEEK_DAYS][index]


def _with(items: tuple[T, ...], index: int, item: T) -> tuple[T, ...]:
    return (*items[:index], item, *items[index + 1 :])


def _with_newest(recent: tuple[tuple[float, float], ...], at: float, value: float) -> tuple[tuple[float, float], ...]:
    """What was asked for until now lasted until now; what is no more than the new value is forgotten."""
    lasting = (*recent[:-1], *((at, last) for _, last in recent[-1:]))
    higher = [(until, old) for until, old in lasting if old > value and until > at - RECENT_SECONDS]
    return (*higher[1 - MOST_RECENT :], (at, value))


class _Errors(NamedTuple):
    """The last `MEMORY` errors as multiples of what was usual before each, and for how long they left work undone.

    `unserved` and `seconds` are sums over about as many: of the time that a start made at the reading is too late, and
    of all time.
    """

    by_time: tuple[float, ...] = ()
    by_size: tuple[float, ...] = ()
    unserved: float = 0.0
    seconds: float = 0.0

    def saw(self, error: float, unserved: float, seconds: float) -> "_Errors":
        """With one more error."""
        by_time, by_size, kept = self.by_time, list(self.by_size), 1 - 1 / MEMORY
        if len(by_time) == MEMORY:
            del by_size[bisect_left(by_size, by_time[0])]
            by_time = by_time[1:]
        insort_left(by_size, error)
        return _Errors(
            (*by_time, error),
            tuple(by_size),
            kept * self.unserved + unserved,
            kept * self.seconds + seconds,
        )

    def margins(self) -> tuple[tuple[float, float], ...]:
        """For each share of time the least multiple that is not passed for longer.

        One error that is not known yet counts as one more and as the largest; shares for which it would be the answer
        are left out.
        """
        count = len(self.by_size)
        if count < LEAST_CASES or self.unserved <= 0:
            return ()
        most = (count + 1) * self.seconds / self.unserved * (1 + TOLERANCE)
        above = [(share, int(share * most) - 1) for share in SHARES]
        return tuple([(share, self.by_size[max(0, count - 1 - n)]) for share, n in above if n >= 0])


class _Scale(NamedTuple):
    """What errors come to: a mean over the last few, and one over all that are remembered."""

    now: float = 0.0
    usual: float = 0.0
    cases: int = 0

    def saw(self, error: float) -> "_Scale":
        """With one more error."""
        cases, size = min(self.cases + 1, MEMORY), abs(error)
        now = self.now + (size - self.now) / min(cases, SCALE_CASES)
        return _Scale(now, self.usual + (size - self.usual) / cases, cases)

    @property
    def value(self) -> float | None:
        """What the next error is measured by, None before the first."""
        return max(self.now, LEAST_SCALE * self.usual) if self.cases else None


def _multiple(error: float, scale: float) -> float:
    if abs(error) < MOST_SCALES * scale:
        return error / scale
    return math.copysign(MOST_SCALES, error) if error else 0.0


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
    _margins: tuple[tuple[float, float], ...] = ()
    _scale: _Scale = field(default_factory=_Scale)
    _regression: _Regression = field(default_factory=_Regression)
    _day: _Day = field(default_factory=_Day)
    _week: _Week = field(default_factory=_Week)

    def update(self, at: float, value: float) -> "DemandModel":
        """With one more reading: `at` in Unix seconds, `value` in the unit of the demand.

        What is no later than the newest reading, not finite, negative or above `MOST_DEMAND` changes nothing.
        """
        if not (self.newest_at < at < math.inf and 0 <= value <= MOST_DEMAND):
            return self
        made = self._made if at - self.newest_at <= LONGEST_GAP_SECONDS else ()
        if made and at - made[-1].at < max(LEAST_GAP_SECONDS, self._lead / MOST_WAITING):
            recent = _with_newest(self.recent, at, value)
            return replace(self, newest_at=at, newest_value=value, recent=recent, _made=made)
        return self._learn(at, value, made)

    def ahead(self, now: float) -> Expected | None:
        """What to be ready for one start time from now, None before enough was learned and after a long silence.

        What was expected less than a start time ago still counts: a replica that is on its way is not called back for
        one low reading.
        """
        if not self._margins or now - self.newest_at > LONGEST_GAP_SECONDS:
            return None
        latest = self._made[-1]
        mean = latest.expected + latest.slope * (self.newest_value - latest.value)
        earlier = (made.expected for made in self._made[:-1] if made.at + self._lead > now)
        mean, scale = max(0.0, mean, *earlier), latest.scale or 0.0
        return Expected(mean, tuple([(share, max(0.0, mean + margin * scale)) for share, margin in self._margins]))

    @property
    def _lead(self) -> float:
        return max(self.lead_seconds, LEAST_GAP_SECONDS)

    def _learn(self, at: float, value: float, made: tuple[_Forecast, ...]) -> "DemandModel":
        """Learn from what came of the forecasts `made` earlier, and make the next one.

        The next one's weights and scale are from before this reading, so that a higher reading never lowers what is
        expected.
        """
        errors, scale, regression, due = self._errors, self._scale, self._regression, self._due(at, made)
        for earlier in due:
            error, seconds = value - earlier.expected, (at - made[-1].at) / len(due)
            if earlier.scale is not None:
                errors = errors.saw(_multiple(error, earlier.scale), min(self._lead, seconds), seconds)
            scale, regression = scale.saw(error), regression.saw(earlier, value)
        return DemandModel(
            lead_seconds=self.lead_seconds,
            newest_at=at,
            newest_value=value,
            recent=_with_newest(self.recent, at, value),
            _made=(*self._lasting(at, made), self._forecast(at, value, due[-1] if due else None)),
            _errors=errors,
            _margins=errors.margins() if due else self._margins,
            _scale=scale,
            _regression=regression,
            _day=self._day.saw(at, value),
            _week=self._week.saw(at, value),
        )

    def _lasting(self, at: float, made: tuple[_Forecast, ...]) -> list[_Forecast]:
        """The forecasts that are about a time after `at`: one holds until the next one does."""
        ends = (*[later.at for later in made[1:]], at)
        return [each for each, end in zip(made, ends, strict=False) if end + self._lead > at]

    def _due(self, at: float, made: tuple[_Forecast, ...]) -> list[_Forecast]:
        """The forecasts for which this is the first reading after their start time, or a little before it."""
        early = LEAST_GAP_SECONDS / 2
        return [each for each in made if made[-1].at < each.at + self._lead - early <= at]

    def _forecast(self, at: float, value: float, before: _Forecast | None) -> _Forecast:
        """What is expected at this reading; `before` is what was known one start time ago."""
        trend_weight, day_weight, week_weight = self._regression.weights()
        trend, seconds = (0.0, self._lead) if before is None else (value - before.value, at - before.at)
        day = self._day.change(at, at + seconds)
        week = self._week.change(at, at + min(seconds, max(self._lead, WEEK_BIN_SECONDS)))
        expected = value + trend_weight * trend + day_weight * day + week_weight * week
        slope = 1.0 if before is None else 1 + trend_weight
        return _Forecast(at, value, (trend, day, week), expected, slope, self._scale.value)
