"""What an event came to: was the target met in every interval, how much was reduced, and what that paid and cost."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from wattswitch.settlement.baselines import Baseline, NoBaseline, Window
from wattswitch.settlement.coincident_peaks import ALL_YEAR
from wattswitch.settlement.eventrecord import EventRecord
from wattswitch.settlement.intervals import OVERHEAD, SITE, Interval, Quality, starts_within

_KW = 1000.0
_KWH_PER_MWH = 1000.0
_ROUNDING_KW = 1e-6


@dataclass(frozen=True, slots=True)
class Rates:
    """What a programme pays: for a kWh reduced, for a committed kW and month, for a committed kW and hour available."""

    per_kwh: float = 0.0
    per_kw_month: float = 0.0
    per_kw_hour_available: float = 0.0


@dataclass(frozen=True, slots=True)
class Terms:
    """What a programme asks. An event is judged by its limit and, where `committed_kw` is given, by its reduction too.

    `ramp_seconds` after the start nothing is judged; `tolerance_kw` is forgiven; `snapback_seconds` after the end are
    looked at for load above the baseline. The programme pays by the month in `months`.
    """

    programme: str = ""
    committed_kw: float | None = None
    ramp_seconds: float = 0.0
    tolerance_kw: float = 0.0
    snapback_seconds: float = 7200.0
    rates: Rates = field(default_factory=Rates)
    months: frozenset[int] = ALL_YEAR


@dataclass(frozen=True, slots=True)
class Line:
    """One interval of an event. None stands for what is not known.

    `compliant` is None also where the interval is not judged: within the ramp time. `margin_kw` is how far on the good
    side it was, below zero where the target was missed.
    """

    start: int
    seconds: int
    limit_kw: float | None
    baseline_kw: float | None
    metered_kw: float | None
    reduction_kw: float | None
    judged: bool
    compliant: bool | None
    margin_kw: float | None
    price_per_mwh: float | None
    avoided_cost: float | None
    lost_income: float
    quality: Quality

    @property
    def reduced_kwh(self) -> float | None:
        """Energy below the baseline; below zero where the load was above it."""
        return None if self.reduction_kw is None else self.reduction_kw * self.seconds / 3600.0


class Point(NamedTuple):
    """The load and the baseline of one interval around an event; None where not known."""

    start: int
    baseline_kw: float | None
    metered_kw: float | None


@dataclass(frozen=True, slots=True)
class EventStatement:
    """An event in numbers. `met` is by the worst interval, not by the mean; None where an interval is not known.

    `number_refused` says why there is no baseline, empty where there is one. `avoided_cost` is of the intervals whose
    price is known. `lost_by_workload` is what each would have earned had it not been held back. `curve` goes from
    before the event until after it.
    """

    event: EventRecord
    method: str
    number_refused: str
    lines: tuple[Line, ...]
    met: bool | None
    worst: Line | None
    committed_kw: float | None
    reduced_kwh: float | None
    mean_reduction_kw: float | None
    performance_percent: float | None
    worst_percent: float | None
    snapback_kwh: float | None
    credit: float | None
    avoided_cost: float | None
    lost_by_workload: Mapping[str, float]
    baseline: Baseline | NoBaseline
    ramp_seconds_allowed: float
    curve: tuple[Point, ...]

    @property
    def lost_income(self) -> float:
        """What was not earned because of the event."""
        return sum(self.lost_by_workload.values())

    @property
    def net(self) -> float | None:
        """Credit and avoided cost less lost income; None where the first two are not known."""
        if self.credit is None or self.avoided_cost is None:
            return None
        return self.credit + self.avoided_cost - self.lost_income

    @property
    def target_met_after_seconds(self) -> float | None:
        """From the start to the target, below zero where it was met before; None where it never was."""
        met = self.event.target_met_at
        return None if met is None else met - self.event.start

    def quality(self, quality: Quality) -> int:
        """How many intervals are of that quality."""
        return sum(line.quality is quality for line in self.lines)


def window_of(event: EventRecord, until: float, terms: Terms, lead_seconds: float = 7200.0) -> Window:
    """The window of an event for its baseline; one that is open ends at `until`."""
    over = event.over_at
    return Window(event.start, until if over is None else over, lead_seconds, terms.snapback_seconds)


def event_statement(
    event: EventRecord,
    window: Window,
    baseline: Baseline | NoBaseline,
    rows: Iterable[Interval],
    seconds: int,
    terms: Terms,
) -> EventStatement:
    """Judge an event by the rows of its intervals and the time around it, which are `seconds` long."""
    by_start = _by_start(rows, seconds)
    kw: Mapping[int, float] = baseline.kw if isinstance(baseline, Baseline) else {}
    level = baseline.level_kw if isinstance(baseline, Baseline) else None
    limits = [kw for kw in (level, None if event.limit_watts is None else event.limit_watts / _KW) if kw is not None]
    judge = _Judge(event, terms, min(limits) if limits else None)
    lost: dict[str, float] = {}
    lines = tuple(judge.line(at, seconds, kw.get(at), by_start.get(at, {}), lost) for at in window.starts(seconds))
    committed = _committed(terms, baseline)
    reductions = [line.reduction_kw for line in lines if line.reduction_kw is not None]
    mean = sum(reductions) / len(reductions) if reductions else None
    judged = [line.reduction_kw for line in lines if line.judged and line.reduction_kw is not None]
    reduced = _total(line.reduced_kwh for line in lines)
    return EventStatement(
        event=event,
        method=baseline.method,
        number_refused=baseline.reason if isinstance(baseline, NoBaseline) else "",
        lines=lines,
        met=_met(lines),
        worst=min((line for line in lines if line.margin_kw is not None), key=_margin, default=None),
        committed_kw=committed,
        reduced_kwh=reduced,
        mean_reduction_kw=mean,
        performance_percent=_percent(sum(judged) / len(judged) if judged else None, committed),
        worst_percent=_percent(min(judged, default=None), committed),
        snapback_kwh=_snapback(window, kw, by_start, seconds),
        credit=None if reduced is None else terms.rates.per_kwh * max(0.0, reduced),
        avoided_cost=_total(line.avoided_cost for line in lines),
        lost_by_workload=lost,
        baseline=baseline,
        ramp_seconds_allowed=terms.ramp_seconds,
        curve=tuple(Point(at, kw.get(at), _metered(by_start.get(at, {}))) for at in window.shown(seconds)),
    )


@dataclass(frozen=True, slots=True)
class _Judge:
    """Makes the lines of one event."""

    event: EventRecord
    terms: Terms
    limit_kw: float | None

    def line(
        self, at: int, seconds: int, baseline_kw: float | None, rows: Mapping[str, Interval], lost: dict[str, float]
    ) -> Line:
        """One line; adds to `lost` what each workload did not earn."""
        site = rows.get(SITE)
        kw = _metered(rows)
        price = site.price_per_mwh if site is not None else None
        reduction = None if kw is None or baseline_kw is None else baseline_kw - kw
        reduced_mwh = None if reduction is None else reduction * seconds / 3600.0 / _KWH_PER_MWH
        judged = at >= self.event.start + self.terms.ramp_seconds
        margin = self._margin(kw, reduction) if judged else None
        income = _lost_income(rows, None if reduced_mwh is None else reduced_mwh * _KWH_PER_MWH)
        for workload, money in income.items():
            lost[workload] = lost.get(workload, 0.0) + money
        return Line(
            start=at,
            seconds=seconds,
            limit_kw=self.limit_kw,
            baseline_kw=baseline_kw,
            metered_kw=kw,
            reduction_kw=reduction,
            judged=judged,
            compliant=None if margin is None else margin >= -_ROUNDING_KW,
            margin_kw=margin,
            price_per_mwh=price,
            avoided_cost=None if reduced_mwh is None or price is None else reduced_mwh * price,
            lost_income=sum(income.values()),
            quality=site.quality if site is not None else Quality.MISSING,
        )

    def _margin(self, kw: float | None, reduction: float | None) -> float | None:
        """How far on the good side of all targets; None where one that could decide is not known."""
        margins: list[float | None] = []
        if self.limit_kw is not None:
            margins.append(None if kw is None else self.limit_kw - kw)
        if self.terms.committed_kw is not None:
            margins.append(None if reduction is None else reduction - self.terms.committed_kw)
        known = [margin + self.terms.tolerance_kw for margin in margins if margin is not None]
        failed = min(known, default=0.0) < -_ROUNDING_KW
        return min(known) if known and (failed or len(known) == len(margins)) else None


def _by_start(rows: Iterable[Interval], seconds: int) -> dict[int, dict[str, Interval]]:
    found: dict[int, dict[str, Interval]] = {}
    for row in rows:
        if row.seconds == seconds:
            found.setdefault(row.start, {})[row.workload] = row
    return found


def _metered(rows: Mapping[str, Interval]) -> float | None:
    """The site's kW, None where the interval has a gap."""
    site = rows.get(SITE)
    return None if site is None or site.quality is Quality.MISSING else site.kw


