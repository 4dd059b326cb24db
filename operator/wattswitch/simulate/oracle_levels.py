"""The best run of each level of one workload by dynamic programming: exact where levels do not bind each other."""

import numpy as np

from wattswitch.simulate.oracle_runs import Levels, best_runs
from wattswitch.simulate.problem import Ints, Problem


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
