"""The local control plane keeps what every other integration test relies on."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from local import record
from local.cluster import Cluster, Kubectl
from local.nodes import Rack, racks_for
from local.process import ProgramDiedError
from local.prometheus import PrometheusFactory

PATIENCE_SECONDS = 60.0


def test_two_clusters_run_side_by_side_and_stop_leaves_no_process(tmp_path: Path) -> None:
    with Cluster(tmp_path / "one") as one, Cluster(tmp_path / "two", controller_qps=None) as two:
        one.add_nodes([Rack("miner", 1)])
        two.add_nodes([Rack("gpu", 2, gpus_per_node=8)])
        assert one.kubectl("get", "nodes", "-o", "name").split() == ["node/miner-0"]
        assert two.kubectl("get", "nodes", "-o", "name").split() == ["node/gpu-0", "node/gpu-1"]
        directories = (one.directory, two.directory)
        assert all(_processes_of(directory) for directory in directories)
    assert not any(_processes_of(directory) for directory in directories)


def test_pods_become_ready_on_the_rack_they_ask_for(kubectl: Kubectl, namespace: str) -> None:
    _apply(kubectl, namespace, _deployment("llama", rack="gpu", replicas=4, gpus=2))
    kubectl("rollout", "status", "deployment/llama", "-n", namespace, f"--timeout={PATIENCE_SECONDS:.0f}s")
    pods = _pods(kubectl, namespace)
    assert len(pods) == 4
    assert all(pod["spec"]["nodeName"].startswith("gpu-") for pod in pods)


@pytest.mark.parametrize(
    ("rack", "grace_seconds", "shortest_seconds", "longest_seconds"),
    [("miner", 30, 1.0, 3.0), ("gpu", 30, 5.0, 10.0), ("gpu", 1, 5.0, 10.0)],
)
def test_a_dying_pod_stays_and_is_reported_until_its_machine_is_off(
    kubectl: Kubectl,
    namespace: str,
    rack: str,
    grace_seconds: int,
    shortest_seconds: float,
    longest_seconds: float,
) -> None:
    _apply(kubectl, namespace, _deployment("row", rack=rack, replicas=1, grace_seconds=grace_seconds))
    kubectl("rollout", "status", "deployment/row", "-n", namespace, f"--timeout={PATIENCE_SECONDS:.0f}s")
    kubectl("scale", "deployment/row", "-n", namespace, "--replicas=0")
    _until(lambda: _status(kubectl, namespace).get("terminatingReplicas") == 1)
    seen_dying = time.monotonic()
    assert all("deletionTimestamp" in pod["metadata"] for pod in _pods(kubectl, namespace))
    _until(lambda: not _pods(kubectl, namespace))
    lasted_seconds = time.monotonic() - seen_dying
    # Half a second may pass before we see it dying, and a busy machine may be late to remove it.
    assert shortest_seconds - 0.5 <= lasted_seconds <= longest_seconds + 5
    _until(lambda: _status(kubectl, namespace).get("terminatingReplicas") == 0)


def test_a_pod_may_say_how_long_it_takes_to_start_and_to_go(kubectl: Kubectl, namespace: str) -> None:
    times = {"hack.wattswitch.io/ready-after": "2s", "hack.wattswitch.io/gone-after": "1h"}
    _apply(kubectl, namespace, _deployment("slow", rack="miner", replicas=1, annotations=times))
    applied = time.monotonic()
    kubectl("rollout", "status", "deployment/slow", "-n", namespace, f"--timeout={PATIENCE_SECONDS:.0f}s")
    assert time.monotonic() - applied >= 1.5
    kubectl("delete", "deployment/slow", "-n", namespace)
    time.sleep(4)
    assert len(_pods(kubectl, namespace)) == 1
    kubectl("delete", "pods", "--all", "-n", namespace, "--force", "--grace-period=0")
    assert not _pods(kubectl, namespace)


def test_a_service_account_has_the_rights_of_its_role_only(
    cluster: Cluster, kubectl: Kubectl, namespace: str, tmp_path: Path
) -> None:
    kubectl("create", "serviceaccount", "reader", "-n", namespace)
    kubectl("create", "role", "reads-pods", "--verb=list", "--resource=pods", "-n", namespace)
    kubectl(
        *("create", "rolebinding", "reader", "--role=reads-pods"),
        *(f"--serviceaccount={namespace}:reader", "-n", namespace),
    )
    kubeconfig = tmp_path / "reader"
    cluster.write_kubeconfig(kubeconfig, kubectl("create", "token", "reader", "-n", namespace))
    as_reader = (f"--kubeconfig={kubeconfig}", "-n", namespace)
    kubectl("get", "pods", *as_reader)
    with pytest.raises(RuntimeError, match="Forbidden"):
        kubectl("get", "secrets", *as_reader)


def test_a_program_that_dies_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    with Cluster(tmp_path / "cluster") as cluster:
        apiserver = cluster.process("kube-apiserver")
        os.kill(apiserver.pid, signal.SIGKILL)
        _until(lambda: apiserver.exit_code is not None)
        with pytest.raises(ProgramDiedError, match=r"kube-apiserver ended with code -9\n.*\w") as death:
            cluster.check()
        assert apiserver.log_tail() in str(death.value)


def test_the_api_server_comes_back_with_its_objects(tmp_path: Path) -> None:
    with Cluster(tmp_path / "cluster") as cluster:
        cluster.kubectl("create", "namespace", "kept")
        cluster.kubectl("create", "namespace", "gone")
        # Whoever is still starting ends without an API server; once a namespace is deleted all controllers run.
        cluster.kubectl("delete", "namespace", "gone", "--wait=true")
        cluster.kill("kube-apiserver")
        with pytest.raises(RuntimeError, match="refused"):
            cluster.kubectl("get", "namespaces")
        cluster.relaunch("kube-apiserver")
        assert "namespace/kept" in cluster.kubectl("get", "namespaces", "-o", "name").split()
        cluster.check()


def test_a_killed_owner_leaves_no_process(tmp_path: Path) -> None:
    directory = tmp_path / "cluster"
    program = (
        "import pathlib, time; from local.cluster import Cluster; "
        f"Cluster(pathlib.Path({str(directory)!r})).start(); print('up', flush=True); time.sleep(600)"
    )
    owner = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=_environment())
    with owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "up\n"
        assert len(record.running(directory)) == 5
        owner.kill()
    _until(lambda: not _processes_of(directory))


@pytest.mark.usefixtures("crds")
def test_the_projects_own_kinds_are_served(kubectl: Kubectl) -> None:
    served = kubectl("api-resources", "--api-group=wattswitch.io", "-o", "name").split()
    assert "powerbudgets.wattswitch.io" in served
    kubectl("get", "wattswitch", "-A")


def test_nodes_are_divided_into_racks() -> None:
    assert [(rack.name, rack.nodes, rack.gpus_per_node) for rack in racks_for(20)] == [("miner", 5, 0), ("gpu", 15, 8)]


def test_a_prometheus_scrapes_what_its_configuration_names(prometheus_factory: PrometheusFactory) -> None:
    first = prometheus_factory([])
    target = first.url.removeprefix("http://")
    second = prometheus_factory([{"job_name": "first", "static_configs": [{"targets": [target]}]}])

    def is_up() -> bool:
        result = requests.get(f"{second.url}/api/v1/query", {"query": "up"}, timeout=5).json()["data"]["result"]
        return [sample["value"][1] for sample in result] == ["1"]

    _until(is_up)


def _until(is_done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_done():
        assert time.monotonic() < deadline, f"nothing after {PATIENCE_SECONDS:.0f} s"
        time.sleep(0.05)


def _processes_of(directory: Path) -> list[str]:
    """Every process that names the directory on its command line, the guard included."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_text(errors="replace")
        except OSError:
            continue
        if str(directory) in command:
            found.append(command.replace("\0", " "))
    return found


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent.parent / "hack")}


def _apply(kubectl: Kubectl, namespace: str, manifest: dict[str, Any]) -> None:
    kubectl("apply", "-n", namespace, "-f", "-", given=json.dumps(manifest))


def _pods(kubectl: Kubectl, namespace: str) -> list[dict[str, Any]]:
    pods: list[dict[str, Any]] = json.loads(kubectl("get", "pods", "-n", namespace, "-o", "json"))["items"]
    return pods


def _status(kubectl: Kubectl, namespace: str) -> dict[str, Any]:
    status: dict[str, Any] = json.loads(kubectl("get", "deployment/row", "-n", namespace, "-o", "json"))["status"]
    return status


def _deployment(
    name: str,
    *,
    rack: str,
    replicas: int,
    gpus: int = 0,
    grace_seconds: int = 30,
    annotations: dict[str, str] | None = None,
) -> dict[str, Any]:
    limits = {"limits": {"nvidia.com/gpu": gpus}} if gpus else {}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}, "annotations": annotations or {}},
                "spec": {
                    "nodeSelector": {"wattswitch.io/rack": rack},
                    "terminationGracePeriodSeconds": grace_seconds,
                    "containers": [{"name": "main", "image": "example.invalid/none", "resources": limits}],
                },
            },
        },
    }
