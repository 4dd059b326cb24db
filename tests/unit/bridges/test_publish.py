"""Events in the cluster: one for each request, ours alone, ended and not deleted, whatever fails or is restarted."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import yaml

from unit.bridges.doubles import NOON, Clock
from unit.bridges.event_store import EventStore, as_sent
from unit.cluster.api_server import answering
from wattswitch.api.curtailment_event import MAX_DURATION_SECONDS
from wattswitch.bridges import Asked, Form, Limit, Refused
from wattswitch.bridges.desk import Desk
from wattswitch.bridges.event_object import BRIDGE_LABEL, CANCELLED_AT, object_of
from wattswitch.bridges.publish import ATTEMPTS, EventPublisher, PrintingPublisher
from wattswitch.cluster import KubeClient
from wattswitch.errors import Conflict, NameTaken, WattswitchError

ONE = Asked("ers", "1", NOON, 3600.0, Limit(Form.TO_WATTS, 100), announced_at=NOON)
OPEN = replace(ONE, reference="2", duration_seconds=None)
DAY = 86_400.0


@pytest.fixture
def store() -> EventStore:
    return EventStore()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def client(store: EventStore) -> AsyncIterator[KubeClient]:
    async with answering(store) as connected:
        yield connected


@pytest.fixture
def publisher(client: KubeClient, clock: Clock) -> EventPublisher:
    return EventPublisher(client, "west", "ers", clock)


async def test_what_is_put_is_kept_once_and_read_back(store: EventStore, publisher: EventPublisher) -> None:
    parts = [replace(ONE, part=str(place), start=NOON + place / 3) for place in range(3)]
    for asked in (*parts, *parts):
        await publisher.put(asked)
    assert sorted(await publisher.current(), key=lambda asked: asked.part) == parts
    assert store.writes == ["POST"] * 6, "the second time nothing is patched"


async def test_a_change_is_patched_and_leaves_what_others_wrote(store: EventStore, publisher: EventPublisher) -> None:
    await publisher.put(ONE)
    (raw,) = store.events
    raw["metadata"]["annotations"]["team"] = "grid"
    raw["status"] = {"limitWatts": 100}
    harder = replace(ONE, limit=Limit(Form.ALL), duration_seconds=None)
    await publisher.put(harder)
    (raw,) = store.events
    assert await publisher.current() == [harder]
    assert (raw["metadata"]["annotations"]["team"], raw["status"]) == ("grid", {"limitWatts": 100})
    assert raw["spec"]["limit"] == {"all": True}


async def test_a_cancelled_one_ends_as_it_stands_and_is_not_deleted(
    store: EventStore, publisher: EventPublisher
) -> None:
    await publisher.put(replace(ONE, cancelled=True))
    assert store.events == [], "what never was is not made"
    await publisher.put(ONE)
    await publisher.put(replace(ONE, cancelled=True, limit=Limit(Form.ALL)))
    assert await publisher.current() == [replace(ONE, cancelled=True)]
    assert store.events[0]["metadata"]["annotations"][CANCELLED_AT] == repr(NOON)
    await publisher.put(ONE)
    assert await publisher.current() == [ONE]
    assert CANCELLED_AT not in store.events[0]["metadata"]["annotations"]


async def test_withdrawing_ends_every_part_of_one_event(store: EventStore, publisher: EventPublisher) -> None:
    parts = [replace(ONE, part=str(place)) for place in range(3)]
    for asked in (*parts, OPEN):
        await publisher.put(asked)
    await publisher.withdraw("ers", "1")
    assert [asked for asked in await publisher.current() if not asked.cancelled] == [OPEN]
    before = len(store.writes)
    await publisher.withdraw("ers", "1")
    await publisher.withdraw("ers", "nothing")
    assert len(store.writes) == before


async def test_a_part_that_can_not_be_ended_holds_up_no_other(store: EventStore, publisher: EventPublisher) -> None:
    parts = [replace(ONE, part=str(place)) for place in range(3)]
    for asked in parts:
        await publisher.put(asked)
    store.events[0]["metadata"]["deletionTimestamp"] = "2026-08-01T12:00:00Z"
    with pytest.raises(Conflict, match=f"{parts[0].name} is being deleted"):
        await publisher.withdraw("ers", "1")
    assert [asked.part for asked in await publisher.current() if asked.cancelled] == ["1", "2"]


async def test_what_can_not_be_read_any_more_is_ended_all_the_same(
    store: EventStore, publisher: EventPublisher
) -> None:
    await publisher.put(ONE)
    del store.events[0]["spec"]["source"]
    assert await publisher.current() == []
    await publisher.put(replace(ONE, cancelled=True))
    assert store.events[0]["spec"]["cancelled"] is True


@pytest.mark.parametrize("labels", [{}, {BRIDGE_LABEL: "other"}], ids=["no-label", "another-program"])
async def test_a_namesake_of_another_hand_is_refused_and_not_touched(
    store: EventStore, publisher: EventPublisher, labels: dict[str, str]
) -> None:
    raw = object_of(replace(ONE, limit=Limit(Form.TO_WATTS, 5)), "west")
    raw["metadata"]["labels"] = labels
    store.add(raw)
    before = as_sent(store.events[0])
    for asked in (ONE, replace(ONE, cancelled=True)):
        with pytest.raises(NameTaken, match=f"CurtailmentEvent {ONE.name} exists and was not made by this bridge"):
            await publisher.put(asked)
    await publisher.withdraw("ers", "1")
    assert store.events == [before]
    assert await publisher.current() == []


async def test_the_event_of_another_budget_is_refused_and_not_seen(
    client: KubeClient, store: EventStore, publisher: EventPublisher
) -> None:
    await EventPublisher(client, "east", "ers", Clock()).put(ONE)
    with pytest.raises(NameTaken, match=r"is of PowerBudget east, not of west: give .* a program of its own"):
        await publisher.put(ONE)
    assert await publisher.current() == []
    assert store.events[0]["spec"]["budget"] == "east"


async def test_what_changes_meanwhile_is_read_again(store: EventStore, publisher: EventPublisher) -> None:
    await publisher.put(ONE)
    ours = store.events[0]["metadata"]["labels"]
    store.meddling = [{**ours, "n": str(place)} for place in range(ATTEMPTS - 1)]
    harder = replace(ONE, limit=Limit(Form.ALL))
    await publisher.put(harder)
    assert await publisher.current() == [harder]
    store.meddling = [{**ours, "n": f"again {place}"} for place in range(ATTEMPTS)]
    with pytest.raises(Conflict, match="other hands change it all the time"):
        await publisher.put(ONE)
    assert await publisher.current() == [harder]


async def test_a_namesake_that_takes_the_place_meanwhile_is_not_patched(
    store: EventStore, publisher: EventPublisher
) -> None:
    await publisher.put(ONE)
    store.meddling = [{}]
    with pytest.raises(NameTaken):
        await publisher.put(replace(ONE, limit=Limit(Form.ALL)))
    assert store.events[0]["spec"]["limit"] == {"toWatts": 100}


async def test_every_failure_is_one_that_a_desk_tries_again(store: EventStore, publisher: EventPublisher) -> None:
    store.broken = True
    for failing in (publisher.put(ONE), publisher.withdraw("ers", "1"), publisher.current(), publisher.tidy()):
        with pytest.raises(WattswitchError):
            await failing
    assert store.calls == []


async def test_what_is_over_for_a_day_is_deleted_and_nothing_sooner(
    store: EventStore, publisher: EventPublisher, clock: Clock
) -> None:
    cancelled = replace(OPEN, reference="3")
    for asked in (ONE, OPEN, cancelled):
        await publisher.put(asked)
    clock.at = NOON + 1800
    await publisher.withdraw("ers", "3")
    for at, left in (
        (NOON + DAY, "123"),
        (NOON + 1801 + DAY, "12"),
        (NOON + 3599 + DAY, "12"),
        (NOON + 3601 + DAY, "2"),
    ):
        clock.at = at
        await publisher.tidy()
        assert sorted(asked.reference for asked in await publisher.current()) == list(left)


async def test_tidying_leaves_what_is_not_ours_and_what_just_changed(
    client: KubeClient, store: EventStore, publisher: EventPublisher, clock: Clock
) -> None:
    await EventPublisher(client, "east", "ers", clock).put(replace(ONE, reference="east"))
    by_hand = object_of(replace(ONE, reference="hand"), "west")
    by_hand["metadata"]["labels"] = {}
    store.add(by_hand)
    clock.at = NOON + 3600 + DAY + 1
    await publisher.tidy()
    assert (len(store.events), store.writes) == (2, ["POST"])
    await publisher.put(ONE)
    (stale,) = [raw for raw in store.events if raw["metadata"]["name"] == ONE.name]
    old = as_sent(stale)
    stale["metadata"]["resourceVersion"] = "changed"
    await publisher._delete(old)
    assert len(store.events) == 3


async def test_what_is_longer_than_a_spec_can_say_is_ended_by_the_bridge(
    store: EventStore, publisher: EventPublisher, clock: Clock
) -> None:
    years = replace(ONE, duration_seconds=MAX_DURATION_SECONDS * 2.0)
    await publisher.put(years)
    assert "durationSeconds" not in store.events[0]["spec"]
    assert await publisher.current() == [years]
    clock.at = NOON + MAX_DURATION_SECONDS * 2.0 - 1
    await publisher.tidy()
    assert await publisher.current() == [years]
    clock.at += 1
    await publisher.tidy()
    assert await publisher.current() == [replace(years, cancelled=True)]


async def test_a_desk_with_it_is_killed_anywhere_and_doubles_nothing(
    client: KubeClient, store: EventStore, clock: Clock
) -> None:
    parts = [replace(ONE, part=str(place)) for place in range(4)]
    for calls in range(12):  # so many are made before the process is killed
        desk = Desk(EventPublisher(client, "west", "ers", clock), "ers")
        for asked in parts:
            desk.want(asked)
        settling = asyncio.create_task(desk.settle(NOON))
        before = len(store.calls)
        while not settling.done() and len(store.calls) < before + calls:  # noqa: ASYNC110
            await asyncio.sleep(0)
        settling.cancel()
        await asyncio.gather(settling, return_exceptions=True)
    desk = Desk(EventPublisher(client, "west", "ers", clock), "ers")
    for asked in parts:
        desk.want(asked)
    await desk.settle(NOON)
    assert desk.settled
    assert sorted(raw["metadata"]["annotations"]["wattswitch.io/part"] for raw in store.events) == ["0", "1", "2", "3"]


async def test_a_desk_says_in_the_log_what_was_refused_once_and_no_peer_is_told(
    store: EventStore, publisher: EventPublisher, caplog: pytest.LogCaptureFixture
) -> None:
    by_hand = object_of(ONE, "west")
    by_hand["metadata"]["labels"] = {}
    store.add(by_hand)
    desk = Desk(publisher, "ers")
    desk.want(ONE)
    for _ in range(3):
        with pytest.raises(Refused, match=r"NotPublished: the event could not be published \(NameTaken\)$"):
            await desk.settle(NOON)
    assert [record.message.split(":")[0] for record in caplog.records] == [f"{ONE.name} is not published"]
    store.objects.clear()
    await desk.settle(NOON)
    assert desk.settled


async def test_printing_writes_what_would_be_created() -> None:
    printed: list[str] = []
    publisher = PrintingPublisher("west", printed.append)
    desk = Desk(publisher, "ers")
    desk.want(ONE)
    await desk.settle(NOON)
    desk.replace_parts("1", (), NOON)
    await desk.settle(NOON)
    objects: list[Any] = list(yaml.safe_load_all("".join(printed)))
    assert objects == [object_of(ONE, "west"), object_of(replace(ONE, cancelled=True), "west")]
    assert await publisher.current() == (replace(ONE, cancelled=True),)
