"""What the MQTT bridge publishes and serves, without a broker."""

from typing import Any

import pytest

from unit.bridges.doubles import NOON, Clock, MemoryPublisher
from wattswitch.bridges import Form
from wattswitch.bridges.board import Board, Served
from wattswitch.bridges.mqtt import Mqtt, MqttBridge


def bridge_of(publisher: MemoryPublisher, clock: Clock, board: Board, **spec: Any) -> MqttBridge:
    settings = Mqtt.model_validate({"program": "soluna", "url": "mqtt://127.0.0.1", "topic": "site", **spec})
    return MqttBridge(settings, publisher, board, clock.moment)


def said(target: int, at: float) -> bytes:
    return b'{"target": %d, "timestamp": %d}' % (target, int(at))


@pytest.fixture
def publisher() -> MemoryPublisher:
    return MemoryPublisher()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def board() -> Board:
    return Board()


async def test_off_and_on_is_one_event_each_time(publisher: MemoryPublisher, clock: Clock, board: Board) -> None:
    bridge = bridge_of(publisher, clock, board, fullWatts=400_000)
    await bridge.settle()
    (first,) = publisher.open
    assert (first.limit.form, first.duration_seconds, first.start) == (Form.ALL, None, NOON)
    for wait, target in ((10, 100), (10, 0), (10, 0), (10, 100)):
        clock.at += wait
        bridge.take(said(target, clock.at))
        await bridge.settle()
        assert len(publisher.open) == (target == 0)
        shown = board.shown("limit")
        assert isinstance(shown, Served)
        assert (shown.document["watts"], shown.time) == (0 if target == 0 else 400_000, clock.at)
    assert len(publisher.kept) == 2


async def test_silence_curtails_and_the_served_time_stands_still(
    publisher: MemoryPublisher, clock: Clock, board: Board
) -> None:
    bridge = bridge_of(publisher, clock, board)
    clock.at += 10
    bridge.take(said(100, clock.at))
    heard_at = clock.at
    await bridge.settle()
    assert not publisher.open
    clock.at += 239
    await bridge.settle()
    assert not publisher.open
    clock.at += 1
    await bridge.settle()
    assert publisher.open
    shown = board.shown("limit")
    assert isinstance(shown, Served)
    assert (shown.document["watts"], shown.time) == (0, heard_at)
    assert board.problems() == ["peer: Silent"]


async def test_a_restart_goes_on_with_the_event_that_is_open(publisher: MemoryPublisher, clock: Clock) -> None:
    await bridge_of(publisher, clock, Board()).settle()
    clock.at += 60
    again = bridge_of(publisher, clock, Board(), curtailedAtStart=False)
    await again.settle()
    assert len(publisher.kept) == 1
    assert again.switch.curtailed


async def test_without_the_start_rule_the_watchdog_counts_from_the_start(
    publisher: MemoryPublisher, clock: Clock
) -> None:
    bridge = bridge_of(publisher, clock, Board(), curtailedAtStart=False)
    await bridge.settle()
    assert not publisher.open
    clock.at += 240
    await bridge.settle()
    assert publisher.open


@pytest.mark.parametrize(
    "payload", [b"", b"0", b"{", b'{"target": 100}', b'{"target":100,"timestamp":NaN}', b" " * 5000, 7, None, "100"]
)
async def test_rubbish_lifts_nothing_and_is_told(
    publisher: MemoryPublisher, clock: Clock, board: Board, payload: Any
) -> None:
    bridge = bridge_of(publisher, clock, board)
    bridge.take(payload)
    await bridge.settle()
    assert publisher.open
    assert board.problems()[0].startswith("message: ")


async def test_a_lift_that_was_not_published_is_published_later(
    publisher: MemoryPublisher, clock: Clock, board: Board
) -> None:
    bridge = bridge_of(publisher, clock, board)
    await bridge.settle()
    clock.at += 10
    bridge.take(said(100, clock.at))
    publisher.broken = True
    await bridge.settle()
    assert publisher.open
    publisher.broken = False
    await bridge.settle()
    assert not publisher.open
