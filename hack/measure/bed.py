"""The test bed: a cluster with the measured site on it, watched, and everything ended when the block ends."""

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from local import programs
from local.cluster import Cluster
from measure import objects
from measure.api import Client
from measure.board import Board
from measure.feed import POLL_SECONDS, Feed, Numbers
from measure.progress import say
from measure.subject import Subject

CRDS = Path(__file__).resolve().parent.parent.parent / "crds"
OWN = "/apis/wattswitch.io/v1alpha1"
APPS = f"/apis/apps/v1/namespaces/{objects.NAMESPACE}/deployments"
PODS = f"/api/v1/namespaces/{objects.NAMESPACE}/pods"
POOLS = f"{OWN}/namespaces/{objects.NAMESPACE}/miningpools"
BUDGETS = f"{OWN}/powerbudgets"
READY_SECONDS = 120.0
QUIET_SECONDS = 3.0


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
    programs.ensure_all()
    folder = Path(tempfile.mkdtemp(prefix="wattswitch-bench-"))
    pods = targets * largest
    try:
        say(f"a cluster for {targets} targets and {pods} pods in {folder}")
        with Cluster(folder / "cluster", controller_qps=controller_qps) as cluster:
            cluster.add_nodes(objects.racks(pods))
            _install(cluster)
            async with Client(cluster.kubeconfig) as client, Feed(start) as feed:
                await _settle_in(client, feed, targets, largest, replicas)
                board = Board()
                async with _watching(client, board):
                    board.expect(objects.sizes(start, targets, replicas))
                    yield Bed(cluster, client, feed, board, folder, targets)
    except BaseException:
        say(f"logs: {folder}")
        raise
    shutil.rmtree(folder, ignore_errors=True)


def _install(cluster: Cluster) -> None:
    cluster.kubectl("apply", "--server-side", "-f", str(CRDS))
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", str(CRDS))


async def _settle_in(client: Client, feed: Feed, targets: int, largest: int, replicas: int) -> None:
    names = objects.names(targets)
    await client.create("/api/v1/namespaces", objects.namespaces())
    await client.create(BUDGETS, [objects.budget(feed.url, targets * largest)])
    await client.create(APPS, [objects.deployment(name, replicas) for name in names])
    await client.create(POOLS, [objects.pool(name, largest) for name in names])


@contextlib.asynccontextmanager
async def _watching(client: Client, board: Board) -> AsyncIterator[None]:
    watches = [
        asyncio.create_task(client.follow(APPS, board.on_deployment)),
        asyncio.create_task(client.follow(PODS, board.on_pod)),
    ]
    try:
        yield
    finally:
        for watch in watches:
            if watch.done() and not watch.cancelled() and (failure := watch.exception()):
                say(f"a watch ended: {failure}")
            watch.cancel()
        await asyncio.gather(*watches, return_exceptions=True)
