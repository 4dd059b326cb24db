"""The bridge to an OpenADR 2.0b VTN, as a VEN that polls, by openleadr.

Guarantee: an event that can't be used is opted out of, and changes nothing; a VTN that is gone leaves every limit where
it was, and the numbers served keep their old times.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final

import aiohttp
from openleadr import OpenADRClient
from pydantic import Field

from wattswitch.api.base import ApiModel, FilePath, HttpUrl
from wattswitch.bridges.asked import Asked, Publisher, Reason, Refused
from wattswitch.bridges.board import Board
from wattswitch.bridges.desk import FORGET_AFTER_SECONDS, Desk
from wattswitch.bridges.openadr2b_event import Event2b, Understood2b, identity_2b, merged_2b, read_event_2b
from wattswitch.bridges.ordering import Ordering
from wattswitch.bridges.session import PeerClock, open_session
from wattswitch.bridges.timeline import lowest_watts, prevailing
from wattswitch.bridges.trust import trust

logger = logging.getLogger(__name__)

# It logs whole messages, and those of the peer too, as information and as warnings.
logging.getLogger("openleadr").setLevel(logging.ERROR)

SETTLE_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 30.0
SILENT_POLLS: Final = 5
"""Polls without an answer after which the VTN is said to be silent."""

Meter = Callable[[], float | None]
"""Power drawn now in watts; None where it is not known."""

Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[ -~]+$")]


class OptReason(StrEnum):
    """Why we take part in an event or not; the words are those of 2.0b."""

    ECONOMIC = "economic"
    EMERGENCY = "emergency"
    MUST_RUN = "mustRun"
    NOT_PARTICIPATING = "notParticipating"
    OUTAGE = "outageRunStatus"
    OVERRIDE = "overrideStatus"
    PARTICIPATING = "participating"
    SCHEDULE = "x-schedule"


class OpenAdr2b(ApiModel):
    """How to reach a VTN."""

    program: Name
    """Program under which the events are accounted."""
    vtn_url: HttpUrl
    """Base URL of the VTN, with its path, such as https://vtn.example/OpenADR2/Simple/2.0b."""
    ven_name: Name
    """Name of this VEN; also spreads random starts."""
    cert_file: FilePath | None = None
    """PEM file with our certificate, for TLS and for signing."""
    key_file: FilePath | None = None
    """PEM file with its key."""
    ca_file: FilePath | None = None
    """PEM file with the certificate authorities to trust; the system's where left out."""
    vtn_fingerprint: Annotated[str, Field(max_length=64, pattern=r"^[0-9A-F]{2}(:[0-9A-F]{2}){9}$")] | None = None
    """Fingerprint of the certificate that the VTN signs with; signatures are checked where given."""
    resource_id: Name = "site"
    """Name under which power is reported."""
    report_seconds: Annotated[int, Field(strict=True, ge=1, le=3600)] = 60
    """Seconds between two samples of power."""
    send_opt_reason: bool = False
    """Whether the reason for taking part or not is sent too, by EiOpt, which not every VTN has."""
    full_watts: Annotated[int, Field(strict=True, ge=0)] | None = None
    """What /limit shows while no event gives watts; nothing where left out."""
    understood: Understood2b = Understood2b()
    """How events are understood."""


