"""The queue against formulas that others proved, against a hand-made day, and against plan() itself."""

import itertools
import math
import random
from dataclasses import replace

import numpy as np
import pytest

from builders import demand, goals, inference, miner, per_mwh, site
from wattswitch.planner import plan
from wattswitch.simulate.jobs import Jobs
from wattswitch.simulate.queueing import (
    POLICIES,
    STATIC_FIFO,
    STATIC_SHORTEST,
    SWITCHED_FIFO,
    SWITCHED_SHORTEST,
    UNCAPPED,
    Arrivals,
    Curtailment,
    Moment,
    Outcome,
    OverloadError,
    Policy,
    QueueSite,
    at_load,
    simulate,
    static_split,
    switched_split,
)
from wattswitch.simulate.queueing_mining import steady_margin

GPU_WATTS = 1275
FOREVER = 1e9


def arrivals(*jobs: tuple[float, float, int]) -> Arrivals:
    """Jobs as (submitted, run seconds, GPUs), once."""
    columns = np.array(jobs, dtype=np.float64).T
    gpus = columns[2].astype(np.int64)
    return Arrivals(columns[0], columns[1], gpus, np.zeros(len(jobs), dtype=np.int64))


def poisson(rate: float, count: int, seed: int, *, most_gpus: int = 1) -> Arrivals:
    """Jobs that come at random and run for a second on average, exponentially."""
    rng = np.random.default_rng(seed)
    return Arrivals(
        np.cumsum(rng.exponential(1 / rate, count)),
        rng.exponential(1.0, count),
        rng.integers(1, most_gpus, count, endpoint=True),
        np.arange(count, dtype=np.int64) * 20 // count,
    )


