"""The recorded world on one grid of steps: what was true at each, and what the operator's feeds would have said.

What is true (`price_per_mwh`, `worth_per_mwh`, `demand_replicas`) judges every policy; what is seen (`seen`) may be
late, and has holes where the recording has them.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from wattswitch.api.curve import CurveSource
from wattswitch.api.feed import Feed
from wattswitch.api.source import Source
from wattswitch.errors import SpecInvalid
from wattswitch.feeds.reading import Refused
from wattswitch.feeds.schedule import ScheduleSource
from wattswitch.planner.model import Kind, OnStale, Signal, Workload
from wattswitch.planner.need import TOLERANCE_REPLICAS
from wattswitch.planner.worth import worth_per_mwh
from wattswitch.simulate.series import Series, write_moment
from wattswitch.simulate.site import SiteModel, WorkloadModel

PRICE: Final = "price"
"""Key of the price in `Inputs.seen`; the others are those of `feed_key`."""

FEED: Final = "feed:"
"""Goes before the names of named feeds, so that one called `price` is not the price."""

MOST_STEPS: Final = 20_000_000
"""Steps of one simulation: 190 years at five minutes. More is a slip of the finger."""

CURVE_AHEAD_SECONDS: Final = 48 * 3600.0
"""How far ahead of the last step a curve that needs no recording is worked out."""

HOUR_SECONDS: Final = 3600.0

LONGEST_HOLE_SECONDS: Final = 24 * HOUR_SECONDS
"""The longest time without a price in which the last one is taken to hold for the money."""

WARM_SECONDS: Final = 90 * 24 * HOUR_SECONDS
"""How much of the prices before the first step is learned from: an operator that is running has a past."""

DEMAND_WARM_SECONDS: Final = 28 * 24 * HOUR_SECONDS
"""The same of demand, whose forecast remembers one week, and for longer only how wrong it was."""

OUTLOOK_KNOWN: Final = time(13, 0)
"""When the curve of a day is published on the day before, local time, as on most day-ahead markets."""


class InputsError(SpecInvalid):
    """Series that do not make a simulation of this site; the text says which option to add or change."""


@dataclass(frozen=True, eq=False)
class Sampled:
    """What a feed says at each step, in base units: shape (T,).

    `values` are the last known numbers, NaN before the first, and their mean over the step where they change within it;
    `since` the Unix seconds at which each began to hold;
    `fresh` whether the feed counts as fresh by its own `staleAfterSeconds`.
    """

    values: NDArray[np.float64]
    since: NDArray[np.float64]
    fresh: NDArray[np.bool_]
    on_stale: OnStale = OnStale.HOLD
    assume: float | None = None

    def signal_of(self, value: float, since: float, fresh: bool) -> Signal:  # noqa: FBT001
        """The planner's view of such a row."""
        known = not math.isnan(value)
        problem = "" if known and fresh else "Stale" if known else "NoReading"
        return Signal(value if known else None, problem, since, self.on_stale, self.assume)


@dataclass(frozen=True, eq=False)
class Inputs:
    """T steps of N workloads, in the order of `SiteModel.workloads`. Money and watts are at the meter."""

    times: NDArray[np.float64]
    """(T,) Unix seconds at which each step begins."""
    step_seconds: float
    price_per_mwh: NDArray[np.float64]
    """(T,) with adder; the last known one, the mean where it changes within the step, NaN before the first."""
    limit_watts: NDArray[np.int64]
    """(T,) what may be drawn: the cap less the reserve."""
    worth_per_mwh: NDArray[np.float64]
    """(T, N) what one MWh earns; the last known one, NaN before the first."""
    demand_replicas: NDArray[np.int64]
    """(T, N) replicas that demand asks for, at most the workload's maximum, which it is where there is no demand."""
    curve: Series | None = None
    """The published curve, without adder."""
    curve_known_from: NDArray[np.float64] | None = None
    """Unix seconds from which each number of the curve is known; rises along the curve."""
    prices: Series | None = None
    """Every price that the operator's learner reads, without adder, by the times at which they begin."""
    seen: Mapping[str, Sampled] = field(default_factory=dict)
    """What the operator's feeds say: the price without adder under `PRICE`, each named feed under `feed_key`."""
    price_delay_seconds: float = 0.0
    """How much later than it begins each price is seen."""
    earlier_times: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    """(E,) Unix seconds of the steps before the first one of which something is recorded."""
    earlier: Mapping[str, Sampled] = field(default_factory=dict)
    """What the feeds that say demand said then; shape (E,)."""
    notes: tuple[str, ...] = ()
    """What a reader of the results should know of the series."""

    @property
    def steps(self) -> int:
        """T."""
        return int(self.times.size)

    @property
    def hours(self) -> float:
        """Length of one step."""
        return self.step_seconds / 3600

    @property
    def end(self) -> float:
        """Unix seconds at which the last step ends."""
        return float(self.times[-1]) + self.step_seconds


