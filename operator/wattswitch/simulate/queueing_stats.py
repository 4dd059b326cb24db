"""What two runs of the same jobs have to say about each other: ratios of means, with intervals from whole days."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wattswitch.simulate.queueing import Outcome


@dataclass(frozen=True, slots=True)
class Ratio:
    """A mean over another's: above 1 where the second is smaller. `low` and `high` hold 95 % of the resamples."""

    value: float
    low: float
    high: float

    @property
    def reduction_percent(self) -> "Ratio":
        """The same as a fall in percent of the first: 1.53 is 34.6 %."""
        return Ratio(*(100 * (1 - 1 / each) if each > 0 else -math.inf for each in (self.value, self.low, self.high)))


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds that jobs took: to their first start, all told that is no useful run, and to their end."""

    mean_wait: float
    p95_wait: float
    mean_total_wait: float
    mean_completion: float
    p95_completion: float
    waited_percent: float


def times(outcome: Outcome) -> Times:
    """Means and 95th percentiles over the jobs of one run."""
    wait, completion = outcome.wait_seconds, outcome.completion_seconds
    return Times(
        mean_wait=float(wait.mean()),
        p95_wait=float(np.percentile(wait, 95)),
        mean_total_wait=float(outcome.total_wait_seconds.mean()),
        mean_completion=float(completion.mean()),
        p95_completion=float(np.percentile(completion, 95)),
        waited_percent=float(100 * (wait > 1e-6).mean()),
    )


def ratio_of_means(
    first: NDArray[np.float64], second: NDArray[np.float64], days: NDArray[np.int64], repeats: int, seed: int
) -> Ratio:
    """Mean of `first` over mean of `second`, the same N jobs in both, with a bootstrap interval over days.

    Jobs of one day queue behind each other, so whole days are drawn, with replacement, and the same ones for both.
    """
    places = np.unique(days, return_inverse=True)[1]
    sums = np.stack([np.bincount(places, weights=each) for each in (first, second)], axis=1)
    drawn = np.random.default_rng(seed).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=repeats) @ sums
    ratios = np.array([_over(above, below) for above, below in drawn.tolist()])
    low, high = np.quantile(ratios, (0.025, 0.975), method="nearest")
    return Ratio(_over(float(first.sum()), float(second.sum())), float(low), float(high))


def _over(above: float, below: float) -> float:
    """The quotient; 1 where neither waited, infinite where only the second did not."""
    if below > 0:
        return above / below
    return math.inf if above > 0 else 1.0
