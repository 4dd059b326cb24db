import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from measure import bareclient
from measure.api import Client
from measure.board import Board


class Server:
    """Remembers what was patched, and how many patches were open at once."""

    def __init__(self) -> None:
        self.patched: dict[str, Any] = {}
        self.open = self.most_open = 0
        self.events = [
            {"type": "MODIFIED", "object": {"metadata": {"name": "a", "resourceVersion": "6"}, "spec": {"replicas": 0}}}
        ]

    async def version(self, _: web.Request) -> web.Response:
        return web.json_response({})

    async def scale(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/json-patch+json"
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        await asyncio.sleep(0.01)
        self.open -= 1
        self.patched[request.match_info["name"]] = await request.json()
        return web.json_response({})

    async def deployments(self, request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            item = {"metadata": {"name": "a"}, "spec": {"replicas": 1}}
            return web.json_response({"items": [item], "metadata": {"resourceVersion": "5"}})
        assert request.query["resourceVersion"] == "5"
        response = web.StreamResponse()
        await response.prepare(request)
        for event in self.events:
            await response.write(json.dumps(event).encode() + b"\n")
        await asyncio.sleep(10)
        return response


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
async def kubeconfig(server: Server, tmp_path: Path) -> AsyncIterator[Path]:
    """Give a kubeconfig of a small API server on loopback."""
    app = web.Application()
    deployments = "/apis/apps/v1/namespaces/bench/deployments"
    app.add_routes([web.get("/version", server.version), web.get(deployments, server.deployments)])
    app.add_routes([web.patch(deployments + "/{name}/scale", server.scale)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    path = tmp_path / "kubeconfig"
    config = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "clusters": [{"name": "here", "cluster": {"server": f"http://{host}:{port}"}}],
        "users": [{"name": "me", "user": {"token": "secret"}}],
    }
    path.write_text(json.dumps(config))
    yield path
    await runner.cleanup()


async def test_every_target_is_patched_and_no_more_at_once_than_asked(server: Server, kubeconfig: Path) -> None:
    sizes = {f"rack-{n}": n % 2 for n in range(12)}
    async with Client(kubeconfig) as client:
        answer = await bareclient.write(client, sizes, 4)
    assert {name: operations[0]["value"] for name, operations in server.patched.items()} == sizes
    assert server.most_open == 4
    assert answer["ended"] > answer["began"]


async def test_a_watch_goes_on_from_its_list(kubeconfig: Path) -> None:
    board = Board()
    board.expect({"a": 0})
    async with Client(kubeconfig) as client:
        watch = asyncio.create_task(client.follow("/apis/apps/v1/namespaces/bench/deployments", board.on_deployment))
        spread = await board.sized(5)
        watch.cancel()
    assert spread is not None
    assert len(spread.values) == 1
