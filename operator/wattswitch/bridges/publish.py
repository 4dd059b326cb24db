"""Keeps what a bridge asks for as CurtailmentEvent objects, or prints it where nothing is to be written.

Guarantee: one object for each program, reference and part, however often it is put and whatever was killed in between.
An object that another hand made is never touched, and none is deleted before it has been over for a day.
"""

import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

import yaml

from wattswitch.bridges.asked import Asked
from wattswitch.bridges.event_object import (
    BRIDGE_LABEL,
    CANCELLED_AT,
    Raw,
    annotations_of,
    asked_of,
    label_of,
    object_of,
    over_since,
    spec_of,
)
from wattswitch.cluster import KubeClient
from wattswitch.cluster.client import JSON_PATCH, refused_by_test
from wattswitch.cluster.paths import collection, item
from wattswitch.errors import ApiError, Conflict, NameTaken, NotFound, WattswitchError

logger = logging.getLogger(__name__)

KIND: Final = "CurtailmentEvent"
KEPT_SECONDS: Final = 86_400.0
"""How long an event that is over stays to be looked at."""
ATTEMPTS: Final = 5
"""Reads and writes of an object that other hands, such as the operator, write at the same time."""

Operations = list[dict[str, Any]]
"""Of a JSON Patch; none where an object is right as it is."""


class EventPublisher:
    """The events of one program on one budget. `now` gives Unix seconds."""

    def __init__(self, client: KubeClient, budget: str, program: str, now: Callable[[], float]) -> None:
        self._client = client
        self._budget = budget
        self._label = label_of(program)
        self._now = now

    async def put(self, asked: Asked) -> None:
        """Create or replace the event of this name; one that is cancelled ends. Raises WattswitchError."""
        if asked.cancelled:
            await self._cancel(asked.name)
            return
        try:
            await self._client.request("POST", collection(KIND), body=object_of(asked, self._budget))
        except Conflict:
            await self._change(asked.name, lambda found: self._replacing(found, asked))

    async def withdraw(self, program: str, reference: str) -> None:
        """End every part of this event; none is no error. Raises WattswitchError, when all were tried."""
        failure: WattswitchError | None = None
        for _, asked in await self._kept():
            if (asked.program, asked.reference) == (program, reference) and not asked.cancelled:
                try:
                    await self._cancel(asked.name)
                except WattswitchError as error:
                    failure = error
        if failure is not None:
            raise failure

    async def current(self) -> Sequence[Asked]:
        """Every event of this program on this budget, cancelled or not. Raises WattswitchError."""
        return [asked for _, asked in await self._kept()]

    async def tidy(self) -> None:
        """Delete what has been over for a day, and end what is over though its spec can't say so.

        To be called now and then. Raises WattswitchError.
        """
        now = self._now()
        for raw, asked in await self._kept():
            since = over_since(raw, asked)
            if since is not None and since < now - KEPT_SECONDS:
                await self._delete(raw)
            elif asked.over_at(now) and not asked.cancelled and "durationSeconds" not in raw["spec"]:
                await self._cancel(asked.name)

    async def _kept(self) -> list[tuple[Raw, Asked]]:
        raws, _ = await self._client.list(collection(KIND), label_selector=f"{BRIDGE_LABEL}={self._label}")
        kept = [(raw, asked_of(raw)) for raw in raws if raw["spec"].get("budget") == self._budget]
        return [(raw, asked) for raw, asked in kept if asked is not None]

    async def _cancel(self, name: str) -> None:
        with contextlib.suppress(NotFound):
            await self._change(name, self._cancelling)

    async def _change(self, name: str, changing: Callable[[Raw], Operations]) -> None:
        """Patch an object of ours as it was read. Raises NotFound, NameTaken, ApiError and ApiUnreachable."""
        path = item(KIND, None, name)
        for _ in range(ATTEMPTS):
            found = await self._client.request("GET", path)
            self._check_ours(found)
            operations = changing(found)
            if not operations:
                return
            tests = [
                {"op": "test", "path": f"/metadata/{field}", "value": found["metadata"][field]}
                for field in ("uid", "resourceVersion")
            ]
            try:
                await self._client.request("PATCH", path, body=[*tests, *operations], content_type=JSON_PATCH)
            except ApiError as problem:
                if not refused_by_test(problem):
                    raise
            else:
                return
        raise Conflict(HTTPStatus.CONFLICT, "Conflict", f"{KIND} {name}: other hands change it all the time")

    def _replacing(self, found: Raw, asked: Asked) -> Operations:
        before = found["metadata"].get("annotations") or {}
        spec, annotations = spec_of(asked, self._budget), annotations_of(asked, before)
        if spec == found["spec"] and annotations == before:
            return []
        return [_annotate(annotations), {"op": "replace", "path": "/spec", "value": spec}]

    def _cancelling(self, found: Raw) -> Operations:
        """Whatever else it says stays, so that the accounts tell what was taken back."""
        if found["spec"].get("cancelled"):
            return []
        annotations = {**(found["metadata"].get("annotations") or {}), CANCELLED_AT: repr(self._now())}
        return [_annotate(annotations), {"op": "add", "path": "/spec/cancelled", "value": True}]

    def _check_ours(self, found: Raw) -> None:
        metadata, budget = found["metadata"], found["spec"].get("budget")
        name = metadata["name"]
        if metadata.get("deletionTimestamp"):
            raise Conflict(HTTPStatus.CONFLICT, "Terminating", f"{KIND} {name} is being deleted")
        if (metadata.get("labels") or {}).get(BRIDGE_LABEL) != self._label:
            raise NameTaken(f"{KIND} {name} exists and was not made by this bridge: delete it, or name it otherwise")
        if budget != self._budget:
            raise NameTaken(
                f"{KIND} {name} is of PowerBudget {budget}, not of {self._budget}: give each budget's bridge a program"
                " of its own"
            )

    async def _delete(self, raw: Raw) -> None:
        metadata = raw["metadata"]
        seen = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": seen}
        # Another hand was here since: the next time will show what is left of it.
        with contextlib.suppress(Conflict, NotFound):
            await self._client.request("DELETE", item(KIND, None, metadata["name"]), body=body)


def _annotate(annotations: dict[str, str]) -> dict[str, Any]:
    return {"op": "add", "path": "/metadata/annotations", "value": annotations}


class PrintingPublisher:
    """Keeps nothing but in memory, and gives `write` each object that it would have written, as YAML."""

    def __init__(self, budget: str, write: Callable[[str], object]) -> None:
        self._budget = budget
        self._write = write
        self._kept: dict[str, Asked] = {}

    async def put(self, asked: Asked) -> None:
        """Print the event of this name."""
        self._kept[asked.name] = asked
        text = yaml.safe_dump(object_of(asked, self._budget), sort_keys=False, allow_unicode=True)
        self._write(f"---\n{text}")

    async def withdraw(self, program: str, reference: str) -> None:
        """Print every part of this event as one that is cancelled."""
        for asked in tuple(self._kept.values()):
            if (asked.program, asked.reference) == (program, reference) and not asked.cancelled:
                await self.put(replace(asked, cancelled=True))

    async def current(self) -> Sequence[Asked]:
        """What was printed so far."""
        return tuple(self._kept.values())
