"""The hours ahead as numbers: how finely they are looked at, and which prices each may bring.

Time is looked at in the market's own steps for the running hour and two more, then in hours, then in parts of a day:
what is far away is known less well, and matters less.
"""

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from statistics import median

import numpy as np

from wattswitch.planner.model import PriceCurve
from wattswitch.planner.price_model import (
    BINS,
    CENTRES,
    GAIN,
    HOURS,
    Array,
    Lessons,
    powered,
    shape_at,
    to_u,
    transitions_of,
)

HOUR = 3600.0
FINE_SECONDS = 2 * HOUR
HOURLY_SECONDS = 24 * HOUR
HORIZON_SECONDS = 48 * HOUR
COARSE_SECONDS = 4 * HOUR
LONGEST_STEP = 1.5
"""A published price holds until the next one, but no longer than so many usual steps or an hour: then rows are missing.

An hour, because what follows the clock is published every hour and at each change between."""
LARGEST_PRICE = 1e6
"""Published prices are held within this, so that no power of e overflows."""


@dataclass(frozen=True)
class Grid:
    """The steps ahead from the start of an hour on. `prices[t, j]` is the price of step t where it is in bin j.

    `moves[t]` are the chances of bins at step t + 1 by bin at step t. `one_step` is the market's own step.
    """

    starts: Array
    hours: Array
    prices: Array
    moves: tuple[Array, ...]
    one_step: Array
    hour_tails: Array
    step_seconds: float
    scale: float


@lru_cache(maxsize=32)
def grid(lessons: Lessons, curve: PriceCurve, hour_start: float) -> Grid:
    """The grid of the 48 hours from `hour_start` on, which begins an hour."""
    step = lessons.step_seconds
    own = np.arange(hour_start, hour_start + HORIZON_SECONDS, step)
    by_step = _references(lessons, curve, own)
    bend, far = (round(seconds / step) for seconds in (HOUR + FINE_SECONDS, HOURLY_SECONDS))
    lengths = (1, round(HOUR / step), round(COARSE_SECONDS / step))
    parts = (slice(0, bend), slice(bend, far), slice(far, None))
    starts = np.concatenate([own[part][::length] for part, length in zip(parts, lengths, strict=True)])
    references = np.concatenate(
        [by_step[part].reshape(-1, length).mean(1) for part, length in zip(parts, lengths, strict=True)]
    )
    seconds = np.diff(np.append(starts, hour_start + HORIZON_SECONDS))
    one = transitions_of(np.array(lessons.tails))
    hourly = powered(one, HOUR / step)
    by_length = {step: one, HOUR: hourly, COARSE_SECONDS: powered(hourly, COARSE_SECONDS / HOUR)}
    deviations = np.array(lessons.bin_u) / GAIN
    return Grid(
        starts=starts,
        hours=seconds / HOUR,
        prices=lessons.scale * np.sinh(deviations[None] + np.arcsinh(references / lessons.scale)[:, None]),
        moves=tuple(by_length[length] for length in seconds.tolist()),
        one_step=one,
        hour_tails=np.cumsum(hourly, 1),
        step_seconds=step,
        scale=lessons.scale,
    )


def _references(lessons: Lessons, curve: PriceCurve, times: Array) -> Array:
    """The price that deviations are counted from: the published one, else that of the hour of the day."""
    hours = times / HOUR - 0.5
    low = np.floor(hours)
    share, hour = hours - low, low.astype(np.int64) % HOURS
    shape = np.array(lessons.shape_per_mwh)
    learned = (1 - share) * shape[hour] + share * shape[(hour + 1) % HOURS]
    if not curve.starts:
        return np.asarray(learned)
    starts, prices = np.array(curve.starts), np.array(curve.prices_per_mwh)
    i = np.searchsorted(starts, times, side="right") - 1
    covered = (i >= 0) & (times < np.array(_ends(curve))[i])
    published = np.clip(prices[np.maximum(i, 0)], -LARGEST_PRICE, LARGEST_PRICE)
    return np.asarray(np.where(covered, published, learned))


def reference(lessons: Lessons, curve: PriceCurve, at: float) -> float:
    """The price that deviations are counted from, for one moment."""
    published = published_at(curve, at)
    if published is not None:
        return min(max(published, -LARGEST_PRICE), LARGEST_PRICE)
    return shape_at(lessons.shape_per_mwh, at)


def published_at(curve: PriceCurve, at: float) -> float | None:
    """The published price of a moment, None where none covers it."""
    i = bisect_right(curve.starts, at) - 1
    if i < 0 or at >= _ends(curve)[i]:
        return None
    return curve.prices_per_mwh[i]


def curve_end(curve: PriceCurve) -> float:
    """Up to when prices are published; the distant past where none are."""
    ends = _ends(curve)
    return ends[-1] if ends else -math.inf


@lru_cache(maxsize=32)
def _ends(curve: PriceCurve) -> tuple[float, ...]:
    """When each price stops to hold: at the next one's start, or before where there is a hole."""
    if not curve.starts:
        return ()
    gaps = [later - start for start, later in pairwise(curve.starts)]
    usual = median(gaps) if gaps else HOUR
    longest = max(LONGEST_STEP * usual, HOUR)
    return (
        *(start + min(gap, longest) for start, gap in zip(curve.starts, gaps, strict=False)),
        curve.starts[-1] + usual,
    )


@dataclass(frozen=True, slots=True)
class Sight:
    """Where the price is now, as far as it was seen: its chance to be in each bin.

    `late_steps` is how many steps of the market have begun since the step that the price is of.
    """

    belief: Array
    low: int
    share: float
    late_steps: int


def sight(lessons: Lessons, curve: PriceCurve, grid: Grid, now: float, price_per_mwh: float, price_at: float) -> Sight:
    """Place a price (without the site's adder) among the bins, and carry it forward where it is late."""
    step = lessons.step_seconds
    late_steps = max(0, int(now // step - price_at // step))
    u = to_u(price_per_mwh, reference(lessons, curve, price_at), lessons.scale)
    low = min(max(bisect_right(CENTRES, u) - 1, 0), BINS - 2)
    share = min(max((u - CENTRES[low]) / (CENTRES[low + 1] - CENTRES[low]), 0.0), 1.0)
    belief = np.zeros(BINS)
    belief[low], belief[low + 1] = 1 - share, share
    if late_steps:
        belief = belief @ powered(grid.one_step, late_steps)
    return Sight(belief, low, share, late_steps)


def spread_per_mwh(seen: Sight, grid: Grid, step_index: int) -> float:
    """How far apart the 10 % and the 90 % price of one hour ahead are."""
    chances: list[float] = (seen.belief @ grid.hour_tails).tolist()
    low, high = min(BINS - 1, bisect_left(chances, 0.1)), min(BINS - 1, bisect_left(chances, 0.9))
    row = grid.prices[step_index + round(HOUR / grid.step_seconds)]
    return float(row[high] - row[low])
