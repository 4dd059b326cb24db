"""Signed messages: who may, what is understood, what is answered, and what never counts twice."""

import asyncio
import contextlib
import json
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unit.bridges.doubles import NOON, Clock, MemoryPublisher, limit_watts
from wattswitch.bridges import Asked, Form, Limit, Refused, Urgency
from wattswitch.bridges.board import Board
from wattswitch.bridges.serve import Server
from wattswitch.bridges.signature import MOST_REMEMBERED, Remembered, sign
from wattswitch.bridges.webhook import SIGNATURE_HEADER, TIMESTAMP_HEADER, Webhook, WebhookBridge
from wattswitch.errors import NameTaken

SECRET = b"correct horse"
EVENT = {"reference": "2026-0801-1", "durationSeconds": 3600, "limit": {"toWatts": 150_000, "urgency": "Emergency"}}


@dataclass
class Peer:
    """Posts signed messages."""

    session: aiohttp.ClientSession
    url: str
    clock: Clock
    publisher: MemoryPublisher
    bridge: WebhookBridge

    async def post(
        self, body: Any, *, at: float | None = None, secret: bytes = SECRET, **headers: str
    ) -> tuple[int, Any]:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        stamp = str(int(self.clock.at if at is None else at))
        sent = {TIMESTAMP_HEADER: stamp, SIGNATURE_HEADER: f"sha256={sign(secret, stamp, raw)}"} | headers
        async with self.session.post(self.url, data=raw, headers=sent) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def peer(tmp_path: Path) -> AsyncIterator[Peer]:
    (tmp_path / "secret").write_bytes(SECRET + b"\n")
    clock, publisher, board = Clock(), MemoryPublisher(), Board()
    spec = Webhook(program="ers", secret_files=(str(tmp_path / "secret"),))
    bridge = WebhookBridge(spec, publisher, board, clock, estimate=lambda _: 12.5)
    server = Server("127.0.0.1", 0, bridge.routes())
    await server.start()
    async with aiohttp.ClientSession() as session:
        yield Peer(session, f"http://127.0.0.1:{server.port}/events", clock, publisher, bridge)
    await server.close()


async def test_a_message_becomes_an_event_and_is_acknowledged(peer: Peer) -> None:
    status, answer = await peer.post(EVENT)
    (asked,) = peer.publisher.open
    assert (asked.limit, asked.urgency) == (Limit(Form.TO_WATTS, 150_000), Urgency.EMERGENCY)
    assert (asked.start, asked.duration_seconds, asked.reference) == (NOON, 3600, "2026-0801-1")
    assert (status, answer["name"], answer["estimatedShedSeconds"], answer["repeated"]) == (
        202,
        asked.name,
        12.5,
        False,
    )


async def test_the_same_reference_twice_is_one_event(peer: Peer) -> None:
    await peer.post(EVENT)
    status, answer = await peer.post(EVENT, at=NOON + 2)
    assert (status, answer["repeated"], len(peer.publisher.kept)) == (202, True, 1)
    status, answer = await peer.post({**EVENT, "limit": {"all": True}}, at=NOON + 3)
    assert (status, answer["repeated"], len(peer.publisher.kept)) == (202, False, 1)
    assert peer.publisher.open[0].limit == Limit(Form.ALL)


async def test_a_cancel_ends_it_and_an_older_message_does_not_bring_it_back(peer: Peer) -> None:
    await peer.post(EVENT)
    status, answer = await peer.post({"reference": EVENT["reference"], "cancelled": True}, at=NOON + 5)
    assert (status, answer["cancelled"], peer.publisher.open) == (202, True, [])
    status, answer = await peer.post({**EVENT, "durationSeconds": 60}, at=NOON + 4)
    assert (status, answer["reason"], peer.publisher.open) == (409, "Reordered", [])


async def test_a_cancel_of_the_same_second_does_not_lift(peer: Peer) -> None:
    await peer.post(EVENT)
    status, answer = await peer.post({"reference": EVENT["reference"], "cancelled": True})
    assert (status, answer["reason"], len(peer.publisher.open)) == (202, "Contradicting", 1)


