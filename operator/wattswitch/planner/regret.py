"""What it has cost so far not to have switched, and when it will have cost as much as switching.

Who switches when that regret reaches the price of a switch there and back never pays more than twice what he could
have paid knowing the future. It needs nothing but the prices that were seen, so it is what is left when nothing can
be said of the prices to come. The last known price counts until another is known.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wattswitch.planner.price_model import Array

LATE_SECONDS = 2 * 3600.0
"""A price may become known so late: one that was high so long before a stop may be what it was stopped for."""
CHUNK = 256
LARGEST = 1e12
"""Prices and times are held within this, so that nothing overflows."""


class Wait(NamedTuple):
    """One who waits to switch: since when, for which gain over the price, and how much regret it takes.

    `since` is minus infinity where it never moved. `margin_per_mwh` is worth less the site's adder, `stake` what a
    start and a stop cost together in money per MW.
    """

    since: float
    margin_per_mwh: float
    stake: float


def switch_times(
    waits: Sequence[Wait], recent: tuple[tuple[float, float], ...], price_at: float, price_per_mwh: float
) -> list[float]:
    """When each is to switch if the last price stays: to stop where that is above its margin, to start where below.

    `recent` are (start, price), oldest first; `price_per_mwh` holds from `price_at` on. Infinity where the last price
    speaks for staying as it is. Minus infinity for one to be started that no price has kept off.
    """
    if not waits:
        return []
    from_ = min(wait.since for wait in waits) - LATE_SECONDS
    first = max(0, bisect_left(recent, (from_,)) - 1)
    known = [piece for piece in recent[first:] if piece[0] < price_at]
    starts, prices = np.clip(np.array([*known, (price_at, price_per_mwh)]), -LARGEST, LARGEST).T
    rows = np.array(waits)
    times = [_switch_times(rows[i : i + CHUNK], starts, prices) for i in range(0, len(rows), CHUNK)]
    return [float(at) for part in times for at in part]


def _switch_times(rows: Array, starts: Array, prices: Array) -> Array:
    since, margin, stake = np.clip(rows[:, 0], -LARGEST, LARGEST), rows[:, 1], rows[:, 2]
    last = prices[-1]
    sign = np.where(last >= margin, 1.0, -1.0)
    begins = np.maximum(starts[None], since[:, None])
    seconds = np.maximum(np.append(starts[1:], starts[-1])[None] - begins, 0.0)[:, :-1]
    regret = sign[:, None] * (prices[None, :-1] - margin[:, None]) * seconds / 3600.0
    total = np.concatenate((np.zeros((len(rows), 1)), np.cumsum(regret, 1)), 1)
    so_far = total[:, -1] - total.min(1)
    rate = sign * (last - margin) / 3600.0
    waits = rate > 0
    unknown = (len(starts) == 1) & (since <= -LARGEST)
    missing = np.divide(np.maximum(stake - so_far, 0.0), rate, out=np.zeros(len(rows)), where=waits)
    times = np.where(waits, np.where(unknown, -math.inf, begins[:, -1] + missing), math.inf)
    free = waits & (last < margin) & ~_kept_off(since, margin, starts, prices)
    return np.asarray(np.where(free, -math.inf, times))


def _kept_off(since: Array, margin: Array, starts: Array, prices: Array) -> NDArray[np.bool_]:
    """Whether any price since shortly before it was stopped was too high for it."""
    ends = np.append(starts[1:], math.inf)
    return np.asarray(((prices[None] >= margin[:, None]) & (ends[None] > since[:, None] - LATE_SECONDS)).any(1))
