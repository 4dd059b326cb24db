"""What mining gives up and wins back when watts go to jobs and come again, in money."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from wattswitch.simulate.series import Series

HOUR_SECONDS: Final = 3600.0
WATTS_PER_MEGAWATT: Final = 1e6

Margin = Callable[[float, float], float]
"""What one MW of miners earns after its power from one second of the run to another; money per MW, never negative."""


def steady_margin(per_mwh: float) -> Margin:
    """The same margin at all times."""
    return lambda begin, end: max(0.0, per_mwh) * (end - begin) / HOUR_SECONDS


def priced_margin(strike_per_mwh: float, prices: Series, adder_per_mwh: float = 0.0) -> Margin:
    """Strike less price where that is above zero, nothing where it is not: miners are off then.

    The series begins with the run and comes again at its end; a price that is not known counts as one above the strike.
    """
    margin = np.nan_to_num(np.maximum(0.0, strike_per_mwh - adder_per_mwh - prices.values), nan=0.0)
    edges = np.append(prices.starts, prices.end) - prices.first
    sums = np.concatenate(([0.0], np.cumsum(margin * np.diff(edges)))) / HOUR_SECONDS
    length, total = float(edges[-1]), float(sums[-1])

    def until(at: float) -> float:
        rounds, rest = divmod(at, length)
        return rounds * total + float(np.interp(rest, edges, sums))

    return lambda begin, end: until(end) - until(begin)


@dataclass
class Mining:
    """The books of one run, of what lies between `begin` and `end` (seconds of the run) alone.

    Money is held against a static split: `given_up` where fewer miners ran, `won_back` where more did, `restarting`
    what miners did not earn while they started. GPU-seconds: `borrowed` beyond the static share, `busy` with jobs.
    """

    miner_watts: int
    begin: float
    end: float
    margin: Margin
    given_up: float = 0.0
    won_back: float = 0.0
    restarting: float = 0.0
    earned: float = 0.0
    borrowed_gpu_seconds: float = 0.0
    lent_gpu_seconds: float = 0.0
    busy_gpu_seconds: float = 0.0
    seconds: float = 0.0
    miner_starts: int = 0

    @property
    def lost(self) -> float:
        """What mining lost to the jobs, net: below zero where it gained."""
        return self.given_up + self.restarting - self.won_back

    def book(
        self, begin: float, end: float, miners: int, static_miners: int, borrowed: int, busy_gpu_seconds: float
    ) -> None:
        """From `begin` to `end` so many miners ran; a static split would have run `static_miners`.

        What lies outside the window is left out; no entry may cross its edges.
        """
        if not self.begin <= begin < end <= self.end:
            return
        per_miner = self.margin(begin, end) * self.miner_watts / WATTS_PER_MEGAWATT
        self.earned += miners * per_miner
        self.given_up += max(0, static_miners - miners) * per_miner
        self.won_back += max(0, miners - static_miners) * per_miner
        self.borrowed_gpu_seconds += max(0, borrowed) * (end - begin)
        self.lent_gpu_seconds += max(0, -borrowed) * (end - begin)
        self.busy_gpu_seconds += busy_gpu_seconds
        self.seconds += end - begin

    def book_starts(self, at: float, miners: int, start_seconds: float) -> None:
        """So many miners start at `at` and earn nothing before they have."""
        if not self.begin <= at < self.end:
            return
        self.miner_starts += miners
        lost = miners * self.margin(at, at + start_seconds) * self.miner_watts / WATTS_PER_MEGAWATT
        self.restarting += lost
        self.earned -= lost


def per_year(money: float, seconds: float) -> float:
    """What it would be over a year of 365 days."""
    return money * 365 * 24 * HOUR_SECONDS / seconds if seconds > 0 else math.nan
