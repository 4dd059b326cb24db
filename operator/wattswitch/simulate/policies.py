"""What else a site could do: the baselines that `wattswitch simulate` prints beside the operator's own run.

Every one gets the same limit, whole pods, demand, floors, dwell and ramps; each gives sizes of shape (T, N), which move
between steps. None sees a price sooner than the operator does. Where a baseline has a number to choose, it is chosen in
hindsight, in the baseline's favour.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from wattswitch.simulate.inputs import Inputs
from wattswitch.simulate.policies_split import Rule, always, best_split, earned, up_to
from wattswitch.simulate.policies_walk import walk
from wattswitch.simulate.posing import problem_of
from wattswitch.simulate.problem import SECONDS_PER_HOUR, Ints, Mask, Problem
from wattswitch.simulate.site import SiteModel

Policy = Callable[[SiteModel, Inputs], Ints]

COOLDOWN_SECONDS: Final = 300.0
"""KEDA's default: how long a trigger must have been inactive before the target goes to its minimum."""

STABILIZATION_SECONDS: Final = 300.0
"""The horizontal pod autoscaler's default: it lowers to the most that was wanted in this time."""


def always_on(problem: Problem) -> Ints:
    """Everything in demand, whatever power costs: as much as the limit carries, by priority, then by worth."""
    return walk(problem, problem.demand)


def static(problem: Problem) -> Ints:
    """The best split that never moves, in hindsight: within its share a workload runs throughout, or follows demand.

    Which of the two is chosen for each workload by what earns more; a share of nothing is a choice too. It is one rule
    for the whole of a share: where its first pods ran throughout and only the others followed demand, it could earn
    somewhat more.
    """
    rules = [_better(problem, i, always(problem), up_to(problem.demand[:, i])) for i in range(problem.workloads)]
    return _within_shares(problem, rules)


def threshold(problem: Problem) -> Ints:
    """Runs what is in demand while the price is below the worth."""
    pays = problem.price_seen[:, None] < problem.worth_per_mwh
    return walk(problem, np.where(pays, problem.demand, 0))


def ski_rental(problem: Problem) -> Ints:
    """Switches a workload when not having switched has cost as much as switching there and back would."""
    on = np.stack([_rented(problem, i) for i in range(problem.workloads)], axis=1)
    return walk(problem, np.where(on, problem.demand, 0))


def keda_like(problem: Problem) -> Ints:
    """What a user of KEDA writes: one price for each pool, replicas by demand for each service.

    A pool is active while the price is below its mean worth, and goes to its minimum 300 s after it no longer is; a
    service follows demand up at once and down to the most of the last 300 s. Nobody knows of a shared limit, so each
    has a maxReplicas, the best split in hindsight. Polling every 30 s is at once on steps that are longer, and both
    times are rounded down to whole steps: all in KEDA's favour.
    """
    rules = [_keda_rule(problem, i) for i in range(problem.workloads)]
    return _within_shares(problem, rules)


RULES: Final[Mapping[str, Callable[[Problem], Ints]]] = {
    "always-on": always_on,
    "static": static,
    "threshold": threshold,
    "ski-rental": ski_rental,
    "keda-like": keda_like,
}
"""The baselines by the names that --policy takes."""


def _played(rule: Callable[[Problem], Ints]) -> Policy:
    return lambda site, inputs: rule(problem_of(site, inputs))


POLICIES: Final[Mapping[str, Policy]] = {name: _played(rule) for name, rule in RULES.items()}
"""The same for a site and inputs."""


def _within_shares(problem: Problem, rules: list[Rule]) -> Ints:
    """Each workload by its rule, within the shares that earn the most together."""
    split = best_split(problem, [earned(problem, i, rule) for i, rule in enumerate(rules)])
    sizes = np.zeros_like(problem.demand)
    for i, rule in enumerate(rules):
        levels = np.arange(1, int(split[i]) + 1)
        sizes[:, i] = rule(levels).sum(axis=1) if levels.size else 0
    return walk(problem, np.minimum(np.maximum(sizes, problem.least), np.maximum(split, problem.least)))


def _better(problem: Problem, i: int, one: Rule, other: Rule) -> Rule:
    """The rule that earns more with the share that suits it best."""
    best = [float(np.max(earned(problem, i, rule))) for rule in (one, other)]
    return one if best[0] >= best[1] else other


def _rented(problem: Problem, i: int) -> Mask:
    """(T,) whether ski-rental has a workload on; a switch is at the boundary of steps that is nearest to its moment."""
    hours = problem.step_seconds / SECONDS_PER_HOUR
    gap = (problem.worth_per_mwh[:, i] - problem.price_seen) * hours
    switching = problem.start[:, i] + problem.lost[:, i] + np.maximum(problem.stop[:, i], 0.0)
    limit: list[float] = (switching / problem.megawatts[i]).tolist()
    result = np.zeros(problem.steps, dtype=np.bool_)
    on, regret = bool(gap[0] > 0), 0.0
    for t, gain in enumerate(gap.tolist()):
        if (gain > 0) != on and gain != 0:
            if regret + abs(gain) / 2 >= limit[t]:
                on, regret = not on, 0.0
            else:
                regret += abs(gain)
        result[t] = on
    return result


def _keda_rule(problem: Problem, i: int) -> Rule:
    if problem.serves[i]:
        return up_to(_most_of_last(problem.demand[:, i], int(STABILIZATION_SECONDS // problem.step_seconds)))
    active = problem.price_seen < problem.worth_per_mwh[:, i].mean()
    held = _most_of_last(active.astype(np.int64), int(COOLDOWN_SECONDS // problem.step_seconds)) > 0
    return lambda levels: np.broadcast_to(held[:, None], (problem.steps, levels.size))


def _most_of_last(values: Ints, steps: int) -> Ints:
    """(T,) the most of each step and so many before it."""
    result = values.copy()
    for back in range(1, steps + 1):
        result[back:] = np.maximum(result[back:], values[:-back])
    return result
