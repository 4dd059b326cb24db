"""From what the cluster and the feeds show to a `SiteState`: mapping and counting, no decision.

Every target that was ever under control is in exactly one of two places: a workload that the plan moves, or a draw that
it only counts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from wattswitch.api.inference_deployment import InferenceDeploymentSpec, ServiceClass
from wattswitch.api.power_budget import PowerBudget
from wattswitch.api.times import parse_time
from wattswitch.cluster import TargetFacts, View
from wattswitch.engine.backlogs import Backlogs
from wattswitch.engine.books import Book, Pods
from wattswitch.engine.correction import Correction
from wattswitch.engine.forest import ALONE, Place
from wattswitch.engine.grid import Grid
from wattswitch.engine.gridfacts import shed_seconds, site_facts
from wattswitch.engine.learner import DemandLearner, Learner
from wattswitch.engine.leftover import NO_PODS, LeftOver, heir_pods
from wattswitch.engine.roster import Effect, Entry
from wattswitch.engine.signals import Signals, signal
from wattswitch.engine.sitefeeds import SiteFeeds
from wattswitch.feeds import Reading
from wattswitch.mapping import (
    AnySpec,
    batch_of,
    budget_of,
    cost_per_start,
    currency_of,
    drain_seconds,
    has_deadline,
    in_order,
)
from wattswitch.planner.model import (
    Batch,
    Budget,
    Demand,
    Draw,
    Kind,
    Move,
    PriceOutlook,
    Reason,
    Signal,
    SiteState,
    Workload,
    Worth,
    WorthUnit,
)

STOPPED_WORTH = Worth(Signal(0.0), WorthUnit.PER_MWH)


@dataclass
class Site:
    """What one budget's loop knows between two decisions. `listed` are pod counts by the target's uid."""

    budget: PowerBudget
    feeds: SiteFeeds
    books: dict[str, Book] = field(default_factory=dict)
    listed: dict[str, Pods] = field(default_factory=dict)
    left_over: dict[str, LeftOver] = field(default_factory=dict)
    correction: Correction = field(default_factory=Correction)
    grid: Grid = field(default_factory=Grid)
    learner: Learner = field(default_factory=Learner)
    demands: DemandLearner = field(default_factory=DemandLearner)
    backlogs: Backlogs = field(default_factory=Backlogs)
    moves: list[Move] = field(default_factory=list)
    shed_seconds: float = 0.0
    starting: bool = False
    standby: bool = False


@dataclass(frozen=True)
class Observation:
    """One look at the site. `books` are those of the workloads, by the workload's key; `unlisted` need a pod list."""

    state: SiteState
    entries: tuple[Entry, ...]
    books: Mapping[str, Book]
    unlisted: tuple[Book, ...]


def observe(
    site: Site, view: View, entries: list[Entry], now: float, raise_gate: str, place: Place = ALONE
) -> Observation:
    """Count every pod, read every feed, and say what one decision depends on."""
    controlled = {entry.key: entry for entry in entries if _controllable(entry, site.books)}
    _open_books(site, controlled.values())
    gone = _count(site, view, now)
    books = {entry.key: site.books[entry.facts.uid] for entry in controlled.values() if entry.facts}
    signals = Signals(site.feeds, site.budget.spec)
    workloads = [_workload(site, signals, entry, books[key], now) for key, entry in controlled.items()]
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
            leaving.append(_leaving(site, book, now))
            books[book.key] = book
        else:
            draws.append(_draw(book, gone=book.uid in gone, now=now))
    site.demands.keep_only(controlled.keys())
    site.backlogs.keep_only(controlled.keys())
    budget = _budget(site, now, whole=not place.gate)
    state = SiteState(
        now=now,
        budget=_joined(_limited_by_grid(site, view, budget, workloads, now, place), place),
        workloads=tuple(workloads + leaving),
        draws=tuple(draws),
        moves=tuple(site.moves),
        raise_gate=raise_gate or place.gate,
    )
    return Observation(state, tuple(entries), books, tuple(_unlisted(site, gone)))


def committed_watts(site: Site, budget: Budget, now: float) -> int:
    """Watts at the meter of everything in the books, sizes on their way included."""
    return budget.committed_watts(sum(book.booked_pods(now) * book.watts for book in site.books.values()))


def _controllable(entry: Entry, books: Mapping[str, Book]) -> bool:
    if entry.facts is None or entry.problem(Effect.REFUSED):
        return False
    newcomer = entry.model is not None and not entry.problem(Effect.EXPELLED)
    return newcomer or entry.facts.uid in books


