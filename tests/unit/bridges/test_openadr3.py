"""The bridge to OpenADR 3 with a VTN over HTTP: twelve events in both versions, and a VTN that lies or dies."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import toadr3
from aiohttp import web

from unit.bridges.doubles import NOON, Clock, MemoryPublisher
from unit.bridges.vtn3 import ID, SECRET, Vtn
from unit.feeds.servers import until
from wattswitch.api.times import format_time
from wattswitch.bridges import Asked, Form
from wattswitch.bridges.board import Absent, Board, Served
from wattswitch.bridges.openadr3 import OpenAdr3, OpenAdr3Bridge
from wattswitch.bridges.session import ANSWER_LIMIT_BYTES, open_session

FIXTURES = sorted((Path(__file__).parent / "fixtures" / "openadr3").glob("*.json"))
CASES = [
    pytest.param(fixture, version, id=f"{path.stem}-{version}")
    for path in FIXTURES
    for fixture in [json.loads(path.read_text())]
    for version in fixture["versions"]
]
VALUES: dict[str, float | str] = {
    "OPERATING_STATE": "RUNNING_CURTAILED",
    "DEMAND": 140.5,
    "LOAD_SHED_DELTA_AVAILABLE": 90.0,
}


@dataclass
class Site:
    """A bridge with what is around it."""

    vtn: Vtn
    clock: Clock
    publisher: MemoryPublisher
    board: Board
    bridge: OpenAdr3Bridge
    session: aiohttp.ClientSession

    def __post_init__(self) -> None:
        self._client = self.bridge._client(self.session)

    async def step(self, times: int = 1) -> None:
        for _ in range(times):
            await self.bridge.step(self._client)

    def shown(self, path: str) -> Any:
        shown = self.board.shown(path)
        return shown.document if isinstance(shown, Served) else str(shown.reason)


MakeSite = Callable[..., Awaitable[Site]]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[MakeSite]:
    opened: list[Site] = []
    (tmp_path / "id").write_text(ID)
    (tmp_path / "secret").write_text(SECRET)

    async def make(version: str = "3.1", like: Site | None = None, **spec: Any) -> Site:
        clock = like.clock if like else Clock()
        vtn = like.vtn if like else Vtn(version, clock)
        if like is None:
            vtn.programs.append({"id": "p1", "programName": "LPC", "objectType": "PROGRAM"})
            await vtn.start()
        publisher, board = like.publisher if like else MemoryPublisher(), Board()
        settings = {
            "program": "ers",
            "version": version,
            "vtnUrl": vtn.url,
            "clientIdFile": str(tmp_path / "id"),
            "clientSecretFile": str(tmp_path / "secret"),
            "venName": "ven-1",
            "targets": ["GROUP=site-7"],
            "understood": {"privateLimits": ["CONSUMPTION_POWER_LIMIT"]},
        }
        bridge = OpenAdr3Bridge(OpenAdr3.model_validate(settings | spec), publisher, board, clock, VALUES.get)
        session = open_session(clock=bridge._clock)
        opened.append(Site(vtn, clock, publisher, board, bridge, session))
        return opened[-1]

    yield make
    for one in opened:
        await one.session.close()
        await one.vtn.close()


def placed(raw: Any) -> Any:
    """Times of a fixture, "$60" for a minute after noon, and its program."""
    if isinstance(raw, dict):
        return {key: placed(value) for key, value in raw.items()}
    if isinstance(raw, list):
        return [placed(value) for value in raw]
    if isinstance(raw, str) and raw.startswith("$"):
        return "p1" if raw == "$program" else format_time(NOON + float(raw[1:]))
    return raw


def told(asked: Asked) -> dict[str, Any]:
    limit: dict[str, Any] = {str(asked.limit.form): True if asked.limit.form is Form.ALL else asked.limit.amount}
    start = asked.start - NOON
    return {"start": start, "seconds": asked.duration_seconds, "limit": limit, "urgency": str(asked.urgency)}


def simple(level: int = 2, **more: Any) -> dict[str, Any]:
    period = {"start": format_time(NOON - 60), "duration": "PT1H"}
    return {
        "programID": "p1",
        "intervalPeriod": period,
        "intervals": [{"id": 0, "payloads": [{"type": "SIMPLE", "values": [level]}]}],
        **more,
    }


def setpoint(kilowatts: float, **more: Any) -> dict[str, Any]:
    payload = {"type": "DISPATCH_SETPOINT", "values": [kilowatts]}
    descriptor = {"payloadType": "DISPATCH_SETPOINT", "units": "KW"}
    return simple(payloadDescriptors=[descriptor], intervals=[{"id": 0, "payloads": [payload]}], **more)


def test_there_are_twelve_fixtures() -> None:
    assert len(FIXTURES) == 12


@pytest.mark.parametrize(("fixture", "version"), CASES)
async def test_each_fixture_in_each_version(
    site: MakeSite, fixture: dict[str, Any], version: str, caplog: pytest.LogCaptureFixture
) -> None:
    expected = fixture["expected"]
    made = await site(version)
    event = made.vtn.add(placed(fixture["event"]), at=NOON - 3600)
    with caplog.at_level(logging.WARNING):
        await made.step()
    assert [told(asked) for asked in sorted(made.publisher.open, key=lambda one: one.start)] == expected.get(
        "asked", []
    )
    assert made.board.problems() == []
    assert set(expected.get("left_out", [])) == {
        record.args[2].value for record in caplog.records if record.args and len(record.args) == 3
    }
    time = format_time(NOON)
    watts = {"watts": expected["watts"], "time": time} if "watts" in expected else "ValueMissing"
    assert made.shown("limit") == watts
    if "price" in expected:
        assert made.shown("price") == {"price_per_mwh": pytest.approx(expected["price"]), "time": time}
        assert [point["price_per_mwh"] for point in made.shown("curve")["data"] if point["price_per_mwh"]] == [
            pytest.approx(price) for price in expected["curve"]
        ]
    if "asked" in expected:
        assert [report["eventID"] for report in made.vtn.reports] == [event["id"]]


@pytest.mark.parametrize("version", ["3.0.1", "3.1"])
async def test_reports_are_what_the_standard_calls_one(site: MakeSite, version: str) -> None:
    made = await site(version)
    wanted = [{"payloadType": kind} for kind in ("DEMAND", "USAGE", "LOAD_SHED_DELTA_AVAILABLE")]
    made.vtn.add(simple(reportDescriptors=wanted), at=NOON - 60)
    await made.step()
    (acknowledgement,) = made.vtn.reports
    payload = acknowledgement["resources"][0]["intervals"][0]["payloads"][0]
    assert payload == {"type": "OPERATING_STATE", "values": ["RUNNING_CURTAILED"]}
    made.clock.at += 3600
    await made.step(2)
    kinds = [report["payloadDescriptors"][0]["payloadType"] for report in made.vtn.reports]
    assert kinds == ["OPERATING_STATE", "DEMAND", "LOAD_SHED_DELTA_AVAILABLE"], (
        "once each; what is not known is not sent"
    )
    for report in made.vtn.reports:
        toadr3.models.Report.model_validate({"programID": "p1", **report})


async def test_a_modification_is_acknowledged_again_and_a_repeat_is_not(site: MakeSite) -> None:
    made = await site()
    event = made.vtn.add(simple(1))
    await made.step(3)
    event |= {**simple(3), "modificationDateTime": format_time(NOON + 1)}
    await made.step(2)
    assert len(made.vtn.reports) == 2
    assert made.publisher.open[0].limit.form is Form.ALL
    assert len(made.publisher.kept) == 1


async def test_a_deleted_event_ends_after_two_listings(site: MakeSite) -> None:
    made = await site()
    made.vtn.add(simple())
    await made.step()
    made.vtn.events.clear()
    await made.step()
    assert made.publisher.open
    await made.step()
    assert not made.publisher.open


async def test_a_restart_keeps_the_start_of_an_event_that_started_now(site: MakeSite) -> None:
    made = await site()
    made.vtn.add(simple(intervalPeriod={"start": "0001-01-01T00:00:00Z", "duration": "P9999Y"}))
    await made.step()
    made.clock.at += 5000
    await made.step()
    again = await site(like=made)
    await again.step()
    assert [asked.start for asked in made.publisher.open] == [NOON]
    made.vtn.events.clear()
    await again.step(2)
    assert not made.publisher.open


async def test_an_event_that_was_deleted_while_nobody_looked_ends(site: MakeSite) -> None:
    made = await site()
    made.vtn.add(simple())
    await made.step()
    made.vtn.events.clear()
    again = await site(like=made)
    await again.step()
    assert made.publisher.open
    await again.step()
    assert not made.publisher.open


def huge(_: web.Request) -> web.Response:
    return web.Response(body=b"[" + b" " * ANSWER_LIMIT_BYTES + b"]", content_type="application/json")


def drop(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


FAULTS: dict[str, tuple[Callable[[web.Request], web.StreamResponse | None], str]] = {
    "error": (lambda _: web.Response(status=500), "HTTPStatus"),
    "forbidden": (lambda _: web.Response(status=403), "HTTPStatus"),
    "page": (lambda _: web.Response(text="<html>"), "NotJSON"),
    "nan": (lambda _: web.Response(text="[NaN]"), "NotJSON"),
    "object": (lambda _: web.json_response({}), "Incomplete"),
    "too many": (lambda _: web.json_response([{}] * 51), "Incomplete"),
    "endless": (lambda _: web.json_response([{}] * 50), "Incomplete"),
    "huge": (huge, "TooLarge"),
    "redirect": (lambda _: web.Response(status=307, headers={"Location": "http://127.0.0.1:1/"}), "Redirected"),
    "closed": (drop, "Unreachable"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_vtn_that_fails_or_lies_lifts_nothing(site: MakeSite, fault: str) -> None:
    answer, reason = FAULTS[fault]
    made = await site()
    made.vtn.add(setpoint(50))
    await made.step()
    before = dict(made.publisher.kept)
    made.clock.at += 600
    made.vtn.fault = lambda request: answer(request) if request.path == "/events" else None
    await made.step(4)
    assert made.publisher.kept == before
    assert made.board.problems()[0].startswith(f"vtn: {reason}")
    assert made.shown("limit") == {"watts": 50_000, "time": format_time(NOON)}, "the number's time stands still"
    made.vtn.fault = lambda _: None
    await made.step()
    assert made.board.problems() == []
    assert made.shown("limit")["time"] == format_time(NOON + 600)


async def test_a_lost_token_is_fetched_again(site: MakeSite) -> None:
    made = await site()
    await made.step()
    made.vtn.tokens.append("another one")
    await made.step()
    assert made.board.problems() == []
    assert len(made.vtn.tokens) == 3


async def test_neither_token_nor_secret_is_ever_told(
    site: MakeSite, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        made = await site()
        await made.step()
        made.vtn.fault = lambda _: web.Response(status=500, text=made.vtn.tokens[-1])
        await made.step()
        (tmp_path / "secret").write_text("wrong secret")
        made.vtn.fault = lambda _: web.Response(status=401)
        await made.step()
        problems = "\n".join(made.board.problems())
    assert "the token was refused with HTTP 400" in problems
    for text in (caplog.text, problems):
        assert not any(hidden in text for hidden in (SECRET, "wrong secret", "token-"))


async def test_pages_are_put_together(site: MakeSite) -> None:
    made = await site()
    for place in range(120):
        made.vtn.add(setpoint(100 + place))
    await made.step()
    assert len(made.publisher.open) == 120
    assert made.shown("limit")["watts"] == 100_000


async def test_a_vtn_without_a_date_gives_no_numbers(site: MakeSite) -> None:
    made = await site()
    made.vtn.add(setpoint(50))
    async with open_session() as without_clock:
        await made.bridge.step(made.bridge._client(without_clock))
    shown = made.board.shown("limit")
    assert isinstance(shown, Absent)
    assert (shown.reason, len(made.publisher.open)) == ("TimeMissing", 1)


async def test_it_registers_once_and_takes_only_its_programs(site: MakeSite) -> None:
    made = await site(programs=["LPC"])
    made.vtn.programs.append({"id": "p2", "programName": "other"})
    made.vtn.add(simple(programID="p2"))
    await made.step(3)
    assert [ven["venName"] for ven in made.vtn.vens] == ["ven-1"]
    assert not made.publisher.kept


async def test_what_could_not_be_published_is_published_later(site: MakeSite) -> None:
    made = await site()
    await made.step()
    made.vtn.add(simple())
    made.publisher.broken = True
    await made.step()
    assert made.board.problems()[0].startswith("events: NotPublished")
    made.publisher.broken = False
    made.vtn.fault = lambda _: web.Response(status=500)
    await made.step()
    assert made.publisher.open, "also while the VTN is gone"


async def test_running_and_being_cancelled(site: MakeSite) -> None:
    made = await site(pollSeconds=1)
    made.vtn.add(simple())
    task = asyncio.create_task(made.bridge.run())
    await until(lambda: bool(made.publisher.open))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_report_that_is_not_taken_holds_up_no_other(site: MakeSite) -> None:
    made = await site()
    made.vtn.add(simple(reportDescriptors=[{"payloadType": "DEMAND"}]), at=NOON - 60)
    made.clock.at += 7200
    made.vtn.fault = lambda request: (
        web.Response(status=400) if request.method == "POST" and len(made.vtn.asked) % 2 else None
    )
    await made.step(4)
    kinds = {report["payloadDescriptors"][0]["payloadType"] for report in made.vtn.reports}
    assert kinds == {"OPERATING_STATE", "DEMAND"}
