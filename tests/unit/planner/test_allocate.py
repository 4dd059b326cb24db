"""How the limit is shared: floors, priority, worth per watt; watts and GPUs; who keeps what."""

import pytest

from builders import NOW, demand, goals, inference, miner, named, only, per_mwh, site
from wattswitch.planner import plan
from wattswitch.planner.model import Draw, GpuGroup, Reason, Surge

HOPPER = (GpuGroup("hopper", 8),)


def test_worth_per_watt_decides_within_a_priority_and_gaps_are_filled() -> None:
    state = site(
        miner("big", it_watts_per_replica=10_000, max_replicas=2, worth=per_mwh(167.0)),
        miner("small", it_watts_per_replica=3_000, worth=per_mwh(91.0)),
        cap_watts=16_500,
    )
    assert goals(plan(state)) == {"big": 1, "small": 2}


def test_priority_beats_worth() -> None:
    state = site(
        miner("dear", worth=per_mwh(500.0)),
        miner("loud", worth=per_mwh(50.0), priority=1),
        cap_watts=35_000,
    )
    assert goals(plan(state)) == {"dear": 0, "loud": 10}


def test_floors_come_before_a_higher_priority_s_wishes() -> None:
    state = site(miner("low", floor_replicas=3), inference("high", max_replicas=50), cap_watts=20_000)
    assert goals(plan(state)) == {"low": 3, "high": 5}
    assert plan(state).unmet_floor_watts == 0


def test_floors_that_the_limit_cannot_carry_are_lost_from_the_lowest_priority_up() -> None:
    state = site(
        miner("low", floor_replicas=3, spec_replicas=3),
        inference("high", floor_replicas=4, spec_replicas=4),
        cap_watts=11_000,
    )
    decision = plan(state)
    assert goals(decision) == {"low": 1, "high": 4}
    assert named(state, "low").reason == Reason.FLOOR_UNMET
    assert named(state, "low").limited_by == Reason.POWER_LIMIT
    assert (decision.unmet_floor_watts, decision.unmet_floor_gpus) == (7_000, ())


def test_floors_that_too_few_gpus_keep_unmet_are_told_as_gpus() -> None:
    hungry = {"gpus_per_replica": 3, "gpu_group": "hopper"}
    state = site(
        inference("llama", floor_replicas=4, **hungry),
        miner("s21", floor_replicas=28, max_replicas=28),
        gpu_groups=HOPPER,
        cap_watts=99_000,
    )
    decision = plan(state)
    assert goals(decision) == {"llama": 2, "s21": 27}
    assert (named(state, "llama").reason, named(state, "llama").limited_by) == (Reason.FLOOR_UNMET, Reason.GPU_LIMIT)
    assert named(state, "s21").limited_by == Reason.POWER_LIMIT
    assert (decision.unmet_floor_watts, decision.unmet_floor_gpus) == (3_500, (GpuGroup("hopper", 6),))


def test_a_limit_below_the_fixed_watts_takes_everything() -> None:
    state = site(miner(spec_replicas=4, floor_replicas=2), fixed_watts=6_000, event_limits_watts=(0,))
    decision = plan(state)
    assert (decision.limit_watts, goals(decision)) == (0, {"MiningPool/ns/s21": 0})
    assert decision.unmet_floor_watts == 7_000


def test_maximum_of_nothing_runs_nothing() -> None:
    target = only(site(miner(max_replicas=0, floor_replicas=2, spec_replicas=3)))
    assert (target.replicas, target.reason) == (0, Reason.AT_MAXIMUM)


def test_a_maximum_below_the_size_lowers_at_once_although_just_raised() -> None:
    state = site(miner(max_replicas=2, spec_replicas=5, raised_at=NOW, min_run_seconds=600))
    assert only(state).replicas == 2


def test_a_maximum_below_the_size_lowers_no_paused_workload_but_the_limit_does() -> None:
    paused = miner(max_replicas=2, spec_replicas=5, held="Paused")
    assert (only(site(paused)).replicas, only(site(paused)).reason) == (5, Reason.PAUSED)
    cut = only(site(paused, event_limits_watts=(4 * 3_500,)))
    assert (cut.replicas, cut.reason) == (4, Reason.POWER_LIMIT)


