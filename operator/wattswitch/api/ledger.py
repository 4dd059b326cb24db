"""The books of the targets, which outlive the process and the workload objects; PowerLedger where they are many."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from wattswitch.api.base import (
    ATOMIC,
    GROUP,
    ApiModel,
    BookedWatts,
    GpuCount,
    ObjectName,
    PodCount,
    Resource,
    ResourceNames,
    Rule,
    Seconds,
    ShortText,
    Timestamp,
)
from wattswitch.api.workload import AGE, BUDGET, OnDelete

MAX_BOOKS = 40
"""Targets in one object: about 10 kB, so that each write stays cheap for etcd."""

BUDGET_UID_LABEL = f"{GROUP}/budget-uid"
"""On a PowerLedger: metadata.uid of the budget that owns it, and with which it goes."""


class TargetBook(ApiModel):
    """What is to be known of one target after everything else about it is gone."""

    uid: ShortText
    """metadata.uid of the target."""
    namespace: ShortText
    """Namespace of the target."""
    kind: Literal["Deployment", "StatefulSet"]
    """Kind of the target."""
    name: ObjectName
    """Name of the target."""
    workload: Annotated[str, Field(max_length=512)]
    """Kind, namespace and name of the workload object, as MiningPool/miners/s21."""
    selector: Annotated[str, Field(max_length=2048)] = ""
    """Label selector of the target's pods."""
    watts: BookedWatts
    """Watts of one pod, without PUE."""
    gpus: GpuCount = 0
    """GPUs of one pod."""
    gpu_group: ShortText = ""
    """Group that these GPUs belong to; empty where they are not shared."""
    stop_seconds: Seconds = 0
    """How long a pod that vanished without being seen to terminate still counts."""
    replicas: PodCount
    """The size last asked for."""
    largest: PodCount
    """The most pods, dying ones included, that there may be until a newer status accounts for them."""
    original_replicas: PodCount
    """The size before the operator took over."""
    on_delete: OnDelete = OnDelete.KEEP
    """What happens to the target when its workload object is deleted."""
    raised_at: Timestamp | None = None
    """When the operator last raised it."""
    lowered_at: Timestamp | None = None
    """When the operator last lowered it."""


Books = Annotated[tuple[TargetBook, ...], Field(max_length=MAX_BOOKS, json_schema_extra=ATOMIC)]
"""The books of some targets."""


class PowerLedgerSpec(ApiModel):
    """Whose books these are."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("self.budget == oldSelf.budget", "budget cannot change: the books belong to it"),
    )

    budget: ObjectName
    """Name of the PowerBudget; cannot change."""


class PowerLedgerStatus(ApiModel):
    """The books."""

    targets: Books = ()
    """The books of the targets that did not fit into the budget's own status."""


class PowerLedger(Resource):
    """Books of a PowerBudget with many targets. The operator writes it; nobody else needs to."""

    names: ClassVar = ResourceNames(
        plural="powerledgers", short="pwl", scope="Cluster", columns=(BUDGET, AGE), categories=()
    )

    kind: Literal["PowerLedger"] = "PowerLedger"
    spec: PowerLedgerSpec
    """Whose books these are."""
    status: PowerLedgerStatus = PowerLedgerStatus()
    """The books."""
