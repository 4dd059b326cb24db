"""One budget, one namespace that it admits, and builders of what runs there; every name is the test's own."""

import time
from typing import Any, Final

from integration.operator.fake_feeds import FakeFeeds
from integration.operator.hand import PATIENCE_SECONDS, Hand, Object, path, until
from integration.operator.witness import Witness
from local.cluster import Cluster

MINER: Final = {"name": "miner", "watts": 1000, "joulesPerTerahash": "17.5", "stopSeconds": 1}
H100: Final = {"name": "h100", "watts": 1275, "gpus": 1, "stopSeconds": 1}
AT_ONCE: Final = {"minRunSeconds": 0, "minOffSeconds": 0, "startSeconds": 0}
"""Switching that costs nothing, so that the price of now alone decides."""
API_VERSION: Final = "wattswitch.io/v1alpha1"


class Site:
    """Builds and reads one site. PUE 1, no reserve, no dwell and no switch cost unless a test says otherwise."""

    def __init__(self, cluster: Cluster, hand: Hand, feeds: FakeFeeds, name: str) -> None:
        self.cluster, self.hand, self.feeds = cluster, hand, feeds
        self.name = self.namespace = name
        self._namespaces: list[str] = []
        self.add_namespace(name, site=name)

    def add_namespace(self, name: str, **labels: str) -> str:
        """Create another namespace, to be deleted with the site."""
        metadata = {"name": name, "labels": labels}
        self.hand.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        self._namespaces.append(name)
        return name

    def close(self) -> None:
        """Delete the budget first, so that nothing is moved while the rest goes."""
        self.hand.delete("PowerBudget", "", self.name)
        for namespace in self._namespaces:
            for kind in ("Deployment", "StatefulSet"):
                self.hand.send("DELETE", path(kind, namespace), {"propagationPolicy": "Background"})
            self.hand.send("DELETE", path("Pod", namespace), {"gracePeriodSeconds": 0})
            self.hand.delete("Namespace", "", namespace)

    def feed(self, name: str, value: Any, unit: str, **feed: Any) -> Object:
        """A feed that the fake server answers with `value`; its path is `SITE/name`."""
        where = f"{self.name}/{name}"
        self.feeds.say(where, value)
        source = {
            "name": "fake",
            "unit": unit,
            "http": {"url": self.feeds.url(where), "path": "value", "timePath": "time"},
        }
        return {"pollSeconds": 1, "timeoutSeconds": 1, "sources": [source]} | feed

    def named_feed(self, name: str, value: Any, unit: str, **feed: Any) -> Object:
        """The same as an entry of `feeds`."""
        return {"name": name} | self.feed(name, value, unit, **feed)

    def budget(self, cap_watts: int, price: Any = 40, price_feed: Object | None = None, **spec: Any) -> None:
        """Create the budget; its price comes from the fake server."""
        defaults = {
            "mode": "Enforce",
            "capWatts": cap_watts,
            "hardware": [MINER, H100],
            "tenants": [{"namespaceSelector": {"matchLabels": {"site": self.name}}}],
            "price": self.feed("price", price, "USDPerMWh", **(price_feed or {})),
        }
        body = {"apiVersion": API_VERSION, "kind": "PowerBudget", "metadata": {"name": self.name}}
        self.hand.create({**body, "spec": defaults | spec})

    def deployment(
        self,
        name: str,
        replicas: int = 0,
        gpus: int = 0,
        gone_after: str = "300ms",
        namespace: str = "",
        **spec: Any,
    ) -> None:
        """Create a Deployment whose pods take that long to die."""
        given = {"replicas": replicas, "strategy": {"type": "Recreate"}}
        self._target("Deployment", name, gpus, gone_after, given | spec, namespace)

    def stateful_set(self, name: str, replicas: int = 0, policy: str = "Parallel", **spec: Any) -> None:
        """Create a StatefulSet."""
        given = {"replicas": replicas, "serviceName": name, "podManagementPolicy": policy}
        self._target("StatefulSet", name, 0, "300ms", given | spec)

    def pool(self, name: str, most: int = 10, least: int = 0, namespace: str = "", **spec: Any) -> None:
        """Create a MiningPool over the Deployment of the same name, worth 91 per MWh.

        `target` and `target_kind` name another one.
        """
        given = {"hardware": "miner", "worth": {"perMWh": "91"}, "switching": AT_ONCE}
        self._workload("MiningPool", name, most, least, namespace, given | spec)

    def service(self, name: str, most: int = 8, least: int = 0, namespace: str = "", **spec: Any) -> None:
        """Create an InferenceDeployment over the Deployment of the same name, worth 2.35 per replica and hour."""
        switching = AT_ONCE | {"drainSeconds": 1}
        given = {"hardware": "h100", "worth": {"perReplicaHour": "2.35"}, "switching": switching}
        self._workload("InferenceDeployment", name, most, least, namespace, given | spec)

    def mine(self, name: str, most: int = 10, replicas: int = 0, gone_after: str = "300ms", **spec: Any) -> None:
        """Create a Deployment and the MiningPool over it."""
        self.deployment(name, replicas, gone_after=gone_after)
        self.pool(name, most, **spec)

    def price(self, value: Any) -> None:
        """Set what the price feed says."""
        self.feeds.say(f"{self.name}/price", value)

    def change(self, **spec: Any) -> float:
        """Patch the budget's spec; the time just before it."""
        asked_at = time.time()
        self.hand.patch("PowerBudget", "", self.name, {"spec": spec})
        return asked_at

    def set_size(self, name: str, replicas: int, manager: str) -> None:
        """Scale a Deployment by another hand."""
        self.hand.scale("Deployment", self.namespace, name, replicas, manager)

    def sizes(self, kind: str = "Deployment") -> dict[str, int]:
        """What every target is asked for now."""
        return {
            each["metadata"]["name"]: each["spec"]["replicas"] for each in self.hand.list(kind, self.namespace)["items"]
        }

    def pods(self) -> dict[str, int]:
        """Pods by their target, terminating ones included; targets without any are left out."""
        found: dict[str, int] = {}
        for pod in self.hand.list("Pod", self.namespace)["items"]:
            owner = pod["metadata"]["labels"]["app"]
            found[owner] = found.get(owner, 0) + 1
        return found

    def status(self, kind: str = "PowerBudget", name: str = "", namespace: str = "") -> Object:
        """The status of one object, empty where it has none; of the budget without arguments."""
        within = "" if kind == "PowerBudget" else namespace or self.namespace
        found = self.hand.read(kind, within, name or self.name)
        status: Object = (found or {}).get("status") or {}
        return status

    def version(self, kind: str, name: str) -> str:
        """The resource version of an object."""
        found = self.hand.read(kind, "" if kind == "PowerBudget" else self.namespace, name)
        return str(found["metadata"]["resourceVersion"]) if found else ""

    def shows(
        self, kind: str = "PowerBudget", name: str = "", seconds: float = PATIENCE_SECONDS, **fields: Any
    ) -> None:
        """Wait until the status of an object, of the budget without arguments, has these values."""
        until(lambda: {key: self.status(kind, name).get(key) for key in fields}, fields, seconds)

    def condition(self, type_: str, kind: str = "PowerBudget", name: str = "", namespace: str = "") -> tuple[str, str]:
        """Status and reason of a condition, empty where there is none."""
        for each in self.status(kind, name, namespace).get("conditions", ()):
            if each["type"] == type_:
                return each["status"], each["reason"]
        return "", ""

    def events(self, kind: str, name: str, namespace: str = "") -> list[tuple[str, str, str]]:
        """Type, reason and message of every Event about an object."""
        within = "default" if kind == "PowerBudget" else namespace or self.namespace
        selector = f"involvedObject.kind={kind},involvedObject.name={name}"
        items = self.hand.list("Event", within, fieldSelector=selector)["items"]
        return [(each["type"], each["reason"], each["message"]) for each in items]

    def rolled_out(self, name: str) -> bool:
        """Whether a Deployment's newest template is all that runs, and nothing of it is still dying."""
        found = self.hand.read("Deployment", self.namespace, name) or {}
        spec, status = found["spec"], found.get("status") or {}
        settled = status.get("observedGeneration") == found["metadata"]["generation"]
        sizes = {status.get("replicas", 0), status.get("updatedReplicas", 0), status.get("readyReplicas", 0)}
        return settled and sizes == {spec["replicas"]} and not status.get("terminatingReplicas", 0)

    def becomes(self, seconds: float = PATIENCE_SECONDS, **sizes: int) -> None:
        """Wait until the Deployments are asked for exactly these sizes, and their pods are there and no others."""
        until(self.sizes, sizes, seconds)
        until(self.pods, {name: size for name, size in sizes.items() if size}, seconds)

    def decides_at(self, price: float) -> None:
        """Wait until the budget's status shows this price."""
        self.shows(pricePerMWh=f"{price:.2f}")

    def witness(self, **watts: int) -> Witness:
        """An independent count of this site."""
        return Witness(self.cluster, self.name, self.namespace, watts)

    def _workload(self, kind: str, name: str, most: int, least: int, namespace: str, spec: Object) -> None:
        target_kind, target_name = spec.pop("target_kind", "Deployment"), spec.pop("target", name)
        target = {"apiVersion": "apps/v1", "kind": target_kind, "name": target_name}
        given = {"budget": self.name, "targetRef": target, "replicas": {"min": least, "max": most}} | spec
        metadata = {"name": name, "namespace": namespace or self.namespace, "annotations": given.pop("annotations", {})}
        self.hand.create({"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": given})

    def _target(self, kind: str, name: str, gpus: int, gone_after: str, spec: Object, namespace: str = "") -> None:
        container: Object = {"name": "main", "image": "none"}
        if gpus:
            container["resources"] = {"limits": {"nvidia.com/gpu": gpus}}
        metadata = {"labels": {"app": name}, "annotations": {"hack.wattswitch.io/gone-after": gone_after}}
        pod = {"containers": [container], "nodeSelector": {"wattswitch.io/rack": "gpu" if gpus else "miner"}}
        template = {"metadata": metadata, "spec": pod}
        given = {"selector": {"matchLabels": {"app": name}}, "template": template} | spec
        where = {"name": name, "namespace": namespace or self.namespace}
        self.hand.create({"apiVersion": "apps/v1", "kind": kind, "metadata": where, "spec": given})
