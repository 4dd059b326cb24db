"""Nobody passes perfect foresight: the operator's own run and every baseline, on sites drawn by chance."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unit.simulate.sites import HOUR, Documents, inputs_of, series, site_of
from wattswitch.simulate.account import account
from wattswitch.simulate.compare import foresee, score
from wattswitch.simulate.inputs import Inputs
from wattswitch.simulate.policies import POLICIES
from wattswitch.simulate.posing import problem_of, widest_problem_of
from wattswitch.simulate.run import run
from wattswitch.simulate.site import SiteModel

STEPS = 48


def lone_pool(objects: Documents) -> None:
    """One pool of 90 a MWh, without costs of switching, that runs 450 s at least."""
    for key in [k for k in objects if k.startswith(("MiningPool", "InferenceDeployment")) and k != "MiningPool/s21"]:
        del objects[key]
    spec = objects["PowerBudget/west"]["spec"]
    spec |= {"capWatts": 100_000, "reservePercent": 0, "overhead": {"fixedWatts": 0, "pue": "1"}}
    spec["price"]["adderPerMWh"] = "0"
    spec["hardware"][0]["stopSeconds"] = 0
    switching = {"minRunSeconds": 450, "minOffSeconds": 0, "startSeconds": 0}
    objects["MiningPool/s21"]["spec"] |= {"worth": {"perMWh": "90"}, "switching": switching}


def ramped(objects: Documents) -> None:
    objects["PowerBudget/west"]["spec"] |= {"rampUpWattsPerMinute": 200, "rampDownWattsPerMinute": 200}


def any_site(rng: np.random.Generator, folder: Path, step_seconds: float) -> SiteModel:
    """The site of the examples with any limit, ramps, priorities and switching."""

    def change(objects: Documents) -> None:
        spec = objects["PowerBudget/west"]["spec"]
        spec["capWatts"] = int(rng.integers(12_000, 120_000))
        spec["rampUpWattsPerMinute"] = int(rng.choice([0, 200, 3000]))
        spec["rampDownWattsPerMinute"] = int(rng.choice([0, 400, 5000]))
        for key in [k for k in objects if k.startswith(("MiningPool", "InferenceDeployment"))]:
            switching: dict[str, Any] = {
                "startSeconds": int(rng.choice([0, 60, 600])),
                "minRunSeconds": int(step_seconds * rng.uniform(0, 4)),
                "minOffSeconds": int(step_seconds * rng.uniform(0, 4)),
            }
            if key.startswith("MiningPool"):
                switching["costPerStart"] = str(rng.choice(["0", "0.05", "0.5"]))
            else:
                switching["drainSeconds"] = int(rng.choice([0, 60]))
            objects[key]["spec"] |= {"switching": switching, "priority": int(rng.choice([0, 0, 50, 100]))}

    return site_of(folder, change)


def profits(site: SiteModel, inputs: Inputs) -> dict[str, float]:
    """What the operator and each baseline earn."""
    runs = {name: policy(site, inputs) for name, policy in POLICIES.items()}
    earned = {name: account(site, inputs, sizes).profit for name, sizes in runs.items()}
    return {"wattswitch": account(site, inputs, run(site, inputs).spells).profit, **earned}


@pytest.mark.parametrize("seed", range(8))
def test_nobody_passes_the_bound_and_no_baseline_what_was_found(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    step = float(rng.choice([90, 300, 900, 3600]))
    site = any_site(rng, tmp_path, step)
    prices = np.repeat(rng.uniform(-50, 200, STEPS // 3), 3) + rng.normal(0, 5, STEPS)
    queue = series(np.abs(np.cumsum(rng.normal(0, 12, STEPS))).tolist(), step)
    inputs = inputs_of(site, prices.tolist(), step, feeds={"queue": queue})
    oracle, earned = foresee(site, inputs), profits(site, inputs)
    assert {name for name, profit in earned.items() if profit > oracle.bound + 1e-6} == set()
    assert max(profit for name, profit in earned.items() if name in POLICIES) <= oracle.profit + 1e-6


def test_nobody_passes_the_bound_where_dwell_is_no_whole_number_of_steps(tmp_path: Path) -> None:
    site = site_of(tmp_path, lone_pool)
    inputs = inputs_of(site, [40.0, 160.0] * 24, 300.0)
    assert profits(site, inputs)["wattswitch"] <= foresee(site, inputs).bound + 1e-6
    assert problem_of(site, inputs).min_run_steps.tolist() == [2]
    assert widest_problem_of(site, inputs).min_run_steps.tolist() == [1]


def test_no_baseline_passes_the_bound_where_the_site_has_ramps(tmp_path: Path) -> None:
    site = site_of(tmp_path, ramped)
    inputs = inputs_of(site, [20.0, 20.0, 160.0, 160.0, 20.0] * 6)
    assert max(profits(site, inputs).values()) <= foresee(site, inputs).bound


def test_there_is_nothing_to_capture_where_no_whole_pod_fits(tmp_path: Path) -> None:
    site = site_of(tmp_path, lambda o: o["PowerBudget/west"]["spec"].update(capWatts=3000))
    inputs = inputs_of(site, [40.0, 120.0] * 6)
    static = account(site, inputs, POLICIES["static"](site, inputs)).profit
    assert score(static, static, foresee(site, inputs).bound).captured is None


def test_a_ramp_lets_through_what_it_does_in_a_step_at_most(tmp_path: Path) -> None:
    """90 s touch two minutes; a pod that is larger than the ramp may have been paid for before the step."""

    def change(objects: Documents) -> None:
        objects["PowerBudget/west"]["spec"] |= {"rampUpWattsPerMinute": 10_800, "rampDownWattsPerMinute": 216}

    site = site_of(tmp_path, change)
    short, long = (widest_problem_of(site, inputs_of(site, [40.0] * 3, step)).ramp for step in (90.0, HOUR))
    assert (short.up_it_watts, short.down_it_watts) == pytest.approx((20_000, 300 + 3500))
    assert (long.up_it_watts, long.down_it_watts) == pytest.approx((600_000, 12_000 + 3500))
