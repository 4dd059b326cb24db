"""What each site of a tree may draw of a limit that they have together: floors, then priority, then money.

A share is no split: it is worked out anew with every decision, from what every site wants then. What nobody claims
everybody may have; as what is in the books of the others is taken off, it is had once.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wattswitch.planner.model import PUE_SCALE, Budget, Mode, Plan, SiteState, Target, Workload


@dataclass(frozen=True, slots=True)
class Claim:
    """Replicas of one workload. `watts_each` are at the meter; `gain_per_mwh` is what it earns beyond its power."""

    priority: int
    gain_per_mwh: float
    watts_each: int
    floor: int
    wanted: int


@dataclass(frozen=True, slots=True)
class Own:
    """What a site is without its tree: its limit, what is always drawn, and how long it takes until all is gone."""

    limit_watts: int
    fixed_watts: int
    shed_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Branch:
    """One site of a tree, without the sites below it.

    `floor_watts` are its fixed watts and floors, `base_watts` what nobody can tell to go, `asked_watts` what it would
    draw if everything had arrived, `committed_watts` what is in its books, and what this decision raises. `sure` says
    that nothing of its own forbids a raise.
    """

    own: Own
    floor_watts: int
    base_watts: int
    asked_watts: int
    committed_watts: int
    claims: tuple[Claim, ...]
    emergency: bool = False
    sure: bool = True


def branch_of(state: SiteState, plan: Plan, own: Own) -> Branch:
    """A site as others of its tree see it."""
    budget, workloads = state.budget, {w.key: w for w in state.workloads}

    def drawn(it_watts: int) -> int:
        return own.fixed_watts + _at_meter(budget, it_watts)

    floors = sum(w.it_watts(min(w.floor_replicas, w.max_replicas)) for w in state.workloads)
    asked = sum(w.it_watts(w.spec_replicas) for w in state.workloads)
    raised = sum(_raised_it_watts(workloads[target.key], target) for target in plan.targets)
    booked = state.booked_it_watts + (raised if budget.mode is Mode.ENFORCE else 0)
    return Branch(
        own=own,
        floor_watts=drawn(floors),
        base_watts=drawn(state.staying_it_watts),
        asked_watts=drawn(asked + state.staying_it_watts),
        committed_watts=drawn(booked),
        claims=tuple(_claim(workloads[target.key], target, plan, budget) for target in plan.targets),
        emergency=budget.emergency,
        sure=not state.raise_gate and (budget.meter is None or budget.meter.fresh),
    )


def _raised_it_watts(w: Workload, target: Target) -> int:
    """Watts that this decision adds to what is booked already."""
    return max(0, w.it_watts(target.replicas) - w.booked_pods * w.it_watts_per_replica)


Lines = Mapping[str, Sequence[str]]
"""For each site itself and those that it draws through, the nearest first."""


@dataclass(frozen=True, slots=True)
class Shares:
    """What each site may draw at its meter, and what its claims leave of each site's limit."""

    watts: Mapping[str, int]
    left_watts: Mapping[str, int]


def shares(branches: Mapping[str, Branch], lines: Lines) -> Shares:
    """The shares of all sites of a tree. They sum up to more than a limit only by what nobody claims."""
    given = {name: branch.base_watts for name, branch in branches.items()}
    left = {name: branch.own.limit_watts for name, branch in branches.items()}
    for name, watts in given.items():
        for above in lines[name]:
            left[above] -= watts
    claims = [(name, claim) for name in sorted(branches) for claim in branches[name].claims]
    claims.sort(key=lambda each: (-each[1].priority, -each[1].gain_per_mwh))
    for above_floor in (False, True):
        for name, claim in claims:
            floor = min(claim.floor, claim.wanted)
            count = claim.wanted - floor if above_floor else floor
            room = max(0, min(left[above] for above in lines[name]))
            watts = min(count, room // claim.watts_each) * claim.watts_each
            given[name] += watts
            for above in lines[name]:
                left[above] -= watts
    unclaimed = {name: max(0, min(left[above] for above in lines[name])) for name in given}
    return Shares({name: watts + unclaimed[name] for name, watts in given.items()}, left)


def bound_watts(name: str, branches: Mapping[str, Branch], lines: Lines) -> tuple[int, str]:
    """What one site may draw now, and the site above it that leaves the least.

    It is its share, but no more than what the books of the others leave under each site that it draws through. What
    others have too much is theirs to give back: it makes nobody else go below what it asks for.
    """
    shared = shares(branches, lines)
    frees = [_free(name, above, branches, lines) for above in lines[name]]
    watts = max(0, min(shared.watts[name], max(branches[name].asked_watts, min(frees))))
    tightest = min(lines[name][1:] or lines[name], key=lambda above: shared.left_watts[above])
    return watts, tightest


def _free(name: str, above: str, branches: Mapping[str, Branch], lines: Lines) -> int:
    """What the books of the others under one site leave of its limit."""
    under = (other for other in branches if other != name and above in lines[other])
    return branches[above].own.limit_watts - sum(branches[other].committed_watts for other in under)


def _claim(w: Workload, target: Target, plan: Plan, budget: Budget) -> Claim:
    kept = bool(w.held) or w.leaving
    gain = -math.inf if target.worth_per_mwh is None else target.worth_per_mwh - (plan.price_per_mwh or 0.0)
    return Claim(
        priority=w.priority,
        gain_per_mwh=math.inf if w.held else -math.inf if w.leaving else gain,
        watts_each=max(1, _at_meter(budget, w.it_watts(1))),
        floor=0 if kept else w.floor_replicas,
        wanted=w.spec_replicas if kept else max(target.wanted_replicas, w.floor_replicas),
    )


def _at_meter(budget: Budget, it_watts: int) -> int:
    return -(-budget.pue_1e4 * it_watts // PUE_SCALE)
