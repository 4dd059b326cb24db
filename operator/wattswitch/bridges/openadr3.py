"""The bridge to an OpenADR 3 VTN, versions 3.0.1 and 3.1, as a VEN that asks at an interval.

Guarantee: only a complete answer of the VTN changes anything, so that a VTN that is gone, slow or lies leaves every
limit where it was; the numbers served then keep their old times.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from wattswitch.api.base import ApiModel, FilePath, HttpUrl
from wattswitch.bridges.asked import Asked, Publisher, Reason, Refused
from wattswitch.bridges.board import Board
from wattswitch.bridges.desk import Desk
from wattswitch.bridges.openadr3_book import Book, Fate
from wattswitch.bridges.openadr3_client import VtnClient
from wattswitch.bridges.openadr3_event import Event, PayloadType, ReportWanted, Setting, Understood, descriptors_of
from wattswitch.bridges.openadr3_reports import Value, due, report
from wattswitch.bridges.session import PeerClock, open_session
from wattswitch.bridges.timeline import lowest_watts
from wattswitch.bridges.trust import trust

logger = logging.getLogger(__name__)

Telemetry = Callable[[str], Value | None]
"""The value to report for a payload type, such as USAGE in kWh or DEMAND in kW; None where there is none."""

SCOPES: Final = {
    "3.0.1": "read_all write_reports write_vens",
    "3.1": "read_targets read_ven_objects write_reports write_vens",
}
"""What a VEN needs."""

Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[ -~]+$")]


class OpenAdr3(ApiModel):
    """How to reach a VTN and what to take from it."""

    program: Name
    """Program under which the events are accounted."""
    version: Literal["3.0.1", "3.1"]
    """Version that the VTN speaks."""
    vtn_url: HttpUrl
    """Base URL of the VTN."""
    token_url: HttpUrl | None = None
    """Where to get a token by OAuth2 client credentials; `vtnUrl`/auth/token where left out."""
    client_id_file: FilePath
    """File with the client id."""
    client_secret_file: FilePath
    """File with the client secret."""
    scope: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """Scopes to ask for; those that a VEN needs where left out."""
    ca_file: FilePath | None = None
    """PEM file with the certificate authorities to trust; the system's where left out."""
    ven_name: Name
    """Name of this VEN; also spreads random starts."""
    register_ven: bool = True
    """Whether to create the VEN at the VTN where it is missing."""
    resource_name: Name = "site"
    """Name under which reports are made."""
    programs: Annotated[tuple[Name, ...], Field(max_length=64)] = ()
    """Names or ids of the VTN's programs to take events from; all that it shows where left out."""
    targets: Annotated[tuple[Name, ...], Field(max_length=64)] = ()
    """Our targets, as name or TYPE=name; an event with other targets only is not for us. Left out, all are ours."""
    poll_seconds: Annotated[int, Field(strict=True, ge=1, le=3600)] = 30
    """Seconds between two questions."""
    deleted_after_polls: Annotated[int, Field(strict=True, ge=1, le=100)] = 2
    """In how many complete listings in a row an event must be missing to be deleted."""
    publish_ahead_seconds: Annotated[int, Field(strict=True, ge=60, le=604_800)] = 86_400
    """How long before its start a limit is published."""
    full_watts: Annotated[int, Field(strict=True, ge=0)] | None = None
    """What /limit shows while no event gives watts; nothing where left out."""
    acknowledgement: PayloadType = "OPERATING_STATE"
    """Payload type of the report that is sent once for each event that is new or changed."""
    understood: Understood = Understood()
    """How events are understood."""


