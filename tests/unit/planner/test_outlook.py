"""What the prices to come decide, on numbers that can be reckoned by hand: one replica of 1 MW that earns 60 a MWh."""

from dataclasses import replace
from typing import Any

import pytest

from builders import NOW, learned_prices, miner, only, per_mwh, site
from wattswitch.planner import plan
from wattswitch.planner.ahead import ahead
from wattswitch.planner.explain import explain
from wattswitch.planner.model import PriceCurve, PriceOutlook, Reason, Signal, SiteState
from wattswitch.planner.price_model import BINS, CENTRES, Lessons

HOUR = 3600.0
START = NOW // HOUR * HOUR
CERTAIN = Lessons(
    step_seconds=HOUR,
    scale=10.0,
    tails=tuple(tuple(float(j <= i) for j in range(BINS)) for i in range(BINS)),
    bin_u=tuple(0.0 if abs(u) < 0.3 else u for u in CENTRES),
    shape_per_mwh=(30.0,) * 24,
    first_at=START - 5 * 86400,
    last_at=START,
    samples=120,
)
"""A chain that never moves: a price on the published curve stays on it."""

SPIKE = (30.0, 100.0, 100.0, *[30.0] * 40)


def curve(prices: tuple[float, ...] = SPIKE, first: float = START) -> PriceCurve:
    return PriceCurve(tuple(first + HOUR * n for n in range(len(prices))), prices)


def machine(*, on: bool, **fields: Any) -> Any:
    one_megawatt: dict[str, Any] = {"max_replicas": 1, "it_watts_per_replica": 1_000_000, "worth": per_mwh(60.0)}
    return miner(**one_megawatt | {"spec_replicas": int(on)} | fields)


def hour_of_the_spike(hour: int, *, on: bool, price_at: float | None = None, **fields: Any) -> SiteState:
    """The site at the start of an hour of the curve, with a price that is on it."""
    now = START + HOUR * hour
    price = Signal(SPIKE[hour], at=now if price_at is None else price_at)
    return site(
        machine(on=on, **fields), price=price, now=now, cap_watts=20_000_000, outlook=PriceOutlook(CERTAIN, curve())
    )


@pytest.mark.parametrize(("start_cost", "size", "reason"), [(79.0, 0, "PriceAboveStrike"), (81.0, 1, "SwitchCost")])
def test_a_spike_that_costs_80_is_run_through_where_a_start_costs_more(
    start_cost: float, size: int, reason: str
) -> None:
    """Two hours at 100 cost 2 · (100 − 60); what comes after is worth a start at most."""
    target = only(hour_of_the_spike(1, on=True, cost_per_start=start_cost))
    assert (target.replicas, target.reason) == (size, reason)


@pytest.mark.parametrize(("drain_seconds", "size"), [(0, 0), (60, 1)])
def test_what_a_stop_costs_counts_beside_the_start(drain_seconds: int, size: int) -> None:
    """60 s of draining cost 60 / 60 = 1: with a start of 79.5 that is more than the spike."""
    target = only(hour_of_the_spike(1, on=True, cost_per_start=79.5, drain_seconds=drain_seconds))
    assert target.replicas == size


@pytest.mark.parametrize(("start_cost", "size"), [(29.0, 1), (31.0, 0)])
def test_an_hour_before_the_spike_starts_what_earns_its_start_in_it(start_cost: float, size: int) -> None:
    """The hour earns 60 − 30; then it is stopped for nothing."""
    target = only(hour_of_the_spike(0, on=False, cost_per_start=start_cost))
    assert (target.replicas, target.reason) == (size, "AtMaximum" if size else "SwitchCost")


def test_time_to_start_costs_what_it_would_have_earned() -> None:
    """1,740 s without 60 an hour are 29, 1,860 s are 31."""
    assert only(hour_of_the_spike(0, on=False, start_seconds=1740)).replicas == 1
    assert only(hour_of_the_spike(0, on=False, start_seconds=1860)).replicas == 0


def test_it_is_looked_at_again_when_the_market_takes_its_next_step() -> None:
    assert plan(hour_of_the_spike(0, on=False, cost_per_start=31.0)).look_again_at == START + HOUR