def test_surge_is_booked_with_the_size() -> None:
    target = only(site(miner(surge=Surge(percent=25)), cap_watts=28_000))
    assert (target.replicas, target.reason) == (6, Reason.POWER_LIMIT)


def test_surge_never_doubles_more_than_the_replicas() -> None:
    assert [Surge(percent=25).extra(n) for n in (0, 1, 4, 5, 40)] == [0, 1, 1, 2, 10]
    assert [Surge(pods=3).extra(n) for n in (0, 1, 3, 9)] == [0, 1, 3, 3]


def test_shared_gpus_bind_beside_watts() -> None:
    state = site(
        inference("llama", gpus_per_replica=1, gpu_group="hopper", demand=demand(6)),
        miner("gpu-miner", it_watts_per_replica=700, gpus_per_replica=1, gpu_group="hopper"),
        gpu_groups=HOPPER,
    )
    assert goals(plan(state)) == {"llama": 6, "gpu-miner": 2}
    assert named(state, "gpu-miner").reason == Reason.GPU_LIMIT


def test_the_gpu_limit_is_named_although_others_then_take_the_watts() -> None:
    state = site(
        inference("llama", gpus_per_replica=4, gpu_group="hopper"),
        miner("s21", max_replicas=100, it_watts_per_replica=100),
        gpu_groups=HOPPER,
        cap_watts=6_000,
    )
    assert named(state, "llama").goal_replicas == 2
    assert named(state, "llama").reason == Reason.GPU_LIMIT


def test_gpus_of_foreign_draws_and_stuck_pods_are_not_given_again() -> None:
    state = site(
        inference("llama", gpus_per_replica=2, gpu_group="hopper", stuck_pods=1),
        draws=(Draw("gone", pods=3, staying_pods=3, it_watts_per_pod=10, gpus_per_pod=1, gpu_group="hopper"),),
        gpu_groups=HOPPER,
    )
    assert goals(plan(state)) == {"llama": 1}


@pytest.mark.parametrize("gpus", [0, 1])
def test_a_gpu_group_that_nobody_declared_has_no_gpus(gpus: int) -> None:
    state = site(inference("llama", gpus_per_replica=gpus, gpu_group="unheard-of"), miner("s21"))
    assert goals(plan(state)) == {"llama": 0 if gpus else 8, "s21": 10}


def test_watts_of_pods_that_stay_whatever_is_decided_are_not_given() -> None:
    state = site(
        miner("s21", stuck_pods=2),
        draws=(Draw("gone", pods=9, staying_pods=3, it_watts_per_pod=3_500),),
        cap_watts=10 * 3_500,
    )
    assert goals(plan(state)) == {"s21": 5}


def test_a_paused_workload_is_lowered_last_of_its_priority_and_before_any_higher_one() -> None:
    state = site(
        miner("paused", spec_replicas=5, held="Paused", worth=per_mwh(1.0)),
        miner("same", spec_replicas=5, worth=per_mwh(500.0)),
        miner("higher", spec_replicas=5, priority=1),
        price=200.0,
        cap_watts=7 * 3_500,
    )
    higher_runs = site(*state.workloads, price=40.0, cap_watts=7 * 3_500)
    assert goals(plan(state)) == {"paused": 5, "same": 2, "higher": 0}
    assert goals(plan(higher_runs)) == {"paused": 0, "same": 0, "higher": 7}


def test_floors_of_the_paused_are_the_last_of_their_priority_to_go() -> None:
    state = site(
        miner("paused", spec_replicas=2, floor_replicas=2, held="Paused", worth=per_mwh(1.0)),
        miner("same", spec_replicas=2, floor_replicas=2, worth=per_mwh(500.0)),
        cap_watts=3 * 3_500,
    )
    assert goals(plan(state)) == {"paused": 2, "same": 1}


