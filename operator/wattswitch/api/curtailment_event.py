"""CurtailmentEvent: what the grid asks of a site, from when to when; and what a budget remembers of it."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from wattswitch.api.base import (
    ATOMIC,
    ApiModel,
    BookedWatts,
    Column,
    Conditions,
    DecimalText,
    ElapsedSeconds,
    Generation,
    Message,
    Moment,
    ObjectName,
    Percent,
    ReasonWord,
    Resource,
    ResourceNames,
    Rule,
    ShortText,
    Timestamp,
    Watts,
)
from wattswitch.api.source import exactly_one_of
from wattswitch.api.workload import AGE

MAX_DURATION_SECONDS: Final = 31_622_400
"""A leap year; what lasts longer has an open end."""

DurationSeconds = Annotated[
    int, Field(strict=True, ge=1, le=MAX_DURATION_SECONDS, json_schema_extra={"format": "int32"})
]
"""From a second to a leap year."""

ProgramName = Annotated[str, Field(min_length=1, max_length=128)]
"""A program or contract, in the words of who runs it."""

LIMIT_AMOUNT: Final = DecimalText(r"^[0-9]{1,11}(\.[0-9]{1,6})?$", 18, 'watts or a percentage such as "150000"')
LimitAmount = Annotated[Decimal, LIMIT_AMOUNT]
"""Watts or percent, whichever the form of a limit takes; 0 for all."""


def _must_be_true(value: bool) -> bool:  # noqa: FBT001  (a validator)
    if not value:
        raise PydanticCustomError("must_be_true", "must be true or left out")
    return value


Yes = Annotated[bool, Field(strict=True, json_schema_extra={"enum": [True]}), AfterValidator(_must_be_true)]
"""True, for what is said or not said."""


class Urgency(StrEnum):
    """How far an event goes."""

    BEST_EFFORT = "BestEffort"
    FIRM = "Firm"
    EMERGENCY = "Emergency"


class LimitForm(StrEnum):
    """How an event says what may still be drawn: the fields of a limit, of which it has one."""

    TO_WATTS = "toWatts"
    BY_WATTS = "byWatts"
    TO_PERCENT = "toPercent"
    ALL = "all"


class EventLimit(ApiModel):
    """What may still be drawn, in one of four forms."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(exactly_one_of(tuple(LimitForm)), "set exactly one of " + ", ".join(LimitForm)),
    )

    to_watts: Watts | None = None
    """Draw no more than this, at the meter."""
    by_watts: Watts | None = None
    """Draw no more than capWatts less this."""
    to_percent: Percent | None = None
    """Draw no more than this part of capWatts."""
    all: Yes | None = None
    """Draw nothing but overhead.fixedWatts, which are always there."""


class EventSource(ApiModel):
    """Who asks, in their own words: the same reference of a program is one event in the accounts."""

    program: ProgramName
    """The program or contract, such as ers-10."""
    reference: Annotated[str, Field(min_length=1, max_length=128)]
    """The program's own name of the event."""


