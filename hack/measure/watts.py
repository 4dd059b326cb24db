"""What a site draws by its pods: a pod draws until it is gone, however long it has been dying."""

import asyncio
import math
from collections.abc import Mapping
from typing import Any


class Watts:
    """Counts watts, fed by the watch events of one namespace; `watts` are those of one pod by target.

    Times are monotonic seconds at which an event was read. Pods name their target by the label `app`.
    """

    def __init__(self, watts: Mapping[str, int]) -> None:
        self.drawn_watts = 0
        self.sizes: dict[str, int] = {}
        """The size of each target that was seen last."""
        self.written_at: float | None = None
        """When a size was last seen to change, since `expect`."""
        self.under_at: float | None = None
        """When the count last fell to the limit or under it, since `expect`; None while it is over it."""
        self._watts = dict(watts)
        self._pods: set[str] = set()
        self._limit_watts: float = math.inf
        self._under = asyncio.Event()

    def expect(self, limit_watts: int) -> None:
        """Wait for this limit, and forget what was seen before; the count must be over it now."""
        if self.drawn_watts <= limit_watts:
            raise ValueError(f"{self.drawn_watts} W are drawn: a limit of {limit_watts} W lowers nothing")
        self._limit_watts = limit_watts
        self.written_at = self.under_at = None
        self._under.clear()

    async def under(self, patience_seconds: float) -> bool:
        """Whether the count is under the limit within the patience."""
        try:
            async with asyncio.timeout(patience_seconds):
                await self._under.wait()
        except TimeoutError:
            return False
        return True

    def on_deployment(self, event_type: str, raw: Mapping[str, Any], at: float) -> None:
        """Take a Deployment's event."""
        name, size = raw["metadata"]["name"], 0 if event_type == "DELETED" else raw["spec"]["replicas"]
        if self.sizes.get(name) != size:
            self.sizes[name], self.written_at = size, at

    def on_pod(self, event_type: str, raw: Mapping[str, Any], at: float) -> None:
        """Take a pod's event."""
        uid, watts = raw["metadata"]["uid"], self._watts[raw["metadata"]["labels"]["app"]]
        if event_type == "DELETED":
            self._pods.discard(uid)
            self._note(-watts, at)
        elif uid not in self._pods:
            self._pods.add(uid)
            self._note(watts, at)

    def _note(self, watts: int, at: float) -> None:
        self.drawn_watts += watts
        if self.drawn_watts > self._limit_watts:
            self.under_at = None
            self._under.clear()
        elif self.under_at is None:
            self.under_at = at
            self._under.set()
