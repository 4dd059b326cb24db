"""What a stale signal may still be used for."""

import pytest

from builders import inference, miner, only, per_mwh, site
from wattswitch.planner.model import Demand, OnStale, Reason, Signal
from wattswitch.planner.signals import Usable, usable


def stale(value: float | None, on_stale: OnStale = OnStale.HOLD, assume: float | None = None) -> Signal:
    return Signal(value, problem="Stale", on_stale=on_stale, assume=assume)


@pytest.mark.parametrize("on_stale", OnStale)
def test_a_fresh_value_is_used_whatever_the_policy(on_stale: OnStale) -> None:
    assert usable(Signal(5.0, on_stale=on_stale, assume=9.0), max) == Usable(5.0, raisable=True)


@pytest.mark.parametrize(
    ("signal", "price", "worth"),
    [
        (stale(5.0), 5.0, 5.0),
        (stale(None), None, None),
        (Signal(None), None, None),
        (stale(5.0, OnStale.SHED), None, None),
        (stale(5.0, OnStale.ASSUME, 9.0), 9.0, 5.0),
        (stale(5.0, OnStale.ASSUME, 2.0), 5.0, 2.0),
        (stale(None, OnStale.ASSUME, 9.0), 9.0, 9.0),
        (stale(5.0, OnStale.ASSUME), None, None),
    ],
)
def test_a_stale_value_is_never_raisable_and_follows_its_policy(
    signal: Signal, price: float | None, worth: float | None
) -> None:
    assert usable(signal, max) == Usable(price, raisable=False)
    assert usable(signal, min) == Usable(worth, raisable=False)


def test_hold_lowers_at_the_last_price_and_never_raises() -> None:
    running = miner(spec_replicas=4)
    held = only(site(running, price=stale(40.0)))
    assert (held.replicas, held.reason) == (4, Reason.PRICE_STALE)
    lowered = only(site(running, price=stale(95.0)))
    assert (lowered.replicas, lowered.reason) == (0, Reason.PRICE_ABOVE_STRIKE)


def test_shed_goes_to_the_floor_at_once_although_it_was_just_raised() -> None:
    just_raised = miner(spec_replicas=4, floor_replicas=1, raised_at=1_700_000_000.0, min_run_seconds=600)
    target = only(site(just_raised, price=stale(40.0, OnStale.SHED)))
    assert (target.replicas, target.reason) == (1, Reason.PRICE_STALE)


def test_a_stale_feed_does_not_raise_to_the_floor() -> None:
    target = only(site(miner(spec_replicas=1, floor_replicas=3), price=stale(40.0, OnStale.SHED)))
    assert (target.replicas, target.reason) == (1, Reason.PRICE_STALE)


def test_assume_uses_the_lower_of_last_and_assumed_worth() -> None:
    worth = per_mwh(91.0, problem="Frozen", on_stale=OnStale.ASSUME, assume=30.0)
    target = only(site(miner(spec_replicas=4, worth=worth), price=40.0))
    assert (target.replicas, target.reason) == (0, Reason.PRICE_ABOVE_STRIKE)


def test_stale_demand_names_itself_and_holds() -> None:
    target = only(site(inference(spec_replicas=3, demand=Demand(stale(8.0), 1.0))))
    assert (target.replicas, target.reason) == (3, Reason.DEMAND_STALE)
    never_known = only(site(inference(spec_replicas=3, floor_replicas=2, demand=Demand(stale(None), 1.0))))
    assert (never_known.replicas, never_known.reason) == (2, Reason.DEMAND_STALE)


def test_a_stale_feed_of_one_workload_leaves_the_others_alone() -> None:
    state = site(miner("a", worth=per_mwh(91.0, problem="Stale")), miner("b"))
    assert {t: only(site(w)).replicas for t, w in zip("ab", state.workloads, strict=True)} == {"a": 0, "b": 10}


def test_a_stale_meter_lets_nothing_rise() -> None:
    target = only(site(miner(spec_replicas=4), meter=stale(1000.0)))
    assert (target.replicas, target.reason) == (4, Reason.METER_STALE)
