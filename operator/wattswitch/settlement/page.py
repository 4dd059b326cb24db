"""One self-contained HTML page: what the months came to, and each event against its baseline and its limit.

It asks for nothing from outside and needs no script to be read.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from importlib.resources import files

from wattswitch.pages import amounts
from wattswitch.pages.document import document
from wattswitch.pages.markup import Markup, tag
from wattswitch.pages.tables import row, scroll, table
from wattswitch.settlement import words
from wattswitch.settlement.coincident_peaks import NoPeak, Peak
from wattswitch.settlement.commitments import Readiness
from wattswitch.settlement.eventsection import event_section
from wattswitch.settlement.intervals import FIXED, OVERHEAD
from wattswitch.settlement.month import UNMODELLED, MonthStatement
from wattswitch.settlement.statement import EventStatement

MOST_EVENTS = 24
"""Events with a section of their own, the latest; all are in the table."""

_KWH_PER_MWH = 1e3
_OWN = {
    FIXED: "the site itself",
    OVERHEAD: "cooling and losses (PUE)",
    UNMODELLED: "seen by the meter alone",
}


@dataclass(frozen=True, slots=True)
class PageData:
    """Everything on the page. `months` are in order; `facts` are label and value pairs on how it was worked out.

    `lone` are events that are told without their months. `others` are statements by further baselines, by the key of
    the event.
    """

    site: str
    currency: str
    months: tuple[MonthStatement, ...]
    zone: tzinfo = UTC
    readiness: tuple[Readiness, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    lone: tuple[EventStatement, ...] = ()
    others: Mapping[str, tuple[EventStatement, ...]] = field(default_factory=dict)
    peaks: tuple[Peak | NoPeak, ...] = ()

    @property
    def events(self) -> tuple[EventStatement, ...]:
        """Those of all months, in order, and the lone ones."""
        return (*(event for month in self.months for event in month.events), *self.lone)


def render(data: PageData) -> str:
    """The whole page as one HTML document."""
    events = data.events
    sections = [
        _months(data) if data.months else None,
        _energy(data),
        _peaks(data) if data.peaks else None,
        _events(data) if len(events) > len(data.lone) or len(events) > 1 else None,
        *(
            event_section(f"event-{i}", event, data.currency, data.zone, data.others.get(event.event.key, ()))
            for i, event in enumerate(events[-MOST_EVENTS:])
        ),
        _readiness(data),
        _method(data),
    ]
    return document(
        f"Settlement · {data.site}",
        _header(data),
        tag("main", sections),
        made_by="wattswitch report",
        style=files(__package__).joinpath("page.css").read_text(encoding="utf-8"),
    )


def _header(data: PageData) -> Markup:
    events = data.events
    missed = sum(event.met is False for event in events)
    unknown = sum(event.met is None for event in events)
    headline = _headline(data)
    parts = [f"{missed} missed" if missed else "", f"{unknown} not known throughout" if unknown else ""]
    told = ", ".join(part for part in parts if part)
    kind = "bad" if missed else "unknown" if unknown else "good"
    sign = {"bad": "✗", "unknown": "?", "good": "✓"}[kind]
    held = f"{sign} {words.count(len(events), 'event')}, {told or 'the target met in every interval'}."
    return tag(
        "header",
        tag("h1", f"Settlement · {data.site}"),
        tag("p", headline, class_="headline"),
        tag("p", held, class_=f"held {kind}") if events else None,
        tag("p", _period(data), class_="muted"),
        tag("dl", *(_tile(*tile) for tile in _tiles(data)), class_="tiles"),
    )


def _headline(data: PageData) -> str:
    if not data.months and not data.lone:
        return "There is nothing on record."
    if not data.months:
        return ", ".join(statement.event.name for statement in data.lone)
    cents = _all_in(data)
    paid = f"All in, a kWh cost {words.cents(cents)}" if cents is not None else "No energy with a price"
    credited = sum(month.power_credits + month.demand_response_credits for month in data.months)
    return f"{paid}; {amounts.money(credited, data.currency)} of credits."


def _all_in(data: PageData) -> float | None:
    """Of all months together."""
    priced, kwh = sum(month.priced_kwh for month in data.months), sum(month.kwh for month in data.months)
    if priced <= 0 or kwh <= 0:
        return None
    credited = sum(credit.amount for month in data.months for credit in month.credits)
    return 100 * (sum(month.cost for month in data.months) / priced - credited / kwh)


def _period(data: PageData) -> str:
    if not data.months:
        return f"Times of {amounts.zone_name(data.zone)}, money in {data.currency}." if data.lone else ""
    first, last = data.months[0].start, data.months[-1].end
    days = f"{amounts.weekday(first, data.zone)} to {amounts.weekday(last - 1, data.zone)}"
    return f"{days} ({amounts.zone_name(data.zone)}), money in {data.currency}."


def _tiles(data: PageData) -> Iterable[tuple[str, str, str]]:
    yield from _month_tiles(data) if data.months else ()
    known = [event.reduced_kwh for event in data.events if event.reduced_kwh is not None]
    if known:
        about = f"below the baselines, in {len(known)} of {words.count(len(data.events), 'event')}"
        yield "Reduced in events", amounts.energy(sum(known) / _KWH_PER_MWH), about
    credited = [event.credit for event in data.lone if event.credit is not None]
    if credited:
        yield "Credit", amounts.money(sum(credited), data.currency), "for what was reduced"
    if data.events:
        lost = sum(event.lost_income for event in data.events)
        yield "Lost income", amounts.money(lost, data.currency), "not earned because of events"
    if data.months:
        missing = sum(month.missing for month in data.months)
        count = missing + sum(month.ok + month.estimated for month in data.months)
        share = amounts.percent(missing / count) if count else amounts.NONE
        yield "Intervals missing", share, f"{amounts.number(missing)} of {amounts.number(count)}"


def _month_tiles(data: PageData) -> Iterable[tuple[str, str, str]]:
    cost = sum(month.cost for month in data.months)
    mwh = sum(month.kwh for month in data.months) / _KWH_PER_MWH
    yield "Energy", amounts.energy(mwh), f"for {amounts.money(cost, data.currency)}"
    power_credits = sum(month.power_credits for month in data.months)
    yield "Power credits", amounts.money(power_credits, data.currency), "for power that was not taken"
    response = sum(month.demand_response_credits for month in data.months)
    yield "Demand response", amounts.money(response, data.currency), "from programmes"


def _tile(label: str, value: str, about: str) -> Markup:
    return tag(
        "div", tag("dt", label), tag("dd", value, class_="value"), tag("dd", about, class_="about"), class_="tile"
    )


def _months(data: PageData) -> Markup:
    currency = data.currency
    carbon = any(month.carbon_kg is not None for month in data.months)
    peaks = list(dict.fromkeys(peak.rule for month in data.months for peak in month.peaks))
    names = ["month", "energy", "cost", "power credits", "demand response credits", "all-in, c/kWh", "income", "net"]
    names += [f"most in {rule} hours" for rule in peaks]
    names += ["carbon"] if carbon else []
    names += ["intervals missing"]
    rows = []
    for month in data.months:
        bills = (month.cost, month.power_credits, month.demand_response_credits)
        cells = [amounts.energy(month.kwh / _KWH_PER_MWH), *(amounts.money(bill, currency) for bill in bills)]
        cells += [words.number(month.all_in_cents_per_kwh, 2)]
        cells += [amounts.money(amount, currency) for amount in (month.revenue, month.net)]
        demand = {peak.rule: peak.kw for peak in month.peaks}
        cells += [words.power(demand[rule]) if rule in demand else amounts.NONE for rule in peaks]
        cells += [words.mass(month.carbon_kg)] if carbon else []
        cells += [amounts.number(month.missing)]
        rows.append(row(_month_name(month, data.zone), cells))
    rule = "All-in is the cost less all credits, for each kWh; below zero the site was paid for what it drew."
    told = [note for month in data.months for note in _month_notes(month, data.zone)]
    content = scroll(table("What each month came to", names, rows), "Months")
    return tag(
        "section", tag("h2", "Months"), tag("p", rule, class_="muted"), content, *(tag("p", note) for note in told)
    )


def _month_notes(month: MonthStatement, zone: tzinfo) -> Iterable[str]:
    name = _month_name(month, zone)
    if month.unpriced_kwh > 0:
        unpriced = amounts.energy(month.unpriced_kwh / _KWH_PER_MWH)
        yield f"{name}: no price is known for {unpriced}; they are in no cost."
    if month.carbon_kg is not None and month.carbon_unknown_kwh > 0:
        yield f"{name}: the carbon of {amounts.energy(month.carbon_unknown_kwh / _KWH_PER_MWH)} is not known."


def _energy(data: PageData) -> Markup | None:
    """Energy, cost and income by workload, over all months."""
    sums: dict[str, list[float]] = {}
    for month in data.months:
        for line in month.lines:
            entry = sums.setdefault(line.workload, [0.0, 0.0, 0.0])
            entry[:] = (sum(pair) for pair in zip(entry, (line.kwh, line.cost, line.revenue), strict=True))
    if not sums:
        return None
    total = sum(entry[0] for entry in sums.values())
    keys = sorted(sums, key=lambda key: (key in _OWN, -sums[key][0], key))
    rows = []
    for key in keys:
        kwh, cost, revenue = sums[key]
        share = amounts.percent(kwh / total) if total > 0 and kwh >= 0 else amounts.NONE
        income = amounts.money(revenue, data.currency) if key not in _OWN else amounts.NONE
        cells = [amounts.energy(kwh / _KWH_PER_MWH), share, amounts.money(cost, data.currency), income]
        rows.append(row(_OWN.get(key, key), cells))
    all_cost, all_revenue = (sum(entry[i] for entry in sums.values()) for i in (1, 2))
    money = [amounts.money(amount, data.currency) for amount in (all_cost, all_revenue)]
    rows.append(row("all at the meter", [amounts.energy(total / _KWH_PER_MWH), "", *money], class_="ours-row"))
    names = ("workload", "energy", "share", "cost", "income")
    content = scroll(table("Together they are what the meter says", names, rows), "Energy by workload")
    return tag("section", tag("h2", "Energy by workload"), content)


def _events(data: PageData) -> Markup:
    names = ("event", "start", "target", "met", "reduced", "performance", "credit", "net")
    rows = []
    for statement in data.events:
        event = statement.event
        cells = [
            f"{amounts.short_day(event.start, data.zone)} {amounts.clock(event.start, data.zone)}",
            words.target(statement),
            {True: "✓ yes", False: "✗ no", None: "? not known"}[statement.met],
            words.energy(statement.reduced_kwh),
            words.percent(statement.performance_percent),
            words.money(statement.credit, data.currency),
            words.money(statement.net, data.currency),
        ]
        rows.append(row(event.name, cells))
    rule = "Met says whether the worst interval was; performance is the mean reduction over the promised one."
    content = scroll(table("All events", names, rows), "Events")
    return tag("section", tag("h2", "Events"), tag("p", rule, class_="muted"), content)


def _peaks(data: PageData) -> Markup:
    """What the site drew while the whole grid drew most."""
    rows = []
    for found in data.peaks:
        if isinstance(found, NoPeak):
            rows.append(row(found.rule, [found.reason, amounts.NONE, amounts.NONE]))
            continue
        when = f"{amounts.weekday(found.start, data.zone)} {amounts.clock(found.start, data.zone)}"
        length = amounts.duration(found.seconds)
        told = f"{when}, {length}{'' if found.complete else ', of the hours that are known'}"
        rows.append(row(found.rule, [told, amounts.number(found.system_load), words.power(found.site_kw)]))
    names = ("rule", "peak of the grid", "load of the grid", "the site in it")
    content = scroll(table("What transmission is charged by", names, rows), "Coincident peaks")
    return tag("section", tag("h2", "Coincident peaks"), content)


def _readiness(data: PageData) -> Markup | None:
    if not data.readiness:
        return None
    rows = [row(each.commitment, [f"{'✓' if each.ok else '✗'} {each.reason}"]) for each in data.readiness]
    content = scroll(table("Could they be met now?", ("commitment", "answer"), rows, class_="told"), "Commitments")
    return tag("section", tag("h2", "Commitments"), content)


def _method(data: PageData) -> Markup | None:
    if not data.facts:
        return None
    facts = [tag(part, text) for label, value in data.facts for part, text in (("dt", label), ("dd", value))]
    return tag("section", tag("h2", "How this was worked out"), tag("dl", *facts, class_="facts"))


def _month_name(month: MonthStatement, zone: tzinfo) -> str:
    return f"{amounts.month(month.start, zone)}{amounts.NBSP}{month.year}"