def test_nothing_starts_above_the_strike_whatever_is_to_come() -> None:
    state = hour_of_the_spike(1, on=False, cost_per_start=0.001)
    assert (only(state).replicas, only(state).reason) == (0, "PriceAboveStrike")


@pytest.mark.parametrize("hour", [0, 1])
@pytest.mark.parametrize("on", [True, False])
def test_without_any_cost_the_strike_decides(hour: int, *, on: bool) -> None:
    state = hour_of_the_spike(hour, on=on)
    assert only(state) == only(replace(state, budget=replace(state.budget, outlook=None)))


def test_only_what_runs_stays_on() -> None:
    """Three of ten replicas run into the spike: they stay, no other starts."""
    state = hour_of_the_spike(1, on=True, cost_per_start=81.0)
    some = replace(state.workloads[0], max_replicas=10, spec_replicas=3, booked_pods=3)
    target = only(replace(state, workloads=(some,)))
    assert (target.replicas, target.wanted_replicas, target.reason) == (3, 3, "SwitchCost")


def learned(
    price: float, at: float, *, on: bool = True, published: PriceCurve | None = None, **fields: Any
) -> SiteState:
    known = PriceOutlook(learned_prices().lessons, published or PriceCurve(), fields.pop("recent", ()))
    budget: dict[str, Any] = {"price": Signal(price, at=at), "cap_watts": 2_000_000, "outlook": known}
    return site(machine(on=on, **{"cost_per_start": 20.0} | fields), **budget)


def basis(state: SiteState) -> str:
    sureness = plan(state).outlook
    return sureness.basis if sureness else ""


def test_the_plan_says_what_it_is_based_on_and_how_sure_it_is() -> None:
    flat = curve((30.0,) * 48)
    assert basis(learned(30.0, NOW, published=flat)) == "Curve"
    assert basis(learned(30.0, NOW)) == "Learned"
    assert basis(learned(30.0, NOW, published=curve(first=START - 100 * HOUR))) == "Learned"
    assert basis(learned(30.0, NOW - 600)) == "LastPrice"
    assert basis(learned(30.0, NOW - 600, published=flat)) == "Curve"
    assert basis(learned(30.0, NOW - 7 * HOUR, published=flat)) == "LastPrice"
    assert basis(site(machine(on=True))) == ""
    sureness = plan(learned(30.0, NOW)).outlook
    assert sureness is not None
    assert sureness.spread_per_mwh is not None
    assert 0 <= sureness.spread_per_mwh < 100


def test_a_stale_price_leaves_regret_alone() -> None:
    state = learned(30.0, NOW)
    stale = replace(state, budget=replace(state.budget, price=Signal(30.0, "Stale", NOW)))
    assert basis(stale) == "LastPrice"


def test_a_late_price_is_carried_to_now() -> None:
    """A price of 90 costs 5 in ten minutes; five hours later nobody believes in it, and none of them are published."""
    flat = curve((30.0,) * 60, first=START - 10 * HOUR)
    now = learned(1000.0, NOW, published=flat)
    assert only(now).replicas == 0
    late = learned(1000.0, NOW - 5 * HOUR, published=flat)
    assert (only(late).replicas, only(late).reason) == (1, "SwitchCost")


def unknown(price: float, *, on: bool, recent: tuple[tuple[float, float], ...], **fields: Any) -> SiteState:
    """Nothing was learned; a switch there and back costs 50."""
    known = PriceOutlook(recent=recent)
    return site(
        machine(on=on, cost_per_start=50.0, **fields),
        price=Signal(price, at=NOW - 900),
        cap_watts=2_000_000,
        outlook=known,
    )


def test_where_nothing_was_learned_it_stops_when_regret_has_reached_the_cost() -> None:
    """Half an hour at 100 is 20, a quarter at 50 takes 2.50 off; at 160 the missing 32.50 come in 1,170 s."""
    recent = ((NOW - 7200, 500.0), (NOW - 3600, 100.0), (NOW - 1800, 50.0), (NOW - 900, 159.0))
    state = unknown(160.0, on=True, recent=recent, raised_at=NOW - 3600)
    target, due = only(state), NOW - 900 + 1170
    assert (target.replicas, target.reason, target.look_again_at) == (1, "SwitchCost", due)
    assert only(replace(state, now=due - 1)).replicas == 1
    assert (only(replace(state, now=due)).replicas, only(replace(state, now=due)).reason) == (0, "PriceAboveStrike")


