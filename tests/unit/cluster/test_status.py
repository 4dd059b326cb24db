import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from unit.cluster.api_server import Store, answering, failure, until
from wattswitch.cluster import StatusWrite, StatusWriter, patch_status
from wattswitch.errors import ApiError

PATH = "/apis/wattswitch.io/v1alpha1/powerbudgets/west"


def store_with_budget(status: dict[str, Any] | None = None) -> Store:
    store = Store()
    budget: dict[str, Any] = {"metadata": {"name": "west", "uid": "u", "resourceVersion": "1"}}
    store.objects[PATH] = budget if status is None else budget | {"status": status}
    return store


def write(**status: Any) -> StatusWrite:
    return StatusWrite("powerbudgets", None, "west", "u", status)


@asynccontextmanager
async def writer(answer: Any, concurrency: int = 4) -> AsyncIterator[StatusWriter]:
    async with answering(answer) as client:
        statuses = StatusWriter(client, concurrency)
        statuses.start()
        try:
            yield statuses
        finally:
            await statuses.close()


async def settled(statuses: StatusWriter) -> None:
    """Wait until everything submitted so far has been tried."""
    await until(lambda: not statuses._pending and not statuses._writing)


async def test_patch_status_reaches_one_uid_only() -> None:
    store = store_with_budget()
    async with answering(store) as client:
        after = await patch_status(client, "powerbudgets", None, "west", "u", {"limitWatts": 5})
        assert after is not None
        assert after["status"] == {"limitWatts": 5}
        assert await patch_status(client, "powerbudgets", None, "west", "another", {"limitWatts": 6}) is None
        assert await patch_status(client, "powerbudgets", None, "gone", "u", {"limitWatts": 6}) is None
    assert store.calls[0] == ("PATCH", f"{PATH}/status")
    assert store.objects[PATH]["status"] == {"limitWatts": 5}


async def test_fields_of_other_writers_stay_and_none_removes_one() -> None:
    store = store_with_budget({"targets": [{"raisedAt": None}], "old": {"a": 1}, "kept": {"a": 1}})
    async with answering(store) as client:
        changes = {"old": None, "never": None, "kept": {"b": 2}, "a/b~c": 1}
        await patch_status(client, "powerbudgets", None, "west", "u", changes)
    assert store.objects[PATH]["status"] == {"targets": [{"raisedAt": None}], "kept": {"b": 2}, "a/b~c": 1}


async def test_two_writers_of_an_objects_first_status_both_write_theirs() -> None:
    store = store_with_budget()

    async def raced(request: web.Request) -> web.StreamResponse:
        answer = await store(request)
        if request.method == "GET":
            store.objects[PATH]["status"] = {"theirs": 1}
            store.objects[PATH]["metadata"]["resourceVersion"] = "999"
        return answer

    async with answering(raced) as client:
        await patch_status(client, "powerbudgets", None, "west", "u", {"ours": 1})
    assert store.objects[PATH]["status"] == {"theirs": 1, "ours": 1}


async def test_a_status_that_the_server_calls_invalid_is_raised() -> None:
    async def invalid(_: web.Request) -> web.StreamResponse:
        return failure(422, "Invalid", "too long", causes=[{"field": "status.reason"}])

    async with answering(invalid) as client:
        with pytest.raises(ApiError, match="too long"):
            await patch_status(client, "powerbudgets", None, "west", "u", {"reason": "x"})


async def test_a_conflict_that_is_not_about_the_uid_is_raised() -> None:
    async def conflict(_: web.Request) -> web.StreamResponse:
        return failure(409, "Conflict", "please apply your changes to the latest version")

    async with answering(conflict) as client:
        with pytest.raises(ApiError):
            await patch_status(client, "powerbudgets", None, "west", "u", {})


