"""How much power may move in a minute for money's sake."""

from typing import Any

from builders import NOW, miner, only, per_mwh, site, sizes
from wattswitch.planner import plan
from wattswitch.planner.model import Move, Reason, SiteState, Surge, Workload
from wattswitch.planner.ramp import ramp_memory_seconds

POD = 1_000


def small(**fields: Any) -> Workload:
    return miner(it_watts_per_replica=POD, max_replicas=50, **fields)


def falling(**budget: Any) -> SiteState:
    return site(small(spec_replicas=20), price=500.0, **budget)


def test_a_raise_keeps_to_the_ramp() -> None:
    target = only(site(small(), ramp_up_watts_per_minute=4_000))
    assert (target.replicas, target.goal_replicas, target.reason) == (4, 50, Reason.RAMP_UP)


def test_an_economic_lowering_keeps_to_the_ramp() -> None:
    target = only(falling(ramp_down_watts_per_minute=4_000))
    assert (target.replicas, target.goal_replicas, target.reason) == (16, 0, Reason.RAMP_DOWN)


def test_moves_of_the_last_minute_use_up_the_ramp_of_their_direction_only() -> None:
    moves = (Move(NOW - 60, -4_000), Move(NOW - 30, -3_000), Move(NOW - 10, 4_000))
    target = only(falling(ramp_down_watts_per_minute=4_000, moves=moves))
    assert (target.replicas, target.look_again_at) == (19, NOW + 30)


def test_pue_makes_the_ramp_smaller_at_the_pods() -> None:
    assert only(site(small(), ramp_up_watts_per_minute=4_000, pue_1e4=12_500)).replicas == 3


def test_no_ramp_is_no_limit() -> None:
    assert only(site(small())).replicas == 50
    assert only(falling()).replicas == 0


def test_the_smallest_ramp_is_still_a_ramp_under_pue() -> None:
    moves = (Move(NOW - 120, POD), Move(NOW - 120, -POD))
    ramps: dict[str, Any] = {
        "ramp_up_watts_per_minute": 1,
        "ramp_down_watts_per_minute": 1,
        "pue_1e4": 20_000,
        "moves": moves,
    }
    assert only(site(small(), **ramps)).replicas == 0
    assert only(falling(**ramps)).replicas == 20


def test_the_limit_beats_the_ramp_and_no_further_than_it_needs() -> None:
    target = only(falling(ramp_down_watts_per_minute=4_000, event_limits_watts=(7_000,)))
    assert (target.replicas, target.goal_replicas) == (7, 0)


def test_two_workloads_share_one_ramp() -> None:
    state = site(
        small(key="a", worth=per_mwh(92.0)), small(key="b", worth=per_mwh(91.0)), ramp_up_watts_per_minute=60_000
    )
    assert sizes(plan(state)) == {"a": 50, "b": 10}


def test_a_pod_larger_than_the_ramp_moves_alone_once_its_minutes_are_paid() -> None:
    ramp = {"ramp_up_watts_per_minute": 250, "ramp_down_watts_per_minute": 250}
    assert only(site(small(), **ramp)).replicas == 1
    assert only(falling(**ramp)).replicas == 19
    early = only(site(small(), **ramp, moves=(Move(NOW - 239, POD),)))
    assert (early.replicas, early.look_again_at) == (0, NOW + 1)
    assert only(site(small(), **ramp, moves=(Move(NOW - 240, POD),))).replicas == 1


def test_moves_are_remembered_for_as_long_as_a_large_pod_is_paid_off() -> None:
    assert ramp_memory_seconds(POD, 250) == 240
    assert ramp_memory_seconds(POD, 4_000) == 60
    assert ramp_memory_seconds(POD, 0) == 0


def test_surge_counts_in_both_directions() -> None:
    quarter = Surge(percent=25)
    up = only(site(small(spec_replicas=3, surge=quarter), ramp_up_watts_per_minute=4_000))
    assert up.replicas == 6
    down = only(site(small(spec_replicas=10, surge=quarter), price=500.0, ramp_down_watts_per_minute=4_000))
    assert down.replicas == 7
