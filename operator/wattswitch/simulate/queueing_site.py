"""Recorded jobs on the site of a simulation: how long they would queue with its watts split for good, and switched.

The site is taken as GPUs of one kind and miners of one kind behind its limit. The jobs run on its services of class
Batch, or on all that have GPUs where there is none. The static split gives the GPUs half of the limit; the jobs come at
`LOAD` times what that share does, because a recording fits no other site as it is.
"""

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from wattswitch.errors import SpecInvalid
from wattswitch.planner.model import Kind
from wattswitch.simulate.jobs import Jobs
from wattswitch.simulate.queueing import POLICIES, OverloadError, QueueSite, at_load, simulate
from wattswitch.simulate.queueing_stats import times
from wattswitch.simulate.site import WATTS_PER_MEGAWATT, SiteModel, WorkloadModel

LOAD: Final = 0.9
"""Work that comes, as a part of what the GPUs of the static share do."""

SHARE: Final = 0.5
"""Part of the limit that the static split gives to GPUs."""


class QueueingError(SpecInvalid):
    """A site or jobs between which there is nothing to queue; the text says why."""


def queue_site(site: SiteModel, largest_job_gpus: int = 1) -> QueueSite:
    """The site as GPUs and miners. Raises QueueingError where it has none of either, or too few for a job."""
    serving = [w for w in site.workloads if w.kind is Kind.INFERENCE and w.gpus_per_replica and w.max_replicas]
    serving = [w for w in serving if w.is_batch] or serving
    mining = [w for w in site.workloads if w.kind is Kind.MINING and w.max_replicas]
    if not serving or not mining:
        raise QueueingError("--jobs needs a site with a service that has GPUs, and with a mining pool: add them")
    gpus = _gpus(site, serving)
    limit, gpu_watts = site.limit_watts - site.fixed_watts, _mean_watts(site, serving, per_gpu=True)
    share = min(gpus, int(limit * SHARE // gpu_watts))
    if share < largest_job_gpus:
        raise QueueingError(
            f"--jobs: half of the limit powers {share} GPUs, but one job takes {largest_job_gpus}:"
            " leave such jobs out of the file, or take a larger site"
        )
    return QueueSite(
        cap_watts=limit,
        gpus=min(gpus, int(limit // gpu_watts)),
        share_gpus=share,
        miners=sum(w.max_replicas for w in mining),
        gpu_watts=gpu_watts,
        miner_watts=_mean_watts(site, mining, per_gpu=False),
        start_seconds=max(w.start_seconds for w in serving),
        stop_seconds=max(w.gone_seconds for w in mining),
        miner_start_seconds=max(w.start_seconds for w in mining),
        min_run_seconds=max(w.min_run_seconds for w in serving),
    )


def queueing(site: SiteModel, jobs: Jobs, tell: Callable[[str], None] = lambda what: None) -> dict[str, Any]:
    """How the jobs fare under each split, as summary.json has it; None for one under which the queue grows for ever."""
    queue = queue_site(site, int(np.max(jobs.gpus)))
    arrivals = at_load(jobs, queue.share_gpus, LOAD)
    arms: dict[str, Any] = {}
    for policy in POLICIES:
        tell(f"queueing, {jobs.title} under policy {policy.name}")
        try:
            outcome = simulate(arrivals, queue, policy)
        except OverloadError:
            outcome = None
        if outcome is None or not outcome.steady:
            arms[policy.name] = None
            continue
        spent = times(outcome)
        arms[policy.name] = {
            "switched": policy.switched,
            "shortest_first": policy.shortest_first,
            "capped": policy.capped,
            "mean_wait_seconds": _rounded(spent.mean_wait),
            "p95_wait_seconds": _rounded(spent.p95_wait),
            "mean_completion_seconds": _rounded(spent.mean_completion),
            "p95_completion_seconds": _rounded(spent.p95_completion),
            "preemptions": int(outcome.preemptions.sum()),
        }
    return {
        "jobs": len(jobs),
        "load": LOAD,
        "share_gpus": queue.share_gpus,
        "gpus": queue.gpus,
        "miners": queue.miners,
        "policies": arms,
    }


def _gpus(site: SiteModel, serving: list[WorkloadModel]) -> int:
    """GPUs that the services may have together: no group gives more than it has."""
    asked: dict[str, int] = {}
    for w in serving:
        asked[w.gpu_group] = asked.get(w.gpu_group, 0) + w.max_replicas * w.gpus_per_replica
    return sum(min(count, site.gpu_groups.get(group, 0)) if group else count for group, count in asked.items())


def _mean_watts(site: SiteModel, workloads: list[WorkloadModel], *, per_gpu: bool) -> int:
    """Watts at the meter of a GPU or a miner of the kind that the workloads have on average, rounded up."""
    watts = sum(w.max_replicas * site.megawatts(w) for w in workloads) * WATTS_PER_MEGAWATT
    return math.ceil(watts / sum(w.max_replicas * (w.gpus_per_replica if per_gpu else 1) for w in workloads))


def _rounded(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None
