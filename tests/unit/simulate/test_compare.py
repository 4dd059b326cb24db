"""What is captured of what there is, and a loss whose parts add up."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unit.simulate.joint_site import joint_site
from unit.simulate.problems import carries
from wattswitch.simulate.account import account
from wattswitch.simulate.compare import (
    foresee,
    loss_by_cause,
    score,
    with_prices_known,
    without_ramps,
    without_switching,
)
from wattswitch.simulate.grid import Period
from wattswitch.simulate.inputs import PRICE, Inputs, Recorded, build_inputs
from wattswitch.simulate.policies import POLICIES, threshold
from wattswitch.simulate.posing import problem_of
from wattswitch.simulate.problem import Ints
from wattswitch.simulate.series import Series
from wattswitch.simulate.site import SiteModel

START = 1_704_067_200.0


@pytest.fixture(scope="module")
def site() -> SiteModel:
    return joint_site()


@pytest.fixture(scope="module")
def inputs(site: SiteModel) -> Inputs:
    """A day and a half of made-up prices with spikes, and demand that swings."""
    rng = np.random.default_rng(7)
    starts = START + 900.0 * np.arange(144)
    spikes = np.where(rng.random(144) < 0.12, rng.uniform(60, 400, 144), 0)
    price = Series(starts, 35 + 25 * np.sin(np.arange(144) / 15) + spikes, "prices")
    chat = Series(starts, 1000 + 600 * np.sin(np.arange(144) / 12) + rng.normal(0, 60, 144), "chat")
    code = Series(starts, 1500 + 900 * np.cos(np.arange(144) / 12) + rng.normal(0, 60, 144), "code")
    recorded = Recorded(price=price, feeds={"chat-load": chat, "code-load": code})
    return build_inputs(site, recorded, Period())


def by_threshold(site: SiteModel, inputs: Inputs, *, demand_known: bool = False) -> Ints:
    del demand_known
    return POLICIES["threshold"](site, inputs)


def with_ramps(site: SiteModel) -> SiteModel:
    spec = site.spec.model_copy(update={"ramp_up_watts_per_minute": 3000, "ramp_down_watts_per_minute": 6000})
    return replace(site, budget=site.budget.model_copy(update={"spec": spec}))


def test_a_score_says_how_much_of_what_there_is() -> None:
    assert score(95.0, 60.0, 100.0).captured == pytest.approx(0.875)
    assert score(95.0, 60.0, 100.0).of_oracle == pytest.approx(0.95)
    assert score(50.0, 60.0, 100.0).captured == pytest.approx(-0.25)


def test_there_is_nothing_to_capture_where_foresight_hardly_earns_more() -> None:
    assert score(99.8, 99.6, 100.0).captured is None
    assert score(99.8, 99.4, 100.0).captured is not None
    assert score(-99.8, -99.7, -100.0).captured is None
    assert score(0.0, 0.0, 0.0).captured is None
    assert score(-5.0, -9.0, -1.0).captured == pytest.approx(0.5)
    assert score(-5.0, -9.0, -1.0).of_oracle is None


def test_the_problem_has_the_money_of_the_account(site: SiteModel, inputs: Inputs) -> None:
    rng = np.random.default_rng(3)
    problem = problem_of(site, inputs)
    for _ in range(5):
        sizes = rng.integers(0, problem.most + 1, (problem.steps, problem.workloads))
        assert problem.profit(sizes) == pytest.approx(account(site, inputs, sizes).profit)
        half = sizes / 2
        assert problem.profit(half) == pytest.approx(account(site, inputs, half).profit)


def test_the_problem_has_the_limit_of_the_account(site: SiteModel, inputs: Inputs) -> None:
    problem = problem_of(site, inputs)
    for policy in POLICIES.values():
        judged = account(site, inputs, policy(site, inputs))
        assert judged.violation_seconds == 0
        assert judged.floor_misses == 0
    assert problem.room_it_watts[0] == 390_000


def test_nobody_passes_perfect_foresight(site: SiteModel, inputs: Inputs) -> None:
    oracle = foresee(site, inputs)
    assert carries(problem_of(site, inputs), oracle.sizes)
    assert oracle.profit <= oracle.bound
    assert oracle.profit >= 0.999 * oracle.bound
    for policy in POLICIES.values():
        assert account(site, inputs, policy(site, inputs)).profit <= oracle.bound


@pytest.mark.parametrize("ramps", [False, True])
def test_the_parts_of_a_loss_add_up(site: SiteModel, inputs: Inputs, ramps: bool) -> None:
    site = with_ramps(site) if ramps else site
    oracle = foresee(site, inputs)
    profit = account(site, inputs, POLICIES["threshold"](site, inputs)).profit
    parts = loss_by_cause(site, inputs, profit, oracle, by_threshold)
    assert sum(parts.values()) == pytest.approx(oracle.bound - profit)
    assert list(parts) == [
        "price not known",
        "demand error",
        "integer pods",
        "ramp",
        "switch cost and dwell",
        "priority before money",
    ]
    assert parts["price not known"] == parts["demand error"] == 0
    assert (parts["ramp"] != 0) == ramps
    assert parts["switch cost and dwell"] > 0


def test_what_is_told_is_told_from_before_the_start(site: SiteModel, inputs: Inputs) -> None:
    late = replace(inputs, price_delay_seconds=3600.0)
    known = with_prices_known(site, late)
    assert known.curve is not None
    assert known.curve_known_from is not None
    assert known.curve.at(inputs.times).tolist() == inputs.price_per_mwh.tolist()
    assert (known.curve_known_from < inputs.times[0]).all()
    assert known.seen[PRICE].values.tolist() == inputs.price_per_mwh.tolist()
    assert known.price_delay_seconds == 0


def test_free_switching_has_nothing_to_pay_and_nothing_to_wait_for(site: SiteModel, inputs: Inputs) -> None:
    free = problem_of(without_switching(with_ramps(site)), inputs)
    told = problem_of(with_ramps(site), inputs).unswitched()
    for name in ("start", "lost", "stop"):
        assert not getattr(free, name).any()
        assert not getattr(told, name).any()
    assert free.min_run_steps.tolist() == told.min_run_steps.tolist() == [1] * 5
    assert free.ramp == told.ramp
    assert problem_of(without_ramps(with_ramps(site)), inputs).ramp == problem_of(site, inputs).ramp
    assert threshold(free).tolist() == threshold(told).tolist()


def test_the_joint_site_is_limited_to_three_fifths_of_its_nameplate(site: SiteModel) -> None:
    nameplate = sum(w.max_replicas * w.it_watts_per_replica for w in site.workloads)
    assert site.limit_watts == pytest.approx(0.6 * nameplate, rel=0.01)
    assert Path(__file__).with_name("joint_site.yaml").exists()
