"""The loop of one budget: observe, plan, act, report, then wait for an event or a deadline.

Guarantee: a step never waits for the network. Writes, lists, ledgers and statuses have tasks of their own, and what
they bring wakes the loop. An error in a step is counted and logged, and the next step comes all the same.
"""

import asyncio
import contextlib
import logging
import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from wattswitch.api.feed import Feed
from wattswitch.api.parse import parse
from wattswitch.api.power_budget import Mode, PowerBudget
from wattswitch.cluster import list_pods, patch_status
from wattswitch.engine import clock
from wattswitch.engine.actuate import Actuator, Written
from wattswitch.engine.books import Book, Pods
from wattswitch.engine.eventrecords import event_records
from wattswitch.engine.forest import ALONE, Place
from wattswitch.engine.gridfacts import drawn
from wattswitch.engine.haste import Haste
from wattswitch.engine.ledger import Ledger
from wattswitch.engine.observe import Observation, Site, committed_watts, living, observe
from wattswitch.engine.reporter import Reporter
from wattswitch.engine.roster import Roster
from wattswitch.engine.services import Services
from wattswitch.engine.sitefeeds import SiteFeeds
from wattswitch.engine.vital import vital
from wattswitch.errors import WattswitchError
from wattswitch.mapping import currency_of
from wattswitch.planner import plan
from wattswitch.planner.model import Move, Plan, Reason
from wattswitch.planner.record import to_line
from wattswitch.planner.shares import Own

logger = logging.getLogger(__name__)

LEAST_GAP_SECONDS = 0.02
FAILURE_SECONDS = 1.0
LIST_SECONDS = 1.0
LEDGER_SECONDS = 1.0
MOVE_MEMORY_SECONDS = 900.0
LIST_CONCURRENCY = 8
FIRST_ANSWER_SLACK_SECONDS = 0.5
FIRST_ANSWER_LOOK_SECONDS = 0.05
REPORT_SECONDS = 3.0
"""After the first write, or the last report, decisions are told even while sizes are still being written."""
MOST_SHARE_OF_TIME = 0.25
SHARE_WHILE_LOWERING = 0.1
"""Of one loop's time that decisions may take, so that the writes that they ask for get the rest."""
MOST_GAP_SECONDS = 1.0
"""Between two decisions while there is something to decide: what another hand adds is to be taken back within 2 s."""


