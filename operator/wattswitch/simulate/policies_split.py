"""The best split of the limit that never moves: how many pods each workload may ever run, chosen in hindsight.

What a workload earns as a function of its share is worked out level by level, exactly, for a rule that says when each
level runs; then one choice for each workload is made so that all shares fit the smallest limit of the time. That is a
multiple-choice knapsack, solved by HiGHS to the optimum.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from wattswitch.simulate.problem import Floats, Ints, Mask, Problem
from wattswitch.simulate.program import INFINITY, Program

LEVELS_AT_ONCE: Final = 64
"""Levels that are worked out together, so that a pool of thousands fits in memory."""

TAKEN: Final = 0.5
"""Above this a solver's 0 or 1 is 1."""

Rule = Callable[[Ints], Mask]
"""When each of these levels (K,) runs: (T, K)."""


def always(problem: Problem) -> Rule:
    """Runs throughout."""
    return lambda levels: np.ones((problem.steps, levels.size), dtype=np.bool_)


def up_to(size: Ints) -> Rule:
    """Runs up to a size (T,) that somebody asks for."""
    return lambda levels: levels <= size[:, None]


def earned(problem: Problem, workload: int, rule: Rule) -> Floats:
    """(most + 1,) what a workload earns with a share of 0, 1, 2 … pods that run as the rule says, floors always."""
    most, floor = int(problem.most[workload]), int(np.max(problem.least[:, workload], initial=0))
    gains = [np.zeros(1)]
    for first in range(1, most + 1, LEVELS_AT_ONCE):
        levels = np.arange(first, min(first + LEVELS_AT_ONCE, most + 1))
        on = rule(levels) | (levels <= floor)
        gains.append(_gains(problem, workload, levels, on))
    return np.cumsum(np.concatenate(gains))


def _gains(problem: Problem, i: int, levels: Ints, on: Mask) -> Floats:
    """(K,) what each level earns. The income that a start loses is counted where the level is asked for."""
    earns = levels <= problem.demand[:, [i]]
    running = problem.income[:, i] @ (on & earns) - problem.energy[:, i] @ on
    raised, lowered = on[1:] & ~on[:-1], on[:-1] & ~on[1:]
    cold = problem.lost[1:, i] @ (raised & earns[1:])
    return np.asarray(running - problem.start[1:, i] @ raised - problem.stop[1:, i] @ lowered - cold)


def best_split(problem: Problem, earnings: list[Floats]) -> Ints:
    """(N,) the shares that earn the most together, within the smallest limit, the GPUs, and above the floors.

    Raises:
        SolverError: HiGHS found no optimum.
    """
    floors = np.min(problem.least, axis=0, initial=int(np.max(problem.most, initial=0)))
    choices = [(i, n) for i, worth in enumerate(earnings) for n in range(int(floors[i]), len(worth))]
    if not choices:
        return np.zeros(problem.workloads, dtype=np.int64)
    who, pods = np.array([i for i, _ in choices]), np.array([n for _, n in choices], dtype=np.int64)
    program = Program(whole=True)
    program.add(np.array([earnings[i][n] for i, n in choices]), 0.0, 1.0)
    for i in range(problem.workloads):
        program.row(1.0, 1.0, np.flatnonzero(who == i), 1.0)
    every = np.arange(len(choices))
    program.row(
        -INFINITY, float(np.min(problem.room_it_watts)), every, (pods * problem.it_watts[who]).astype(np.float64)
    )
    for g, count in enumerate(problem.group_gpus):
        program.row(-INFINITY, float(count), every, (pods * problem.gpus_in(g)[who]).astype(np.float64))
    values, _ = program.maximize("the best static split")
    split = np.zeros(problem.workloads, dtype=np.int64)
    split[who[values > TAKEN]] = pods[values > TAKEN]
    return split
