"""A curve: prices with the times from which they hold, and what a feed says of it at one moment."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Final

from wattswitch.api.curve import CurveSource
from wattswitch.api.feed import Range
from wattswitch.api.times import format_time
from wattswitch.feeds.freshness import believes
from wattswitch.feeds.reading import Problem, Refused

BEHIND_SECONDS: Final = 86_400.0
AHEAD_SECONDS: Final = 7 * 86_400.0
"""What is taken of a curve: a day back, so that a late price still finds its own, and a week ahead."""

MAX_POINTS: Final = 4_096
"""The most points in that time: a week and a day of three-minute prices."""

HOUR_SECONDS: Final = 3600.0

Point = tuple[float, float]
"""Unix seconds from which a price holds, and the price."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Prices per MWh in ascending order of time, without adder; at least one.

    Each holds until the next one's start, the last as long as the median step. Over a hole none holds longer than an
    hour or the median step, whichever is more.
    """

    starts: tuple[float, ...]
    prices: tuple[float, ...]
    step_seconds: float
    source: str = ""

    @property
    def end(self) -> float:
        """When the last price ends."""
        return self.starts[-1] + self.step_seconds

    def until(self, at: float) -> float | None:
        """When the price that holds at this time ends; None where none holds."""
        place = bisect_right(self.starts, at) - 1
        if place < 0:
            return None
        start = self.starts[place]
        end = self.end if place + 1 == len(self.starts) else self.starts[place + 1]
        end = min(end, start + max(self.step_seconds, HOUR_SECONDS))
        return end if at < end else None

    def price_at(self, at: float) -> float | None:
        """The price that holds at this time; None where none does."""
        return None if self.until(at) is None else self.prices[bisect_right(self.starts, at) - 1]

    def between(self, first: float, last: float) -> "Curve | None":
        """The part with the prices that hold at `first`, start before `last`, and all that are between."""
        low, high = max(0, bisect_right(self.starts, first) - 1), bisect_right(self.starts, last)
        if low >= high:
            return None
        return replace(self, starts=self.starts[low:high], prices=self.prices[low:high])


@dataclass(frozen=True, slots=True)
class CurveReading:
    """The curve of a feed at one moment, None with a word of `Problem` where there is none to be used.

    `fetched_at` is when its source last gave it, in Unix seconds; 0 where it never did.
    """

    curve: Curve | None
    fetched_at: float = 0.0
    source: str = ""
    problem: str = ""
    message: str = ""

    def same_as(self, other: "CurveReading") -> bool:
        """Whether both say the same: time alone makes no difference."""
        return (self.curve, self.problem, self.source) == (other.curve, other.problem, other.source)


def no_curve(refusal: Refused, source: str, fetched_at: float = 0.0) -> CurveReading:
    """A reading without a curve, and why."""
    return CurveReading(None, fetched_at, source, str(refusal.problem), refusal.message)


def curve_of(points: Iterable[Point], spec: CurveSource, believed: Range | None, now: float) -> Curve:
    """The curve around `now` of a source's raw points, in any order.

    Raises Refused: too many of them, none in that time, two prices for one moment, or a price that is not believed.
    """
    kept = sorted({point for point in points if now - BEHIND_SECONDS <= point[0] <= now + AHEAD_SECONDS})
    if not kept:
        raise Refused(Problem.EMPTY, "it has no price from a day ago to a week ahead")
    if len(kept) > MAX_POINTS:
        raise Refused(Problem.TOO_LARGE, f"it has more than {MAX_POINTS} prices from a day ago to a week ahead")
    starts = tuple(at for at, _ in kept)
    for before, after in pairwise(starts):
        if before == after:
            raise Refused(Problem.SEVERAL_SAMPLES, f"it has two prices for {format_time(before)}")
    prices = tuple(_converted(kept, spec, believed))
    return Curve(starts, prices, step_of(starts), spec.name)


def step_of(starts: tuple[float, ...]) -> float:
    """The median time between two prices; an hour where there is one only."""
    return median(later - start for start, later in pairwise(starts)) if len(starts) > 1 else HOUR_SECONDS


def _converted(points: Iterable[Point], spec: CurveSource, believed: Range | None) -> Iterator[float]:
    factor = float(spec.scale) * spec.unit.to_base
    for at, raw in points:
        price = raw * factor
        if not math.isfinite(price):
            raise Refused(Problem.INFINITE, f"the price of {format_time(at)} is too large for its unit")
        if believed is not None and not believes(price, believed):
            message = f"{price:.10g} at {format_time(at)} is outside the range {believed.min} to {believed.max}"
            raise Refused(Problem.OUT_OF_RANGE, message)
        yield price