class SiteLoop:
    """Runs one budget until it is closed."""

    def __init__(self, services: Services, budget: PowerBudget, raw: Mapping[str, Any]) -> None:
        self.name = budget.metadata.name
        self.uid = str(raw["metadata"]["uid"])
        self.stepped_at = clock.monotonic()
        self._services = services
        self._site = Site(budget, SiteFeeds(services.feeds, self.uid))
        self._generation = -1
        self._problems: list[str] = []
        self._wake = asyncio.Event()
        self._roster = Roster(services.view)
        self._ledger = Ledger(services.client, self.name, self.uid)
        self._actuator = Actuator(services.client, self._ledger, self._written, self.wake, self._may_raise)
        self._haste = Haste(services.client, partial(living, services.view))
        self._reporter = Reporter(services, self.name, self.uid)
        self._account = services.accounts.of(self.name) if services.accounts is not None else None
        self._tasks: list[asyncio.Task[None]] = []
        self._observation: Observation | None = None
        self._ledger_dirty = False
        self._readable = True
        self._reported_at = self._idle_at = clock.monotonic()
        self._patient_until = clock.monotonic()
        self._last_plan: Plan | None = None
        self._forest_version: int | None = None
        """What the last decision saw of its tree; None where the budget has none."""
        self._following: asyncio.Task[None] | None = None
        self._site.books.update(self._ledger.read(raw, services.view.all("PowerLedger")))
        self._kept = raw.get("status") or {}

    def wake(self) -> None:
        """Have the loop decide anew."""
        self._wake.set()

    def start(self) -> None:
        """Start the loop and what serves it."""
        work = (self._run(), self._list_pods(), self._keep_ledger(), self._reporter.run())
        self._tasks = [vital(each) for each in work]

    async def close(self) -> None:
        """Stop deciding, wait for the writes that are under way, and leave everything as it is."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._reporter.close()
        self._services.forest.forget(self.name)
        await self._actuator.close()
        await self._haste.close()
        await self._site.feeds.close()
        await self._keep_lessons()

    async def _prepare(self) -> None:
        """Take over what an earlier process knew; until every feed had time for one answer, only the limit acts."""
        feeds = self._site.feeds
        self._site.correction.watts = int(self._kept.get("correctionWatts") or 0)
        await feeds.follow(self._site.budget.spec)
        feeds.seed(self._kept.get("readings") or [])
        self._site.grid.book.restore(self._kept.get("events") or [])
        self._site.learner.restore(self._kept.get("priceModel"))
        patience = max(feed.timeout_seconds for feed in _feeds(self._site.budget)) + FIRST_ANSWER_SLACK_SECONDS
        self._patient_until = clock.monotonic() + patience
        self._site.starting = True

    async def _run(self) -> None:
        await self._prepare()
        while True:
            self._wake.clear()
            began = clock.monotonic()
            try:
                self.step()
            except Exception:  # the loop must outlive any one decision
                logger.exception("budget %s: the decision failed", self.name)
                self._services.forest.doubt(self.name)
                self._services.metrics.failures.labels(self.name).inc()
                await asyncio.sleep(FAILURE_SECONDS)
                continue
            self.stepped_at = clock.monotonic()
            await self._rest(self.stepped_at - began)

    async def _rest(self, took_seconds: float) -> None:
        """Wait for an event or a deadline."""
        share = SHARE_WHILE_LOWERING if self._actuator.lowering else MOST_SHARE_OF_TIME
        await asyncio.sleep(max(LEAST_GAP_SECONDS, min(took_seconds / share - took_seconds, MOST_GAP_SECONDS)))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._seconds_to_deadline()):
                await self._wake.wait()

    def _seconds_to_deadline(self) -> float:
        now = clock.now()
        times = [now + self._services.settings.heartbeat_seconds]
        if (at := self._site.feeds.deadline(now)) is not None:
            times.append(at)
        for book in self._site.books.values():
            times += [at for at in (book.tail_end(now), book.settles_at()) if at is not None]
        if self._site.starting:
            times.append(now + FIRST_ANSWER_LOOK_SECONDS)
        if (at := self._site.grid.now.look_again_at) is not None:
            times.append(at)
        if self._last_plan is not None and self._last_plan.look_again_at is not None:
            times.append(self._last_plan.look_again_at)
        return max(0.0, min(times) - now)

    def step(self) -> None:
        """One decision from what is known now."""
        raw = self._services.view.get("PowerBudget", None, self.name)
        if raw is None or raw["metadata"]["uid"] != self.uid:
            return
        now = clock.now()
        self._follow(raw)
        self._site.standby = self._services.standby
        if self._site.starting:
            self._site.starting = not self._site.feeds.heard and clock.monotonic() < self._patient_until
        self._actuator.withdraw(raises_only=self._enforcing)
        entries = self._roster.entries(self._site.budget)
        place = self._services.forest.place(self.name)
        observation = observe(self._site, self._services.view, entries, now, self._raise_gate(), place)
        decision = plan(observation.state)
        self._forest_version = None
        if place is not ALONE:
            observation, decision = self._within_tree(observation, decision, place)
        self._site.grid.note(drawn(observation.state, decision))
        self._services.metrics.decision.labels(self.name).observe(max(0.0, clock.now() - now))
        changed = self._last_plan is None or decision != self._last_plan
        self._observation, self._last_plan = observation, decision
        if not self._enforcing:
            for book in self._site.books.values():
                book.foreign = ""  # nobody's hand is foreign while ours is not on the targets
        else:
            self._actuator.act(decision, observation.books, self._site.books)
            for book in observation.books.values():
                self._hasten(book)
        # With what was just sent: pods of it may be measured before the next decision.
        self._site.correction.note(now, committed_watts(self._site, observation.state.budget, now))
        if changed:
            self._record(observation, decision)
        self._reporter.count_over(decision)
        self._report(observation, decision)
        self._keep_account(observation, decision)

    def _within_tree(self, observation: Observation, alone: Plan, place: Place) -> tuple[Observation, Plan]:
        """The decision within what the tree leaves, which the others see before it is acted on.

        `alone` is what would be decided without the tree's limits: what the site claims of them.
        """
        forest, state = self._services.forest, observation.state
        own = Own(
            limit_watts=state.budget.limit_watts + state.budget.correction_watts,
            fixed_watts=self._site.budget.spec.overhead.fixed_watts,
            shed_seconds=self._site.shed_seconds,
            starting=self._site.starting,
        )
        bounded, decision = forest.decide(self.name, state, alone, own, place)
        self._forest_version = forest.version
        return replace(observation, state=bounded), decision

    def _record(self, observation: Observation, decision: Plan) -> None:
        """Append the decision to the record; a full disk costs the line and nothing else."""
        if self._services.recorder is None:
            return
        try:
            self._services.recorder.write(to_line(observation.state, decision))
        except (OSError, ValueError) as problem:
            logger.error("budget %s: the decision was not recorded: %s", self.name, problem)

    def _keep_account(self, observation: Observation, decision: Plan) -> None:
        """Have the decision and the grid's events counted for settlement."""
        if self._account is None:
            return
        self._account.note(observation.state, decision, currency_of(self._site.budget.spec))
        for event in event_records(self._site.grid):
            self._account.record_event(event)

    def _report(self, observation: Observation, decision: Plan) -> None:
        """Have the decision told.

        While sizes are being written that waits a while, so that they go first; and nothing is told of feeds that had
        no time to answer yet.
        """
        now = clock.monotonic()
        busy = self._actuator.busy
        self._idle_at = self._idle_at if busy else now
        if self._site.starting or (busy and now < max(self._idle_at, self._reported_at) + REPORT_SECONDS):
            return
        self._reported_at = now
        self._reporter.submit(observation, decision, self._site, self._problems)

    def _follow(self, raw: Mapping[str, Any]) -> None:
        """Follow the budget's spec; one that cannot be read leaves the last one in force and raises nothing."""
        generation = raw["metadata"].get("generation", 0)
        if generation == self._generation:
            return
        budget, self._problems = parse(PowerBudget, {key: raw[key] for key in raw if key != "status"})
        self._generation = generation
        if budget is not None:
            self._site.budget = budget
            self._following = asyncio.create_task(self._site.feeds.follow(budget.spec))
            self._following.add_done_callback(lambda _: self.wake())
        self._readable = budget is not None

    @property
    def _enforcing(self) -> bool:
        return self._site.budget.spec.mode is Mode.ENFORCE

    def _may_raise(self) -> bool:
        """Whether a raise that waits may be sent: the plan that wants it may be older than what happened since."""
        return not self._raise_gate() and self._forest_version in {None, self._services.forest.version}

    def _raise_gate(self) -> str:
        services = self._services
        if not self._readable:
            return str(Reason.INVALID_SPEC)
        if not services.leading:
            return str(Reason.NOT_LEADER)
        if self._ledger.failed:
            return str(Reason.LEDGER_UNWRITTEN)
        if not services.view.fresh(clock.monotonic(), services.settings.view_stale_seconds):
            return str(Reason.VIEW_STALE)
        return ""

    def _written(self, written: Written) -> None:
        """Remember what was moved, tell it, and decide anew where that may change anything.

        A size that arrived gives nothing to others: watts are free when pods are seen gone, and the watch tells that.
        """
        book, outcome = written.book, written.outcome
        direction = "up" if written.replicas > written.before else "down"
        self._services.metrics.writes.labels(self.name, direction, outcome.problem or "Applied").inc()
        self._reporter.written(written)
        if outcome.applied:
            now = clock.now()
            it_watts = (book.size(written.replicas) - book.size(written.before)) * book.watts
            self._site.moves = with_move(self._site.moves, Move(now, it_watts))
            self._site.listed.pop(book.uid, None)
            self._ledger_dirty = True
            self._hasten(book)
        elif outcome.problem in {"Changed", "Gone"}:
            self._services.request_relist()
        if not (outcome.applied and self._actuator.sending):
            self.wake()

    def _hasten(self, book: Book) -> None:
        """In an emergency, have the pods go at once of a target whose size of 0 is acknowledged."""
        emergency = self._observation is not None and self._observation.state.budget.emergency
        if emergency and book.spec_replicas == 0 and book.sent is None and book.pods.alive:
            self._haste.hasten(book)

    async def _keep_ledger(self) -> None:
        """Bring the ledger up to date behind the loop: what a raise needs was written before it already."""
        while True:
            await asyncio.sleep(LEDGER_SECONDS)
            if not self._enforcing or not self._services.leading or self._actuator.busy:
                continue
            if (at := self._services.view.relisted_at) is not None:
                self._ledger.confirm(self._services.view.all("PowerLedger"), at)
            failed = self._ledger.failed
            if self._actuator.released:
                self._actuator.released, self._ledger_dirty = False, True
            if self._ledger_dirty or failed or self._ledger.missing(self._site.books):
                self._ledger_dirty = False
                if not await self._ledger.write(self._site.books):
                    self._ledger_dirty = True
            if failed and not self._ledger.failed:
                self.wake()

    async def _keep_lessons(self) -> None:
        """Write down what was learned of the price since that was last reported."""
        learner = self._site.learner
        reported, lessons = learner.memory(), learner.memory(last=True)
        if lessons is None or lessons == reported or not self._services.leading:
            return
        try:
            client = self._services.client
            await patch_status(client, "powerbudgets", None, self.name, self.uid, {"priceModel": lessons})
        except WattswitchError as problem:
            logger.warning("budget %s: what was learned of the price was not written: %s", self.name, problem)

    async def _list_pods(self) -> None:
        """Count the pods of targets whose status does not, as long as there are such targets."""
        while True:
            await asyncio.sleep(LIST_SECONDS)
            unlisted = self._observation.unlisted if self._observation else ()
            slots = asyncio.Semaphore(LIST_CONCURRENCY)
            if any(await asyncio.gather(*(self._list(book, slots) for book in unlisted))):
                self.wake()

    async def _list(self, book: Book, slots: asyncio.Semaphore) -> bool:
        """List the pods of one target; True when there is something to observe: any list of one that is gone."""
        writes, gone = book.written_version, book.uid in self._site.left_over
        try:
            async with slots:
                count = await list_pods(self._services.client, book.namespace, book.selector)
        except WattswitchError as problem:
            logger.warning("pods of %s not listed: %s", book.key, problem)
            return False
        if book.sent is not None or book.written_version != writes or gone != (book.uid in self._site.left_over):
            return False
        listed = Pods(count.alive, count.terminating)
        changed = self._site.listed.get(book.uid) != listed
        self._site.listed[book.uid] = listed
        return changed or gone


def with_move(moves: list[Move], new: Move) -> list[Move]:
    """`moves` that still matter, and `new`: one move for each direction and second, dated at the second's end.

    The last one of each direction matters however old it is: a pod larger than the ramp waits for it.
    """
    at = float(math.ceil(new.at))
    last = {move.it_watts > 0: move for move in sorted(moves, key=lambda move: move.at)}.values()
    kept = [move for move in moves if move.at > new.at - MOVE_MEMORY_SECONDS or move in last]
    same = next((move for move in kept if move.at == at and (move.it_watts > 0) == (new.it_watts > 0)), None)
    if same is None:
        return [*kept, Move(at, new.it_watts)]
    return [Move(at, same.it_watts + new.it_watts) if move is same else move for move in kept]


def _feeds(budget: PowerBudget) -> list[Feed]:
    spec = budget.spec
    return [spec.price, *spec.feeds, *(feed for feed in (spec.meter, spec.grid_limit) if feed is not None)]
