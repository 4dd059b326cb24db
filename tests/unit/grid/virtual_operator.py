"""The operator in virtual time: what it observes, decides, remembers and counts is its own code; only I/O is not.

What outlives a kill is what the API server and the volume hold: statuses, books and the record. Nothing else is kept.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unit.engine.site_objects import Stage, pool_raw, reading, service_raw
from unit.grid.virtual_site import BUDGET, CHAT, LLAMA, OLD, S21, WORKLOADS, Pods, VirtualSite
from wattswitch.engine import gridfacts
from wattswitch.engine.books import Book
from wattswitch.engine.eventrecords import event_records
from wattswitch.engine.eventreport import event_status
from wattswitch.engine.ledger import from_raw, to_raw
from wattswitch.engine.observe import Observation, Site, committed_watts
from wattswitch.engine.site import with_move
from wattswitch.engine.tally import tally
from wattswitch.planner import plan
from wattswitch.planner.model import Move, Plan
from wattswitch.settlement.eventrecord import EventRecord, one_each
from wattswitch.settlement.intervalbook import IntervalBook, Part
from wattswitch.settlement.intervals import Interval
from wattswitch.settlement.store import Store

HEARTBEAT_SECONDS = 450.0
"""Far more than the operator's own: what is due earlier must come by deadlines and by watches alone."""
STARTING_SECONDS = 3.0
WRITE_SECONDS = 60.0
LEAST_GAP_SECONDS = 0.25
"""Five times the operator's own: what watches bring meanwhile is looked at together, which saves steps."""

Raw = dict[str, Any]


def resources() -> list[Raw]:
    """The workloads of the site; chat serves first, miners go by what a megawatt-hour is worth to them."""

    def replicas(pods: Pods) -> Raw:
        return {"min": pods.least, "max": pods.most}

    return [
        pool_raw(S21.name, replicas=replicas(S21)),
        pool_raw(OLD.name, replicas=replicas(OLD), hardware="plain", worth={"perMWh": "60"}),
        service_raw(LLAMA.name, replicas=replicas(LLAMA), priority=10),
        service_raw(CHAT.name, replicas=replicas(CHAT), priority=20),
    ]


class Stand(Stage):
    """What the API server holds."""

    def keep(self, raw: Raw, generation: int) -> None:
        """Put an object whose generation is its own."""
        self.version += 1
        meta = raw["metadata"] | {"resourceVersion": str(self.version), "generation": generation}
        self.view.apply("MODIFIED", raw | {"metadata": meta})


@dataclass
class Kept:
    """What statuses hold for the next process."""

    books: list[Raw] = field(default_factory=list)
    events: list[dict[str, str]] = field(default_factory=list)
    lessons: dict[str, str] | None = None
    correction_watts: int = 0


