"""The work of `wattswitch report`: the record read, settled, and written as files."""

import math
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from wattswitch.cli.terms import read_told
from wattswitch.errors import SpecInvalid, WattswitchError
from wattswitch.pages import amounts
from wattswitch.settlement.calendars import Calendar
from wattswitch.settlement.coincident_peaks import SystemLoad
from wattswitch.settlement.eventrecord import EventRecord, one_each
from wattswitch.settlement.intervalbook import Rules as BookRules
from wattswitch.settlement.intervals import SITE, Interval, Load
from wattswitch.settlement.methods import method
from wattswitch.settlement.page import PageData, render
from wattswitch.settlement.review import Review, Rules, YearMonth, begun, review, span
from wattswitch.settlement.store import Record, budgets_in, path_of, read
from wattswitch.settlement.tables import event_csv, event_table_csv, intervals_csv, month_csv, report_json
from wattswitch.simulate.series import Series, read_series

LATE_SECONDS: Final = 120.0
"""An interval that ended so long ago is on the disk if it was ever seen."""
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9._-]")
MOST_NAMED: Final = 10
"""Events that an error names."""


class RecordError(WattswitchError):
    """The record says nothing of what was asked for. Remedy: the message names the option to change."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for: months, or the one event of that name or reference."""

    store: Path
    budget: str
    months: tuple[YearMonth, ...]
    event: str | None
    baselines: tuple[str, ...]
    terms_file: Path | None
    budget_file: Path | None
    system_load: str | None
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Settled:
    """Everything to tell. `intervals` are those of all workloads in the months, or around the event."""

    page: PageData
    review: Review
    intervals: tuple[Interval, ...]
    notes: tuple[str, ...]


def settle(asked: Asked) -> Settled:
    """Read the record and settle it. Raises WattswitchError, which names the option to change."""
    for name in asked.baselines:
        _refuse_unknown(name)
    path = _path(asked)
    known = _read(path, -math.inf, math.inf, SITE)
    if not known.intervals:
        raise RecordError(f"{path}: nothing is recorded yet: wait for the first interval of the operator to end")
    rules = _rules(asked, known.intervals[-1].end)
    events = _named(asked, known) if asked.event is not None else begun(known.events, asked.months, rules)
    start, end = span(asked.months, events, rules)
    record = _read(path, start, end)
    if asked.months and not record.intervals:
        raise RecordError(f"--month: nothing is recorded in it; {_reach(known, asked.zone)}")
    load = Load.of(known.intervals, rules.seconds)
    found = review(asked.months, events, record.intervals, load, known.events, rules)
    notes = tuple(_notes(found, record, rules))
    page = PageData(
        site=asked.budget,
        currency=_currency(known, start, end, asked.zone),
        months=found.months,
        zone=asked.zone,
        facts=(*_facts(asked, known, rules), *(("Note", note) for note in notes)),
        lone=() if asked.months else found.events,
        others=found.others,
        peaks=found.peaks,
    )
    asked_for = [(month.start, month.end) for month in found.months] or [(start, end)]
    rows = (row for row in record.intervals if any(first <= row.start < past for first, past in asked_for))
    return Settled(page, found, tuple(rows), notes)


def write(settled: Settled, out: Path) -> list[Path]:
    """Write everything into a folder, which is made where it is missing; the files, the page first."""
    page, events = settled.page, settled.review.events
    told = {
        "report.html": render(page),
        "report.json": report_json(
            page.site, page.months, page.lone, page.others, page.peaks, settled.notes, page.currency, page.zone
        ),
        "months.csv": month_csv(page.months),
        "events.csv": event_table_csv(events, page.zone),
        "intervals.csv": intervals_csv(settled.intervals, page.zone),
    }
    for statement in events:
        told[_free(_file_name(statement.event), told)] = event_csv(statement, page.zone)
    out.mkdir(parents=True, exist_ok=True)
    for name, text in told.items():
        (out / name).write_text(text, encoding="utf-8")
    return [out / name for name in told]


def _refuse_unknown(baseline: str) -> None:
    try:
        method(baseline)
    except ValueError as error:
        raise SpecInvalid(f"--baseline: {error}") from None


def _path(asked: Asked) -> Path:
    try:
        path = path_of(asked.store, asked.budget)
    except ValueError as error:
        raise SpecInvalid(f"--budget: {error}: name one as kubectl does") from None
    if not path.exists():
        there = ", ".join(budgets_in(asked.store)) or "none"
        what = f"there is no record of PowerBudget {asked.budget} in {asked.store} (there: {there})"
        raise RecordError(f"--budget: {what}: name one of those, or run the operator with this --store")
    return path


