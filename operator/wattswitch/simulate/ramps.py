"""Sizes that follow what is wanted as fast as ramps let."""

import numpy as np

from wattswitch.simulate.problem import Ints, Problem


def keep_to_ramps(problem: Problem, wanted: Ints) -> Ints:
    """(T, N) `wanted`, which must fit, as fast as ramps let; of equal claims the one of more worth goes first."""
    if not problem.ramp.binds:
        return wanted
    sizes = wanted.copy()
    for t in range(1, problem.steps):
        order = np.argsort(-problem.worth_per_mwh[t], kind="stable")
        sizes[t] = ramped(problem, t, sizes[t - 1], wanted[t], order)
    return sizes


def ramped(problem: Problem, t: int, was: Ints, wanted: Ints, order: Ints) -> Ints:
    """(N,) from sizes towards others within step t, down before up; the last in `order` is lowered first, raised last.

    Floors and the limit are kept whatever ramps say.
    """
    now = np.maximum(was, problem.least[t])
    now = _lowered(problem, t, now, np.minimum(now, wanted), order[::-1])
    return _raised(problem, t, now, wanted, order)


def _lowered(problem: Problem, t: int, sizes: Ints, wanted: Ints, order: Ints) -> Ints:
    """Down towards `wanted` as the ramp lets, and further where the limit or the GPUs need it."""
    sizes, free = sizes.copy(), min(problem.ramp.down_it_watts, _all_it_watts(problem))
    for i in order:
        watts = int(problem.it_watts[i])
        over = int(sizes @ problem.it_watts - problem.room_it_watts[t])
        needed = max(-(-over // watts), _over_by_gpus(problem, sizes, i), int(free // watts))
        pods = min(int(sizes[i] - wanted[i]), needed)
        sizes[i] -= pods
        free = max(0.0, free - pods * watts)
    return sizes


def _over_by_gpus(problem: Problem, sizes: Ints, i: int) -> int:
    """Pods that one workload has too many for the GPUs of its group."""
    if not problem.gpus[i]:
        return 0
    g = int(problem.group[i])
    return -(-int(sizes @ problem.gpus_in(g) - problem.group_gpus[g]) // int(problem.gpus[i]))


def _raised(problem: Problem, t: int, sizes: Ints, wanted: Ints, order: Ints) -> Ints:
    """Up towards `wanted` as ramp, limit and GPUs let."""
    sizes, free = sizes.copy(), min(problem.ramp.up_it_watts, _all_it_watts(problem))
    for i in order:
        room = min(free, int(problem.room_it_watts[t] - sizes @ problem.it_watts))
        pods = min(int(wanted[i] - sizes[i]), int(room // problem.it_watts[i]))
        if problem.gpus[i]:
            g = int(problem.group[i])
            pods = min(pods, int(problem.group_gpus[g] - sizes @ problem.gpus_in(g)) // int(problem.gpus[i]))
        pods = max(0, pods)
        sizes[i] += pods
        free -= pods * problem.it_watts[i]
    return sizes


def _all_it_watts(problem: Problem) -> int:
    """Watts of every pod there is: more than any ramp needs to be."""
    return int(problem.most @ problem.it_watts)
