"""Status of our own kinds: patches that reach one uid only, written when something changed and not before."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wattswitch.cluster import paths
from wattswitch.cluster.client import JSON_PATCH, KubeClient, refused_by_test
from wattswitch.errors import ApiError, NotFound, WattswitchError

logger = logging.getLogger(__name__)


async def patch_status(
    client: KubeClient, plural: str, namespace: str | None, name: str, uid: str, status: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Set the fields of `status` on the object with this uid and leave its others alone; the object afterwards.

    A field is replaced whole; None removes it. None is returned when that object is gone or a namesake took its
    place. Raises ApiError and ApiUnreachable.
    """
    path = paths.BY_PLURAL[plural].item(namespace, name)
    try:
        try:
            return await _patch(client, path, "uid", uid, _operations(status))
        except ApiError as problem:
            if not refused_by_test(problem):
                raise
            # The uid is another, or there was no status yet that a field could be added to.
            current = await client.request("GET", path)
            if current["metadata"]["uid"] != uid:
                return None
            if "status" not in current and (first := await _patch_first(client, path, current, status)) is not None:
                return first
            return await _patch(client, path, "uid", uid, _operations(status))
    except NotFound:
        return None


async def _patch_first(
    client: KubeClient, path: str, current: Mapping[str, Any], status: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Add the whole status to an object that had none; None where it changed meanwhile, as by another first status."""
    fields = {key: value for key, value in status.items() if value is not None}
    version = current["metadata"]["resourceVersion"]
    try:
        return await _patch(client, path, "resourceVersion", version, [_add("/status", fields)])
    except ApiError as problem:
        if not refused_by_test(problem):
            raise
        return None


async def _patch(
    client: KubeClient, path: str, tested: str, value: str, operations: list[dict[str, Any]]
) -> dict[str, Any]:
    """A JSON Patch, because for custom resources a uid in a merge patch on `/status` is silently ignored (1.37)."""
    test = {"op": "test", "path": f"/metadata/{tested}", "value": value}
    return await client.request("PATCH", f"{path}/status", body=[test, *operations], content_type=JSON_PATCH)


def _operations(status: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Removals add first, as a patch that removes what is not there is refused."""
    operations = []
    for key, value in status.items():
        pointer = "/status/" + key.replace("~", "~0").replace("/", "~1")
        operations.append(_add(pointer, value))
        if value is None:
            operations.append({"op": "remove", "path": pointer})
    return operations


def _add(pointer: str, value: Any) -> dict[str, Any]:
    return {"op": "add", "path": pointer, "value": value}


@dataclass(frozen=True, slots=True)
class StatusWrite:
    """One object and every status field that its writer owns; fields of other writers are left alone."""

    plural: str
    namespace: str | None
    name: str
    uid: str
    status: dict[str, Any]


class StatusWriter:
    """Writes statuses in tasks of its own, the latest of each object only, and only when it differs from the last.

    `start` before the first `submit`; `close` ends it. A write that fails, for whatever reason, is tried again at the
    next `submit` of its object, even of an equal status. A status that is handed over must not be changed afterwards.
    """

    def __init__(self, client: KubeClient, concurrency: int = 8) -> None:
        self.problems: dict[str, str] = {}
        """Why the last write failed, by uid."""
        self._client = client
        self._concurrency = concurrency
        self._written: dict[str, Mapping[str, Any]] = {}
        """What an object is known to have."""
        self._base: dict[str, Mapping[str, Any]] = {}
        """Every field that an object may have: more than `_written` after a write whose outcome is not known."""
        self._pending: dict[str, StatusWrite] = {}
        self._writing: set[str] = set()
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start the tasks that write."""
        self._tasks = [asyncio.create_task(self._work()) for _ in range(self._concurrency)]

    async def close(self) -> None:
        """Stop the tasks; what is still pending is dropped."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks = []

    def seen(self, uid: str, status: Mapping[str, Any]) -> None:
        """Note the status that an object was found with, so that an equal one is not written again after a start.

        Only the fields that this writer owns: one that the next submit lacks is removed. Ignored once this writer has
        tried to write that object itself.
        """
        if uid not in self._base:
            self._written[uid] = self._base[uid] = status

    def forget(self, uid: str) -> None:
        """Drop everything about an object that is gone, or that another one writes from now on."""
        for known in (self._pending, self._written, self._base, self.problems):
            known.pop(uid, None)

    def forget_all(self) -> None:
        """Drop everything: while another process led, it wrote the same objects."""
        for known in (self._pending, self._written, self._base, self.problems):
            known.clear()

    def submit(self, write: StatusWrite) -> None:
        """Have a status written soon; returns at once. A later one of the same object takes its place."""
        if write.uid in self._pending:
            self._pending[write.uid] = write
        elif self._written.get(write.uid) != write.status:
            self._pending[write.uid] = write
            self._queue.put_nowait(write.uid)

    async def _work(self) -> None:
        while True:
            uid = await self._queue.get()
            if uid in self._writing:
                continue  # whoever writes it takes it up again
            write = self._pending.pop(uid, None)
            if write is None:
                continue
            self._writing.add(uid)
            try:
                await self._try(write)
            finally:
                self._writing.discard(uid)
                if uid in self._pending:
                    self._queue.put_nowait(uid)

    async def _try(self, write: StatusWrite) -> None:
        try:
            await self._write(write)
        except WattswitchError as problem:
            if self.problems.get(write.uid) != str(problem):
                logger.warning("status of %s %s not written: %s", write.plural, write.name, problem)
            self._failed(write.uid, str(problem))
        except Exception as problem:  # one object that cannot be written must not end the writing of all others
            logger.exception("status of %s %s not written", write.plural, write.name)
            self._failed(write.uid, f"{type(problem).__name__}: {problem}")

    def _failed(self, uid: str, problem: str) -> None:
        if uid in self._base:  # it was not forgotten meanwhile
            self.problems[uid] = problem

    async def _write(self, write: StatusWrite) -> None:
        uid = write.uid
        if self._written.get(uid) == write.status:
            return
        self._written.pop(uid, None)  # until the answer is there, nobody knows what the object has
        base = self._base.get(uid, {})
        self._base[uid] = either = {**base, **write.status}
        changes = {**dict.fromkeys(base.keys() - write.status.keys()), **write.status}
        answer = await patch_status(self._client, write.plural, write.namespace, write.name, uid, changes)
        if self._base.get(uid) is not either:
            return  # forgotten meanwhile: what this write found is not to be relied on
        if answer is None:
            self.forget(uid)
            return
        self._written[uid] = self._base[uid] = write.status
        self.problems.pop(uid, None)
