"""Fetches what the watches may have missed: every viewed kind, straight from the store behind the API server."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from wattswitch.cluster import paths
from wattswitch.cluster.client import KubeClient
from wattswitch.cluster.trim import trimmed
from wattswitch.cluster.view import VIEWED_KINDS, View
from wattswitch.errors import ApiError, Forbidden, NotFound, WattswitchError

OPTIONAL_KINDS = frozenset({"HorizontalPodAutoscaler", "ScaledObject"})
"""Kinds without which the view still is complete."""

_AT_ONCE = 2
_PAGE = 100
"""Small pages, few at once: what a page takes while it is read stays with the process for good."""


@dataclass(frozen=True, slots=True)
class Relist:
    """What a re-list could not see: messages by kind. `missing` kinds are not installed."""

    forbidden: dict[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every kind that a decision needs was seen."""
        blind = {*self.forbidden, *self.missing, *self.failed}
        return blind <= OPTIONAL_KINDS and not self.failed


async def relist(client: KubeClient, view: View, namespaces: Sequence[str] | None) -> Relist:
    """Fetch every kind into the view; `namespaces` None means all. Never raises for what a cluster can answer.

    Lists are current (no `resourceVersion=0`, which may be served from an old cache). A kind that could not be
    listed keeps its last objects, unless it is optional and not installed. The view's `relisted_at` moves only when
    the re-list is complete.
    """
    async with view.relisting:
        began_at, gate = time.monotonic(), asyncio.Semaphore(_AT_ONCE)
        wanted = [(kind, where) for kind in VIEWED_KINDS for where in _places(kind, namespaces)]
        problems = await asyncio.gather(*(_fetch(client, view, gate, kind, where) for kind, where in wanted))
        report = _report([(kind, problem) for (kind, _), problem in zip(wanted, problems, strict=True) if problem])
        if report.complete:
            view.relisted(began_at)
        return report


def _places(kind: str, namespaces: Sequence[str] | None) -> Sequence[str | None]:
    return namespaces if namespaces is not None and paths.RESOURCES[kind].namespaced else (None,)


async def _fetch(
    client: KubeClient, view: View, gate: asyncio.Semaphore, kind: str, namespace: str | None
) -> WattswitchError | None:
    async with gate:
        try:
            items, version = await client.list(paths.collection(kind, namespace), page=_PAGE, keep=trimmed)
        except WattswitchError as problem:
            # A kind of our own may be 404 for a moment while the API server starts: its objects are kept.
            if isinstance(problem, NotFound) and kind in OPTIONAL_KINDS:
                view.clear(kind, namespace)
            return problem
    view.replace(kind, items, version, namespace)
    return None


def _report(problems: list[tuple[str, WattswitchError]]) -> Relist:
    forbidden, failed, missing = {}, {}, set()
    for kind, problem in problems:
        if isinstance(problem, Forbidden):
            forbidden[kind] = problem.message
        elif isinstance(problem, NotFound):
            missing.add(kind)
        else:
            failed[kind] = problem.message if isinstance(problem, ApiError) else str(problem)
    return Relist(forbidden, tuple(sorted(missing)), failed)


@dataclass(frozen=True, slots=True)
class PodCount:
    """Pods that draw or may yet draw: `alive` ones that nobody has asked to stop, and `terminating` ones."""

    alive: int
    terminating: int


async def list_pods(client: KubeClient, namespace: str, selector: str) -> PodCount:
    """Count the pods of one label selector, currently and consistently.

    A pod whose phase is Succeeded or Failed has no running container and draws nothing, terminating or not; a
    Pending one may start at any moment and counts. Raises ApiError and ApiUnreachable.
    """
    items, _ = await client.list(paths.collection("Pod", namespace), label_selector=selector)
    drawing = [pod for pod in items if (pod.get("status") or {}).get("phase") not in {"Succeeded", "Failed"}]
    terminating = sum(_terminating(pod) for pod in drawing)
    return PodCount(alive=len(drawing) - terminating, terminating=terminating)


def _terminating(pod: dict[str, Any]) -> bool:
    return "deletionTimestamp" in pod["metadata"]
