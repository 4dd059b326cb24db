"""Events for people: counted where they repeat, slowed where they flood, and never in anyone's way.

Written as core/v1 Events, whose `count` is what `kubectl get events` shows. Best effort: an Event that can't be
written is dropped, and no call here raises for it.
"""

import asyncio
import hashlib
import heapq
import itertools
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from wattswitch.cluster import paths
from wattswitch.cluster.client import MERGE_PATCH, KubeClient
from wattswitch.errors import Conflict, NotFound, WattswitchError

logger = logging.getLogger(__name__)

EventSeverity = Literal["Normal", "Warning"]

_MESSAGE_LIMIT = 1024
"""The API server refuses longer messages."""

_CLUSTER_SCOPED_NAMESPACE = "default"
"""Where the API server wants Events about objects without a namespace."""

_Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """The object that an Event is about; `namespace` is empty for a cluster-scoped one."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str

    @classmethod
    def of(cls, obj: Mapping[str, Any]) -> "ObjectRef":
        """The reference of a raw object."""
        metadata = obj["metadata"]
        return cls(obj["apiVersion"], obj["kind"], metadata.get("namespace") or "", metadata["name"], metadata["uid"])


@dataclass(slots=True)
class _Pending:
    """Occurrences that are not written yet."""

    ref: ObjectRef
    severity: EventSeverity
    reason: str
    message: str
    first_at: str
    last_at: str
    count: int = 1


class EventRecorder:
    """Records Events; `run` in a task of its own writes them.

    One Event per (object uid, reason, message); a repetition raises its count, written at most every
    `repeat_seconds`. At most `per_second` writes, `burst` at once. Beyond `limit` different Events waiting, new ones
    are dropped. `timestamp` gives the wall clock as RFC 3339.
    """

    def __init__(
        self,
        client: KubeClient,
        identity: str,
        *,
        timestamp: Callable[[], str],
        monotonic: Callable[[], float] = time.monotonic,
        per_second: float = 5.0,
        burst: int = 50,
        limit: int = 1000,
        repeat_seconds: float = 30.0,
    ) -> None:
        self._client = client
        self._identity = identity
        self._timestamp = timestamp
        self._monotonic = monotonic
        self._per_second = per_second
        self._burst = burst
        self._limit = limit
        self._repeat_seconds = repeat_seconds
        self._pending: dict[_Key, _Pending] = {}
        self._due: list[tuple[float, int, _Key]] = []
        """A heap: the monotonic time before which each pending one need not be written, the earliest first."""
        self._order = itertools.count()
        self._written: dict[_Key, tuple[float, int]] = {}
        self._tokens, self._filled_at = float(burst), monotonic()
        self._wake = asyncio.Event()

    def record(self, ref: ObjectRef, severity: EventSeverity, reason: str, message: str) -> None:
        """Have an Event written soon; returns at once."""
        key, now_text = (ref.uid, reason, message[:_MESSAGE_LIMIT]), self._timestamp()
        waiting = self._pending.get(key)
        if waiting is not None:
            waiting.count += 1
            waiting.last_at = now_text
            return
        if len(self._pending) >= self._limit:
            return
        last_written_at, _ = self._written.get(key, (float("-inf"), 0))
        due = max(self._monotonic(), last_written_at + self._repeat_seconds)
        self._pending[key] = _Pending(ref, severity, reason, key[2], now_text, now_text)
        heapq.heappush(self._due, (due, next(self._order), key))
        self._wake.set()

    async def run(self) -> None:
        """Write what is recorded until cancelled."""
        while True:
            pause = await self.step()
            self._wake.clear()
            if pause > 0:
                try:
                    async with asyncio.timeout(pause):
                        await self._wake.wait()
                except TimeoutError:
                    continue

    async def step(self) -> float:
        """Write one Event if one is due and the rate allows it; seconds until the next try is worth while."""
        now = self._monotonic()
        if not self._due:
            return 3600.0
        due, _, key = self._due[0]
        if due > now:
            return due - now
        shortfall = self._take_token(now)
        if shortfall > 0:
            return shortfall
        heapq.heappop(self._due)
        await self._write(key, self._pending.pop(key))
        return 0.0

    def _take_token(self, now: float) -> float:
        """Take the right to write once; seconds to wait where there is none."""
        self._tokens = min(float(self._burst), self._tokens + (now - self._filled_at) * self._per_second)
        self._filled_at = now
        if self._tokens < 1.0:
            return (1.0 - self._tokens) / self._per_second
        self._tokens -= 1.0
        return 0.0

    async def _write(self, key: _Key, event: _Pending) -> None:
        try:
            count = await self._count(key, event)
        except WattswitchError as problem:
            logger.debug("event %s of %s dropped: %s", event.reason, event.ref.name, problem)
            return
        self._written.pop(key, None)
        self._written[key] = (self._monotonic(), count)
        while len(self._written) > self._limit:
            self._written.pop(next(iter(self._written)))

    async def _count(self, key: _Key, event: _Pending) -> int:
        """Write it as one more of its kind, or as the first; how many there are now."""
        namespace, name = event.ref.namespace or _CLUSTER_SCOPED_NAMESPACE, _name(key, event.ref)
        path = paths.item("Event", namespace, name)
        _, before = self._written.get(key, (0.0, 0))
        if before == 0:
            try:
                await self._client.request("POST", paths.collection("Event", namespace), body=self._body(name, event))
            except Conflict:  # written before our last start
                before = int((await self._client.request("GET", path)).get("count") or 0)
            else:
                return event.count
        body = {"count": before + event.count, "lastTimestamp": event.last_at}
        try:
            await self._client.request("PATCH", path, body=body, content_type=MERGE_PATCH)
        except NotFound:  # the API server drops Events after an hour
            await self._client.request("POST", paths.collection("Event", namespace), body=self._body(name, event))
            return event.count
        return before + event.count

    def _body(self, name: str, event: _Pending) -> dict[str, Any]:
        ref = event.ref
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": ref.namespace or _CLUSTER_SCOPED_NAMESPACE},
            "involvedObject": {
                "apiVersion": ref.api_version,
                "kind": ref.kind,
                "namespace": ref.namespace,
                "name": ref.name,
                "uid": ref.uid,
            },
            "type": event.severity,
            "reason": event.reason,
            "message": event.message,
            "count": event.count,
            "firstTimestamp": event.first_at,
            "lastTimestamp": event.last_at,
            "source": {"component": "wattswitch"},
            "reportingComponent": "wattswitch",
            "reportingInstance": self._identity,
        }


def _name(key: _Key, ref: ObjectRef) -> str:
    """The same name for the same Event after a restart too; a DNS subdomain of at most 253 characters."""
    digest = hashlib.sha256("\0".join(key).encode()).hexdigest()[:16]
    return f"{ref.name[:230]}.{digest}"
