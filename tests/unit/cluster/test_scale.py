import asyncio
import json
import time
from typing import Any

import pytest
from aiohttp import web

from unit.cluster.api_server import answering, failure
from wattswitch.cluster import ScaleWrite, write_scale

SCALE = {"kind": "Scale", "metadata": {"uid": "u", "resourceVersion": "41"}, "spec": {}}


def write(name: str = "s21", from_replicas: int = 4, to_replicas: int = 2) -> ScaleWrite:
    return ScaleWrite(f"key-{name}", "Deployment", "texas", name, "u", from_replicas, to_replicas)


async def test_an_applied_write_tells_the_version_that_shows_it() -> None:
    seen: list[Any] = []

    async def patch(request: web.Request) -> web.StreamResponse:
        seen.append((request.path_qs, request.content_type, json.loads(await request.text())))
        return web.json_response(SCALE)

    async with answering(patch) as client:
        outcome = await write_scale(client, write())
    assert (outcome.key, outcome.applied, outcome.problem, outcome.resource_version) == ("key-s21", True, "", 41)
    path, content_type, operations = seen[0]
    assert path == "/apis/apps/v1/namespaces/texas/deployments/s21/scale?fieldManager=wattswitch"
    assert content_type == "application/json-patch+json"
    assert operations == [
        {"op": "test", "path": "/metadata/uid", "value": "u"},
        {"op": "test", "path": "/spec/replicas", "value": 4},
        {"op": "add", "path": "/spec/replicas", "value": 2},
    ]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lambda: failure(422, "Invalid", "the server rejected our request"), "Changed"),
        (lambda: failure(422, "Invalid", "no", causes=[{"field": "spec.replicas"}]), "Invalid"),
        (lambda: failure(404, "NotFound"), "Gone"),
        (lambda: failure(403, "Forbidden"), "Forbidden"),
        (lambda: failure(409, "Conflict"), "Changed"),
        (lambda: web.json_response({}, status=429, headers={"Retry-After": "60"}), "Throttled"),
        (lambda: failure(504, "Timeout"), "Unreachable"),
        (lambda: web.Response(text="a proxy says hello"), "Unreachable"),
        (lambda: failure(400, "BadRequest"), "Refused"),
    ],
)
async def test_each_refusal_has_its_word(answer: Any, problem: str) -> None:
    async def refuse(_: web.Request) -> web.StreamResponse:
        response: web.StreamResponse = answer()
        return response

    async with answering(refuse) as client:
        outcome = await write_scale(client, write())
    assert (outcome.applied, outcome.problem) == (False, problem)
    assert outcome.message or problem == "Throttled"


async def test_a_server_that_spells_a_zero_out_is_asked_in_its_own_form() -> None:
    async def spelling_out(request: web.Request) -> web.StreamResponse:
        unchanged = json.loads(await request.text())[1]
        if unchanged == {"op": "test", "path": "/spec/replicas", "value": 0}:
            return web.json_response(SCALE)
        return failure(422, "Invalid")

    async with answering(spelling_out) as client:
        assert (await write_scale(client, write(from_replicas=0))).applied
        assert (await write_scale(client, write(from_replicas=1))).problem == "Changed"


async def test_one_that_hangs_and_one_that_is_no_target_stop_nobody() -> None:
    async def patch(request: web.Request) -> web.StreamResponse:
        if "hang" in request.path:
            await asyncio.sleep(30)
        return web.json_response(SCALE)

    writes = [write("hang"), write(""), *(write(f"d{i}") for i in range(6))]
    async with answering(patch, timeout_seconds=0.5) as client:
        began = time.monotonic()
        outcomes = await asyncio.gather(*(write_scale(client, each) for each in writes))
        took = time.monotonic() - began
    assert [outcome.key for outcome in outcomes] == [each.key for each in writes]
    assert [outcome.problem for outcome in outcomes] == ["Unreachable", "Invalid", *[""] * 6]
    assert took < 2


async def test_a_throttled_write_is_told_at_once_and_not_sent_again() -> None:
    """Later the plan may be another: a raise that was waited out might come after the limit has fallen."""
    calls: list[str] = []

    async def busy(request: web.Request) -> web.StreamResponse:
        calls.append(request.path)
        return web.json_response({"reason": "TooManyRequests"}, status=429, headers={"Retry-After": "1"})

    async with answering(busy, timeout_seconds=5) as client:
        began = time.monotonic()
        outcome = await write_scale(client, write())
        took = time.monotonic() - began
    assert (outcome.applied, outcome.problem, outcome.retry_after_seconds) == (False, "Throttled", 1.0)
    assert len(calls) == 1
    assert took < 0.9
