"""Where each kind lives on the API server, with every name percent-encoded."""

from dataclasses import dataclass
from urllib.parse import quote

OWN_API_VERSION = "wattswitch.io/v1alpha1"


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind: its API version, its plural, and whether it lives in a namespace."""

    kind: str
    api_version: str
    plural: str
    namespaced: bool = True

    def collection(self, namespace: str | None = None) -> str:
        """Path of all objects of this kind; `namespace` None means in every namespace."""
        root = "/api/" if "/" not in self.api_version else "/apis/"
        inside = f"/namespaces/{_encoded(namespace)}" if self.namespaced and namespace is not None else ""
        return f"{root}{self.api_version}{inside}/{self.plural}"

    def item(self, namespace: str | None, name: str, subresource: str = "") -> str:
        """Path of one object or of one of its subresources (`scale`, `status`)."""
        tail = f"/{subresource}" if subresource else ""
        return f"{self.collection(namespace)}/{_encoded(name)}{tail}"


def _encoded(segment: str) -> str:
    """One path segment; an empty one or a dot would silently name another path."""
    if segment in {"", ".", ".."}:
        msg = f"not a name: {segment!r}"
        raise ValueError(msg)
    return quote(segment, safe="")


_ALL = (
    Resource("Deployment", "apps/v1", "deployments"),
    Resource("StatefulSet", "apps/v1", "statefulsets"),
    Resource("PowerBudget", OWN_API_VERSION, "powerbudgets", namespaced=False),
    Resource("PowerLedger", OWN_API_VERSION, "powerledgers", namespaced=False),
    Resource("MiningPool", OWN_API_VERSION, "miningpools"),
    Resource("InferenceDeployment", OWN_API_VERSION, "inferencedeployments"),
    Resource("CurtailmentEvent", OWN_API_VERSION, "curtailmentevents", namespaced=False),
    Resource("Namespace", "v1", "namespaces", namespaced=False),
    Resource("HorizontalPodAutoscaler", "autoscaling/v2", "horizontalpodautoscalers"),
    Resource("ScaledObject", "keda.sh/v1alpha1", "scaledobjects"),
    Resource("Pod", "v1", "pods"),
    Resource("Lease", "coordination.k8s.io/v1", "leases"),
    Resource("Event", "v1", "events"),
)

RESOURCES: dict[str, Resource] = {resource.kind: resource for resource in _ALL}
"""Every kind that this project reads or writes, by kind."""

BY_PLURAL: dict[str, Resource] = {resource.plural: resource for resource in _ALL}
"""The same, by plural."""


def collection(kind: str, namespace: str | None = None) -> str:
    """Path of all objects of a kind; KeyError for a kind that is not in `RESOURCES`."""
    return RESOURCES[kind].collection(namespace)


def item(kind: str, namespace: str | None, name: str, subresource: str = "") -> str:
    """Path of one object of a kind, or of its subresource."""
    return RESOURCES[kind].item(namespace, name, subresource)
