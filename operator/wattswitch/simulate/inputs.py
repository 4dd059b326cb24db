"""The recorded world on one grid of steps: what was true at each, and what the operator's feeds would have said.

What is true (`price_per_mwh`, `worth_per_mwh`, `demand_replicas`) judges every policy; what is seen (`seen`) may be
late, and has holes where the recording has them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from wattswitch.api.feed import Feed
from wattswitch.planner.model import Kind, Signal, Workload
from wattswitch.planner.need import TOLERANCE_REPLICAS
from wattswitch.planner.worth import worth_per_mwh
from wattswitch.simulate.grid import AS_RECORDED, Period, grid_of, refuse_long_holes, refuse_outside
from wattswitch.simulate.sampling import (
    Sampled,
    believed,
    changes_within,
    clock_series,
    follows_clock,
    is_clock,
    known_numbers,
    sample,
    to_base,
)
from wattswitch.simulate.series import InputsError, Series
from wattswitch.simulate.site import SiteModel, WorkloadModel

PRICE: Final = "price"
"""Key of the price in `Inputs.seen`; the others are those of `feed_key`."""

FEED: Final = "feed:"
"""Goes before the names of named feeds, so that one called `price` is not the price."""

HOUR_SECONDS: Final = 3600.0

CURVE_AHEAD_SECONDS: Final = 48 * HOUR_SECONDS
"""How far ahead a decision sees a curve, as in the operator: so far beyond the last step one is worked out."""

WARM_SECONDS: Final = 90 * 24 * HOUR_SECONDS
"""How much of the prices before the first step is learned from: an operator that is running has a past."""

DEMAND_WARM_SECONDS: Final = 28 * 24 * HOUR_SECONDS
"""The same of demand, whose forecast remembers one week, and for longer only how wrong it was."""

OUTLOOK_KNOWN: Final = time(13, 0)
"""When the curve of a day is published on the day before, local time, as on most day-ahead markets."""


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


def feed_key(name: str, workload: WorkloadModel, seen: Mapping[str, object]) -> str:
    """Where a workload finds a feed in `Inputs.seen`: its own series before everybody's."""
    own = f"{FEED}{name}/{workload.name}"
    return own if own in seen else FEED + name


def build_inputs(site: SiteModel, recorded: Recorded, period: Period = AS_RECORDED) -> Inputs:
    """Put the series on one grid. Raises InputsError where one is missing or nothing is covered."""
    _check_names(site, recorded)
    _zone(recorded.time_zone)
    polled = _polled(site, recorded)
    alone = recorded.price is not None and not any(map(is_clock, site.spec.price.sources))
    times, step_seconds, cut = grid_of(polled, period, covers=alone)
    if alone:
        refuse_long_holes(polled[0], times, step_seconds)
    span = (float(times[0]), float(times[-1]) + step_seconds)
    feeds = _feeds(site, recorded)
    _refuse_outside(feeds, span)
    seen = {key: sample(feed, series, times, span) for key, (feed, series) in feeds.items()}
    now = seen[PRICE] if not recorded.price_delay_seconds else sample(site.spec.price, recorded.price, times, span)
    seen[PRICE] = sample(site.spec.price, recorded.price, times, span, recorded.price_delay_seconds)
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
    if recorded.price is None and not follows_clock(site.spec.price):
        missing.append(f"PowerBudget {site.name}: spec.price has to be given: add {recorded.price_option}")
    for workload in site.workloads:
        for name in _named_by(workload):
            own = f"{name}/{workload.name}"
            series = recorded.feeds.get(own, recorded.feeds.get(name))
            if series is None and not follows_clock(by_name[name]):
                missing.append(
                    f"{workload.key}: feed {name!r} has to be given: add --feed {name}={recorded.feed_value}, or for"
                    f" this workload alone --feed {own}={recorded.feed_value}"
                )
            found[FEED + (own if own in recorded.feeds else name)] = (by_name[name], series)
    if missing:
        raise InputsError("\n".join(missing))
    return found


def _refuse_outside(feeds: Mapping[str, tuple[Feed, Series | None]], span: tuple[float, float]) -> None:
    """Refuse a named feed's series that says nothing of what is played: a slip in --from, --to or the file."""
    for key, (feed, series) in feeds.items():
        if series is not None and key != PRICE:
            refuse_outside(f"--feed {key.removeprefix(FEED)}", known_numbers(feed, series), *span)


def _named_by(workload: WorkloadModel) -> Iterator[str]:
    if workload.worth.feed is not None:
        yield workload.worth.feed
    if workload.demand is not None:
        yield workload.demand.feed


def _polled(site: SiteModel, recorded: Recorded) -> list[Series]:
    """What is known of the recorded series that the site needs, the price first."""
    needed = {id(series): (feed, series) for feed, series in _feeds(site, recorded).values() if series is not None}
    return [known_numbers(feed, series) for feed, series in needed.values()]


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
        factor = to_base(site.spec.price) if source is None else float(source.scale) * source.unit.to_base
        curve = believed(recorded.outlook.scaled(factor), site.spec.price).known
        refuse_outside("--outlook", curve, span[0], span[1] + CURVE_AHEAD_SECONDS)
        return curve, known_from(curve, recorded.time_zone, recorded.outlook_known)
    if source is None or not is_clock(source):
        return None, None
    clock = clock_series(source, (span[0], span[1] + CURVE_AHEAD_SECONDS))
    hours = np.arange(span[0] - span[0] % HOUR_SECONDS, span[1] + CURVE_AHEAD_SECONDS, HOUR_SECONDS)
    starts = np.union1d(hours[1:], clock.starts[:-1])
    return Series(starts, clock.at(starts), source.name), np.zeros(starts.size)


def _learned(site: SiteModel, recorded: Recorded, span: tuple[float, float]) -> Series:
    """Every price that a learner could read up to the last step, from before the first one too."""
    feed = site.spec.price
    if recorded.price is None:
        return clock_series(feed.sources[0], span)
    series = believed(recorded.price.scaled(to_base(feed)), feed).known
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
    return times, {key: sample(feed, series, times, span) for key, (feed, series) in recorded.items()}


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
    known = known_numbers(feed, series)
    outside = int(np.isfinite(series.values).sum()) - known.starts.size
    if outside and feed.range is not None:
        yield (
            f"{name}: {outside} numbers are not within the feed's range, {feed.range.min} to {feed.range.max} in base"
            " units, and count as not known"
        )
    changes = int(changes_within(known, times, span).sum())
    if changes:
        yield f"{name}: changes within {changes} steps; each has the mean of its numbers, weighted by time"
