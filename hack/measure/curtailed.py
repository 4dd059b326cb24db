"""The site that the grid curtails: a few pools of many miners, and services that outrank them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.nodes import Rack
from measure import objects
from measure.bed import APPS, BUDGETS, NAMESPACES, POOLS, SERVICES, Plot
from measure.objects import BUDGET, NAMESPACE, WATTS, Manifest

POOL_PODS = 50
SERVICE_PODS = 10
SERVICE_WATTS = 1650
GPU_RACK = "gpu"
GPUS_PER_NODE = 8
PRIORITY = 100
WORTH_PER_REPLICA_HOUR = "2.5"


@dataclass(frozen=True)
class Curtailed:
    """How many pods of each kind there are while nothing limits the site."""

    miners: int
    services: int

    @property
    def pools(self) -> dict[str, int]:
        """The size of each target of miners."""
        return _shares("rack", self.miners, POOL_PODS)

    @property
    def sizes(self) -> dict[str, int]:
        """The size of each target."""
        return self.pools | _shares("chat", self.services, SERVICE_PODS)

    @property
    def watts(self) -> dict[str, int]:
        """What one pod of each target draws."""
        return {name: WATTS if name in self.pools else SERVICE_WATTS for name in self.sizes}

    @property
    def drawn_watts(self) -> int:
        """What all of them draw together."""
        return self.miners * WATTS + self.services_watts

    @property
    def services_watts(self) -> int:
        """What the services draw of that."""
        return self.services * SERVICE_WATTS

    def plot(self) -> Plot:
        """The site, everything on."""
        gpu_nodes = math.ceil(self.services / GPUS_PER_NODE) + objects.SPARE_NODES
        racks = [*objects.racks(self.miners), Rack(GPU_RACK, gpu_nodes, gpus_per_node=GPUS_PER_NODE)]
        return Plot(self.miners + self.services, racks, self.sizes, self._manifests)

    def _manifests(self, feed_url: str) -> Mapping[str, list[Manifest]]:
        pools, services = self.pools, {name: size for name, size in self.sizes.items() if name not in self.pools}
        targets = [objects.deployment(name, size) for name, size in pools.items()]
        targets += [objects.deployment(name, size, GPU_RACK, gpus=1) for name, size in services.items()]
        return {
            NAMESPACES: objects.namespaces(),
            BUDGETS: [self.budget(feed_url)],
            APPS: targets,
            POOLS: [objects.pool(name, size) for name, size in pools.items()],
            SERVICES: [service(name, size) for name, size in services.items()],
        }

    def budget(self, feed_url: str) -> Manifest:
        """A budget that carries everything; power comes back at once when an event is over."""
        plain = objects.budget(feed_url, self.miners + self.services)
        gpus = {"name": "h100", "watts": SERVICE_WATTS, "gpus": 1, "gpuGroup": "hopper", "stopSeconds": 10}
        changed: dict[str, Any] = {
            "hardware": [*plain["spec"]["hardware"], gpus],
            "gpuGroups": [{"name": "hopper", "gpus": self.services}],
            "tenants": [{**tenant, "maxPriority": PRIORITY} for tenant in plain["spec"]["tenants"]],
            "curtailment": {"cooldownSeconds": 0},
        }
        return {**plain, "spec": plain["spec"] | changed}


def service(name: str, size: int) -> Manifest:
    """A workload that wants all of its replicas always."""
    return {
        "apiVersion": "wattswitch.io/v1alpha1",
        "kind": "InferenceDeployment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "budget": BUDGET,
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "replicas": {"min": 0, "max": size},
            "hardware": "h100",
            "worth": {"perReplicaHour": WORTH_PER_REPLICA_HOUR},
            "switching": {"startSeconds": 0, "minRunSeconds": 0, "minOffSeconds": 0},
            "priority": PRIORITY,
        },
    }


def event(name: str, urgency: str, to_watts: int) -> Manifest:
    """What the grid asks for from now on, until it is cancelled."""
    return {
        "apiVersion": "wattswitch.io/v1alpha1",
        "kind": "CurtailmentEvent",
        "metadata": {"name": name},
        "spec": {"budget": BUDGET, "urgency": urgency, "limit": {"toWatts": to_watts}},
    }


def _shares(prefix: str, pods: int, each: int) -> dict[str, int]:
    """Targets of `each` pods, the last one of what is left."""
    return {f"{prefix}-{index:04}": min(each, pods - index * each) for index in range(math.ceil(pods / each))}
