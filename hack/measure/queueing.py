"""Does moving watts from mining to jobs shorten queues? Recorded jobs on one site, split for good and switched.

Arms: A static split, first come first served; B static, shortest first; C switched, first come; D switched, shortest
first; E no cap, first come. A+ is A with as many GPUs more for good as C borrows on average: the same watts, not
moved. The claim that is tested: jobs done 27 to 33 % sooner, and queueing 1.53 times shorter.
"""

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from measure.figures import Figure, Report, number
from measure.progress import say
from measure.queueing_plot import Curve, draw
from measure.queueing_table import told
from wattswitch.simulate.jobs import DAY_SECONDS, Jobs, JobsError, read_jobs
from wattswitch.simulate.queueing import (
    POLICIES,
    STATIC_FIFO,
    SWITCHED_FIFO,
    Arrivals,
    Curtailment,
    Outcome,
    OverloadError,
    Policy,
    QueueSite,
    at_load,
    simulate,
)
from wattswitch.simulate.queueing_mining import Margin, per_year, priced_margin, steady_margin
from wattswitch.simulate.queueing_stats import Ratio, ratio_of_means, times
from wattswitch.simulate.series import read_series

DATA = "WATTSWITCH_DATA"
PHILLY = "jobs/philly_jobs_2017-10-09_2w.csv.gz"
OPENB = "jobs/alibaba_openb_pods_weeks00_17.csv.gz"
BEST_EFFORT = "be"

LOADS = (0.7, 0.8, 0.9, 0.95)
OWN_PACE_LOAD = 0.85
"""The load at which the trace is played at its own pace: what sizes the static share."""

BEYOND_PERCENT = 25
"""GPUs that the site has beyond those that its static share powers."""

STRIKE_PER_MWH = 91.0
"""A miner of 17.5 J/TH at 38.2 USD per PH/s and day."""
PRICE_PER_MWH = 40.0
ADDER_PER_MWH = 12.5

WATCHED_LOAD = 0.9
FEWEST_JOBS = 1000
BEYOND_GRID = (1, 2, 5, 10, 25, 50)
EVENT_HOURS = (16, 20)
SAME_WATTS = "A+"
PAIRS = (("A", "B"), ("A", "C"), ("A", "D"), ("A", "E"), ("A", SAME_WATTS), ("B", "D"), (SAME_WATTS, "C"))
CLAIMED_WAIT_RATIO = 1.53
CLAIMED_REDUCTION_PERCENT = (27.0, 33.0)


@dataclass(frozen=True)
class Study:
    """What is asked: the loads, the resamples, and what mining is worth."""

    loads: tuple[float, ...] = LOADS
    beyond_percent: int = BEYOND_PERCENT
    repeats: int = 2000
    seed: int = 1
    margin: Margin = field(default_factory=lambda: steady_margin(STRIKE_PER_MWH - PRICE_PER_MWH))


def measure(
    trace: Path | None,
    loads: Sequence[float],
    beyond_percent: int,
    repeats: int,
    seed: int,
    prices: str | None,
    plot: Path | None,
) -> Report:
    """Run every arm at every load; without a file of its own also smaller sites and a second trace."""
    study = Study(tuple(loads), beyond_percent, repeats, seed, _margin(prices))
    settings = {
        "loads": list(loads),
        "beyond_percent": beyond_percent,
        "repeats": repeats,
        "seed": seed,
        "strike_per_mwh": STRIKE_PER_MWH,
        "price_per_mwh": prices or PRICE_PER_MWH,
    }
    report = Report("queueing", settings)
    jobs = read_jobs(trace or data(PHILLY))
    curve = curve_of(jobs, study)
    report.figures += figures(curve)
    report.details["curve"] = curve
    report.details["grid"] = list(grid(jobs, study))
    report.details["what_matters"] = list(what_matters(jobs, study))
    if trace is None:
        report.details["smaller_sites"] = list(smaller_sites(jobs, study))
        report.details["second_trace"] = curve_of(read_jobs(data(OPENB)).of(BEST_EFFORT), study)
    for line in told(report.details):
        say(line)
    if plot:
        plot.write_text(draw(_plotted(curve), CLAIMED_WAIT_RATIO, CLAIMED_REDUCTION_PERCENT), encoding="utf-8")
    return report


def data(name: str) -> Path:
    """A file of the recorded data. Raises JobsError where its folder is not named."""
    folder = os.environ.get(DATA)
    if not folder:
        raise JobsError(f"{DATA} names no folder with recorded jobs ({name}): set it, or name a file with --trace")
    return Path(folder) / name