def _open_books(site: Site, entries: Iterable[Entry]) -> None:
    """Give every controlled target a book, and let its book follow what the workload and the hardware say."""
    for entry in entries:
        facts = entry.facts
        if facts is None or entry.model is None or entry.hardware is None or entry.problem(Effect.EXPELLED):
            continue
        book = site.books.get(facts.uid)
        if book is None:
            book = site.books[facts.uid] = Book(
                facts.uid, facts.namespace, facts.kind, facts.name, entry.key, facts.selector, entry.watts
            )
        book.workload, book.selector = entry.key, facts.selector
        book.rate(entry.watts, entry.gpus, rolled_out=facts.rolled_out)
        book.gpu_group = entry.hardware.gpu_group or ""
        book.stop_seconds = entry.hardware.stop_seconds
        book.drain_seconds = drain_seconds(entry.model.spec)
        book.grace_seconds = facts.grace_seconds
        book.most_replicas = entry.model.spec.replicas.max
        book.on_delete = str(entry.model.spec.on_delete)


def _count(site: Site, view: View, now: float) -> set[str]:
    """Bring every book up to date; returns the uids whose target does not exist, after closing those without pods."""
    gone: set[str] = set()
    backlog = sum(book.unborn_pods for book in site.books.values())
    for book in list(site.books.values()):
        facts = view.target(book.kind, book.namespace, book.name)
        if facts is not None and facts.uid == book.uid:
            book.observe(facts, site.listed.get(book.uid), now, backlog)
            continue
        if book.uid not in site.left_over:
            site.left_over[book.uid] = LeftOver()
            site.listed.pop(book.uid, None)  # a list from before the deletion may lack pods that came after it
        left_over, listed = site.left_over[book.uid], site.listed.get(book.uid)
        heirs = heir_pods(book.selector, living(view, book.namespace)) if listed is not None else NO_PODS
        book.observe_gone(left_over.count(listed, heirs), now, backlog)
        gone.add(book.uid)
        if left_over.pods is not None and book.booked_pods(now) == 0:
            _close(site, book)
    return gone


def living(view: View, namespace: str) -> Iterable[TargetFacts]:
    """Every target that a namespace has."""
    for kind in ("Deployment", "StatefulSet"):
        for raw in view.all(kind):
            if raw["metadata"]["namespace"] == namespace:
                facts = view.target(kind, namespace, raw["metadata"]["name"])
                if facts is not None:
                    yield facts


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


def _workload(site: Site, signals: Signals, entry: Entry, book: Book, now: float) -> Workload:
    expelled, blocked = entry.problem(Effect.EXPELLED), entry.problem(Effect.BLOCKED)
    model, facts = entry.model, entry.facts
    if model is None or facts is None or expelled:
        return _held_as_it_is(entry, book, now, expelled.reason if expelled else Reason.INVALID_SPEC)
    spec, demand = model.spec, signals.demand(entry, model)
    return _of_book(
        entry.key,
        entry.kind,
        book,
        now,
        priority=entry.priority,
        floor_replicas=spec.replicas.min,
        max_replicas=spec.replicas.max,
        ready_replicas=facts.ready_replicas,
        worth=signals.worth(entry, model),
        demand=_foreseen(site, entry, spec, demand, now),
        batch=_batch(site, entry, spec, demand, now),
        min_run_seconds=spec.switching.min_run_seconds,
        min_off_seconds=spec.switching.min_off_seconds,
        start_seconds=spec.switching.start_seconds,
        drain_seconds=drain_seconds(spec),
        cost_per_start=cost_per_start(spec),
        held=_held(site, entry),
        blocked=str(blocked.reason) if blocked else "",
    )


def _foreseen(site: Site, entry: Entry, spec: AnySpec, demand: Demand | None, now: float) -> Demand | None:
    """The demand with what it will be when a replica that starts now serves; of work that may wait, as it is."""
    lead = spec.switching.start_seconds
    if demand is None or lead == 0 or not isinstance(spec, InferenceDeploymentSpec):
        return demand
    if spec.service_class is ServiceClass.BATCH:
        return demand
    return site.demands.foreseen(entry.key, demand, lead, now)


def _batch(site: Site, entry: Entry, spec: AnySpec, demand: Demand | None, now: float) -> Batch | None:
    """What a deadline asks for, None where there is none."""
    if demand is None or not has_deadline(spec):
        return None
    kept = _waited_since(entry)
    return batch_of(spec, site.backlogs.oldest_at(entry.key, demand.signal, now, in_order=in_order(spec), kept=kept))


