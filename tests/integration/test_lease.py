"""One leader on a real API server, which checks the form of every time and the version of every write."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest

from local.cluster import Cluster, Kubectl
from wattswitch.cluster import KubeClient, LeaderLease


@pytest.fixture
async def client(cluster: Cluster) -> AsyncIterator[KubeClient]:
    connected = await KubeClient.connect(str(cluster.kubeconfig))
    yield connected
    await connected.close()


def microtime() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def candidate(client: KubeClient, namespace: str, identity: str) -> LeaderLease:
    return LeaderLease(client, namespace, "wattswitch", identity, 1.5, 1.0, 0.2, timestamp=microtime)


async def until(condition: Callable[[], bool], within_seconds: float = 10.0) -> None:
    for _ in range(int(within_seconds * 50)):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"not within {within_seconds} s")


async def stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_one_leads_and_the_next_follows_at_once_when_it_stops_cleanly(
    client: KubeClient, kubectl: Kubectl, namespace: str
) -> None:
    first, second = candidate(client, namespace, "first"), candidate(client, namespace, "second")
    running = asyncio.create_task(first.run())
    await until(lambda: first.leading)
    waiting = asyncio.create_task(second.run())
    await asyncio.sleep(2.5)
    assert first.leading, "it renewed for longer than one lease"
    assert not second.leading
    spec = json.loads(kubectl("get", "lease", "wattswitch", "-n", namespace, "-o", "json"))["spec"]
    assert (spec["holderIdentity"], spec["leaseTransitions"]) == ("first", 0)
    await stopped(running)
    assert not first.leading
    await until(lambda: second.leading, 1.0)
    await stopped(waiting)


async def test_one_that_vanishes_is_followed_after_its_lease_and_not_before(client: KubeClient, namespace: str) -> None:
    first, second = candidate(client, namespace, "first"), candidate(client, namespace, "second")
    await first.attempt()
    assert first.leading
    overlap = False
    waiting = asyncio.create_task(second.run())
    try:
        for _ in range(500):
            overlap |= first.leading and second.leading
            if second.leading:
                break
            await asyncio.sleep(0.02)
        assert second.leading
        assert not overlap
        assert second.holder == "second"
        await first.attempt()
        assert not first.leading, "it comes back and finds another"
    finally:
        await stopped(waiting)