class CurtailmentEventSpec(ApiModel):
    """From when to when a site may draw how much."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("self.budget == oldSelf.budget", "budget cannot change: delete the object and create it anew"),
    )

    budget: ObjectName
    """Name of the PowerBudget that is curtailed; cannot change."""
    start: Moment | None = None
    """When the limit begins to hold; from the moment the object is made where left out."""
    duration_seconds: DurationSeconds | None = None
    """How long it holds; until it is cancelled where left out."""
    limit: EventLimit
    """What may still be drawn."""
    urgency: Urgency = Urgency.FIRM
    """BestEffort keeps the floors of services, Firm does not; Emergency also skips the approach, the order in which
    workloads give way, and the waves in which they come back."""
    source: EventSource | None = None
    """Who asks for it."""
    cancelled: Annotated[bool, Field(strict=True)] = False
    """Taken back: power comes back as after its end, and the record stays."""


class SkippedWorkload(ApiModel):
    """A workload that gave nothing, or not all that it has."""

    workload: Annotated[str, Field(max_length=512)]
    """Kind, namespace and name of the workload object, as MiningPool/miners/s21."""
    reason: ReasonWord
    """Why, as one CamelCase word."""


class CurtailmentEventStatus(ApiModel):
    """What became of the event: when it held, what it set, and whether the site met it."""

    observed_generation: Generation = 0
    """The metadata.generation that this status is about."""
    conditions: Conditions = ()
    """Accepted, Scheduled, Active, TargetMet, Restored."""
    limit_watts: BookedWatts | None = None
    """What it lets the site draw, at the meter, while it is in force."""
    starts_at: Timestamp | None = None
    """When it begins to hold."""
    started_at: Timestamp | None = None
    """When the operator first had it in force."""
    ends_at: Timestamp | None = None
    """When it ends, or ended; none while its end is open."""
    cancelled_at: Timestamp | None = None
    """When the operator saw it taken back."""
    target_met_at: Timestamp | None = None
    """When what was drawn first was within the limit."""
    target_met_after_seconds: ElapsedSeconds | None = None
    """How long after the start that was; 0 where it was so at the start."""
    restored_at: Timestamp | None = None
    """When it set no limit any more."""
    worst_watts: BookedWatts | None = None
    """The most that was drawn at once after the target was first met, at the meter."""
    shed_kilowatt_hours: ShortText | None = None
    """Energy that was not drawn because of it, in kWh, as 12.3."""
    skipped: Annotated[tuple[SkippedWorkload, ...], Field(max_length=64, json_schema_extra=ATOMIC)] = ()
    """Workloads that gave nothing, or not all that they have, and why."""
    message: Message | None = None
    """Where the event is in its course, or what is wrong with it, in a sentence."""


class EventMemory(ApiModel):
    """An event as the budget remembers it, so that its limit holds although its object is gone."""

    uid: ShortText
    """metadata.uid of the event."""
    name: ObjectName
    """Name of the event."""
    program: Annotated[str, Field(max_length=128)] = ""
    """The program or contract that asked."""
    reference: Annotated[str, Field(max_length=128)] = ""
    """The program's own name of the event."""
    start: Timestamp
    """When the limit begins to hold."""
    end: Timestamp | None = None
    """When it ends by itself; never where left out."""
    cancelled_at: Timestamp | None = None
    """When it was taken back, or its object deleted."""
    form: LimitForm
    """How it says what may still be drawn."""
    value: LimitAmount = Decimal(0)
    """Watts or percent, as the form has it; 0 for all."""
    urgency: Urgency
    """How far it goes."""


class CurtailmentEvent(Resource):
    """What the grid asks of a site: to draw no more than so much for a time."""

    names: ClassVar = ResourceNames(
        plural="curtailmentevents",
        short="curt",
        scope="Cluster",
        columns=(
            Column("Budget", ".spec.budget", description="The budget that is curtailed."),
            Column("Urgency", ".spec.urgency", description="BestEffort, Firm or Emergency."),
            Column("Limit", ".status.limitWatts", type="integer", description="Watts that it lets the site draw."),
            Column("Start", ".status.startsAt", description="When it begins to hold."),
            Column("Ends", ".status.endsAt", description="When it ends; empty while that is open."),
            Column("Active", '.status.conditions[?(@.type=="Active")].status', description="Whether it is in force."),
            Column(
                "Met After",
                ".status.targetMetAfterSeconds",
                type="integer",
                description="Seconds from its start until the site was within the limit.",
            ),
            Column("Shed kWh", ".status.shedKilowattHours", description="Energy not drawn because of it, in kWh."),
            AGE,
        ),
    )

    kind: Literal["CurtailmentEvent"] = "CurtailmentEvent"
    spec: CurtailmentEventSpec
    """What the grid asks for."""
    status: CurtailmentEventStatus = CurtailmentEventStatus()
    """What the operator found and did."""
