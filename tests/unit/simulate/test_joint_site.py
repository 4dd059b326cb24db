"""Miners and inference behind one limit over a month of real prices and request rates, beside every baseline."""

import os
from pathlib import Path

import pytest

from unit.simulate.joint_site import joint_inputs, joint_site
from wattswitch.simulate.account import account
from wattswitch.simulate.compare import foresee, score
from wattswitch.simulate.policies import POLICIES
from wattswitch.simulate.run import run

DATA = os.environ.get("WATTSWITCH_DATA")
MONTH = ("2024-05-01T00:00Z", "2024-06-01T00:00Z")

CAPTURED = 0.75
"""Of what switching can earn. Most of the rest is demand that nobody knew of when its pods should have started."""

OF_ORACLE = 0.98
"""Of what perfect foresight earns."""


@pytest.mark.skipif(not DATA, reason="WATTSWITCH_DATA is not set: no recorded series")
@pytest.mark.timeout(600)
def test_a_month_of_the_joint_site() -> None:
    site = joint_site()
    inputs = joint_inputs(Path(DATA or ""), site, *MONTH)
    played = run(site, inputs)
    own = account(site, inputs, played.replicas)
    baselines = {name: account(site, inputs, policy(site, inputs)) for name, policy in POLICIES.items()}
    oracle = foresee(site, inputs)
    judged = score(own.profit, baselines["static"].profit, oracle.bound)

    assert (played.violation_seconds, own.violation_seconds, own.floor_misses) == (0, 0, 0)
    assert own.profit > max(baseline.profit for baseline in baselines.values())
    assert judged.of_oracle is not None
    assert judged.of_oracle >= OF_ORACLE
    assert judged.captured is not None
    assert judged.captured >= CAPTURED
    assert oracle.profit >= 0.999 * oracle.bound
