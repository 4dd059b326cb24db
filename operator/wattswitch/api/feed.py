"""Feeds: where a number comes from, when it is too old, and what happens then."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar, Final

from pydantic import Field

from wattswitch.api.base import ATOMIC, ApiModel, DecimalString, DnsLabel, MetricLabel, Rule, Watts
from wattswitch.api.curve import CurveFeed
from wattswitch.api.source import PRICE_UNITS, STALE_AFTER_POLL, UNIQUE_SOURCE_NAMES, Source, cel_units
from wattswitch.api.units import Quantity


class OnStale(StrEnum):
    """What workloads do that depend on a stale feed; none of them is ever raised."""

    HOLD = "Hold"
    SHED = "Shed"
    ASSUME = "Assume"


class Range(ApiModel):
    """The numbers that are believed; any other counts as stale."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("double(self.min) <= double(self.max)", "range.min must not be above range.max"),
    )

    min: DecimalString
    """The lowest number believed, in base units (per MWh, watts, per PH per day, per GPU hour, per replica hour)."""
    max: DecimalString
    """The highest number believed, in base units."""


class Feed(ApiModel):
    """A number from the first of several sources that is fresh."""

    rules: ClassVar[tuple[Rule, ...]] = (
        UNIQUE_SOURCE_NAMES,
        Rule(
            "has(self.assume) == (self.onStale == 'Assume')",
            "set assume with onStale Assume, and only then",
        ),
        STALE_AFTER_POLL,
    )

    stale_after_seconds: Annotated[int, Field(strict=True, ge=1, le=86_400)] = 900
    """Age of a number, by its source's own time, from which on it is stale."""
    on_stale: OnStale = OnStale.HOLD
    """Hold: keep the last number, lowering allowed. Shed: go to the floors. Assume: the worse of the last number and
    `assume`. Nothing that depends on a stale feed is raised."""
    assume: DecimalString | None = None
    """The number to fear while stale, in base units; with onStale Assume only."""
    poll_seconds: Annotated[int, Field(strict=True, ge=1, le=3_600)] = 15
    """Seconds between two readings."""
    timeout_seconds: Annotated[int, Field(strict=True, ge=1, le=30)] = 3
    """Seconds after which a request is given up."""
    range: Range | None = None
    """The numbers that are believed; all finite ones where left out."""
    sources: Annotated[tuple[Source, ...], Field(min_length=1, max_length=8, json_schema_extra=ATOMIC)]
    """Where to get the number from; the first fresh one counts."""


class PriceFeed(Feed):
    """The price of electricity at the meter."""

    rules: ClassVar[tuple[Rule, ...]] = (PRICE_UNITS,)

    adder_per_mwh: Annotated[DecimalString, Field(alias="adderPerMWh")] = Decimal(0)
    """What every MWh costs on top of the feed, such as grid fees, in the feed's currency."""
    outlook: CurveFeed | None = None
    """The prices that are published ahead, such as those of the day-ahead market; never a stand-in for the price."""


_IN_WATTS: Final = f"self.sources.all(s, s.unit in {cel_units(Quantity.POWER)})"


class Meter(Feed):
    """What the site draws as measured; it can only ever lower what we allow ourselves."""

    rules: ClassVar[tuple[Rule, ...]] = (Rule(_IN_WATTS, "sources of a meter need Watts, Kilowatts or Megawatts"),)

    deadband_watts: Watts = 0
    """By how much measured watts may differ from the books before the limit is corrected."""


class GridLimit(Feed):
    """What the grid lets the site draw now, as a feed; it can only ever lower what the cap allows."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(_IN_WATTS, "sources of a gridLimit need Watts, Kilowatts or Megawatts"),
        Rule(
            "self.onStale == 'Hold'",
            "leave onStale of a gridLimit out: without a fresh number failsafeWatts is what may be drawn",
        ),
    )

    failsafe_watts: Watts
    """What may be drawn, at the meter, while the feed has no fresh number, and until its first one."""


class PerWorkload(ApiModel):
    """One query that serves every workload: the labels that say which series is whose."""

    namespace_label: MetricLabel = "namespace"
    """Label with the workload's namespace."""
    name_label: MetricLabel = "name"
    """Label with the workload's name."""


SIGNAL_QUANTITIES = tuple(quantity for quantity in Quantity if quantity is not Quantity.POWER)
"""What a named feed may carry: all but watts, which only a meter has."""


class NamedFeed(Feed):
    """A number that workloads refer to by name: what running is worth, or how much work waits."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.perWorkload) || self.sources.all(s, has(s.prometheus))",
            "perWorkload needs prometheus in every source: no other source knows workloads",
        ),
        Rule(
            f"[{', '.join(map(cel_units, SIGNAL_QUANTITIES))}].exists(units, self.sources.all(s, s.unit in units))",
            "sources of a feed must all be worth of one form (per MWh, per PH or TH per day, per GPU hour, per"
            " replica hour) or all Count",
        ),
    )

    name: DnsLabel
    """Name that workloads use; unique in the budget."""
    per_workload: PerWorkload | None = None
    """Set where one Prometheus query gives a series for each workload."""
