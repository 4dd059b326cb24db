"""Statuses and Events on a real API server: they reach one object, never its namesake, and leave other fields alone."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from local.cluster import Cluster, Kubectl
from unit.cluster.api_server import until
from wattswitch.cluster import EventRecorder, KubeClient, ObjectRef, StatusWrite, StatusWriter, patch_status, paths

SPEC = {
    "budget": "west",
    "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "s21"},
    "replicas": {"min": 0, "max": 4},
    "hardware": "s21",
    "worth": {"perMWh": "91"},
}


@pytest.fixture
async def client(cluster: Cluster, crds: None) -> AsyncIterator[KubeClient]:
    connected = await KubeClient.connect(str(cluster.kubeconfig))
    yield connected
    await connected.close()


async def pool(client: KubeClient, namespace: str) -> dict[str, Any]:
    body = {
        "apiVersion": paths.OWN_API_VERSION,
        "kind": "MiningPool",
        "metadata": {"name": "row-4"},
        "spec": SPEC,
    }
    return await client.request("POST", paths.collection("MiningPool", namespace), body=body)


async def status_of(client: KubeClient, namespace: str) -> dict[str, Any]:
    raw = await client.request("GET", paths.item("MiningPool", namespace, "row-4"))
    return {key: value for key, value in (raw.get("status") or {}).items() if key != "observedGeneration"}


async def test_a_status_starts_grows_and_shrinks_by_its_fields(client: KubeClient, namespace: str) -> None:
    uid = (await pool(client, namespace))["metadata"]["uid"]

    async def patch(**status: Any) -> dict[str, Any]:
        assert await patch_status(client, "miningpools", namespace, "row-4", uid, status) is not None
        return await status_of(client, namespace)

    assert await patch(reason="AtMaximum", message=None) == {"reason": "AtMaximum"}
    assert await patch(message="all of them", mode=None) == {"reason": "AtMaximum", "message": "all of them"}
    assert await patch(reason=None) == {"message": "all of them"}


async def test_a_namesake_keeps_its_status(client: KubeClient, kubectl: Kubectl, namespace: str) -> None:
    first = (await pool(client, namespace))["metadata"]["uid"]
    kubectl("delete", "miningpools.wattswitch.io/row-4", "-n", namespace)
    assert await patch_status(client, "miningpools", namespace, "row-4", first, {"reason": "Paused"}) is None
    second = (await pool(client, namespace))["metadata"]["uid"]
    for expected in ({}, {"reason": "AtMaximum"}):
        assert await patch_status(client, "miningpools", namespace, "row-4", first, {"reason": "Paused"}) is None
        assert await status_of(client, namespace) == expected
        await patch_status(client, "miningpools", namespace, "row-4", second, {"reason": "AtMaximum"})


async def test_constant_statuses_write_nothing(client: KubeClient, namespace: str) -> None:
    uid = (await pool(client, namespace))["metadata"]["uid"]
    writer, versions = StatusWriter(client), set()
    writer.start()
    for _ in range(3):
        writer.submit(StatusWrite("miningpools", namespace, "row-4", uid, {"reason": "AtMaximum"}))
        await until(lambda: not writer._pending and not writer._writing)
        raw = await client.request("GET", paths.item("MiningPool", namespace, "row-4"))
        versions.add(raw["metadata"]["resourceVersion"])
    await writer.close()
    assert writer.problems == {}
    assert len(versions) == 1


async def test_events_are_accepted_and_counted(client: KubeClient, kubectl: Kubectl, namespace: str) -> None:
    ref = ObjectRef.of(await pool(client, namespace))
    for recorded in (2, 1):  # the second recorder is the operator after a restart
        events = EventRecorder(
            client, "test", timestamp=lambda: datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"), repeat_seconds=0
        )
        for _ in range(recorded):
            events.record(ref, "Warning", "ForeignScale", "scaled by another hand")
        await events.step()
    (event,) = json.loads(kubectl("get", "events", "-n", namespace, "-o", "json"))["items"]
    assert (event["count"], event["reason"], event["involvedObject"]["uid"]) == (3, "ForeignScale", ref.uid)
