"""The page on bridges: every sample is read strictly, and what it says of a message is what comes of it."""

import json
import re
from collections.abc import AsyncIterator

import pytest

from unit.bridges.doubles import NOON, Clock
from unit.bridges.event_store import EventStore
from unit.bridges.samples import COMMANDS, KINDS, PAGE, TEXTS, sample
from unit.cluster.api_server import answering
from wattswitch.api.curtailment_event import CurtailmentEvent
from wattswitch.api.feed import GridLimit, PriceFeed
from wattswitch.api.parse import parse_strict
from wattswitch.bridges.board import Board
from wattswitch.bridges.kinds import KINDS as LOADERS
from wattswitch.bridges.kinds import load
from wattswitch.bridges.levels import Levels
from wattswitch.bridges.openadr3 import OpenAdr3
from wattswitch.bridges.publish import EventPublisher
from wattswitch.bridges.webhook import Webhook, WebhookBridge
from wattswitch.cluster import KubeClient


@pytest.fixture
async def client() -> AsyncIterator[KubeClient]:
    async with answering(EventStore()) as connected:
        yield connected


def body() -> str:
    (found,) = re.findall(r"^body='(.*)'$", "\n".join(COMMANDS), flags=re.MULTILINE)
    return str(found)


@pytest.mark.parametrize("kind", KINDS)
def test_every_configuration_is_read_strictly(kind: str) -> None:
    parse_strict(load(kind).spec, sample(f"{kind}.yaml"))


def test_the_page_has_every_kind_and_no_other() -> None:
    assert tuple(LOADERS) == KINDS
    assert re.findall(r"^\| `(\w+)` \|", PAGE, flags=re.MULTILINE)[: len(KINDS)] == list(KINDS)
    assert TEXTS.keys() == {f"{kind}.yaml" for kind in KINDS} | {"event.yaml", "role.yaml", "feeds.yaml"}


def test_the_levels_of_the_page_are_the_default() -> None:
    assert parse_strict(OpenAdr3, sample("openadr3.yaml")).understood.levels == Levels()


def test_the_feeds_of_the_page_are_read_strictly() -> None:
    feeds = sample("feeds.yaml")
    parse_strict(GridLimit, feeds["gridLimit"])
    parse_strict(PriceFeed, feeds["price"])


async def test_the_message_of_the_page_becomes_its_event(client: KubeClient) -> None:
    event = sample("event.yaml")
    parse_strict(CurtailmentEvent, event)
    spec = parse_strict(Webhook, sample("webhook.yaml"))
    publisher = EventPublisher(client, "west-texas", spec.program, Clock())
    bridge = WebhookBridge(spec, publisher, Board(), Clock())
    answer = await bridge._carry_out(body().encode(), NOON, NOON)
    path = f"/apis/wattswitch.io/v1alpha1/curtailmentevents/{answer['name']}"
    made = await client.request("GET", path)
    stamped = {"uid", "creationTimestamp", "resourceVersion"}
    assert {name: value for name, value in made["metadata"].items() if name not in stamped} == event["metadata"]
    assert made["spec"] == event["spec"]
    assert json.loads(body())["reference"] == event["spec"]["source"]["reference"]
