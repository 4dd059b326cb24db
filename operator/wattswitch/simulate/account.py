"""The one money model by which every policy, every baseline and the oracle is judged.

A run is the size of every workload during every step, `replicas` of shape (T, N), or `Spells` where sizes move within
steps. Its money:

- revenue: replicas that run and are in demand earn their worth, one that demand needs in part like a whole one;
- cost: energy at the price of the step, the site's fixed watts included; a pod that was told to stop draws on for the
  longer of its hardware's `stopSeconds` and its `drainSeconds`, at the price of the step in which it was told;
- starts: each pod started costs its `costPerStart`, and what demand is not served by pods that ran before earns nothing
  for `startSeconds`. A pod that starts a whole step before its demand comes loses nothing, one that starts within the
  step before loses as much less as it runs of that step.

The state before the first step is free: whatever runs when it begins was running. Where a price or a worth is not
known, it counts as zero.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wattswitch.simulate.inputs import Inputs
from wattswitch.simulate.problem import SECONDS_PER_HOUR
from wattswitch.simulate.site import SiteModel
from wattswitch.simulate.spells import Spells

WATTS_TOLERANCE = 1e-6
"""Beyond this a sum of watts is above its limit; fractional runs add up with float error."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What one replica of each workload does, at the meter: shape (N,)."""

    megawatts: NDArray[np.float64]
    start_hours: NDArray[np.float64]
    gone_hours: NDArray[np.float64]
    cost_per_start: NDArray[np.float64]

    @classmethod
    def of(cls, site: SiteModel) -> "Rates":
        """The rates of a site, in the order of its workloads."""
        return cls(
            megawatts=np.array([site.megawatts(w) for w in site.workloads]),
            start_hours=np.array([w.start_seconds / SECONDS_PER_HOUR for w in site.workloads]),
            gone_hours=np.array([w.gone_seconds / SECONDS_PER_HOUR for w in site.workloads]),
            cost_per_start=np.array([w.cost_per_start for w in site.workloads]),
        )


@dataclass(frozen=True, eq=False)
class Account:
    """What a run came to. Energy in MWh, money in the site's currency, all at the meter."""

    watts: NDArray[np.float64]
    """(T,) drawn by the sizes and the fixed watts, on average; pods that stop are not in it."""
    energy: NDArray[np.float64]
    """(T,) MWh, with those of pods that stop."""
    cost: NDArray[np.float64]
    """(T,) energy at the price."""
    revenue: NDArray[np.float64]
    """(T, N) earned by replicas in demand, before starts."""
    start_cost: NDArray[np.float64]
    """(T, N) wear of starts and income lost while starting."""
    started: NDArray[np.float64]
    """(T, N) pods started."""
    stopped: NDArray[np.float64]
    """(T, N) pods stopped."""
    violation_seconds: float
    """Seconds in which the sizes alone draw more than the limit."""
    floor_misses: float
    """Steps times pods below a floor that the limit and the GPUs would have carried."""

    @cached_property
    def energy_mwh(self) -> float:
        """Energy drawn."""
        return float(self.energy.sum())

    @cached_property
    def total_cost(self) -> float:
        """Paid for energy."""
        return float(self.cost.sum())

    @cached_property
    def total_revenue(self) -> float:
        """Earned before energy and starts."""
        return float(self.revenue.sum())

    @cached_property
    def total_start_cost(self) -> float:
        """Paid and lost for starts."""
        return float(self.start_cost.sum())

    @cached_property
    def profit(self) -> float:
        """Revenue less energy less starts."""
        return self.total_revenue - self.total_cost - self.total_start_cost

    @cached_property
    def profit_by_step(self) -> NDArray[np.float64]:
        """(T,) the same, step by step."""
        result: NDArray[np.float64] = self.revenue.sum(axis=1) - self.cost - self.start_cost.sum(axis=1)
        return result

    @cached_property
    def switches(self) -> float:
        """Pods started and pods stopped."""
        return float(self.started.sum() + self.stopped.sum())