async def test_a_replay_is_refused_also_by_the_next_process(peer: Peer) -> None:
    await peer.post({**EVENT, "limit": {"toWatts": 900_000}})
    await peer.post(EVENT, at=NOON + 1)
    status, answer = await peer.post(EVENT, at=NOON + 1)
    assert (status, answer["reason"]) == (409, "Replayed")
    peer.clock.at = NOON + 30
    restarted = WebhookBridge(peer.bridge._spec, peer.publisher, Board(), peer.clock)
    server = Server("127.0.0.1", 0, restarted.routes())
    await server.start()
    peer.url = f"http://127.0.0.1:{server.port}/events"
    status, answer = await peer.post({**EVENT, "limit": {"toWatts": 900_000}}, at=NOON)
    assert (status, answer["reason"]) == (409, "Reordered")
    assert peer.publisher.open[0].limit == Limit(Form.TO_WATTS, 150_000)
    await server.close()


@pytest.mark.parametrize(
    ("headers", "at", "secret", "reason"),
    [
        ({}, 301, SECRET, "FromFuture"),
        ({}, -301, SECRET, "TooOld"),
        ({}, 0, b"guess", "SignatureWrong"),
        ({SIGNATURE_HEADER: ""}, 0, SECRET, "SignatureMissing"),
        ({SIGNATURE_HEADER: "sha1=00"}, 0, SECRET, "SignatureMissing"),
        ({TIMESTAMP_HEADER: ""}, 0, SECRET, "SignatureMissing"),
        ({TIMESTAMP_HEADER: "noon"}, 0, SECRET, "SignatureMissing"),
        ({TIMESTAMP_HEADER: str(int(NOON) + 1)}, 0, SECRET, "SignatureWrong"),
    ],
)
async def test_who_may_not_is_told_401(
    peer: Peer, headers: dict[str, str], at: float, secret: bytes, reason: str
) -> None:
    status, answer = await peer.post(EVENT, at=NOON + at, secret=secret, **headers)
    assert (status, answer["reason"], peer.publisher.kept) == (401, reason, {})


@pytest.mark.parametrize(("at", "status"), [(300, 202), (-300, 202)])
async def test_five_minutes_either_way_are_borne(peer: Peer, at: float, status: int) -> None:
    assert (await peer.post(EVENT, at=NOON + at))[0] == status


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "NotJSON"),
        (b'{"reference": NaN}', "NotJSON"),
        ([], "Unreadable"),
        ({}, "Unreadable"),
        ({**EVENT, "reference": 5}, "Unreadable"),
        ({**EVENT, "reference": "x" * 129}, "Unreadable"),
        ({**EVENT, "durationSeconds": "3600"}, "Unreadable"),
        ({**EVENT, "durationSeconds": 0}, "Unreadable"),
        ({**EVENT, "durationSeconds": True}, "Unreadable"),
        ({**EVENT, "limit": {"toWatts": -1}}, "Unreadable"),
        ({**EVENT, "limit": {"toWatts": 1, "all": True}}, "Unreadable"),
        ({**EVENT, "limit": {}}, "Unreadable"),
        ({**EVENT, "limit": {"all": False}}, "Unreadable"),
        ({**EVENT, "limit": {"all": True, "urgency": "Soon"}}, "Unreadable"),
        ({**EVENT, "extra": 1}, "Unreadable"),
        ({**EVENT, "start": "now"}, "TimeUnreadable"),
        ({**EVENT, "start": "0001-01-01T00:00:00Z"}, "TimeUnreadable"),
        ({**EVENT, "program": "other"}, "WrongProgram"),
        ({"reference": "1"}, "ValueMissing"),
    ],
    ids=str,
)
async def test_what_is_no_event_is_told_422(peer: Peer, body: Any, reason: str) -> None:
    status, answer = await peer.post(body)
    assert (status, answer["reason"], peer.publisher.kept) == (422, reason, {})