def gpus_only(share: int, more: int = 0, **fields: float) -> QueueSite:
    """A site whose cap carries all its GPUs, and miners with what is left; nothing takes time."""
    immediate = {"start_seconds": 0.0, "stop_seconds": 0.0, "min_run_seconds": 0.0} | fields
    cap = (share + more) * GPU_WATTS
    return QueueSite(cap_watts=cap, gpus=share + more, share_gpus=share, miners=cap // 3500, **immediate)


def erlang_c_wait(servers: int, rate: float) -> float:
    """Mean wait in M/M/k with mean service 1 (Erlang 1917)."""
    all_busy = rate**servers / math.factorial(servers) * servers / (servers - rate)
    queued = all_busy / (sum(rate**n / math.factorial(n) for n in range(servers)) + all_busy)
    return queued / (servers - rate)


def shortest_first_wait(rate: float) -> float:
    """Mean wait in M/M/1 with mean service 1, shortest job first without preemption (Phipps 1956), by quadrature."""
    sizes = np.linspace(0, 60, 600_001)
    load_below = rate * (1 - np.exp(-sizes) * (1 + sizes))
    waits = rate / (1 - load_below) ** 2 * np.exp(-sizes)
    return float(np.trapezoid(waits, sizes))


def batch_interval(values: np.ndarray, batches: int = 20) -> tuple[float, float]:
    """Mean of a dependent series, and 3 standard errors from the means of consecutive batches."""
    kept = values[len(values) // 10 :]
    means = np.array([batch.mean() for batch in np.array_split(kept, batches)])
    return float(means.mean()), 3 * float(means.std(ddof=1)) / math.sqrt(batches)


@pytest.mark.parametrize(("servers", "load"), [(1, 0.6), (4, 0.8), (16, 0.9)])
def test_static_first_come_matches_erlang_c(servers: int, load: float) -> None:
    outcome = simulate(poisson(load * servers, 30_000, seed=servers), gpus_only(servers), STATIC_FIFO)
    mean, error = batch_interval(outcome.wait_seconds)
    assert error < 0.5 * mean
    assert mean == pytest.approx(erlang_c_wait(servers, load * servers), abs=error)


def test_switching_that_takes_no_time_matches_erlang_c_with_all_gpus() -> None:
    outcome = simulate(poisson(3.6, 30_000, seed=9), gpus_only(4, more=2), SWITCHED_FIFO)
    mean, error = batch_interval(outcome.wait_seconds)
    assert mean == pytest.approx(erlang_c_wait(6, 3.6), abs=error)


@pytest.mark.parametrize("load", [0.5, 0.7])
def test_shortest_first_matches_the_formula_of_one_server(load: float) -> None:
    outcome = simulate(poisson(load, 30_000, seed=3), gpus_only(1), STATIC_SHORTEST)
    mean, error = batch_interval(outcome.wait_seconds)
    assert error < 0.5 * mean
    assert mean == pytest.approx(shortest_first_wait(load), abs=error)


def test_switching_without_more_gpus_changes_nothing() -> None:
    jobs = poisson(3.6, 2000, seed=4)
    static, switched = (simulate(jobs, gpus_only(4), each) for each in (STATIC_FIFO, SWITCHED_FIFO))
    assert static.started.tolist() == switched.started.tolist()


def test_a_day_by_hand() -> None:
    """Two GPUs in the share, one to borrow: 5 s until a miner is off, 180 s until the pod works."""
    day = arrivals((0, 1000, 2), (10, 300, 1), (20, 50, 1))
    own = QueueSite(2 * GPU_WATTS + 3500, gpus=3, share_gpus=2, miners=1)
    assert simulate(day, own, STATIC_FIFO).started.tolist() == [0, 1000, 1000]
    switched = simulate(day, own, SWITCHED_FIFO)
    assert switched.started.tolist() == [0, 195, 495]
    assert switched.completion_seconds.tolist() == [1000, 485, 525]
    assert simulate(day, own, SWITCHED_SHORTEST).started.tolist() == [0, 245, 195]
    assert simulate(day, own, UNCAPPED).started.tolist() == [0, 10, 310]


def test_the_head_of_the_queue_is_never_passed() -> None:
    """No backfill: a job of one GPU waits behind one of two that does not fit yet."""
    outcome = simulate(arrivals((0, 100, 1), (1, 10, 2), (2, 10, 1)), gpus_only(2), STATIC_FIFO)
    assert outcome.started.tolist() == [0, 100, 110]


def test_a_raise_is_kept_for_its_minimum_and_then_given_back() -> None:
    own = replace(gpus_only(1, more=1), miners=1, cap_watts=2 * GPU_WATTS + 3000, min_run_seconds=300)
    moments: list[Moment] = []
    simulate(arrivals((0, 10, 1), (1, 20, 1), (1000, 1, 1)), own, SWITCHED_FIFO, on_decision=moments.append)
    sizes = [(each.at, each.pods) for each in moments]
    assert [next(group) for _, group in itertools.groupby(sizes, key=lambda each: each[1])] == [
        (0, 1),
        (1, 2),
        (301, 1),
    ]


def test_a_limit_that_falls_takes_the_latest_job_which_resumes_from_its_checkpoint() -> None:
    own = replace(gpus_only(2), checkpoint_seconds=100)
    cut = Curtailment(350, 1000, GPU_WATTS)
    outcome = simulate(arrivals((0, 5000, 1), (100, 1000, 1)), own, STATIC_FIFO, curtailments=[cut])
    assert outcome.preemptions.tolist() == [0, 1]
    assert outcome.lost_gpu_seconds == 50
    assert outcome.ended.tolist() == [5000, 1000 + 800]
    assert outcome.wait_seconds.tolist() == [0, 0]
    assert outcome.total_wait_seconds.tolist() == [0, 1800 - 100 - 1000]


def test_switching_lets_miners_give_before_jobs_when_the_limit_falls() -> None:
    own = QueueSite(cap_watts=4 * GPU_WATTS, gpus=2, share_gpus=2, miners=1)
    cut = Curtailment(50, 90, 2 * GPU_WATTS)
    day = arrivals((0, 100, 2))
    assert simulate(day, own, STATIC_FIFO, curtailments=[cut]).preemptions.tolist() == [1]
    assert simulate(day, own, SWITCHED_FIFO, curtailments=[cut]).preemptions.tolist() == [0]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda each: each.name)
@pytest.mark.parametrize("seed", range(4))
def test_the_cap_and_the_gpus_hold_at_every_moment(policy: Policy, seed: int) -> None:
    rng = random.Random(seed)
    jobs = poisson(4.0, 400, seed, most_gpus=2)
    own = QueueSite(10 * GPU_WATTS, gpus=8, share_gpus=5, miners=4, warm_gpus=rng.choice((0, 5)), start_seconds=0.5)
    own = replace(own, stop_seconds=0.1, min_run_seconds=1.0, checkpoint_seconds=0.5)
    cuts = [Curtailment(at, at + 5, rng.uniform(2, 9) * GPU_WATTS) for at in range(10, 100, 20)]
    moments: list[Moment] = []
    outcome = simulate(jobs, own, policy, curtailments=cuts, on_decision=moments.append)
    if policy.capped:
        assert all(each.pods * GPU_WATTS + each.miners * 3500 <= each.limit_watts for each in moments)
    assert all(each.pods <= own.gpus for each in moments)
    if policy.capped and not outcome.preemptions.any():
        assert most_at_once(outcome) <= own.gpus
    work = float((outcome.run_seconds * outcome.gpus).sum()) + outcome.lost_gpu_seconds
    assert outcome.mining.busy_gpu_seconds == pytest.approx(work)
    assert np.all(outcome.wait_seconds >= 0)
    assert np.all(outcome.completion_seconds >= outcome.run_seconds - 1e-6)


def most_at_once(outcome: Outcome) -> int:
    """GPUs that run at the same time, ends before starts."""
    changes = [(at, -int(gpus)) for at, gpus in zip(outcome.ended, outcome.gpus, strict=True)]
    changes += [(at, int(gpus)) for at, gpus in zip(outcome.started, outcome.gpus, strict=True)]
    return max(itertools.accumulate(gpus for _, gpus in sorted(changes)))


def test_first_come_is_served_in_order() -> None:
    outcome = simulate(poisson(4.5, 1000, seed=6, most_gpus=2), gpus_only(6, more=2), SWITCHED_FIFO)
    assert np.all(np.diff(outcome.started) >= 0)


def test_the_split_is_what_plan_decides() -> None:
    """Every kind of moment of a busy run, put to plan(): jobs above the miners, a floor, GPUs wanted, the dwell."""
    own = QueueSite(20 * GPU_WATTS, gpus=14, share_gpus=8, miners=7, warm_gpus=3, start_seconds=0.2)
    own = replace(own, stop_seconds=0.05, min_run_seconds=2.0)
    cuts = [Curtailment(at, at + 4, 9.3 * GPU_WATTS) for at in (20, 40, 60)]
    moments: list[Moment] = []
    simulate(poisson(8.0, 600, 5), own, SWITCHED_FIFO, curtailments=cuts, on_decision=moments.append)
    sample = random.Random(2).sample(moments, 300)
    assert len({(each.pods, each.limit_watts) for each in sample}) > 15
    for each in sample:
        assert (each.pods, each.miners) == planned(own, each), each


def planned(own: QueueSite, moment: Moment) -> tuple[int, int]:
    """What plan() heads for in the same situation."""
    raised_at = moment.raised_at if math.isfinite(moment.raised_at) else None
    jobs = inference(
        "InferenceDeployment/site/jobs",
        it_watts_per_replica=own.gpu_watts,
        max_replicas=own.gpus,
        floor_replicas=own.floor_gpus,
        spec_replicas=moment.pods_before,
        demand=demand(float(moment.wanted_gpus)),
        raised_at=raised_at,
        min_run_seconds=2,
    )
    miners = miner(
        "MiningPool/site/s21",
        it_watts_per_replica=own.miner_watts,
        max_replicas=own.miners,
        spec_replicas=moment.miners_before,
        worth=per_mwh(91.0),
    )
    decided = goals(plan(site(jobs, miners, now=moment.at, cap_watts=int(moment.limit_watts))))
    return decided[jobs.key], decided[miners.key]


def test_splits_by_hand() -> None:
    own = QueueSite(100_000, gpus=60, share_gpus=40, miners=28)
    assert static_split(own, 100_000) == (40, 14)
    assert static_split(own, 50_000) == (20, 7)
    assert switched_split(own, 100_000, 0) == (40, 14)
    assert switched_split(own, 100_000, 47) == (47, 11)
    assert switched_split(own, 100_000, 500) == (60, 6)
    assert switched_split(own, 50_000, 500) == (39, 0)
    assert switched_split(replace(own, warm_gpus=0), 100_000, 2) == (2, 27)


def test_mining_gives_up_what_jobs_borrow_and_wins_back_what_they_leave() -> None:
    """A borrowed GPU stops a miner for 1,000 s and the 120 s that it starts; where watts are lent, one more runs."""
    own = QueueSite(2 * 3500, gpus=2, share_gpus=1, miners=2, gpu_watts=3500, min_run_seconds=0, start_seconds=0)
    own = replace(own, stop_seconds=0)
    per_second = 3500 * 50.0 / 3600 / 1e6
    pair = arrivals((0, 1000, 1), (0, 1000, 1), (2000, 1, 1))
    books = simulate(pair, own, SWITCHED_FIFO, margin=steady_margin(50.0)).mining
    assert (books.given_up, books.restarting) == pytest.approx((1000 * per_second, 120 * per_second))
    assert (books.won_back, books.miner_starts, books.borrowed_gpu_seconds) == (0, 1, 1000)
    lent = simulate(pair, replace(own, warm_gpus=0), SWITCHED_FIFO, margin=steady_margin(50.0)).mining
    assert (lent.given_up, lent.won_back) == pytest.approx((1000 * per_second, 1000 * per_second))
    assert lent.lost == pytest.approx(lent.miner_starts * 120 * per_second)
    assert books.earned + books.lost == pytest.approx(2001 * per_second)


@pytest.mark.parametrize("load", [0.5, 0.8])
def test_the_trace_is_played_at_the_load_that_is_asked_for(load: float) -> None:
    rng = np.random.default_rng(8)
    count = 2000
    submitted = np.sort(rng.uniform(0, 4 * 86_400, count))
    jobs = Jobs(submitted, rng.exponential(3000, count), np.ones(count, dtype=np.int64))
    played = at_load(jobs, share_gpus=12, load=load)
    work = float((played.run_seconds * played.gpus).sum())
    assert work / played.period_seconds == pytest.approx(12 * load)
    assert played.warmup_periods >= 2
    gaps = np.diff(jobs.submitted)
    assert np.diff(played.submitted) == pytest.approx(gaps * played.period_seconds / jobs.period_seconds)
    outcome = simulate(played, gpus_only(12), STATIC_FIFO)
    assert len(outcome.started) == count
    assert outcome.mining.seconds == pytest.approx(played.period_seconds)
    assert outcome.mining.busy_gpu_seconds / outcome.mining.seconds == pytest.approx(12 * load, rel=0.02)


def test_more_work_than_gpus_is_told() -> None:
    run_seconds = np.tile([60.0, 900.0], 144)
    jobs = Jobs(np.arange(0, 86_400, 300.0), run_seconds, np.ones(288, dtype=np.int64))
    with pytest.raises(OverloadError, match="load is too high"):
        simulate(at_load(jobs, share_gpus=1, load=20), gpus_only(1), STATIC_SHORTEST)


def test_a_queue_that_grows_for_ever_is_not_steady() -> None:
    """Without backfill a pair of jobs needs 200 s of both GPUs and comes every 180 s, though the load is 0.83."""
    submitted, gpus = np.arange(0, 86_400, 90.0), np.tile([1, 2], 480)
    jobs = Jobs(submitted, np.full(960, 100.0), gpus.astype(np.int64))
    played = at_load(jobs, share_gpus=2, load=5 / 6)
    assert not simulate(played, gpus_only(2), STATIC_FIFO).steady
    assert simulate(played, gpus_only(2, more=1), SWITCHED_FIFO).steady


def test_a_job_that_can_never_run_is_told() -> None:
    with pytest.raises(OverloadError, match="asks for 4 GPUs"):
        simulate(arrivals((0, 1, 4)), gpus_only(3), STATIC_FIFO)
