"""From a record to what its months and events came to, by the terms of the programmes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from wattswitch.settlement.baselines import History, Window
from wattswitch.settlement.calendars import Calendar
from wattswitch.settlement.coincident_peaks import NoPeak, Peak, PeakRule, SystemLoad, peak
from wattswitch.settlement.commitments import Commitment, available_hours
from wattswitch.settlement.eventrecord import EventRecord, one_each
from wattswitch.settlement.intervals import Interval, Load
from wattswitch.settlement.methods import DEFAULT, ServiceLevel, method
from wattswitch.settlement.month import Credit, MonthStatement, month_statement, programme_credits
from wattswitch.settlement.statement import EventStatement, Terms, event_statement, window_of

YearMonth = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Programme:
    """What a programme asks and pays, and how it counts. `commitments` say in which hours the site is to be available.

    Those of one programme do not hold at once.
    """

    terms: Terms
    baseline: str = DEFAULT
    level: ServiceLevel | None = None
    commitments: tuple[Commitment, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """How a record is looked at. Intervals are `seconds` long and go as far as `recorded_until`.

    What is not there is missing up to `until`, which is now; an event that is still on is settled as far as it went.
    `baselines` are names of `methods`: events are judged by the first and told by the others too. Without any, the
    programme's own counts. `credited` is money by month that the record does not know of.
    """

    seconds: int
    until: float
    recorded_until: float
    calendar: Calendar = field(default_factory=Calendar)
    baselines: tuple[str, ...] = ()
    programmes: Mapping[str, Programme] = field(default_factory=dict)
    credited: Mapping[YearMonth, tuple[Credit, ...]] = field(default_factory=dict)
    peak_rules: tuple[PeakRule, ...] = ()
    system: SystemLoad | None = None

    def programme(self, name: str) -> Programme:
        """The terms of a programme; one that there are none of pays nothing."""
        return self.programmes.get(name) or Programme(Terms(programme=name))

    def window(self, event: EventRecord) -> Window:
        """The window of an event, with what is looked at around it."""
        so_far = max(event.start, self.recorded_until)
        still_on = event.over_at is None or event.over_at > self.until
        ended = replace(event, end=so_far, cancelled_at=None) if still_on else event
        return window_of(ended, so_far, self.programme(event.program).terms)


@dataclass(frozen=True, slots=True)
class Review:
    """What was asked for, in numbers. `others` are the statements by further baselines, by the key of the event.

    `without_terms` are programmes whose events are settled although nobody said what they pay.
    """

    months: tuple[MonthStatement, ...]
    events: tuple[EventStatement, ...]
    others: Mapping[str, tuple[EventStatement, ...]]
    peaks: tuple[Peak | NoPeak, ...]
    without_terms: tuple[str, ...]


def begun(events: Iterable[EventRecord], months: Sequence[YearMonth], rules: Rules) -> list[EventRecord]:
    """The events that began in these months, one for each reference; those taken back before they began are none."""
    spans = [rules.calendar.month(*month) for month in months]
    return [
        event
        for event in one_each(events)
        if event.start < rules.until
        and event.over_at != event.start
        and any(start <= event.start < end for start, end in spans)
    ]


def span(months: Iterable[YearMonth], events: Iterable[EventRecord], rules: Rules) -> tuple[float, float]:
    """From when until when the rows of all workloads are needed."""
    windows = [rules.window(event) for event in events]
    moments = [at for month in months for at in rules.calendar.month(*month)]
    moments += [window.start - window.lead_seconds for window in windows]
    moments += [window.end + window.tail_seconds for window in windows]
    return min(moments, default=0.0), max(moments, default=0.0)


def review(
    months: Sequence[YearMonth],
    events: Sequence[EventRecord],
    rows: Sequence[Interval],
    load: Load,
    all_events: Iterable[EventRecord],
    rules: Rules,
) -> Review:
    """Settle these months and these events.

    `rows` are those of all workloads within `span`, `load` and `all_events` whatever is on record: baselines look back.
    Raises ValueError for a baseline that there is none of.
    """
    windows = [rules.window(event) for event in one_each(all_events)]
    history = History(load, rules.calendar, tuple(window for window in windows if window.end > window.start))
    by_start: dict[int, list[Interval]] = {}
    for row in rows:
        by_start.setdefault(row.start, []).append(row)
    statements = {event.key: _statements(event, history, by_start, rules) for event in events}
    judged = tuple(each[0] for each in statements.values())
    return Review(
        months=tuple(_month(month, rows, judged, load, rules) for month in months),
        events=judged,
        others={key: each[1:] for key, each in statements.items() if each[1:]},
        peaks=_peaks(months, load, rules),
        without_terms=tuple(
            sorted({event.program for event in events if event.program and event.program not in rules.programmes})
        ),
    )


def _statements(
    event: EventRecord, history: History, by_start: Mapping[int, Sequence[Interval]], rules: Rules
) -> tuple[EventStatement, ...]:
    """One for each baseline, the one that counts first."""
    window, programme = rules.window(event), rules.programme(event.program)
    near = [row for at in window.shown(rules.seconds) for row in by_start.get(at, ())]
    baselines = [method(name, programme.level)(history, window) for name in rules.baselines or (programme.baseline,)]
    return tuple(
        event_statement(event, window, baseline, near, rules.seconds, programme.terms) for baseline in baselines
    )


def _month(
    month: YearMonth, rows: Iterable[Interval], events: Sequence[EventStatement], load: Load, rules: Rules
) -> MonthStatement:
    start, end = rules.calendar.month(*month)
    begun_in_it = [event for event in events if start <= event.event.start < end]
    credits_ = [*rules.credited.get(month, ())]
    for programme in rules.programmes.values():
        until = min(end, rules.until)
        hours = sum(available_hours(each, load, 0.0, start, until) for each in programme.commitments)
        credits_ += programme_credits(programme.terms, begun_in_it, month=month[1], available_hours=hours)
    return month_statement(
        *month,
        rows,
        calendar=rules.calendar,
        seconds=rules.seconds,
        until=rules.until,
        events=begun_in_it,
        credited=credits_,
        peak_rules=rules.peak_rules,
    )


def _peaks(months: Iterable[YearMonth], load: Load, rules: Rules) -> tuple[Peak | NoPeak, ...]:
    """The peaks of the grid in these months; none where nobody said what it drew."""
    if rules.system is None:
        return ()
    return tuple(
        peak(rule, rules.system, load, year, month)
        for year, month in months
        for rule in rules.peak_rules
        if month in rule.months
    )
