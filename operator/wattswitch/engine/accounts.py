"""The accounts: what every site drew, cost and earned, on a volume, in intervals that are settled weeks later.

Guarantee: no decision waits for the disk. The disk has a thread of its own, and all that it can do is to delay rows: a
file that is locked, full, read-only, damaged or gone costs a line in the log and a series, and the rows are written
when it is back. A process that is killed loses at most the last minute, which is then estimated.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from wattswitch.engine import clock
from wattswitch.engine.tally import tally
from wattswitch.engine.vital import vital
from wattswitch.metrics import Metrics
from wattswitch.planner.model import Plan, SiteState
from wattswitch.settlement.eventrecord import EventRecord, one_each
from wattswitch.settlement.intervalbook import IntervalBook, Part
from wattswitch.settlement.intervals import Interval
from wattswitch.settlement.store import Money, Problem, Store, Word, path_of

logger = logging.getLogger(__name__)

COUNT_SECONDS: Final = 1.0
"""Decisions that are closer together than this count as the last of them."""
WRITE_SECONDS: Final = 60.0
PRUNE_SECONDS: Final = 86_400.0
RESUME_SECONDS: Final = 15.0
"""How long a new leader waits for the last one to let go of the record, and for the disk."""
CLOSE_SECONDS: Final = 5.0
EVENT_MEMORY_SECONDS: Final = 86_400.0
"""How long after its end an event is still joined with others of its reference."""
MOST_ROWS: Final = 100_000


class _Noted(NamedTuple):
    state: SiteState
    plan: Plan
    currency: str


class _Batch(NamedTuple):
    """What goes to the disk at once."""

    rows: list[Interval]
    events: list[EventRecord]
    open_book: str
    money: Money | None


class _Outcome(NamedTuple):
    """What became of it. `anew` says that a file with earlier rows is gone."""

    problem: Problem | None
    anew: bool


@dataclass(frozen=True, slots=True)
class Duty:
    """Whether this process keeps the accounts: it begins to where it leads, and ends when another one does."""

    leading: Callable[[], bool]
    standby: Callable[[], bool]


class Account:
    """The record of one budget."""

    def __init__(self, budget: str, store: Store, disk: ThreadPoolExecutor, duty: Duty, metrics: Metrics) -> None:
        self.budget = budget
        self._store = store
        self._disk = disk
        self._duty = duty
        self._metrics = metrics
        self._noted: _Noted | None = None
        self._book: IntervalBook | None = None
        self._parts: dict[str, Part] = {}
        self._rows: list[Interval] = []
        self._events: dict[str, dict[str, EventRecord]] = {}
        self._untold: set[str] = set()
        self._money: Money | None = None
        self._write: asyncio.Future[_Outcome] | None = None
        self._write_at = 0.0
        self._pruned_at: float | None = None
        self._lost_rows = 0
        self._word: Word | None = None

    def note(self, state: SiteState, plan: Plan, currency: str) -> None:
        """Have a decision counted; to be called with every one. `currency` is that of all its money."""
        self._noted = _Noted(state, plan, currency)

    def record_event(self, event: EventRecord) -> None:
        """Have an event written as it is known now; to be called whenever that changes."""
        if _all_over([event], clock.now() - EVENT_MEMORY_SECONDS):
            return
        of_key = self._events.setdefault(event.key, {})
        if of_key.get(event.uid) != event:
            of_key[event.uid] = event
            self._untold.add(event.key)

    async def run(self) -> None:
        """Count and write, again and again."""
        while True:
            await asyncio.sleep(COUNT_SECONDS)
            try:
                await self._turn()
            except Exception:  # accounts that fail must not end the process that keeps the limit
                logger.exception("budget %s: the accounts failed", self.budget)

    async def close(self) -> None:
        """Write what is there and let go of the file; not longer than a few seconds. `run` must have ended."""
        if self._book is None:
            return
        self._count()
        batch, self._book = self._batch(), None
        written = asyncio.get_running_loop().run_in_executor(self._disk, self._put_last, batch)
        done, _ = await asyncio.wait({written}, timeout=CLOSE_SECONDS)
        if done:
            self._written(written)
        else:
            logger.error("budget %s: the disk does not answer, the last minute of the record is lost", self.budget)

    async def _turn(self) -> None:
        if self._duty.standby():
            await self.close()
            self._noted = None
            self._events.clear()
            self._untold.clear()
            return
        if self._book is None and self._noted is not None and self._duty.leading():
            self._book = await self._resumed()
            self._write_at = clock.monotonic()
        if self._book is None:
            return
        self._count()
        if self._write is None and clock.monotonic() >= self._write_at:
            self._write_at = clock.monotonic() + WRITE_SECONDS
            self._write = asyncio.get_running_loop().run_in_executor(self._disk, self._put, self._batch())
            self._write.add_done_callback(self._written)

    def _count(self) -> None:
        """Take the decision that was noted last into the book."""
        noted, self._noted = self._noted, None
        if noted is None or self._book is None:
            return
        seen = tally(noted.state, noted.plan, self._parts)
        self._parts = {part.workload: part for part in seen.parts}
        if self._money is None or self._money.currency != noted.currency:
            self._money = Money(seen.at, noted.currency)
        try:
            self._rows += self._book.add(seen)
        except Exception:  # what was kept of an earlier process may be anything
            logger.exception("budget %s: the open interval is of no use and is begun anew", self.budget)
            self._book = IntervalBook()
        if (over := len(self._rows) - MOST_ROWS) > 0:
            del self._rows[:over]
            self._metrics.record_lost_rows.labels(self.budget).inc(over)

    def _batch(self) -> _Batch:
        """Everything that is not on its way to the disk yet."""
        rows, self._rows = self._rows, []
        events = [joined for key in sorted(self._untold) for joined in one_each(self._events[key].values())]
        self._untold.clear()
        before = clock.now() - EVENT_MEMORY_SECONDS
        self._events = {key: known for key, known in self._events.items() if not _all_over(known.values(), before)}
        return _Batch(rows, events, self._book.text() if self._book is not None else "", self._money)

    async def _resumed(self) -> IntervalBook | None:
        """The book that an earlier process left; a new one where there is none or the disk does not answer.

        None where another process has come to lead meanwhile.
        """
        deadline = clock.monotonic() + RESUME_SECONDS
        with suppress(TimeoutError):
            async with asyncio.timeout(RESUME_SECONDS):
                while not self._duty.standby():
                    text = await asyncio.get_running_loop().run_in_executor(self._disk, self._store.open_book)
                    problem = self._store.problem
                    if problem is None or problem.word is not Word.LOCKED or clock.monotonic() >= deadline:
                        return IntervalBook.resume(text)
                    await asyncio.sleep(COUNT_SECONDS)
                return None
        logger.warning("budget %s: the record did not open in %.0f s, accounts begin anew", self.budget, RESUME_SECONDS)
        return IntervalBook()

    # ---- in the thread of the disk -----------------------------------------------------------------------------------

    def _put(self, batch: _Batch) -> _Outcome:
        outcome = self._said(self._store.put(*batch))
        now, problem = clock.monotonic(), outcome.problem
        may_be_pruned = problem is None or problem.word is Word.FULL
        if may_be_pruned and (self._pruned_at is None or now >= self._pruned_at + PRUNE_SECONDS):
            self._pruned_at = now
            pruned = self._said(self._store.prune(clock.now()))
            return _Outcome(problem or pruned.problem, outcome.anew or pruned.anew)
        return outcome

    def _put_last(self, batch: _Batch) -> _Outcome:
        outcome = self._said(self._store.put(*batch))
        self._store.close()
        return outcome

    def _said(self, problem: Problem | None) -> _Outcome:
        store = self._store
        if store.vanished:
            logger.error("budget %s: the record %s was deleted: a new one is begun", self.budget, store.path)
        if store.moved_aside:
            logger.error("budget %s: the record was moved to %s; a new one is begun", self.budget, store.moved_aside)
        return _Outcome(problem, store.vanished or bool(store.moved_aside))

    # ---- what became of a write --------------------------------------------------------------------------------------

    def _written(self, write: asyncio.Future[_Outcome]) -> None:
        self._write = None
        if write.cancelled():
            return
        if (failure := write.exception()) is not None:
            logger.error("budget %s: rows could not be written and are lost: %s", self.budget, failure)
        else:
            self._tell(write.result())

    def _tell(self, outcome: _Outcome) -> None:
        """Log what is new about the record, and show it."""
        store, problem = self._store, outcome.problem
        word = problem.word if problem else None
        if outcome.anew:
            self._untold |= self._events.keys()
        if problem is not None and word != self._word:
            logger.error("budget %s: the record is not written (%s): %s", self.budget, problem.word, problem.reason)
        elif problem is None and self._word is not None:
            logger.info("budget %s: the record is written again", self.budget)
        self._word = word
        self._metrics.show_record(self.budget, word or "", store.waiting_rows)
        self._metrics.record_lost_rows.labels(self.budget).inc(store.lost_rows - self._lost_rows)
        self._lost_rows = store.lost_rows


class Accounts:
    """The accounts of all budgets of this process, a file for each in one folder."""

    def __init__(self, folder: Path, duty: Duty, metrics: Metrics) -> None:
        self._folder = folder
        self._duty = duty
        self._metrics = metrics
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="accounts")
        self._accounts: dict[str, Account] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    def of(self, budget: str) -> Account:
        """The account of a budget, which lasts until the budget is forgotten."""
        if budget not in self._accounts:
            store = Store(path_of(self._folder, budget))
            account = Account(budget, store, self._disk, self._duty, self._metrics)
            self._accounts[budget] = account
            self._tasks[budget] = vital(account.run())
        return self._accounts[budget]

    def forget(self, budget: str) -> None:
        """Close the account of a budget that is gone; its record stays."""
        if budget in self._accounts:
            leaving = asyncio.create_task(self._forget(budget))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)

    async def close(self) -> None:
        """Write everything, for a few seconds at most."""
        await asyncio.gather(*(self._close(budget) for budget in list(self._accounts)), *self._leaving)
        self._disk.shutdown(wait=False, cancel_futures=True)

    async def _forget(self, budget: str) -> None:
        await self._close(budget)
        if budget not in self._accounts:
            self._metrics.forget_record(budget)

    async def _close(self, budget: str) -> None:
        account, task = self._accounts.pop(budget), self._tasks.pop(budget)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await account.close()


def _all_over(events: Iterable[EventRecord], before: float) -> bool:
    return all(event.over_at is not None and event.over_at < before for event in events)
