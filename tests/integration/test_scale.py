"""Sizes on a real API server: written where the decision still holds, refused where another hand was first."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from local.cluster import Cluster, Kubectl
from wattswitch.cluster import KubeClient, ScaleOutcome, ScaleWrite, View, list_pods, paths, relist, target_facts
from wattswitch.cluster import write_scale as write_one


@pytest.fixture
async def client(cluster: Cluster) -> AsyncIterator[KubeClient]:
    connected = await KubeClient.connect(str(cluster.kubeconfig))
    yield connected
    await connected.close()


class Target:
    """One target of a test: writes sizes to it and reads it."""

    def __init__(self, client: KubeClient, kind: str, namespace: str, raw: dict[str, Any]) -> None:
        self.client, self.kind, self.namespace = client, kind, namespace
        self.name, self.uid = raw["metadata"]["name"], raw["metadata"]["uid"]

    async def write(self, from_replicas: int, to_replicas: int, uid: str = "") -> ScaleOutcome:
        return await write_one(self.client, self.asking(from_replicas, to_replicas, uid))

    def asking(self, from_replicas: int, to_replicas: int, uid: str = "") -> ScaleWrite:
        return ScaleWrite(self.name, self.kind, self.namespace, self.name, uid or self.uid, from_replicas, to_replicas)

    async def raw(self) -> dict[str, Any]:
        return await self.client.request("GET", paths.item(self.kind, self.namespace, self.name))

    async def replicas(self) -> int:
        return target_facts(await self.raw()).spec_replicas


def manifest(kind: str, name: str, replicas: int) -> dict[str, Any]:
    labels = {"app": name}
    container = {"name": "main", "image": "none"}
    spec: dict[str, Any] = {
        "replicas": replicas,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }
    if kind == "StatefulSet":
        spec |= {"podManagementPolicy": "Parallel", "serviceName": name}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


async def create(client: KubeClient, namespace: str, name: str, replicas: int, kind: str = "Deployment") -> Target:
    path = paths.collection(kind, namespace)
    return Target(client, kind, namespace, await client.request("POST", path, body=manifest(kind, name, replicas)))


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
async def test_every_step_through_zero_is_applied(client: KubeClient, namespace: str, kind: str) -> None:
    target = await create(client, namespace, "steps", 0, kind)
    for before, after in [(0, 3), (3, 1), (1, 0), (0, 0), (0, 2), (2, 2)]:
        outcome = await target.write(before, after)
        assert outcome.applied, (before, after, outcome)
        raw = await target.raw()
        assert target_facts(raw).spec_replicas == after
        assert outcome.resource_version is not None
        assert target_facts(raw).resource_version >= outcome.resource_version


@pytest.mark.parametrize(("seen", "meanwhile"), [(4, 7), (4, 0), (0, 4)])
async def test_another_hand_that_was_first_refuses_the_write(
    client: KubeClient, kubectl: Kubectl, namespace: str, seen: int, meanwhile: int
) -> None:
    target = await create(client, namespace, "contested", seen)
    kubectl("scale", "deployment/contested", "-n", namespace, f"--replicas={meanwhile}")
    outcome = await target.write(seen, 2)
    assert (outcome.applied, outcome.problem) == (False, "Changed")
    assert await target.replicas() == meanwhile


@pytest.mark.parametrize("replicas", [0, 3])
async def test_a_namesake_is_not_scaled(client: KubeClient, kubectl: Kubectl, namespace: str, replicas: int) -> None:
    first = await create(client, namespace, "twin", replicas)
    kubectl("delete", "deployment/twin", "-n", namespace)
    gone = await first.write(replicas, 1)
    assert (gone.applied, gone.problem) == (False, "Gone")
    second = await create(client, namespace, "twin", replicas)
    outcome = await first.write(replicas, 1)
    assert (outcome.applied, outcome.problem) == (False, "Changed")
    assert await second.replicas() == replicas


async def test_a_size_that_cannot_be_is_not_called_a_change(client: KubeClient, namespace: str) -> None:
    target = await create(client, namespace, "negative", 2)
    outcome = await target.write(2, -1)
    assert (outcome.applied, outcome.problem) == (False, "Invalid")
    assert "spec.replicas" in outcome.message


async def test_churn_of_the_status_refuses_no_write(client: KubeClient, namespace: str) -> None:
    target = await create(client, namespace, "busy", 1)
    for step in range(20):
        size = 1 + step % 5
        assert (await target.write(size, 1 + (step + 1) % 5)).applied


async def test_our_name_stands_beside_the_size(client: KubeClient, namespace: str) -> None:
    target = await create(client, namespace, "signed", 3)
    await target.write(3, 4)
    assert target_facts(await target.raw()).replicas_manager == "wattswitch"


async def test_without_the_right_it_says_so(
    cluster: Cluster, kubectl: Kubectl, client: KubeClient, namespace: str, tmp_path: Any
) -> None:
    target = await create(client, namespace, "guarded", 2)
    kubectl("create", "serviceaccount", "nobody", "-n", namespace)
    token = kubectl("create", "token", "nobody", "-n", namespace).strip()
    document = json.loads(kubectl("config", "view", "--raw", "-o", "json"))
    document["users"] = [{"name": user["name"], "user": {"token": token}} for user in document["users"]]
    file = tmp_path / "nobody"
    file.write_text(json.dumps(document))
    powerless = await KubeClient.connect(str(file))
    try:
        outcome = await write_one(powerless, target.asking(2, 1))
        report = await relist(powerless, view := View(), None)
    finally:
        await powerless.close()
    assert (outcome.applied, outcome.problem) == (False, "Forbidden")
    assert "deployments/scale" in outcome.message
    assert {"Deployment", "Namespace", "PowerBudget"} <= report.forbidden.keys()
    assert not view.fresh(time.monotonic(), 60)


async def test_two_hundred_targets_are_written_and_listed(client: KubeClient, namespace: str) -> None:
    targets = [await create(client, namespace, f"d{number}", 0) for number in range(200)]
    outcomes = await asyncio.gather(*(target.write(0, 1) for target in targets))
    assert [outcome.key for outcome in outcomes] == [target.name for target in targets]
    assert all(outcome.applied for outcome in outcomes)
    items, _ = await client.list(paths.collection("Deployment", namespace), page=30)
    assert {item["spec"]["replicas"] for item in items} == {1}
    view = View()
    await relist(client, view, [namespace])
    assert len(view.all("Deployment")) == 200
    outcomes = await asyncio.gather(*(target.write(1, 0) for target in targets))
    assert all(outcome.applied for outcome in outcomes)


async def test_pods_are_counted_until_they_are_gone(client: KubeClient, namespace: str) -> None:
    target = await create(client, namespace, "counted", 3)
    selector = target_facts(await target.raw()).selector
    assert await _drawing(client, namespace, selector, 3)
    await target.write(3, 0)
    assert await _drawing(client, namespace, selector, 0)


async def _drawing(client: KubeClient, namespace: str, selector: str, pods: int) -> bool:
    """Whether the pods that draw come to a number within half a minute."""
    ends_at = time.monotonic() + 30
    while time.monotonic() < ends_at:
        count = await list_pods(client, namespace, selector)
        if count.alive + count.terminating == pods:
            return True
    return False