class Account:
    """The record as the accounts of one process keep it: all that passes from one to the next is in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._book = IntervalBook.resume(store.open_book())
        self._parts: dict[str, Part] = {}
        self._rows: list[Interval] = []
        self._events: dict[str, dict[str, EventRecord]] = {}
        self._put_at = float("-inf")
        self._dirty = False

    def note(self, seen: Observation, decision: Plan, events: list[EventRecord]) -> None:
        """Count one decision."""
        observation = tally(seen.state, decision, self._parts)
        self._parts = {part.workload: part for part in observation.parts}
        self._rows += self._book.add(observation)
        for event in events:
            self._events.setdefault(event.key, {})[event.uid] = event
        self._dirty = True

    @property
    def due_at(self) -> float:
        """When it is to be written."""
        return self._put_at + WRITE_SECONDS if self._dirty else float("inf")

    def put(self, now: float) -> None:
        """Write what is not written yet."""
        events = [each for known in self._events.values() for each in one_each(known.values())]
        assert self._store.put(self._rows, events, self._book.text()) is None
        self._rows, self._events, self._dirty, self._put_at = [], self._only_open(now), False, now

    def _only_open(self, now: float) -> dict[str, dict[str, EventRecord]]:
        return {
            key: known
            for key, known in self._events.items()
            if any(each.over_at is None or each.over_at > now - 86_400 for each in known.values())
        }


class VirtualOperator:
    """One budget's loop. `down_until` is when a killed one is back; `price` is what its feed says."""

    def __init__(self, virtual: VirtualSite, record: Path, now: float, **budget: Any) -> None:
        self.virtual = virtual
        self.record = record
        self.stand = Stand(*resources(), **(BUDGET | budget))
        self.price = 40.0
        self.priced_at = now
        self.kept = Kept()
        self.down_until = 0.0
        self.raised: list[tuple[float, str]] = []
        self.lowered: list[tuple[tuple[str, str], int, int]] = []
        self.plan: Plan | None = None
        self._shown: dict[tuple[str, str], int] = {}
        self._look_at = self._stepped_at = now
        self._begin(now)

    # ---- the life of a process ---------------------------------------------------------------------------------------

    def _begin(self, now: float) -> None:
        """A new process, which knows what statuses and the store hold."""
        self.site = Site(self.stand.budget, self.stand.feeds)  # type: ignore[arg-type]
        self.stand.site = self.site
        self.site.books = {book.uid: book for book in map(from_raw, self.kept.books)}
        self.site.correction.watts = self.kept.correction_watts
        self.site.grid.book.restore(self.kept.events)
        self.site.learner.restore(self.kept.lessons)
        self._store = Store(self.record)
        self.account = Account(self._store)
        self._began_at = self._look_at = now
        self.site.starting = True

    def kill(self, now: float, down_seconds: float) -> None:
        """End the process without a word; statuses hold what they were told with its last decision."""
        self._tell()
        self._store.close()
        self.down_until = now + down_seconds

    def is_up(self, now: float) -> bool:
        """Whether a process runs."""
        return now >= self.down_until

    def rise(self, now: float) -> None:
        """Start the next process."""
        self.down_until = 0.0
        self._begin(now)

    def close(self, now: float) -> None:
        """Look once more, and write the last of the record."""
        self.step(now)
        self.account.put(now)
        self._store.close()

    # ---- when it looks -----------------------------------------------------------------------------------------------

    def wake(self, now: float) -> None:
        """Have it decide anew, for a watch event."""
        self._look_at = min(self._look_at, max(now, self._stepped_at + LEAST_GAP_SECONDS))

    @property
    def next_at(self) -> float:
        """When it does something next of itself."""
        if self.down_until:
            return self.down_until
        return min(self._look_at, self.account.due_at)

    def act(self, now: float) -> None:
        """Do what is due."""
        if self.down_until:
            self.rise(now)
        if now >= self._look_at:
            self.step(now)
        if now >= self.account.due_at:
            self.account.put(now)

    def _deadline(self, now: float) -> float:
        times = [now + HEARTBEAT_SECONDS]
        times += [at for book in self.site.books.values() for at in (book.tail_end(now), book.settles_at()) if at]
        if self.site.starting:
            times.append(self._began_at + STARTING_SECONDS)
        times += [at for at in (self.site.grid.now.look_again_at, self.plan and self.plan.look_again_at) if at]
        return max(now + LEAST_GAP_SECONDS, min(times))

    # ---- one decision ------------------------------------------------------------------------------------------------

    def step(self, now: float) -> None:
        """Observe, decide, write, count."""
        self.site.starting = self.site.starting and now < self._began_at + STARTING_SECONDS
        self._show_targets()
        self._read_feeds(now)
        seen = self.stand.look(now)
        decision = self.plan = plan(seen.state)
        self.site.grid.note(gridfacts.drawn(seen.state, decision))
        self._write(seen, decision, now)
        self.site.correction.note(now, committed_watts(self.site, seen.state.budget, now))
        self.account.note(seen, decision, list(event_records(self.site.grid)))
        self._stepped_at = now
        self._look_at = self._deadline(now)

    def _show_targets(self) -> None:
        for each in WORKLOADS:
            target = self.virtual.targets[each.place]
            if self._shown.get(each.place) != target.version:
                self._shown[each.place] = target.version
                self.stand.put(target.raw(each))

    def _read_feeds(self, now: float) -> None:
        readings = self.stand.feeds.readings
        readings["price"] = reading(self.price, at=self.priced_at)
        readings["meter"] = reading(self.virtual.watts, at=now)

    def _write(self, seen: Observation, decision: Plan, now: float) -> None:
        """Lower first, raise last; every answer comes at once."""
        sizes = {target.key: target.replicas for target in decision.targets}
        for key in decision.lowers:
            book = seen.books[key]
            self.lowered.append(((book.namespace, book.name), book.spec_replicas, sizes[key]))
            self._scale(book, sizes[key], now)
        for key in decision.raises:
            self._scale(seen.books[key], sizes[key], now)
            self.raised.append((now, key))

    def _scale(self, book: Book, replicas: int, now: float) -> None:
        place, before = (book.namespace, book.name), book.spec_replicas
        self.virtual.targets[place].scale(replicas)
        book.send(replicas)
        self._show_targets()
        book.written(before, replicas, self.stand.version, now)
        moved = (book.size(replicas) - book.size(before)) * book.watts
        self.site.moves = with_move(self.site.moves, Move(now, moved))
        self.wake(now)

    def _tell(self) -> None:
        """Write what statuses hold."""
        grid = self.site.grid
        self.kept.books = [to_raw(book) for book in self.site.books.values()]
        self.kept.events = grid.kept()
        self.kept.lessons = self.site.learner.memory()
        self.kept.correction_watts = self.site.correction.watts
        for raw in list(self.stand.view.all("CurtailmentEvent")):
            uid = raw["metadata"]["uid"]
            if uid in grid.windows:
                status = event_status(grid.book.events[uid], grid.windows[uid], grid.courses[uid])
                if status != raw.get("status"):
                    self.stand.keep({**raw, "status": status}, raw["metadata"]["generation"])
