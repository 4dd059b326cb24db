"""Perfect foresight: what the site could have earned, had all prices, worths and demands been known.

Same costs, limit, GPUs, floors, dwell and ramps as every policy, and none of the planner's rules. It keeps floors as
far as the limit carries them, by priority; above the floors money alone decides, so that a policy that puts priority
before money can never earn more. Dwell and ramps are those that every run that keeps the site's own must keep, so that
none of them is shut out. Pods that are on their way down do not count against the limit.

Two numbers, which are not the same: `bound` is what nobody can pass, with fractions of pods and whenever it moves;
`profit` is what the best run of whole pods that was found earns, which moves between steps. Where levels do not bind
each other (one workload, or a limit that always carries everything) dynamic programming finds both. Otherwise the whole
is cut into stretches, and each begins in a state of its own choice, which is never worse than what ran before.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from wattswitch.simulate.oracle_levels import best_sizes
from wattswitch.simulate.oracle_program import best_stretch
from wattswitch.simulate.problem import Floats, Ints, Problem, Tell
from wattswitch.simulate.ramps import keep_to_ramps

STRETCH_STEPS: Final = 768
"""Steps of one linear program. Longer ones take more than their share of time, shorter ones loosen the bound."""

SEARCH_STEPS: Final = 128
"""How far from its place a cut may move to where power is cheap and nothing switches."""

ROUNDS: Final = 6
"""How often all workloads are improved in turn; it is rare that the third round still finds anything."""

BELOW: Final = 1e-6
"""What a solver's fraction may lack to a whole pod."""

GAIN: Final = 1e-9
"""Part of its profit that a run must gain to count as better."""


@dataclass(frozen=True, eq=False)
class Oracle:
    """Perfect foresight. `sizes` (T, N) is the best run of whole pods that was found, `profit` what it earns.

    No run earns more than `bound`. `fractional` (T, N) is the run that the bound comes from; it earns less than the
    bound only where stretches do not meet, or where moving within steps is worth something.
    """

    sizes: Ints
    profit: float
    bound: float
    fractional: Floats


def solve(
    problem: Problem,
    tell: Tell = lambda what: None,
    *,
    bounded_by: Problem | None = None,
    others: Iterable[Ints] = (),
) -> Oracle:
    """The best that could have been done.

    The bound is that of `bounded_by`, where that is a problem with more freedom. `others` are runs (T, N) that keep the
    rules of the problem: what is found earns no less than any of them.

    Raises:
        SolverError: HiGHS found no optimum.
    """
    freest = problem if bounded_by is None else bounded_by
    if problem.steps == 0 or problem.workloads == 0:
        nothing = np.zeros((problem.steps, problem.workloads), dtype=np.int64)
        return Oracle(nothing, problem.profit(nothing), freest.profit(nothing), nothing.astype(np.float64))
    if _separable(problem):
        tell("perfect foresight, workload by workload")
        sizes, best = _alone(problem), _alone(freest)
        return Oracle(sizes, problem.profit(sizes), freest.profit(best), best.astype(np.float64))
    fractional, bound = _bound(freest, tell)
    tell("perfect foresight, whole pods")
    sizes = improve(problem, keep_to_ramps(problem, _rounded(problem, fractional)))
    profit = problem.profit(sizes)
    for other in others:
        if problem.profit(other) > profit:
            sizes = improve(problem, other)
            profit = problem.profit(sizes)
    return Oracle(sizes, profit, max(bound, profit), fractional)


def _bound(problem: Problem, tell: Tell) -> tuple[Floats, float]:
    """The best run of fractions, stretch by stretch, and what no run passes."""
    pieces, cuts = [], _cuts(problem)
    for number, (first, end) in enumerate(itertools.pairwise(cuts), start=1):
        tell(f"perfect foresight, part {number} of {len(cuts) - 1}")
        pieces.append(best_stretch(problem, first, end))
    value = sum(piece.value for piece in pieces) - problem.standing_cost
    return np.concatenate([piece.sizes for piece in pieces]), value


def _separable(problem: Problem) -> bool:
    """Whether dynamic programming is exact: nothing is shared, and the levels of a workload do not bind each other."""
    if problem.ramp.binds:
        return False
    shared = (problem.most @ problem.it_watts > problem.room_it_watts).any() or any(
        problem.most @ problem.gpus_in(g) > count for g, count in enumerate(problem.group_gpus)
    )
    alone = problem.workloads == 1
    plain = np.maximum(problem.min_run_steps, problem.min_off_steps) == 1
    alike = (problem.demand >= problem.most).all(axis=0) & (problem.least == problem.least[0]).all(axis=0)
    return bool((alone or not shared) and (plain | (alike & (not shared))).all())


def _alone(problem: Problem) -> Ints:
    """The best sizes of each workload, with what the limit and the GPUs carry if nothing else ran."""
    return np.stack([best_sizes(problem, i, problem.most_alone(i)) for i in range(problem.workloads)], axis=1)


def _available(problem: Problem, sizes: Ints, i: int) -> Ints:
    """(T,) the most pods of one workload beside what the others run."""
    others = sizes.copy()
    others[:, i] = 0
    most = np.minimum(problem.most[i], (problem.room_it_watts - others @ problem.it_watts) // problem.it_watts[i])
    if problem.gpus[i]:
        g = problem.group[i]
        most = np.minimum(most, (problem.group_gpus[g] - others @ problem.gpus_in(g)) // problem.gpus[i])
    return np.asarray(np.maximum(most, 0), dtype=np.int64)


def _cuts(problem: Problem) -> list[int]:
    """Where stretches begin and end: near their places, where the price of the hour around is lowest.

    Where power is cheap everything runs before and after, and nothing is gained by beginning anew.
    """
    width = max(1, round(3600 / problem.step_seconds))
    calm = np.convolve(problem.price_per_mwh, np.ones(2 * width + 1), mode="same")
    cuts = [0]
    while problem.steps - cuts[-1] > STRETCH_STEPS + SEARCH_STEPS:
        place = cuts[-1] + STRETCH_STEPS
        cuts.append(place - SEARCH_STEPS + int(np.argmin(calm[place - SEARCH_STEPS : place + SEARCH_STEPS])))
    return [*cuts, problem.steps]


def _rounded(problem: Problem, fractional: Floats) -> Ints:
    """Whole pods below the fractions; floors are whole and stay."""
    return np.maximum(np.floor(fractional + BELOW).astype(np.int64), problem.least)


def improve(problem: Problem, sizes: Ints) -> Ints:
    """Give each workload in turn its best run beside what the others run, until nobody gains. Never earns less.

    Under ramps workloads bind each other through time as well, and the run is left as it is.
    """
    if problem.ramp.binds:
        return sizes
    profit = problem.profit(sizes)
    for _ in range(ROUNDS):
        before = profit
        for i in range(problem.workloads):
            trial = sizes.copy()
            trial[:, i] = best_sizes(problem, i, _available(problem, sizes, i))
            value = problem.profit(trial)
            if value > profit + GAIN * abs(profit):
                sizes, profit = trial, value
        if profit <= before + GAIN * abs(before):
            break
    return sizes