@dataclass(frozen=True, slots=True)
class Recorded:
    """The series that stand for the feeds of a site, in the units of the feeds' sources.

    `feeds` are by the name of the feed, or by feed/namespace/name for the workload that has its own. `price` may be
    None where the site's price is fixed or on a schedule.
    """

    price: Series | None = None
    outlook: Series | None = None
    feeds: Mapping[str, Series] = field(default_factory=dict)
    time_zone: str = "UTC"
    outlook_known: time = OUTLOOK_KNOWN
    price_delay_seconds: float = 0.0
    price_option: str = "--prices FILE:COLUMN"
    feed_value: str = "FILE:COLUMN"
    """What to add where one is missing: the option of the price, and what --feed NAME= takes."""


@dataclass(frozen=True, slots=True)
class Period:
    """From when to when and how fine; None is as far and as fine as the series go."""

    start: float | None = None
    end: float | None = None
    step_seconds: float | None = None


def feed_key(name: str, workload: WorkloadModel, seen: Mapping[str, object]) -> str:
    """Where a workload finds a feed in `Inputs.seen`: its own series before everybody's."""
    own = f"{FEED}{name}/{workload.name}"
    return own if own in seen else FEED + name


def build_inputs(site: SiteModel, recorded: Recorded, period: Period = Period()) -> Inputs:
    """Put the series on one grid. Raises InputsError where one is missing or nothing is covered."""
    _check_names(site, recorded)
    _zone(recorded.time_zone)
    polled = _polled(site, recorded)
    alone = recorded.price is not None and not any(map(_is_clock, site.spec.price.sources))
    times, step_seconds, cut = _grid(polled, period, covers=alone)
    if alone:
        _refuse_long_holes(polled[0], times, step_seconds)
    span = (float(times[0]), float(times[-1]) + step_seconds)
    feeds = _feeds(site, recorded)
    seen = {key: _sample(feed, series, times, span) for key, (feed, series) in feeds.items()}
    now = seen[PRICE] if not recorded.price_delay_seconds else _sample(site.spec.price, recorded.price, times, span)
    seen[PRICE] = _sample(site.spec.price, recorded.price, times, span, recorded.price_delay_seconds)
    curve, curve_known_from = _curve(site, recorded, span)
    earlier_times, earlier = _earlier(site, feeds, times[0], step_seconds)
    return Inputs(
        times=times,
        step_seconds=step_seconds,
        price_per_mwh=now.values + site.adder_per_mwh,
        limit_watts=np.full(times.size, site.limit_watts, dtype=np.int64),
        worth_per_mwh=_columns(times, [_worth(site, w, seen) for w in site.workloads]),
        demand_replicas=_columns(times, [_demand(w, seen) for w in site.workloads]).astype(np.int64),
        curve=curve,
        curve_known_from=curve_known_from,
        prices=_learned(site, recorded, span),
        seen=seen,
        price_delay_seconds=recorded.price_delay_seconds,
        earlier_times=earlier_times,
        earlier=earlier,
        notes=(*cut, *_notes(site, recorded, feeds, seen, times, span)),
    )


def known_from(curve: Series, time_zone: str, at: time = OUTLOOK_KNOWN) -> NDArray[np.float64]:
    """Unix seconds from which each number of the curve is known: `at` on the day before its local day.

    Raises InputsError for a time zone that is not in the IANA database.
    """
    zone = _zone(time_zone)
    known: dict[object, float] = {}
    result = np.empty(curve.starts.size)
    for place, start in enumerate(curve.starts.tolist()):
        day = datetime.fromtimestamp(start, zone).date()
        if day not in known:
            known[day] = datetime.combine(day - timedelta(days=1), at, zone).timestamp()
        result[place] = known[day]
    return result


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        message = f"--time-zone {name!r} is not in the IANA database: use one like America/Chicago"
        raise InputsError(message) from None


