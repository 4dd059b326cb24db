"""OpenADR 2.0b events, read from openleadr's dicts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from unit.bridges.doubles import NOON, Clock, MemoryPublisher
from wattswitch.bridges import Form, Limit, Reason, Refused, Urgency
from wattswitch.bridges.board import Board
from wattswitch.bridges.openadr2b import OpenAdr2b, OpenAdr2bBridge
from wattswitch.bridges.openadr2b_event import Event2b, Understood2b, read_event_2b
from wattswitch.bridges.timeline import FOREVER

START = datetime.fromtimestamp(NOON, UTC)
KILOWATTS = {"name": "powerReal", "unit": "W", "scale": "k"}
WATTS = {"name": "powerReal", "unit": "W", "scale": "none"}
DOLLARS = {"name": "currencyPerKWh", "unit": "USD", "scale": "none"}


def event(
    name: str, kind: str, *values: Any, minutes: float = 60, measurement: Any = None, **descriptor: Any
) -> dict[str, Any]:
    """An event with one signal and an interval for each value."""
    length = timedelta(minutes=minutes)
    signal = {
        "signal_name": name,
        "signal_type": kind,
        "intervals": [{"duration": length, "uid": i, "signal_payload": v} for i, v in enumerate(values)],
    }
    return {
        "event_descriptor": {"event_id": "e1", "modification_number": 0, "event_status": "far", "priority": 0}
        | descriptor,
        "active_period": {"dtstart": START, "duration": length * len(values)},
        "event_signals": [signal | ({} if measurement is None else {"measurement": measurement})],
    }


def read(raw: Any, **understood: Any) -> Event2b:
    return read_event_2b(raw, Understood2b(**understood), program="ers", ven="ven-1", first_seen=NOON)


@pytest.mark.parametrize(
    ("raw", "limit", "urgency"),
    [
        (event("SIMPLE", "level", 1.0), Limit(Form.TO_PERCENT, 75), Urgency.BEST_EFFORT),
        (event("SIMPLE", "level", 3), Limit(Form.ALL), Urgency.EMERGENCY),
        (event("LOAD_DISPATCH", "setpoint", 50.0, measurement=KILOWATTS), Limit(Form.TO_WATTS, 50_000), Urgency.FIRM),
        (event("LOAD_DISPATCH", "setpoint", 50.0, measurement=WATTS), Limit(Form.TO_WATTS, 50), Urgency.FIRM),
        (event("LOAD_DISPATCH", "delta", -50.0, measurement=KILOWATTS), Limit(Form.BY_WATTS, 50_000), Urgency.FIRM),
    ],
)
def test_each_signal_asks_for_its_limit(raw: Any, limit: Limit, urgency: Urgency) -> None:
    (claim,) = read(raw).claims
    assert (claim.asked.limit, claim.asked.urgency, claim.window) == (limit, urgency, (NOON, NOON + 3600))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (event("SIMPLE", "level", 4), Reason.OUT_OF_RANGE),
        (event("LOAD_DISPATCH", "setpoint", 50), Reason.WRONG_UNIT),
        (event("LOAD_DISPATCH", "setpoint", -1, measurement=WATTS), Reason.NEGATIVE),
        (event("LOAD_DISPATCH", "delta", 5, measurement=WATTS), Reason.ASKS_FOR_MORE),
        (event("LOAD_DISPATCH", "multiplier", 0.5, measurement=WATTS), Reason.UNSUPPORTED_TYPE),
        (event("ELECTRICITY_PRICE", "price", 0.1), Reason.WRONG_UNIT),
        (event("ELECTRICITY_PRICE", "price", 0.1, measurement=DOLLARS | {"unit": "EUR"}), Reason.WRONG_CURRENCY),
        (event("CHARGE_STATE", "setpoint", 1), Reason.UNSUPPORTED_TYPE),
    ],
)
def test_what_can_not_be_used_is_left_out_by_name(raw: Any, reason: Reason) -> None:
    found = read(raw)
    assert ([why for _, why in found.left_out], found.usable) == ([reason], False)


def test_intervals_follow_each_other_and_the_end_may_be_open() -> None:
    windows = [claim.window for claim in read(event("SIMPLE", "level", 1, 2, 0, 3, minutes=10)).claims]
    assert windows == [(NOON, NOON + 600), (NOON + 600, NOON + 1200), (NOON + 1800, NOON + 2400)]
    (claim,) = read(event("SIMPLE", "level", 1, minutes=0)).claims
    assert claim.window == (NOON, FOREVER)


def test_prices_are_per_megawatt_hour() -> None:
    (first, second) = read(event("ELECTRICITY_PRICE", "price", 0.1, -0.02, measurement=DOLLARS)).prices
    assert (first.price_per_mwh, second.price_per_mwh) == (100, -20)


def test_a_random_start_is_after_the_given_one_and_kept() -> None:
    raw = event("SIMPLE", "level", 1)
    raw["active_period"]["tolerance"] = {"tolerate": {"startafter": timedelta(minutes=5)}}
    starts = {read(raw).claims[0].window[0] for _ in range(3)}
    assert len(starts) == 1
    assert NOON <= starts.pop() <= NOON + 300


def test_a_test_event_and_one_without_a_start_are_refused() -> None:
    with pytest.raises(Refused, match="TestEvent"):
        read(event("SIMPLE", "level", 1, test_event=True))
    with pytest.raises(Refused, match="TimeUnreadable"):
        read(event("SIMPLE", "level", 1) | {"active_period": {"dtstart": "soon"}})


@pytest.fixture
def publisher() -> MemoryPublisher:
    return MemoryPublisher()


@pytest.fixture
def bridge(publisher: MemoryPublisher) -> OpenAdr2bBridge:
    spec = OpenAdr2b(program="ers", vtn_url="http://127.0.0.1:1/", ven_name="ven-1")
    return OpenAdr2bBridge(spec, publisher, Board(), Clock())


async def test_an_older_modification_neither_raises_nor_ends(
    bridge: OpenAdr2bBridge, publisher: MemoryPublisher
) -> None:
    await bridge.take(event("SIMPLE", "level", 1))
    await bridge.take(event("SIMPLE", "level", 2, modification_number=2))
    await bridge.take(event("SIMPLE", "level", 1, modification_number=1, event_status="cancelled"))
    assert [asked.limit for asked in publisher.open] == [Limit(Form.TO_PERCENT, 50)]
    await bridge.take(event("SIMPLE", "level", 2, modification_number=3, event_status="cancelled"))
    assert publisher.open == []


@pytest.mark.parametrize("raw", [None, {}, {"event_descriptor": {}}, event("CHARGE_STATE", "setpoint", 1)])
async def test_what_is_not_taken_is_opted_out_of(bridge: OpenAdr2bBridge, raw: Any) -> None:
    assert await bridge.take(raw) == ("optOut", "notParticipating")


async def test_priority_zero_is_none(bridge: OpenAdr2bBridge, publisher: MemoryPublisher) -> None:
    await bridge.take(event("SIMPLE", "level", 3, event_id="none", priority=0))
    await bridge.take(event("SIMPLE", "level", 1, event_id="first", priority=1))
    assert [asked.reference for asked in publisher.open] == ["first"]
