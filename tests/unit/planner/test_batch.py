"""Work that may wait: when it runs, how much of it, and that its deadline is met."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import NOW, demand, inference, learned_prices, miner, only, per_mwh, site, sizes
from wattswitch.planner import plan
from wattswitch.planner.batch import Hours, expected_by_hour, look_again_at, replicas_due
from wattswitch.planner.explain import explain
from wattswitch.planner.model import Batch, PriceCurve, PriceOutlook, Reason, Signal, SiteState, Target, Workload

HOUR = 3600.0
THIS_HOUR = NOW // HOUR * HOUR
DEADLINE = 4 * 3600


def published(*prices: float, start: float = THIS_HOUR) -> PriceOutlook:
    """Hourly prices from this hour on."""
    return PriceOutlook(curve=PriceCurve(tuple(start + HOUR * n for n in range(len(prices))), prices))


def jobs(waiting: float, **fields: Any) -> Workload:
    """Eight replicas at most, worth 100 per MWh, each does 10 pieces an hour and is asked for by 4 of them."""
    batch = Batch(fields.pop("deadline", DEADLINE), fields.pop("work", 10.0), fields.pop("oldest_at", NOW))
    known: dict[str, Any] = {"demand": demand(waiting, 4.0), "batch": batch, "worth": per_mwh(100.0)}
    return inference("jobs", **known | fields)


def told(state: SiteState) -> str:
    target = only(state)
    return explain(target, state.workloads[0], plan(state), state)


def test_hours_by_hand() -> None:
    """NOW is 13 minutes and 20 seconds past the hour, 22:13:20."""
    assert NOW - THIS_HOUR == 800
    assert look_again_at(NOW) == THIS_HOUR + 840


@pytest.mark.parametrize(
    ("hours", "waiting", "replicas"),
    [
        (Hours(1.0, 0.0, 0.0), 0.0, 0),
        (Hours(1.0, 0.0, 0.0), 10.0, 1),
        (Hours(1.0, 0.0, 0.0), 11.0, 2),
        (Hours(1.0, 0.0, 0.0), 500.0, 8),
        (Hours(1.0, 0.0, 2.0), 160.0, 0),  # eight replicas finish 160 in the two cheaper hours
        (Hours(1.0, 0.0, 2.0), 171.0, 2),
        (Hours(1.0, 1.0, 0.0), 40.0, 2),  # an hour that is as good as this one shares the work
        (Hours(0.0, 0.0, 0.0), 3.0, 3),  # no time left: each piece gets a replica
        (Hours(1.0, 0.0, 0.05), 8.0, 1),  # what nobody finishes in the cheaper hours is not left to them
    ],
)
def test_replicas_by_hand(hours: Hours, waiting: float, replicas: int) -> None:
    assert replicas_due(hours, 10.0, 8, waiting) == replicas


def test_it_runs_now_where_no_hour_ahead_is_known_and_the_price_pays() -> None:
    target = only(site(jobs(12.0), price=40.0))
    assert (target.wanted_replicas, target.reason) == (3, Reason.DEMAND_MET)


def test_near_the_deadline_it_runs_more_than_what_waits_asks_for() -> None:
    """Twelve pieces ask for three replicas, but in the 26 minutes that count one finishes but two."""
    late = site(jobs(12.0, work=5.0, oldest_at=NOW - DEADLINE + 1800), price=40.0)
    assert (only(late).wanted_replicas, only(late).reason) == (6, Reason.DEMAND_MET)
    assert told(late) == "6 replicas finish what waits by its deadline"


def test_it_waits_for_cheaper_hours_that_suffice() -> None:
    state = site(jobs(12.0), price=40.0, outlook=published(40.0, 40.0, 20.0, 40.0, 40.0))
    assert (only(state).wanted_replicas, only(state).reason) == (0, Reason.CHEAPER_AHEAD)
    assert told(state) == "0 replicas run now: hours that are cheaper can finish the rest by its deadline"


def test_it_does_not_wait_for_cheaper_hours_after_the_deadline() -> None:
    state = site(jobs(12.0, deadline=2 * 3600), price=40.0, outlook=published(40.0, 40.0, 40.0, 40.0, 5.0))
    assert only(state).wanted_replicas == 3


def test_it_runs_now_what_the_cheaper_hours_cannot_finish() -> None:
    """The hour at 20 finishes 80 of 100 pieces; 46 minutes are left of this one, in which one finishes 7."""
    state = site(jobs(100.0), price=40.0, outlook=published(40.0, 50.0, 20.0, 50.0, 50.0))
    assert (only(state).wanted_replicas, only(state).reason) == (3, Reason.CHEAPER_AHEAD)


def test_above_the_strike_it_waits_as_long_as_the_deadline_leaves_time() -> None:
    """A tenth less than 29 minutes are left: in these a replica finishes four of the twelve."""
    assert only(site(jobs(12.0), price=150.0)).reason == Reason.PRICE_ABOVE_STRIKE
    late = site(jobs(12.0, oldest_at=NOW - DEADLINE + 1800), price=150.0)
    assert (only(late).wanted_replicas, only(late).reason) == (3, Reason.DEADLINE)
    assert told(late) == "3 replicas are needed to meet the deadline, though the price is not below 100.00/MWh"


def test_what_is_overdue_runs_with_all_there_is() -> None:
    assert only(site(jobs(500.0, oldest_at=NOW - 2 * DEADLINE), price=5000.0)).replicas == 8


def test_the_limit_wins_over_the_deadline() -> None:
    late = site(jobs(500.0, oldest_at=NOW - 2 * DEADLINE), price=5000.0, cap_watts=3 * 1785)
    assert (only(late).replicas, only(late).reason) == (3, Reason.POWER_LIMIT)


def test_without_a_deadline_it_runs_like_a_pool() -> None:
    plain = replace(jobs(12.0), batch=None)
    for price, replicas in ((40.0, 3), (150.0, 0)):
        assert only(site(plain, price=price, outlook=published(*[price] * 4))).wanted_replicas == replicas


def test_a_start_and_a_stop_must_be_worth_it() -> None:
    """They cost 100 · 240 s / 3600 = 6.67 a MW: an hour that is 5 cheaper keeps the waiting waiting, stops nobody."""
    switching = {"start_seconds": 180, "drain_seconds": 60}
    outlook = published(40.0, 40.0, 35.0, 40.0, 40.0)
    assert only(site(jobs(12.0, **switching), price=40.0, outlook=outlook)).wanted_replicas == 0
    running = site(jobs(12.0, spec_replicas=3, **switching), price=40.0, outlook=outlook)
    assert only(running).wanted_replicas == 3


def test_a_running_hour_is_used_to_its_end() -> None:
    outlook = published(40.0, 50.0, 20.0, 50.0, 50.0)
    running = site(jobs(100.0, spec_replicas=6), price=40.0, outlook=outlook)
    assert only(running).wanted_replicas == 6


def test_the_usual_price_of_an_hour_is_what_is_expected_where_none_is_published() -> None:
    usual = expected_by_hour(PriceOutlook(learned_prices().lessons), THIS_HOUR)
    assert usual[:24] == pytest.approx(usual[24:48])
    assert usual.index(max(price for price in usual if price is not None)) == int((19 - THIS_HOUR / HOUR) % 24)
    assert set(expected_by_hour(None, THIS_HOUR)) == {None}
    assert expected_by_hour(published(1.0, 2.0), THIS_HOUR)[:3] == (1.0, 2.0, None)


@pytest.mark.parametrize("odd", [{"oldest_at": 1e300}, {"oldest_at": -1e300}, {"work": 1e300}, {"deadline": 2**60}])
@pytest.mark.parametrize("price", [40.0, 150.0])
def test_odd_numbers_break_no_plan(odd: dict[str, Any], price: float) -> None:
    for waiting in (0.0, 12.0, 1e300, -5.0):
        assert 0 <= only(site(jobs(waiting, **odd), price=price, outlook=published(40.0, 20.0))).replicas <= 8


prices = st.integers(-50, 200).map(float)
outlooks = st.none() | st.lists(prices, min_size=1, max_size=30).map(lambda known: published(*known))
loads = st.fixed_dictionaries(
    {
        "deadline": st.integers(600, 40_000),
        "work": st.sampled_from((0.5, 3.0, 10.0, 250.0)),
        "oldest_at": st.integers(0, 30_000).map(lambda age: NOW - age),
        "spec_replicas": st.integers(0, 8),
        "start_seconds": st.sampled_from((0, 180)),
    }
)
backlogs = st.integers(0, 400).map(lambda tenths: tenths / 2)


@given(loads, outlooks, prices, backlogs, backlogs)
def test_more_that_waits_never_runs_less(
    load: dict[str, Any], outlook: PriceOutlook | None, price: float, waiting: float, more: float
) -> None:
    less, greater = (only(site(jobs(n, **load), price=price, outlook=outlook)) for n in (waiting, waiting + more))
    assert less.wanted_replicas <= greater.wanted_replicas


@given(loads, outlooks, prices, st.integers(0, 200), backlogs)
def test_a_higher_price_never_runs_more(
    load: dict[str, Any], outlook: PriceOutlook | None, price: float, more: int, waiting: float
) -> None:
    low, high = (only(site(jobs(waiting, **load), price=p, outlook=outlook)) for p in (price, price + more))
    assert low.wanted_replicas >= high.wanted_replicas


@given(loads, outlooks, prices, backlogs)
def test_above_its_strike_it_runs_for_its_deadline_only(
    load: dict[str, Any], outlook: PriceOutlook | None, price: float, waiting: float
) -> None:
    target = only(site(jobs(waiting, **load), price=price, outlook=outlook))
    if price >= 100 and target.wanted_replicas:
        assert target.reason == Reason.DEADLINE
        assert waiting > 0


@given(loads, outlooks, prices, backlogs, st.floats(0, 1, exclude_max=True))
def test_nothing_changes_before_the_plan_says_to_look_again(
    load: dict[str, Any], outlook: PriceOutlook | None, price: float, waiting: float, part: float
) -> None:
    state = site(jobs(waiting, **load), price=price, outlook=outlook)
    decision = plan(state)
    horizon = NOW + 10**5 if decision.look_again_at is None else decision.look_again_at
    assert horizon > NOW
    later = plan(replace(state, now=NOW + part * (horizon - NOW) * 0.999999))
    assert later.targets == decision.targets


@given(loads, outlooks, prices, backlogs, st.integers(0, 20_000))
def test_it_never_passes_over_the_limit(
    load: dict[str, Any], outlook: PriceOutlook | None, price: float, waiting: float, cap: int
) -> None:
    pool = miner("pool", max_replicas=4)
    state = site(jobs(waiting, **load), pool, price=price, outlook=outlook, cap_watts=cap)
    asked = sizes(plan(state))
    assert asked["jobs"] * 1785 + asked["pool"] * 3500 <= cap or asked["jobs"] <= load["spec_replicas"]


@settings(max_examples=20, deadline=None)
@given(
    st.lists(prices, min_size=12, max_size=12),
    st.booleans(),
    st.integers(1, 100),
    st.sampled_from((2 * 3600, 5 * 3600, 9 * 3600)),
    st.sampled_from((0, 180)),
)
def test_the_deadline_is_met_whatever_the_price_does(
    market: list[float], foreseen: bool, waiting: int, deadline: int, start_seconds: int
) -> None:
    """Work that fits comes at once; the price is known when it is there, the published one may be all wrong."""
    most, work, step = 8, 10.0, 120.0
    if waiting / most / work * 3600 > 0.85 * deadline - start_seconds - 600:
        return
    outlook = published(*(market if foreseen else reversed(market)))
    left = float(waiting)
    ready: list[float] = []  # when each replica that runs is done with its start
    for n in range(int(deadline / step)):
        now = NOW + n * step
        w = jobs(math.ceil(left - 1e-9), deadline=deadline, start_seconds=start_seconds, spec_replicas=len(ready))
        price = market[int((now - THIS_HOUR) // HOUR)]
        target: Target = only(site(w, price=price, outlook=outlook, now=now))
        ready = [*ready, *[now + start_seconds] * (target.replicas - len(ready))][: target.replicas]
        left -= work / 3600 * sum(max(0.0, now + step - max(now, at)) for at in ready)
        if left <= 1e-9:
            return
    raise AssertionError(f"{left} of {waiting} are left at the deadline")


def test_a_stale_price_raises_nothing() -> None:
    late = site(jobs(500.0, oldest_at=NOW - 2 * DEADLINE), price=Signal(40.0, problem="Stale"))
    assert (only(late).replicas, only(late).reason) == (0, Reason.PRICE_STALE)
