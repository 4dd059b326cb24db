"""What the report page is made from: plain frozen data with the unit in every name, filled by the simulator.

T is the number of steps. Arrays of length T share `ReportData.times`. Watts are at the meter; NaN means unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wattswitch.pages.scale import Floats

DEMAND_MET: Final = "DemandMet"

_OF_ALL: Final = ("DemandStale", "Paused")
"""Reasons for all that is off, with work or without: nobody knew of the work, or a hand stopped it."""


class Role(StrEnum):
    """What a policy is in the comparison."""

    WATTSWITCH = "wattswitch"
    BEST_STATIC = "best static split"
    BASELINE = "baseline"
    FORESIGHT = "foresight in whole pods"


@dataclass(frozen=True, slots=True, eq=False)
class WorkloadReport:
    """One workload over the period.

    `full_watts` is its draw at the meter with all replicas on. `off_shares` is the share of its full size that was
    off, by reason (`Reason` values; see `off_shares`); the shares and the share that was on add up to 1.
    `worth_per_mwh` (T,) is what a MWh at the meter earns there, None where it is not to be drawn.
    """

    name: str
    kind: str
    full_watts: float
    watts: Floats
    off_shares: Mapping[str, float]
    worth_per_mwh: Floats | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PolicyReport:
    """What one policy did with the same site and the same inputs, judged by the same account.

    `name` is that of --policy. Profit is revenue − energy_cost − start_cost. `cumulative_profit` is (T,), the profit up
    to the end of each step; None leaves the policy out of the plot. `floor_misses` counts steps times pods below the
    floor that the limit does not explain.
    """

    name: str
    role: Role
    energy_mwh: float
    energy_cost: float
    revenue: float
    start_cost: float
    profit: float
    switches: float
    violation_seconds: float
    floor_misses: float
    cumulative_profit: Floats | None = None


@dataclass(frozen=True, slots=True)
class Loss:
    """Money that perfect foresight would have earned and Wattswitch did not, by cause; below zero is a gain."""

    cause: str
    money: float


@dataclass(frozen=True, slots=True)
class NextStep:
    """Something the admin could change, in plain words, and what it would have been worth over the period at most."""

    text: str
    money: float | None = None


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A stretch to be shown in full, in Unix seconds, and why it was picked: the end of "The day …"."""

    start: float
    end: float
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class ReportData:
    """Everything on the page.

    `times` (T,) are step starts in Unix seconds, ascending. `price_per_mwh` and `limit_watts` are (T,).
    `fixed_watts` is drawn under the workloads. `foresight_profit` is what nobody can pass: it stands above the policy
    of role FORESIGHT, whose pods are whole. `captured` is the captured switching value, 1 for all of it, None where
    there is nothing to capture or no oracle ran, and `verdict` says which: what it is, a colon, and why.
    `foresight_watts` (T,) is the draw of foresight in whole pods. `basis_shares` is the share of decisions by what they
    knew of the prices ahead (`Curve`, `Learned`, `LastPrice`, `` for none).
    `excerpt` None lets the page pick the day that lost most to foresight, or moved most. `facts` are label and value
    pairs on how the run was set up; `notes` are sentences.
    """

    site: str
    currency: str
    step_seconds: float
    times: Floats
    price_per_mwh: Floats
    limit_watts: Floats
    workloads: tuple[WorkloadReport, ...]
    policies: tuple[PolicyReport, ...]
    title: str = "Simulation"
    zone: tzinfo = UTC
    fixed_watts: float = 0.0
    foresight_profit: float | None = None
    captured: float | None = None
    verdict: str = ""
    losses: tuple[Loss, ...] = ()
    next_steps: tuple[NextStep, ...] = ()
    basis_shares: Mapping[str, float] = field(default_factory=dict)
    foresight_watts: Floats | None = None
    excerpt: Excerpt | None = None
    facts: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError where an array does not have one value per step."""
        series = {"price_per_mwh": self.price_per_mwh, "limit_watts": self.limit_watts}
        series |= {f"watts of {w.name}": w.watts for w in self.workloads}
        series |= {f"worth_per_mwh of {w.name}": w.worth_per_mwh for w in self.workloads if w.worth_per_mwh is not None}
        series |= {
            f"cumulative_profit of {p.name}": p.cumulative_profit
            for p in self.policies
            if p.cumulative_profit is not None
        }
        if self.foresight_watts is not None:
            series["foresight_watts"] = self.foresight_watts
        for name, values in series.items():
            if values.shape != self.times.shape:
                raise ValueError(f"{name} has shape {values.shape}, times has {self.times.shape}")

    @property
    def end(self) -> float:
        """When the last step ends, in Unix seconds; 0 for an empty run."""
        return float(self.times[-1]) + self.step_seconds if len(self.times) else 0.0

    def policy(self, role: Role) -> PolicyReport | None:
        """The first policy of that role."""
        return next((p for p in self.policies if p.role is role), None)


def off_shares(
    replicas: NDArray[np.integer] | NDArray[np.float64],
    max_replicas: int,
    reasons: NDArray[np.str_] | NDArray[np.object_],
    demand: NDArray[np.integer] | NDArray[np.float64] | None = None,
) -> dict[str, float]:
    """How much of a workload's full size was off, by reason.

    `replicas` (T,) is its size in each step, `reasons` (T,) what bound it then, `demand` (T,) the replicas that work
    was there for, None for all. Every replica below `max_replicas` counts for the step's reason, but one that no work
    was there for counts as off for want of demand. Gives shares of `max_replicas`·T; the rest was on.
    """
    full = max_replicas * len(replicas)
    if not full:
        return {}
    words = reasons.astype(str)
    off = np.clip(max_replicas - np.asarray(replicas, dtype=np.float64), 0, None)
    idle = np.zeros(len(off))
    if demand is not None:
        idle = np.minimum(off, np.clip(max_replicas - np.asarray(demand, dtype=np.float64), 0, None))
        idle[np.isin(words, _OF_ALL)] = 0.0
    shares: dict[str, float] = {}
    for weights, of in ((off - idle, words), (idle, np.full(len(off), DEMAND_MET))):
        names, which = np.unique(of[weights > 0], return_inverse=True)
        for name, weight in zip(names, np.bincount(which, weights=weights[weights > 0]), strict=True):
            shares[str(name)] = shares.get(str(name), 0.0) + float(weight) / full
    return shares
