"""What the monitor takes from the API server's objects: specs and pods, never a status that the operator wrote."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

WORKLOAD_KINDS = ("MiningPool", "InferenceDeployment")
TARGET_KINDS = ("Deployment", "StatefulSet")

Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod that draws: `done` are those that ended by themselves and draw no more."""

    uid: str
    namespace: str
    created: str
    labels: Mapping[str, str]
    terminating: bool
    done: bool
    ready: bool


@dataclass(frozen=True, slots=True)
class Selector:
    """A label selector with all its requirements."""

    labels: tuple[tuple[str, str], ...]
    expressions: tuple[tuple[str, str, tuple[str, ...]], ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether labels meet every requirement."""
        return all(labels.get(key) == value for key, value in self.labels) and all(
            _meets(labels.get(key), operator, values) for key, operator, values in self.expressions
        )


@dataclass(frozen=True, slots=True)
class Target:
    """A Deployment or StatefulSet: how many pods it asks for, and which managers own that number."""

    uid: str
    kind: str
    namespace: str
    name: str
    created: str
    replicas: int
    selector: Selector
    owners: frozenset[str]


@dataclass(frozen=True, slots=True)
class Workload:
    """A MiningPool or InferenceDeployment: which target draws from which budget, and on what hardware."""

    key: str
    budget: str
    target: tuple[str, str, str]
    hardware: str
    devices: int
    declared_watts: int


@dataclass(frozen=True, slots=True)
class Budget:
    """What a site may draw by its spec, and what its hardware draws."""

    name: str
    cap_watts: int
    reserve_percent: int
    fixed_watts: int
    pue: Fraction
    hardware_watts: Mapping[str, int]

    @property
    def limit_watts(self) -> int:
        """What may be drawn at the meter."""
        return self.cap_watts * (100 - self.reserve_percent) // 100

    def meter_watts(self, pod_watts: int) -> int:
        """Watts at the meter of pods that draw `pod_watts`, rounded up."""
        return self.fixed_watts + -(-self.pue.numerator * pod_watts // self.pue.denominator)


def read_pod(raw: Raw) -> Pod:
    """Take what counts from a pod."""
    metadata, status = raw["metadata"], raw.get("status", {})
    conditions = {entry["type"]: entry["status"] for entry in status.get("conditions") or ()}
    return Pod(
        uid=metadata["uid"],
        namespace=metadata["namespace"],
        created=metadata["creationTimestamp"],
        labels=metadata.get("labels") or {},
        terminating="deletionTimestamp" in metadata,
        done=status.get("phase") in ("Succeeded", "Failed"),
        ready=conditions.get("Ready") == "True",
    )


def read_target(kind: str, raw: Raw) -> Target:
    """Take what counts from a Deployment or StatefulSet."""
    metadata, spec = raw["metadata"], raw["spec"]
    return Target(
        uid=metadata["uid"],
        kind=kind,
        namespace=metadata["namespace"],
        name=metadata["name"],
        created=metadata["creationTimestamp"],
        replicas=int(spec.get("replicas", 1)),
        selector=_selector(spec["selector"]),
        owners=frozenset(_owners_of_replicas(metadata.get("managedFields") or ())),
    )


def read_workload(kind: str, raw: Raw) -> Workload:
    """Take what counts from a workload's spec."""
    metadata, spec = raw["metadata"], raw["spec"]
    reference = spec["targetRef"]
    return Workload(
        key=f"{kind}/{metadata['namespace']}/{metadata['name']}",
        budget=spec["budget"],
        target=(reference["kind"], metadata["namespace"], reference["name"]),
        hardware=spec["hardware"],
        devices=int(spec.get("devicesPerReplica", 1)),
        declared_watts=int(spec.get("wattsPerReplica") or 0),
    )


def read_budget(raw: Raw) -> Budget:
    """Take what counts from a budget's spec."""
    spec = raw["spec"]
    overhead = spec.get("overhead") or {}
    return Budget(
        name=raw["metadata"]["name"],
        cap_watts=int(spec["capWatts"]),
        reserve_percent=int(spec.get("reservePercent", 0)),
        fixed_watts=int(overhead.get("fixedWatts", 0)),
        pue=Fraction(str(overhead.get("pue", "1"))),
        hardware_watts={device["name"]: int(device["watts"]) for device in spec.get("hardware") or ()},
    )


def _selector(raw: Raw) -> Selector:
    expressions = raw.get("matchExpressions") or ()
    return Selector(
        labels=tuple(sorted((raw.get("matchLabels") or {}).items())),
        expressions=tuple((e["key"], e["operator"], tuple(e.get("values") or ())) for e in expressions),
    )


def _meets(value: str | None, operator: str, values: tuple[str, ...]) -> bool:
    if operator == "Exists":
        return value is not None
    if operator == "DoesNotExist":
        return value is None
    return (value in values) == (operator == "In")


def _owners_of_replicas(managed_fields: Sequence[Raw]) -> list[str]:
    """Managers of spec.replicas: a write that changes it takes it away from everybody else."""
    return [entry["manager"] for entry in managed_fields if "f:replicas" in entry.get("fieldsV1", {}).get("f:spec", {})]
