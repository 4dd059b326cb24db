"""The value of being on, by a recursion written down plainly, and what must hold of it."""

import functools
import itertools

import numpy as np
import pytest

from builders import NOW, learned_prices
from wattswitch.planner.model import PriceCurve
from wattswitch.planner.price_ahead import Grid, grid, sight
from wattswitch.planner.price_model import BINS
from wattswitch.planner.switching_value import Stake, advantages, shares_on, table

START = NOW // 3600 * 3600
LESSONS = learned_prices(days=4).lessons
CURVE = PriceCurve(
    tuple(START + 3600.0 * n for n in range(20)), tuple(30.0 + 60.0 * (n in {2, 3, 9}) for n in range(20))
)
STAKES = tuple(
    Stake(h, start, stop) for h, start, stop in itertools.product((20.0, 60.0, 110.0), (0.0, 10.0, 100.0), (0.0, 25.0))
)


def plainly(steps: Grid, stake: Stake) -> list[list[float]]:
    """What comes after each step, by bin: the sentence of the module, in loops."""

    @functools.cache
    def value(t: int, j: int) -> float:
        return (stake.margin_per_mwh - steps.prices[t][j]) * steps.hours[t] + after(t, j)

    def after(t: int, j: int) -> float:
        if t + 1 == len(steps.starts):
            return 0.0
        bounded = [min(max(value(t + 1, k), -stake.stop_cost), stake.start_cost) for k in range(BINS)]
        return sum(chance * worth for chance, worth in zip(steps.moves[t][j], bounded, strict=True))

    for t in range(len(steps.starts) - 1, -1, -1):
        for j in range(BINS):
            value(t, j)
    return [[after(t, j) for j in range(BINS)] for t in range(12)]


def test_the_grid_reaches_48_hours_in_steps_that_widen() -> None:
    steps = grid(LESSONS, CURVE, START)
    assert steps.starts[0] == START
    assert steps.starts[-1] + steps.hours[-1] * 3600 == START + 48 * 3600
    assert steps.hours.sum() == pytest.approx(48)
    assert set(np.round(steps.hours * 3600)) == {300, 3600, 4 * 3600}
    assert len(steps.starts) <= 64
    assert all((steps.hours[1:] >= steps.hours[:-1]).tolist())


@pytest.mark.parametrize("curve", [PriceCurve(), CURVE])
def test_it_is_what_the_plain_recursion_gives(curve: PriceCurve) -> None:
    steps = grid(LESSONS, curve, START)
    solved = table(LESSONS, curve, START, STAKES)
    for i, stake in enumerate(STAKES):
        assert solved.ahead[:, i] == pytest.approx(np.array(plainly(steps, stake)), abs=1e-9)


@pytest.mark.parametrize("late_seconds", [0, 3600])
def test_it_never_rises_with_the_price(late_seconds: int) -> None:
    steps, solved = grid(LESSONS, CURVE, START), table(LESSONS, CURVE, START, STAKES)
    before = np.full(len(STAKES), np.inf)
    for price in (-1000.0, -10.0, 0.0, *range(10, 200, 3), 500.0, 16_000.0):
        seen = sight(LESSONS, CURVE, steps, START + 10, price, START - late_seconds)
        gains = np.array([stake.margin_per_mwh - price for stake in STAKES])
        now = advantages(solved, steps, seen, 0, STAKES, gains)
        assert (now <= before + 1e-9).all()
        before = now


def test_the_hours_on_follow_the_switches() -> None:
    """At no cost it is on exactly where the price is below the margin; at a large one it stays what it is."""
    steps = grid(LESSONS, CURVE, START)
    seen = sight(LESSONS, CURVE, steps, START, 30.0, START)
    stakes = [Stake(1e6, 0.0, 0.0), Stake(-1e6, 0.0, 0.0), Stake(60.0, 1e6, 1e6), Stake(60.0, 1e6, 1e6)]
    shares = shares_on(stakes, [False, True, True, False], steps, seen, 0)
    assert shares.shape == (4, 24)
    assert shares.mean(1) == pytest.approx([1, 0, 1, 0])
