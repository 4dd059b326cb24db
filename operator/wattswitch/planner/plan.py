"""One decision: wishes, a share of the limit for each, the steps that are safe now, and the reason for every target."""

from operator import attrgetter

from wattswitch.planner.allocate import allocate, by_precedence
from wattswitch.planner.model import GpuGroup, Plan, Reason, SiteState, Target
from wattswitch.planner.order import Steps, steps
from wattswitch.planner.outlook import look_ahead, sooner
from wattswitch.planner.terms import terms
from wattswitch.planner.wish import Wish, wish
from wattswitch.planner.worth import all_in_price_per_mwh


def plan(state: SiteState) -> Plan:
    """Decide how many replicas every workload should be asked for now.

    Pure: the same state gives the same plan, whatever the order of its workloads. An infeasible site is no error: the
    limit and the GPUs win over floors and the plan says by how much they go unmet.
    """
    price = all_in_price_per_mwh(state.budget)
    everyone = [terms(w, state.budget.pue_1e4) for w in state.workloads]
    ahead = look_ahead(everyone, state, price)
    wishes = by_precedence([wish(each, state, price, ahead.prospects.get(each.workload.key)) for each in everyone])
    goals, bound = allocate(state, wishes, price.value)
    now = steps(state, wishes, goals)
    short = [wish for wish in wishes if goals[wish.workload.key] < wish.floor]
    targets = tuple(sorted([_target(w, goals, now, bound) for w in wishes], key=attrgetter("key")))
    return Plan(
        limit_watts=state.budget.limit_watts,
        committed_watts=state.budget.committed_watts(state.booked_it_watts),
        planned_watts=state.budget.committed_watts(_goal_it_watts(state, goals)),
        price_per_mwh=price.value,
        targets=targets,
        lowers=tuple(now.lowers),
        raises=tuple(now.raises),
        unmet_floor_watts=_unmet_floor_watts(short, goals, bound),
        unmet_floor_gpus=_unmet_floor_gpus(short, goals, bound),
        look_again_at=min([t.look_again_at for t in targets if t.look_again_at is not None], default=None),
        outlook=ahead.sureness,
    )


def _target(wish: Wish, goals: dict[str, int], now: Steps, bound: dict[str, str]) -> Target:
    w = wish.workload
    return Target(
        key=w.key,
        from_replicas=w.spec_replicas,
        replicas=now.sizes[w.key],
        goal_replicas=goals[w.key],
        wanted_replicas=wish.wanted,
        reason=str(_reason(wish, goals[w.key], now, bound)),
        worth_per_mwh=wish.worth_per_mwh,
        look_again_at=sooner(wish.look_again_at, now.look_again_at.get(w.key)),
        limited_by=str(bound.get(w.key, "")),
    )


def _reason(wish: Wish, goal: int, now: Steps, bound: dict[str, str]) -> str:
    """What binds: what stops this step, else what the limit took, else what the wish itself was bound by."""
    w = wish.workload
    if w.key in now.bound:
        return now.bound[w.key]
    if goal < wish.floor:
        return Reason.FLOOR_UNMET
    return bound.get(w.key, wish.reason)


def _unmet_floor_watts(short: list[Wish], goals: dict[str, int], bound: dict[str, str]) -> int:
    """Watts that floors lack; `short` are those whose goal is below their floor."""
    sizes = ((w.workload, w.floor, goals[w.workload.key]) for w in short)
    return sum(w.it_watts(floor) - w.it_watts(goal) for w, floor, goal in sizes if bound.get(w.key) != Reason.GPU_LIMIT)


def _unmet_floor_gpus(short: list[Wish], goals: dict[str, int], bound: dict[str, str]) -> tuple[GpuGroup, ...]:
    lacking: dict[str, int] = {}
    for w, floor, goal in ((w.workload, w.floor, goals[w.workload.key]) for w in short):
        if bound.get(w.key) == Reason.GPU_LIMIT:
            lacking[w.gpu_group] = lacking.get(w.gpu_group, 0) + w.gpus(floor) - w.gpus(goal)
    return tuple(GpuGroup(name, gpus) for name, gpus in sorted(lacking.items()))


def _goal_it_watts(state: SiteState, goals: dict[str, int]) -> int:
    controlled = sum([w.it_watts(goals[w.key]) + w.stuck_pods * w.it_watts_per_replica for w in state.workloads])
    return controlled + state.staying_it_watts
