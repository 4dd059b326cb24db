"""The 2.0b bridge with openleadr's own VTN over loopback: registration, events of each kind, opt, cancel, telemetry."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from openleadr import OpenADRServer, objects

from local.ports import free_ports
from unit.bridges.doubles import MemoryPublisher
from unit.feeds.servers import until
from wattswitch.bridges import Form, Limit
from wattswitch.bridges.board import Board, Served
from wattswitch.bridges.openadr2b import OpenAdr2b, OpenAdr2bBridge

# openleadr keeps itself in its own server under a plain name.
pytestmark = pytest.mark.filterwarnings("ignore::aiohttp.web.NotAppKeyWarning")

VEN = "ven-1"
KILOWATTS = objects.Measurement(
    name="powerReal",
    description="RealPower",
    unit="W",
    scale="k",
    acceptable_units=("W",),
    power_attributes=objects.PowerAttributes(hertz=50, voltage=230, ac=True),
)


@dataclass
class Vtn:
    """openleadr's server, polled every second, with what came back."""

    server: Any
    url: str
    opts: dict[str, str] = field(default_factory=dict)
    samples: list[float] = field(default_factory=list)

    def add(self, name: str, kind: str, value: float, *, minutes: float = 60, ahead: float = 0, **more: Any) -> str:
        start = datetime.now(UTC) + timedelta(minutes=ahead)
        length = timedelta(minutes=minutes)
        signal = objects.EventSignal(
            intervals=[objects.Interval(dtstart=start, duration=length, signal_payload=value)],
            signal_name=name,
            signal_type=kind,
            signal_id="s1",
            **more,
        )
        event_id = f"event-{len(self.server.events.get(VEN, []))}"
        event = objects.Event(
            event_descriptor=objects.EventDescriptor(
                event_id=event_id,
                modification_number=0,
                market_context="oadr://ers",
                event_status="far",
                created_date_time=datetime.now(UTC),
            ),
            active_period=objects.ActivePeriod(dtstart=start, duration=length),
            event_signals=[signal],
            targets=[objects.Target(ven_id=VEN)],
            response_required="always",
        )
        self.server.add_raw_event(VEN, event, callback=self._answered)
        return event_id

    async def _answered(self, ven_id: str, event_id: str, opt_type: str) -> None:
        self.opts[event_id] = opt_type

    def offered(self, **report: Any) -> Any:
        return self._sampled, timedelta(seconds=1)

    def _sampled(self, data: list[tuple[datetime, float]]) -> None:
        self.samples += [value for _, value in data]


@pytest.fixture
async def vtn() -> AsyncIterator[Vtn]:
    (port,) = free_ports(1)
    server = OpenADRServer(
        vtn_id="VTN", http_host="127.0.0.1", http_port=port, requested_poll_freq=timedelta(seconds=1)
    )
    made = Vtn(server, f"http://127.0.0.1:{port}/OpenADR2/Simple/2.0b")

    async def register(_: Any) -> tuple[str, str]:
        return VEN, "registration-1"

    async def offered(ven_id: str, resource_id: str, measurement: str, unit: str, scale: str, **_: Any) -> Any:
        return made.offered()

    async def offer(
        ven_id: str,
        resource_id: str,
        measurement: str,
        unit: str,
        scale: str,
        min_sampling_interval: timedelta,
        max_sampling_interval: timedelta,
    ) -> Any:
        return made._sampled, min_sampling_interval

    server.add_handler("on_create_party_registration", register)
    server.add_handler("on_register_report", offer)
    await server.run()
    yield made
    await server.stop()


@pytest.fixture
def publisher() -> MemoryPublisher:
    return MemoryPublisher()


@pytest.fixture
async def board(vtn: Vtn, publisher: MemoryPublisher) -> AsyncIterator[Board]:
    """A VEN that runs; give what it shows."""
    shown = Board()
    settings = {"program": "ers", "vtnUrl": vtn.url, "venName": VEN, "reportSeconds": 1, "fullWatts": 900_000}
    bridge = OpenAdr2bBridge(OpenAdr2b.model_validate(settings), publisher, shown, time.time, meter=lambda: 140_500.0)
    task = asyncio.create_task(bridge.run())
    yield shown
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_an_event_is_taken_opted_in_to_and_ends_when_it_is_cancelled(
    vtn: Vtn, publisher: MemoryPublisher, board: Board
) -> None:
    event = vtn.add("LOAD_DISPATCH", "setpoint", 50.0, measurement=KILOWATTS)
    await until(lambda: vtn.opts.get(event) == "optIn")
    (asked,) = publisher.open
    assert (asked.limit, asked.reference, asked.duration_seconds) == (Limit(Form.TO_WATTS, 50_000), event, 3600)
    shown = board.shown("limit")
    assert isinstance(shown, Served)
    assert shown.document["watts"] == 50_000
    vtn.server.cancel_event(VEN, event)
    await until(lambda: not publisher.open)


async def test_a_level_far_ahead_and_one_that_is_not_supported(
    vtn: Vtn, publisher: MemoryPublisher, board: Board
) -> None:
    level = vtn.add("SIMPLE", "level", 2, ahead=60)
    await until(lambda: vtn.opts.get(level) == "optIn")
    other = vtn.add("CHARGE_STATE", "setpoint", 2.0)
    await until(lambda: vtn.opts.get(other) == "optOut")
    (asked,) = publisher.open
    assert asked.limit == Limit(Form.TO_PERCENT, 50)
    assert not asked.holds_at(time.time())
    assert board.problems() == []


async def test_power_is_reported(vtn: Vtn, board: Board) -> None:
    await until(lambda: bool(vtn.samples))
    assert set(vtn.samples) == {140_500.0}


async def test_a_vtn_that_goes_leaves_the_limit(vtn: Vtn, publisher: MemoryPublisher, board: Board) -> None:
    event = vtn.add("SIMPLE", "level", 3)
    await until(lambda: vtn.opts.get(event) == "optIn")
    await vtn.server.stop()
    await asyncio.sleep(3)
    assert len(publisher.open) == 1