# ---- which series stands for which feed ----------------------------------------------------------------------------


def _check_names(site: SiteModel, recorded: Recorded) -> None:
    """Refuse series of feeds that nobody has: a slip there would leave the real one out."""
    feeds, workloads = {feed.name for feed in site.spec.feeds}, {w.name for w in site.workloads}
    for name in recorded.feeds:
        feed, _, workload = name.partition("/")
        if feed not in feeds:
            known = ", ".join(sorted(feeds)) or "none"
            raise InputsError(f"--feed {name}: PowerBudget {site.name} has no feed {feed!r} (known: {known})")
        if workload and workload not in workloads:
            known = ", ".join(sorted(workloads))
            raise InputsError(f"--feed {name}: there is no workload {workload!r} (known: {known})")


def _feeds(site: SiteModel, recorded: Recorded) -> dict[str, tuple[Feed, Series | None]]:
    """Every feed that counts, with its series; None where its own sources say it all."""
    by_name = {feed.name: feed for feed in site.spec.feeds}
    found: dict[str, tuple[Feed, Series | None]] = {PRICE: (site.spec.price, recorded.price)}
    missing = []
    if recorded.price is None and not _follows_clock(site.spec.price):
        missing.append(f"PowerBudget {site.name}: spec.price has to be given: add {recorded.price_option}")
    for workload in site.workloads:
        for name in _named_by(workload):
            own = f"{name}/{workload.name}"
            series = recorded.feeds.get(own, recorded.feeds.get(name))
            if series is None and not _follows_clock(by_name[name]):
                missing.append(
                    f"{workload.key}: feed {name!r} has to be given: add --feed {name}={recorded.feed_value}, or for"
                    f" this workload alone --feed {own}={recorded.feed_value}"
                )
            found[FEED + (own if own in recorded.feeds else name)] = (by_name[name], series)
    if missing:
        raise InputsError("\n".join(missing))
    return found


def _named_by(workload: WorkloadModel) -> Iterator[str]:
    if workload.worth.feed is not None:
        yield workload.worth.feed
    if workload.demand is not None:
        yield workload.demand.feed


def _follows_clock(feed: Feed) -> bool:
    """Whether the first source of the feed is always fresh, so that none but it is ever heard."""
    return _is_clock(feed.sources[0])


def _is_clock(source: Source | CurveSource) -> bool:
    return source.fixed is not None or source.schedule is not None


def _to_base(feed: Feed) -> float:
    """What turns a recorded number into the feed's base unit: scale and unit of the source that it stands for."""
    source = next((each for each in feed.sources if not _is_clock(each)), feed.sources[0])
    return float(source.scale) * source.unit.to_base


# ---- the grid ------------------------------------------------------------------------------------------------------


def _polled(site: SiteModel, recorded: Recorded) -> list[Series]:
    """What is known of the recorded series that the site needs, the price first."""
    needed = {id(series): (feed, series) for feed, series in _feeds(site, recorded).values() if series is not None}
    return [_believed(feed, series) for feed, series in needed.values()]


def _believed(feed: Feed, series: Series) -> Series:
    """The numbers in base units that the feed's range holds. Raises InputsError where there is none."""
    known = believed(series.scaled(_to_base(feed)), feed).known
    if not known.starts.size and feed.range is not None:
        unit = next((source.unit for source in feed.sources if not _is_clock(source)), feed.sources[0].unit)
        raise InputsError(
            f"{series.name}: no number is within the feed's range, {feed.range.min} to {feed.range.max} in base units,"
            f" when read as {unit}: correct the numbers, the source's unit or the range"
        )
    return known


