"""The best run of each level of one workload by dynamic programming: exact where levels do not bind each other."""

from dataclasses import dataclass

import numpy as np

from wattswitch.simulate.problem import Floats, Ints, Mask, Problem

NEVER = -np.inf


@dataclass(frozen=True)
class Levels:
    """Levels of one workload that face the same: `last` (K,) the highest level of each run of equal ones.

    Arrays are (T, K): what a level earns while it runs, what raising and lowering it cost, whether it may or must run.
    """

    last: Ints
    reward: Floats
    start: Floats
    stop: Floats
    may: Mask
    must: Mask

    @property
    def width(self) -> Ints:
        """(K,) how many levels each column stands for."""
        return np.diff(self.last, prepend=0)


def levels_of(problem: Problem, workload: int, most: Ints) -> Levels:
    """The levels of a workload that may run at most `most` (T,) pods."""
    demand, least = problem.demand[:, workload], problem.least[:, workload]
    ends = np.unique(np.concatenate([demand, least, most, problem.most[[workload]]]))
    last = ends[(ends > 0) & (ends <= problem.most[workload])]
    earns = last <= demand[:, None]
    may = last <= most[:, None]
    lost = np.where(earns, problem.lost[:, [workload]], 0.0)
    return Levels(
        last=last,
        reward=np.where(earns, problem.income[:, [workload]], 0.0) - problem.energy[:, [workload]],
        start=problem.start[:, [workload]] + lost,
        stop=np.broadcast_to(problem.stop[:, [workload]], may.shape),
        may=may,
        must=(last <= least[:, None]) & may,
    )


def best_sizes(problem: Problem, workload: int, most: Ints) -> Ints:
    """(T,) the most profitable sizes of one workload within `most` (T,), each pod keeping its own dwell.

    Exact where dwell is no more than a step, or where all levels face the same; otherwise a good run that keeps the
    rules: pods that take turns could do better.
    """
    levels = levels_of(problem, workload, most)
    if not levels.last.size:
        return np.zeros_like(most)
    on = best_runs(levels, int(problem.min_run_steps[workload]), int(problem.min_off_steps[workload]))
    return np.asarray(on @ levels.width, dtype=np.int64)


def best_runs(levels: Levels, min_run: int, min_off: int) -> Mask:
    """(T, K) when each column runs: backwards over the steps, for all columns at once.

    A state is on or off with the steps since the last switch, counted up to what dwell needs. `may` and `must` beat
    dwell, as the limit does. The state before the first step is free.
    """
    steps, columns = levels.may.shape
    on, off = np.zeros((min_run, columns)), np.zeros((min_off, columns))
    leave = np.zeros((steps, min_run, columns), dtype=np.bool_)
    enter = np.zeros((steps, min_off, columns), dtype=np.bool_)
    for t in range(steps - 1, -1, -1):
        if t + 1 < steps:
            leave[t], running = _choose(on, off[0] - levels.stop[t + 1], ~levels.may[t + 1])
            enter[t], off = _choose(off, on[0] - levels.start[t + 1], levels.must[t + 1])
            on = running
        on = np.where(levels.may[t], on + levels.reward[t], NEVER)
        off = np.where(levels.must[t], NEVER, off)
    return _follow(leave, enter, on[-1] > off[-1])


def _choose(stay: Floats, switched: Floats, forced: Mask) -> tuple[Mask, Floats]:
    """Whether to switch at each age, and what that is worth; before the last age only where it is forced."""
    older = np.concatenate([stay[1:], stay[-1:]])
    switch = np.broadcast_to(forced, older.shape).copy()
    switch[-1] |= switched > older[-1]
    return switch, np.where(switch, switched, older)


def _follow(leave: Mask, enter: Mask, running: Mask) -> Mask:
    """Play the choices forward."""
    steps, min_run, columns = leave.shape
    min_off, every = enter.shape[1], np.arange(columns)
    result = np.zeros((steps, columns), dtype=np.bool_)
    oldest = np.array([min_off, min_run]) - 1
    age = oldest[running.astype(np.int64)]
    for t in range(steps):
        result[t] = running
        left = leave[t, np.minimum(age, min_run - 1), every]
        entered = enter[t, np.minimum(age, min_off - 1), every]
        switch = np.where(running, left, entered)
        running = running ^ switch
        age = np.where(switch, 0, np.minimum(age + 1, oldest[running.astype(np.int64)]))
    return result
