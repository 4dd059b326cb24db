"""The problem that a site had over recorded inputs: the same numbers as in the account, as plain arrays."""

import math
from dataclasses import replace
from typing import Final

import numpy as np

from wattswitch.planner.model import PUE_SCALE
from wattswitch.simulate.inputs import PRICE, Inputs
from wattswitch.simulate.problem import SECONDS_PER_HOUR, Floats, Ints, Problem, Ramp, fit
from wattswitch.simulate.run import LOOK_AGAIN_SECONDS
from wattswitch.simulate.site import SiteModel

SECONDS_PER_MINUTE: Final = 60.0


def problem_of(site: SiteModel, inputs: Inputs) -> Problem:
    """The problem that this site had over these inputs, for a rule that moves between steps and keeps what it must.

    Dwell is rounded up to whole steps. Unknown prices and worths count as 0, as in the account.
    """
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
        yield_steps=np.zeros(len(most), dtype=np.int64),
        ramp=Ramp(*(max(_largest(site), rate * inputs.step_seconds / SECONDS_PER_MINUTE) for rate in _rates(site))),
        standing_cost=float(price.sum() * site.fixed_watts / 1e6 * hours),
        price_late_per_mwh=_late(site, inputs) if inputs.price_delay_seconds else None,
    )
    return replace(problem, least=fit(problem, problem.least, np.zeros_like(problem.least)))


def widest_problem_of(site: SiteModel, inputs: Inputs) -> Problem:
    """The same with every freedom of who may move at any moment, for perfect foresight.

    Its runs are all that come of reading the sizes of such a run once in each step, at the same moment: dwell is
    rounded down to whole steps, and a ramp lets through what it does in any time of that length.
    """
    step = inputs.step_seconds
    yielding = [1 + int((w.gone_seconds + LOOK_AGAIN_SECONDS) // step) for w in site.workloads]
    return replace(
        problem_of(site, inputs),
        min_run_steps=np.array([max(1, int(w.min_run_seconds // step)) for w in site.workloads], dtype=np.int64),
        min_off_steps=np.array([max(1, int(w.min_off_seconds // step)) for w in site.workloads], dtype=np.int64),
        yield_steps=np.array(yielding, dtype=np.int64),
        ramp=Ramp(*(_let_through(rate, step / SECONDS_PER_MINUTE, _largest(site)) for rate in _rates(site))),
    )


def _let_through(rate: float, minutes: float, largest: int) -> float:
    """The most watts that a ramp lets through in so many minutes.

    It counts by the minute. A pod larger than that passes when the time since the last move has paid for it, and so
    the first one may have been paid for before.
    """
    return rate * math.ceil(minutes) if rate >= largest else rate * minutes + largest


def _late(site: SiteModel, inputs: Inputs) -> Floats:
    return inputs.seen[PRICE].values + site.adder_per_mwh


def _room_it_watts(site: SiteModel, limit_watts: Ints) -> Ints:
    """The largest sums of pods whose watts at the meter, rounded up, are within the limit."""
    pue_1e4 = round(site.pue * PUE_SCALE)
    return np.maximum(0, (np.asarray(limit_watts, dtype=np.int64) - site.fixed_watts) * PUE_SCALE // pue_1e4)


def _steps(seconds: list[int], step_seconds: float) -> Ints:
    return np.array([max(1, math.ceil(s / step_seconds)) for s in seconds], dtype=np.int64)


def _rates(site: SiteModel) -> tuple[float, float]:
    """Watts of the pods a minute, up and down; infinite where there is no ramp."""
    rates = (site.spec.ramp_up_watts_per_minute, site.spec.ramp_down_watts_per_minute)
    up, down = (max(1.0, rate / site.pue) if rate > 0 else math.inf for rate in rates)
    return up, down


def _largest(site: SiteModel) -> int:
    """Watts of the largest pod, which a ramp lets through alone."""
    return max((w.it_watts_per_replica for w in site.workloads), default=0)
