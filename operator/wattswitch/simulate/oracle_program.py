"""The site over a stretch of steps as one linear program, solved by HiGHS.

Columns of a workload: pods that run in each step; where money needs them, pods raised in each step, pods that earn,
and pods that lose their start. A lowering is the raise less the change. Dwell is Rajan's and Takriti's inequality
summed over the pods of a workload, which every run that keeps the workload's own dwell satisfies: of the pods that run
at least those raised within the minimum run, of the pods that are off at least those lowered within the minimum off.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from wattswitch.simulate.problem import Floats, Ints, Problem
from wattswitch.simulate.program import Program


@dataclass(frozen=True)
class Stretch:
    """The best fractional run from one step to another, whatever ran before: `value` is what it earns.

    `value` leaves out the cost of the fixed watts and of the switches into the first step.
    """

    first: int
    sizes: Floats
    value: float


@dataclass(frozen=True)
class _Workload:
    """Columns of one workload; `up` has none for the first step, and there may be none at all."""

    on: Ints
    up: Ints


def best_stretch(problem: Problem, first: int, end: int) -> Stretch:
    """The most profitable fractional run of the steps from `first` to before `end`. Raises SolverError."""
    return _StretchProgram(problem, first, end).solve()


class _StretchProgram:
    def __init__(self, problem: Problem, first: int, end: int) -> None:
        self._p, self._first, self._at = problem, first, slice(first, end)
        self._steps = end - first
        self._program = Program()
        self._drop = np.maximum(0, -np.diff(problem.room_it_watts[self._at]))
        self._bound = problem.ramp.binds or bool((np.maximum(problem.min_run_steps, problem.min_off_steps) > 1).any())
        self._workloads = [self._add(i) for i in range(problem.workloads)]
        self._share_the_limit()
        for i in range(problem.workloads):
            self._keep_dwell(i)
        self._keep_ramps()

    def solve(self) -> Stretch:
        """The run and what it earns."""
        values, gain = self._program.maximize(f"perfect foresight from step {self._first} on")
        sizes = np.stack([values[w.on] for w in self._workloads], axis=1)
        return Stretch(self._first, sizes, gain)

    def _add(self, i: int) -> _Workload:
        """Columns and rows of one workload alone: its sizes, what it earns, its raises."""
        p, at = self._p, self._at
        most, demand, income = p.most_alone(i)[at], p.demand[at, i], p.income[at, i]
        start, stop, lost = p.start[at, i][1:], p.stop[at, i][1:], p.lost[at, i][1:]
        idle = bool((demand < most).any())
        # A lowering is the raise less the change, so its cost falls on raises and on the sizes before and after.
        change = np.zeros(self._steps)
        change[1:] += stop
        change[:-1] -= stop
        earns = -p.energy[at, i] + change + (0.0 if idle else income)
        on = self._program.add(earns, p.least[at, i].astype(np.float64), most.astype(np.float64))
        cost = start + stop + (0.0 if idle else lost)
        up = np.empty(0, dtype=np.int64)
        if self._bound or cost.any():
            up = self._program.add(-cost, 0.0, most[1:].astype(np.float64))
            self._program.at_most(0.0, (on[1:], 1.0), (on[:-1], -1.0), (up, -1.0))
            self._only_raise_what_was_off(on, up, float(p.most[i]), np.flatnonzero(cost < 0))
        if idle:
            busy = self._program.add(income, 0.0, np.minimum(demand, most).astype(np.float64))
            self._program.at_most(0.0, (busy, 1.0), (on, -1.0))
            if lost.any():
                cold = self._program.add(-lost, 0.0, most[1:].astype(np.float64))
                self._program.at_most(0.0, (busy[1:], 1.0), (on[:-1], -1.0), (cold, -1.0))
        return _Workload(on, up)

    def _only_raise_what_was_off(self, on: Ints, up: Ints, most: float, paid: Ints) -> None:
        """No more raises than pods that run after them or were off before, in the steps in which a switch earns money.

        Elsewhere nothing is gained by raising and lowering in place.
        """
        if paid.size:
            self._program.at_most(0.0, (up[paid], 1.0), (on[1:][paid], -1.0))
            self._program.at_most(most, (up[paid], 1.0), (on[:-1][paid], 1.0))

    def _share_the_limit(self) -> None:
        p, at = self._p, self._at
        watts = [(w.on, float(p.it_watts[i])) for i, w in enumerate(self._workloads)]
        room = p.room_it_watts[at].astype(np.float64)
        if (p.most @ p.it_watts > room).any():
            self._program.at_most(room, *watts)
        for g, count in enumerate(p.group_gpus):
            gpus = p.gpus_in(g)
            if p.most @ gpus > count:
                members = [(self._workloads[i].on, float(gpus[i])) for i in np.flatnonzero(gpus)]
                self._program.at_most(float(count), *members)

    def _keep_dwell(self, i: int) -> None:
        """Pods that were raised stay, and pods that were lowered stay away, for as long as dwell says.

        What a drop of the limit or a higher priority takes is no lowering for money; raises back to a floor that the
        limit had cut are none either.
        """
        w, p = self._workloads[i], self._p
        run, off = int(p.min_run_steps[i]), int(p.min_off_steps[i])
        if run > 1:
            taken = self._taken(i)
            for t, window in _windows(self._steps, run):
                raised = [(w.up[s - 1], 1.0) for s in window]
                self._program.at_most(0.0, (w.on[t], -1.0), *raised, *((taken[s - 1], -1.0) for s in window))
        if off > 1:
            uncut = (p.least[self._at, i] == np.max(p.least[self._at, i])).cumsum()
            for t, window in _windows(self._steps, off):
                before = window[0] - 1
                kept = uncut[t] - uncut[before] == t - before
                raised = [(w.up[s[kept] - 1], 1.0) for s in window]
                self._program.at_most(float(p.most[i]), (w.on[before[kept]], 1.0), *raised)

    def _taken(self, i: int) -> Ints:
        """Columns of the pods that a drop of the limit, or raises of a higher priority, take from a workload."""
        p = self._p
        higher = [j for j in range(p.workloads) if p.priority[j] > p.priority[i]]
        taken = self._program.add(np.zeros(self._steps - 1), 0.0, float(p.most[i]))
        wait = int(p.yield_steps[i]) if higher else 0
        within = np.arange(self._steps - 1 - wait)  # of what is taken later the raise may be in the next stretch
        pods = [
            (self._workloads[j].up[within + later], -float(_pods_for_one(p, i, j)))
            for j in higher
            for later in range(wait + 1)
        ]
        given = np.where(self._drop > 0, float(p.most[i]), 0.0)[within]
        self._program.at_most(given, (taken[within], 1.0), *pods)
        return taken

    def _keep_ramps(self) -> None:
        p, ramp = self._p, self._p.ramp
        watts = p.it_watts.astype(np.float64)
        if ramp.up_it_watts < math.inf:
            owed = np.maximum(0, np.diff(p.least[self._at], axis=0)) @ watts
            self._program.at_most(ramp.up_it_watts + owed, *((w.up, watts[i]) for i, w in enumerate(self._workloads)))
        if ramp.down_it_watts < math.inf:
            forced = np.where(self._drop > 0, self._drop + np.max(watts), 0.0)
            lowered = [
                term
                for i, w in enumerate(self._workloads)
                for term in ((w.up, watts[i]), (w.on[1:], -watts[i]), (w.on[:-1], watts[i]))
            ]
            self._program.at_most(ramp.down_it_watts + forced, *lowered)


def _pods_for_one(p: Problem, giver: int, taker: int) -> int:
    """The most pods of one workload that make room for one pod of another."""
    pods = -(-int(p.it_watts[taker]) // int(p.it_watts[giver]))
    if p.gpus[giver] and p.group[giver] == p.group[taker]:
        pods = max(pods, -(-int(p.gpus[taker]) // int(p.gpus[giver])))
    return pods


def _windows(steps: int, length: int) -> Iterator[tuple[Ints, list[Ints]]]:
    """Steps with the steps of the window that ends in them, grouped so that all windows of a group are as long."""
    for t in range(1, min(length, steps)):
        yield np.array([t]), [np.array([s]) for s in range(1, t + 1)]
    whole = np.arange(length, steps)
    if whole.size:
        yield whole, [whole - back for back in range(length - 1, -1, -1)]
