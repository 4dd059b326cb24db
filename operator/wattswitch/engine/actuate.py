"""Plan to pods: sizes go out as soon as they are decided, lowerings first, and no write waits for another one's answer.

Guarantee: a raise is sent only while the newest plan asks for it and raising is allowed, and only after the ledger
holds its size. A size that is on its way counts in the books as if it had arrived, and a lowered one as if it had not.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from wattswitch.cluster import KubeClient, ScaleOutcome, ScaleWrite, write_scale
from wattswitch.engine import clock
from wattswitch.engine.books import Book
from wattswitch.engine.ledger import Ledger
from wattswitch.engine.pauses import Pauses
from wattswitch.planner.model import Plan

logger = logging.getLogger(__name__)

CONCURRENCY = 64
MOST_LOWER_PAUSE = 1.0
MOST_RAISE_PAUSE = 5.0
MOST_LOWER_RETRY_AFTER = 5.0
"""A server that asks for a longer wait is not obeyed where the limit may need the lowering."""
MOST_RAISE_RETRY_AFTER = 60.0


@dataclass
class _Job:
    """One size that is asked for: waiting for its turn, where a newer plan may still change it, or sent."""

    book: Book
    before: int
    replicas: int
    task: asyncio.Task[None] | None = None

    @property
    def raises(self) -> bool:
        return self.replicas > self.before


@dataclass(frozen=True, slots=True)
class Written:
    """One write that is answered: what was asked of which book, and what came of it."""

    book: Book
    before: int
    replicas: int
    outcome: ScaleOutcome


class Actuator:
    """Sends the sizes of one site.

    `on_written` is called after each answer. `on_ready` is called when the ledger holds more or a pause is over, and
    should have the loop decide anew. `may_raise` is asked before each raise that is sent: the plan that wants it may
    be older than the loss of the Lease.
    """

    def __init__(
        self,
        client: KubeClient,
        ledger: Ledger,
        on_written: Callable[[Written], None],
        on_ready: Callable[[], None],
        may_raise: Callable[[], bool] = lambda: True,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._on_written = on_written
        self._on_ready = on_ready
        self._may_raise = may_raise
        self._lowers: OrderedDict[str, _Job] = OrderedDict()
        self._raises: OrderedDict[str, _Job] = OrderedDict()
        self._sent: dict[str, _Job] = {}
        self._pauses = Pauses()
        self.released = False
        """Whether the ledger holds sizes that nobody asks for any more."""
        self._reserving: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether any write is waiting or unanswered."""
        return bool(self._lowers or self._raises or self._sent)

    @property
    def sending(self) -> bool:
        """Whether any write is unanswered."""
        return bool(self._sent)

    @property
    def lowering(self) -> bool:
        """Whether any lowering is unanswered."""
        return any(not job.raises for job in self._sent.values())

    def withdraw(self, *, raises_only: bool) -> None:
        """Take back what is not sent yet, so that its books are at their sizes before.

        To be called before the books are observed: the plan that follows then asks for every raise that it still
        wants, whereas one that is waiting looks to it like a size that the target has already.
        """
        for waiting in (self._raises,) if raises_only else (self._raises, self._lowers):
            for job in waiting.values():
                job.book.unsent()
            waiting.clear()

    def act(self, plan: Plan, books: Mapping[str, Book], every_book: Mapping[str, Book]) -> None:
        """Send what `plan` asks for: lowerings first, raises as far as the ledger covers them."""
        sizes = {target.key: target.replicas for target in plan.targets}
        for key in plan.lowers:
            self._enqueue(books[key], sizes[key])
        uncovered = []
        for key in plan.raises:
            if self._ledger.covers(books[key], sizes[key]):
                self._enqueue(books[key], sizes[key])
            else:
                uncovered.append((books[key], sizes[key]))
        self._reserve(uncovered, every_book)
        self._release({books[key].uid for key in plan.raises}, every_book)
        self._pump()

    async def close(self) -> None:
        """Drop what is unsent and wait for what is."""
        self.withdraw(raises_only=False)
        tasks = [job.task for job in self._sent.values() if job.task]
        if self._reserving:
            tasks.append(self._reserving)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _enqueue(self, book: Book, replicas: int) -> None:
        """Have a size wait for its turn, in the place of one that waits already."""
        if book.uid in self._sent:
            return
        waiting = self._lowers.pop(book.uid, None) or self._raises.pop(book.uid, None)
        if waiting:
            book.unsent()
        job = _Job(book, book.spec_replicas, replicas)
        if replicas == job.before or self._pauses.holds((book.uid, job.raises), clock.monotonic()):
            return
        (self._raises if job.raises else self._lowers)[book.uid] = job
        book.send(replicas)

    def _pump(self) -> None:
        """Send what there are slots for, lowerings before raises."""
        while len(self._sent) < CONCURRENCY and (job := self._next()):
            self._sent[job.book.uid] = job
            job.task = asyncio.create_task(self._write(job))

    def _next(self) -> _Job | None:
        if self._lowers:
            return self._lowers.popitem(last=False)[1]
        if self._raises and self._may_raise():
            return self._raises.popitem(last=False)[1]
        return None

    async def _write(self, job: _Job) -> None:
        try:
            outcome = await self._outcome(job)
        except BaseException:
            job.book.lost()
            raise
        finally:
            del self._sent[job.book.uid]
        self._enter(job, outcome)
        try:
            self._on_written(Written(job.book, job.before, job.replicas, outcome))
        finally:
            self._pump()

    async def _outcome(self, job: _Job) -> ScaleOutcome:
        book = job.book
        write = ScaleWrite(book.key, book.kind, book.namespace, book.name, book.uid, job.before, job.replicas)
        try:
            return await write_scale(self._client, write)
        except Exception as problem:  # whatever it is, the write may have arrived
            logger.exception("the write of %s failed", book.key)
            message = f"{type(problem).__name__}: {problem}"
            return ScaleOutcome(book.key, applied=False, problem="Unreachable", message=message)

    def _enter(self, job: _Job, outcome: ScaleOutcome) -> None:
        """Take an answer into the book."""
        book = job.book
        self._pause(job, outcome)
        if outcome.applied and outcome.resource_version is not None:
            book.written(job.before, job.replicas, outcome.resource_version, clock.now())
        elif outcome.applied or outcome.problem == "Unreachable":
            book.lost()
        else:
            book.unsent()

    def _pause(self, job: _Job, outcome: ScaleOutcome) -> None:
        """Leave a target alone for a moment after a write that failed, longer each time.

        Each direction for itself: a raise that fails must not keep a lowering waiting.
        """
        uid = job.book.uid
        if outcome.applied:
            self._pauses.end((uid, True))
            self._pauses.end((uid, False))
            return
        most = MOST_RAISE_PAUSE if job.raises else MOST_LOWER_PAUSE
        least = min(outcome.retry_after_seconds, MOST_RAISE_RETRY_AFTER if job.raises else MOST_LOWER_RETRY_AFTER)
        seconds = self._pauses.begin((uid, job.raises), clock.monotonic(), most, least)
        asyncio.get_running_loop().call_later(seconds, self._on_ready)

    def _reserve(self, raises: Iterable[tuple[Book, int]], every_book: Mapping[str, Book]) -> None:
        """Have the ledger hold these sizes; the plan that follows sends them."""
        wanted = list(raises)
        if not wanted or (self._reserving and not self._reserving.done()):
            return
        for book, replicas in wanted:
            book.reserved = replicas
        self._reserving = asyncio.create_task(self._write_ledger(every_book))

    def _release(self, raising: set[str], every_book: Mapping[str, Book]) -> None:
        """Give up sizes that no plan asks for any more."""
        for book in every_book.values():
            if book.reserved and book.uid not in raising:
                book.reserved = 0
                self.released = True

    async def _write_ledger(self, every_book: Mapping[str, Book]) -> None:
        try:
            await self._ledger.write(every_book, self._on_ready)
        finally:
            self._on_ready()
