"""A loopback HTTP server that answers like an API server, as far as the client can tell."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import jsonpatch
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.client.configuration import Configuration

from wattswitch.cluster import KubeClient

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def answering(answer: Answer, *, timeout_seconds: float = 2.0) -> AsyncIterator[KubeClient]:
    application = web.Application()

    async def handle(request: web.Request) -> web.StreamResponse:
        return await answer(request)

    application.router.add_route("*", "/{path:.*}", handle)
    async with TestServer(application) as server:
        configuration = Configuration(host=str(server.make_url("")).rstrip("/"))
        configuration.api_key["BearerToken"] = "Bearer s3cret"
        client = KubeClient(configuration, request_timeout_seconds=timeout_seconds)
        try:
            yield client
        finally:
            await client.close()


async def until(condition: Callable[[], object], within_seconds: float = 3.0) -> float:
    """Wait for a condition; the seconds it took."""
    began = time.monotonic()
    for _ in range(int(within_seconds * 100)):
        if condition():
            return time.monotonic() - began
        await asyncio.sleep(0.01)
    raise AssertionError(f"not within {within_seconds} s")


def failure(status: int, reason: str, message: str = "", **details: Any) -> web.Response:
    return web.json_response(
        {"kind": "Status", "code": status, "reason": reason, "message": message, "details": details}, status=status
    )


class Store:
    """Objects by path, with GET, POST, PUT, merge PATCH and JSON Patch as the API server does them."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, str]] = []
        self.version = 100

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.calls.append((request.method, request.path))
        body = json.loads(await request.text() or "null")
        path = request.path.removesuffix("/status")
        if request.method == "POST":
            return self._create(f"{path}/{body['metadata']['name']}", body)
        if path not in self.objects:
            return failure(404, "NotFound", f"{path} not found")
        if request.method == "PUT":
            return self._replace(path, body)
        if request.method == "PATCH" and request.content_type == "application/json-patch+json":
            return self._patched(path, body)
        if request.method == "PATCH":
            return self._save(path, merged(self.objects[path], body))
        return web.json_response(self.objects[path])

    def _create(self, path: str, body: dict[str, Any]) -> web.Response:
        if path in self.objects:
            return failure(409, "AlreadyExists", f"{path} already exists")
        return self._save(path, body)

    def _replace(self, path: str, body: dict[str, Any]) -> web.Response:
        if body["metadata"].get("resourceVersion") != self.objects[path]["metadata"]["resourceVersion"]:
            return failure(409, "Conflict", "the object has been modified")
        return self._save(path, body)

    def _patched(self, path: str, operations: list[dict[str, Any]]) -> web.Response:
        try:
            return self._save(path, jsonpatch.apply_patch(self.objects[path], operations))
        except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException):
            return failure(422, "Invalid", "the server rejected our request due to an error in our request")

    def _save(self, path: str, body: dict[str, Any]) -> web.Response:
        before = self.objects.get(path)
        if before is None or before != body:
            self.version += 1
            body = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self.version)}}
            self.objects[path] = body
        return web.json_response(body)


def merged(target: Any, patch: Any) -> Any:
    """RFC 7396, word for word."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result
