"""From what a rule wants at each step to what it may run: floors, the limit, GPUs, dwell and ramps, as for all."""

from collections.abc import Iterator
from operator import le, mul

import numpy as np

from wattswitch.simulate.problem import Ints, Problem, fit
from wattswitch.simulate.ramps import ramped


def walk(problem: Problem, wanted: Ints) -> Ints:
    """(T, N) sizes: floors first, then by priority, then by worth, and no switch for money while dwell lasts.

    Watts that a drop of the limit or a higher priority needs are given whatever dwell says. Ramps slow every move but
    those that floors and the limit ask for. The state before the first step is free.
    """
    wanted = np.clip(wanted, problem.least, problem.most)
    dwell = max([1, *problem.min_run_steps.tolist(), *problem.min_off_steps.tolist()])
    if dwell == 1 and not problem.ramp.binds:
        return fit(problem, wanted, problem.least)
    return _Walk(problem, wanted).sizes()


class _Walk:
    """Step by step; steps in which nothing changes and no dwell ends are repeated."""

    def __init__(self, problem: Problem, wanted: Ints) -> None:
        self._p, self._wanted = problem, wanted
        self._it_watts: list[int] = problem.it_watts.tolist()
        self._gpus: list[int] = problem.gpus.tolist()
        self._group: list[int] = problem.group.tolist()
        self._room: list[int] = problem.room_it_watts.tolist()
        self._group_gpus: list[int] = problem.group_gpus.tolist()
        self._min_run: list[int] = problem.min_run_steps.tolist()
        self._min_off: list[int] = problem.min_off_steps.tolist()
        self._no_lowering_until = [0] * problem.workloads
        self._no_raise_until = [0] * problem.workloads
        self._dwell_until = 0

    def sizes(self) -> Ints:
        """Walk all steps."""
        order_of = self._orders()
        wanted: list[list[int]] = self._wanted.tolist()
        least: list[list[int]] = self._p.least.tolist()
        alone: list[list[int]] = fit(self._p, self._wanted, self._p.least).tolist()
        same = self._unchanged(order_of)
        result, rested, was = [alone[0]], False, alone[0]
        for t in range(1, self._p.steps):
            if not (rested and same[t]):
                keeps_dwell = self._keeps_dwell(t, was, wanted[t], least[t], alone[t])
                now = alone[t] if keeps_dwell else self._step(t, was, wanted[t], least[t], order_of[t])
                rested = now == was and t >= self._dwell_until
                if now != was:
                    self._note_moves(t, was, now)
                was = now
            result.append(was)
        return np.array(result, dtype=np.int64)

    def _keeps_dwell(self, t: int, was: list[int], wanted: list[int], least: list[int], alone: list[int]) -> bool:
        """Whether a step may run what it would without dwell, `alone`.

        It may where nobody then loses what dwell protects or what it still wants, and nobody gains what dwell forbids:
        what is protected would be given anyway, and what is forbidden would not, so that no one's share depends on it.
        """
        if self._p.ramp.binds:
            return False
        if t >= self._dwell_until:
            return True
        for i, (before, size) in enumerate(zip(was, alone, strict=True)):
            if size < before:
                if size < wanted[i] or t < self._no_lowering_until[i]:
                    return False
            elif size > before and size > least[i] and t < self._no_raise_until[i]:
                return False
        return True

    def _note_moves(self, t: int, was: list[int], now: list[int]) -> None:
        """Begin the dwell of all who moved."""
        for i, (before, after) in enumerate(zip(was, now, strict=True)):
            if after > before:
                self._no_lowering_until[i] = t + self._min_run[i]
                self._dwell_until = max(self._dwell_until, t + self._min_run[i])
            elif after < before:
                self._no_raise_until[i] = t + self._min_off[i]
                self._dwell_until = max(self._dwell_until, t + self._min_off[i])

    def _orders(self) -> list[list[list[int]]]:
        """For each step the workloads in order of precedence, those of one priority together."""
        result: list[list[list[int]]] = [[]] * self._p.steps
        for rows, order in self._p.orders:
            groups = list(_by_priority(order, self._p.priority.tolist()))
            for t in rows.tolist():
                result[t] = groups
        return result

    def _unchanged(self, order_of: list[list[list[int]]]) -> list[bool]:
        p = self._p
        same = np.zeros(p.steps, dtype=np.bool_)
        same[1:] = (np.diff(self._wanted, axis=0) == 0).all(axis=1) & (np.diff(p.room_it_watts) == 0)
        same[1:] &= (np.diff(p.least, axis=0) == 0).all(axis=1)
        result: list[bool] = same.tolist()
        return [flag and (t == 0 or order_of[t] is order_of[t - 1]) for t, flag in enumerate(result)]

    def _step(self, t: int, was: list[int], wanted: list[int], least: list[int], groups: list[list[int]]) -> list[int]:
        """The sizes of one step, from those of the one before."""
        sizes = self._shared(t, was, wanted, least, groups)
        if self._p.ramp.binds:
            precedence = np.array([i for group in groups for i in group])
            sizes = ramped(self._p, t, np.array(was), np.array(sizes), precedence).tolist()
        return sizes

    def _shared(
        self, t: int, was: list[int], wanted: list[int], least: list[int], groups: list[list[int]]
    ) -> list[int]:
        """The sizes that the limit and dwell leave, ramps aside."""
        kept, goal, protected = self._wishes(t, was, wanted, least)
        if self._carries_all(t, goal):
            return goal
        room = _Room(self._room[t], list(self._group_gpus), self)
        sizes = [0] * len(was)
        for i in (i for group in groups for i in group if least[i]):
            room.grow(sizes, i, least[i])
        for group in groups:
            if any(protected[i] for i in group):
                firm = [i for i in group if protected[i]] if room.carries(sizes, group, kept) else group
                for i in firm:
                    room.grow(sizes, i, kept[i])
            for i in group:
                if goal[i] > sizes[i]:
                    room.grow(sizes, i, goal[i])
        return sizes

    def _carries_all(self, t: int, goal: list[int]) -> bool:
        """Whether the limit and the GPUs leave everybody its goal."""
        if sum(map(mul, goal, self._it_watts)) > self._room[t]:
            return False
        used = [0] * len(self._group_gpus)
        for size, gpus, group in zip(goal, self._gpus, self._group, strict=True):
            if gpus:
                used[group] += size * gpus
        return all(map(le, used, self._group_gpus))

    def _wishes(
        self, t: int, was: list[int], wanted: list[int], least: list[int]
    ) -> tuple[list[int], list[int], list[bool]]:
        """What each workload keeps of what it has, what it wishes, and whether dwell protects what it keeps."""
        kept, goal, protected = [], [], []
        for i, (before, want) in enumerate(zip(was, wanted, strict=True)):
            firm = t < self._no_lowering_until[i]
            wish = max(want, before) if firm else want
            if t < self._no_raise_until[i]:
                wish = min(wish, max(before, least[i]))
            kept.append(min(before, wish))
            goal.append(wish)
            protected.append(firm)
        return kept, goal, protected


