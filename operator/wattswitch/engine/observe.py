"""From what the cluster and the feeds show to a `SiteState`: mapping and counting, no decision.

Every target that was ever under control is in exactly one of two places: a workload that the plan moves, or a draw that
it only counts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from wattswitch.api.feed import NamedFeed
from wattswitch.api.inference_deployment import InferenceDeployment
from wattswitch.api.mining_pool import MiningPool
from wattswitch.api.power_budget import PowerBudget
from wattswitch.api.units import Quantity
from wattswitch.cluster import TargetFacts, View
from wattswitch.engine.books import Book, Pods
from wattswitch.engine.correction import Correction
from wattswitch.engine.leftover import LeftOver, heir_pods
from wattswitch.engine.roster import Effect, Entry
from wattswitch.engine.signals import UNKNOWN_FEED, signal
from wattswitch.engine.sitefeeds import SiteFeeds
from wattswitch.planner.model import (
    PUE_SCALE,
    Budget,
    Demand,
    Draw,
    GpuGroup,
    Kind,
    Mode,
    Move,
    Reason,
    Signal,
    SiteState,
    Workload,
    Worth,
    WorthUnit,
)

STOPPED_WORTH = Worth(Signal(0.0), WorthUnit.PER_MWH)
_UNITS = {
    Quantity.PRICE: WorthUnit.PER_MWH,
    Quantity.HASHPRICE: WorthUnit.HASHPRICE,
    Quantity.GPU_RATE: WorthUnit.PER_GPU_HOUR,
    Quantity.REPLICA_RATE: WorthUnit.PER_REPLICA_HOUR,
}


@dataclass
class Site:
    """What one budget's loop knows between two decisions. `listed` are pod counts by the target's uid."""

    budget: PowerBudget
    feeds: SiteFeeds
    books: dict[str, Book] = field(default_factory=dict)
    listed: dict[str, Pods] = field(default_factory=dict)
    left_over: dict[str, LeftOver] = field(default_factory=dict)
    correction: Correction = field(default_factory=Correction)
    moves: list[Move] = field(default_factory=list)
    starting: bool = False
    standby: bool = False


@dataclass(frozen=True)
class Observation:
    """One look at the site. `books` are those of the workloads, by the workload's key; `unlisted` need a pod list."""

    state: SiteState
    entries: tuple[Entry, ...]
    books: Mapping[str, Book]
    unlisted: tuple[Book, ...]


def observe(site: Site, view: View, entries: list[Entry], now: float, raise_gate: str) -> Observation:
    """Count every pod, read every feed, and say what one decision depends on."""
    controlled = {entry.key: entry for entry in entries if _controllable(entry, site.books)}
    _open_books(site, controlled.values())
    gone = _count(site, view, now)
    books = {entry.key: site.books[entry.facts.uid] for entry in controlled.values() if entry.facts}
    workloads = [_workload(site, entry, books[key], now) for key, entry in controlled.items()]
    taken = {book.uid for book in books.values()}
    named = {entry.target for entry in entries}
    leaving, draws = [], []
    for book in sorted(site.books.values(), key=lambda book: book.key):
        if book.uid in taken:
            continue
        abandoned = (book.kind, book.namespace, book.name) not in named and book.uid not in gone
        if abandoned and _left(site, book, now):
            continue
        if abandoned and book.on_delete != "Keep":
            leaving.append(_leaving(book, now))
            books[book.key] = book
        else:
            draws.append(_draw(book, gone=book.uid in gone, now=now))
    state = SiteState(
        now=now,
        budget=_budget(site, now),
        workloads=tuple(workloads + leaving),
        draws=tuple(draws),
        moves=tuple(site.moves),
        raise_gate=raise_gate,
    )
    return Observation(state, tuple(entries), books, tuple(_unlisted(site, gone)))


def _controllable(entry: Entry, books: Mapping[str, Book]) -> bool:
    if entry.facts is None or entry.problem(Effect.REFUSED):
        return False
    return entry.model is not None or entry.facts.uid in books