class OpenAdr2bBridge:
    """A VEN. `now` gives Unix seconds, `meter` the power to report."""

    def __init__(
        self,
        spec: OpenAdr2b,
        publisher: Publisher,
        board: Board,
        now: Callable[[], float],
        meter: Meter = lambda: None,
    ) -> None:
        self._spec = spec
        self._board = board
        self._now = now
        self._meter = meter
        self._desk = Desk(publisher, spec.program)
        self._ordering: Ordering[Event2b] = Ordering(merged_2b)
        self._seen: dict[str, float] = {}
        self._clock = PeerClock()
        self._heard_at = 0.0

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            try:
                await self._serve()
            except Refused as refusal:
                logger.warning("vtn: %s", refusal)
                self._board.report("vtn", str(refusal))
            await asyncio.sleep(RETRY_SECONDS)

    async def _serve(self) -> None:
        spec = self._spec
        tls = await asyncio.to_thread(trust, spec.vtn_url, spec.ca_file, spec.cert_file, spec.key_file)
        await self._desk.load()
        client = self._client()
        client.client_session = open_session(tls=tls, clock=self._clock, headers={"Content-Type": "application/xml"})
        try:
            await self._register(client)
            while True:
                await self.settle(client.poll_frequency)
                await asyncio.sleep(SETTLE_SECONDS)
        finally:
            await client.stop()

    def _client(self) -> Any:
        spec = self._spec
        client = OpenADRClient(
            ven_name=spec.ven_name,
            vtn_url=spec.vtn_url,
            cert=spec.cert_file,
            key=spec.key_file,
            ca_file=spec.ca_file,
            vtn_fingerprint=spec.vtn_fingerprint,
            show_fingerprint=False,
        )

        async def take(raw: Mapping[str, Any]) -> str:
            opt, reason = await self.take(raw)
            if spec.send_opt_reason:
                await self._send_reason(client, raw, opt, reason)
            return opt

        client.add_handler("on_event", take)
        client.add_handler("on_update_event", take)
        client.add_hook("after_parse_xml", self._note)
        client.add_report(
            callback=self._watts,
            resource_id=spec.resource_id,
            measurement="POWER_REAL",
            unit="W",
            sampling_rate=timedelta(seconds=spec.report_seconds),
            report_duration=timedelta(seconds=3600),
        )
        return client

    async def _register(self, client: Any) -> None:
        try:
            await client.run()
        except (aiohttp.ClientError, OSError, TypeError, KeyError, ValueError, AttributeError) as error:
            raise Refused(Reason.NOT_REGISTERED, f"the VTN took no registration ({type(error).__name__})") from None
        if not client.registration_id:
            raise Refused(Reason.NOT_REGISTERED, "the VTN took no registration")
        self._board.report("vtn", None)

    async def _send_reason(self, client: Any, raw: Mapping[str, Any], opt: str, reason: OptReason) -> None:
        try:
            identity, version, _ = identity_2b(raw)
            await client.create_opt(
                opt, str(reason), raw.get("targets") or [], event_id=identity, modification_number=int(version)
            )
        except (Refused, TypeError, KeyError, ValueError) as error:
            logger.warning("the reason of an opt was not sent (%s)", type(error).__name__)

    def _note(self, *_: object) -> None:
        self._heard_at = self._now()
        self._board.report("vtn", None)

    def _watts(self) -> float | list[tuple[datetime, float]]:
        watts = self._meter()
        # A list of samples without one: a number that is not known is none.
        return [] if watts is None else watts

    # ---- events ----------------------------------------------------------------------------------------------------

    async def take(self, raw: object) -> tuple[str, OptReason]:
        """Take in one event; how it is answered: optIn or optOut, and why. Never raises."""
        identity = "?"
        now = self._now()
        try:
            identity, _, _ = identity_2b(raw)
            event = read_event_2b(
                raw,
                self._spec.understood,
                program=self._spec.program,
                ven=self._spec.ven_name,
                first_seen=self._first_seen(identity, now),
            )
        except Refused as refusal:
            logger.warning("event %r: %s", identity, refusal)
            taking_part = refusal.reason is Reason.TEST_EVENT
            return ("optIn", OptReason.PARTICIPATING) if taking_part else ("optOut", OptReason.NOT_PARTICIPATING)
        for part, reason in event.left_out:
            logger.warning("event %r %s: %s", identity, part, reason)
        verdict = self._ordering.judge(identity, event.version, event)
        if verdict.reason not in (None, Reason.REPEATED):
            logger.warning("event %r: %s", identity, verdict.reason)
        await self.settle()
        if not event.usable:
            return "optOut", OptReason.NOT_PARTICIPATING
        return "optIn", OptReason.PARTICIPATING

    def _first_seen(self, identity: str, now: float) -> float:
        if identity not in self._seen:
            announced = self._desk.announced_at(identity)
            self._seen[identity] = now if announced is None else announced
        return self._seen[identity]

    async def settle(self, poll_frequency: timedelta | None = None) -> None:
        """Publish and show what follows from all events; never raises."""
        now = self._now()
        past = now - FORGET_AFTER_SECONDS
        self._ordering.forget(
            lambda event, _: bool(event.claims) and all(one.asked.over_at(past) for one in event.claims)
        )
        events = [event for name in self._ordering.references() if (event := self._ordering.content(name)) is not None]
        asked = prevailing(claim for event in events for claim in event.claims)
        by_event: dict[str, list[Asked]] = {event.id: [] for event in events}
        for one in asked:
            if not one.over_at(now):
                by_event[one.reference].append(one)
        self._desk.replace_all(by_event, now)
        self._show(events, asked, now)
        if poll_frequency is not None and now - self._heard_at > SILENT_POLLS * poll_frequency.total_seconds():
            self._board.report("vtn", f"{Reason.SILENT}: no answer to {SILENT_POLLS} polls")
        try:
            await self._desk.settle(now)
        except Refused as refusal:
            logger.warning("%s", refusal)
            self._board.report("events", str(refusal))
        else:
            self._board.report("events", None)

    def _show(self, events: list[Event2b], asked: list[Asked], now: float) -> None:
        at = self._clock.at
        if at is None:
            for path in ("limit", "price"):
                self._board.hide(path, Reason.TIME_MISSING, "the VTN's answers have no Date")
            return
        self._board.show_lowest(lowest_watts(asked, now), self._spec.full_watts, at)
        holding = [
            (event.priority, -price.price_per_mwh)
            for event in events
            for price in event.prices
            if price.start <= now < price.end
        ]
        if holding:
            self._board.show_price(-min(holding)[1], at)
        else:
            self._board.hide("price", Reason.VALUE_MISSING, "no event gives a price for now")
