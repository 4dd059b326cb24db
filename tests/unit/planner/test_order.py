"""From here to the goal: shed first, raise last, and never over the limit on the way."""

from builders import NOW, inference, miner, named, only, per_mwh, site, sizes
from wattswitch.planner import plan
from wattswitch.planner.model import Draw, GpuGroup, Reason, Surge

POD = 3_500


def test_a_raise_waits_until_the_watts_are_seen_free() -> None:
    state = site(
        miner("s21", spec_replicas=10),
        inference("llama", it_watts_per_replica=POD, max_replicas=4),
        cap_watts=10 * POD,
    )
    decision = plan(state)
    assert sizes(decision) == {"s21": 6, "llama": 0}
    assert (decision.lowers, decision.raises) == (("s21",), ())
    assert named(state, "llama").reason == Reason.WAITING_FOR_WATTS


def test_a_raise_takes_what_is_free_and_waits_for_the_rest() -> None:
    state = site(miner(spec_replicas=2, booked_pods=7), cap_watts=9 * POD)
    target = only(state)
    assert (target.replicas, target.goal_replicas, target.reason) == (4, 9, Reason.WAITING_FOR_WATTS)


def test_dying_pods_of_others_are_waited_for() -> None:
    target = only(site(miner(), draws=(Draw("gone", 6, 0, POD),), cap_watts=10 * POD))
    assert (target.replicas, target.goal_replicas, target.reason) == (4, 10, Reason.WAITING_FOR_WATTS)


def test_a_raise_waits_for_gpus_that_are_not_yet_free() -> None:
    llama = inference(gpus_per_replica=1, gpu_group="hopper")
    target = only(
        site(llama, draws=(Draw("gone", 5, 0, 10, 1, "hopper"),), gpu_groups=(GpuGroup("hopper", 8),)),
    )
    assert (target.replicas, target.goal_replicas, target.reason) == (3, 8, Reason.WAITING_FOR_GPUS)


def test_a_lowering_that_no_status_shows_yet_is_not_followed_by_a_raise() -> None:
    target = only(site(miner(spec_replicas=2, settled=False)))
    assert (target.replicas, target.reason) == (2, Reason.SETTLING)
    assert only(site(miner(spec_replicas=2, settled=False), price=500.0)).replicas == 0


def test_floors_rise_before_anything_else() -> None:
    state = site(
        miner("low", floor_replicas=2, spec_replicas=0, max_replicas=2, priority=0),
        inference("high", it_watts_per_replica=POD, spec_replicas=1, max_replicas=4),
        draws=(Draw("gone", 3, 0, POD),),
        cap_watts=6 * POD,
    )
    assert plan(state).raises == ("low",)
    assert sizes(plan(state)) == {"low": 2, "high": 1}


def test_miners_are_lowered_before_inference_and_the_held_last() -> None:
    state = site(
        miner("paused", spec_replicas=2, held="Paused"),
        inference("llama", spec_replicas=2, priority=5),
        inference("batch", spec_replicas=2, priority=1),
        miner("dear", spec_replicas=2, worth=per_mwh(167.0)),
        miner("cheap", spec_replicas=2, worth=per_mwh(52.0)),
        miner("loud", spec_replicas=2, priority=9),
        event_limits_watts=(0,),
    )
    assert plan(state).lowers == ("cheap", "dear", "loud", "batch", "llama", "paused")


def test_raises_go_by_priority_then_worth() -> None:
    state = site(
        miner("dear", max_replicas=2, worth=per_mwh(167.0)),
        miner("cheap", max_replicas=2, worth=per_mwh(52.0)),
        inference("llama", max_replicas=2),
        miner("floor", floor_replicas=1, max_replicas=1, worth=per_mwh(1.0)),
    )
    assert plan(state).raises == ("floor", "llama", "dear", "cheap")


def test_stuck_pods_make_the_others_give_way_whatever_the_ramp() -> None:
    state = site(
        miner("dying", max_replicas=0, booked_pods=3, stuck_pods=3),
        miner("running", spec_replicas=10),
        cap_watts=10 * POD,
        ramp_down_watts_per_minute=1,
    )
    assert sizes(plan(state)) == {"dying": 0, "running": 7}


def test_a_gate_stops_raises_and_names_itself_but_lets_lowerings_pass() -> None:
    up, down = miner("up"), miner("down", spec_replicas=3, worth=per_mwh(1.0))
    state = site(up, down, raise_gate="NotLeader")
    assert sizes(plan(state)) == {"up": 0, "down": 0}
    assert named(state, "up").reason == Reason.NOT_LEADER


def test_dwell_keeps_an_economic_move_back_and_says_when_it_ends() -> None:
    run = only(site(miner(spec_replicas=4, raised_at=NOW - 100, min_run_seconds=600), price=500.0))
    assert (run.replicas, run.reason, run.look_again_at) == (4, Reason.MIN_RUN, NOW + 500)
    off = only(site(miner(spec_replicas=4, lowered_at=NOW - 100, min_off_seconds=600)))
    assert (off.replicas, off.reason, off.look_again_at) == (4, Reason.MIN_OFF, NOW + 500)
    assert only(site(miner(spec_replicas=4, raised_at=NOW - 600, min_run_seconds=600), price=500.0)).replicas == 0
    assert only(site(miner(spec_replicas=4, lowered_at=NOW - 600, min_off_seconds=600))).replicas == 10


def test_the_floor_does_not_wait_for_the_end_of_min_off() -> None:
    target = only(site(miner(floor_replicas=2, lowered_at=NOW - 100, min_off_seconds=600)))
    assert (target.replicas, target.reason) == (2, Reason.MIN_OFF)


def test_a_raise_books_the_surge_that_comes_with_it() -> None:
    state = site(miner(spec_replicas=4, booked_pods=5, surge=Surge(pods=1)), cap_watts=8 * POD)
    assert only(state).replicas == 7


def test_gpus_of_a_workload_s_own_dying_pods_are_waited_for() -> None:
    llama = inference(gpus_per_replica=1, gpu_group="hopper", spec_replicas=2, booked_pods=7)
    target = only(site(llama, gpu_groups=(GpuGroup("hopper", 8),)))
    assert (target.replicas, target.goal_replicas, target.reason) == (3, 8, Reason.WAITING_FOR_GPUS)


def test_in_an_emergency_the_most_watts_go_with_the_first_write() -> None:
    workloads = (
        miner("few", spec_replicas=2),
        inference("many", spec_replicas=6, it_watts_per_replica=POD, max_replicas=8),
        miner("some", spec_replicas=4),
    )
    calm = plan(site(*workloads, event_limits_watts=(0,)))
    emergency = plan(site(*workloads, event_limits_watts=(0,), emergency=True))
    assert calm.lowers[-1] == "many"
    assert emergency.lowers == ("many", "some", "few")
    assert sizes(calm) == sizes(emergency) == {"few": 0, "many": 0, "some": 0}
