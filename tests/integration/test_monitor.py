"""The monitor as a process, against a real API server: the test plays the operator and the stranger."""

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.api import Access, ApiServer
from local.cluster import Cluster, Kubectl
from local.nodes import racks_for
from play.monitor_process import MonitorProcess
from play.monitor_rules import GRACE_SECONDS

WATTS = 1000
CAP_WATTS = 4000
OURS, STRANGER = "wattswitch", "stranger"

Finish = Callable[[], dict[str, Any]]


class Field:
    """A site of two pools in a namespace; pods take as long to die as the test says."""

    def __init__(self, server: ApiServer, namespace: str) -> None:
        self.server, self.namespace, self.budget = server, namespace, f"budget-{namespace}"[:60].rstrip("-")

    def budget_path(self) -> str:
        return f"/apis/wattswitch.io/v1alpha1/powerbudgets/{self.budget}"

    def deployment_path(self, name: str) -> str:
        return f"/apis/apps/v1/namespaces/{self.namespace}/deployments/{name}"

    def set_up(self, dying: str) -> None:
        price = {"sources": [{"name": "fixed", "unit": "USDPerMWh", "fixed": {"value": "10"}}]}
        hardware = [{"name": "miner", "watts": WATTS}]
        spec = {"mode": "Advise", "capWatts": CAP_WATTS, "hardware": hardware, "price": price}
        self._apply(self.budget_path(), "PowerBudget", self.budget, spec)
        for name, replicas in (("a", 4), ("b", 0)):
            self.server.apply(self.deployment_path(name), self._deployment(name, replicas, dying), "site-admin")
            pool = {
                "budget": self.budget,
                "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
                "replicas": {"max": 10},
                "hardware": "miner",
                "worth": {"perMWh": "50"},
            }
            path = f"/apis/wattswitch.io/v1alpha1/namespaces/{self.namespace}/miningpools/{name}"
            self._apply(path, "MiningPool", name, pool)
        self.await_pods(4)

    def scale(self, name: str, replicas: int, manager: str) -> None:
        self.server.merge(f"{self.deployment_path(name)}/scale", {"spec": {"replicas": replicas}}, manager)

    def pods(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.server.get(f"/api/v1/namespaces/{self.namespace}/pods")["items"]
        return found

    def await_pods(self, count: int) -> None:
        self._await(lambda: len(self.pods()) == count)

    def await_terminating(self) -> None:
        self._await(lambda: any("deletionTimestamp" in pod["metadata"] for pod in self.pods()))

    def _await(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not is_so():
            assert time.monotonic() < deadline, "waited 30 s in vain"
            time.sleep(0.05)

    def _apply(self, path: str, kind: str, name: str, spec: dict[str, Any]) -> None:
        manifest = {"apiVersion": "wattswitch.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}
        self.server.apply(path, manifest, "site-admin")

    def _deployment(self, name: str, replicas: int, dying: str) -> dict[str, Any]:
        labels = {"app": name}
        annotations = {"hack.wattswitch.io/gone-after": dying}
        pod = {"containers": [{"name": "miner", "image": "miner"}]}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name},
            "spec": {
                "replicas": replicas,
                "strategy": {"type": "Recreate"},
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels, "annotations": annotations}, "spec": pod},
            },
        }


@pytest.fixture(scope="module")
def _shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Give a cluster of these tests' own: the monitor watches every budget that there is."""
    with Cluster(tmp_path_factory.mktemp("monitor")) as started:
        started.add_nodes(racks_for(4))
        yield started


@pytest.fixture
def field(cluster: Cluster, crds: None, namespace: str) -> Iterator[Field]:
    del crds
    field = Field(ApiServer(Access.from_kubeconfig(cluster.kubeconfig)), namespace)
    yield field
    field.server.remove(field.budget_path())
    field.server.close()


