"""What a workload controls, and between which sizes."""

from typing import ClassVar, Literal

from wattswitch.api.base import ApiModel, ObjectName, ReplicaCount, Rule


class TargetRef(ApiModel):
    """A Deployment, or a StatefulSet with podManagementPolicy Parallel, in the same namespace."""

    api_version: Literal["apps/v1"] = "apps/v1"
    """apps/v1."""
    kind: Literal["Deployment", "StatefulSet"]
    """Deployment or StatefulSet."""
    name: ObjectName
    """Name of the target."""


class Replicas(ApiModel):
    """The sizes between which the operator moves the target."""

    rules: ClassVar[tuple[Rule, ...]] = (Rule("self.min <= self.max", "replicas.min must not be above replicas.max"),)

    min: ReplicaCount = 0
    """The floor: kept for any price, and given up only where the limit does not carry it."""
    max: ReplicaCount
    """The most that ever run."""
