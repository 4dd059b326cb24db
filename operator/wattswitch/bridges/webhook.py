"""The bridge for signed HTTP messages: one JSON object for one event, answered with what was understood.

Guarantee: what is not signed with a secret of ours, within five minutes and for the first time, changes nothing; of
several messages for one reference the newest by its signed time counts.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Final

from aiohttp import web
from pydantic import ConfigDict, Field, ValidationError

from wattswitch.api.base import ApiModel, FilePath
from wattswitch.api.times import is_writable
from wattswitch.bridges.asked import Asked, Publisher, Reason, Refused, stricter, text_of, to_raw
from wattswitch.bridges.board import Board
from wattswitch.bridges.desk import Desk
from wattswitch.bridges.iso import read_time
from wattswitch.bridges.levels import Action
from wattswitch.bridges.ordering import Ordering, Verdict
from wattswitch.bridges.secret import read_secret
from wattswitch.bridges.session import read_json
from wattswitch.bridges.signature import WINDOW_SECONDS, Remembered, check_signature, read_timestamp

logger = logging.getLogger(__name__)

BODY_LIMIT_BYTES: Final = 16 * 1024
SIGNATURE_HEADER: Final = "X-Wattswitch-Signature"
TIMESTAMP_HEADER: Final = "X-Wattswitch-Timestamp"
SETTLE_SECONDS: Final = 5.0

Estimate = Callable[[Asked], float | None]
"""Seconds until the limit of an event is met, as far as known."""

_STATUS: Final = {
    Reason.SIGNATURE_MISSING: HTTPStatus.UNAUTHORIZED,
    Reason.SIGNATURE_WRONG: HTTPStatus.UNAUTHORIZED,
    Reason.FROM_FUTURE: HTTPStatus.UNAUTHORIZED,
    Reason.TOO_OLD: HTTPStatus.UNAUTHORIZED,
    Reason.REPLAYED: HTTPStatus.CONFLICT,
    Reason.REORDERED: HTTPStatus.CONFLICT,
    Reason.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Reason.TOO_MANY: HTTPStatus.TOO_MANY_REQUESTS,
    Reason.NOT_PUBLISHED: HTTPStatus.SERVICE_UNAVAILABLE,
    Reason.SECRET_UNREADABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""What each reason answers; all others are 422."""


class Webhook(ApiModel):
    """Who may send, and where to."""

    program: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[ -~]+$")]
    """Program of every event; a message that names another one is refused."""
    secret_files: Annotated[tuple[FilePath, ...], Field(min_length=1, max_length=2)]
    """Files with the secret that the peer signs with; a second one while it is being changed."""
    path: Annotated[str, Field(max_length=256, pattern=r"^/[A-Za-z0-9/_-]*$")] = "/events"
    """Path that messages are posted to."""


class WebhookEvent(ApiModel):
    """The body of a message."""

    model_config = ConfigDict(strict=True)

    program: str | None = None
    """The program; the bridge's where left out."""
    reference: str
    """The peer's own name of the event: the same one again is the same event."""
    start: str | None = None
    """RFC 3339; now where left out."""
    duration_seconds: Annotated[int, Field(ge=1, le=31_536_000)] | None = None
    """How long it lasts; until it is cancelled where left out."""
    limit: Annotated[Action, Field(strict=False)] | None = None
    """What it limits, and its urgency; may be left out where it is cancelled."""
    cancelled: bool = False
    """Whether the event is called off."""


