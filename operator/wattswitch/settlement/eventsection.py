"""The section of one event."""

from collections.abc import Iterable, Sequence
from datetime import tzinfo

from wattswitch.pages import amounts, reasons
from wattswitch.pages.markup import Markup, tag
from wattswitch.pages.tables import row, scroll, table
from wattswitch.settlement import words
from wattswitch.settlement.baselines import CURTAILED, EVENT_DAY, NO_DATA, Baseline, NoBaseline
from wattswitch.settlement.eventplot import event_figure
from wattswitch.settlement.intervals import Quality
from wattswitch.settlement.statement import EventStatement, Line

_MOST_NAMED = 3
"""Workloads that are named where there are many."""
_LEFT_OUT = {CURTAILED: "curtailed by us", NO_DATA: "without data", EVENT_DAY: "with another event"}


def event_section(
    name: str, statement: EventStatement, currency: str, zone: tzinfo, others: Sequence[EventStatement] = ()
) -> Markup:
    """One event: the verdict, the picture, the facts, the same by `others` baselines, and every interval."""
    event = statement.event
    when = f"{amounts.weekday(event.start, zone)}, {amounts.clock(event.start, zone)}"
    over = event.over_at
    when += f" to {amounts.clock(over, zone)}" if over is not None else ", still on"
    kind = {True: "good", False: "bad", None: "unknown"}[statement.met]
    facts = [
        tag(part, text) for label, value in _facts(statement, currency) for part, text in (("dt", label), ("dd", value))
    ]
    return tag(
        "section",
        tag("h2", event.name),
        tag("p", when, class_="muted"),
        tag("p", _verdict(statement, zone), class_=f"verdict {kind}"),
        event_figure(name, statement, zone),
        tag("dl", *facts, class_="facts"),
        scroll(_compared(statement, others, currency), f"{event.name}: by other baselines") if others else None,
        tag(
            "details",
            tag("summary", "Every interval"),
            scroll(_lines(statement, currency, zone), f"{event.name}: every interval"),
        ),
    )


def _verdict(statement: EventStatement, zone: tzinfo) -> str:
    judged = [line for line in statement.lines if line.judged]
    missed = sum(line.compliant is False for line in judged)
    unknown = sum(line.compliant is None for line in judged)
    if statement.met is True:
        return f"✓ Target met in all of {words.count(len(judged), 'interval')}."
    if statement.met is False:
        worst = statement.worst
        told = f"✗ Target missed in {missed} of {words.count(len(judged), 'interval')}"
        if worst is None or worst.margin_kw is None:
            return f"{told}."
        return f"{told}, worst at {amounts.clock(worst.start, zone)} by {words.power(-worst.margin_kw)}."
    if not judged:
        return "? No whole interval could be judged."
    if unknown < len(judged):
        return f"? {unknown} of {words.count(len(judged), 'interval')} could not be judged; the others met the target."
    limits = [(line.metered_kw, line.limit_kw) for line in judged]
    held = sum(kw is not None and limit is not None and kw <= limit for kw, limit in limits)
    told = (
        f"the limit held in {held} of {words.count(len(judged), 'interval')}"
        if held
        else "nothing else is known either"
    )
    return f"? The promised reduction cannot be judged: {statement.number_refused or 'data is missing'}; {told}."


def _facts(statement: EventStatement, currency: str) -> Iterable[tuple[str, str]]:
    event = statement.event
    if event.program:
        yield "Programme", f"{event.program}{f', reference {event.reference}' if event.reference else ''}"
    if event.announced_at is not None:
        yield "Notice", amounts.duration(max(0.0, event.start - event.announced_at))
    yield "Target", words.target(statement)
    if (after := statement.target_met_after_seconds) is not None:
        when = (
            "before the start"
            if after <= 0
            else f"after the start, {amounts.duration(statement.ramp_seconds_allowed)} allowed"
        )
        yield "Target met", f"{amounts.duration(abs(after))} {when}"
    yield "Baseline", _baseline(statement.baseline)
    if statement.reduced_kwh is not None:
        yield "Reduced", words.energy(statement.reduced_kwh)
    if statement.performance_percent is not None:
        worst = f", {words.percent(statement.worst_percent)} in the worst interval"
        yield (
            "Performance",
            f"{words.percent(statement.performance_percent)} of {words.power(statement.committed_kw)}{worst}",
        )
    money = (("Credit", statement.credit), ("Avoided cost", statement.avoided_cost))
    yield from ((label, amounts.money(amount, currency)) for label, amount in money if amount is not None)
    if statement.lost_by_workload:
        yield "Lost income", _lost(statement, currency)
    if statement.net is not None:
        yield "Net", amounts.money(statement.net, currency)
    if statement.snapback_kwh is not None:
        yield "Above the baseline afterwards", words.energy(statement.snapback_kwh)
    yield from _who(statement)


