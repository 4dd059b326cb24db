"""InferenceDeployment: model servers that run as many replicas as demand asks for and pays."""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from wattswitch.api.base import (
    ApiModel,
    Column,
    DnsLabel,
    NonNegativeDecimal,
    PositiveDecimal,
    Priority,
    Resource,
    ResourceNames,
    Rule,
    Seconds,
    ShortText,
    Timestamp,
)
from wattswitch.api.workload import AGE, KILOWATTS, REASON, WIDE_BUDGET, Switching, WorkloadSpec, WorkloadStatus

DeadlineSeconds = Annotated[int, Field(strict=True, ge=60, le=604_800, json_schema_extra={"format": "int32"})]
"""From a minute to seven days."""


class ServiceClass(StrEnum):
    """Whether somebody waits for the answer."""

    INTERACTIVE = "Interactive"
    BATCH = "Batch"


class Order(StrEnum):
    """Which of the waiting work is served first."""

    FIRST_IN_FIRST_OUT = "FirstInFirstOut"
    SHORTEST_FIRST = "ShortestFirst"


class InferenceBatch(ApiModel):
    """How work that may wait is served, and how long it may wait."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.deadlineSeconds) || has(self.workPerReplicaHour)",
            "batch.deadlineSeconds needs batch.workPerReplicaHour: how much one replica finishes in an hour",
        ),
    )

    order: Order = Order.FIRST_IN_FIRST_OUT
    """How the site's own queue serves the work; it tells how old the oldest may be, and the simulator serves so."""
    deadline_seconds: DeadlineSeconds | None = None
    """The oldest work is to be done within this time, above the strike too where it must; left out: no deadline."""
    work_per_replica_hour: PositiveDecimal | None = None
    """How much of the waiting count one replica finishes in an hour; needed with a deadline."""


class InferenceDemand(ApiModel):
    """How much work waits, and how much of it one replica serves."""

    feed: DnsLabel
    """Feed of the budget with the work that waits, such as requests in flight or queued."""
    per_replica: PositiveDecimal
    """How much of that one replica serves."""


class InferenceWorth(ApiModel):
    """What serving earns: a named feed or a fixed number."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("has(self.feed) != has(self.perReplicaHour)", "set exactly one of worth.feed and worth.perReplicaHour"),
    )

    feed: DnsLabel | None = None
    """Feed of the budget with money per GPU hour, per replica hour or per MWh."""
    per_replica_hour: NonNegativeDecimal | None = None
    """Money earned by one busy replica in an hour, in the currency of the budget."""


class InferenceSwitching(Switching):
    """How fast and how often replicas may come and go."""

    start_seconds: Seconds = 180
    """From the start of a pod until it serves: time that draws power and earns nothing."""
    drain_seconds: Seconds = 60
    """From the order to stop until a pod is gone: time that draws power."""
    min_run_seconds: Seconds = 300
    """After a raise nothing is lowered for price or falling demand during this time."""
    min_off_seconds: Seconds = 0
    """After a lowering nothing is raised for price or demand during this time."""


class InferenceDeploymentSpec(WorkloadSpec):
    """Replicas of one model server under one target."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("!has(self.batch) || self.serviceClass == 'Batch'", "batch needs serviceClass Batch"),
        Rule(
            "!has(self.batch) || !has(self.batch.deadlineSeconds) || has(self.demand)",
            "batch.deadlineSeconds needs demand: the feed with the work that waits",
        ),
    )

    service_class: ServiceClass = ServiceClass.INTERACTIVE
    """Interactive: starts ahead of the demand that is expected. Batch: the work may wait, nothing is started ahead."""
    batch: InferenceBatch | None = None
    """How the work of serviceClass Batch waits."""
    demand: InferenceDemand | None = None
    """How many replicas are wanted; replicas.max where left out."""
    worth: InferenceWorth
    """What serving earns."""
    switching: InferenceSwitching = InferenceSwitching()
    """How fast and how often to switch."""
    priority: Priority = 100
    """Higher wins, up to the tenant's maxPriority."""


class InferenceDeploymentStatus(WorkloadStatus):
    """What serves now and why not more."""

    granted_text: ShortText | None = None
    """Replicas now of those wanted, as 5/8; in Advise mode with those advised, as 5→8/8."""
    waiting_since: Timestamp | None = None
    """When the oldest work that waits came, or earlier; only with a deadline, and nothing while none waits."""


class InferenceDeployment(Resource):
    """Model servers that the operator runs as demand asks and as the site may draw the power."""

    names: ClassVar = ResourceNames(
        plural="inferencedeployments",
        short="infd",
        scope="Namespaced",
        columns=(
            WIDE_BUDGET,
            Column("Wanted", ".status.wantedReplicas", type="integer", description="Replicas that demand asks for."),
            Column("Granted", ".status.grantedText", description="Replicas now of those wanted."),
            Column("Ready", ".status.readyReplicas", type="integer", description="Pods that are ready."),
            KILOWATTS,
            REASON,
            AGE,
        ),
    )

    kind: Literal["InferenceDeployment"] = "InferenceDeployment"
    spec: InferenceDeploymentSpec
    """What the tenant wants to run."""
    status: InferenceDeploymentStatus = InferenceDeploymentStatus()
    """What the operator found and did."""