async def test_too_large_is_told_413(peer: Peer) -> None:
    status, answer = await peer.post(b" " * 20_000)
    assert (status, answer["reason"]) == (413, "TooLarge")


async def test_what_could_not_be_published_may_be_sent_again(peer: Peer) -> None:
    peer.publisher.broken = True
    status, answer = await peer.post(EVENT)
    assert (status, answer["reason"]) == (503, "NotPublished")
    peer.publisher.broken = False
    assert (await peer.post(EVENT))[0] == 202
    assert len(peer.publisher.open) == 1


async def test_a_repeat_is_published_again_where_another_hand_deleted_it(peer: Peer) -> None:
    await peer.post(EVENT)
    (asked,) = peer.publisher.open
    peer.publisher.kept.clear()
    assert (await peer.post(EVENT, at=NOON + 1))[1]["repeated"] is True
    assert peer.publisher.open == [asked]
    await peer.post({"reference": EVENT["reference"], "cancelled": True}, at=NOON + 2)
    peer.publisher.kept.clear()
    assert (await peer.post({"reference": EVENT["reference"], "cancelled": True}, at=NOON + 3))[0] == 202
    assert peer.publisher.kept == {}


async def test_what_can_not_be_published_holds_up_no_other(peer: Peer) -> None:
    put = peer.publisher.put

    async def picky(asked: Asked) -> None:
        if asked.reference == EVENT["reference"]:
            raise NameTaken("taken by the test")
        await put(asked)

    peer.publisher.put = picky  # type: ignore[method-assign]
    assert (await peer.post(EVENT))[1]["reason"] == "NotPublished"
    assert (await peer.post({**EVENT, "reference": "2"}))[0] == 202
    assert [asked.reference for asked in peer.publisher.open] == ["2"]
    assert (await peer.post(EVENT, at=NOON + 1))[1]["reason"] == "NotPublished"


def test_what_is_remembered_is_bounded_and_not_forgotten_early() -> None:
    remembered = Remembered()
    for place in range(MOST_REMEMBERED):
        remembered.take(str(place), NOON, NOON)
    with pytest.raises(Exception, match="TooMany"):
        remembered.take("one more", NOON, NOON)
    with pytest.raises(Exception, match="Replayed"):
        remembered.take("0", NOON, NOON + 299)
    remembered.take("one more", NOON + 301, NOON + 301)


SENT = st.lists(st.tuples(st.integers(-3, 3), st.sampled_from([None, 10, 20, 30])), max_size=6)


@settings(max_examples=60, deadline=None)
@given(SENT, st.lists(st.integers(0, 5), max_size=12))
def test_whatever_is_lost_repeated_or_reordered_the_newest_that_came_is_not_exceeded(
    sent: list[tuple[int, int | None]], arrivals: list[int]
) -> None:
    """Messages of a time and an amount, None for a cancel; some of them arrive, in any order, some again."""

    async def play(folder: Path) -> None:
        (folder / "secret").write_bytes(SECRET)
        publisher = MemoryPublisher()
        spec = Webhook(program="ers", secret_files=(str(folder / "secret"),))
        bridge = WebhookBridge(spec, publisher, Board(), Clock())
        came: list[tuple[int, int | None]] = []
        for place in arrivals:
            if place >= len(sent):
                continue
            at, amount = sent[place]
            said = {"cancelled": True} if amount is None else {"limit": {"toWatts": amount}}
            body = json.dumps({"reference": "r", "start": "2026-08-01T11:00:00Z", **said}).encode()
            stamp = str(int(NOON) + at)
            with contextlib.suppress(Refused):
                await bridge.take(stamp, sign(SECRET, stamp, body), body)
            came.append(sent[place])
            newest = [amount for at, amount in came if at == max(at for at, _ in came) and amount is not None]
            if newest:
                assert limit_watts(publisher.kept.values(), NOON) <= min(newest)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder)))
