"""A bare asynchronous client of the API server: lists, watches, writes, and the server's own counters."""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple, Self

import aiohttp

from local.api import Access

WRITE_VERBS = frozenset({"POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION"})
AT_ONCE = 16
LINE_BYTES = 4 * 1024 * 1024
WATCH_SECONDS = 3000
PATIENCE_SECONDS = 20.0
_TOTAL = re.compile(r"^apiserver_request_total\{(?P<labels>[^}]*)\} (?P<count>\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')

OnEvent = Callable[[str, dict[str, Any], float], None]
"""Takes an event's type, its object and the monotonic time at which it was read."""


class Call(NamedTuple):
    """What the API server counts requests by."""

    verb: str
    group: str
    resource: str
    subresource: str

    def __str__(self) -> str:
        where = "/".join(part for part in (self.group, self.resource, self.subresource) if part)
        return f"{self.verb} {where}"


class Client:
    """Connections to one API server with the rights of a kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        self._access = Access.from_kubeconfig(kubeconfig)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        trust = self._access.trust
        self._session = aiohttp.ClientSession(
            base_url=self._access.server,
            headers=self._access.headers,
            connector=aiohttp.TCPConnector(limit=0, ssl=True if trust is None else trust, keepalive_timeout=600),
            timeout=aiohttp.ClientTimeout(total=60),
            read_bufsize=LINE_BYTES,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session:
            await self._session.close()

    async def get(self, path: str) -> Any:
        """The decoded answer."""
        return json.loads(await self.text(path))

    async def text(self, path: str) -> str:
        """The answer as it came; a server that is not ready yet, as for a kind that is new, is asked again."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            async with self._open.get(path) as answer:
                if answer.status != HTTPStatus.TOO_MANY_REQUESTS or time.monotonic() > deadline:
                    answer.raise_for_status()
                    return await answer.text()
            await asyncio.sleep(1)

    async def create(self, collection: str, manifests: Iterable[Mapping[str, Any]]) -> None:
        """Create objects, a few at a time. Raises RuntimeError with what the server says."""
        waiting = iter(list(manifests))

        async def work() -> None:
            for manifest in waiting:
                async with self._open.post(collection, json=manifest) as answer:
                    if not answer.ok:
                        raise RuntimeError(f"{collection} {manifest['metadata']['name']}: {await answer.text()}")

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))

    async def patch(self, path: str, operations: list[dict[str, Any]]) -> None:
        """Apply a JSON Patch. Raises RuntimeError with what the server says."""
        headers = {"Content-Type": "application/json-patch+json"}
        async with self._open.patch(path, data=json.dumps(operations), headers=headers) as answer:
            text = await answer.text()
            if not answer.ok:
                raise RuntimeError(f"{path}: {text}")

    async def follow(self, path: str, on_event: OnEvent) -> None:
        """List a collection, then hand on every change, until cancelled; a watch that ends is begun anew."""
        listed = await self.get(path)
        for item in listed["items"]:
            on_event("ADDED", item, time.monotonic())
        version = listed["metadata"]["resourceVersion"]
        while True:
            query = f"{path}?watch=1&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}&resourceVersion={version}"
            async with self._open.get(query, timeout=aiohttp.ClientTimeout(total=None)) as answer:
                answer.raise_for_status()
                async for line in answer.content:
                    version = _hand_on(line, on_event)

    async def calls(self) -> Counter[Call]:
        """Requests that the API server has counted since its start, health checks and the like apart."""
        return counted(await self.text("/metrics"))

    @property
    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("use it as an asynchronous context manager")
        return self._session


def _hand_on(line: bytes, on_event: OnEvent) -> str:
    at = time.monotonic()
    event = json.loads(line)
    if event["type"] == "ERROR":
        raise RuntimeError(f"the watch broke: {event['object'].get('message')}")
    if event["type"] != "BOOKMARK":
        on_event(event["type"], event["object"], at)
    return str(event["object"]["metadata"]["resourceVersion"])


def counted(metrics: str) -> Counter[Call]:
    """The counters `apiserver_request_total` of a metrics page, summed over answers and dry runs."""
    calls: Counter[Call] = Counter()
    for found in _TOTAL.finditer(metrics):
        labels = dict(_LABEL.findall(found["labels"]))
        if labels.get("resource"):
            call = Call(labels["verb"], labels["group"], labels["resource"], labels.get("subresource", ""))
            calls[call] += round(float(found["count"]))
    return calls


def writes(calls: Mapping[Call, int]) -> dict[Call, int]:
    """The calls that change something."""
    return {call: count for call, count in calls.items() if call.verb in WRITE_VERBS and count}
