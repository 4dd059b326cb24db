"""What the accounts count of one decision."""

from dataclasses import replace

import pytest

from builders import NOW, demand, inference, miner, site, with_budget
from wattswitch.engine.tally import tally
from wattswitch.planner import plan
from wattswitch.planner.model import Draw, Mode, Reason, Signal, SiteState, Surge
from wattswitch.settlement.intervalbook import Observation, Part
from wattswitch.settlement.intervals import SITE, Quality

MINER, CHAT = "MiningPool/ns/s21", "InferenceDeployment/ns/llama"


def counted(state: SiteState, before: dict[str, Part] | None = None) -> Observation:
    return tally(state, plan(state), before or {})


def part(seen: Observation, key: str = MINER) -> Part:
    return next(each for each in seen.parts if each.workload == key)


def test_the_parts_come_to_what_the_books_hold_at_the_meter() -> None:
    draw = Draw("Deployment/ns/orphan", 3, 0, 2_000)
    running = (miner(spec_replicas=10), inference(spec_replicas=5))
    state = site(*running, draws=(draw,), fixed_watts=600, pue_1e4=10_800)
    seen = counted(state)
    it_watts = 10 * 3_500 + 5 * 1_785 + 3 * 2_000
    assert sum(each.watts for each in seen.parts) == it_watts
    assert (seen.at, seen.fixed_watts, seen.pue) == (NOW, 600, 1.08)
    assert plan(state).committed_watts == pytest.approx(600 + 1.08 * it_watts, abs=1)
    assert part(seen, draw.key) == Part(draw.key, 6_000)


def test_a_booked_pod_counts_until_it_is_gone_and_a_surge_as_it_is_booked() -> None:
    stopping = counted(site(miner(spec_replicas=4, booked_pods=7)))
    assert part(stopping).watts == 7 * 3_500
    steady = part(counted(site(miner(spec_replicas=10, surge=Surge(percent=25)))))
    assert steady.watts == steady.wanted_watts == 13 * 3_500, "nothing is missing where nothing is held down"


def test_what_is_wanted_and_what_it_is_worth() -> None:
    seen = part(counted(site(miner(spec_replicas=4), cap_watts=15_000)))
    assert (seen.watts, seen.wanted_watts, seen.worth_per_mwh) == (14_000, 35_000, 91.0)


def test_only_replicas_in_demand_earn() -> None:
    idle = part(counted(site(inference(spec_replicas=5, demand=demand(3.0), floor_replicas=5))), CHAT)
    busy = part(counted(site(inference(spec_replicas=5, demand=demand(30.0)))), CHAT)
    unknown = part(counted(site(inference(spec_replicas=5, demand=demand(0.0, problem="Stale")))), CHAT)
    assert (idle.watts, idle.earning_watts) == (5 * 1_785, 3 * 1_785)
    assert (busy.watts, busy.earning_watts) == (5 * 1_785, 5 * 1_785)
    assert unknown.earning_watts == 0, "the last that was known of it"
    assert part(counted(site(miner(spec_replicas=4)))).earning_watts == 14_000


@pytest.mark.parametrize(
    ("price", "by_price"),
    [(40.0, False), (120.0, True), (Signal(None, "NoReading"), True)],
    ids=["cheap", "dear", "unknown"],
)
def test_a_price_holds_down(price: Signal | float, *, by_price: bool) -> None:
    assert part(counted(site(miner(), price=price))).by_price is by_price


def test_no_demand_is_no_ones_doing() -> None:
    quiet = part(counted(site(inference(spec_replicas=1, demand=demand(1.0)))), CHAT)
    dear = part(counted(site(inference(spec_replicas=5, demand=demand(5.0)), price=5_000.0)), CHAT)
    stale = part(counted(site(inference(spec_replicas=1, demand=demand(5.0, problem="Stale")))), CHAT)
    assert (quiet.by_price, dear.by_price, stale.by_price) == (False, True, False)