class _Room:
    """Watts and GPUs of one step."""

    def __init__(self, it_watts: int, gpus: list[int], walk: _Walk) -> None:
        self._free, self._gpus, self._walk = it_watts, gpus, walk

    def grow(self, sizes: list[int], i: int, to: int) -> None:
        """Grow a workload as far as there is room."""
        w = self._walk
        pods = min(to - sizes[i], self._free // w._it_watts[i])
        if w._gpus[i]:
            pods = min(pods, self._gpus[w._group[i]] // w._gpus[i])
        if pods > 0:
            sizes[i] += pods
            self._free -= pods * w._it_watts[i]
            if w._gpus[i]:
                self._gpus[w._group[i]] -= pods * w._gpus[i]

    def carries(self, sizes: list[int], group: list[int], to: list[int]) -> bool:
        """Whether all of a group may grow this far."""
        trial, grown = _Room(self._free, list(self._gpus), self._walk), list(sizes)
        for i in group:
            trial.grow(grown, i, to[i])
        return all(grown[i] >= to[i] for i in group)


def _by_priority(order: list[int], priority: list[int]) -> Iterator[list[int]]:
    group: list[int] = []
    for i in order:
        if group and priority[group[0]] != priority[i]:
            yield group
            group = []
        group.append(i)
    if group:
        yield group
