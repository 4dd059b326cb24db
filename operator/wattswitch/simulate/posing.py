"""The problem that a site had over recorded inputs: the same numbers as in the account, as plain arrays."""

import math
from dataclasses import replace
from typing import Final

import numpy as np

from wattswitch.simulate.inputs import PRICE, Inputs
from wattswitch.simulate.problem import SECONDS_PER_HOUR, Floats, Ints, Problem, Ramp, fit
from wattswitch.simulate.site import SiteModel

PUE_SCALE: Final = 10_000
SECONDS_PER_MINUTE: Final = 60.0


def problem_of(site: SiteModel, inputs: Inputs) -> Problem:
    """The problem that this site had over these inputs. Unknown prices and worths count as 0, as in the account."""
    hours = inputs.step_seconds / SECONDS_PER_HOUR
    megawatts = np.array([site.megawatts(w) for w in site.workloads])
    price, worth = np.nan_to_num(inputs.price_per_mwh), np.nan_to_num(inputs.worth_per_mwh)
    starting = np.array([w.start_seconds for w in site.workloads]) / SECONDS_PER_HOUR
    stopping = np.array([w.gone_seconds for w in site.workloads]) / SECONDS_PER_HOUR
    most = np.array([w.max_replicas for w in site.workloads], dtype=np.int64)
    groups = sorted(site.gpu_groups)
    group = np.array([groups.index(w.gpu_group) if w.gpu_group else -1 for w in site.workloads], dtype=np.int64)
    problem = Problem(
        step_seconds=inputs.step_seconds,
        it_watts=np.array([w.it_watts_per_replica for w in site.workloads], dtype=np.int64),
        megawatts=megawatts,
        room_it_watts=_room_it_watts(site, inputs.limit_watts),
        least=np.tile(np.minimum([w.min_replicas for w in site.workloads], most), (len(price), 1)).astype(np.int64),
        most=most,
        demand=np.clip(inputs.demand_replicas, 0, most).astype(np.int64),
        income=megawatts * worth * hours,
        energy=megawatts * price[:, None] * hours,
        start=np.broadcast_to([w.cost_per_start for w in site.workloads], worth.shape).astype(np.float64),
        lost=megawatts * worth * starting,
        stop=megawatts * price[:, None] * stopping,
        worth_per_mwh=worth,
        price_per_mwh=price,
        priority=np.array([w.priority for w in site.workloads], dtype=np.int64),
        serves=np.array([w.demand is not None for w in site.workloads], dtype=np.bool_),
        gpus=np.array([w.gpus_per_replica if w.gpu_group else 0 for w in site.workloads], dtype=np.int64),
        group=group,
        group_gpus=np.array([site.gpu_groups[name] for name in groups], dtype=np.int64),
        min_run_steps=_steps([w.min_run_seconds for w in site.workloads], inputs.step_seconds),
        min_off_steps=_steps([w.min_off_seconds for w in site.workloads], inputs.step_seconds),
        ramp=_ramp(site, inputs.step_seconds),
        standing_cost=float(price.sum() * site.fixed_watts / 1e6 * hours),
        price_late_per_mwh=_late(site, inputs) if inputs.price_delay_seconds else None,
    )
    return replace(problem, least=fit(problem, problem.least, np.zeros_like(problem.least)))


def _late(site: SiteModel, inputs: Inputs) -> Floats:
    return inputs.seen[PRICE].values + site.adder_per_mwh


def _room_it_watts(site: SiteModel, limit_watts: Ints) -> Ints:
    """The largest sums of pods whose watts at the meter, rounded up, are within the limit."""
    pue_1e4 = round(site.pue * PUE_SCALE)
    return np.maximum(0, (np.asarray(limit_watts, dtype=np.int64) - site.fixed_watts) * PUE_SCALE // pue_1e4)


def _steps(seconds: list[int], step_seconds: float) -> Ints:
    return np.array([max(1, math.ceil(s / step_seconds)) for s in seconds], dtype=np.int64)


def _ramp(site: SiteModel, step_seconds: float) -> Ramp:
    """What ramps allow within one step, and never less than one pod: the largest is let through alone."""
    largest = max((w.it_watts_per_replica for w in site.workloads), default=0)

    def in_a_step(watts_per_minute: int) -> float:
        if watts_per_minute <= 0:
            return math.inf
        return max(largest, watts_per_minute / site.pue * max(1.0, step_seconds / SECONDS_PER_MINUTE))

    return Ramp(in_a_step(site.spec.ramp_up_watts_per_minute), in_a_step(site.spec.ramp_down_watts_per_minute))
