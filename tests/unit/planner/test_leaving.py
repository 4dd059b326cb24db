"""What becomes of a target whose workload object was deleted."""

from typing import Any

import pytest

from builders import NOW, goals, inference, miner, named, only, per_mwh, site, sizes
from wattswitch.planner import plan
from wattswitch.planner.model import Reason, Signal, Workload

POD = 3_500


def leaving(key: str = "leaving", **fields: Any) -> Workload:
    """A target that goes to its maximum, worth nothing to anybody."""
    return miner(key, **{"worth": per_mwh(0.0), "leaving": True} | fields)


@pytest.mark.parametrize("price", [Signal(40.0), Signal(-40.0), Signal(40.0, problem="Stale"), Signal(None)])
@pytest.mark.parametrize(("spec", "maximum"), [(5, 0), (5, 5), (2, 5), (7, 5)])
def test_it_goes_to_its_maximum_whatever_the_price_is(price: Signal, spec: int, maximum: int) -> None:
    target = only(site(leaving(spec_replicas=spec, max_replicas=maximum), price=price))
    assert (target.replicas, target.goal_replicas, target.reason) == (maximum, maximum, Reason.STOPPING)


def test_it_stops_although_it_was_just_raised() -> None:
    state = site(leaving(spec_replicas=5, max_replicas=0, raised_at=NOW, min_run_seconds=600))
    assert only(state).replicas == 0


def test_it_is_given_watts_after_every_other_workload() -> None:
    state = site(
        leaving(priority=1_000, max_replicas=5, worth=per_mwh(5_000.0)),
        miner("low", worth=per_mwh(41.0), max_replicas=8),
        cap_watts=10 * POD,
    )
    assert goals(plan(state)) == {"leaving": 2, "low": 8}
    assert named(state, "leaving").reason == Reason.POWER_LIMIT


def test_it_is_the_first_that_the_limit_lowers() -> None:
    state = site(
        leaving(priority=1_000, spec_replicas=5, max_replicas=5),
        inference("llama", spec_replicas=2, max_replicas=2, it_watts_per_replica=POD),
        miner("paused", spec_replicas=5, held="Paused"),
        miner("low", spec_replicas=5, max_replicas=5),
        event_limits_watts=(8 * POD,),
    )
    assert sizes(plan(state)) == {"leaving": 0, "low": 1, "llama": 2, "paused": 5}
    assert plan(state).lowers == ("leaving", "low")


@pytest.mark.parametrize(
    ("fields", "budget", "reason"),
    [
        ({"blocked": "InvalidSpec"}, {}, Reason.INVALID_SPEC),
        ({"held": "Starting"}, {}, Reason.STARTING),
        ({"settled": False}, {}, Reason.SETTLING),
        ({"lowered_at": NOW, "min_off_seconds": 60}, {}, Reason.MIN_OFF),
        ({}, {"raise_gate": "NotLeader"}, Reason.NOT_LEADER),
        ({}, {"ramp_up_watts_per_minute": 1, "moves": ()}, Reason.RAMP_UP),
        ({}, {"meter": Signal(None)}, Reason.METER_STALE),
    ],
)
def test_what_else_binds_is_told_first(fields: dict[str, Any], budget: dict[str, Any], reason: Reason) -> None:
    assert only(site(leaving(spec_replicas=1, max_replicas=5, **fields), **budget)).reason == reason
