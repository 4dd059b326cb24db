"""Replicas that wait for demand to come back: one of 1 MW waits an hour where idling costs 30 and a start 30."""

from dataclasses import replace
from typing import Any

import pytest

from builders import NOW, inference, miner, only, per_mwh, site
from wattswitch.planner import plan
from wattswitch.planner.explain import explain
from wattswitch.planner.idle import idle_cost_per_mwh, need_that_pays
from wattswitch.planner.model import Demand, PriceOutlook, Signal, SiteState, Worth, WorthUnit
from wattswitch.planner.terms import terms

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


def idle_cost(state: SiteState, price_per_mwh: float) -> float:
    return idle_cost_per_mwh([terms(w, state.budget.pue_1e4) for w in state.workloads], state, price_per_mwh)


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


UNKNOWN = Worth(Signal(None), WorthUnit.PER_MWH)


def pool(name: str, earns: float, replicas: int, **fields: Any) -> Any:
    size = {"it_watts_per_replica": 1_000_000, "max_replicas": replicas, "worth": per_mwh(earns)}
    return miner(f"MiningPool/ns/{name}", **size | fields)


@pytest.mark.parametrize(
    ("cap_megawatts", "cost"),
    [
        (12, 30.0),  # two for the demand, and all ten of the pools: an idle one costs its power
        (11, 61.0),  # the last of the least is displaced
        (8, 61.0),
        (7, 90.0),  # nothing of it is left: the next is
        (5, 90.0),
        (4, 166.0),
        (2, 1300.0),  # only another's demand
    ],
)
def test_idling_costs_what_the_last_one_earns_that_the_limit_carries(cap_megawatts: int, cost: float) -> None:
    pools = (pool("least", 61.0, 5), pool("middle", 90.0, 3), pool("best", 166.0, 2))
    state = dip(others=pools, limits={"cap_watts": cap_megawatts * 1_000_000})
    assert idle_cost(state, 30.0) == cost


def test_who_would_not_run_or_may_not_is_not_displaced() -> None:
    """It does not pay, is held, may not be raised, leaves, or its worth is not known."""
    limits = {"cap_watts": 7_000_000}
    for fields in ({"held": "Paused"}, {"blocked": "HardwareUnknown"}, {"leaving": True}, {"worth": UNKNOWN}):
        assert idle_cost(dip(others=(pool("other", 61.0, 9, **fields),), limits=limits), 30.0) == 30.0
    assert idle_cost(dip(70.0, others=(pool("other", 61.0, 9),), limits=limits), 70.0) == 70.0


def test_floors_and_what_stays_on_count_before_anybody() -> None:
    limits = {"cap_watts": 9_000_000}
    free = pool("free", 61.0, 7)
    assert idle_cost(dip(others=(free,), limits=limits), 30.0) == 30.0
    for other in (pool("floor", 20.0, 1, floor_replicas=1), pool("held", 20.0, 1, spec_replicas=1, held="Paused")):
        assert idle_cost(dip(others=(free, other), limits=limits), 30.0) == 61.0


NEEDS = ((0.01, 9.0), (0.02, 8.0), (0.04, 6.0), (0.1, 3.0))
"""Nine are needed during a hundredth of the time, eight during two of them, six during four, three during ten."""


@pytest.mark.parametrize(
    ("cost", "need"),
    [
        (-5.0, 9.0),
        (0.0, 9.0),
        (10.0, 9.0),
        (15.0, 8.5),
        (20.0, 8.0),
        (30.0, 7.0),
        (40.0, 6.0),
        (100.0, 3.0),
        (550.0, 1.5),
    ],
)
def test_one_is_ready_for_what_is_needed_often_enough_to_pay_its_idling(cost: float, need: float) -> None:
    """Of 1000 that a MWh in demand earns."""
    assert need_that_pays(Demand(Signal(2.0), 1.0, needs=NEEDS), cost, 1000.0) == pytest.approx(need)


def test_what_costs_more_idle_than_it_earns_is_never_idle() -> None:
    demand = Demand(Signal(2.0), 1.0, needs=NEEDS)
    assert need_that_pays(demand, 1000.0, 1000.0) == 0.0
    assert need_that_pays(demand, 10.0, 0.0) is None
    assert need_that_pays(Demand(Signal(2.0), 1.0), 10.0, 1000.0) is None


@pytest.mark.parametrize(("price", "size"), [(13.0, 8), (26.0, 8), (53.0, 6), (128.0, 4), (1290.0, 2)])
def test_a_dearer_hour_is_less_readiness(price: float, size: int) -> None:
    """A MWh in demand earns 1300; the demand of now is served at any price that it pays."""
    demand = Demand(Signal(2.0), 1.0, forecast=5.0, needs=NEEDS)
    state = dip(price, demand=demand, cost_per_start=0.0, start_seconds=180, spec_replicas=2)
    assert plan(state).targets[0].wanted_replicas == size


def test_where_the_limit_binds_readiness_costs_what_a_pool_would_earn() -> None:
    demand = Demand(Signal(2.0), 1.0, forecast=5.0, needs=NEEDS)
    service = {"demand": demand, "cost_per_start": 0.0, "start_seconds": 180, "max_replicas": 10}
    others = (pool("displaced", 53.0, 20),)
    assert plan(dip(13.0, **service)).targets[0].wanted_replicas == 9
    targets = plan(dip(13.0, others=others, limits={"cap_watts": 15_000_000}, **service)).targets
    assert next(t for t in targets if t.key.startswith("Inference")).wanted_replicas == 6


def test_nothing_is_ready_for_more_than_now_where_the_demand_is_stale() -> None:
    demand = Demand(Signal(2.0, "Stale"), 1.0, forecast=5.0, needs=NEEDS)
    assert plan(dip(demand=demand, cost_per_start=0.0, start_seconds=180)).targets[0].wanted_replicas == 2


def test_who_foresees_demand_waits_for_the_wear_of_a_start_alone() -> None:
    """The next start is made in time. Half an hour of start at 1300 would be worth a wait of half a day."""
    demand = Demand(Signal(2.0), 1.0, recent=FALLEN, needs=((0.02, 2.0),))
    assert told(dip(demand=demand, start_seconds=1800)) == (4, "SwitchCost", NOW + 1800)
    assert told(dip(demand=demand, start_seconds=1800, cost_per_start=0.0))[0] == 2
    assert told(dip(demand=replace(demand, needs=()), start_seconds=1800, cost_per_start=0.0))[0] == 6


def test_without_an_outlook_or_a_cost_of_switching_nobody_waits() -> None:
    assert only(site(service(), cap_watts=20_000_000)).replicas == 2
    assert told(dip(cost_per_start=0.0))[0] == 2


def test_the_sentence_says_what_it_waits_for() -> None:
    state = dip()
    decision = plan(state)
    assert explain(decision.targets[0], state.workloads[0], decision, state) == (
        "a stop and a start cost 30.00/MW: the demand may be back before idling costs as much"
    )
