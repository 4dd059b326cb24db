"""Intervals and statements as CSV and JSON, for whoever settles with the utility."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, date, datetime, tzinfo
from typing import Any

from wattswitch.settlement.baselines import Baseline, NoBaseline
from wattswitch.settlement.coincident_peaks import NoPeak, Peak
from wattswitch.settlement.intervals import Interval
from wattswitch.settlement.month import MonthStatement
from wattswitch.settlement.statement import EventStatement, Line

_LINE_COLUMNS = (
    *("limit_kw", "baseline_kw", "metered_kw", "reduction_kw", "judged", "compliant", "margin_kw", "price_per_mwh"),
    *("avoided_cost", "lost_income", "quality"),
)


_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would run: the words of others are to be read, not to be obeyed."""


def intervals_csv(rows: Iterable[Interval], zone: tzinfo = UTC) -> str:
    """A row for each interval and workload; the whole site is `site`. Empty is not known."""
    names = [field.name for field in fields(Interval)]
    lines = []
    for row in rows:
        told = asdict(row) | {"workload": row.workload or "site"}
        lines.append([moment(row.start, zone), *(_cell(told[name]) for name in names[1:])])
    return _csv(["start", *names[1:]], lines)


def event_csv(statement: EventStatement, zone: tzinfo = UTC) -> str:
    """A row for each interval of an event."""
    lines = [
        [moment(line.start, zone), *(_cell(getattr(line, name)) for name in _LINE_COLUMNS)] for line in statement.lines
    ]
    return _csv(["start", *_LINE_COLUMNS], lines)


def month_csv(months: Iterable[MonthStatement]) -> str:
    """A row for each month."""
    names = [
        "month",
        "kwh",
        "cost",
        "power_credits",
        "demand_response_credits",
        "all_in_cents_per_kwh",
        "revenue",
        "net",
    ]
    names += ["unpriced_kwh", "carbon_kg", "ok", "estimated", "missing"]
    lines = [
        [f"{month.year}-{month.month:02}", *(_cell(getattr(month, name)) for name in names[1:])] for month in months
    ]
    return _csv(names, lines)


def event_table_csv(statements: Iterable[EventStatement], zone: tzinfo = UTC) -> str:
    """A row for each event."""
    numbers = (
        *("met", "reduced_kwh", "mean_reduction_kw", "performance_percent", "worst_percent", "credit", "avoided_cost"),
        *("lost_income", "net", "method", "number_refused"),
    )
    names = ["name", "program", "reference", "start", "end", "limit_kw", "target_met_after_seconds", "worst_start"]
    names += ["worst_margin_kw", *numbers, "skipped", "opt_outs"]
    lines = []
    for statement in statements:
        event, worst, over = statement.event, statement.worst, statement.event.over_at
        limit = None if event.limit_watts is None else event.limit_watts / 1e3
        cells: list[object] = [event.name, event.program, event.reference, moment(event.start, zone)]
        cells += ["" if over is None else moment(over, zone), limit, statement.target_met_after_seconds]
        cells += [moment(worst.start, zone), worst.margin_kw] if worst is not None else [None, None]
        cells += [getattr(statement, name) for name in numbers]
        cells += ["; ".join(f"{who}: {why}" for who, why in told) for told in (event.skipped, event.opt_outs)]
        lines.append([_cell(cell) for cell in cells])
    return _csv(names, lines)


def report_json(
    budget: str,
    months: Iterable[MonthStatement],
    lone: Iterable[EventStatement],
    others: Mapping[str, Sequence[EventStatement]],
    peaks: Iterable[Peak | NoPeak],
    notes: Iterable[str],
    currency: str,
    zone: tzinfo = UTC,
) -> str:
    """Everything that is known of months, of events that are told without their months, and of the grid's peaks.

    `others` are statements by further baselines, by the key of the event.
    """
    told = {
        "budget": budget,
        "currency": currency,
        "months": [_month(month, currency, zone, others) for month in months],
        "events": [_event(event, zone, others) for event in lone],
        "coincident_peaks": [_peak(each, zone) for each in peaks],
        "notes": list(notes),
    }
    return json.dumps(told, indent=2, allow_nan=False) + "\n"


def month_json(month: MonthStatement, currency: str, zone: tzinfo = UTC) -> str:
    """Everything that is known of a month and of its events, with the times of a zone."""
    return json.dumps(_month(month, currency, zone, {}), indent=2, allow_nan=False) + "\n"


