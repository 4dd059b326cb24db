import asyncio
import contextlib

import pytest
from aiohttp import web

from unit.cluster.api_server import Store, answering, failure, until
from wattswitch.cluster import EventRecorder, KubeClient, ObjectRef

POOL = ObjectRef("wattswitch.io/v1alpha1", "MiningPool", "texas", "s21", "uid-1")
BUDGET = ObjectRef("wattswitch.io/v1alpha1", "PowerBudget", "", "west", "uid-2")


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now

    def text(self) -> str:
        return f"2026-01-01T00:00:{int(self.now) % 60:02d}Z"


def recorder(client: KubeClient, clock: Clock, **settings: float) -> EventRecorder:
    return EventRecorder(client, "op-1", timestamp=clock.text, monotonic=clock, **settings)  # type: ignore[arg-type]


async def drain(events: EventRecorder) -> None:
    while await events.step() == 0.0:
        pass


async def test_equal_events_are_one_with_a_count() -> None:
    store, clock = Store(), Clock()
    async with answering(store) as client:
        events = recorder(client, clock)
        for _ in range(3):
            events.record(POOL, "Warning", "ForeignScale", "scaled by hpa")
            clock.now += 1
        events.record(POOL, "Warning", "ForeignScale", "scaled by keda")
        await drain(events)
    assert [call[0] for call in store.calls] == ["POST", "POST"]
    first, second = store.objects.values()
    assert (first["count"], second["count"]) == (3, 1)
    assert (first["firstTimestamp"], first["lastTimestamp"]) == ("2026-01-01T00:00:50Z", "2026-01-01T00:00:52Z")
    assert first["involvedObject"] == {
        "apiVersion": "wattswitch.io/v1alpha1",
        "kind": "MiningPool",
        "namespace": "texas",
        "name": "s21",
        "uid": "uid-1",
    }
    assert (first["type"], first["reason"], first["message"]) == ("Warning", "ForeignScale", "scaled by hpa")


async def test_a_repetition_raises_the_count_and_not_before_its_time() -> None:
    store, clock = Store(), Clock()
    async with answering(store) as client:
        events = recorder(client, clock, repeat_seconds=30)
        events.record(POOL, "Normal", "Raised", "to 4")
        await drain(events)
        for _ in range(5):
            clock.now += 1
            events.record(POOL, "Normal", "Raised", "to 4")
            assert await events.step() == pytest.approx(55 + 25 - clock.now)
        clock.now = 80.0
        await drain(events)
    (event,) = store.objects.values()
    assert event["count"] == 6
    assert [call[0] for call in store.calls] == ["POST", "PATCH"]


async def test_a_count_goes_on_after_a_restart_and_starts_again_when_the_server_dropped_it() -> None:
    store, clock = Store(), Clock()
    async with answering(store) as client:
        for expected in (1, 2):
            events = recorder(client, clock, repeat_seconds=0)
            events.record(POOL, "Normal", "Raised", "to 4")
            await drain(events)
            assert [event["count"] for event in store.objects.values()] == [expected]
        store.objects.clear()
        events.record(POOL, "Normal", "Raised", "to 4")
        await drain(events)
    assert [event["count"] for event in store.objects.values()] == [1]


async def test_an_event_about_a_cluster_scoped_object_goes_to_default() -> None:
    store = Store()
    async with answering(store) as client:
        events = recorder(client, Clock())
        events.record(BUDGET, "Warning", "Infeasible", "floors need 120 kW")
        await drain(events)
    (path,) = store.objects
    assert path.startswith("/api/v1/namespaces/default/events/west.")


async def test_a_flood_is_slowed_to_the_rate_and_bounded() -> None:
    store, clock = Store(), Clock()
    async with answering(store) as client:
        events = recorder(client, clock, per_second=2, burst=3, limit=10)
        for number in range(12):
            events.record(POOL, "Normal", "Raised", f"to {number}")
        await drain(events)
        assert len(store.objects) == 3
        assert await events.step() == pytest.approx(0.5)
        clock.now += 1.0
        await drain(events)
        assert len(store.objects) == 5
        for _ in range(3):
            clock.now += 60.0
            await drain(events)
        assert {event["message"] for event in store.objects.values()} == {f"to {number}" for number in range(10)}


async def test_events_are_written_in_the_order_in_which_they_are_due() -> None:
    store, clock = Store(), Clock()
    async with answering(store) as client:
        events = recorder(client, clock, repeat_seconds=30)
        events.record(POOL, "Normal", "Raised", "again")
        await drain(events)
        for message in ("again", "a", "b"):
            events.record(POOL, "Normal", "Raised", message)
        await drain(events)
        assert [event["message"] for event in store.objects.values()] == ["again", "a", "b"]
        assert [event["count"] for event in store.objects.values()] == [1, 1, 1]
        clock.now += 30
        await drain(events)
    assert [event["count"] for event in store.objects.values()] == [2, 1, 1]


async def test_refused_events_are_dropped_and_long_messages_are_cut() -> None:
    bodies: list[int] = []

    async def refuse(request: web.Request) -> web.StreamResponse:
        bodies.append(len((await request.json())["message"]))
        return failure(403, "Forbidden")

    async with answering(refuse) as client:
        events = recorder(client, Clock())
        events.record(POOL, "Normal", "Raised", "m" * 5000)
        await drain(events)
    assert bodies == [1024]


async def test_run_writes_what_is_recorded_while_it_waits() -> None:
    store = Store()
    async with answering(store) as client:
        events = EventRecorder(client, "op-1", timestamp=lambda: "2026-01-01T00:00:00Z")
        task = asyncio.create_task(events.run())
        await asyncio.sleep(0.05)
        events.record(POOL, "Normal", "Raised", "to 4")
        await until(lambda: store.objects)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
