"""What each site of a tree may draw of a limit that they have together: floors, then priority, then money.

A share is no split: it is worked out anew with every decision, from what every site wants then. What nobody claims
everybody may have; as what is in the books of the others is taken off, it is had once.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wattswitch.planner.bisection import largest
from wattswitch.planner.model import NO_SURGE, PUE_SCALE, Budget, Mode, Plan, SiteState, Surge, Target, Workload


@dataclass(frozen=True, slots=True)
class Claim:
    """Replicas of one workload; `gain_per_mwh` is what it earns beyond its power."""

    priority: int
    gain_per_mwh: float
    it_watts_each: int
    floor: int
    wanted: int
    surge: Surge = NO_SURGE
    pue_1e4: int = PUE_SCALE

    def watts(self, replicas: int) -> int:
        """Watts at the meter of so many, their surge included."""
        pods = replicas + self.surge.extra(replicas)
        return -(-self.pue_1e4 * pods * self.it_watts_each // PUE_SCALE)


@dataclass(frozen=True, slots=True)
class Own:
    """What a site is without its tree: its limit, what is always drawn, and how long it takes until all is gone."""

    limit_watts: int
    fixed_watts: int
    shed_seconds: float = 0.0
    starting: bool = False


@dataclass(frozen=True, slots=True)
class Branch:
    """One site of a tree, without the sites below it.

    `floor_watts` are its fixed watts and floors, `base_watts` what nobody can tell to go, `asked_watts` what it would
    draw if everything had arrived, `committed_watts` what is in its books, and what this decision raises. What its
    meter shows beyond the books is in all of them. `sure` says that nothing of its own forbids a raise.
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
    """A site as others of its tree see it; one that only advises has nothing that can be told to go."""
    budget, workloads = state.budget, {w.key: w for w in state.workloads}
    enforces = budget.mode is Mode.ENFORCE

    def drawn(it_watts: int) -> int:
        return own.fixed_watts + budget.correction_watts + -(-budget.pue_1e4 * it_watts // PUE_SCALE)

    floors = sum(w.it_watts(min(w.floor_replicas, w.max_replicas)) for w in state.workloads)
    asked = sum(w.it_watts(w.spec_replicas) for w in state.workloads) + state.staying_it_watts
    raised = sum(_raised_it_watts(workloads[target.key], target) for target in plan.targets)
    return Branch(
        own=own,
        floor_watts=drawn(floors),
        base_watts=drawn(state.staying_it_watts if enforces else state.booked_it_watts),
        asked_watts=drawn(asked),
        committed_watts=drawn(state.booked_it_watts + (raised if enforces else 0)),
        claims=tuple(_claim(workloads[t.key], t, plan, budget) for t in plan.targets) if enforces else (),
        emergency=budget.emergency,
        sure=not state.raise_gate and not own.starting and (budget.meter is None or budget.meter.fresh),
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

    def give(name: str, watts: int) -> None:
        given[name] += watts
        for above in lines[name]:
            left[above] -= watts

    for name, watts in dict(given).items():
        given[name] = 0
        give(name, watts)
    claims = [(name, claim) for name in sorted(branches) for claim in branches[name].claims]
    claims.sort(key=lambda each: (-each[1].priority, -each[1].gain_per_mwh))
    floors = [0] * len(claims)
    for place, (name, claim) in enumerate(claims):
        floors[place] = _size(claim, 0, min(claim.floor, claim.wanted), _room(name, left, lines))
        give(name, claim.watts(floors[place]))
    for floor, (name, claim) in zip(floors, claims, strict=True):
        size = _size(claim, floor, claim.wanted, _room(name, left, lines))
        give(name, claim.watts(size) - claim.watts(floor))
    unclaimed = {name: max(0, _room(name, left, lines)) for name in given}
    return Shares({name: watts + unclaimed[name] for name, watts in given.items()}, left)


def _room(name: str, left_watts: Mapping[str, int], lines: Lines) -> int:
    """What is left of every limit that a site draws through."""
    return min(left_watts[above] for above in lines[name])


def _size(claim: Claim, have: int, most: int, room_watts: int) -> int:
    """The largest size up to `most` whose growth fits."""
    return largest(have, max(have, most), lambda size: claim.watts(size) - claim.watts(have) <= room_watts)


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
        it_watts_each=w.it_watts_per_replica,
        floor=0 if kept else w.floor_replicas,
        # Dwell and switch costs may keep more than is wanted.
        wanted=w.spec_replicas if kept else max(target.wanted_replicas, target.goal_replicas, w.floor_replicas),
        surge=w.surge,
        pue_1e4=budget.pue_1e4,
    )
