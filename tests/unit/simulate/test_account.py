"""The money model, by hand."""

from dataclasses import replace

import numpy as np
import pytest

from unit.simulate.sites import HOUR, inputs_of, series, site_of
from wattswitch.simulate.account import account
from wattswitch.simulate.spells import Spells

CHAT_MW, S19J_MW, S21_MW = (watts * 1.08 / 1e6 for watts in (1785, 3050, 3500))
CHAT_WORTH, S19J_WORTH = 1000 * 2.35 / (1.785 * 1.08), 48.0


@pytest.fixture
def site(tmp_path):
    return site_of(tmp_path)


def test_a_run_that_rests_pays_for_energy_and_earns_what_is_in_demand(site):
    inputs = inputs_of(site, [37.5, 97.5])
    result = account(site, inputs, np.array([[8, 10, 0], [8, 10, 0]]))
    megawatts = 8 * CHAT_MW + 10 * S19J_MW + 0.002
    np.testing.assert_allclose(result.watts, [megawatts * 1e6] * 2)
    assert result.energy_mwh == pytest.approx(2 * megawatts)
    assert result.total_cost == pytest.approx(megawatts * (40.0 + 100.0))
    assert result.total_revenue == pytest.approx(2 * (5 * CHAT_MW * CHAT_WORTH + 10 * S19J_MW * S19J_WORTH))
    assert (result.total_start_cost, result.switches, result.violation_seconds, result.floor_misses) == (0, 0, 0, 0)
    assert result.profit == pytest.approx(result.total_revenue - result.total_cost)
    assert result.profit_by_step.sum() == pytest.approx(result.profit)


def test_a_start_costs_wear_and_the_income_of_its_start_time(site):
    inputs = inputs_of(site, [37.5, 37.5])
    result = account(site, inputs, np.array([[1, 0, 0], [1, 0, 4]]))
    worth = inputs.worth_per_mwh[1, 2]
    assert result.start_cost[1, 2] == pytest.approx(4 * 0.02 + 4 * S21_MW * worth * 120 / HOUR)
    assert result.switches == 4


def test_a_stop_draws_on_for_its_time(site):
    inputs = inputs_of(site, [37.5, 97.5])
    result = account(site, inputs, np.array([[5, 0, 6], [2, 0, 0]]))
    megawatts = 2 * CHAT_MW + 0.002
    dying = 3 * CHAT_MW * 60 / HOUR + 6 * S21_MW * 5 / HOUR
    assert result.cost[1] == pytest.approx(100.0 * (megawatts + dying))


def test_what_starts_before_its_demand_comes_loses_nothing(site):
    inputs = inputs_of(site, [37.5] * 3, feeds={"queue": series([16.0, 16.0, 48.0])})
    early = account(site, inputs, np.array([[2, 0, 0], [6, 0, 0], [6, 0, 0]]))
    late = account(site, inputs, np.array([[2, 0, 0], [2, 0, 0], [6, 0, 0]]))
    assert early.start_cost.sum() == 0
    assert late.start_cost[2, 0] == pytest.approx(4 * CHAT_MW * CHAT_WORTH * 180 / HOUR)


def test_what_starts_within_the_step_before_its_demand_loses_by_how_late_it_is(site):
    """Two pods half an hour before, two a quarter: of each what it lacks to a whole step."""
    inputs = inputs_of(site, [37.5] * 2, feeds={"queue": series([16.0, 48.0])})
    steps, seconds = np.array([0, 0, 0, 1]), np.array([1800.0, 900.0, 900.0, 3600.0])
    sizes = np.array([[2, 0, 0], [4, 0, 0], [6, 0, 0], [6, 0, 0]])
    result = account(site, inputs, Spells(steps, seconds, sizes))
    assert result.start_cost[1, 0] == pytest.approx((2 * 0.5 + 2 * 0.75) * CHAT_MW * CHAT_WORTH * 180 / HOUR)
    assert result.start_cost[0].sum() == 0


def test_over_the_limit_and_below_the_floor(site):
    inputs = inputs_of(site, [37.5] * 2)
    result = account(site, inputs, np.array([[0, 10, 20], [1, 10, 20]]))
    assert result.violation_seconds == 2 * HOUR
    assert result.floor_misses == 1


def test_a_floor_that_the_limit_does_not_carry_is_no_miss(site):
    inputs = replace(inputs_of(site, [37.5] * 2), limit_watts=np.array([2000, 98_000]))
    assert account(site, inputs, np.zeros((2, 3))).floor_misses == 1


def test_what_is_not_known_counts_as_nothing(site):
    inputs = inputs_of(site, [37.5] * 2)
    inputs = replace(inputs, price_per_mwh=np.array([np.nan, 40.0]))
    result = account(site, inputs, np.ones((2, 3)))
    assert result.cost[0] == 0
    assert np.isfinite(result.profit)


def test_fractions_are_judged_too_and_a_wrong_shape_is_told(site):
    inputs = inputs_of(site, [37.5] * 2)
    half = account(site, inputs, np.full((2, 3), 0.5))
    whole = account(site, inputs, np.full((2, 3), 1.0))
    assert half.total_revenue == pytest.approx(whole.total_revenue / 2)
    with pytest.raises(ValueError, match="shape"):
        account(site, inputs, np.zeros((3, 3)))
