"""The books by another hand: fractions and no planner code, so that it cannot share the planner's mistakes."""

from collections.abc import Mapping
from fractions import Fraction
from math import ceil

from wattswitch.planner.model import Budget, Plan, SiteState, Surge, Workload


def limit_watts(budget: Budget) -> Fraction:
    """What may be drawn at the meter; below zero where nothing may."""
    allowed = min([budget.cap_watts, *budget.event_limits_watts])
    return Fraction(allowed * (100 - budget.reserve_percent), 100) - budget.correction_watts


def meter_watts(budget: Budget, it_watts: int) -> Fraction:
    """What pods that draw `it_watts` commit at the meter."""
    return budget.fixed_watts + Fraction(budget.pue_1e4, 10_000) * it_watts


def surge_pods(surge: Surge, replicas: int) -> int:
    """Pods that a rollout may add."""
    return min(replicas, max(surge.pods, ceil(Fraction(surge.percent * replicas, 100))))


def size_pods(w: Workload, replicas: int) -> int:
    """Pods to book for a size that is asked for."""
    return replicas + surge_pods(w.surge, replicas)


def size_watts(w: Workload, replicas: int) -> int:
    """Watts of the pods to book for a size that is asked for."""
    return size_pods(w, replicas) * w.it_watts_per_replica


def booked_it_watts(state: SiteState) -> int:
    """Watts of every pod that draws or may yet draw."""
    controlled = sum(w.booked_pods * w.it_watts_per_replica for w in state.workloads)
    return controlled + sum(d.pods * d.it_watts_per_pod for d in state.draws)


def immovable_it_watts(state: SiteState) -> int:
    """Watts of the pods that no size takes away: stuck, or controlled by nobody."""
    stuck = sum(w.stuck_pods * w.it_watts_per_replica for w in state.workloads)
    return stuck + sum(d.staying_pods * d.it_watts_per_pod for d in state.draws)


def asked_it_watts(state: SiteState, sizes: Mapping[str, int] | None = None) -> int:
    """Watts that these sizes, or else the present ones, come to once all that is dying is dead."""
    asked = sizes or {w.key: w.spec_replicas for w in state.workloads}
    return immovable_it_watts(state) + sum(size_watts(w, asked[w.key]) for w in state.workloads)


def within_limit(budget: Budget, it_watts: int) -> bool:
    """Whether pods that draw `it_watts` are within the limit."""
    return meter_watts(budget, it_watts) <= limit_watts(budget)


def gpus_free(state: SiteState, group: str) -> int:
    """GPUs of the group that no pod in the books holds."""
    held = sum(w.booked_pods * w.gpus_per_replica for w in state.workloads if w.gpu_group == group)
    held += sum(d.pods * d.gpus_per_pod for d in state.draws if d.gpu_group == group)
    return sum(g.gpus for g in state.budget.gpu_groups if g.name == group) - held


def gpus_exceeded(state: SiteState) -> bool:
    """Whether the sizes that are asked for, and what nobody controls, pass over the GPUs of a group."""
    for group in {w.gpu_group for w in state.workloads if w.gpu_group}:
        members = [w for w in state.workloads if w.gpu_group == group]
        asked = sum((size_pods(w, w.spec_replicas) + w.stuck_pods) * w.gpus_per_replica for w in members)
        asked += sum(d.staying_pods * d.gpus_per_pod for d in state.draws if d.gpu_group == group)
        if asked > sum(g.gpus for g in state.budget.gpu_groups if g.name == group):
            return True
    return False


def raised(state: SiteState, decision: Plan) -> dict[str, tuple[Workload, int]]:
    """Workloads that the decision raises, with the size they are raised to."""
    sizes = {target.key: target.replicas for target in decision.targets}
    return {w.key: (w, sizes[w.key]) for w in state.workloads if sizes[w.key] > w.spec_replicas}


def lowered(state: SiteState, decision: Plan) -> dict[str, tuple[Workload, int]]:
    """Workloads that the decision lowers, with the size they are lowered to."""
    sizes = {target.key: target.replicas for target in decision.targets}
    return {w.key: (w, sizes[w.key]) for w in state.workloads if sizes[w.key] < w.spec_replicas}


def floor_of(w: Workload) -> int:
    """The contracted minimum, as far as the maximum lets it be."""
    return min(w.floor_replicas, w.max_replicas)


def ranks_below(v: Workload, w: Workload) -> bool:
    """Whether `w` comes before `v` when watts are given: by priority, the leaving after all others."""
    return (v.leaving, -v.priority) > (w.leaving, -w.priority)


def may_give_way(state: SiteState, goals: Mapping[str, int], giver: Workload) -> bool:
    """Whether something other than money takes watts or GPUs: the limit, a higher priority, or somebody's floor."""
    if not within_limit(state.budget, asked_it_watts(state)) or gpus_exceeded(state):
        return True
    rising = [w for w in state.workloads if goals[w.key] > w.spec_replicas]
    return any(ranks_below(giver, w) or w.spec_replicas < floor_of(w) for w in rising)
