"""The baselines by hand, against each other, and within every limit."""

from dataclasses import replace

import numpy as np
import pytest

from unit.simulate.problems import MEGAWATT, Load, carries, problem, random_problem
from wattswitch.simulate import policies, policies_walk
from wattswitch.simulate.policies import POLICIES, always_on, keda_like, ski_rental, static, threshold
from wattswitch.simulate.policies_split import always, best_split, earned, up_to
from wattswitch.simulate.policies_walk import walk
from wattswitch.simulate.problem import Ramp

RULES = (always_on, static, threshold, ski_rental, keda_like)


def test_every_baseline_has_its_name() -> None:
    assert list(POLICIES) == ["always-on", "static", "threshold", "ski-rental", "keda-like"]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", range(15))
def test_every_baseline_keeps_to_limit_floors_and_maxima(rule: policies.Callable, seed: int) -> None:  # type: ignore[type-arg]
    p = random_problem(seed, steps=40, loads=4, dwell=seed % 2 == 0)
    assert carries(p, rule(p))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", range(10))
def test_every_baseline_keeps_to_the_ramps(rule: policies.Callable, seed: int) -> None:  # type: ignore[type-arg]
    p = random_problem(seed, steps=40, loads=4, dwell=seed % 2 == 0)
    p = replace(p, ramp=Ramp(3 * MEGAWATT, 4 * MEGAWATT))
    sizes = rule(p)
    moved = np.diff(sizes, axis=0)
    assert carries(p, sizes)
    assert (np.maximum(moved, 0) @ p.it_watts <= 3 * MEGAWATT).all()
    assert (np.maximum(-moved, 0) @ p.it_watts <= 4 * MEGAWATT).all()


def test_a_ramp_slows_a_raise_and_dwell_counts_from_its_last_pod() -> None:
    """Two of three megawatts come in the first hour, the third in the second; two hours later it may go."""
    p = problem([100, 50, 100, 100, 100, 100], Load(90.0, most=3, min_run=2), ramp=Ramp(2 * MEGAWATT, 3 * MEGAWATT))
    assert threshold(p).ravel().tolist() == [0, 2, 2, 0, 0, 0]
    p = problem([100, 50, 50, 100, 100, 100], Load(90.0, most=3, min_run=2), ramp=Ramp(2 * MEGAWATT, 3 * MEGAWATT))
    assert threshold(p).ravel().tolist() == [0, 2, 3, 3, 0, 0]


def test_always_on_runs_what_is_in_demand_by_priority_then_worth() -> None:
    service = Load(80.0, most=3, demand=[1, 3], priority=100)
    p = problem([500, 500], Load(90.0, most=2), service, Load(70.0, most=2), room=4 * MEGAWATT)
    assert always_on(p).tolist() == [[2, 1, 1], [1, 3, 0]]


def test_threshold_runs_below_the_worth() -> None:
    p = problem([50, 90, 95, 80], Load(90.0), Load(70.0))
    assert threshold(p).tolist() == [[1, 1], [0, 0], [0, 0], [1, 0]]


def test_threshold_keeps_the_dwell_of_its_workload() -> None:
    p = problem([100, 50, 100, 100, 50, 50], Load(90.0, min_run=2, min_off=2))
    assert threshold(p).ravel().tolist() == [0, 1, 1, 0, 0, 1]


def test_a_higher_priority_takes_watts_whatever_dwell_says_and_an_equal_waits() -> None:
    service = [0, 0, 1, 1]
    above = problem([100, 50, 50, 50], Load(90.0, min_run=3), Load(900.0, priority=1, demand=service), room=MEGAWATT)
    assert threshold(above).tolist() == [[0, 0], [1, 0], [0, 1], [0, 1]]
    beside = problem([100, 50, 50, 50], Load(90.0, min_run=2), Load(900.0, demand=service), room=MEGAWATT)
    assert threshold(beside).tolist() == [[0, 0], [1, 0], [1, 0], [0, 1]]


def test_ski_rental_switches_when_waiting_has_cost_a_switch_there_and_back() -> None:
    """20 over the worth an hour; a switch there and back costs 40: off after two such hours, and on again alike."""
    p = problem([50, 110, 110, 110, 70, 70, 70], Load(90.0, start=25.0, stop=15.0))
    assert ski_rental(p).ravel().tolist() == [1, 1, 1, 0, 0, 0, 1]


def test_ski_rental_without_a_switch_cost_is_the_threshold() -> None:
    p = problem([50, 110, 89, 91, 10], Load(90.0), Load(60.0))
    assert ski_rental(p).tolist() == threshold(p).tolist()