def _open_books(site: Site, entries: Iterable[Entry]) -> None:
    """Give every controlled target a book, and let its book follow what the workload and the hardware say."""
    for entry in entries:
        facts = entry.facts
        if facts is None or entry.model is None or entry.hardware is None:
            continue
        book = site.books.get(facts.uid)
        if book is None:
            book = site.books[facts.uid] = Book(
                facts.uid, facts.namespace, facts.kind, facts.name, entry.key, facts.selector, entry.watts
            )
        book.workload, book.selector, book.watts = entry.key, facts.selector, entry.watts
        book.gpus, book.gpu_group = entry.gpus, entry.hardware.gpu_group or ""
        book.stop_seconds = entry.hardware.stop_seconds
        book.drain_seconds = _drain_seconds(entry.model)
        book.on_delete = str(entry.model.spec.on_delete)


def _count(site: Site, view: View, now: float) -> set[str]:
    """Bring every book up to date; returns the uids whose target does not exist, after closing those without pods."""
    gone: set[str] = set()
    backlog = sum(book.unborn_pods for book in site.books.values())
    for book in list(site.books.values()):
        facts = _namesake(view, book)
        listed = site.listed.get(book.uid)
        if facts is not None and facts.uid == book.uid:
            book.observe(facts, listed, now, backlog)
            continue
        left_over = site.left_over.setdefault(book.uid, LeftOver())
        book.observe_gone(left_over.count(listed, heir_pods(book.selector, facts)), now, backlog)
        gone.add(book.uid)
        if left_over.pods is not None and book.booked_pods(now) == 0:
            _close(site, book)
    return gone


def _namesake(view: View, book: Book) -> TargetFacts | None:
    """The object under the name of the book's target: the target, or one that came after it."""
    return view.target(book.kind, book.namespace, book.name)


def _close(site: Site, book: Book) -> None:
    site.books.pop(book.uid)
    site.listed.pop(book.uid, None)
    site.left_over.pop(book.uid, None)


def _left(site: Site, book: Book, now: float) -> bool:
    """Whether the target of a deleted workload is nobody's any more, and its book closed.

    Once it was stopped or restored it is not moved again; it counts until it has no pods.
    """
    if not book.settled:
        return False
    if book.spec_replicas == _size_to_leave(book):
        book.on_delete = "Keep"
    if book.on_delete != "Keep" or book.spec_replicas or book.booked_pods(now):
        return False
    _close(site, book)
    return True


def _size_to_leave(book: Book) -> int:
    return book.original_replicas if book.on_delete == "Restore" else 0


def _unlisted(site: Site, gone: set[str]) -> Iterable[Book]:
    """Books whose pods only a list can count: of gone targets, StatefulSets, and servers without the field."""
    for book in site.books.values():
        if book.uid in gone or book.needs_list:
            yield book


def _workload(site: Site, entry: Entry, book: Book, now: float) -> Workload:
    blocked = entry.problem(Effect.BLOCKED)
    model, facts = entry.model, entry.facts
    if model is None or facts is None:
        return _held_as_it_is(entry, book, now)
    spec = model.spec
    return replace(
        _of_book(entry.key, entry.kind, book, now),
        priority=entry.priority,
        floor_replicas=spec.replicas.min,
        max_replicas=spec.replicas.max,
        ready_replicas=facts.ready_replicas,
        worth=_worth(site, entry, model),
        demand=_demand(site, entry, model),
        min_run_seconds=spec.switching.min_run_seconds,
        min_off_seconds=spec.switching.min_off_seconds,
        held=_held(site, entry),
        blocked=str(blocked.reason) if blocked else "",
    )


def _held(site: Site, entry: Entry) -> str:
    """Why only the limit may lower the workload, or nothing."""
    if entry.paused:
        return str(Reason.PAUSED)
    if problem := entry.problem(Effect.HELD):
        return str(problem.reason)
    if site.standby:
        return str(Reason.NOT_LEADER)
    return str(Reason.STARTING) if site.starting else ""


def _held_as_it_is(entry: Entry, book: Book, now: float) -> Workload:
    """A workload whose spec cannot be read: nothing moves it but the limit."""
    return replace(_of_book(entry.key, entry.kind, book, now), held=str(Reason.INVALID_SPEC))


def _leaving(book: Book, now: float) -> Workload:
    """The target of a deleted workload: stopped, or brought back to the size that it had before."""
    size = _size_to_leave(book)
    return replace(_of_book(book.key, Kind.MINING, book, now), floor_replicas=size, max_replicas=size)


