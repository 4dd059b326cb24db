"""What a simulation decides about, as plain arrays: watts, money, limits. For baselines and the oracle, not the plan.

T steps, N workloads, money in the site's currency. A level is one pod of a workload by rank: level 1 is the first pod
to run and the last to stop.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Tell = Callable[[str], None]
"""Told in a few words what is being computed, before each part that may take seconds."""

SECONDS_PER_HOUR: Final = 3600.0


@dataclass(frozen=True)
class Ramp:
    """Watts of the pods by which a step may rise and fall for money; infinite where there is no bound."""

    up_it_watts: float = math.inf
    down_it_watts: float = math.inf

    @property
    def binds(self) -> bool:
        """Whether there is a bound at all."""
        return min(self.up_it_watts, self.down_it_watts) < math.inf


@dataclass(frozen=True)
class Problem:
    """Arrays are (T, N), (T,) or (N,) as their comments say; money is per pod and step, or per pod and switch."""

    step_seconds: float
    it_watts: Ints
    """(N,) of one pod."""
    megawatts: Floats
    """(N,) of one pod, at the meter."""
    room_it_watts: Ints
    """(T,) the most that all pods may draw together."""
    least: Ints
    """(T, N) floors, as far as limit and GPUs carry them: the highest priority first."""
    most: Ints
    """(N,)"""
    demand: Ints
    """(T, N) pods that earn, at most `most`."""
    income: Floats
    """(T, N) of a pod that earns."""
    energy: Floats
    """(T, N) cost of the power of a pod."""
    start: Floats
    """(T, N) cost of raising by a pod."""
    lost: Floats
    """(T, N) income that a pod which earns in this step and did not run in the last one loses while it starts."""
    stop: Floats
    """(T, N) cost of lowering by a pod: what it draws on its way down. Below zero where the price is."""
    worth_per_mwh: Floats
    """(T, N)"""
    price_per_mwh: Floats
    """(T,)"""
    priority: Ints
    """(N,)"""
    serves: Mask
    """(N,) whether a signal says the demand."""
    gpus: Ints
    """(N,) of one pod, 0 where it takes none of a shared group."""
    group: Ints
    """(N,) which of `group_gpus`, -1 for none."""
    group_gpus: Ints
    """(G,)"""
    min_run_steps: Ints
    """(N,) steps from a raise to the first lowering for money, at least 1."""
    min_off_steps: Ints
    """(N,) the reverse."""
    yield_steps: Ints
    """(N,) steps from a lowering to the raise of a higher priority for which it made room."""
    ramp: Ramp
    standing_cost: float
    """What the fixed watts cost over the whole time."""
    price_late_per_mwh: Floats | None = None
    """(T,) the price that is seen at each step, NaN where none is; None where it is seen at once."""

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return len(self.price_per_mwh)

    @property
    def price_seen(self) -> Floats:
        """(T,) the price by which a rule without foresight decides."""
        return self.price_per_mwh if self.price_late_per_mwh is None else self.price_late_per_mwh

    @property
    def workloads(self) -> int:
        """How many workloads there are."""
        return len(self.it_watts)

    def profit(self, sizes: Floats | Ints) -> float:
        """What a run earns: income less energy, starts and stops. The state before the first step is free."""
        moved = np.diff(sizes, axis=0)
        running = self.income * np.minimum(sizes, self.demand) - self.energy * sizes
        switching = self.start[1:] * np.maximum(moved, 0) + self.stop[1:] * np.maximum(-moved, 0)
        cold = np.maximum(np.minimum(sizes, self.demand)[1:] - sizes[:-1], 0)
        return float(running.sum() - switching.sum() - (self.lost[1:] * cold).sum() - self.standing_cost)

    def most_alone(self, workload: int) -> Ints:
        """(T,) the most pods of one workload that limit and GPUs carry if nothing else runs."""
        most = np.minimum(self.most[workload], self.room_it_watts // self.it_watts[workload])
        if self.gpus[workload]:
            most = np.minimum(most, self.group_gpus[self.group[workload]] // self.gpus[workload])
        return np.asarray(np.maximum(most, 0), dtype=np.int64)

    def gpus_in(self, group: int) -> Ints:
        """(N,) GPUs of one pod in this group, 0 for workloads of others."""
        return np.where(self.group == group, self.gpus, 0)

    @cached_property
    def orders(self) -> list[tuple[Ints, list[int]]]:
        """Steps that share an order of precedence, with it: the highest priority first, then the highest worth."""
        rank = np.lexsort((-self.worth_per_mwh, np.broadcast_to(-self.priority, self.worth_per_mwh.shape)))
        changes = np.ones(len(rank), dtype=np.bool_)
        changes[1:] = (rank[1:] != rank[:-1]).any(axis=1)
        begins = np.flatnonzero(changes)
        distinct, which = np.unique(rank[begins], axis=0, return_inverse=True)
        which = np.repeat(which.ravel(), np.diff(begins, append=len(rank)))
        return [(np.flatnonzero(which == n), order) for n, order in enumerate(distinct.tolist())]

    def unswitched(self) -> "Problem":
        """The same site if switching were free: no start or stop cost, no dwell, no ramp."""
        free, at_once = np.zeros_like(self.start), np.ones_like(self.min_run_steps)
        return replace(
            self, start=free, lost=free, stop=free, min_run_steps=at_once, min_off_steps=at_once, ramp=Ramp()
        )

    def at_any_moment(self) -> "Problem":
        """A problem whose best run earns no less than any that moves within steps.

        Sizes read at one moment of every step are a run that moves between steps. At a moment drawn by chance it earns
        on average what the other earns while it runs, and starts as late for its demand. But what moves after that
        moment moves in the next step here, so a switch must cost no more than in the step before.
        """

        def least_of_both(values: Floats) -> Floats:
            return np.minimum(values, np.concatenate((values[:1], values[:-1])))

        return replace(
            self, start=least_of_both(self.start), lost=least_of_both(self.lost), stop=least_of_both(self.stop)
        )

    def unramped(self) -> "Problem":
        """The same site without a bound on how fast power moves."""
        return replace(self, ramp=Ramp())


def fit(problem: Problem, wanted: Ints, base: Ints) -> Ints:
    """(T, N) what limit and GPUs leave of `wanted`: `base` first, then by priority, then by worth, step by step alone.

    `base` must fit.
    """
    sizes = np.minimum(base, wanted)
    room = problem.room_it_watts - sizes @ problem.it_watts
    gpus = [count - sizes @ problem.gpus_in(g) for g, count in enumerate(problem.group_gpus)]
    for rows, order in problem.orders:
        for i in order:
            fits = room[rows] // problem.it_watts[i]
            if problem.gpus[i]:
                fits = np.minimum(fits, gpus[problem.group[i]][rows] // problem.gpus[i])
            more = np.clip(wanted[rows, i] - sizes[rows, i], 0, np.maximum(fits, 0))
            sizes[rows, i] += more
            room[rows] -= more * problem.it_watts[i]
            if problem.gpus[i]:
                gpus[problem.group[i]][rows] -= more * problem.gpus[i]
    return sizes