@pytest.mark.parametrize(
    ("limits", "by_event"),
    [((), False), ((7_000,), True), ((90_000, 7_000), True), ((10**6,), False)],
    ids=["the cap alone", "an event", "the lower of two", "an event above the cap"],
)
def test_an_event_holds_down_where_its_limit_binds(limits: tuple[int, ...], *, by_event: bool) -> None:
    seen = part(counted(site(miner(spec_replicas=2), cap_watts=17_500, event_limits_watts=limits)))
    assert (seen.by_event, seen.wanted_watts) == (by_event, 35_000)


def test_who_an_event_leaves_alone_is_not_held_down_by_it() -> None:
    seen = counted(site(miner(), inference(spec_replicas=3, max_replicas=3), event_limits_watts=(6_000,)))
    assert (part(seen).by_event, part(seen, CHAT).by_event) == (True, False)


def test_what_comes_back_from_an_event_is_still_held_down_by_it_and_the_cap_is_not_an_event() -> None:
    during = counted(site(miner(), event_limits_watts=(0,)))
    before = {each.workload: each for each in during.parts}
    waiting = site(miner(lowered_at=NOW - 10, min_off_seconds=600))
    (target,) = plan(waiting).targets
    assert target.reason == Reason.MIN_OFF
    assert part(counted(waiting, before)).by_event
    assert not part(counted(waiting)).by_event
    assert not part(counted(site(miner(spec_replicas=10)), before)).by_event, "back"
    assert not part(counted(site(miner(spec_replicas=2), cap_watts=7_000), before)).by_event, "the cap binds now"


def test_in_advise_nothing_is_held_down_by_us() -> None:
    seen = part(counted(site(miner(spec_replicas=2), price=500.0, event_limits_watts=(0,), mode=Mode.ADVISE)))
    assert seen == Part(MINER, 7_000, None, 7_000, 91.0)


@pytest.mark.parametrize("fields", [{"held": "Paused"}, {"leaving": True, "max_replicas": 0}])
def test_who_is_held_or_leaving_wants_what_it_draws(fields: dict[str, object]) -> None:
    seen = part(counted(site(miner(spec_replicas=4, **fields), price=500.0)))
    assert (seen.wanted_watts, seen.by_price, seen.by_event) == (None, False, False)


def test_the_price_has_its_adder_and_what_is_not_fresh_is_not_known() -> None:
    meter = Signal(42_000.0)
    seen = counted(site(miner(), price=40.0, adder_per_mwh=12.5, meter=meter))
    assert (seen.price_per_mwh, seen.meter_watts, seen.estimated) == (52.5, 42_000.0, False)
    held = site(miner(), price=Signal(40.0, "Stale"), meter=Signal(42_000.0, "Stale"), raise_gate="ViewStale")
    assert (counted(held).price_per_mwh, counted(held).meter_watts, counted(held).estimated) == (None, None, True)


def test_pods_of_namesakes_are_counted_together() -> None:
    """A target that was deleted and made again, and its own pods of before."""
    twins = (Draw("Deployment/ns/x", 2, 0, 1_000), Draw("Deployment/ns/x", 3, 3, 500))
    assert [each.watts for each in counted(site(draws=twins)).parts] == [3_500]
    leaving = miner("Deployment/ns/x", spec_replicas=2, leaving=True, max_replicas=0)
    seen = part(counted(site(leaving, draws=twins[:1])), "Deployment/ns/x")
    assert (seen.watts, seen.earning_watts, seen.wanted_watts) == (9_000, 7_000, None)


def test_a_decision_settles_to_known_numbers() -> None:
    """35 kW of miners and 600 W of fixed load for an hour at 40 per MWh: 35.6 kWh, 1.424; 35 kWh at 91: 3.185."""
    from wattswitch.settlement.intervalbook import Rules, settle

    state = with_budget(site(miner(spec_replicas=10)), fixed_watts=600)
    start = NOW // 3600 * 3600
    seen = [counted(replace(state, now=start + 60 * minute)) for minute in range(61)]
    rows = {row.workload: row for row in settle(seen, start + 3600, Rules(seconds=3600))}
    site_row = rows[SITE]
    assert (site_row.energy_kwh, site_row.cost) == (pytest.approx(35.6), pytest.approx(1.424))
    assert (site_row.revenue, site_row.quality) == (pytest.approx(3.185), Quality.OK)
    assert rows[MINER].wanted_kwh == pytest.approx(35.0)
