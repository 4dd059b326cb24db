"""What the watches saw: when the last target got its size, and when the last pod was gone or ready."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from measure.figures import Spread

DEPLOYMENTS = "deployments"
PODS = "pods"


class Board:
    """Waits for sizes and pods, fed by the watch events of one namespace.

    Times are monotonic seconds at which an event was read. After `expect`, an event that undoes what was reached makes
    the wait go on.
    """

    def __init__(self) -> None:
        self.sized_at: dict[str, float] = {}
        """When each target's size last became what is expected of it, since `expect`."""
        self.moved_at = 0.0
        self._sizes: dict[str, int] = {}
        self._pods: defaultdict[str, dict[str, bool]] = defaultdict(dict)
        self._expected: dict[str, int] = {}
        self._unsized: set[str] = set()
        self._unfinished: set[str] = set()
        self._finished_at: float | None = None
        self._sized, self._finished = asyncio.Event(), asyncio.Event()

    def expect(self, sizes: Mapping[str, int]) -> None:
        """Forget the last expectation and wait for these sizes, and for pods that match them."""
        self._expected = dict(sizes)
        self.sized_at, self._finished_at = {}, None
        self._unsized = {name for name, size in sizes.items() if self._sizes.get(name) != size}
        self._unfinished = {name for name in sizes if not self._has_its_pods(name)}
        self._tell()

    @property
    def unfinished(self) -> int:
        """How many targets do not have their pods yet."""
        return len(self._unfinished)

    @property
    def pods(self) -> int:
        """Pods that exist."""
        return sum(len(pods) for pods in self._pods.values())

    @property
    def ready_pods(self) -> int:
        """Pods that are ready and nobody has asked to stop."""
        return sum(sum(pods.values()) for pods in self._pods.values())

    async def sized(self, patience_seconds: float) -> Spread | None:
        """When each target that had to move did, None where one has not within the patience."""
        if not await _in_time(self._sized, patience_seconds):
            return None
        return Spread.of(self.sized_at.values())

    async def finished(self, patience_seconds: float) -> float | None:
        """When the last pod was gone or ready, None where one is not within the patience."""
        return self._finished_at if await _in_time(self._finished, patience_seconds) else None

    def on_deployment(self, event_type: str, raw: Mapping[str, Any], at: float) -> None:
        """Take a Deployment's event."""
        name, size = raw["metadata"]["name"], -1 if event_type == "DELETED" else raw["spec"]["replicas"]
        if self._sizes.get(name) == size:
            return
        self._sizes[name], self.moved_at = size, at
        if name in self._expected:
            self._unsized.discard(name)
            if size == self._expected[name]:
                self.sized_at[name] = at
            else:
                self._unsized.add(name)
        self._tell()

    def on_pod(self, event_type: str, raw: Mapping[str, Any], at: float) -> None:
        """Take a pod's event; its target is named by its label `app`."""
        meta = raw["metadata"]
        name = meta["labels"]["app"]
        if event_type == "DELETED":
            self._pods[name].pop(meta["name"], None)
        else:
            self._pods[name][meta["name"]] = "deletionTimestamp" not in meta and _ready(raw)
        self.moved_at = at
        if name not in self._expected:
            return
        if not self._has_its_pods(name):
            self._unfinished.add(name)
        elif name in self._unfinished:
            self._unfinished.discard(name)
            self._finished_at = at
        self._tell()

    def _has_its_pods(self, name: str) -> bool:
        pods = self._pods.get(name, {})
        return len(pods) == self._expected[name] and all(pods.values())

    def _tell(self) -> None:
        for event, missing in ((self._sized, self._unsized), (self._finished, self._unfinished)):
            if missing:
                event.clear()
            else:
                event.set()


def _ready(raw: Mapping[str, Any]) -> bool:
    conditions = raw.get("status", {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


async def _in_time(event: asyncio.Event, patience_seconds: float) -> bool:
    try:
        async with asyncio.timeout(patience_seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