def test_where_nothing_was_learned_it_starts_when_regret_has_reached_the_cost() -> None:
    """Half an hour at 10 is 25 missed, a quarter at 20 is 10; at 30 the missing 15 come in half an hour."""
    recent = ((NOW - 4000, 500.0), (NOW - 2700, 10.0), (NOW - 1800 + 900 - 900, 20.0))
    state = unknown(30.0, on=False, recent=recent, raised_at=NOW - 9000, lowered_at=NOW - 3600)
    assert recent[1][0] + 900 == recent[2][0]
    target = only(state)
    missed = 900 / 3600 * 50 + 900 / 3600 * 40
    due = NOW - 900 + (50 - missed) / 30 * 3600
    assert (target.replicas, target.reason) == (0, "SwitchCost")
    assert target.look_again_at == pytest.approx(due)
    assert only(replace(state, now=due + 0.001)).replicas == 1


def test_regret_forgets_what_was_good_before() -> None:
    """Hours at 0 do not pay for a spike: counting begins where it would have been best to stop."""
    recent = ((NOW - 90_000, 0.0), (NOW - 2700, 100.0))
    target = only(unknown(100.0, on=True, recent=recent, raised_at=NOW - 90_000))
    assert target.look_again_at == NOW - 2700 + 50 / 40 * 3600


def test_who_never_moved_and_who_was_not_stopped_for_the_price_follow_the_strike() -> None:
    assert only(unknown(61.0, on=True, recent=())).replicas == 0
    assert only(unknown(59.0, on=False, recent=())).replicas == 1
    cheap = ((NOW - 90_000, 30.0),)
    assert only(unknown(30.0, on=False, recent=cheap, lowered_at=NOW - 60)).replicas == 1
    dear = ((NOW - 90_000, 30.0), (NOW - 5000, 61.0), (NOW - 4700, 30.0))
    assert only(unknown(30.0, on=False, recent=dear, lowered_at=NOW - 60)).replicas == 0


def test_without_a_curve_regret_ends_what_was_learned_wrongly() -> None:
    """The model has seen evenings at 150 that last an hour; after three hours of 100 regret ends the wait for less."""
    recent = tuple((NOW - 300.0 * n, 100.0) for n in range(36, 0, -1))
    state = learned(100.0, NOW, recent=recent, raised_at=NOW - 3 * HOUR, cost_per_start=100.0)
    assert basis(state) == "Learned"
    assert only(state).replicas == 0


def test_the_sentence_says_what_would_change_it() -> None:
    state = hour_of_the_spike(1, on=True, cost_per_start=81.0)
    assert told(state) == (
        "a stop and a start cost 81.00/MW: the price, expected, is not above 60.00/MWh for long enough to pay them"
    )
    state = hour_of_the_spike(0, on=False, cost_per_start=31.0)
    assert told(state) == (
        "a start costs 31.00/MW: the price, expected, is not below 60.00/MWh for long enough to pay it"
    )


def told(state: SiteState) -> str:
    decision = plan(state)
    assert decision.targets[0].reason == Reason.SWITCH_COST
    return explain(decision.targets[0], state.workloads[0], decision, state)


def test_the_hours_ahead_show_the_spike() -> None:
    state = hour_of_the_spike(0, on=True, cost_per_start=10.0)
    picture = ahead(state, plan(state))
    assert [hour.start for hour in picture.hours] == [START + HOUR * n for n in range(24)]
    assert [hour.watts for hour in picture.hours] == [1_000_000, 0, 0, *[1_000_000] * 21]
    assert [str(hour.mode) for hour in picture.hours] == ["Full", "Floor", "Floor", *["Full"] * 21]
    assert (picture.basis, picture.spread_per_mwh) == ("Curve", 0.0)


def test_the_hours_ahead_are_like_now_where_nothing_is_known() -> None:
    state = site(machine(on=True), cap_watts=600_000)
    picture = ahead(state, plan(state))
    assert {(hour.watts, str(hour.mode)) for hour in picture.hours} == {(0, "Floor")}
    assert picture.basis == ""
