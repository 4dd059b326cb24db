"""How long one plan() takes by the number of workloads, over states that differ in whatever a state may differ in."""

import itertools
import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from measure.figures import Figure, Report, Spread
from measure.progress import say
from wattswitch.planner import plan
from wattswitch.planner.model import (
    Budget,
    Demand,
    Draw,
    GpuGroup,
    Kind,
    Move,
    OnStale,
    Signal,
    SiteState,
    Surge,
    Workload,
    Worth,
    WorthUnit,
)

NOW = 1_700_000_000.0
PROBLEMS = ("", "", "", "", "", "", "Old", "NotNumeric")
TARGET_WORKLOADS = 1000
TARGET_SECONDS = 0.050
LINEAR_SLACK = 1.5
"""How much more time per workload a ten times larger site may take: n log n alone is 1.33 from 1,000 to 10,000."""


def measure(sizes: Sequence[int], seconds: float, seed: int) -> Report:
    """Decide for `seconds` at each size and report the spread, beside one bare look at every workload."""
    report = Report("decision", {"workloads": list(sizes), "seconds": seconds, "seed": seed})
    medians: dict[int, float] = {}
    for size in sizes:
        say(f"decision: {size} workloads for {seconds} s")
        times = timed(random.Random(seed), size, seconds)
        medians[size] = times.plan.median
        report.figures += _figures(size, times)
    report.figures += growth(medians)
    return report


class Times(NamedTuple):
    """Seconds of a bare look, of plan(), and of the processor in plan(): less than that where others want it too."""

    look: Spread
    plan: Spread
    plan_cpu: Spread


def timed(
    rng: random.Random,
    size: int,
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
    cpu_clock: Callable[[], float] = time.process_time,
) -> Times:
    """Look at and decide for one state after the other, at least one."""
    looks, decisions, processor = [], [], []
    ends_at = clock() + seconds
    for state in _states(rng, size):
        began = clock()
        look(state)
        looked, cpu_before = clock(), cpu_clock()
        plan(state)
        cpu_after, decided = cpu_clock(), clock()
        looks.append(looked - began)
        decisions.append(decided - looked)
        processor.append(cpu_after - cpu_before)
        if decided >= ends_at:
            break
    return Times(Spread.of(looks), Spread.of(decisions), Spread.of(processor))


def look(state: SiteState) -> int:
    """The least that any decision does: read every workload once and put them in an order."""
    ordered = sorted(state.workloads, key=lambda w: (-w.priority, w.worth.signal.value or 0.0, w.key))
    return sum(w.booked_pods * w.it_watts_per_replica for w in ordered)


def growth(medians: dict[int, float]) -> list[Figure]:
    """By how much the time per workload grows from each size to the next: 1 is linear."""
    sizes = sorted(medians)
    figures = []
    for small, large in itertools.pairwise(sizes):
        ratio = (medians[large] / large) / (medians[small] / small)
        target = LINEAR_SLACK if large > TARGET_WORKLOADS else None
        rule = f"time per workload grows by at most {LINEAR_SLACK}" if target else ""
        figures.append(Figure(f"growth_per_workload_{small}_to_{large}", ratio, "ratio", target, rule))
    return figures


def _figures(size: int, times: Times) -> Iterator[Figure]:
    decided = times.plan
    held = size == TARGET_WORKLOADS
    at_most, rule = (TARGET_SECONDS, f"p99 at most 50 ms at {size} workloads") if held else (None, "")
    yield Figure(f"plan_{size}_p50", decided.median, "s")
    yield Figure(f"plan_{size}_p99", decided.percentile(99), "s", at_most, rule, decided)
    yield Figure(f"plan_{size}_worst", decided.worst, "s")
    yield Figure(f"plan_{size}_cpu_p99", times.plan_cpu.percentile(99), "s", spread=times.plan_cpu)
    yield Figure(f"floor_{size}_p50", times.look.median, "s")


def _states(rng: random.Random, size: int) -> Iterator[SiteState]:
    """States without end, each with the site in another situation."""
    while True:
        yield site_state(rng, size)


def site_state(rng: random.Random, size: int) -> SiteState:
    """A site of mixed pools and services whose limit carries anything from nothing to everything."""
    workloads = tuple(_workload(rng, index) for index in range(size))
    drawable = sum(w.max_replicas * w.it_watts_per_replica for w in workloads)
    budget = Budget(
        name="bench",
        cap_watts=round(drawable * rng.choice((0.0, 0.3, 0.6, 0.9, 1.2))),
        price=_signal(rng, rng.uniform(-50, 300)),
        reserve_percent=rng.choice((0, 2)),
        fixed_watts=rng.choice((0, 6000)),
        pue_1e4=rng.choice((10_000, 10_800)),
        event_limits_watts=(drawable // 2,) if rng.random() < 0.2 else (),
        ramp_up_watts_per_minute=rng.choice((0, drawable // 4)),
        ramp_down_watts_per_minute=rng.choice((0, drawable // 2)),
        gpu_groups=(GpuGroup("hopper", size),),
    )
    draws = tuple(Draw(f"Deployment/gone/{n}", 3, 1, 3500) for n in range(rng.choice((0, 0, size // 20))))
    moves = tuple(Move(NOW - rng.uniform(0, 120), rng.choice((-3500, 3500))) for _ in range(rng.choice((0, 0, size))))
    return SiteState(NOW, budget, workloads, draws, moves, raise_gate=rng.choice(("", "", "", "ViewStale")))


def _workload(rng: random.Random, index: int) -> Workload:
    mining = rng.random() < 0.7
    largest = rng.choice((1, 4, 40))
    replicas = rng.randint(0, largest)
    terminating = rng.choice((0, 0, 0, 1))
    return Workload(
        key=f"{Kind.MINING if mining else Kind.INFERENCE}/rack-{index % 20}/w{index:05}",
        kind=Kind.MINING if mining else Kind.INFERENCE,
        max_replicas=largest,
        it_watts_per_replica=rng.choice((3050, 3500, 10_000)) if mining else 1275,
        worth=_worth(rng, mining=mining),
        spec_replicas=replicas,
        booked_pods=replicas + terminating,
        stuck_pods=terminating if rng.random() < 0.1 else 0,
        floor_replicas=0 if mining else rng.randint(0, largest),
        priority=rng.choice((0, 0, 10)) if mining else 100,
        gpus_per_replica=0 if mining else 1,
        gpu_group="" if mining else "hopper",
        surge=rng.choice((Surge(), Surge(percent=25))),
        demand=None if mining else Demand(_signal(rng, rng.uniform(0, 60)), 2.0),
        ready_replicas=replicas,
        settled=rng.random() < 0.9,
        raised_at=rng.choice((None, NOW - rng.uniform(0, 1200))),
        lowered_at=rng.choice((None, NOW - rng.uniform(0, 1200))),
        min_run_seconds=600,
        min_off_seconds=600,
        held=rng.choice(("",) * 19 + ("Paused",)),
        blocked=rng.choice(("",) * 19 + ("GPUCountMismatch",)),
    )


def _worth(rng: random.Random, *, mining: bool) -> Worth:
    if mining:
        return Worth(_signal(rng, rng.uniform(30, 60)), WorthUnit.HASHPRICE, 1.0, rng.choice((9.5, 17.5, 30.5)))
    return Worth(_signal(rng, rng.uniform(0.5, 3)), WorthUnit.PER_GPU_HOUR)


def _signal(rng: random.Random, value: float) -> Signal:
    return Signal(value, rng.choice(PROBLEMS), NOW - 30, rng.choice((OnStale.HOLD, OnStale.SHED)))
