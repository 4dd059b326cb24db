"""The kinds of bridges by name: what each is configured with, and how it is built. Each needs its own libraries."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from aiohttp import web

from wattswitch.api.base import ApiModel
from wattswitch.bridges.asked import Asked, Publisher
from wattswitch.bridges.board import Board
from wattswitch.bridges.soluna import Moment
from wattswitch.errors import WattswitchError

EXTRA: Final = "wattswitch[bridges]"
"""What pip installs to have all that the bridges need."""

_OF_THE_EXTRA: Final = frozenset({"aiomqtt", "openleadr", "toadr3"})


class Bridge(Protocol):
    """What talks to a peer."""

    async def run(self) -> None:
        """Until it is cancelled."""


@dataclass(frozen=True, slots=True)
class Around:
    """What a bridge is built with. Clocks give seconds; `estimate` says how long a limit takes to be met."""

    publisher: Publisher
    board: Board
    unix: Callable[[], float]
    monotonic: Callable[[], float]
    estimate: Callable[[Asked], float | None] = lambda _: None

    def moment(self) -> Moment:
        """Now on both clocks."""
        return Moment(self.unix(), self.monotonic())


@dataclass(frozen=True, slots=True)
class Built:
    """A bridge that is ready to run, and the paths that it wants to be asked at."""

    bridge: Bridge
    routes: list[web.RouteDef] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Kind:
    """`spec` is the model of its configuration, which always has a `program`."""

    spec: type[ApiModel]
    build: Callable[[Any, Around], Built]


class ExtraMissing(WattswitchError):  # noqa: N818  (as those of wattswitch.errors)
    """A library of the extra is not installed. Remedy: install it as the message says."""


def load(name: str) -> Kind:
    """The kind of this name, one of `KINDS`. Raises ExtraMissing."""
    try:
        return KINDS[name]()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _OF_THE_EXTRA:
            raise
        raise ExtraMissing(f"the {name} bridge needs {missing}: pip install '{EXTRA}'") from None


def _openadr3() -> Kind:
    from wattswitch.bridges.openadr3 import OpenAdr3, OpenAdr3Bridge  # noqa: PLC0415  (needs toadr3)

    def build(spec: OpenAdr3, around: Around) -> Built:
        return Built(OpenAdr3Bridge(spec, around.publisher, around.board, around.unix))

    return Kind(OpenAdr3, build)


def _openadr2b() -> Kind:
    from wattswitch.bridges.openadr2b import OpenAdr2b, OpenAdr2bBridge  # noqa: PLC0415  (needs openleadr)

    def build(spec: OpenAdr2b, around: Around) -> Built:
        return Built(OpenAdr2bBridge(spec, around.publisher, around.board, around.unix))

    return Kind(OpenAdr2b, build)


def _mqtt() -> Kind:
    from wattswitch.bridges.mqtt import Mqtt, MqttBridge  # noqa: PLC0415  (needs aiomqtt)

    def build(spec: Mqtt, around: Around) -> Built:
        return Built(MqttBridge(spec, around.publisher, around.board, around.moment))

    return Kind(Mqtt, build)


def _webhook() -> Kind:
    from wattswitch.bridges.webhook import Webhook, WebhookBridge  # noqa: PLC0415  (as the others)

    def build(spec: Webhook, around: Around) -> Built:
        bridge = WebhookBridge(spec, around.publisher, around.board, around.unix, around.estimate)
        return Built(bridge, bridge.routes())

    return Kind(Webhook, build)


KINDS: Final[dict[str, Callable[[], Kind]]] = {
    "openadr3": _openadr3,
    "openadr2b": _openadr2b,
    "mqtt": _mqtt,
    "webhook": _webhook,
}
"""What loads each kind."""
