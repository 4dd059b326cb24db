"""Miners and inference behind one limit over real prices and request rates, beside every baseline."""

import os
from pathlib import Path
from random import Random

import pytest

from unit.simulate.joint_site import joint_inputs, joint_site
from wattswitch.simulate.account import account
from wattswitch.simulate.compare import foresee, score
from wattswitch.simulate.policies import POLICIES
from wattswitch.simulate.run import run

DATA = os.environ.get("WATTSWITCH_DATA")
MARCH = ("2024-03-01T00:00Z", "2024-04-01T00:00Z")
MAY = ("2024-05-01T00:00Z", "2024-06-01T00:00Z")
WEEK = ("2024-05-06T00:00Z", "2024-05-13T00:00Z")

OF_ORACLE = 0.99
"""Of what perfect foresight earns."""


@pytest.mark.skipif(not DATA, reason="WATTSWITCH_DATA is not set: no recorded series")
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("period", "step_seconds", "repeating", "captured"),
    [
        pytest.param(MAY, None, True, 0.94, id="May"),
        pytest.param(MARCH, None, True, 0.915, id="March"),
        pytest.param(MAY, None, False, 0.87, id="May, no week like another"),
        pytest.param(MARCH, None, False, 0.82, id="March, no week like another"),
        pytest.param(WEEK, 300.0, True, 0.905, id="one week by five minutes"),
    ],
)
def test_what_the_joint_site_captures(
    *, period: tuple[str, str], step_seconds: float | None, repeating: bool, captured: float
) -> None:
    """`captured` is of what switching can earn: most of the rest is demand that nobody knew when its pods had to start.

    Where weeks repeat much less of it is unknown from the second one on.
    """
    site = joint_site()
    order = None if repeating else Random(1)
    inputs = joint_inputs(Path(DATA or ""), site, *period, step_seconds, order=order)
    played = run(site, inputs)
    own = account(site, inputs, played.spells)
    baselines = {name: account(site, inputs, policy(site, inputs)) for name, policy in POLICIES.items()}
    oracle = foresee(site, inputs)
    judged = score(own.profit, baselines["static"].profit, oracle.bound)

    assert (played.violation_seconds, own.violation_seconds, own.floor_misses) == (0, 0, 0)
    assert own.profit > max(baseline.profit for baseline in baselines.values())
    assert judged.of_oracle is not None
    assert judged.of_oracle >= OF_ORACLE
    assert judged.captured is not None
    assert judged.captured >= captured
    assert oracle.profit >= 0.999 * oracle.bound
