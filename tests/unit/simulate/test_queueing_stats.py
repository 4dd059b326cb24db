import math

import numpy as np
import pytest

from wattswitch.simulate.queueing_mining import per_year, priced_margin, steady_margin
from wattswitch.simulate.queueing_stats import ratio_of_means
from wattswitch.simulate.series import Series

DAYS = np.repeat(np.arange(14), 50)


def test_the_ratio_is_of_means_and_not_a_mean_of_ratios() -> None:
    ratio = ratio_of_means(np.array([1.0, 9.0]), np.array([1.0, 1.0]), np.array([0, 1]), 100, 1)
    assert ratio.value == 5
    assert (ratio.low, ratio.high) == (1, 9)


def test_equal_days_leave_no_doubt() -> None:
    first = np.tile(np.linspace(1, 2, 50), 14)
    ratio = ratio_of_means(first, first / 1.53, DAYS, 500, 1)
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((1.53,) * 3)
    assert ratio.reduction_percent.value == pytest.approx(34.64, abs=0.01)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for trial in range(200):
        busy = np.repeat(rng.gamma(4.0, 0.25, 14), 50)
        first, second = 2 * busy * rng.gamma(9, 1 / 9, 700), np.repeat(rng.gamma(9, 1 / 9, 14), 50) * busy
        interval = ratio_of_means(first, second, DAYS, 200, trial)
        covered += interval.low <= 2.0 <= interval.high
    assert 165 <= covered <= 200


def test_no_wait_at_all_is_infinitely_shorter_and_none_in_both_is_no_difference() -> None:
    some, none = np.ones(700), np.zeros(700)
    assert ratio_of_means(some, none, DAYS, 50, 1).value == math.inf
    assert ratio_of_means(none, none, DAYS, 50, 1).value == 1


def test_margins() -> None:
    assert steady_margin(50.0)(1800, 5400) == 50
    assert steady_margin(-5.0)(0, 3600) == 0
    prices = Series(np.array([0.0, 3600.0, 7200.0]), np.array([20.0, 100.0, np.nan]))
    margin = priced_margin(91.0, prices, 1.0)
    assert margin(0, 3600) == pytest.approx(70)
    assert margin(3600, 3 * 3600) == 0
    assert margin(0, 2 * 3 * 3600) == pytest.approx(140)
    assert margin(3 * 3600 + 1800, 3 * 3600 + 9000) == pytest.approx(35)


def test_a_year_of_money() -> None:
    assert per_year(1.0, 86_400) == 365
