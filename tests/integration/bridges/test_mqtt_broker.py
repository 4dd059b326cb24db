"""The MQTT bridge with a real broker: messages, a broker that dies and comes back, old messages that it kept."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiomqtt
import pytest

from local import programs
from local.debian import NoAptError
from local.mosquitto import Mosquitto
from unit.bridges.doubles import MemoryPublisher
from unit.feeds.servers import until
from wattswitch.bridges.board import Board
from wattswitch.bridges.mqtt import Mqtt, MqttBridge
from wattswitch.bridges.soluna import Moment

TOPIC = "site/target"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    try:
        programs.find("mosquitto")
    except NoAptError as problem:
        pytest.skip(str(problem))
    with Mosquitto(tmp_path) as started:
        yield started


@pytest.fixture
def publisher() -> MemoryPublisher:
    return MemoryPublisher()


@pytest.fixture
async def board(broker: Mosquitto, publisher: MemoryPublisher, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Board]:
    """A bridge that runs, with a watchdog of three seconds; give what it shows."""
    monkeypatch.setattr("wattswitch.bridges.mqtt.RETRY_SECONDS", 0.1)
    monkeypatch.setattr("wattswitch.bridges.mqtt.TICK_SECONDS", 0.1)
    shown = Board()
    settings = {"program": "soluna", "url": f"mqtt://127.0.0.1:{broker.port}", "topic": TOPIC, "silentSeconds": 3}
    spec = Mqtt.model_validate(settings | {"flipSeconds": 0})
    bridge = MqttBridge(spec, publisher, shown, lambda: Moment(time.time(), time.monotonic()))
    task = asyncio.create_task(bridge.run())
    yield shown
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def say(broker: Mosquitto, target: int, *, at: float | None = None, retain: bool = False) -> None:
    payload = json.dumps({"target": target, "timestamp": time.time() if at is None else at})
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.publish(TOPIC, payload, qos=1, retain=retain)


async def lifted(broker: Mosquitto, publisher: MemoryPublisher) -> None:
    """Say 100 over and over until the site is on."""
    async with asyncio.timeout(20):
        while publisher.open or not publisher.kept:
            await say(broker, 100)
            await asyncio.sleep(0.2)


async def test_off_on_and_silence(broker: Mosquitto, publisher: MemoryPublisher, board: Board) -> None:
    await until(lambda: bool(publisher.open))
    await lifted(broker, publisher)
    await say(broker, 0)
    await until(lambda: bool(publisher.open))
    await lifted(broker, publisher)
    said_at = time.monotonic()
    await until(lambda: bool(publisher.open))
    assert 2.5 < time.monotonic() - said_at < 6
    assert "peer: Silent" in board.problems()


async def test_a_message_that_the_broker_kept_from_long_ago_does_not_lift(
    broker: Mosquitto, publisher: MemoryPublisher, board: Board
) -> None:
    await say(broker, 100, at=time.time() - 3600, retain=True)
    await until(lambda: any("TooOld" in problem for problem in board.problems()))
    assert publisher.open


async def test_a_broker_that_dies_curtails_and_its_return_alone_lifts_nothing(
    broker: Mosquitto, publisher: MemoryPublisher, board: Board
) -> None:
    await lifted(broker, publisher)
    await asyncio.to_thread(broker.stop)
    await until(lambda: bool(publisher.open))
    assert any(problem.startswith("broker: ") for problem in board.problems())
    await asyncio.to_thread(broker.start)
    await until(lambda: not any(problem.startswith("broker: ") for problem in board.problems()))
    await asyncio.sleep(0.5)
    assert publisher.open
    await lifted(broker, publisher)
