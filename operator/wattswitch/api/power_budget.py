"""PowerBudget: what a site may draw, what its hardware draws, and what the power costs."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from wattswitch.api.base import (
    ATOMIC,
    BY_NAME,
    ApiModel,
    BookedWatts,
    Column,
    Conditions,
    DeviceWatts,
    DnsLabel,
    ElapsedSeconds,
    Generation,
    GpuCount,
    Message,
    ObjectName,
    PositiveDecimal,
    Priority,
    Pue,
    ReasonWord,
    Resource,
    ResourceNames,
    Rule,
    Seconds,
    ShortText,
    Timestamp,
    Watts,
)
from wattswitch.api.commitment import CoincidentPeak, Commitment
from wattswitch.api.curtailment_event import EventMemory
from wattswitch.api.feed import GridLimit, Meter, NamedFeed, PriceFeed
from wattswitch.api.ledger import Books
from wattswitch.api.selector import LabelSelector
from wattswitch.api.source import cel_list
from wattswitch.api.units import CURRENCIES, Unit
from wattswitch.api.workload import AGE


class Mode(StrEnum):
    """Whether the operator acts."""

    ADVISE = "Advise"
    ENFORCE = "Enforce"


class Overhead(ApiModel):
    """What the site draws besides its pods."""

    fixed_watts: Watts = 0
    """Watts at the meter that are always there, such as switches and lights; outside PUE."""
    pue: Pue = Decimal(1)
    """Watts at the meter per watt of the pods: cooling and losses, 1 to 3."""


class Hardware(ApiModel):
    """A device model and its nameplate."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("!has(self.gpuGroup) || self.gpus > 0", "hardware in a gpuGroup needs gpus of at least 1"),
    )

    name: DnsLabel
    """Name that workloads use; unique in the budget."""
    watts: DeviceWatts
    """Watts of one device under full load."""
    joules_per_terahash: PositiveDecimal | None = None
    """Efficiency of a miner; needed where its worth is a hashprice."""
    gpus: GpuCount = 0
    """GPUs in one device; needed where its worth is per GPU hour."""
    gpu_group: DnsLabel | None = None
    """The gpuGroup that these GPUs are taken from, where several workloads share them."""
    stop_seconds: Seconds = 5
    """How long a pod that vanished without being seen to terminate may still draw."""


class GpuGroup(ApiModel):
    """GPUs that several workloads share."""

    name: DnsLabel
    """Name that hardware refers to; unique in the budget."""
    gpus: GpuCount
    """GPUs that are there."""


class Tenant(ApiModel):
    """Namespaces whose workloads may draw from the budget."""

    namespace_selector: LabelSelector
    """Labels of the namespaces; an empty selector admits every namespace."""
    max_priority: Priority = 100
    """The highest priority that their workloads may have."""


class Curtailment(ApiModel):
    """How power comes back after an event that the grid asked for."""

    cooldown_seconds: Annotated[int, Field(strict=True, ge=0, le=86_400, json_schema_extra={"format": "int32"})] = 300
    """How long the limit of an event stays after its end."""
    wave_watts: Watts = 0
    """By how much the limit then rises at once, at the meter; 0 is all at once."""
    wave_seconds: Annotated[int, Field(strict=True, ge=1, le=86_400, json_schema_extra={"format": "int32"})] = 60
    """From one such rise to the next."""


def _one_currency() -> str:
    groups = (cel_list(tuple(u for u in Unit if u.currency in (currency, None))) for currency in CURRENCIES)
    return (
        f"[{', '.join(groups)}].exists(units, self.price.sources.all(s, s.unit in units)"
        " && (!has(self.price.outlook) || self.price.outlook.sources.all(s, s.unit in units))"
        " && (!has(self.feeds) || self.feeds.all(f, f.sources.all(s, s.unit in units))))"
    )


