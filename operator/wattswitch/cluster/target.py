"""Reads a Deployment or StatefulSet: what it asks for, what runs, what a rollout may add, what one pod takes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

GPU_RESOURCE = "nvidia.com/gpu"

DEFAULT_SURGE_PERCENT = 25
"""What apps/v1 puts in for a RollingUpdate that names no maxSurge."""

DEFAULT_GRACE_SECONDS = 30
"""What a pod has to stop in where its template names no terminationGracePeriodSeconds."""


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """One target as the API server last showed it.

    `resource_version` is the version of the object that was read. `terminating_replicas` is None where the field is
    not served. `rolled_out` says that, as far as the status tells, every pod is of the current template. Surge is
    `surge_pods` or `surge_percent`, never both. `grace_seconds` is how long a pod has to stop. `replicas_manager`
    names who last wrote the size: for display only, as the server forgets it for a size that passed through 0.
    `parallel` is False for a StatefulSet that starts one pod after the other.
    """

    uid: str
    kind: str
    namespace: str
    name: str
    resource_version: int
    generation: int
    observed_generation: int
    spec_replicas: int
    status_replicas: int
    ready_replicas: int
    terminating_replicas: int | None
    rolled_out: bool
    surge_pods: int
    surge_percent: int
    gpus_per_pod: int
    grace_seconds: int
    selector: str
    replicas_manager: str
    parallel: bool


def target_facts(obj: Mapping[str, Any]) -> TargetFacts:
    """Facts of a raw or trimmed Deployment or StatefulSet (apps/v1)."""
    metadata, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    surge_pods, surge_percent = _surge(obj["kind"], spec)
    pod_spec = (spec.get("template") or {}).get("spec") or {}
    return TargetFacts(
        uid=metadata["uid"],
        kind=obj["kind"],
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
        resource_version=int(metadata.get("resourceVersion") or 0),
        generation=metadata.get("generation", 0),
        observed_generation=status.get("observedGeneration", 0),
        spec_replicas=spec.get("replicas", 1),
        status_replicas=status.get("replicas", 0),
        ready_replicas=status.get("readyReplicas", 0),
        terminating_replicas=status.get("terminatingReplicas"),
        rolled_out=_rolled_out(metadata, status),
        surge_pods=surge_pods,
        surge_percent=surge_percent,
        gpus_per_pod=gpus_per_pod(pod_spec),
        grace_seconds=grace_seconds(pod_spec),
        selector=selector_text(spec.get("selector") or {}),
        replicas_manager=last_writer(metadata.get("managedFields") or ()),
        parallel=obj["kind"] != "StatefulSet" or spec.get("podManagementPolicy") == "Parallel",
    )


def _rolled_out(metadata: Mapping[str, Any], status: Mapping[str, Any]) -> bool:
    current = status.get("observedGeneration", 0) >= metadata.get("generation", 0)
    updated = status.get("updatedReplicas", 0) == status.get("replicas", 0)
    return current and updated and not status.get("terminatingReplicas")


def _surge(kind: str, spec: Mapping[str, Any]) -> tuple[int, int]:
    """Pods, percent. Recreate and StatefulSets never run more pods than they ask for."""
    strategy = spec.get("strategy") or {}
    if kind != "Deployment" or strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return 0, 0
    surge = (strategy.get("rollingUpdate") or {}).get("maxSurge")
    if surge is None:
        return 0, DEFAULT_SURGE_PERCENT
    if isinstance(surge, str) and surge.endswith("%"):
        return 0, int(surge.removesuffix("%"))
    return int(surge), 0


def gpus_per_pod(pod_spec: Mapping[str, Any]) -> int:
    """GPUs that one pod holds: the limits of its containers and of its native sidecars."""
    sidecars = (each for each in pod_spec.get("initContainers") or () if each.get("restartPolicy") == "Always")
    return sum(_gpus(container) for container in (*(pod_spec.get("containers") or ()), *sidecars))


def _gpus(container: Mapping[str, Any]) -> int:
    quantity = ((container.get("resources") or {}).get("limits") or {}).get(GPU_RESOURCE, 0)
    try:
        return int(Decimal(str(quantity)))
    except InvalidOperation:
        return 0  # a suffix means a thousand GPUs in one pod or less than one: no machine has either


def grace_seconds(pod_spec: Mapping[str, Any]) -> int:
    """How long one pod has to stop once it was told to."""
    named = pod_spec.get("terminationGracePeriodSeconds")
    return DEFAULT_GRACE_SECONDS if named is None else int(named)


def selector_text(selector: Mapping[str, Any]) -> str:
    """A label selector object in the form that list calls take, in a fixed order."""
    labels = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    return ",".join([*labels, *sorted(_requirement(each) for each in selector.get("matchExpressions") or ())])


def _requirement(expression: Mapping[str, Any]) -> str:
    key, values = expression["key"], ",".join(sorted(expression.get("values") or ()))
    match expression["operator"]:
        case "In":
            return f"{key} in ({values})"
        case "NotIn":
            return f"{key} notin ({values})"
        case "Exists":
            return str(key)
        case _:
            return f"!{key}"


def last_writer(managed_fields: Iterable[Mapping[str, Any]]) -> str:
    """Who last wrote the size, empty where the server does not say.

    The entry of the scale subresource carries no time and takes the field over from all others, so it wins.
    """
    writers = [entry for entry in managed_fields if "f:replicas" in (_fields(entry).get("f:spec") or {})]
    if not writers:
        return ""
    latest = max(writers, key=lambda entry: (entry.get("subresource") == "scale", entry.get("time") or ""))
    return str(latest.get("manager", ""))


def _fields(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    return entry.get("fieldsV1") or {}
