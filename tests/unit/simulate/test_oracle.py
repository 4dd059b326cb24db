"""Perfect foresight by hand, by dynamic programming, by linear programming, and against every run that there is."""

from itertools import pairwise, product

import numpy as np
import pytest

from unit.simulate.problems import MEGAWATT, Load, carries, problem, random_problem
from wattswitch.simulate import oracle, oracle_runs
from wattswitch.simulate.oracle import solve
from wattswitch.simulate.oracle_levels import best_sizes
from wattswitch.simulate.oracle_program import best_stretch
from wattswitch.simulate.oracle_runs import Levels, best_runs
from wattswitch.simulate.policies import RULES
from wattswitch.simulate.problem import Problem, Ramp


def keeps_dwell(p: Problem, run: np.ndarray) -> bool:
    """Whether no workload is lowered within its minimum run, or raised within its minimum off."""
    for i in range(p.workloads):
        moves = np.diff(run[:, i])
        for t, move in enumerate(moves):
            soon = moves[t + 1 : t + (p.min_run_steps[i] if move > 0 else p.min_off_steps[i])]
            if (move > 0 and (soon < 0).any()) or (move < 0 and (soon > 0).any()):
                return False
    return True


def best_of_all(p: Problem) -> float:
    """What the best of all runs of whole pods earns."""
    states = [np.array(sizes) for sizes in product(*(range(most + 1) for most in p.most))]
    states = [s for s in states if s @ p.it_watts <= p.room_it_watts.min()]
    runs = (np.array(run) for run in product(states, repeat=p.steps))
    return max(p.profit(run) for run in runs if carries(p, run) and keeps_dwell(p, run))


def test_one_spike_is_not_worth_two_switches() -> None:
    """At 50, 120, 50 against 90: off for an hour saves 30, and coming back costs 40."""
    assert solve(problem([50, 120, 50], Load(90.0, start=40.0))).sizes.ravel().tolist() == [1, 1, 1]
    assert solve(problem([50, 120, 50], Load(90.0, start=40.0))).profit == 40 - 30 + 40
    cheaper = solve(problem([50, 120, 50], Load(90.0, start=20.0)))
    assert cheaper.sizes.ravel().tolist() == [1, 0, 1]
    assert cheaper.profit == cheaper.bound == 40 + 40 - 20


def test_the_way_down_is_paid_at_the_price_of_its_step() -> None:
    """Off for 200 saves 110; an hour's tail there costs 200, a quarter of an hour 50."""
    assert solve(problem([-50, 200], Load(90.0, tail_hours=1.0))).sizes.ravel().tolist() == [1, 1]
    assert solve(problem([-50, 200], Load(90.0, tail_hours=0.25))).profit == 140 - 50


def test_the_limit_goes_to_what_earns_more_of_it() -> None:
    both = problem([50, 50], Load(90.0, most=3), Load(70.0, most=3), room=4 * MEGAWATT)
    assert solve(both).sizes.tolist() == [[3, 1], [3, 1]]


def test_a_floor_is_kept_at_any_price_and_cut_by_the_limit_alone() -> None:
    floor = problem([500, 500, 500], Load(90.0, most=3, floor=2), room=[2 * MEGAWATT, MEGAWATT, 2 * MEGAWATT])
    assert solve(floor).sizes.ravel().tolist() == [2, 1, 2]


def test_idle_pods_wait_where_a_start_costs_more_than_waiting() -> None:
    """Demand is gone for an hour at 10; a new start would cost 30."""
    service = Load(90.0, most=2, demand=[2, 1, 2], start=30.0)
    assert solve(problem([10, 10, 10], service)).sizes.ravel().tolist() == [2, 2, 2]
    assert solve(problem([40, 40, 40], service)).sizes.ravel().tolist() == [2, 1, 2]


def test_a_pod_that_waits_for_its_demand_loses_no_start() -> None:
    """Starting into demand loses 30; an hour of waiting costs 10, so it starts an hour ahead."""
    service = Load(90.0, most=1, demand=[0, 0, 0, 1], lost=30.0)
    assert solve(problem([100, 100, 10, 10], service)).sizes.ravel().tolist() == [0, 0, 1, 1]
    assert solve(problem([100, 100, 10, 10], service)).profit == 80 - 10


def test_dwell_is_kept() -> None:
    """One cheap hour among dear ones earns 40, each other hour costs 10."""
    prices = [100] * 5 + [50] + [100] * 5
    assert solve(problem(prices, Load(90.0))).profit == 40
    assert solve(problem(prices, Load(90.0, min_run=3))).profit == 40 - 10 - 10
    assert solve(problem(prices, Load(90.0, min_run=6))).sizes.sum() == 0


def test_dwell_yields_to_a_higher_priority() -> None:
    """The service's hour takes the watts of a pool that was raised only just before; an equal's would have to wait."""
    pool = Load(90.0, min_run=4)
    service = Load(900.0, priority=100, demand=[0, 0, 1, 0])
    together = problem([100, 50, 50, 50], pool, service, room=MEGAWATT)
    assert best_stretch(together, 0, 4).value == pytest.approx(40 + 850 + 40)
    peers = problem([100, 50, 50, 50], pool, Load(900.0, demand=[0, 0, 1, 0]), room=MEGAWATT)
    assert best_stretch(peers, 0, 4).value == pytest.approx(-10 + 40 + 850 + 40)