def test_the_best_static_split_is_the_best_of_all_splits() -> None:
    """Three megawatts for a pool and a service whose demand comes and goes."""
    pool, service = Load(90.0, most=3), Load(200.0, most=3, demand=[3, 1, 0, 1])
    p = problem([50, 50, 50, 50], pool, service, room=3 * MEGAWATT)
    found = static(p)
    profits = [p.profit(np.stack([np.full(4, n), np.minimum(p.demand[:, 1], 3 - n)], axis=1)) for n in range(4)]
    assert p.profit(found) == max(profits)
    assert found[:, 0].tolist() == [2, 2, 2, 2]
    assert found[:, 1].tolist() == [1, 1, 0, 1]


def test_a_share_runs_throughout_where_following_demand_costs_more() -> None:
    service = Load(200.0, demand=[1, 0, 1], start=100.0)
    assert static(problem([10, 10, 10], service)).ravel().tolist() == [1, 1, 1]
    assert static(problem([150, 150, 150], service)).sum() == 0


@pytest.mark.parametrize("seed", range(20))
def test_what_a_share_earns_is_what_the_run_of_that_share_earns(seed: int) -> None:
    p = random_problem(seed, steps=30, loads=1, tight=False)
    for rule in (always(p), up_to(p.demand[:, 0])):
        worth, floor = earned(p, 0, rule), int(p.least.max())
        runs = []
        for share in range(floor, int(p.most[0]) + 1):
            levels = np.arange(1, share + 1)
            runs.append((rule(levels) | (levels <= floor)).sum(axis=1)[:, None])
        profits = [p.profit(run) for run in runs]
        assert worth[floor:] - worth[floor] == pytest.approx(np.array(profits) - profits[0])


def test_a_split_keeps_to_gpus_and_floors() -> None:
    """Four GPUs; the service that earns less has a floor of one replica of two GPUs."""
    rich, poor = Load(200.0, most=4, gpus=1, group=0), Load(100.0, most=4, gpus=2, group=0, floor=1)
    p = problem([10, 10], rich, poor, group_gpus=[4])
    assert best_split(p, [earned(p, i, always(p)) for i in range(2)]).tolist() == [2, 1]


def test_keda_goes_to_its_minimum_after_the_cooldown() -> None:
    """Steps of a hundred seconds: three of them after the price has passed the mean worth."""
    p = problem([-500, 120, 120, 120, 120, 50, 120], Load(90.0), step_seconds=100.0)
    assert keda_like(p).ravel().tolist() == [1, 1, 1, 1, 0, 1, 1]


def test_keda_lowers_a_service_to_the_most_of_the_last_minutes() -> None:
    p = problem([50] * 7, Load(900.0, most=5, demand=[5, 1, 1, 1, 1, 3, 2]), step_seconds=100.0)
    assert keda_like(p).ravel().tolist() == [5, 5, 5, 5, 1, 3, 3]


@pytest.mark.parametrize("seed", range(40))
def test_what_breaks_no_dwell_is_what_dwell_would_leave(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that runs what it would by itself runs what it would if it were worked out from the one before."""
    p = random_problem(seed, steps=60, loads=5, dwell=True)
    wanted = np.where(np.random.default_rng(seed).random(p.demand.shape) < 0.8, p.demand, 0)
    sizes = walk(p, wanted)
    monkeypatch.setattr(policies_walk._Walk, "_keeps_dwell", lambda *_: False)
    assert (walk(p, wanted) == sizes).all()


def test_a_walk_repeats_what_does_not_change() -> None:
    """Long rests and few changes give the same as a step at a time."""
    rng = np.random.default_rng(5)
    wanted = np.repeat(rng.integers(0, 4, (6, 1)), 20, axis=0)
    p = problem([50.0] * 120, Load(90.0, most=3, min_run=4, min_off=7), room=2 * MEGAWATT)
    sizes = walk(p, wanted).ravel()
    moves = np.flatnonzero(np.diff(sizes)) + 1
    assert sizes.max() == 2
    assert set(moves % 20) <= {0, 4, 7}


def test_no_rule_sees_a_late_price_sooner_than_the_operator() -> None:
    p = replace(problem([50, 110, 50, 50], Load(90.0)), price_late_per_mwh=np.array([np.nan, 50.0, 110.0, 50.0]))
    assert threshold(p).ravel().tolist() == [0, 1, 0, 1]
    assert ski_rental(p).ravel().tolist() == [0, 1, 0, 1]
