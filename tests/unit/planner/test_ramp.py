"""How much power may move in a minute for money's sake."""

from typing import Any

from builders import NOW, inference, miner, named, only, per_mwh, site, sizes
from property.model_site import ModelSite
from wattswitch.planner import plan
from wattswitch.planner.model import Draw, Move, Reason, SiteState, Surge, Workload
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


def test_as_many_move_as_the_ramp_lets_with_their_surge() -> None:
    up = only(site(small(surge=Surge(percent=25)), ramp_up_watts_per_minute=10_000))
    assert up.replicas == 8


def moved_after(state: SiteState, minutes: int) -> dict[str, int]:
    """Sizes after so many minutes with a decision every six seconds."""
    moving = ModelSite.of(state)
    for _ in range(10 * minutes):
        moving.write(plan(moving.state))
        moving.wait(6.0)
    return moving.sizes


def test_a_large_pod_s_wait_for_the_ramp_is_not_drawn_out_by_lower_priorities() -> None:
    state = site(
        miner("a", priority=100, it_watts_per_replica=3_000, max_replicas=5),
        miner("b", it_watts_per_replica=500, max_replicas=100),
        ramp_up_watts_per_minute=1_000,
    )
    assert moved_after(state, 13) == {"a": 5, "b": 0}
    assert moved_after(state, 40)["b"] > 40


def test_who_comes_after_the_first_that_waits_for_the_ramp_waits_as_long() -> None:
    state = site(
        miner("a", priority=100, it_watts_per_replica=3_000),
        miner("b", it_watts_per_replica=500),
        ramp_up_watts_per_minute=1_000,
        moves=(Move(NOW - 100, 500),),
    )
    for key in ("a", "b"):
        assert (named(state, key).replicas, named(state, key).reason) == (0, Reason.RAMP_UP)
        assert named(state, key).look_again_at == NOW + 80
    after = site(*state.workloads, ramp_up_watts_per_minute=1_000, moves=state.moves, now=NOW + 80)
    assert sizes(plan(after)) == {"a": 1, "b": 0}


def test_the_ramp_is_left_to_others_where_watts_are_what_is_missing() -> None:
    state = site(
        miner("a", priority=100, it_watts_per_replica=3_000, max_replicas=1),
        miner("b", it_watts_per_replica=500, max_replicas=1),
        draws=(Draw("dying", 5, 0, 500),),
        cap_watts=4_000,
        ramp_up_watts_per_minute=1_000,
    )
    assert sizes(plan(state)) == {"a": 0, "b": 1}
    assert named(state, "a").reason == Reason.WAITING_FOR_WATTS


def test_a_large_pod_s_wait_to_fall_is_not_drawn_out_by_what_is_lowered_after_it() -> None:
    large = miner("large", it_watts_per_replica=3_000, spec_replicas=5)
    later = inference("later", it_watts_per_replica=500, spec_replicas=20, max_replicas=20)
    state = site(large, later, price=5_000.0, ramp_down_watts_per_minute=1_000)
    assert moved_after(state, 13) == {"large": 0, "later": 20}
    assert moved_after(state, 30) == {"large": 0, "later": 0}


def test_what_the_limit_needs_never_waits_behind_the_ramp() -> None:
    state = site(
        miner("first", it_watts_per_replica=3_000, spec_replicas=5, worth=per_mwh(1.0)),
        inference("second", it_watts_per_replica=500, spec_replicas=20, max_replicas=20),
        price=5_000.0,
        ramp_down_watts_per_minute=1_000,
        moves=(Move(NOW - 1, -500),),
    )
    assert sizes(plan(state)) == {"first": 5, "second": 20}
    cut = site(
        *state.workloads,
        price=5_000.0,
        ramp_down_watts_per_minute=1_000,
        moves=state.moves,
        event_limits_watts=(5_000,),
    )
    assert sizes(plan(cut)) == {"first": 0, "second": 10}