class PowerBudgetSpec(ApiModel):
    """What the admin of a site allows and knows."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.overhead.fixedWatts * 100 <= self.capWatts * (100 - self.reservePercent)",
            "overhead.fixedWatts must not be above capWatts less reservePercent",
        ),
        Rule(
            "!has(self.hardware) || self.hardware.all(h, !has(h.gpuGroup)"
            " || (has(self.gpuGroups) && self.gpuGroups.exists(g, g.name == h.gpuGroup)))",
            "every gpuGroup that hardware names must be in gpuGroups",
        ),
        Rule(_one_currency(), "price, outlook and feeds must all be in one currency: none is ever converted"),
        Rule(
            "!has(self.gridLimit) || self.gridLimit.failsafeWatts <= self.capWatts",
            "gridLimit.failsafeWatts must not be above capWatts",
        ),
        Rule(
            "!has(self.coincidentPeaks) || self.coincidentPeaks.all(p, !has(p.signal)"
            " || (has(self.feeds) && self.feeds.exists(f, f.name == p.signal.feed && !has(f.perWorkload))))",
            "every signal.feed of coincidentPeaks must be in feeds, without perWorkload",
        ),
    )

    parent: ObjectName | None = None
    """Name of the PowerBudget that this one draws through, such as a feeder's; none of its own where left out."""
    mode: Mode
    """Advise: decide and report, write to no target. Enforce: act."""
    cap_watts: Watts
    """The most that the site may draw, at the meter."""
    reserve_percent: Annotated[int, Field(strict=True, ge=0, le=50, json_schema_extra={"format": "int32"})] = 0
    """Part of the cap that stays unused, in percent."""
    overhead: Overhead = Overhead()
    """What the site draws besides its pods."""
    ramp_up_watts_per_minute: Watts = 0
    """The fastest that power may rise for economic reasons; 0 is no bound."""
    ramp_down_watts_per_minute: Watts = 0
    """The fastest that power may fall for economic reasons; 0 is no bound. A limit in force is met at once."""
    hardware: Annotated[tuple[Hardware, ...], Field(max_length=64, json_schema_extra=BY_NAME)] = ()
    """Device models at the site; workloads may only ever declare more watts than these."""
    gpu_groups: Annotated[tuple[GpuGroup, ...], Field(max_length=16, json_schema_extra=BY_NAME)] = ()
    """GPUs that several workloads share; left out where none are."""
    tenants: Annotated[tuple[Tenant, ...], Field(max_length=64, json_schema_extra=ATOMIC)] = ()
    """Who may draw from this budget; nobody where left out."""
    price: PriceFeed
    """The price of electricity."""
    meter: Meter | None = None
    """What the site draws as measured; the books alone count where left out."""
    feeds: Annotated[tuple[NamedFeed, ...], Field(max_length=16, json_schema_extra=BY_NAME)] = ()
    """Numbers that workloads refer to by name."""
    grid_limit: GridLimit | None = None
    """What the grid lets the site draw now; capWatts and the events alone count where left out."""
    curtailment: Curtailment = Curtailment()
    """How power comes back after an event."""
    commitments: Annotated[tuple[Commitment, ...], Field(max_length=16, json_schema_extra=BY_NAME)] = ()
    """What the site has promised to give back; whether it could do so now is told in status and metrics."""
    coincident_peaks: Annotated[tuple[CoincidentPeak, ...], Field(max_length=8, json_schema_extra=BY_NAME)] = ()
    """Peaks of the grid that the site is charged by."""


class LastReading(ApiModel):
    """The last good number of a feed."""

    feed: ShortText
    """Name of the feed, or price, meter or gridLimit."""
    key: Annotated[str, Field(max_length=512)] = ""
    """Namespace and name of the workload, where the feed has a number for each."""
    value: Annotated[str, Field(max_length=32)]
    """The number, in base units."""
    at: Timestamp
    """The source's own time of the number."""


class Span(ApiModel):
    """Hours for which the same is intended."""

    start: Timestamp
    """The start of the first hour; the span ends where the next one starts."""
    watts: BookedWatts
    """Watts at the meter, rounded: what is expected, not what is promised."""
    mode: ReasonWord
    """Full: all that is wanted and fits. Part: some of it. Floor: what price cannot take, and no more."""