def site_for(jobs: Jobs, beyond_percent: int) -> QueueSite:
    """A mining site that GPUs were added to: its miners could use the whole cap, the static share is half of it.

    The share carries the jobs at their own pace with a load of 0.85, and the largest of them.
    """
    share = max(round(jobs.busy_gpus / OWN_PACE_LOAD), int(np.max(jobs.gpus)))
    bare = QueueSite(cap_watts=0, gpus=share + math.ceil(share * beyond_percent / 100), share_gpus=share, miners=0)
    cap_watts = max(2 * share, bare.gpus) * bare.gpu_watts
    return replace(bare, cap_watts=cap_watts, miners=cap_watts // bare.miner_watts)


def curve_of(jobs: Jobs, study: Study) -> dict[str, Any]:
    """Every arm at every load."""
    site = site_for(jobs, study.beyond_percent)
    points = []
    for load in study.loads:
        arrivals = at_load(jobs, site.share_gpus, load)
        outcomes = {policy.name: _run(jobs.title, arrivals, site, policy, load, study) for policy in POLICIES}
        same = same_watts(site, outcomes["C"])
        outcomes[SAME_WATTS] = _run(jobs.title, arrivals, same, replace(STATIC_FIFO, name=SAME_WATTS), load, study)
        points.append(
            {
                "load": load,
                "days": number(arrivals.period_seconds / DAY_SECONDS),
                "same_watts_gpus": same.share_gpus,
                "arms": {name: arm(outcome, outcomes["A"]) for name, outcome in outcomes.items()},
                "ratios": {
                    f"{first}/{second}": compared(outcomes[first], outcomes[second], study) for first, second in PAIRS
                },
            }
        )
    return {
        "trace": jobs.title,
        "jobs": len(jobs),
        "left_out": dict(jobs.left_out),
        "site": asdict(site),
        "points": points,
    }


def same_watts(site: QueueSite, switched: Outcome | None) -> QueueSite:
    """The site with a static share that is larger by what switching borrows on average, rounded up."""
    if switched is None:
        return site
    books = switched.mining
    return replace(site, share_gpus=site.share_gpus + math.ceil(books.borrowed_gpu_seconds / books.seconds))


def what_matters(jobs: Jobs, study: Study) -> Iterator[dict[str, Any]]:
    """The claim (A over C) at one load, one assumption changed at a time."""
    own = site_for(jobs, study.beyond_percent)
    arrivals = at_load(jobs, own.share_gpus, WATCHED_LOAD)
    static = _run(jobs.title, arrivals, own, STATIC_FIFO, WATCHED_LOAD, study)
    cases = {
        "nothing": own,
        "a GPU pod starts in 0 s": replace(own, start_seconds=0),
        "a GPU pod starts in 600 s": replace(own, start_seconds=600),
        "idle watts of the share lent to miners": replace(own, warm_gpus=0),
        "idle watts lent, a GPU pod starts in 600 s": replace(own, warm_gpus=0, start_seconds=600),
    }
    for title, site in cases.items():
        yield _case(title, jobs, site, study, (static, _run(title, arrivals, site, SWITCHED_FIFO, WATCHED_LOAD, study)))
    events = tuple(daily_events(arrivals, own))
    title = "every day 4 h at half the cap"
    both = [_run(title, arrivals, own, each, WATCHED_LOAD, study, events) for each in (STATIC_FIFO, SWITCHED_FIFO)]
    yield _case(title, jobs, own, study, both)


def grid(jobs: Jobs, study: Study) -> Iterator[dict[str, Any]]:
    """The claim (A over C) by the GPUs that there are beyond the static share, at every load."""
    for load in study.loads:
        own = site_for(jobs, 0)
        arrivals = at_load(jobs, own.share_gpus, load)
        static = _run(jobs.title, arrivals, own, STATIC_FIFO, load, study)
        for percent in BEYOND_GRID:
            site = site_for(jobs, percent)
            title = f"{jobs.title}, {percent} % more GPUs"
            switched = _run(title, arrivals, site, SWITCHED_FIFO, load, study)
            yield {"load": load, "beyond_percent": percent, "ratios": {"A/C": compared(static, switched, study)}}


def smaller_sites(jobs: Jobs, study: Study) -> Iterator[dict[str, Any]]:
    """The claim for each virtual cluster with many jobs, on a site of its own size."""
    for owner in sorted(set(jobs.owners)):
        mine = jobs.of(owner)
        if len(mine) >= FEWEST_JOBS:
            site, title = site_for(mine, study.beyond_percent), f"virtual cluster {owner}"
            arrivals = at_load(mine, site.share_gpus, WATCHED_LOAD)
            both = [_run(title, arrivals, site, each, WATCHED_LOAD, study) for each in (STATIC_FIFO, SWITCHED_FIFO)]
            yield _case(title, mine, site, study, both)


def _case(title: str, jobs: Jobs, site: QueueSite, study: Study, both: Sequence[Outcome | None]) -> dict[str, Any]:
    static, switched = both
    return {
        "title": title,
        "load": WATCHED_LOAD,
        "jobs": len(jobs),
        "share_gpus": site.share_gpus,
        "gpus": site.gpus,
        "arms": {"A": arm(static, static), "C": arm(switched, static)},
        "ratios": {"A/C": compared(static, switched, study)},
    }


def daily_events(arrivals: Arrivals, site: QueueSite) -> Iterator[Curtailment]:
    """The same hours of every day of the run at half the cap, until well after the measured jobs."""
    begin, end = (hour * 3600.0 for hour in EVENT_HOURS)
    days = math.ceil((arrivals.warmup_periods + 6) * arrivals.period_seconds / DAY_SECONDS)
    for day in range(days):
        yield Curtailment(day * DAY_SECONDS + begin, day * DAY_SECONDS + end, site.cap_watts / 2)


def _run(
    title: str,
    arrivals: Arrivals,
    site: QueueSite,
    policy: Policy,
    load: float,
    study: Study,
    events: Iterable[Curtailment] = (),
) -> Outcome | None:
    say(f"queueing: {title}, load {load}, arm {policy.name}")
    try:
        outcome = simulate(arrivals, site, policy, curtailments=events, margin=study.margin)
    except OverloadError as problem:
        say(f"queueing: {problem}")
        return None
    if not outcome.steady:
        say("queueing: less work is done than comes in, so the queue grows for ever")
        return None
    return outcome


def arm(outcome: Outcome | None, static: Outcome | None) -> dict[str, Any] | None:
    """One arm as JSON takes it; None where its queue grows for ever. Money is of mining, a year, against `static`."""
    if outcome is None:
        return None
    mining = outcome.mining
    earned = per_year(mining.earned, mining.seconds)
    before = per_year(static.mining.earned, static.mining.seconds) if static else math.nan
    return {
        **{f"{name}_seconds": number(value) for name, value in _seconds(outcome).items()},
        "waited_percent": number(times(outcome).waited_percent),
        "preemptions": int(outcome.preemptions.sum()),
        "lost_gpu_hours": number(outcome.lost_gpu_seconds / 3600),
        "busy_gpus": number(mining.busy_gpu_seconds / mining.seconds),
        "borrowed_gpus": number(mining.borrowed_gpu_seconds / mining.seconds),
        "lent_gpus": number(mining.lent_gpu_seconds / mining.seconds),
        "miner_starts": mining.miner_starts,
        "mining_per_year": number(earned),
        "mining_given_up_per_year": number(before - earned),
        "mining_given_up_percent": number(100 * (before - earned) / before) if before > 0 else None,
    }


def _seconds(outcome: Outcome) -> dict[str, float]:
    told_times = times(outcome)
    return {
        "mean_wait": told_times.mean_wait,
        "p95_wait": told_times.p95_wait,
        "mean_total_wait": told_times.mean_total_wait,
        "mean_completion": told_times.mean_completion,
        "p95_completion": told_times.p95_completion,
    }


def compared(first: Outcome | None, second: Outcome | None, study: Study) -> dict[str, Any] | None:
    """Ratio of means of waiting (to the first start, and all told) and of completion, with 95 % intervals."""
    if first is None or second is None:
        return None
    arrays = {
        "wait": (first.wait_seconds, second.wait_seconds),
        "total_wait": (first.total_wait_seconds, second.total_wait_seconds),
        "completion": (first.completion_seconds, second.completion_seconds),
    }
    ratios = {
        name: ratio_of_means(*both, days=first.days, repeats=study.repeats, seed=study.seed)
        for name, both in arrays.items()
    }
    return {
        **{name: _interval(ratio) for name, ratio in ratios.items()},
        "completion_reduction_percent": _interval(ratios["completion"].reduction_percent),
    }


def _interval(ratio: Ratio) -> dict[str, float | None]:
    return {"value": number(ratio.value), "low": number(ratio.low), "high": number(ratio.high)}


def figures(curve: Mapping[str, Any]) -> Iterator[Figure]:
    """The ratios that the claim is about; there is no target: the answer is what it is."""
    for point in curve["points"]:
        for pair, ratios in point["ratios"].items():
            for name in ("wait", "completion"):
                value = ratios[name]["value"] if ratios else None
                title = f"{name}_{pair.replace('/', '_over_')}_at_{point['load']}"
                yield Figure(title, math.inf if value is None else value, "ratio")


def _plotted(curve: Mapping[str, Any]) -> list[Curve]:
    return [Curve(name, tuple(_points(curve, f"A/{name}"))) for name in ("B", "C", "D", "E", SAME_WATTS)]


def _points(curve: Mapping[str, Any], pair: str) -> Iterator[tuple[float, Any, Any]]:
    for point in curve["points"]:
        ratios = point["ratios"][pair]
        if ratios:
            yield point["load"], ratios["wait"], ratios["completion_reduction_percent"]


def _margin(prices: str | None) -> Margin:
    if prices is None:
        return steady_margin(STRIKE_PER_MWH - PRICE_PER_MWH)
    return priced_margin(STRIKE_PER_MWH, read_series(prices), ADDER_PER_MWH)