def _waited_since(entry: Entry) -> float | None:
    """Since when work waits, as the workload's status says; only its own reporter writes that."""
    told = (entry.raw.get("status") or {}).get("waitingSince")
    try:
        return None if told is None else parse_time(str(told))
    except ValueError:
        return None


def _held(site: Site, entry: Entry) -> str:
    """Why only the limit may lower the workload, or nothing."""
    if entry.paused:
        return str(Reason.PAUSED)
    if problem := entry.problem(Effect.HELD):
        return str(problem.reason)
    return _site_held(site)


def _site_held(site: Site) -> str:
    """Why only the limit may lower anything of this site, or nothing."""
    if site.standby:
        return str(Reason.NOT_LEADER)
    return str(Reason.STARTING) if site.starting else ""


def _held_as_it_is(entry: Entry, book: Book, now: float, why: Reason) -> Workload:
    """A workload whose spec cannot be read or counts no more: nothing moves it but the limit."""
    ready = entry.facts.ready_replicas if entry.facts else 0
    return _of_book(entry.key, entry.kind, book, now, held=str(why), ready_replicas=ready)


def _leaving(site: Site, book: Book, now: float) -> Workload:
    """The target of a deleted workload: stopped, or brought back to the size that it had before."""
    size, held = _size_to_leave(book), _site_held(site)
    return _of_book(book.key, Kind.MINING, book, now, max_replicas=size, leaving=True, held=held)


def _of_book(key: str, kind: Kind, book: Book, now: float, **known: Any) -> Workload:
    """A workload as its book alone knows it, worth nothing and no larger than it is, but for what is `known`."""
    of_book: dict[str, Any] = {
        "max_replicas": book.spec_replicas,
        "it_watts_per_replica": book.watts,
        "gpus_per_replica": book.gpus,
        "gpu_group": book.gpu_group,
        "surge": book.surge,
        "worth": STOPPED_WORTH,
        "spec_replicas": book.spec_replicas,
        "booked_pods": book.booked_pods(now),
        "stuck_pods": book.stuck_pods(now),
        "settled": book.settled,
        "raised_at": book.raised_at,
        "lowered_at": book.lowered_at,
    }
    return Workload(key=key, kind=kind, **of_book | known)


def _draw(book: Book, *, gone: bool, now: float) -> Draw:
    return Draw(
        key=book.key,
        pods=book.booked_pods(now),
        staying_pods=book.pods.alive if gone else book.asked_pods,
        it_watts_per_pod=book.watts,
        gpus_per_pod=book.gpus,
        gpu_group=book.gpu_group,
    )


def _budget(site: Site, now: float, *, whole: bool) -> Budget:
    """The budget alone; the meter is compared with the books only where these are `whole`, all below included."""
    spec, price = site.budget.spec, site.feeds.price()
    meter = signal(site.feeds.meter(), spec.meter) if spec.meter else None
    if whole and meter is not None and meter.fresh and meter.value is not None and spec.meter is not None:
        site.correction.measure(meter.at, meter.value, spec.meter.deadband_watts)
    return budget_of(
        site.budget.metadata.name,
        spec,
        signal(price, spec.price),
        meter=meter,
        correction_watts=site.correction.watts if spec.meter else 0,
        outlook=_outlook(site, price, now),
    )


def _limited_by_grid(
    site: Site, view: View, budget: Budget, workloads: list[Workload], now: float, place: Place
) -> Budget:
    """The budget with the limits that the grid sets now."""
    spec = site.budget.spec
    asked = [raw for raw in view.all("CurtailmentEvent") if (raw.get("spec") or {}).get("budget") == budget.name]
    site.shed_seconds = shed_seconds(site.books.values(), now, budget.it_limit_watts)
    facts = site_facts(budget, spec, workloads, site.shed_seconds, place)
    grid = site.grid.look(
        asked,
        spec,
        facts,
        site.feeds.grid_limit(),
        now,
        starting=site.starting,
        read=lambda feed: site.feeds.named(feed, "", ""),
    )
    return replace(budget, event_limits_watts=grid.limits_watts, limited_by=grid.limited_by, emergency=grid.emergency)


def _joined(budget: Budget, place: Place) -> Budget:
    """The budget with what those below it draw."""
    if place is ALONE:
        return budget
    return replace(
        budget,
        fixed_watts=budget.fixed_watts + place.committed_watts,
        emergency=budget.emergency or place.emergency,
    )


def _outlook(site: Site, price: Reading, now: float) -> PriceOutlook:
    """What is known of the price to come, this reading of it included."""
    published = site.feeds.curve()
    curve = None if published is None else published.curve
    site.learner.learn(price, curve, currency_of(site.budget.spec), now)
    return site.learner.outlook(curve, now)
