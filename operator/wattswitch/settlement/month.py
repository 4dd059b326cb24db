"""What a month came to: energy, cost, credits, and the all-in price of a kWh, which may be below zero.

Sums are those of the meter where there is one: what the meter says beyond the model is a line of its own, so that the
lines always add up to the site.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from wattswitch.settlement.calendars import Calendar
from wattswitch.settlement.coincident_peaks import PeakRule, WindowDemand, window_demand
from wattswitch.settlement.intervals import SITE, Interval, Load, Quality, starts_within
from wattswitch.settlement.statement import EventStatement, Terms

UNMODELLED: Final = "unmodelled"
"""What the meter saw beyond the model; below zero where it saw less."""

_KWH_PER_MWH = 1000.0
_CENTS = 100.0


class CreditKind(StrEnum):
    """Where money came from: power sold back or not taken, or demand response."""

    POWER = "power"
    DEMAND_RESPONSE = "demand response"


@dataclass(frozen=True, slots=True)
class Credit:
    """Money that came in; below zero for a penalty."""

    kind: CreditKind
    label: str
    amount: float


@dataclass(frozen=True, slots=True)
class EnergyLine:
    """One workload, `fixed`, `overhead` or `unmodelled` over the month. `cost` is of the intervals with a price."""

    workload: str
    kwh: float
    cost: float
    revenue: float = 0.0


@dataclass(frozen=True, slots=True)
class MonthStatement:
    """A month in numbers; sums are of what is known.

    `unpriced_kwh` were drawn while no price was known. `ok`, `estimated` and `missing` count intervals, those that
    were never recorded among the missing. `carbon_kg` is None without a carbon series; `carbon_unknown_kwh` is what
    it does not cover. `power_credits` and `demand_response_credits` are the sums of `credits`.
    """

    year: int
    month: int
    start: float
    end: float
    lines: tuple[EnergyLine, ...]
    kwh: float
    cost: float
    revenue: float
    unpriced_kwh: float
    credits: tuple[Credit, ...]
    events: tuple[EventStatement, ...]
    peaks: tuple[WindowDemand, ...]
    ok: int
    estimated: int
    missing: int
    carbon_kg: float | None
    carbon_unknown_kwh: float

    @property
    def power_credits(self) -> float:
        """Credits for power that was not taken."""
        return sum(credit.amount for credit in self.credits if credit.kind is CreditKind.POWER)

    @property
    def demand_response_credits(self) -> float:
        """Credits of programmes."""
        return sum(credit.amount for credit in self.credits if credit.kind is CreditKind.DEMAND_RESPONSE)

    @property
    def all_in_cents_per_kwh(self) -> float | None:
        """Hundredths of the currency: (cost - credits) / kWh, below zero where the credits were more.

        The cost is spread over the energy that has a price, the credits over all of it. None without either.
        """
        if self.priced_kwh <= 0 or self.kwh <= 0:
            return None
        return _CENTS * (self.cost / self.priced_kwh - sum(credit.amount for credit in self.credits) / self.kwh)

    @property
    def priced_kwh(self) -> float:
        """Energy whose cost is known."""
        return self.kwh - self.unpriced_kwh

    @property
    def net(self) -> float:
        """Revenue and credits less the cost of energy."""
        return self.revenue + self.power_credits + self.demand_response_credits - self.cost


def month_statement(
    year: int,
    month: int,
    rows: Iterable[Interval],
    *,
    calendar: Calendar,
    seconds: int,
    until: float | None = None,
    events: Iterable[EventStatement] = (),
    credited: Iterable[Credit] = (),
    peak_rules: Iterable[PeakRule] = (),
    carbon_kg_per_mwh: Mapping[int, float] | None = None,
) -> MonthStatement:
    """The month of the calendar's zone, as far as `until`; an interval or an event belongs to it that starts in it.

    `carbon_kg_per_mwh` is by the start of each interval.
    """
    start, end = calendar.month(year, month)
    end = end if until is None else max(start, min(end, until))
    mine = [row for row in rows if row.seconds == seconds and start <= row.start < end]
    site = [row for row in mine if row.workload == SITE]
    load = Load.of(site, seconds)
    carbon_kg, carbon_unknown_kwh = _carbon(site, carbon_kg_per_mwh)
    demands = [window_demand(rule, load, year, month) for rule in peak_rules]
    expected = len(starts_within(start, end, seconds))
    ok, estimated = (sum(row.quality is quality for row in site) for quality in (Quality.OK, Quality.ESTIMATED))
    return MonthStatement(
        year=year,
        month=month,
        start=start,
        end=end,
        lines=_lines(mine),
        kwh=sum(row.kwh for row in site),
        cost=sum(row.cost or 0.0 for row in site),
        revenue=sum(row.revenue for row in site),
        unpriced_kwh=sum(row.kwh for row in site if row.cost is None),
        credits=tuple(credited),
        events=tuple(event for event in events if start <= event.event.start < end),
        peaks=tuple(demand for demand in demands if demand is not None),
        ok=ok,
        estimated=estimated,
        missing=max(0, expected - ok - estimated),
        carbon_kg=carbon_kg,
        carbon_unknown_kwh=carbon_unknown_kwh,
    )


def programme_credits(
    terms: Terms, events: Iterable[EventStatement], *, month: int, available_hours: float = 0.0
) -> tuple[Credit, ...]:
    """What a programme pays for a month: its committed kW, the hours they were available, and the energy of events.

    An event without a baseline is paid nothing here; its statement says why.
    """
    rates, kw, kind = terms.rates, terms.committed_kw or 0.0, CreditKind.DEMAND_RESPONSE
    in_season = month in terms.months
    paid = {
        "capacity": rates.per_kw_month * kw if in_season else 0.0,
        "availability": rates.per_kw_hour_available * kw * available_hours if in_season else 0.0,
        "energy of events": sum(event.credit or 0.0 for event in events if event.event.program == terms.programme),
    }
    return tuple(Credit(kind, f"{terms.programme}: {label}", amount) for label, amount in paid.items() if amount)


def _lines(rows: Iterable[Interval]) -> tuple[EnergyLine, ...]:
    """A line for each workload, the most energy first, then the site's own; together they are the site."""
    kwh: dict[str, float] = {}
    cost: dict[str, float] = {}
    revenue: dict[str, float] = {}
    for row in rows:
        kwh[row.workload] = kwh.get(row.workload, 0.0) + row.kwh
        cost[row.workload] = cost.get(row.workload, 0.0) + (row.cost or 0.0)
        revenue[row.workload] = revenue.get(row.workload, 0.0) + row.revenue
    site_kwh, site_cost = kwh.pop(SITE, 0.0), cost.pop(SITE, 0.0)
    keys = sorted(kwh, key=lambda key: ("/" not in key, -kwh[key], key))
    lines = [EnergyLine(key, kwh[key], cost[key], revenue[key]) for key in keys]
    return (*lines, EnergyLine(UNMODELLED, site_kwh - sum(kwh.values()), site_cost - sum(cost.values())))


def _carbon(site: Iterable[Interval], kg_per_mwh: Mapping[int, float] | None) -> tuple[float | None, float]:
    """Kilograms, and the kWh that the series does not cover."""
    if kg_per_mwh is None:
        return None, 0.0
    kg = unknown = 0.0
    for row in site:
        if row.start in kg_per_mwh:
            kg += kg_per_mwh[row.start] * row.kwh / _KWH_PER_MWH
        else:
            unknown += row.kwh
    return kg, unknown
