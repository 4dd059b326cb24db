"""Small problems in a line or two, with round numbers: one pod is one megawatt, one step is one hour."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from wattswitch.simulate.problem import Ints, Problem, Ramp, fit

MEGAWATT = 1_000_000
NO_RAMP = Ramp()


@dataclass(frozen=True)
class Load:
    """One workload. Money is per pod: `start` and `lost` per raise, `tail_hours` of power per lowering."""

    worth: float | Sequence[float] = 90.0
    most: int = 1
    floor: int = 0
    demand: Sequence[int] | None = None
    start: float = 0.0
    lost: float = 0.0
    stop: float = 0.0
    tail_hours: float = 0.0
    it_watts: int = MEGAWATT
    priority: int = 0
    gpus: int = 0
    group: int = -1
    min_run: int = 1
    min_off: int = 1


def problem(
    price: Sequence[float],
    *loads: Load,
    room: int | Sequence[int] = 10**12,
    group_gpus: Sequence[int] = (),
    ramp: Ramp = NO_RAMP,
    step_seconds: float = 3600.0,
) -> Problem:
    """The problem of these loads at these prices."""
    steps, hours = len(price), step_seconds / 3600
    prices = np.asarray(price, dtype=np.float64)
    most = np.array([load.most for load in loads], dtype=np.int64)
    megawatts = np.array([load.it_watts / MEGAWATT for load in loads])

    def column(values: Any) -> np.ndarray:
        return np.stack([np.broadcast_to(value, steps) for value in values], axis=1).astype(np.float64)

    worth = column([load.worth for load in loads])
    demand = column([load.most if load.demand is None else load.demand for load in loads]).astype(np.int64)
    bare = Problem(
        step_seconds=step_seconds,
        it_watts=np.array([load.it_watts for load in loads], dtype=np.int64),
        megawatts=megawatts,
        room_it_watts=np.broadcast_to(np.asarray(room, dtype=np.int64), steps).copy(),
        least=np.tile([min(load.floor, load.most) for load in loads], (steps, 1)).astype(np.int64),
        most=most,
        demand=np.clip(demand, 0, most),
        income=megawatts * worth * hours,
        energy=megawatts * prices[:, None] * hours,
        start=column([load.start for load in loads]),
        lost=column([load.lost for load in loads]),
        stop=column([load.stop + load.tail_hours * prices * load.it_watts / MEGAWATT for load in loads]),
        worth_per_mwh=worth,
        price_per_mwh=prices,
        priority=np.array([load.priority for load in loads], dtype=np.int64),
        serves=np.array([load.demand is not None for load in loads], dtype=np.bool_),
        gpus=np.array([load.gpus for load in loads], dtype=np.int64),
        group=np.array([load.group for load in loads], dtype=np.int64),
        group_gpus=np.asarray(group_gpus, dtype=np.int64),
        min_run_steps=np.array([load.min_run for load in loads], dtype=np.int64),
        min_off_steps=np.array([load.min_off for load in loads], dtype=np.int64),
        yield_steps=np.zeros(len(loads), dtype=np.int64),
        ramp=ramp,
        standing_cost=0.0,
    )
    return replace(bare, least=fit(bare, bare.least, np.zeros_like(bare.least)))


def carries(p: Problem, sizes: Ints) -> bool:
    """Whether a run keeps to the limit, the GPUs, the floors and the maxima at every step."""
    within = (sizes @ p.it_watts <= p.room_it_watts).all()
    gpus = all((sizes @ p.gpus_in(g) <= count).all() for g, count in enumerate(p.group_gpus))
    return bool(within and gpus and (sizes >= p.least).all() and (sizes <= p.most).all())


def random_problem(seed: int, *, steps: int = 6, loads: int = 2, tight: bool = True, dwell: bool = False) -> Problem:
    """Any problem so small that every run can be tried."""
    rng = np.random.default_rng(seed)

    def load() -> Load:
        most = int(rng.integers(1, 3))
        serves = rng.random() < 0.5
        return Load(
            worth=float(rng.integers(20, 120)),
            most=most,
            floor=int(rng.random() < 0.2),
            demand=rng.integers(0, most + 1, steps).tolist() if serves else None,
            start=float(rng.choice([0, 5, 20])),
            lost=float(rng.choice([0, 10])),
            stop=float(rng.choice([0, 5])),
            it_watts=int(rng.integers(1, 4)) * MEGAWATT,
            priority=int(rng.choice([0, 100])),
            min_run=int(rng.integers(1, 4)) if dwell else 1,
            min_off=int(rng.integers(1, 4)) if dwell else 1,
        )

    chosen = [load() for _ in range(loads)]
    whole = sum(each.most * each.it_watts for each in chosen)
    room = int(whole * rng.uniform(0.3, 1.0)) if tight else whole
    return problem(rng.integers(-40, 160, steps).tolist(), *chosen, room=room)