class OpenAdr3Bridge:
    """Asks the VTN over and over. `now` gives Unix seconds."""

    def __init__(
        self,
        spec: OpenAdr3,
        publisher: Publisher,
        board: Board,
        now: Callable[[], float],
        telemetry: Telemetry = lambda _: None,
    ) -> None:
        self._spec = spec
        self._board = board
        self._now = now
        self._telemetry = telemetry
        self._desk = Desk(publisher, spec.program)
        self._book = Book(spec.deleted_after_polls)
        self._clock = PeerClock()
        self._programs: dict[str, Mapping[str, Mapping[str, Any]]] = {}
        self._program_of: dict[str, str] = {}
        self._seen: dict[str, float] = {}
        self._owed: dict[str, None] = {}
        self._sent: dict[tuple[str, str], int] = {}
        self._told: frozenset[Fate] = frozenset()
        self._registered = not spec.register_ven

    async def run(self) -> None:
        """Until it is cancelled. Raises Refused where the certificate authorities can't be read."""
        tls = await asyncio.to_thread(trust, self._spec.vtn_url, self._spec.ca_file)
        async with open_session(tls=tls, clock=self._clock) as session:
            client = self._client(session)
            while True:
                await self.step(client)
                await asyncio.sleep(self._spec.poll_seconds)

    async def step(self, client: VtnClient) -> None:
        """One question and all that follows from its answer; never raises."""
        await self._part("vtn", self._ask(client))
        await self._part("events", self._desk.settle(self._now()))
        await self._part("reports", self._report(client))

    def _client(self, session: Any) -> VtnClient:
        spec = self._spec
        token_url = spec.token_url or f"{spec.vtn_url.rstrip('/')}/auth/token"
        scope = spec.scope or SCOPES[spec.version]
        return VtnClient(session, spec.vtn_url, token_url, spec.client_id_file, spec.client_secret_file, scope)

    async def _part(self, what: str, work: Any) -> None:
        try:
            await work
        except Refused as refusal:
            if refusal.reason is not Reason.REPEATED:
                logger.warning("%s: %s", what, refusal)
            self._board.report(what, str(refusal))
        else:
            self._board.report(what, None)

    # ---- asking ----------------------------------------------------------------------------------------------------

    async def _ask(self, client: VtnClient) -> None:
        await self._desk.load()
        if not self._registered:
            await self._register(client)
        programs = await client.every("/programs", self._target_query())
        listing = await client.every("/events", self._target_query())
        self._programs = self._ours(programs)
        now = self._now()
        self._book.published([asked.reference for asked in self._desk.wanted if not asked.over_at(now)])
        taken = self._book.take(listing, self._setting, now)
        for identity in (*taken.deleted, *self._book.orphans(taken.present)):
            self._desk.replace_parts(identity, (), now)
        self._program_of = {name: of for name, of in self._program_of.items() if name in taken.present}
        self._seen = {identity: at for identity, at in self._seen.items() if identity in taken.present}
        self._sent = {key: count for key, count in self._sent.items() if self._book.event(key[0])}
        self._owed |= dict.fromkeys(taken.changed)
        asked, useless = self._book.asked()
        self._want(asked, now)
        self._show(asked, now)
        self._tell(frozenset((*taken.fates, *useless)))

    def _target_query(self) -> dict[str, str | list[str]]:
        """3.1 shows what has targets only to whom asks for them; in 3.0 a VTN may leave out what we would not see."""
        if self._spec.version == "3.0.1" or not self._spec.targets:
            return {}
        return {"targets": [target.partition("=")[2] or target for target in self._spec.targets]}

    async def _register(self, client: VtnClient) -> None:
        body: dict[str, Any] = {"venName": self._spec.ven_name}
        if self._spec.version == "3.1":
            body["objectType"] = "VEN_VEN_REQUEST"
        known = await client.every("/vens", {"venName": self._spec.ven_name})
        if not known:
            await client.create("/vens", body)
        self._registered = True

    def _ours(self, programs: list[Any]) -> dict[str, Mapping[str, Mapping[str, Any]]]:
        ours: dict[str, Mapping[str, Mapping[str, Any]]] = {}
        for raw in programs:
            if not isinstance(raw, dict) or not isinstance(raw.get("id"), str):
                raise Refused(Reason.UNREADABLE, "a program has no id")
            if not self._spec.programs or {raw["id"], raw.get("programName")} & set(self._spec.programs):
                ours[raw["id"]] = descriptors_of(raw)
        return ours

    def _setting(self, identity: str, raw: Mapping[str, Any]) -> Setting:
        program = raw.get("programID")
        if not isinstance(program, str) or program not in self._programs:
            raise Refused(Reason.WRONG_PROGRAM, "the event belongs to another program")
        self._program_of[identity] = program
        return Setting(
            program=self._spec.program,
            understood=self._spec.understood,
            ven=self._spec.ven_name,
            targets=frozenset(self._spec.targets),
            started_at=self._first_seen(identity),
            now=self._now(),
            descriptors=self._programs[program],
        )

    def _first_seen(self, identity: str) -> float:
        """When an event that starts now started: when it was first seen, by this process or by one before it."""
        if identity not in self._seen:
            announced = self._desk.announced_at(identity)
            self._seen[identity] = self._now() if announced is None else announced
        return self._seen[identity]

    # ---- what follows ----------------------------------------------------------------------------------------------

    def _want(self, asked: list[Asked], now: float) -> None:
        by_event: dict[str, list[Asked]] = {event.id: [] for event in self._book.events()}
        for one in asked:
            if not one.over_at(now) and one.start <= now + self._spec.publish_ahead_seconds:
                by_event.setdefault(one.reference, []).append(one)
        self._desk.replace_all(by_event, now)

    def _show(self, asked: list[Asked], now: float) -> None:
        at = self._clock.at
        if at is None:
            for path in ("limit", "price", "curve"):
                self._board.hide(path, Reason.TIME_MISSING, "the VTN's answers have no Date")
            return
        self._board.show_lowest(lowest_watts(asked, now), self._spec.full_watts, at)
        price = self._book.price_at(now)
        if price is None:
            self._board.hide("price", Reason.VALUE_MISSING, "no event gives a price for now")
            self._board.hide("curve", Reason.VALUE_MISSING, "no event gives a price for now")
        else:
            self._board.show_price(price, at)
            self._board.show_curve(self._book.curve(now), at)

    def _tell(self, fates: frozenset[Fate]) -> None:
        for fate in sorted(fates - self._told, key=lambda fate: (fate.event, fate.part)):
            logger.warning("event %r %s: %s", fate.event, fate.part, fate.reason)
        self._told = fates

    # ---- reporting back --------------------------------------------------------------------------------------------

    async def _report(self, client: VtnClient) -> None:
        """Send what is owed; what the VTN does not take is owed still, and holds up no other."""
        failures = [await self._acknowledge(client, identity) for identity in tuple(self._owed)]
        failures += [
            await self._report_one(client, event, wanted) for event in self._book.events() for wanted in event.reports
        ]
        for failure in failures:
            if failure is not None:
                raise failure

    async def _acknowledge(self, client: VtnClient, identity: str) -> Refused | None:
        event = self._book.event(identity)
        if event is not None and event.claims:
            try:
                await self._send(client, event, self._spec.acknowledgement, default="NORMAL")
            except Refused as refusal:
                return refusal
        del self._owed[identity]
        return None

    async def _report_one(self, client: VtnClient, event: Event, wanted: ReportWanted) -> Refused | None:
        key = (event.id, wanted.payload_type)
        count = due(event, wanted, self._now())
        if count <= self._sent.get(key, 0):
            return None
        try:
            if await self._send(client, event, wanted.payload_type):
                self._sent[key] = count
        except Refused as refusal:
            return refusal
        return None

    async def _send(self, client: VtnClient, event: Event, kind: str, default: Value | None = None) -> bool:
        value = self._telemetry(kind)
        value = default if value is None else value
        if value is None:
            return False
        program_id = self._program_of.get(event.id) if self._spec.version == "3.0.1" else None
        body = report(
            event,
            kind,
            value,
            self._now(),
            client=self._spec.ven_name,
            resource=self._spec.resource_name,
            program_id=program_id,
        )
        await client.create("/reports", body)
        return True