@pytest.fixture
def finish(cluster: Cluster, tmp_path: Path) -> Iterator[Callable[[], Finish]]:
    """Give a callable that starts a monitor and returns what ends it with its result."""
    started: list[MonitorProcess] = []

    def start() -> Finish:
        monitor = MonitorProcess(cluster.kubeconfig, tmp_path)
        started.append(monitor)
        monitor.await_ready()
        return monitor.finish

    yield start
    for monitor in started:
        monitor.kill()


def test_a_site_that_rests_at_its_limit_is_fine(field: Field, finish: Callable[[], Finish]) -> None:
    field.set_up("1s")
    result = finish()
    time.sleep(1)
    seen = result()
    assert (seen["violation_seconds"], seen["over_seconds"], seen["peak_watts"]) == (0, 0, CAP_WATTS)
    assert seen["energy_kwh"] > 0


def test_terminating_pods_count_until_they_are_gone(field: Field, finish: Callable[[], Finish]) -> None:
    field.set_up("4s")
    result = finish()
    field.scale("a", 2, OURS)
    field.await_terminating()
    field.scale("b", 2, OURS)
    field.await_pods(6)
    time.sleep(6)
    seen = result()
    assert seen["peak_watts"] == 6000
    assert 3 <= seen["violation_seconds"] <= 6
    assert seen["switches"] == 2
    assert {second["why"] for second in seen["seconds"]} == {"a write of ours raised over the limit"}


def test_waiting_for_them_is_fine(field: Field, finish: Callable[[], Finish]) -> None:
    field.set_up("1s")
    result = finish()
    field.scale("a", 2, OURS)
    field.await_terminating()
    field.await_pods(2)
    field.scale("b", 2, OURS)
    field.await_pods(4)
    seen = result()
    assert (seen["violation_seconds"], seen["over_seconds"], seen["switches"]) == (0, 0, 2)


def test_a_deleted_deployment_counts_until_its_pods_are_gone(field: Field, finish: Callable[[], Finish]) -> None:
    field.set_up("4s")
    result = finish()
    field.server.remove(field.deployment_path("a"))
    field.await_terminating()
    field.scale("b", 4, OURS)
    field.await_pods(8)
    time.sleep(5)
    seen = result()
    assert seen["peak_watts"] == 8000
    assert seen["violation_seconds"] >= 3


def test_a_raise_above_the_limit_is_a_violation(field: Field, finish: Callable[[], Finish]) -> None:
    field.set_up("1s")
    result = finish()
    field.scale("b", 1, OURS)
    field.await_pods(5)
    time.sleep(1)
    seen = result()
    assert seen["violation_seconds"] >= 1
    assert seen["max_over_watts"] == WATTS


def test_a_stranger_taken_back_within_two_seconds_is_not(field: Field, finish: Callable[[], Finish]) -> None:
    field.set_up("1s")
    result = finish()
    field.scale("b", 2, STRANGER)
    field.await_pods(6)
    field.scale("b", 0, OURS)
    field.await_pods(4)
    time.sleep(3)
    seen = result()
    assert seen["violation_seconds"] == 0
    assert seen["over_seconds"] >= 1
    assert (seen["switches"], seen["changes_by_others"]) == (1, 1)


def test_a_cut_that_nobody_answers_is_a_violation(field: Field, finish: Callable[[], Finish], kubectl: Kubectl) -> None:
    field.set_up("1s")
    result = finish()
    began = time.monotonic()
    kubectl("patch", "powerbudget", field.budget, "--type=merge", "-p", '{"spec": {"capWatts": 3000}}')
    time.sleep(4)
    seen = result()
    overdue_seconds = time.monotonic() - began - GRACE_SECONDS
    # One more of the clock's seconds than the time is long: it begins and ends within one.
    assert 1 <= seen["violation_seconds"] <= math.ceil(overdue_seconds) + 1
    assert {second["why"] for second in seen["seconds"]} == {"", "the sizes asked for stayed over the limit"}