def _of_book(key: str, kind: Kind, book: Book, now: float) -> Workload:
    """A workload as its book alone knows it: worth nothing, and no larger than it is."""
    return Workload(
        key=key,
        kind=kind,
        max_replicas=book.spec_replicas,
        it_watts_per_replica=book.watts,
        gpus_per_replica=book.gpus,
        gpu_group=book.gpu_group,
        surge=book.surge,
        worth=STOPPED_WORTH,
        spec_replicas=book.spec_replicas,
        booked_pods=book.booked_pods(now),
        stuck_pods=book.stuck_pods(now),
        settled=book.settled,
        raised_at=book.raised_at,
        lowered_at=book.lowered_at,
    )


def _draw(book: Book, *, gone: bool, now: float) -> Draw:
    return Draw(
        key=book.key,
        pods=book.booked_pods(now),
        staying_pods=book.pods.alive if gone else book.asked_pods,
        it_watts_per_pod=book.watts,
        gpus_per_pod=book.gpus,
        gpu_group=book.gpu_group,
    )


def _drain_seconds(model: MiningPool | InferenceDeployment) -> int:
    return model.spec.switching.drain_seconds if isinstance(model, InferenceDeployment) else 0


def _worth(site: Site, entry: Entry, model: MiningPool | InferenceDeployment) -> Worth:
    fee = 0.0
    if isinstance(model, MiningPool):
        fixed, unit_of_fixed = model.spec.worth.per_mwh, WorthUnit.PER_MWH
        fee = float(model.spec.worth.pool_fee_percent)
    else:
        fixed, unit_of_fixed = model.spec.worth.per_replica_hour, WorthUnit.PER_REPLICA_HOUR
    if fixed is not None:
        return Worth(Signal(float(fixed)), unit_of_fixed)
    return _worth_of_feed(site, entry, model.spec.worth.feed or "", fee)


def _worth_of_feed(site: Site, entry: Entry, name: str, fee: float) -> Worth:
    feed = _feed(site, name)
    if feed is None:
        return Worth(UNKNOWN_FEED, WorthUnit.PER_MWH)
    unit = _UNITS.get(feed.sources[0].unit.quantity)
    joules = entry.hardware.joules_per_terahash if entry.hardware else None
    if unit is None or (unit is WorthUnit.HASHPRICE and joules is None):
        return Worth(UNKNOWN_FEED, WorthUnit.PER_MWH)
    return Worth(_read(site, entry, feed), unit, fee, float(joules or 0))


def _demand(site: Site, entry: Entry, model: MiningPool | InferenceDeployment) -> Demand | None:
    if not isinstance(model, InferenceDeployment) or model.spec.demand is None:
        return None
    name, per_replica = model.spec.demand.feed, float(model.spec.demand.per_replica)
    feed = _feed(site, name)
    if feed is None or feed.sources[0].unit.quantity is not Quantity.COUNT:
        return Demand(UNKNOWN_FEED, per_replica)
    return Demand(_read(site, entry, feed), per_replica)


def _feed(site: Site, name: str) -> NamedFeed | None:
    return next((feed for feed in site.budget.spec.feeds if feed.name == name), None)


def _read(site: Site, entry: Entry, feed: NamedFeed) -> Signal:
    return signal(site.feeds.named(feed.name, entry.namespace, entry.name), feed)


def _budget(site: Site, now: float) -> Budget:
    spec = site.budget.spec
    meter = signal(site.feeds.meter(), spec.meter) if spec.meter else None
    if meter is not None and meter.fresh and meter.value is not None and spec.meter is not None:
        site.correction.measure(meter.at, meter.value, spec.meter.deadband_watts)
    return Budget(
        name=site.budget.metadata.name,
        mode=Mode(spec.mode),
        cap_watts=spec.cap_watts,
        reserve_percent=spec.reserve_percent,
        fixed_watts=spec.overhead.fixed_watts,
        pue_1e4=int(spec.overhead.pue * PUE_SCALE),
        adder_per_mwh=float(spec.price.adder_per_mwh),
        price=signal(site.feeds.price(), spec.price),
        meter=meter,
        correction_watts=site.correction.watts if spec.meter else 0,
        ramp_up_watts_per_minute=spec.ramp_up_watts_per_minute,
        ramp_down_watts_per_minute=spec.ramp_down_watts_per_minute,
        gpu_groups=tuple(GpuGroup(group.name, group.gpus) for group in spec.gpu_groups),
    )