def test_a_blocked_workload_does_not_rise_to_its_floor_and_leaves_its_watts_to_others() -> None:
    state = site(
        inference("blocked", spec_replicas=1, floor_replicas=4, blocked="InvalidSpec"),
        miner("s21"),
        cap_watts=1_785 + 10 * 3_500,
    )
    assert goals(plan(state)) == {"blocked": 1, "s21": 10}
    assert named(state, "blocked").reason == Reason.INVALID_SPEC
    assert plan(state).unmet_floor_watts == 0


def test_worth_takes_nothing_from_a_just_raised_workload_of_its_priority() -> None:
    state = site(
        miner("just-raised", spec_replicas=5, raised_at=NOW - 60, min_run_seconds=600, worth=per_mwh(91.0)),
        miner("worth-more", worth=per_mwh(167.0)),
        cap_watts=5 * 3_500,
    )
    assert goals(plan(state)) == {"just-raised": 5, "worth-more": 0}
    assert named(state, "just-raised").look_again_at == NOW + 540
    later = site(*state.workloads, cap_watts=5 * 3_500, now=NOW + 540)
    assert goals(plan(later)) == {"just-raised": 0, "worth-more": 5}


def test_a_higher_priority_takes_from_a_just_raised_workload() -> None:
    state = site(
        miner("just-raised", spec_replicas=5, raised_at=NOW - 60, min_run_seconds=600),
        miner("higher", priority=1, max_replicas=3),
        cap_watts=5 * 3_500,
    )
    assert goals(plan(state)) == {"just-raised": 2, "higher": 3}


def test_where_the_limit_forces_worth_decides_although_the_least_was_just_raised() -> None:
    state = site(
        miner("s19j", spec_replicas=5, raised_at=NOW - 60, min_run_seconds=600, worth=per_mwh(52.0)),
        miner("s21", spec_replicas=5, worth=per_mwh(91.0)),
        event_limits_watts=(5 * 3_500,),
    )
    assert goals(plan(state)) == {"s19j": 0, "s21": 5}


def test_what_the_limit_forces_is_no_more_than_it_needs() -> None:
    state = site(
        miner("s19j", spec_replicas=5, raised_at=NOW - 60, min_run_seconds=600, worth=per_mwh(52.0)),
        miner("s21", spec_replicas=5, worth=per_mwh(91.0)),
        event_limits_watts=(9 * 3_500,),
    )
    assert goals(plan(state)) == {"s19j": 4, "s21": 5}


def test_a_just_raised_workload_does_not_shelter_others() -> None:
    state = site(
        miner("just-raised", spec_replicas=3, max_replicas=3, raised_at=NOW, min_run_seconds=600, worth=per_mwh(52.0)),
        miner("least", spec_replicas=4, worth=per_mwh(60.0)),
        miner("most", spec_replicas=1, max_replicas=5, worth=per_mwh(91.0)),
        cap_watts=8 * 3_500,
    )
    assert goals(plan(state)) == {"just-raised": 3, "least": 0, "most": 5}


def test_a_paused_workload_is_not_raised_to_its_floor() -> None:
    assert only(site(miner(spec_replicas=1, floor_replicas=3, held="Paused"))).replicas == 1


@pytest.mark.parametrize(("price", "replicas"), [(90.9, 10), (91.0, 0), (-20.0, 10)])
def test_a_price_that_equals_the_strike_earns_nothing(price: float, replicas: int) -> None:
    assert only(site(miner(spec_replicas=10), price=price)).replicas == replicas


@pytest.mark.parametrize(("cap_watts", "replicas"), [(6_000 + 37_800, 10), (6_000 + 37_799, 9)])
def test_the_limit_is_exact_to_the_watt(cap_watts: int, replicas: int) -> None:
    decision = plan(site(miner(), cap_watts=cap_watts, fixed_watts=6_000, pue_1e4=10_800))
    assert goals(decision) == {"MiningPool/ns/s21": replicas}
    assert decision.planned_watts <= cap_watts
