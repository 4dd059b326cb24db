"""The test bed: a cluster with the measured site on it, watched, and everything ended when the block ends."""

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from local import programs
from local.cluster import Cluster
from local.nodes import Rack
from measure import objects
from measure.api import Client, OnEvent
from measure.board import Board
from measure.feed import POLL_SECONDS, Feed, Numbers
from measure.progress import say
from measure.subject import Subject

CRDS = Path(__file__).resolve().parent.parent.parent / "crds"
OWN = "/apis/wattswitch.io/v1alpha1"
NAMESPACES = "/api/v1/namespaces"
APPS = f"/apis/apps/v1/namespaces/{objects.NAMESPACE}/deployments"
PODS = f"/api/v1/namespaces/{objects.NAMESPACE}/pods"
POOLS = f"{OWN}/namespaces/{objects.NAMESPACE}/miningpools"
SERVICES = f"{OWN}/namespaces/{objects.NAMESPACE}/inferencedeployments"
BUDGETS = f"{OWN}/powerbudgets"
EVENTS = f"{OWN}/curtailmentevents"
READY_SECONDS = 120.0
QUIET_SECONDS = 3.0


@dataclass(frozen=True)
class Plot:
    """A site to lay out: the most pods that it will have, nodes for them, and the sizes that targets begin with.

    `manifests` takes the address of the feeds, and gives what is created in each collection, in order.
    """

    pods: int
    racks: list[Rack]
    sizes: Mapping[str, int]
    manifests: Callable[[str], Mapping[str, list[objects.Manifest]]]


class Observer(Protocol):
    """Whoever is told what the watches see."""

    @property
    def on_deployment(self) -> OnEvent:
        """Takes a Deployment's event."""

    @property
    def on_pod(self) -> OnEvent:
        """Takes a pod's event."""


class Bed:
    """A running cluster, the client that watches it, and the feed that its budget reads."""

    def __init__(self, cluster: Cluster, client: Client, feed: Feed, board: Board, folder: Path, targets: int) -> None:
        self.cluster, self.client, self.feed, self.board = cluster, client, feed, board
        self.targets = targets
        self._folder = folder

    @contextlib.asynccontextmanager
    async def operator(self) -> AsyncIterator[Subject]:
        """Run the operator, and go on once it says that its budget is Ready."""
        with Subject(self.cluster.kubeconfig, self._folder) as subject:
            began = time.time()
            await self._until_ready(subject, began)
            yield subject
            subject.check()

    async def set_mode(self, mode: str, subject: Subject) -> None:
        """Have the operator advise or enforce, and go on once it says that it does."""
        path = f"{BUDGETS}/{objects.BUDGET}"
        await self.client.patch(path, [{"op": "add", "path": "/spec/mode", "value": mode}])
        async with asyncio.timeout(READY_SECONDS):
            while True:
                subject.check()
                raw = await self.client.get(path)
                if raw["status"].get("observedGeneration") == raw["metadata"]["generation"]:
                    return
                await asyncio.sleep(0.2)

    async def rest(self, quiet_seconds: float = QUIET_SECONDS) -> None:
        """Wait until no size and no pod has changed for a while."""
        while (left := self.board.moved_at + quiet_seconds - time.monotonic()) > 0:  # noqa: ASYNC110 - events move it
            await asyncio.sleep(left)

    async def _until_ready(self, subject: Subject, began: float) -> None:
        async with asyncio.timeout(READY_SECONDS):
            while True:
                subject.check()
                raw = await self.client.get(f"{BUDGETS}/{objects.BUDGET}")
                status = raw.get("status") or {}
                conditions = {each["type"]: each["status"] for each in status.get("conditions") or ()}
                if conditions.get("Ready") == "True" and time.time() > began + POLL_SECONDS + 1:
                    return
                await asyncio.sleep(0.2)


@contextlib.asynccontextmanager
async def bed(
    targets: int,
    *,
    largest: int = 1,
    start: Numbers = objects.ALL_ON,
    replicas: int = 1,
    controller_qps: int | None = 500,
) -> AsyncIterator[Bed]:
    """Start a cluster with `targets` Deployments of `replicas` pods and a pool for each, up to `largest` pods."""
    async with laid_out(_equal(targets, largest, start, replicas), start, controller_qps=controller_qps) as place:
        yield place


@contextlib.asynccontextmanager
async def laid_out(
    plot: Plot, start: Numbers, *, controller_qps: int | None, observers: Sequence[Observer] = ()
) -> AsyncIterator[Bed]:
    """Start a cluster with a site on it; `observers` are told what the board is told."""
    programs.ensure_all()
    folder = Path(tempfile.mkdtemp(prefix="wattswitch-bench-"))
    targets = len(plot.sizes)
    try:
        say(f"a cluster for {targets} targets and {plot.pods} pods in {folder}")
        with Cluster(folder / "cluster", controller_qps=controller_qps) as cluster:
            cluster.add_nodes(plot.racks)
            _install(cluster)
            async with Client(cluster.kubeconfig) as client, Feed(start) as feed:
                for collection, manifests in plot.manifests(feed.url).items():
                    await client.create(collection, manifests)
                board = Board()
                async with _watching(client, (board, *observers)):
                    board.expect(plot.sizes)
                    yield Bed(cluster, client, feed, board, folder, targets)
    except BaseException:
        say(f"logs: {folder}")
        raise
    shutil.rmtree(folder, ignore_errors=True)


def _install(cluster: Cluster) -> None:
    cluster.kubectl("apply", "--server-side", "-f", str(CRDS))
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", str(CRDS))


def _equal(targets: int, largest: int, start: Numbers, replicas: int) -> Plot:
    names, pods = objects.names(targets), targets * largest

    def manifests(feed_url: str) -> Mapping[str, list[objects.Manifest]]:
        return {
            NAMESPACES: objects.namespaces(),
            BUDGETS: [objects.budget(feed_url, pods)],
            APPS: [objects.deployment(name, replicas) for name in names],
            POOLS: [objects.pool(name, largest) for name in names],
        }

    return Plot(pods, objects.racks(pods), objects.sizes(start, targets, replicas), manifests)


@contextlib.asynccontextmanager
async def _watching(client: Client, observers: Sequence[Observer]) -> AsyncIterator[None]:
    watches = [
        asyncio.create_task(client.follow(APPS, _all_of([each.on_deployment for each in observers]))),
        asyncio.create_task(client.follow(PODS, _all_of([each.on_pod for each in observers]))),
    ]
    try:
        yield
    finally:
        for watch in watches:
            if watch.done() and not watch.cancelled() and (failure := watch.exception()):
                say(f"a watch ended: {failure}")
            watch.cancel()
        await asyncio.gather(*watches, return_exceptions=True)


def _all_of(takers: Sequence[OnEvent]) -> OnEvent:
    def tell(event_type: str, raw: dict[str, Any], at: float) -> None:
        for take in takers:
            take(event_type, raw, at)

    return tell
