"""Nodes that exist in the API only; kwok answers for them."""

import dataclasses
import datetime as dt
import math
import queue
import threading
from collections.abc import Callable
from typing import Any

from local.api import Api

RACK_LABEL = "wattswitch.io/rack"
CONNECTIONS = 4


@dataclasses.dataclass(frozen=True)
class Rack:
    """Equal nodes: the value of their label `wattswitch.io/rack`, how many, and what each offers."""

    name: str
    nodes: int
    gpus_per_node: int = 0
    cpu: str = "128"
    memory: str = "1Ti"
    pods_per_node: int = 110


def racks_for(nodes: int) -> list[Rack]:
    """Divide the nodes: a quarter for miners, the others with 8 GPUs each."""
    miners = math.ceil(nodes / 4)
    return [Rack("miner", miners), Rack("gpu", nodes - miners, gpus_per_node=8)]


def create(connect: Callable[[], Api], racks: list[Rack]) -> None:
    """Create every node of the racks, ready from the start."""
    waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    for rack in racks:
        for index in range(rack.nodes):
            waiting.put(_node(rack, f"{rack.name}-{index}"))
    failures: list[Exception] = []
    workers = [threading.Thread(target=_create_waiting, args=(connect, waiting, failures)) for _ in range(CONNECTIONS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if failures:
        raise failures[0]


def are_usable(api: Api) -> bool:
    """Tell whether the scheduler may use every node: the controller has taken its first taint away."""
    nodes = api.get("/api/v1/nodes")["items"]
    return not any(node["spec"].get("taints") for node in nodes)


def _create_waiting(
    connect: Callable[[], Api], waiting: queue.SimpleQueue[dict[str, Any]], failures: list[Exception]
) -> None:
    try:
        with connect() as api:
            while not failures:
                api.post("/api/v1/nodes", waiting.get_nowait())
    except queue.Empty:
        return
    except Exception as failure:  # noqa: BLE001 - handed to the thread that waits
        failures.append(failure)


def _node(rack: Rack, name: str) -> dict[str, Any]:
    offered = {"cpu": rack.cpu, "memory": rack.memory, "pods": str(rack.pods_per_node)}
    if rack.gpus_per_node:
        offered["nvidia.com/gpu"] = str(rack.gpus_per_node)
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", RACK_LABEL: rack.name}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}},
        "status": {
            "phase": "Running",
            "capacity": offered,
            "allocatable": offered,
            "conditions": [_ready_condition()],
            "nodeInfo": dict.fromkeys(NODE_INFO, "") | {"kubeletVersion": "fake", "operatingSystem": "linux"},
        },
    }


NODE_INFO = (
    *("architecture", "bootID", "containerRuntimeVersion", "kernelVersion", "kubeProxyVersion"),
    *("kubeletVersion", "machineID", "operatingSystem", "osImage", "systemUUID"),
)


def _ready_condition() -> dict[str, str]:
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "type": "Ready",
        "status": "True",
        "reason": "KubeletReady",
        "message": "kwok answers for this node",
        "lastHeartbeatTime": now,
        "lastTransitionTime": now,
    }
