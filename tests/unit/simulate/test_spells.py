"""Sizes that move within steps: what they are on average, and what such moves cost."""

import numpy as np
import pytest

from unit.simulate.sites import HOUR, inputs_of, series, site_of
from wattswitch.simulate.account import account
from wattswitch.simulate.grid import Period
from wattswitch.simulate.inputs import Recorded, build_inputs
from wattswitch.simulate.policies import ski_rental
from wattswitch.simulate.posing import problem_of
from wattswitch.simulate.run import run
from wattswitch.simulate.spells import Spells, SpellsBook


def spells_of(*rows: tuple[int, float, list[int]]) -> Spells:
    """Of (step, seconds, sizes)."""
    steps, seconds, sizes = zip(*rows, strict=True)
    return Spells(np.array(steps), np.array(seconds), np.array(sizes))


@pytest.fixture
def site(tmp_path):
    return site_of(tmp_path)


def lone_pool(objects):
    """One pool whose pods are gone at once, and whose starts cost."""
    for key in [k for k in objects if k.startswith(("MiningPool", "InferenceDeployment")) and k != "MiningPool/s21"]:
        del objects[key]
    budget = objects["PowerBudget/west"]["spec"]
    budget |= {"capWatts": 100_000, "reservePercent": 0, "overhead": {"fixedWatts": 0, "pue": "1"}}
    budget["price"]["adderPerMWh"] = "0"
    budget["hardware"][0]["stopSeconds"] = 0
    switching = {"minRunSeconds": 0, "minOffSeconds": 0, "startSeconds": 0, "costPerStart": "0.15"}
    objects["MiningPool/s21"]["spec"] |= {"worth": {"perMWh": "90"}, "switching": switching}


def test_moves_are_kept_with_their_times():
    book = SpellsBook(3, 2, 60.0)
    for step, seconds, sizes in ((0, 0.0, [1, 2]), (0, 45.0, [3, 2]), (1, 0.0, [3, 2]), (2, 0.0, [0, 0])):
        book.put(step, seconds, sizes)
    spells = book.spells()
    assert spells.steps.tolist() == [0, 0, 1, 2]
    assert spells.seconds.tolist() == [45.0, 15.0, 60.0, 60.0]
    assert spells.mean.tolist() == [[1.5, 2.0], [3.0, 2.0], [0.0, 0.0]]
    assert spells.last.tolist() == [[3, 2], [3, 2], [0, 0]]
    both = spells.joined(spells_of((0, 60.0, [9, 9]), (1, 20.0, [8, 8]), (1, 40.0, [7, 7]), (2, 60.0, [6, 6])), 1)
    assert both.last.tolist() == [[3, 2], [7, 7], [6, 6]]
    assert both.seconds.tolist() == [45.0, 15.0, 20.0, 40.0, 60.0]


def test_a_move_in_the_middle_of_a_step_earns_from_there_on(site):
    inputs = inputs_of(site, [40.0, 40.0])
    half = account(site, inputs, spells_of((0, HOUR / 2, [1, 0, 0]), (0, HOUR / 2, [1, 4, 0]), (1, HOUR, [1, 4, 0])))
    whole = account(site, inputs, np.array([[1, 4, 0], [1, 4, 0]]))
    assert half.revenue[:, 1].tolist() == pytest.approx([whole.revenue[0, 1] / 2, whole.revenue[1, 1]])
    assert half.started.sum() == 4
    idle = account(site, inputs, np.array([[1, 0, 0], [1, 0, 0]]))
    assert half.watts[0] == pytest.approx((whole.watts[0] + idle.watts[0]) / 2)
    assert half.energy[0] == pytest.approx((whole.energy[0] + idle.energy[0]) / 2)


def test_a_start_and_a_stop_within_one_step_are_both_paid(site):
    inputs = inputs_of(site, [40.0])
    judged = account(site, inputs, spells_of((0, 600.0, [1, 0, 0]), (0, 600.0, [1, 4, 0]), (0, 2400.0, [0, 0, 0])))
    assert (judged.started.sum(), judged.stopped.sum(), judged.switches) == (4, 5, 9)
    assert judged.start_cost[0, 1] > 0
    assert judged.floor_misses == pytest.approx(2400 / HOUR)
    assert judged.profit_by_step.shape == (1,)


def test_the_same_prices_on_a_coarse_and_on_a_fine_grid_earn_the_same(tmp_path):
    site = site_of(tmp_path, lone_pool)
    prices = series(([40.0] * 4 + [160.0] * 3 + [40.0] * 5 + [160.0] * 4) * 6)
    coarse, fine = (build_inputs(site, Recorded(price=prices), Period(None, None, step)) for step in (HOUR, 60.0))
    runs = [run(site, inputs) for inputs in (coarse, fine)]
    earned = [account(site, inputs, played.spells).profit for inputs, played in zip((coarse, fine), runs, strict=True)]
    assert earned[0] == pytest.approx(earned[1], rel=1e-6)
    assert runs[0].spells.steps.size > coarse.steps


def test_ski_rental_is_no_better_on_a_coarse_grid_by_knowing_its_step(tmp_path):
    site = site_of(tmp_path, lone_pool)
    prices = series(([40.0] * 4 + [160.0] * 3 + [40.0] * 5 + [160.0] * 4) * 6)
    earned = []
    for step in (HOUR, 60.0):
        inputs = build_inputs(site, Recorded(price=prices), Period(None, None, step))
        earned.append(account(site, inputs, ski_rental(problem_of(site, inputs))).profit)
    assert earned[0] <= 1.05 * earned[1]
