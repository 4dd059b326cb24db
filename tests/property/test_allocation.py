"""The share of the limit against HiGHS, on sites of up to 200 workloads with shared GPUs, priorities and floors.

Both have one aim in this order: floors, then what each priority earns over the price, the highest first. HiGHS solves
one program of whole numbers for each priority, and may not give back what the ones before have earned.
"""

from dataclasses import dataclass
from random import Random

import numpy as np
import pytest

from builders import goals, per_mwh
from property import arithmetic
from wattswitch.planner import plan
from wattswitch.planner.model import Budget, Demand, GpuGroup, Kind, Signal, SiteState, Workload
from wattswitch.simulate.program import INFINITY, Program

INSTANCES = 500
BATCH = 50
WITHIN = 0.005
GIVEN_BACK = 1e-6
"""Part of what higher priorities have earned that HiGHS may give back, so that its own tolerances leave it room."""

POD_WATTS = (350, 700, 1275, 1785, 3050, 3500, 5500, 10_000, 10_200, 41_000)
NOW = 1_700_000_000.0


def random_site(seed: int) -> SiteState:
    """Any site whose limit and GPUs carry all floors; some are small, with few large pods."""
    random = Random(seed)
    count = random.choice((2, 3, 5, 8, 13, 30, 80, 200))
    groups = [f"group-{n}" for n in range(random.randint(0, 3))]
    price = float(random.randint(-20, 120))
    workloads = tuple(_workload(random, f"w{n:03}", groups) for n in range(count))
    floors = sum(w.it_watts_per_replica * w.floor_replicas for w in workloads)
    whole = sum(w.it_watts_per_replica * w.max_replicas for w in workloads)
    pue = random.choice((10_000, 10_800, 13_333))
    fixed = random.choice((0, 6_000))
    it_limit = floors + int((whole - floors) * random.choice((0.02, 0.1, 0.3, 0.6, 0.9)))
    budget = Budget(
        name="west",
        cap_watts=fixed + -(-pue * it_limit // 10_000),
        price=Signal(price),
        fixed_watts=fixed,
        pue_1e4=pue,
        gpu_groups=tuple(GpuGroup(name, _gpus(random, name, workloads)) for name in groups),
    )
    return SiteState(now=NOW, budget=budget, workloads=workloads)


def _workload(random: Random, key: str, groups: list[str]) -> Workload:
    most = random.choice((1, 2, 4, 10, 40, 200))
    on_gpus = bool(groups) and random.random() < 0.6
    gpus = random.choice((1, 1, 2, 4, 8)) if on_gpus else 0
    watts = gpus * random.choice((700, 1275, 1275, 1785)) if on_gpus else random.choice(POD_WATTS)
    return Workload(
        key=key,
        kind=Kind.INFERENCE if on_gpus else Kind.MINING,
        max_replicas=most,
        it_watts_per_replica=watts,
        worth=per_mwh(float(random.randint(200, 1500) if on_gpus else random.randint(30, 200))),
        spec_replicas=0,
        booked_pods=0,
        floor_replicas=min(most, random.choice((0, 0, 0, 1, 2))),
        priority=random.choice((0, 0, 100)) if not on_gpus else random.choice((0, 100, 100, 200)),
        gpus_per_replica=gpus,
        gpu_group=random.choice(groups) if on_gpus else "",
        demand=Demand(Signal(float(random.randint(0, most))), 1.0) if on_gpus and random.random() < 0.5 else None,
    )


def _gpus(random: Random, group: str, workloads: tuple[Workload, ...]) -> int:
    members = [w for w in workloads if w.gpu_group == group]
    floors = sum(w.floor_replicas * w.gpus_per_replica for w in members)
    whole = sum(w.max_replicas * w.gpus_per_replica for w in members)
    return floors + int((whole - floors) * random.choice((0.1, 0.4, 0.8, 1.0)))


@dataclass(frozen=True)
class Instance:
    """What HiGHS is told. Arrays are (N,); `most` is what demand and price leave of the maximum."""

    floor: np.ndarray
    most: np.ndarray
    money: np.ndarray
    watts: np.ndarray
    priority: np.ndarray
    limit: int
    gpus: list[tuple[int, np.ndarray]]


def instance_of(state: SiteState) -> Instance:
    price = state.budget.price.value or 0.0
    worth = np.array([w.worth.signal.value for w in state.workloads])
    floor = np.array([w.floor_replicas for w in state.workloads])
    demanded = [w.max_replicas if w.demand is None else int(w.demand.signal.value or 0) for w in state.workloads]
    watts = np.array([w.it_watts_per_replica for w in state.workloads])
    gpus = [
        (g.gpus, np.array([w.gpus_per_replica if w.gpu_group == g.name else 0 for w in state.workloads]))
        for g in state.budget.gpu_groups
    ]
    limit = (state.budget.cap_watts - state.budget.fixed_watts) * 10_000 // state.budget.pue_1e4
    return Instance(
        floor=floor,
        most=np.maximum(floor, np.where(worth > price, demanded, 0)),
        money=(worth - price) * watts / 1e6,
        watts=watts,
        priority=np.array([w.priority for w in state.workloads]),
        limit=limit,
        gpus=gpus,
    )


def best_by_priority(known: Instance) -> list[float]:
    """What each priority earns above the floors at HiGHS's optimum, the highest first."""
    earned: list[float] = []
    ranks = sorted(set(known.priority.tolist()), reverse=True)
    for rank in ranks:
        program = Program(whole=True)
        here = np.where(known.priority == rank, known.money, 0.0)
        columns = program.add(here, 0.0, (known.most - known.floor).astype(float))
        program.row(-INFINITY, float(known.limit - known.floor @ known.watts), columns, known.watts.astype(float))
        for count, gpus in known.gpus:
            program.row(-INFINITY, float(count - known.floor @ gpus), columns, gpus.astype(float))
        for before, value in zip(ranks, earned, strict=False):
            least = value - GIVEN_BACK * abs(value)
            program.row(least, INFINITY, columns, np.where(known.priority == before, known.money, 0.0))
        _, value = program.maximize("the best share")
        earned.append(value)
    return earned


def shared_by_priority(state: SiteState, known: Instance) -> list[float]:
    shared = goals(plan(state))
    above = np.array([shared[w.key] for w in state.workloads]) - known.floor
    ranks = sorted(set(known.priority.tolist()), reverse=True)
    return [float(known.money[known.priority == rank] @ above[known.priority == rank]) for rank in ranks]


@pytest.mark.parametrize("first", range(0, INSTANCES, BATCH))
def test_the_share_is_within_half_a_percent_of_the_best(first: int) -> None:
    for seed in range(first, first + BATCH):
        state = random_site(seed)
        known = instance_of(state)
        best, shared = best_by_priority(known), shared_by_priority(state, known)
        for upto in range(1, len(best) + 1):
            assert sum(shared[:upto]) >= (1 - WITHIN) * sum(best[:upto]) - 1e-9, (seed, upto, best, shared)


@pytest.mark.parametrize("seed", range(INSTANCES))
def test_the_share_is_never_over_a_limit_and_never_under_a_floor(seed: int) -> None:
    state = random_site(seed)
    shared = goals(plan(state))
    assert arithmetic.within_limit(state.budget, arithmetic.asked_it_watts(state, shared))
    for group in state.budget.gpu_groups:
        held = sum(shared[w.key] * w.gpus_per_replica for w in state.workloads if w.gpu_group == group.name)
        assert held <= group.gpus
    assert all(shared[w.key] >= arithmetic.floor_of(w) for w in state.workloads)