class OutlookStatus(ApiModel):
    """The next 24 hours as they look now; told anew where the price, the curve or the site is new."""

    summary: Message = ""
    """The hours in a line: "Full to 17:00Z, Floor to 20:00Z, Full to 14:00Z"."""
    basis: ReasonWord
    """Curve: prices that are published. Learned: what prices were like so far. LastPrice: the price of now, and what
    switching costs."""
    curve_source: ShortText | None = None
    """Name of the source that the curve came from."""
    curve_until: Timestamp | None = None
    """The end of the published prices."""
    spread_per_mwh: Annotated[ShortText | None, Field(alias="spreadPerMWh")] = None
    """How far apart a low and a high price one hour ahead are, per MWh; eight in ten are between them."""
    spans: Annotated[tuple[Span, ...], Field(max_length=24, json_schema_extra=ATOMIC)] = ()
    """What is intended, in order of time."""
    until: Timestamp | None = None
    """The end of the last span."""


MEMORY_LENGTH: Final = 16_384
"""The most that is written down of what was learned; it takes about 3 kB."""


class PriceMemory(ApiModel):
    """What was learned of the price, for the next process."""

    currency: ReasonWord
    """The money that the prices are in."""
    learned: Annotated[str, Field(max_length=MEMORY_LENGTH)]
    """The model, for the operator alone. Losing it costs some days of learning and nothing else."""


class PowerBudgetStatus(ApiModel):
    """What the site may draw now, what is committed, what that is heading for, and the books."""

    observed_generation: Generation = 0
    """The metadata.generation that this status is about."""
    conditions: Conditions = ()
    """Ready, WithinLimit, PriceFresh, OutlookFresh, MeterFresh, GridLimitFresh, CommitmentsMet, Curtailed,
    Infeasible."""
    limit_watts: BookedWatts | None = None
    """What may be drawn now, at the meter: the cap or what the grid lets us, less reserve and correction."""
    committed_watts: BookedWatts | None = None
    """What everything in the books may draw together, at the meter."""
    planned_watts: BookedWatts | None = None
    """What it would be when every target has arrived where it is heading, or in Advise mode where it is advised to."""
    measured_watts: BookedWatts | None = None
    """The last good reading of the meter."""
    correction_watts: BookedWatts | None = None
    """What the limit is lowered by because the meter showed more than the books."""
    shed_seconds: ElapsedSeconds | None = None
    """How long it takes at worst until all that can be told to stop is gone."""
    price_per_mwh: Annotated[ShortText | None, Field(alias="pricePerMWh")] = None
    """The price with adder, per MWh."""
    price_source: ShortText | None = None
    """Name of the source that the price came from."""
    outlook: OutlookStatus | None = None
    """What is intended for the next hours."""
    price_model: PriceMemory | None = None
    """What was learned of the price."""
    within: ShortText | None = None
    """True, or by how much committed watts are above the limit."""
    message: Message | None = None
    """What is wrong, if anything."""
    targets: Books = ()
    """The books of the targets."""
    events: Annotated[tuple[EventMemory, ...], Field(max_length=64, json_schema_extra=ATOMIC)] = ()
    """Events that still set a limit, although their objects may be gone."""
    readings: Annotated[tuple[LastReading, ...], Field(max_length=256, json_schema_extra=ATOMIC)] = ()
    """The last good readings of the feeds."""


class PowerBudget(Resource):
    """The power that a site may draw. Workloads in admitted namespaces share it."""

    names: ClassVar = ResourceNames(
        plural="powerbudgets",
        short="pwb",
        scope="Cluster",
        columns=(
            Column("Mode", ".spec.mode", description="Advise or Enforce."),
            Column("Limit", ".status.limitWatts", type="integer", description="Watts that may be drawn now."),
            Column("Committed", ".status.committedWatts", type="integer", description="Watts in the books."),
            Column("Planned", ".status.plannedWatts", type="integer", description="Watts that it is heading for."),
            Column("Price", ".status.pricePerMWh", description="Price per MWh with adder."),
            Column("Within", ".status.within", description="Whether the books are within the limit."),
            Column("Ready", '.status.conditions[?(@.type=="Ready")].status', description="Whether everything works."),
            AGE,
        ),
    )

    kind: Literal["PowerBudget"] = "PowerBudget"
    spec: PowerBudgetSpec
    """What the admin of the site allows and knows."""
    status: PowerBudgetStatus = PowerBudgetStatus()
    """What the operator found and did."""
