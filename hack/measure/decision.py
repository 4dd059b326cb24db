"""How long one plan() takes by the number of workloads, over states that differ in whatever a state may differ in.

Every state carries an outlook of 48 hours: published, learned, or late. No two states share anything that is kept from
one decision to the next, so that every decision solves its outlook anew, as the first one of an hour does.
"""

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
    PriceCurve,
    PriceOutlook,
    Signal,
    SiteState,
    Surge,
    Workload,
    Worth,
    WorthUnit,
)
from wattswitch.planner.price_model import PriceModel

NOW = 1_700_000_000.0
PROBLEMS = ("", "", "", "", "", "", "Old", "NotNumeric")
TARGET_WORKLOADS = 1000
TARGETS_SECONDS = {1000: 0.100, 10_000: 1.0}
STEP_SECONDS = 300.0
LEARNED_DAYS = 3
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
    at_most = TARGETS_SECONDS.get(size)
    rule = f"p99 at most {1000 * at_most:g} ms at {size} workloads" if at_most else ""
    yield Figure(f"plan_{size}_p50", decided.median, "s")
    yield Figure(f"plan_{size}_p99", decided.percentile(99), "s", at_most, rule, decided)
    yield Figure(f"plan_{size}_worst", decided.worst, "s")
    yield Figure(f"plan_{size}_cpu_p99", times.plan_cpu.percentile(99), "s", spread=times.plan_cpu)
    yield Figure(f"floor_{size}_p50", times.look.median, "s")


def _states(rng: random.Random, size: int) -> Iterator[SiteState]:
    """States without end, each with the site in another situation."""
    model = learned(rng)
    while True:
        last_at = model.last_at
        model = model.update(last_at + STEP_SECONDS, rng.uniform(-50, 300))
        yield site_state(rng, size, model)


def learned(rng: random.Random) -> PriceModel:
    """What the past days taught, up to the step before now."""
    model, steps = PriceModel(), int(LEARNED_DAYS * 86400 / STEP_SECONDS)
    for n in range(-steps, 0):
        model = model.update(NOW // STEP_SECONDS * STEP_SECONDS + n * STEP_SECONDS, rng.uniform(-50, 300))
    return model


def site_state(rng: random.Random, size: int, model: PriceModel | None = None) -> SiteState:
    """A site of mixed pools and services whose limit carries anything from nothing to everything."""
    model = model or learned(rng)
    now = model.last_at + 30
    workloads = tuple(_workload(rng, index, now) for index in range(size))
    drawable = sum(w.max_replicas * w.it_watts_per_replica for w in workloads)
    budget = Budget(
        name="bench",
        cap_watts=round(drawable * rng.choice((0.0, 0.3, 0.6, 0.9, 1.2))),
        price=_signal(rng, rng.uniform(-50, 300), model.last_at - rng.choice((0, 0, 0, 3600))),
        reserve_percent=rng.choice((0, 2)),
        fixed_watts=rng.choice((0, 6000)),
        pue_1e4=rng.choice((10_000, 10_800)),
        event_limits_watts=(drawable // 2,) if rng.random() < 0.2 else (),
        ramp_up_watts_per_minute=rng.choice((0, drawable // 4)),
        ramp_down_watts_per_minute=rng.choice((0, drawable // 2)),
        gpu_groups=(GpuGroup("hopper", size),),
        outlook=PriceOutlook(model.lessons, _curve(rng, now), model.recent),
    )
    draws = tuple(Draw(f"Deployment/gone/{n}", 3, 1, 3500) for n in range(rng.choice((0, 0, size // 20))))
    moves = tuple(Move(now - rng.uniform(0, 120), rng.choice((-3500, 3500))) for _ in range(rng.choice((0, 0, size))))
    return SiteState(now, budget, workloads, draws, moves, raise_gate=rng.choice(("", "", "", "ViewStale")))


def _curve(rng: random.Random, now: float) -> PriceCurve:
    """48 hours of published prices, or none."""
    starts = tuple(now // 3600 * 3600 + 3600.0 * hour for hour in range(rng.choice((48, 48, 0))))
    return PriceCurve(starts, tuple(rng.uniform(-20, 200) for _ in starts))


def _workload(rng: random.Random, index: int, now: float) -> Workload:
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
        demand=None if mining else _demand(rng, now),
        ready_replicas=replicas,
        settled=rng.random() < 0.9,
        raised_at=rng.choice((None, now - rng.uniform(0, 12_000))),
        lowered_at=rng.choice((None, now - rng.uniform(0, 12_000))),
        min_run_seconds=600,
        min_off_seconds=600,
        held=rng.choice(("",) * 19 + ("Paused",)),
        blocked=rng.choice(("",) * 19 + ("GPUCountMismatch",)),
        start_seconds=rng.choice((0, 120, 180)),
        drain_seconds=0 if mining else 60,
        cost_per_start=rng.choice((0.0, 0.3)) if mining else 0.1,
    )


def _demand(rng: random.Random, now: float) -> Demand:
    value = rng.uniform(0, 60)
    peaks = tuple((now - 3600.0 * n, value + 10.0 * n) for n in range(3, 0, -1))
    return Demand(_signal(rng, value), 2.0, value + rng.uniform(0, 20), (*peaks, (now, value)))


def _worth(rng: random.Random, *, mining: bool) -> Worth:
    if mining:
        return Worth(_signal(rng, rng.uniform(30, 60)), WorthUnit.HASHPRICE, 1.0, rng.choice((9.5, 17.5, 30.5)))
    return Worth(_signal(rng, rng.uniform(0.5, 3)), WorthUnit.PER_GPU_HOUR)


def _signal(rng: random.Random, value: float, at: float = NOW - 30) -> Signal:
    return Signal(value, rng.choice(PROBLEMS), at, rng.choice((OnStale.HOLD, OnStale.SHED)))
