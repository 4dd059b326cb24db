"""OpenADR 3 events, read: each payload type, each way to say when, and each way to be wrong."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.bridges.doubles import CAP_WATTS, NOON
from unit.bridges.events3 import NOW, PRICES, after, event
from wattswitch.bridges import Form, Limit, Reason, Refused, Urgency
from wattswitch.bridges.openadr3_event import Event, Setting, Understood, read_event, spread
from wattswitch.bridges.timeline import FOREVER, LOWEST_PRIORITY


def setting(targets: frozenset[str] = frozenset(), **understood: Any) -> Setting:
    return Setting("ers", Understood(**understood), "ven-1", targets, NOON, NOON, {})


def read(raw: dict[str, Any], **understood: Any) -> Event:
    return read_event(raw, setting(**understood))


def asked(raw: dict[str, Any], **understood: Any) -> tuple[Limit, Urgency]:
    (claim,) = read(raw, **understood).claims
    return claim.asked.limit, claim.asked.urgency


def left_out(raw: dict[str, Any], **understood: Any) -> Reason:
    found = read(raw, **understood)
    assert not found.claims
    assert not found.prices
    ((_, reason),) = found.left_out
    return reason


def test_a_price_event_of_five_minutes() -> None:
    found = read(PRICES)
    at_20 = NOON + 8 * 3600
    assert [(price.start, price.end, price.price_per_mwh) for price in found.prices] == [
        (at_20, at_20 + 300, pytest.approx(42.0)),
        (at_20 + 300, at_20 + 600, 1250.0),
    ]
    assert found.priority == 10


@pytest.mark.parametrize(
    ("kind", "value", "limit", "urgency"),
    [
        ("IMPORT_CAPACITY_LIMIT", 150.5, Limit(Form.TO_WATTS, 150_500), Urgency.FIRM),
        ("DISPATCH_SETPOINT", 0, Limit(Form.TO_WATTS, 0), Urgency.FIRM),
        ("DISPATCH_SETPOINT_RELATIVE", -20.0, Limit(Form.BY_WATTS, 20_000), Urgency.FIRM),
        ("SIMPLE", 1, Limit(Form.TO_PERCENT, 75), Urgency.BEST_EFFORT),
        ("SIMPLE", 3, Limit(Form.ALL), Urgency.EMERGENCY),
        ("CONTROL_LEVEL_OFFSET", 3, Limit(Form.TO_PERCENT, 70), Urgency.FIRM),
        ("CONTROL_LEVEL_OFFSET", 10, Limit(Form.TO_PERCENT, 0), Urgency.FIRM),
        ("CONTROL_LEVEL_OFFSET_PERCENT", 0.3, Limit(Form.TO_PERCENT, 70), Urgency.FIRM),
        ("ALERT_GRID_EMERGENCY", "shed now", Limit(Form.ALL), Urgency.BEST_EFFORT),
        ("ALERT_BLACK_START", "wait", Limit(Form.ALL), Urgency.EMERGENCY),
        ("ALERT_FLEX_ALERT", "please", Limit(Form.TO_PERCENT, 75), Urgency.BEST_EFFORT),
    ],
)
def test_each_type_asks_for_its_limit(kind: str, value: Any, limit: Limit, urgency: Urgency) -> None:
    assert asked(event(kind, value)) == (limit, urgency)


@pytest.mark.parametrize(
    ("kind", "value"), [("SIMPLE", 0), ("CONTROL_LEVEL_OFFSET", 0), ("DISPATCH_SETPOINT_RELATIVE", 0)]
)
def test_normal_operation_limits_nothing(kind: str, value: Any) -> None:
    found = read(event(kind, value))
    assert (found.claims, found.left_out) == ((), ())


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (event("SIMPLE", 4), Reason.OUT_OF_RANGE),
        (event("SIMPLE", 1.5), Reason.OUT_OF_RANGE),
        (event("SIMPLE", "1"), Reason.NOT_A_NUMBER),
        (event("SIMPLE", True), Reason.NOT_A_NUMBER),
        (event("IMPORT_CAPACITY_LIMIT", -1), Reason.NEGATIVE),
        (event("IMPORT_CAPACITY_LIMIT", float("nan")), Reason.NOT_A_NUMBER),
        (event("IMPORT_CAPACITY_LIMIT", 10**400), Reason.NOT_A_NUMBER),
        (event("DISPATCH_SETPOINT_RELATIVE", 20), Reason.ASKS_FOR_MORE),
        (event("CONTROL_LEVEL_OFFSET", -1), Reason.ASKS_FOR_MORE),
        (event("CONTROL_LEVEL_OFFSET_PERCENT", -0.5), Reason.ASKS_FOR_MORE),
        (event("CONTROL_LEVEL_OFFSET_PERCENT", 30), Reason.OUT_OF_RANGE),
        (event("ALERT_FREEZING", "cold"), Reason.NO_ACTION_CONFIGURED),
        (event("EXPORT_PRICE", 1.0), Reason.UNSUPPORTED_TYPE),
        (event("CHARGE_STATE_SETPOINT", 1.0), Reason.UNSUPPORTED_TYPE),
        (event("CONSUMPTION_POWER_LIMIT", 10), Reason.UNSUPPORTED_TYPE),
        (event("PRICE", 1.0, payloadDescriptors=None), Reason.WRONG_UNIT),
        (
            event("PRICE", 1.0, payloadDescriptors=[{"payloadType": "PRICE", "units": "THERMS", "currency": "USD"}]),
            Reason.WRONG_UNIT,
        ),
        (
            event("PRICE", 1.0, payloadDescriptors=[{"payloadType": "PRICE", "units": "KWH", "currency": "EUR"}]),
            Reason.WRONG_CURRENCY,
        ),
        (
            event("DISPATCH_SETPOINT", 1.0, payloadDescriptors=[{"payloadType": "DISPATCH_SETPOINT", "units": "KVA"}]),
            Reason.WRONG_UNIT,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_can_not_be_used_is_left_out_by_name(raw: dict[str, Any], reason: Reason) -> None:
    assert left_out(raw) is reason


def test_a_private_type_is_a_limit_where_it_is_allowed() -> None:
    raw = event("CONSUMPTION_POWER_LIMIT", 10)
    assert asked(raw, private_limits=("CONSUMPTION_POWER_LIMIT",)) == (Limit(Form.TO_WATTS, 10_000), Urgency.FIRM)


def test_a_relative_setpoint_may_mean_what_is_shed() -> None:
    raw = event("DISPATCH_SETPOINT_RELATIVE", 20.0001)
    assert asked(raw, relative_means_shed=True) == (Limit(Form.BY_WATTS, 20_001), Urgency.FIRM)


@pytest.mark.parametrize(
    ("start", "duration", "window"),
    [
        (after(600), "PT30M", (NOON + 600, NOON + 2400)),
        (NOW, "PT30M", (NOON, NOON + 1800)),
        ("0001-01-01", "P9999Y", (NOON, FOREVER)),
        ("0000-00-00", "P1DT1H", (NOON, NOON + 90_000)),
        (after(600), None, (NOON + 600, FOREVER)),
        (after(600), "PT0S", (NOON + 600, FOREVER)),
        ("2026-08-01T12:10:00", "P1W", (NOON + 600, NOON + 600 + 604_800)),
    ],
)
def test_the_ways_to_say_when(start: str, duration: str | None, window: tuple[float, float]) -> None:
    (claim,) = read(event("SIMPLE", 2, start=start, duration=duration)).claims
    assert claim.window == window


def test_now_and_no_length_calls_an_event_off() -> None:
    assert not read(event("SIMPLE", 2, start=NOW, duration="PT0S")).claims


def test_intervals_follow_each_other_and_may_say_their_own_time() -> None:
    raw = event("SIMPLE", 1, 2, 3, start=after(0), duration="PT10M")
    raw["intervals"][1]["intervalPeriod"] = {"start": NOW, "duration": "PT1H"}
    raw["intervals"][2]["intervalPeriod"] = {"start": after(9000)}
    windows = [claim.window for claim in read(raw).claims]
    assert windows == [(NOON, NOON + 600), (NOON + 600, NOON + 4200), (NOON + 9000, NOON + 9600)]


def test_several_prices_share_one_interval() -> None:
    raw = event("PRICE", 0, start=after(0), duration="PT3H")
    raw["intervals"][0]["payloads"][0]["values"] = [0.17, -0.03, 0.11]
    assert [(price.start - NOON, price.price_per_mwh) for price in read(raw).prices] == [
        (0, 170.0),
        (3600, -30.0),
        (7200, 110.0),
    ]


def test_an_event_may_repeat_its_intervals_or_cut_them() -> None:
    daily = event("PRICE", 1, 2, start=after(-3 * 86_400), duration="PT12H")
    found = read({**daily, "duration": "P9999Y"})
    assert found.prices[0].start == NOON, "rounds that are over are not laid out"
    assert len(found.prices) == 2000
    cut = read({**daily, "duration": "PT6H"})
    assert [(price.start, price.end) for price in cut.prices] == [(NOON - 3 * 86_400, NOON - 3 * 86_400 + 21_600)]


def test_a_random_start_is_within_its_range_and_kept() -> None:
    raw = event("SIMPLE", 1, 1, start=after(3600), duration="PT10M")
    raw["intervalPeriod"]["randomizeStart"] = "PT5M"
    first, second = (claim.window for claim in read(raw).claims)
    offset = first[0] - NOON - 3600
    assert 0 < abs(offset) <= 300
    assert second[0] == first[1]
    assert read({**raw, "modificationDateTime": after(0)}).claims[0].window == first


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_spread_is_within_one(event_id: str, ven: str) -> None:
    assert -1 <= spread(event_id, ven) <= 1


@pytest.mark.parametrize(
    ("targets", "ours", "for_us"),
    [
        (None, {"site-1"}, True),
        ([], {"site-1"}, True),
        (["site-1", "x"], {"site-1"}, True),
        (["x"], {"site-1"}, False),
        (["x"], set(), True),
        ([{"type": "GROUP", "values": ["g1", "g2"]}], {"GROUP=g2"}, True),
        ([{"type": "GROUP", "values": ["g1"]}], {"g1"}, True),
        ([{"type": "VEN_NAME", "values": ["g1"]}], {"GROUP=g1"}, False),
    ],
)
def test_targets_of_both_versions(targets: Any, ours: set[str], for_us: bool) -> None:
    raw = event("SIMPLE", 1, targets=targets)
    if for_us:
        assert read_event(raw, setting(frozenset(ours))).claims
    else:
        with pytest.raises(Refused) as caught:
            read_event(raw, setting(frozenset(ours)))
        assert caught.value.reason is Reason.NOT_TARGETED


def test_a_missing_priority_is_the_lowest_and_zero_the_highest() -> None:
    assert read(event("SIMPLE", 1)).priority == LOWEST_PRIORITY
    assert read(event("SIMPLE", 1, priority=0)).priority == 0


@pytest.mark.parametrize(
    "damage",
    [
        {"id": None},
        {"id": "x" * 129},
        {"intervals": 5},
        {"intervals": [{"payloads": None}]},
        {"intervals": [{"id": 0, "payloads": []}] * 2001},
        {"intervalPeriod": {"start": "tomorrow"}},
        {"intervalPeriod": {"start": NOW, "duration": "1 h"}},
        {"priority": -1},
        {"priority": "0"},
        {"targets": "all"},
        {"modificationDateTime": "yesterday"},
        {"payloadDescriptors": 1},
        {"reportDescriptors": [{}]},
    ],
    ids=str,
)
def test_an_event_that_can_not_be_read_is_refused_as_a_whole(damage: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        read({**event("SIMPLE", 1), **damage})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [
    "id",
    "priority",
    "targets",
    "intervalPeriod",
    "intervals",
    "payloadDescriptors",
    "reportDescriptors",
    "duration",
]


@given(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=3))
def test_nothing_but_a_refusal_comes_of_rubbish(damage: dict[str, Any]) -> None:
    try:
        found = read({**event("DISPATCH_SETPOINT", 5), **damage})
    except Refused:
        return
    assert all(claim.asked.limit.watts(CAP_WATTS) <= CAP_WATTS for claim in found.claims)