class WebhookBridge:
    """Takes messages. `now` gives Unix seconds; `estimate` says how long shedding takes."""

    def __init__(
        self,
        spec: Webhook,
        publisher: Publisher,
        board: Board,
        now: Callable[[], float],
        estimate: Estimate = lambda _: None,
    ) -> None:
        self._spec = spec
        self._board = board
        self._now = now
        self._estimate = estimate
        self._desk = Desk(publisher, spec.program)
        self._ordering: Ordering[Asked] = Ordering(stricter)
        self._remembered = Remembered()
        self._lock = asyncio.Lock()
        self._started_at = now()
        self._recalled = False

    def routes(self) -> list[web.RouteDef]:
        """The path that messages are posted to."""
        return [web.post(self._spec.path, self._answer)]

    async def run(self) -> None:
        """Publish again what could not be published, until it is cancelled."""
        while True:
            try:
                async with self._lock:
                    await self._recall()
                    await self._desk.settle(self._now())
            except Refused as refusal:
                self._board.report("events", str(refusal))
            else:
                self._board.report("events", None)
            await asyncio.sleep(SETTLE_SECONDS)

    async def _answer(self, request: web.Request) -> web.Response:
        try:
            body = await _body(request)
            acknowledgement = await self.take(
                request.headers.get(TIMESTAMP_HEADER, ""), request.headers.get(SIGNATURE_HEADER, ""), body
            )
        except Refused as refusal:
            logger.warning("message %s", refusal)
            status = _STATUS.get(refusal.reason, HTTPStatus.UNPROCESSABLE_ENTITY)
            return web.json_response({"reason": str(refusal.reason), "message": refusal.message}, status=status)
        return web.json_response(acknowledgement, status=HTTPStatus.ACCEPTED)

    async def take(self, timestamp: str, signature: str, body: bytes) -> dict[str, object]:
        """The acknowledgement of a message. Raises Refused."""
        now = self._now()
        at = read_timestamp(timestamp, now)
        mac = check_signature(await asyncio.to_thread(self._secrets), signature, timestamp, body)
        # One at a time: two messages for one reference must not overtake each other between judging and publishing.
        async with self._lock:
            await self._recall()
            self._remembered.take(mac, at, now)
            try:
                return await self._carry_out(body, at, now)
            except Refused as refusal:
                if refusal.reason is Reason.NOT_PUBLISHED:
                    self._remembered.release(mac)
                raise

    async def _carry_out(self, body: bytes, at: float, now: float) -> dict[str, object]:
        asked = self._read(body, at)
        verdict = self._judge(asked, at, now)
        if verdict.content is None or verdict.reason is Reason.REORDERED:
            raise Refused(verdict.reason or Reason.TOO_MANY, "the message does not count")
        counts = verdict.content
        self._desk.want(counts)
        if verdict.reason is Reason.REPEATED and not counts.cancelled:
            self._desk.doubt(counts.name)  # what is answered with 202 is in the cluster
        await self._publish(counts, now)
        return {
            **to_raw(counts),
            "repeated": verdict.reason is Reason.REPEATED,
            "reason": None if verdict.reason is None else str(verdict.reason),
            "estimatedShedSeconds": None if counts.cancelled else self._estimate(counts),
        }

    async def _publish(self, asked: Asked, now: float) -> None:
        try:
            await self._desk.settle(now)
        except Refused:
            # That another event can't be published is no news to whoever asked for this one.
            if self._desk.owes(asked.name):
                raise

    def _judge(self, asked: Asked, at: float, now: float) -> Verdict[Asked]:
        known = self._ordering.content(asked.reference)
        if known is not None and asked.cancelled:
            # A cancel may say nothing else: what it ends is what is known.
            asked = replace(known, cancelled=True)
        elif known is not None and known.same_as(asked):
            asked = known
        verdict = self._ordering.judge(asked.reference, at, asked)
        if verdict.reason is Reason.TOO_MANY:
            # An event that is over may be forgotten, once no message as old as its last one would be taken.
            past = now - 2 * WINDOW_SECONDS
            self._ordering.forget(lambda held, version: held.over_at(past) and version is not None and version < past)
            verdict = self._ordering.judge(asked.reference, at, asked)
        if verdict.reason is None and known is not None and verdict.content == known:
            return Verdict(known, Reason.REPEATED)
        return verdict

    def _read(self, body: bytes, at: float) -> Asked:
        raw = read_json(body)
        try:
            event = WebhookEvent.model_validate(raw)
        except ValidationError as error:
            raise Refused(Reason.UNREADABLE, _described(error)) from None
        reference = text_of(event.reference, "reference")
        if event.program not in (None, self._spec.program):
            raise Refused(Reason.WRONG_PROGRAM, "the message names another program")
        if event.limit is None and not event.cancelled:
            raise Refused(Reason.VALUE_MISSING, "a message has a limit, or is cancelled")
        action = event.limit or Action(all=True)
        known = self._ordering.content(reference)
        now_means = known.start if known is not None and not known.cancelled else at
        start = now_means if event.start is None else read_time(event.start)
        if not is_writable(start):
            raise Refused(Reason.TIME_UNREADABLE, "the start is not from 1970 to 9999")
        return Asked(
            program=self._spec.program,
            reference=reference,
            start=start,
            duration_seconds=event.duration_seconds,
            limit=action.limit,
            urgency=action.urgency,
            announced_at=at if known is None else known.announced_at,
            cancelled=event.cancelled,
        )

    async def _recall(self) -> None:
        """What an earlier process published counts as said at the start of this one: no older message undoes it."""
        if self._recalled:
            return
        await self._desk.load()
        for asked in self._desk.wanted:
            self._ordering.judge(asked.reference, self._started_at, asked)
        self._recalled = True

    def _secrets(self) -> list[bytes]:
        return [read_secret(path, "secretFiles").encode() for path in self._spec.secret_files]


async def _body(request: web.Request) -> bytes:
    length = request.content_length
    if length is not None and length > BODY_LIMIT_BYTES:
        raise Refused(Reason.TOO_LARGE, f"a message has at most {BODY_LIMIT_BYTES} bytes")
    body = bytearray()
    async for piece in request.content.iter_chunked(4096):
        body += piece
        if len(body) > BODY_LIMIT_BYTES:
            raise Refused(Reason.TOO_LARGE, f"a message has at most {BODY_LIMIT_BYTES} bytes")
    return bytes(body)


def _described(error: ValidationError) -> str:
    """The fields that are wrong and why, without what was sent."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    # A key that is not ours is the peer's text: only the places of known fields are told.
    places = {".".join(str(step) for step in one["loc"] if one["type"] != "extra_forbidden") or "body" for one in found}
    return f"not the form of an event: {', '.join(sorted(places))[:256]}"