async def test_an_equal_status_is_not_written_again_and_a_dropped_field_goes() -> None:
    store = store_with_budget({})
    async with writer(store) as statuses:
        for status in ({"a": 1, "b": {"c": 2, "d": 3}}, {"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"c": 9}}):
            statuses.submit(write(**status))
            await settled(statuses)
    assert len(store.calls) == 2
    assert store.objects[PATH]["status"] == {"b": {"c": 9}}


async def test_a_status_found_at_the_start_is_not_written_again() -> None:
    store = store_with_budget({"a": 1})
    async with writer(store) as statuses:
        statuses.seen("u", {"a": 1})
        statuses.submit(write(a=1))
        await settled(statuses)
        assert store.calls == []
        statuses.submit(write(z=2))
        await settled(statuses)
        statuses.seen("u", {"a": 1})
        statuses.submit(write(z=2))
        await settled(statuses)
    assert len(store.calls) == 1
    assert store.objects[PATH]["status"] == {"z": 2}


async def test_the_latest_wins_and_one_object_is_written_by_one_hand_at_a_time() -> None:
    store, now, most = store_with_budget({}), 0, 0

    async def slow(request: web.Request) -> web.StreamResponse:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.05)
        now -= 1
        return await store(request)

    async with writer(slow) as statuses:
        for number in range(50):
            statuses.submit(write(n=number))
            if number == 10:
                await asyncio.sleep(0.02)
        await settled(statuses)
    assert store.objects[PATH]["status"] == {"n": 49}
    assert most == 1
    assert len(store.calls) <= 2


async def test_submit_never_waits_and_a_hanging_object_does_not_stop_another() -> None:
    written = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        if "west" in request.path:
            await asyncio.sleep(30)
        written.set()
        return web.json_response({"metadata": {}})

    async with writer(answer, concurrency=2) as statuses:
        statuses.submit(write(a=1))
        statuses.submit(StatusWrite("miningpools", "texas", "s21", "u2", {"a": 1}))
        async with asyncio.timeout(1):
            await written.wait()


async def test_a_failed_write_is_told_and_tried_again_at_the_next_submit() -> None:
    store, failing = store_with_budget({"old": 1}), True

    async def answer(request: web.Request) -> web.StreamResponse:
        return failure(500, "InternalError", "etcd") if failing else await store(request)

    async with writer(answer) as statuses:
        statuses.seen("u", {"old": 1})
        statuses.submit(write(half=1))
        await settled(statuses)
        assert "etcd" in statuses.problems["u"]
        failing = False
        store.objects[PATH]["status"]["half"] = 1  # the failed one had its effect after all
        statuses.submit(write(new=2))
        await settled(statuses)
        assert statuses.problems == {}
    assert store.objects[PATH]["status"] == {"new": 2}


async def test_an_error_of_any_kind_ends_no_writer() -> None:
    store = store_with_budget({})
    async with writer(store, concurrency=1) as statuses:
        statuses.submit(StatusWrite("no-such-plural", None, "west", "broken", {"a": 1}))
        statuses.submit(write(a=1))
        await settled(statuses)
        assert "KeyError" in statuses.problems["broken"]
    assert store.objects[PATH]["status"] == {"a": 1}


async def test_after_forgetting_all_an_equal_status_is_written_over_what_another_leader_wrote() -> None:
    store = store_with_budget({})
    async with writer(store) as statuses:
        statuses.submit(write(a=1))
        await settled(statuses)
        store.objects[PATH]["status"] = {"a": 2}
        statuses.forget_all()
        statuses.seen("u", {"a": 2})
        statuses.submit(write(a=1))
        await settled(statuses)
    assert store.objects[PATH]["status"] == {"a": 1}


async def test_a_write_that_was_under_way_when_all_was_forgotten_is_not_relied_on() -> None:
    store, may_answer = store_with_budget({}), asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        answer = await store(request)
        await may_answer.wait()
        return answer

    async with writer(slow) as statuses:
        statuses.submit(write(a=1))
        await until(lambda: store.calls)
        statuses.forget_all()
        may_answer.set()
        await settled(statuses)
        store.objects[PATH]["status"] = {"a": 2}
        statuses.submit(write(a=1))
        await settled(statuses)
    assert store.objects[PATH]["status"] == {"a": 1}
