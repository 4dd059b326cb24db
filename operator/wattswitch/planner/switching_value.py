"""What it is worth to be on rather than off, by the exact recursion over the chain of prices.

With h the worth of a MWh less the site's adder, p the price of a step in a bin, and what a start and a stop cost:

    A(t, bin) = (h − p(t, bin)) · hours + E[ min(max(A(t+1, ·), −stop), start) | bin ]

Who is on stays while A > −stop; who is off starts where A > start. It is solved once an hour for all who share worth
and costs, and looked up at every decision of that hour. Money is per MW at the meter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from wattswitch.planner.model import PriceCurve
from wattswitch.planner.price_ahead import HOUR, Grid, Sight, grid
from wattswitch.planner.price_model import BINS, Array, Lessons

CHUNK = 512
"""Stakes that are solved together: their numbers stay in the processor's cache."""


class Stake(NamedTuple):
    """What decides for a workload: worth less adder (money per MWh), cost of a start and of a stop (money per MW)."""

    margin_per_mwh: float
    start_cost: float
    stop_cost: float


@dataclass(frozen=True)
class Table:
    """`ahead[t]` is what comes after step t of the running hour, by stake and bin: bounded by the costs already."""

    ahead: Array


@lru_cache(maxsize=4)
def table(lessons: Lessons, curve: PriceCurve, hour_start: float, stakes: tuple[Stake, ...]) -> Table:
    """Solve for distinct stakes. Kept for the running hour; four sites at a time."""
    steps = grid(lessons, curve, hour_start)
    fine = round(HOUR / steps.step_seconds)
    ahead = np.empty((fine, len(stakes), BINS))
    if not stakes:
        return Table(ahead)
    rows = np.array(stakes)
    for first in range(0, len(rows), CHUNK):
        part = rows[first : first + CHUNK]
        _solve(part, steps, ahead[:, first : first + len(part)])
    return Table(ahead)


def _solve(rows: Array, steps: Grid, out: Array) -> None:
    """Go backwards through the steps; what comes after each of the first ones is kept in `out`."""
    start, least = np.repeat(rows[:, 1:2], BINS, axis=1), np.repeat(-rows[:, 2:3], BINS, axis=1)
    hours = steps.hours[:, None, None]
    gains = rows[None, :, 0:1] * hours - (steps.prices * steps.hours[:, None])[:, None, :]
    ahead = np.zeros((len(rows), BINS))
    for t in range(len(steps.starts) - 1, -1, -1):
        if t < len(out):
            out[t] = ahead
        if t:
            value = gains[t]
            value += ahead
            np.maximum(value, least, out=value)
            np.minimum(value, start, out=value)
            ahead = value @ steps.moves[t - 1].T


def advantages(
    solved: Table, steps: Grid, seen: Sight, step_index: int, stakes: Sequence[Stake], gain_now_per_mwh: Array
) -> Array:
    """Value of being on now for every stake. `gain_now_per_mwh` is worth less the price, as far as that is of now."""
    ahead, hours = solved.ahead[step_index], float(steps.hours[step_index])
    if not seen.late_steps:
        after = ahead[:, seen.low] * (1 - seen.share) + ahead[:, seen.low + 1] * seen.share
        return np.asarray(gain_now_per_mwh * hours + after)
    margins = np.array([stake.margin_per_mwh for stake in stakes])
    return np.asarray((margins - steps.prices[step_index] @ seen.belief) * hours + ahead @ seen.belief)


def shares_on(stakes: Sequence[Stake], on: Sequence[bool], steps: Grid, seen: Sight, first_step: int) -> Array:
    """The expected share of each of the 24 hours from the running one on that is spent on, (stakes, 24).

    Hours before `first_step` of the running one count as if they were like it.
    """
    rows, count = np.array(stakes, dtype=float).reshape(len(stakes), 3), len(steps.starts)
    stays = np.empty((count, len(rows), BINS), dtype=bool)
    starts = np.empty_like(stays)
    ahead = np.zeros((len(rows), BINS))
    for t in range(count - 1, first_step - 1, -1):
        value = (rows[:, 0:1] - steps.prices[t]) * steps.hours[t] + ahead
        stays[t], starts[t] = value > -rows[:, 2:3], value > rows[:, 1:2]
        if t:
            ahead = np.clip(value, -rows[:, 2:3], rows[:, 1:2]) @ steps.moves[t - 1].T
    return _carried_forward(np.array(on, dtype=bool), stays, starts, steps, seen, first_step)


def _carried_forward(on: Array, stays: Array, starts: Array, steps: Grid, seen: Sight, first_step: int) -> Array:
    """Follow the chances of being on, step by step, and add them up by hour."""
    chance = seen.belief
    running = chance[None] * on[:, None]
    out, weight = np.zeros((len(on), 24)), np.zeros(24)
    for t in range(first_step, len(steps.starts)):
        hour = int((steps.starts[t] - steps.starts[0]) // HOUR)
        if hour >= len(weight):
            break
        running = np.where(stays[t], running, 0.0) + np.where(starts[t], chance[None] - running, 0.0)
        out[:, hour] += running.sum(1) * steps.hours[t]
        weight[hour] += steps.hours[t]
        chance, running = chance @ steps.moves[t], running @ steps.moves[t]
    return np.asarray(np.clip(out / weight, 0.0, 1.0))