def account(site: SiteModel, inputs: Inputs, replicas: NDArray[Any] | Spells) -> Account:
    """Judge a run. `replicas` (T, N) may be fractional, for bounds. Raises ValueError where the shape is another."""
    spells = replicas if isinstance(replicas, Spells) else _whole_steps(inputs, replicas)
    if spells.firsts.size != inputs.steps or spells.sizes.shape[1:] != (len(site.workloads),):
        shape = (spells.firsts.size, *spells.sizes.shape[1:])
        raise ValueError(f"replicas have shape {shape}, not {(inputs.steps, len(site.workloads))}")
    rates, at, hours = Rates.of(site), spells.steps, spells.seconds / SECONDS_PER_HOUR
    worth = np.nan_to_num(inputs.worth_per_mwh, nan=0.0)[at]
    on = np.asarray(spells.sizes, dtype=np.float64)
    before = np.concatenate((on[:1], on[:-1]))
    change = on - before
    started, stopped = np.maximum(change, 0.0), np.maximum(-change, 0.0)
    demand = inputs.demand_replicas[at]
    served = np.minimum(on, demand)
    megawatts = on @ rates.megawatts + site.fixed_watts / 1e6
    energy = megawatts * hours + stopped @ (rates.megawatts * rates.gone_hours)
    late = np.maximum(served - before, 0.0) + _too_short_before(inputs, spells, before)
    above = megawatts * 1e6 > inputs.limit_watts[at] + WATTS_TOLERANCE

    def by_step(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.add.reduceat(values, spells.firsts, axis=0)) if at.size > inputs.steps else values

    energy = by_step(energy)
    return Account(
        watts=by_step(megawatts * hours) * (1e6 / inputs.hours),
        energy=energy,
        cost=energy * np.nan_to_num(inputs.price_per_mwh, nan=0.0),
        revenue=by_step(served * rates.megawatts * worth * hours[:, None]),
        start_cost=by_step(started * rates.cost_per_start + late * rates.megawatts * worth * rates.start_hours),
        started=by_step(started),
        stopped=by_step(stopped),
        violation_seconds=float(spells.seconds[above].sum()),
        floor_misses=_floor_misses(site, inputs, spells),
    )


def _whole_steps(inputs: Inputs, replicas: NDArray[Any]) -> Spells:
    """Sizes that move at the beginning of a step only."""
    count = len(replicas)
    return Spells(np.arange(count), np.full(count, inputs.step_seconds), np.asarray(replicas, dtype=np.float64))


def _too_short_before(inputs: Inputs, spells: Spells, before: NDArray[np.float64]) -> NDArray[np.float64]:
    """(S, N) pods that serve new demand from a step's beginning, by the part of the step before in which they were off.

    None of them where sizes move between steps only.
    """
    result = np.zeros_like(before)
    if spells.steps.size == inputs.steps:
        return result
    demand, firsts = inputs.demand_replicas, spells.firsts
    earlier = spells.steps < inputs.steps - 1
    next_step = spells.steps[earlier] + 1
    serving = np.minimum(before[firsts][next_step], demand[next_step])
    off = np.maximum(serving - np.maximum(spells.sizes[earlier], demand[next_step - 1]), 0.0)
    parts = off * (spells.seconds[earlier] / inputs.step_seconds)[:, None]
    result[firsts[1:]] = np.add.reduceat(parts, firsts[:-1], axis=0)
    return result


def _floor_misses(site: SiteModel, inputs: Inputs, spells: Spells) -> float:
    """Pods below their floors, summed over the steps whose limit carries all floors and whose GPUs do."""
    floors = np.array([w.min_replicas for w in site.workloads], dtype=np.float64)
    watts = np.array([w.it_watts_per_replica for w in site.workloads], dtype=np.float64)
    carried = float(floors @ watts) * site.pue + site.fixed_watts <= inputs.limit_watts + WATTS_TOLERANCE
    gpus: dict[str, float] = {}
    for w in site.workloads:
        gpus[w.gpu_group] = gpus.get(w.gpu_group, 0.0) + w.min_replicas * w.gpus_per_replica
    short = {group for group, asked in gpus.items() if group and asked > site.gpu_groups.get(group, 0)}
    counted = np.array([w.gpu_group not in short for w in site.workloads])
    missing = np.maximum(floors - spells.sizes, 0.0)[:, counted].sum(axis=1) * spells.seconds / inputs.step_seconds
    return float(missing[carried[spells.steps]].sum())