def _lost(statement: EventStatement, currency: str) -> str:
    """The sum, and of whom most of it is."""
    told = amounts.money(statement.lost_income, currency)
    most = sorted(statement.lost_by_workload.items(), key=lambda item: (-item[1], item[0]))
    named = [f"{workload} {amounts.money(amount, currency)}" for workload, amount in most[:_MOST_NAMED]]
    more = [f"{len(most) - _MOST_NAMED} more"] if len(most) > _MOST_NAMED else []
    return f"{told} ({', '.join((*named, *more))})"


def _compared(statement: EventStatement, others: Sequence[EventStatement], currency: str) -> Markup:
    """The event by every baseline that was asked for, the one that counts first."""
    rows = []
    for each in (statement, *others):
        cells = [
            words.energy(each.reduced_kwh),
            amounts.NONE if each.mean_reduction_kw is None else words.power(each.mean_reduction_kw),
            words.percent(each.performance_percent),
            words.money(each.credit, currency),
            each.number_refused or amounts.NONE,
        ]
        rows.append(row(each.method, cells, class_="ours-row" if each is statement else None))
    names = ("baseline", "reduced", "mean reduction", "performance", "credit", "why there is none")
    return table("By every baseline that was asked for; the first one counts", names, rows, class_="compared")


def _who(statement: EventStatement) -> Iterable[tuple[str, str]]:
    """Who and what did not take part, and how well it is all known."""
    event = statement.event
    if event.causes:
        yield "Causes", ", ".join(event.causes)
    if event.skipped:
        yield "Not lowered", ", ".join(f"{item.workload} ({reasons.in_words(item.reason)})" for item in event.skipped)
    if event.opt_outs:
        yield "Opted out", ", ".join(f"{item.who}: {item.reason}" for item in event.opt_outs)
    if event.excused:
        yield "Excused", event.excused
    doubts = [(Quality.ESTIMATED, "estimated"), (Quality.MISSING, "missing")]
    told = [f"{count} {word}" for quality, word in doubts if (count := statement.quality(quality))]
    if told:
        yield "Data", f"{', '.join(told)} of {words.count(len(statement.lines), 'interval')}"


def _baseline(baseline: Baseline | NoBaseline) -> str:
    counts = {word: sum(left.reason == reason for left in baseline.left_out) for reason, word in _LEFT_OUT.items()}
    left = (
        "; left out: " + ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        if any(counts.values())
        else ""
    )
    if isinstance(baseline, NoBaseline):
        return f"{baseline.method}: none, {baseline.reason}"
    ratio = f", adjusted by {baseline.ratio:.2f}" if baseline.ratio != 1.0 else ""
    days = f", made of {words.count(len(baseline.days), 'day')}" if len(baseline.days) > 1 else ""
    hours = f"; without {words.count(baseline.left_out_intervals, 'interval')}" if baseline.left_out_intervals else ""
    return f"{baseline.method}{ratio}{days}{left}{hours}"


def _lines(statement: EventStatement, currency: str, zone: tzinfo) -> Markup:
    names = (
        "from",
        "load",
        "limit",
        "baseline",
        "reduction",
        "met",
        f"price, {amounts.per_mwh(currency)}",
        "data",
    )
    rows = []
    for line in statement.lines:
        kws = (line.metered_kw, line.limit_kw, line.baseline_kw, line.reduction_kw)
        cells = [*map(words.power, kws), _met(line), words.number(line.price_per_mwh, 2), line.quality.lower()]
        rows.append(row(amounts.clock(line.start, zone), cells))
    return table(f"{statement.event.name}: every interval", names, rows)


def _met(line: Line) -> str:
    if not line.judged:
        return "ramp"
    return {True: "✓", False: "✗", None: "?"}[line.compliant]
