"""The bridge to a peer that turns the site off and on by MQTT; `soluna` says what its messages mean.

Guarantee: while the broker or the peer is silent the site becomes and stays curtailed, whatever the connection does.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Final
from urllib.parse import urlsplit

import aiomqtt
from pydantic import Field

from wattswitch.api.base import ApiModel, FilePath
from wattswitch.bridges.asked import ALL, Asked, Publisher, Refused
from wattswitch.bridges.board import Board
from wattswitch.bridges.desk import Desk
from wattswitch.bridges.secret import read_secret
from wattswitch.bridges.session import read_json
from wattswitch.bridges.soluna import Moment, Switch, Timing, begin, hear, read_message, tick
from wattswitch.bridges.trust import trust
from wattswitch.curtailment import Urgency

logger = logging.getLogger(__name__)

MAX_PAYLOAD_BYTES: Final = 4096
MAX_WAITING: Final = 1000
"""Messages that wait to be read; a peer that sends more loses the newest, and so at worst is found silent."""
TICK_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 5.0
DEFAULT_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}


class Mqtt(ApiModel):
    """How to reach a broker, and how long silence is borne."""

    program: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[ -~]+$")]
    """Program under which the curtailments are accounted."""
    url: Annotated[str, Field(max_length=2048, pattern=r"^mqtts?://[^\s/?#@]+/?$")]
    """mqtt or mqtts, with a port where it is not 1883 or 8883."""
    topic: Annotated[str, Field(max_length=1024, pattern=r"^[^+#\x00]+$")]
    """Topic of the messages; one, without wildcards, because two peers can't take turns."""
    username_file: FilePath | None = None
    """File with the user name."""
    password_file: FilePath | None = None
    """File with the password."""
    ca_file: FilePath | None = None
    """PEM file with the certificate authorities to trust; the system's where left out."""
    cert_file: FilePath | None = None
    """PEM file with our own certificate."""
    key_file: FilePath | None = None
    """PEM file with its key."""
    silent_seconds: Annotated[int, Field(strict=True, ge=1, le=86_400)] = 240
    """Seconds without a message after which the site is curtailed."""
    flip_seconds: Annotated[int, Field(strict=True, ge=0, le=3600)] = 5
    """Seconds from the start of a curtailment within which a message 100 does not lift it."""
    curtailed_at_start: bool = True
    """Whether the site is curtailed until the first message. Where not, what was published before holds on, and the
    watchdog counts from the start of the process."""
    urgency: Urgency = Urgency.FIRM
    """Urgency of the curtailment."""
    full_watts: Annotated[int, Field(strict=True, ge=0)] | None = None
    """What /limit shows while the site is not curtailed; nothing where left out."""


class MqttBridge:
    """Holds one open event while the site is curtailed. `now` gives the moment on both clocks."""

    def __init__(self, spec: Mqtt, publisher: Publisher, board: Board, now: Callable[[], Moment]) -> None:
        self._spec = spec
        self._board = board
        self._now = now
        self._timing = Timing(spec.silent_seconds, spec.flip_seconds)
        self._desk = Desk(publisher, spec.program)
        self._switch = begin(now(), curtailed=spec.curtailed_at_start)
        self._changed = asyncio.Event()

    @property
    def switch(self) -> Switch:
        """What is known of the peer."""
        return self._switch

    async def run(self) -> None:
        """Until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch())
            tasks.create_task(self._listen())

    # ---- what follows from messages and from silence ------------------------------------------------------------

    async def _watch(self) -> None:
        while True:
            await self.settle()
            try:
                await asyncio.wait_for(self._changed.wait(), TICK_SECONDS)
            except TimeoutError:
                continue
            self._changed.clear()

    async def settle(self) -> None:
        """Look at the clock, and publish what follows; never raises."""
        now = self._now()
        try:
            await self._desk.load()
            if self._open() and self._switch.newest is None:
                # What an earlier process began holds until a message ends it.
                self._switch = replace(self._switch, curtailed=True)
            self._switch = tick(self._switch, now, self._timing)
            self._show(self._switch)
            self._want(self._switch, now)
            await self._desk.settle(now.unix)
        except Refused as refusal:
            logger.warning("%s", refusal)
            self._board.report("events", str(refusal))
        else:
            self._board.report("events", None)

    def take(self, payload: object) -> None:
        """Take in one message; what is refused is told and changes nothing."""
        now = self._now()
        try:
            if not isinstance(payload, bytes | bytearray) or len(payload) > MAX_PAYLOAD_BYTES:
                payload = b""
            message = read_message(read_json(bytes(payload)))
            self._switch = hear(self._switch, message, now, self._timing)
        except Refused as refusal:
            logger.warning("message %s", refusal)
            self._board.report("message", str(refusal))
        else:
            self._board.report("message", None)
            self._changed.set()

    def _open(self) -> list[Asked]:
        return [asked for asked in self._desk.wanted if not asked.cancelled]

    def _want(self, switch: Switch, now: Moment) -> None:
        held = self._open()
        if switch.curtailed and not held:
            # Each curtailment is an event of its own in the accounts, named by when it began.
            reference = f"{now.unix:.3f}"
            asked = Asked(self._spec.program, reference, now.unix, None, ALL, self._spec.urgency, announced_at=now.unix)
            self._desk.want(asked)
        elif not switch.curtailed:
            for asked in held:
                self._desk.replace_parts(asked.reference, (), now.unix)

    def _show(self, switch: Switch) -> None:
        self._board.report("peer", None if switch.reason is None else str(switch.reason))
        if switch.newest is None:
            return
        if switch.curtailed:
            self._board.show_limit(0, switch.newest.at)
        elif self._spec.full_watts is not None:
            self._board.show_limit(self._spec.full_watts, switch.newest.at)

    # ---- the connection --------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        while True:
            try:
                await self._read()
            except (aiomqtt.MqttError, OSError) as error:
                logger.warning("broker: no connection, or it broke (%s)", type(error).__name__)
                self._board.report("broker", f"no connection, or it broke ({type(error).__name__})")
            except Refused as refusal:
                logger.warning("broker: %s", refusal)
                self._board.report("broker", str(refusal))
            await asyncio.sleep(RETRY_SECONDS)

    async def _read(self) -> None:
        spec, parts = self._spec, urlsplit(self._spec.url)
        tls = await asyncio.to_thread(trust, spec.url, spec.ca_file, spec.cert_file, spec.key_file)
        client = aiomqtt.Client(
            parts.hostname or "",
            parts.port or DEFAULT_PORTS[parts.scheme],
            username=await self._secret(spec.username_file, "usernameFile"),
            password=await self._secret(spec.password_file, "passwordFile"),
            tls_context=tls,
            keepalive=30,
            max_queued_incoming_messages=MAX_WAITING,
        )
        async with client:
            await client.subscribe(spec.topic, qos=1)
            self._board.report("broker", None)
            async for message in client.messages:
                self.take(message.payload)

    async def _secret(self, path: str | None, field: str) -> str | None:
        return None if path is None else await asyncio.to_thread(read_secret, path, field)