def moment(at: float, zone: tzinfo) -> str:
    """A time as RFC 3339, with the offset of the zone."""
    return datetime.fromtimestamp(at, zone).isoformat(timespec="seconds")


def _month(
    month: MonthStatement, currency: str, zone: tzinfo, others: Mapping[str, Sequence[EventStatement]]
) -> dict[str, Any]:
    return {
        "month": f"{month.year}-{month.month:02}",
        "currency": currency,
        "start": moment(month.start, zone),
        "end": moment(month.end, zone),
        "kwh": month.kwh,
        "cost": month.cost,
        "revenue": month.revenue,
        "net": month.net,
        "power_credits": month.power_credits,
        "demand_response_credits": month.demand_response_credits,
        "all_in_cents_per_kwh": month.all_in_cents_per_kwh,
        "unpriced_kwh": month.unpriced_kwh,
        "carbon_kg": month.carbon_kg,
        "carbon_unknown_kwh": month.carbon_unknown_kwh,
        "intervals": {"ok": month.ok, "estimated": month.estimated, "missing": month.missing},
        "energy": [asdict(line) for line in month.lines],
        "credits": [asdict(credit) for credit in month.credits],
        "peak_demand": [asdict(peak) | {"start": moment(peak.start, zone)} for peak in month.peaks],
        "events": [_event(event, zone, others) for event in month.events],
    }


def _peak(found: Peak | NoPeak, zone: tzinfo) -> dict[str, Any]:
    if isinstance(found, NoPeak):
        return {"rule": found.rule, "refused": found.reason}
    return asdict(found) | {"start": moment(found.start, zone)}


def _event(statement: EventStatement, zone: tzinfo, others: Mapping[str, Sequence[EventStatement]]) -> dict[str, Any]:
    event = statement.event
    times = {"announced_at": event.announced_at, "start": event.start, "end": event.over_at}
    times |= {
        "target_met_at": event.target_met_at,
        "restored_at": event.restored_at,
        "cancelled_at": event.cancelled_at,
    }
    asked = {
        name: getattr(event, name)
        for name in (
            "name",
            "uid",
            "program",
            "reference",
            "form",
            "amount",
            "urgency",
            "limit_watts",
            "causes",
            "excused",
        )
    }
    numbers = {
        name: getattr(statement, name)
        for name in (
            *("met", "committed_kw", "reduced_kwh", "mean_reduction_kw", "performance_percent", "worst_percent"),
            *(
                "target_met_after_seconds",
                "ramp_seconds_allowed",
                "snapback_kwh",
                "credit",
                "avoided_cost",
                "lost_income",
            ),
            *("net", "lost_by_workload"),
        )
    }
    return {
        **asked,
        **{name: None if at is None else moment(at, zone) for name, at in times.items()},
        "skipped": [skipped._asdict() for skipped in event.skipped],
        "opt_outs": [opt_out._asdict() for opt_out in event.opt_outs],
        "baseline": _baseline(statement.baseline),
        **numbers,
        "by_other_baselines": [_by_baseline(other) for other in others.get(event.key, ())],
        "worst": _line(statement.worst, zone) if statement.worst else None,
        "intervals": [_line(line, zone) for line in statement.lines],
    }


def _by_baseline(statement: EventStatement) -> dict[str, Any]:
    names = ("reduced_kwh", "mean_reduction_kw", "performance_percent", "worst_percent", "credit", "avoided_cost")
    return {"baseline": _baseline(statement.baseline), **{name: getattr(statement, name) for name in names}}


def _baseline(baseline: Baseline | NoBaseline) -> dict[str, Any]:
    left_out = [{"day": left.day.isoformat(), "reason": left.reason} for left in baseline.left_out]
    if isinstance(baseline, NoBaseline):
        refused = {"refused": baseline.reason, "missing_days": baseline.missing_days}
        return {"method": baseline.method, **refused, "left_out": left_out}
    days = [day.isoformat() for day in baseline.days]
    left = {"left_out": left_out, "left_out_intervals": baseline.left_out_intervals, "level_kw": baseline.level_kw}
    return {"method": baseline.method, "days": days, "ratio": baseline.ratio, **left}


def _line(line: Line, zone: tzinfo) -> dict[str, Any]:
    return asdict(line) | {"start": moment(line.start, zone)}


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value.isoformat() if isinstance(value, date) else str(value)


def _csv(names: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(lines)
    return text.getvalue()
