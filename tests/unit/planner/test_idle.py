"""Replicas that wait for demand to come back: one of 1 MW waits an hour where idling costs 30 and a start 30."""

from typing import Any

import pytest

from builders import NOW, inference, miner, only, per_mwh, site
from wattswitch.planner import plan
from wattswitch.planner.explain import explain
from wattswitch.planner.model import Demand, PriceOutlook, Signal, SiteState

FALLEN = ((NOW - 7200.0, 6.0), (NOW - 1800.0, 4.0), (NOW - 600.0, 3.0), (NOW, 2.0))
"""Six were needed two hours ago, four half an hour ago, three ten minutes ago, two now."""


def service(**fields: Any) -> Any:
    return inference(
        **{
            "it_watts_per_replica": 1_000_000,
            "cost_per_start": 30.0,
            "spec_replicas": 6,
            "demand": Demand(Signal(2.0), 1.0, recent=FALLEN),
        }
        | fields
    )


def dip(price: float = 30.0, now: float = NOW, others: tuple[Any, ...] = (), **fields: Any) -> SiteState:
    limits: dict[str, Any] = {"cap_watts": 20_000_000} | fields.pop("limits", {})
    return site(service(**fields), *others, price=Signal(price, at=now), now=now, outlook=PriceOutlook(), **limits)


def told(state: SiteState) -> tuple[int, str, float | None]:
    target = next(t for t in plan(state).targets if t.key == state.workloads[0].key)
    return target.replicas, target.reason, target.look_again_at


def test_each_waits_from_when_it_was_last_needed() -> None:
    assert told(dip()) == (4, "SwitchCost", NOW + 1800)
    assert told(dip(now=NOW + 1799))[0] == 4
    assert told(dip(now=NOW + 1800)) == (3, "SwitchCost", NOW + 3000)
    assert told(dip(now=NOW + 3000)) == (2, "DemandMet", None)


@pytest.mark.parametrize(("price", "size"), [(10.0, 6), (14.0, 6), (16.0, 4), (59.0, 4), (61.0, 3), (181.0, 2)])
def test_a_dearer_hour_is_a_shorter_wait(price: float, size: int) -> None:
    """30 pay for 3 h at 10, for just over two at 14, for half an hour at 60, for ten minutes at 180."""
    assert told(dip(price))[0] == size


def test_nobody_waits_longer_than_half_a_day() -> None:
    old = Demand(Signal(2.0), 1.0, recent=((NOW - 43_200.0, 6.0), (NOW - 43_199.0, 5.0), (NOW, 2.0)))
    assert told(dip(-10.0, demand=old))[0] == 5


def test_what_does_not_run_is_not_started_to_wait() -> None:
    assert told(dip(spec_replicas=1)) == (2, "DemandMet", NOW + 1800)
    assert told(dip(spec_replicas=3))[0] == 3


def test_where_the_limit_binds_the_wait_costs_what_a_pool_would_earn() -> None:
    """A pool that earns 61 and would take the watts: half an hour is too much."""
    pool = miner(it_watts_per_replica=1_000_000, worth=per_mwh(61.0))
    assert told(dip(others=(pool,)))[0] == 4
    assert told(dip(others=(pool,), limits={"cap_watts": 10_000_000}))[0] == 3
    paused = miner(it_watts_per_replica=1_000_000, worth=per_mwh(61.0), held="Paused")
    assert told(dip(others=(paused,), limits={"cap_watts": 7_000_000}))[0] == 4


def test_without_an_outlook_or_a_cost_of_switching_nobody_waits() -> None:
    assert only(site(service(), cap_watts=20_000_000)).replicas == 2
    assert told(dip(cost_per_start=0.0))[0] == 2


def test_the_sentence_says_what_it_waits_for() -> None:
    state = dip()
    decision = plan(state)
    assert explain(decision.targets[0], state.workloads[0], decision, state) == (
        "a stop and a start cost 30.00/MW: the demand may be back before idling costs as much"
    )
