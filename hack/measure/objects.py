"""The measured site: equal targets of which half are worth a fixed amount and half what a feed says."""

import math
from typing import Any

from local.nodes import Rack
from measure.feed import POLL_SECONDS, Numbers

BUDGET = "bench"
NAMESPACE = "bench"
LEASE_NAMESPACE = "wattswitch-system"
WATTS = 3500
FIXED_WORTH = 91
MINERS = "miner"
PODS_PER_NODE = 110
SPARE_NODES = 2

ALL_ON = Numbers(price=40, worth=150)
ALL_OFF = Numbers(price=200, worth=150)
FIXED_ON = Numbers(price=40, worth=30)
FED_ON = Numbers(price=100, worth=150)

Manifest = dict[str, Any]


def names(targets: int) -> list[str]:
    """The names of Deployments and pools."""
    return [f"rack-{index:04}" for index in range(targets)]


def is_fed(name: str) -> bool:
    """Whether the pool of this name is worth what the feed says."""
    return int(name.rsplit("-", 1)[1]) % 2 == 1


def sizes(numbers: Numbers, targets: int, largest: int = 1) -> dict[str, int]:
    """The size that every target should have at these numbers, where watts are plenty."""
    return {
        name: largest if (numbers.worth if is_fed(name) else FIXED_WORTH) > numbers.price else 0
        for name in names(targets)
    }


def racks(pods: int) -> list[Rack]:
    """Nodes for this many pods and a few more."""
    return [Rack(MINERS, math.ceil(pods / PODS_PER_NODE) + SPARE_NODES, pods_per_node=PODS_PER_NODE)]


def namespaces() -> list[Manifest]:
    """The namespace of the site, and that of the operator's Lease."""
    named = {NAMESPACE: {"site": BUDGET}, LEASE_NAMESPACE: {}}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        for name, labels in named.items()
    ]


def deployment(name: str, replicas: int, rack: str = MINERS, gpus: int = 0) -> Manifest:
    """A target on one kind of node: a miner's pods take one to three seconds to die, those with GPUs five to ten."""
    labels = {"app": name, "wattswitch.io/rack": rack}
    limits = {"nvidia.com/gpu": str(gpus)} if gpus else {}
    resources = {"requests": {"cpu": "10m", **limits}} | ({"limits": limits} if limits else {})
    container = {"name": "main", "image": "main", "resources": resources}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "replicas": replicas,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"nodeSelector": {"wattswitch.io/rack": rack}, "containers": [container]},
            },
        },
    }


def pool(name: str, largest: int) -> Manifest:
    """The workload of a target; nothing but price and worth holds it."""
    return {
        "apiVersion": "wattswitch.io/v1alpha1",
        "kind": "MiningPool",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "budget": BUDGET,
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "replicas": {"min": 0, "max": largest},
            "hardware": "s21",
            "worth": {"feed": "worth"} if is_fed(name) else {"perMWh": str(FIXED_WORTH)},
            "switching": {"minRunSeconds": 0, "minOffSeconds": 0, "startSeconds": 0},
        },
    }


def budget(feed_url: str, pods: int) -> Manifest:
    """A budget that carries every pod twice, without ramps."""
    return {
        "apiVersion": "wattswitch.io/v1alpha1",
        "kind": "PowerBudget",
        "metadata": {"name": BUDGET},
        "spec": {
            "mode": "Enforce",
            "capWatts": 2 * WATTS * pods,
            "hardware": [{"name": "s21", "watts": WATTS, "joulesPerTerahash": "17.5", "stopSeconds": 3}],
            "tenants": [{"namespaceSelector": {"matchLabels": {"site": BUDGET}}, "maxPriority": 0}],
            "price": _feed(f"{feed_url}/price"),
            "feeds": [{"name": "worth", **_feed(f"{feed_url}/worth")}],
        },
    }


def _feed(url: str) -> Manifest:
    source = {"name": "bench", "unit": "USDPerMWh", "http": {"url": url, "path": "value", "timePath": "time"}}
    return {"staleAfterSeconds": 60, "pollSeconds": POLL_SECONDS, "sources": [source]}