def _read(path: Path, start: float, end: float, workload: str | None = None) -> Record:
    record = read(path, start, end, workload)
    if record.problem is not None:
        raise RecordError(f"--store: {path} can't be read ({record.problem.word}): {record.problem.reason}")
    return record


def _rules(asked: Asked, recorded_until: float) -> Rules:
    beside = read_told(asked.terms_file, asked.budget_file, asked.budget)
    if asked.system_load is not None and not beside.peak_rules:
        what = "needs the rules of the peaks: add --budget-file with a PowerBudget that has coincidentPeaks"
        raise SpecInvalid(f"--system-load {what}")
    return Rules(
        seconds=BookRules().seconds,
        until=max(recorded_until, time.time() - LATE_SECONDS),
        recorded_until=recorded_until,
        calendar=Calendar(asked.zone, beside.holidays),
        baselines=asked.baselines,
        programmes=beside.programmes,
        credited=beside.credited,
        peak_rules=beside.peak_rules,
        system=None if asked.system_load is None else _system(read_series(asked.system_load)),
    )


def _system(series: Series) -> SystemLoad:
    """The grid's load by its usual step, what is not known left out."""
    known = series.known
    starts, values = known.starts.tolist(), known.values.tolist()
    return SystemLoad(int(series.step_seconds), {int(at): value for at, value in zip(starts, values, strict=True)})


def _named(asked: Asked, known: Record) -> list[EventRecord]:
    """The events of that name or reference."""
    events = one_each(known.events)
    found = [event for event in events if asked.event in {event.name, event.reference}]
    if not found:
        names = ", ".join(dict.fromkeys(event.name for event in reversed(events[-MOST_NAMED:]))) or "none"
        raise RecordError(f"--event: there is no event {asked.event!r} on record (the latest: {names}): name another")
    return found


def _currency(known: Record, start: float, end: float, zone: ZoneInfo) -> str:
    """The one currency of the period, nothing where nobody recorded it."""
    before = [money.currency for money in known.money if money.since <= start][-1:]
    within = [money for money in known.money if start < money.since < end]
    currencies = {*before, *(money.currency for money in within)}
    if len(currencies) > 1:
        changed = ", ".join(f"{money.currency} from {amounts.day(money.since, zone)} on" for money in within)
        raise RecordError(f"the money of this time is of several currencies ({changed}): report on parts of it")
    return next(iter(currencies), "")


def _reach(known: Record, zone: ZoneInfo) -> str:
    first, last = known.intervals[0].start, known.intervals[-1].start
    return f"the record goes from {amounts.day(first, zone)} to {amounts.day(last, zone)}: name a month of those"


def _facts(asked: Asked, known: Record, rules: Rules) -> Iterator[tuple[str, str]]:
    """How the numbers were worked out; files by name, so that no path of this machine is on the page."""
    last = known.intervals[-1].end
    yield "Record", f"intervals of {amounts.duration(rules.seconds)}, the last until {_when(last, asked.zone)}"
    yield "Baseline", ", ".join(asked.baselines) or "that of each programme"
    if asked.terms_file is not None:
        yield "Terms", asked.terms_file.name
    if asked.budget_file is not None:
        yield "Commitments and peaks", asked.budget_file.name
    if asked.system_load is not None:
        yield "Load of the grid", Path(asked.system_load).name


def _when(at: float, zone: ZoneInfo) -> str:
    return f"{amounts.weekday(at, zone)}, {amounts.clock(at, zone)}"


def _notes(found: Review, record: Record, rules: Rules) -> Iterator[str]:
    if found.without_terms:
        named = ", ".join(found.without_terms)
        yield f"nobody said what {named} pays, so that is nothing here: add it to the file of --terms"
    running = [event.event.name for event in found.events if (event.event.over_at or math.inf) > rules.until]
    if running:
        yield f"still in force, and settled as far as they went: {', '.join(running)}"
    if record.cut_short:
        yield "the volume is read-only here, so the newest rows may be missing: report where the operator runs"


def _file_name(event: EventRecord) -> str:
    return f"event-{_NOT_IN_NAMES.sub('-', event.name)}"


def _free(name: str, taken: Mapping[str, str]) -> str:
    """A file name that no earlier event has."""
    names = (f"{name}{f'-{number}' if number > 1 else ''}.csv" for number in count(1))
    return next(each for each in names if each not in taken)
