"""The events of a program over time: priority, modification, deletion, lies; and the oracle for what holds when."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.bridges.doubles import CAP_WATTS, NOON, limit_watts
from unit.bridges.events3 import PRICES, after, event
from wattswitch.bridges import Reason
from wattswitch.bridges.openadr3_book import Book, Taken
from wattswitch.bridges.openadr3_event import Setting, Understood
from wattswitch.bridges.timeline import Claim, prevailing, without


def setting(_: str, __: Any) -> Setting:
    return Setting("ers", Understood(), "ven-1", frozenset({"site"}), NOON, NOON, {})


def book(*listing: Any, deleted_after: int = 2) -> Book:
    made = Book(deleted_after)
    take(made, *listing)
    return made


def take(made: Book, *listing: Any, now: float = NOON) -> Taken:
    return made.take(listing, setting, now)


def reasons(taken: Taken) -> set[Reason]:
    return {fate.reason for fate in taken.fates}


def kilowatts(made: Book, at: float) -> float:
    return limit_watts(made.asked()[0], NOON + at) / 1000


def limit(amount: float, **more: Any) -> dict[str, Any]:
    return event("IMPORT_CAPACITY_LIMIT", amount, start=after(0), **more)


def test_a_modification_counts_and_an_older_copy_does_not() -> None:
    made = book(limit(100))
    assert take(made, limit(200, modificationDateTime=after(-30))).changed == ["event-1"]
    assert kilowatts(made, 10) == 200
    assert reasons(take(made, limit(300))) == {Reason.REORDERED}
    assert kilowatts(made, 10) == 200
    assert not take(made, limit(200, modificationDateTime=after(-30))).changed


def test_of_one_version_with_two_contents_the_lower_limit_counts() -> None:
    made = book(limit(100))
    assert reasons(take(made, limit(900))) == {Reason.CONTRADICTING}
    assert kilowatts(made, 10) == 100
    take(made, limit(50))
    assert kilowatts(made, 10) == 50


def test_a_version_from_the_future_may_lower_and_not_raise() -> None:
    made = book(limit(100))
    assert reasons(take(made, limit(900, modificationDateTime=after(60)))) == {Reason.FROM_FUTURE}
    assert kilowatts(made, 10) == 100
    take(made, limit(40, modificationDateTime=after(60)))
    assert kilowatts(made, 10) == 40


def test_an_event_is_deleted_when_two_listings_in_a_row_lack_it() -> None:
    made = book(limit(100))
    assert not take(made).deleted
    assert not take(made, limit(100)).deleted
    take(made)
    assert kilowatts(made, 10) == 100
    assert take(made).deleted == ["event-1"]
    assert kilowatts(made, 10) == 1000


def test_an_event_that_turns_unreadable_stays_as_it_was() -> None:
    made = book(limit(100))
    for _ in range(5):
        assert reasons(take(made, {**limit(900), "intervals": "none"})) == {Reason.UNREADABLE}
    assert kilowatts(made, 10) == 100


def test_an_event_that_is_targeted_elsewhere_ends() -> None:
    made = book(limit(100), deleted_after=1)
    taken = take(made, limit(100, targets=["other"]))
    assert (reasons(taken), taken.deleted) == ({Reason.NOT_TARGETED}, ["event-1"])


def test_the_lower_number_of_priority_holds_while_both_do() -> None:
    low = limit(100, id="low", priority=5)
    high = event("IMPORT_CAPACITY_LIMIT", 400, start=after(600), duration="PT10M", id="high", priority=0)
    made = book(low, high)
    assert [kilowatts(made, at) for at in (0, 599, 600, 1199, 1200, 3599)] == [100, 100, 400, 400, 100, 100]
    without_high = book(low)
    assert {one.name for one in without_high.asked()[0]}.isdisjoint(
        {one.name for one in made.asked()[0] if one.reference == "high"}
    )


@pytest.mark.parametrize("priority", [None, 3])
def test_of_equal_priority_the_lower_limit_holds(priority: int | None) -> None:
    made = book(limit(100, id="a", priority=priority), limit(60, id="b", priority=priority))
    assert kilowatts(made, 10) == 60


def test_other_types_and_alerts_overrule_nothing() -> None:
    alert = event("ALERT_BLACK_START", "wait", start=after(0), id="alert")
    made = book(limit(100, priority=0), event("DISPATCH_SETPOINT", 50, id="b"), alert)
    assert kilowatts(made, 10) == 0


def test_a_reservation_adds_to_a_subscription_and_alone_does_nothing() -> None:
    base = event("IMPORT_CAPACITY_SUBSCRIPTION", 240, start=after(0), duration="P9999Y", id="base")
    more = event("IMPORT_CAPACITY_RESERVATION", 60, start=after(600), duration="PT10M", id="more")
    made = book(base, more)
    assert [kilowatts(made, at) for at in (0, 600, 1199, 1200, 1e8)] == [240, 300, 300, 240, 240]
    alone = book(more)
    asked, fates = alone.asked()
    assert (asked, [fate.reason for fate in fates]) == ([], [Reason.SUBSCRIPTION_MISSING])


def test_prices_and_their_curve() -> None:
    made = book(PRICES)
    at = NOON + 8 * 3600
    assert [made.price_at(at + wait) for wait in (-1, 0, 300, 600)] == [None, pytest.approx(42), 1250, None]
    curve = made.curve(NOON)
    assert {moment - at: price for moment, price in curve.items() if moment >= at} == {
        0: pytest.approx(42.0),
        300: 1250.0,
        600: None,
    }


def test_of_two_prices_the_priority_decides_then_the_higher() -> None:
    cheap = event("PRICE", 0.01, start=after(0), id="a", priority=1)
    dear = event("PRICE", 9.0, start=after(0), id="b", priority=1)
    first = event("PRICE", 0.5, start=after(0), duration="PT10M", id="c", priority=0)
    made = book(cheap, dear, first)
    assert [made.price_at(NOON + at) for at in (0, 599, 600)] == [500, 500, 9000]
    assert [made.curve(NOON)[NOON + at] for at in (0, 600)] == [500, 9000]


WINDOWS = st.tuples(st.integers(0, 20), st.integers(1, 20)).map(lambda pair: (float(pair[0]), float(sum(pair))))


@given(WINDOWS, st.lists(WINDOWS, max_size=6), st.integers(-1, 41))
def test_what_is_left_of_a_window(window: tuple[float, float], others: list[tuple[float, float]], at: int) -> None:
    left = without(window, others)
    inside = window[0] <= at < window[1] and not any(first <= at < last for first, last in others)
    assert sum(first <= at < last for first, last in left) == inside


CLAIMS = st.lists(st.tuples(st.integers(0, 15), st.integers(1, 15), st.integers(0, 50), st.integers(0, 3)), max_size=8)


@given(CLAIMS, st.integers(0, 31))
def test_at_each_time_the_lowest_of_the_first_priority_holds(claims: list[tuple[int, int, int, int]], at: int) -> None:
    listing = [
        event(
            "DISPATCH_SETPOINT", amount, start=after(start), duration=f"PT{length}S", id=f"e{place}", priority=priority
        )
        for place, (start, length, amount, priority) in enumerate(claims)
    ]
    holding = [(priority, amount) for start, length, amount, priority in claims if start <= at < start + length]
    expected = min((amount for priority, amount in holding if priority == min(holding)[0]), default=CAP_WATTS / 1000)
    assert kilowatts(book(*listing), at) == expected


VERSIONS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(1, 9), st.sampled_from(["there", "missing", "broken", "other"])),
    max_size=15,
)


@given(VERSIONS)
def test_no_listing_lifts_the_limit_above_the_newest_that_was_read(steps: list[tuple[int, int, str]]) -> None:
    made = Book(2)
    seen: list[tuple[int, int]] = []
    missing = 0
    for version, amount, fate in steps:
        raw = limit(amount, modificationDateTime=after(version - 60))
        listing = {"there": [raw], "missing": [], "broken": [{**raw, "priority": "x"}], "other": [{**raw, "id": "o"}]}[
            fate
        ]
        made.take(listing, setting, NOON)
        missing = missing + 1 if fate in ("missing", "other") else 0
        if missing >= 2:
            seen = []
        if fate == "there":
            seen.append((version, amount))
        if seen:
            newest = max(version for version, _ in seen)
            allowed = min(amount for version, amount in seen if version == newest)
            mine = [one for one in made.asked()[0] if one.reference == "event-1"]
            assert limit_watts(mine, NOON + 1) <= allowed * 1000


def test_claims_of_different_kinds_do_not_meet() -> None:
    made = book(limit(1, priority=0), event("SIMPLE", 1, id="b"))
    claims = [claim for one in made.events() for claim in one.claims]
    assert len(prevailing(claims)) == 2
    assert {claim.kind for claim in claims if isinstance(claim, Claim)} == {"IMPORT_CAPACITY_LIMIT", "SIMPLE"}