def _lost_income(rows: Mapping[str, Interval], reduced_kwh: float | None) -> dict[str, float]:
    """What each workload that the event held back would have earned.

    It wanted more than it drew; but all together did not lose more energy than was reduced.
    """
    overhead = rows.get(OVERHEAD)
    wanted = sum(row.wanted_kwh for key, row in rows.items() if "/" in key)
    pue = 1.0 + overhead.wanted_kwh / wanted if overhead is not None and wanted > 0 else 1.0
    short = {
        key: pue * (row.wanted_kwh - row.energy_kwh)
        for key, row in rows.items()
        if row.by_event and key != SITE and row.wanted_kwh > row.energy_kwh
    }
    total = sum(short.values())
    share = 1.0 if reduced_kwh is None or not total else min(1.0, max(0.0, reduced_kwh) / total)
    return {key: share * kwh / _KWH_PER_MWH * (rows[key].worth_per_mwh or 0.0) for key, kwh in short.items()}


def _met(lines: Iterable[Line]) -> bool | None:
    """Whether every interval that is judged is known to be compliant; False as soon as one is known not to be."""
    verdicts = [line.compliant for line in lines if line.judged]
    if False in verdicts:
        return False
    return True if verdicts and None not in verdicts else None


def _margin(line: Line) -> float:
    return math.inf if line.margin_kw is None else line.margin_kw


def _committed(terms: Terms, baseline: Baseline | NoBaseline) -> float | None:
    """The reduction that performance is measured by: the promised one, else from the baseline down to its level."""
    if terms.committed_kw is not None:
        return terms.committed_kw
    if isinstance(baseline, NoBaseline) or baseline.level_kw is None or not baseline.kw:
        return None
    return max(baseline.kw.values()) - baseline.level_kw


def _percent(reduction: float | None, committed: float | None) -> float | None:
    return None if reduction is None or not committed else 100.0 * reduction / committed


def _snapback(
    window: Window, kw: Mapping[int, float], rows: Mapping[int, Mapping[str, Interval]], seconds: int
) -> float | None:
    """kWh above the baseline after the event; None where no interval of it is known on both sides."""
    above = []
    for at in starts_within(window.end, window.end + window.tail_seconds, seconds):
        drawn = _metered(rows.get(at, {}))
        if drawn is not None and at in kw:
            above.append(max(0.0, drawn - kw[at]) * seconds / 3600.0)
    return sum(above) if above else None


def _total(values: Iterable[float | None]) -> float | None:
    """The sum of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None
