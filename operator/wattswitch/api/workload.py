"""What MiningPool and InferenceDeployment have in common."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from wattswitch.api.base import (
    ApiModel,
    Column,
    Conditions,
    DeviceWatts,
    DnsLabel,
    Generation,
    Message,
    ObjectName,
    PodCount,
    Rule,
    Seconds,
    ShortText,
)
from wattswitch.api.target import Replicas, TargetRef


class OnDelete(StrEnum):
    """What happens to the target when its workload object is deleted."""

    KEEP = "Keep"
    STOP = "Stop"
    RESTORE = "Restore"


class Switching(ApiModel):
    """How fast and how often a workload may switch; each kind has defaults of its own."""

    start_seconds: Seconds
    """From the start of a pod until it earns."""
    min_run_seconds: Seconds
    """After a raise nothing is lowered for price during this time."""
    min_off_seconds: Seconds
    """After a lowering nothing is raised for price during this time."""


class WorkloadSpec(ApiModel):
    """What runs where, between which sizes, on which hardware."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("self.budget == oldSelf.budget", "budget cannot change: delete the object and create it anew"),
        Rule("self.targetRef == oldSelf.targetRef", "targetRef cannot change: delete the object and create it anew"),
    )

    budget: ObjectName
    """Name of the PowerBudget to draw from; cannot change."""
    target_ref: TargetRef
    """What to scale, in the same namespace; cannot change."""
    replicas: Replicas
    """The sizes between which the target is moved."""
    hardware: DnsLabel
    """Name of the hardware in the budget, whose nameplate watts count."""
    devices_per_replica: Annotated[int, Field(strict=True, ge=1, le=1024, json_schema_extra={"format": "int32"})] = 1
    """Devices of that hardware in one pod."""
    watts_per_replica: DeviceWatts | None = None
    """Watts of one pod where they are more than nameplate; less has no effect."""
    on_delete: OnDelete = OnDelete.KEEP
    """What happens to the target when this object is deleted. Keep: it stays as it is. Stop: to no replicas. Restore:
    to the replicas it had before, as far as the limit allows."""


class WorkloadStatus(ApiModel):
    """What runs, where that is heading, in Advise mode by advice alone, and what binds it."""

    observed_generation: Generation = 0
    """The metadata.generation that this status is about."""
    conditions: Conditions = ()
    """Ready, Accepted, TargetFound, SignalsFresh, Limited, Paused, ForeignScale."""
    mode: ShortText | None = None
    """Advise or Enforce, as in the budget."""
    target: ShortText | None = None
    """Kind and name of the target, as Deployment/s21."""
    replicas: PodCount | None = None
    """Replicas that the target's spec asks for now."""
    goal_replicas: PodCount | None = None
    """Replicas that the target is heading for."""
    wanted_replicas: PodCount | None = None
    """Replicas that price and demand alone would run."""
    ready_replicas: PodCount | None = None
    """Pods that are ready."""
    committed_pods: PodCount | None = None
    """Pods that count against the limit: asked for, surging and terminating."""
    kilowatts: ShortText | None = None
    """Committed pods in kW, without PUE."""
    strike: ShortText | None = None
    """The price per MWh above which the workload does not pay."""
    reason: ShortText | None = None
    """What binds the size, as one CamelCase word."""
    message: Message | None = None
    """What binds the size, in a sentence."""


BUDGET = Column("Budget", ".spec.budget", description="The budget that the workload draws from.")
WIDE_BUDGET = Column("Budget", ".spec.budget", description="The budget that the workload draws from.", wide=True)
KILOWATTS = Column("kW", ".status.kilowatts", description="Committed pods in kW.")
REASON = Column("Reason", ".status.reason", description="What binds the size.")
AGE = Column("Age", ".metadata.creationTimestamp", type="date")