def test_ramps_bound_every_step() -> None:
    """Four megawatts come up one an hour."""
    ramp = Ramp(MEGAWATT, 2 * MEGAWATT)
    found = solve(problem([150, 50, 50, 50, 250], Load(90.0, most=4, floor=0), ramp=ramp))
    moves = np.diff(found.sizes[:, 0])
    assert moves.max() <= 1
    assert moves.min() >= -2
    assert found.profit <= found.bound + 1e-9
    assert found.bound == pytest.approx(best_with_ramp([150, 50, 50, 50, 250], 1, 2))


def best_with_ramp(prices: list[float], up: int, down: int) -> float:
    runs = product(range(5), repeat=len(prices))
    kept = (r for r in runs if all(-down <= b - a <= up for a, b in pairwise(r)))
    return max(sum(n * (90 - price) for n, price in zip(run, prices, strict=True)) for run in kept)


@pytest.mark.parametrize("seed", range(25))
def test_dynamic_programming_is_the_best_of_all_runs(seed: int) -> None:
    p = random_problem(seed, steps=8, loads=1, tight=seed % 2 == 0)
    found = solve(p)
    assert carries(p, found.sizes)
    assert found.profit == found.bound == pytest.approx(best_of_all(p))


@pytest.mark.parametrize("seed", range(25))
def test_dynamic_programming_is_the_linear_program(seed: int) -> None:
    p = random_problem(seed, steps=24, loads=1, tight=False)
    assert solve(p).profit == pytest.approx(best_stretch(p, 0, p.steps).value)


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("dwell", [False, True])
def test_the_truth_lies_between_the_run_that_was_found_and_the_bound(seed: int, dwell: bool) -> None:
    p = random_problem(seed, steps=4, dwell=dwell)
    found, truth = solve(p), best_of_all(p)
    assert carries(p, found.sizes)
    assert truth <= found.bound + 1e-6
    assert found.profit <= found.bound + 1e-6
    if not dwell:
        assert found.profit <= truth + 1e-6


def test_the_run_that_is_found_is_mostly_the_best_one() -> None:
    problems = [random_problem(seed, steps=4) for seed in range(100, 120)]
    reached = [solve(p).profit >= best_of_all(p) - 1e-6 for p in problems]
    assert sum(reached) >= 18


@pytest.mark.parametrize("seed", range(10))
def test_cutting_into_stretches_never_lowers_the_bound(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    p = random_problem(seed, steps=60, loads=3)
    whole = best_stretch(p, 0, p.steps).value
    monkeypatch.setattr(oracle, "STRETCH_STEPS", 20)
    monkeypatch.setattr(oracle, "SEARCH_STEPS", 4)
    cut = solve(p)
    assert cut.bound >= whole - 1e-6
    assert p.profit(cut.fractional) <= whole + 1e-6


@pytest.mark.parametrize("seed", range(20))
def test_a_level_keeps_its_dwell(seed: int) -> None:
    p = random_problem(seed, steps=12, loads=1, tight=False, dwell=True)
    sizes = best_sizes(p, 0, np.full(p.steps, p.most[0]))
    assert carries(p, sizes[:, None])
    if p.most[0] == 1:
        assert keeps_dwell(p, sizes[:, None])


@pytest.mark.parametrize("seed", range(8))
def test_nothing_is_earned_by_switching_in_place_where_power_is_paid_for(seed: int) -> None:
    """A pod on its way down is paid for its power, but what runs throughout does not switch."""
    prices = np.random.default_rng(seed).uniform(-400, -200, 24).tolist()
    loads = [Load(90.0, most=2, tail_hours=0.02), Load(60.0, most=3, tail_hours=0.01, start=0.5)]
    p = problem(prices, *loads, room=5 * MEGAWATT)
    found = best_stretch(p, 0, p.steps)
    assert found.value == pytest.approx(p.profit(found.sizes), rel=1e-9)


def test_what_is_found_is_no_worse_than_a_run_that_is_given() -> None:
    for seed in range(10):
        p = random_problem(seed, steps=24, loads=3)
        for rule in RULES.values():
            given = rule(p)
            assert solve(p, others=[given]).profit >= p.profit(given)


def test_the_bound_also_holds_for_who_switches_within_a_step() -> None:
    """The pod goes down at the very end of the cheap hour before the dear one: its tail is paid at 10, not at 200."""
    p = problem([10, 200], Load(90.0, tail_hours=0.25))
    assert solve(p).bound == 80 - 50
    assert solve(p, bounded_by=p.at_any_moment()).bound == 80 - 2.5


def test_a_site_without_steps_or_workloads_is_no_error() -> None:
    assert solve(problem([], Load())).profit == 0


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("chunk", [1, 3, 16])
def test_chunks_side_by_side_find_what_one_after_another_does(
    seed: int, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However short the chunks are: also where dwell, the limit and floors reach over many of them."""
    random = np.random.default_rng(seed)
    shape = (int(random.integers(1, 90)), int(random.integers(1, 5)))
    may = random.random(shape) > 0.05
    levels = Levels(
        last=np.arange(1, shape[1] + 1),
        reward=random.normal(0, 1, shape).cumsum(axis=0) / 4,
        start=random.random(shape),
        stop=random.random(shape),
        may=may,
        must=(random.random(shape) < 0.05) & may,
    )
    dwell = (int(random.integers(1, 6)), int(random.integers(1, 6)))
    whole = best_runs(levels, *dwell)
    monkeypatch.setattr(oracle_runs, "CHUNK_STEPS", chunk)
    assert (best_runs(levels, *dwell) == whole).all()
    assert (whole <= may).all()
    assert (whole >= levels.must).all()