def _grid(polled: list[Series], period: Period, *, covers: bool) -> tuple[NDArray[np.float64], float, tuple[str, ...]]:
    """The steps, their length, and what to say where less is played than was asked for.

    With `covers` the first series is all that is known of the price: what it does not cover is not played.
    """
    start = period.start if period.start is not None else max((s.first for s in polled), default=None)
    end = period.end if period.end is not None else min((s.end for s in polled), default=None)
    if start is None or end is None:
        raise InputsError("no series says from when to when: add --from and --to")
    step = period.step_seconds if period.step_seconds is not None else (polled[0].step_seconds if polled else 300.0)
    if step <= 0:
        raise InputsError(f"--step {step:g} must be above 0")
    if end - start < step:
        raise InputsError(_nothing_covered(polled, start, end, step))
    count = int((end - start) // step)
    if count > MOST_STEPS:
        raise InputsError(f"{count} steps are more than {MOST_STEPS}: shorten --from … --to or lengthen --step")
    if polled and (start >= polled[0].end or end <= polled[0].first):
        raise InputsError(_nothing_covered(polled, start, end, step))
    first, last = 0, count
    if covers:
        first = max(0, math.ceil((polled[0].first - start) / step))
        last = min(count, int((polled[0].end - start) // step))
    if last <= first:
        raise InputsError(_nothing_covered(polled, start, end, step))
    times = start + step * np.arange(first, last, dtype=np.float64)
    return times, step, tuple(_cut(polled, times, step)) if last - first < count else ()


def _cut(polled: list[Series], times: NDArray[np.float64], step: float) -> Iterator[str]:
    covered = f"{write_moment(polled[0].first)} to {write_moment(polled[0].end)}"
    played = f"{write_moment(float(times[0]))} to {write_moment(float(times[-1]) + step)}"
    yield f"{polled[0].name} covers {covered}: what was asked for beyond it is left out, and {played} is played"


def _refuse_long_holes(price: Series, times: NDArray[np.float64], step: float) -> None:
    """Refuse to judge days by a price of long before."""
    begins, ends = price.ends, np.append(price.starts[1:], np.inf)
    played = (ends > times[0]) & (begins < times[-1] + step) & (ends < np.inf)
    long = np.flatnonzero(played & (ends - begins > LONGEST_HOLE_SECONDS))
    if long.size:
        hole = f"{write_moment(float(begins[long[0]]))} to {write_moment(float(ends[long[0]]))}"
        raise InputsError(
            f"{price.name} has no number from {hole}, and no run is judged over more than"
            f" {LONGEST_HOLE_SECONDS / HOUR_SECONDS:g} h without a price: play what is before and after apart, with"
            " --from and --to"
        )


def _nothing_covered(polled: list[Series], start: float, end: float, step: float) -> str:
    covered = "; ".join(f"{s.name} covers {write_moment(s.first)} to {write_moment(s.end)}" for s in polled)
    asked = f"{write_moment(start)} to {write_moment(end)}"
    return f"no step of {step:g} s from {asked} can be played ({covered}): change --from and --to"


def _sample(
    feed: Feed, series: Series | None, times: NDArray[np.float64], span: tuple[float, float], delay: float = 0.0
) -> Sampled:
    """What the feed says at each step: the recording while it is fresh, else the first source that needs none.

    A recorded number is fresh while it holds, and beyond that until it is `staleAfterSeconds` old; one that comes late
    is fresh by its age alone.
    """
    policy = (OnStale(feed.on_stale), None if feed.assume is None else float(feed.assume))
    clock = next((source for source in feed.sources if _is_clock(source)), None)
    if series is None:
        series, clock = _clock_series(clock or feed.sources[0], span), None
        return Sampled(series.at(times), times.copy(), np.ones(times.size, dtype=bool), *policy)
    known = _believed(feed, series)
    place = np.searchsorted(known.starts, times - delay, side="right") - 1
    there = place >= 0
    values = np.where(there, known.values[place], np.nan)
    since = np.where(there, known.starts[place], 0.0)
    holds = np.zeros(times.size, dtype=bool) if delay else times < known.ends[place]
    fresh = there & (holds | (times - since < feed.stale_after_seconds))
    changes = _changes(known, times - delay, span)
    if changes.any():
        begins = times[changes] - delay
        values[changes] = _means(known, begins, begins + (span[1] - times[-1]))
        since[changes], fresh[changes] = begins, delay < feed.stale_after_seconds
    if clock is not None and not fresh.all():
        stand_in = _clock_series(clock, span).at(times)
        values, since = np.where(fresh, values, stand_in), np.where(fresh, since, times)
        fresh = np.ones(times.size, dtype=bool)
    return Sampled(values, since, fresh, *policy)


def _changes(known: Series, times: NDArray[np.float64], span: tuple[float, float]) -> NDArray[np.bool_]:
    """(T,) whether a number begins after the beginning of a step and before its end."""
    ends = times + (span[1] - span[0]) / times.size
    after = np.searchsorted(known.starts, times, side="right")
    return np.asarray(np.searchsorted(known.starts, ends, side="left") > after)


def _means(known: Series, begins: NDArray[np.float64], ends: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of the last known number over each of these times, from the first known number on."""
    summed = np.concatenate(([0.0], np.cumsum(known.values[:-1] * np.diff(known.starts))))

    def up_to(at: NDArray[np.float64]) -> NDArray[np.float64]:
        place = np.maximum(np.searchsorted(known.starts, at, side="right") - 1, 0)
        return np.asarray(summed[place] + known.values[place] * (at - known.starts[place]))

    begins = np.maximum(begins, known.first)
    return np.asarray((up_to(ends) - up_to(begins)) / (ends - begins))


def believed(series: Series, feed: Feed) -> Series:
    """The series in base units, without the numbers that the feed's range does not hold."""
    if feed.range is None:
        return series
    low, high = float(feed.range.min), float(feed.range.max)
    values = np.where((series.values >= low) & (series.values <= high), series.values, np.nan)
    return Series(series.starts, values, series.name)


def _clock_series(source: Source | CurveSource, span: tuple[float, float]) -> Series:
    """What a fixed or scheduled source says from the first step to the last, in base units."""
    factor = float(source.scale) * source.unit.to_base
    if source.fixed is not None:
        return Series(np.array([span[0], span[1]]), np.full(2, float(source.fixed.value) * factor), source.name)
    if source.schedule is None:
        raise InputsError(f"source {source.name!r} needs a recording")
    schedule, starts, values = ScheduleSource(source.name, source.schedule), [], []
    now: float | None = span[0]
    try:
        while now is not None and now < span[1]:
            starts.append(now)
            values.append(float(schedule.read(now).value or 0.0) * factor)
            now = schedule.next_change(now)
    except Refused as refusal:
        raise InputsError(f"source {source.name!r}: {refusal.message}") from None
    starts.append(span[1])
    values.append(values[-1])
    return _Steps(np.array(starts), np.array(values), source.name)


class _Steps(Series):
    """Numbers that hold until the next one, however far that is."""

    @property
    def ends(self) -> NDArray[np.float64]:
        """The next one's start."""
        return np.append(self.starts[1:], np.inf)


# ---- what is true --------------------------------------------------------------------------------------------------


def _columns(times: NDArray[np.float64], columns: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.stack(columns, axis=1) if columns else np.empty((times.size, 0))


def _worth(site: SiteModel, model: WorkloadModel, seen: Mapping[str, Sampled]) -> NDArray[np.float64]:
    """What one MWh at the meter earns at each step; every form of worth is a multiple of its signal."""
    unit = Workload(
        key=model.key,
        kind=Kind(model.kind),
        max_replicas=model.max_replicas,
        it_watts_per_replica=model.it_watts_per_replica,
        worth=model.worth.of(Signal(1.0)),
        spec_replicas=0,
        booked_pods=0,
        gpus_per_replica=model.gpus_per_replica,
    )
    per_unit = worth_per_mwh(unit, site.planner_budget(Signal(None)).pue_1e4).value
    if per_unit is None:
        raise InputsError(f"{model.key}: its worth is no finite number: correct its hardware")
    if model.worth.feed is None:
        return np.full(seen[PRICE].values.size, (model.worth.fixed or 0.0) * per_unit)
    return seen[feed_key(model.worth.feed, model, seen)].values * per_unit


def _demand(model: WorkloadModel, seen: Mapping[str, Sampled]) -> NDArray[np.float64]:
    """Replicas that demand asks for at each step, by the planner's own rounding; none while it is not known yet."""
    if model.demand is None:
        return np.full(seen[PRICE].values.size, float(model.max_replicas))
    waiting = np.nan_to_num(seen[feed_key(model.demand.feed, model, seen)].values, nan=0.0)
    replicas: NDArray[np.float64] = np.ceil(waiting / model.demand.per_replica - TOLERANCE_REPLICAS)
    return np.clip(replicas, 0.0, float(model.max_replicas))


def _curve(
    site: SiteModel, recorded: Recorded, span: tuple[float, float]
) -> tuple[Series | None, NDArray[np.float64] | None]:
    """The published curve in base units and from when each number is known; one on a schedule always is.

    The numbers of a recording are in the unit of the outlook's source, where the budget has one, or of the price's.
    """
    outlook = site.spec.price.outlook
    source = outlook.sources[0] if outlook is not None else None
    if recorded.outlook is not None:
        factor = _to_base(site.spec.price) if source is None else float(source.scale) * source.unit.to_base
        curve = believed(recorded.outlook.scaled(factor), site.spec.price).known
        return curve, known_from(curve, recorded.time_zone, recorded.outlook_known)
    if source is None or not _is_clock(source):
        return None, None
    clock = _clock_series(source, (span[0], span[1] + CURVE_AHEAD_SECONDS))
    hours = np.arange(span[0] - span[0] % HOUR_SECONDS, span[1] + CURVE_AHEAD_SECONDS, HOUR_SECONDS)
    starts = np.union1d(hours[1:], clock.starts[:-1])
    return Series(starts, clock.at(starts), source.name), np.zeros(starts.size)


def _learned(site: SiteModel, recorded: Recorded, span: tuple[float, float]) -> Series:
    """Every price that a learner could read up to the last step, from before the first one too."""
    feed = site.spec.price
    if recorded.price is None:
        return _clock_series(feed.sources[0], span)
    series = believed(recorded.price.scaled(_to_base(feed)), feed).known
    until = int(np.searchsorted(series.starts, span[1]))
    return Series(series.starts[:until], series.values[:until], series.name)


def _earlier(
    site: SiteModel, feeds: Mapping[str, tuple[Feed, Series | None]], first: float, step_seconds: float
) -> tuple[NDArray[np.float64], dict[str, Sampled]]:
    """The steps before the first one from which demand can be learned, and what its feeds said then."""
    named = {feed_key(model.demand.feed, model, feeds) for model in site.workloads if model.demand is not None}
    recorded = {key: (feed, series) for key, (feed, series) in feeds.items() if key in named and series is not None}
    since = min((series.known.first for _, series in recorded.values() if series is not None), default=first)
    count = int((first - max(since, first - DEMAND_WARM_SECONDS)) // step_seconds)
    if count <= 0:
        return np.empty(0), {}
    times = first + step_seconds * np.arange(-count, 0, dtype=np.float64)
    span = (float(times[0]), float(first))
    return times, {key: _sample(feed, series, times, span) for key, (feed, series) in recorded.items()}


def _notes(
    site: SiteModel,
    recorded: Recorded,
    feeds: Mapping[str, tuple[Feed, Series | None]],
    seen: Mapping[str, Sampled],
    times: NDArray[np.float64],
    span: tuple[float, float],
) -> Iterator[str]:
    for key, (feed, series) in feeds.items():
        yield from _notes_of(key.removeprefix(FEED), feed, series, times, span)
    if 0 < site.spec.price.stale_after_seconds <= recorded.price_delay_seconds:
        yield "price: staleAfterSeconds is not above --price-delay, so that no price that is seen is ever fresh"
    for key, sampled in seen.items():
        name = key.removeprefix(FEED)
        stale, never = int((~sampled.fresh).sum()), int(np.isnan(sampled.values).sum())
        if never:
            yield f"{name}: not known yet in the first {never} steps"
        if stale - never > 0:
            yield f"{name}: stale in {stale - never} steps; the money of these is that of the last known number"


def _notes_of(
    name: str, feed: Feed, series: Series | None, times: NDArray[np.float64], span: tuple[float, float]
) -> Iterator[str]:
    """What to say of one recorded series."""
    if series is None:
        return
    known = _believed(feed, series)
    outside = int(np.isfinite(series.values).sum()) - known.starts.size
    if outside and feed.range is not None:
        yield (
            f"{name}: {outside} numbers are not within the feed's range, {feed.range.min} to {feed.range.max} in base"
            " units, and count as not known"
        )
    changes = int(_changes(known, times, span).sum())
    if changes:
        yield f"{name}: changes within {changes} steps; each has the mean of its numbers, weighted by time"
