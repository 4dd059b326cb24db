"""Plan to pods: sizes go out as soon as they are decided, lowerings first, and no write waits for another one's answer.

Guarantee: a raise is sent only while the newest plan asks for it, and only after the ledger holds its size. A size that
is on its way counts in the books as if it had arrived, and a lowered one as if it had not.
"""

import asyncio
import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from wattswitch.cluster import KubeClient, ScaleOutcome, ScaleWrite, write_scale
from wattswitch.engine import clock
from wattswitch.engine.books import Book
from wattswitch.engine.ledger import Ledger
from wattswitch.engine.pauses import Pauses
from wattswitch.planner.model import Plan

CONCURRENCY = 64
MOST_LOWER_PAUSE = 1.0
MOST_RAISE_PAUSE = 5.0


@dataclass
class _Job:
    """One size on its way. Until it is sent, a newer plan may still change it."""

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

    `on_written` is called after each answer, `on_ready` when a ledger write or a pause is over; both should have the
    loop decide anew.
    """

    def __init__(
        self,
        client: KubeClient,
        ledger: Ledger,
        on_written: Callable[[Written], None],
        on_ready: Callable[[], None],
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._on_written = on_written
        self._on_ready = on_ready
        self._jobs: dict[str, _Job] = {}
        self._sending = 0
        self._pauses = Pauses()
        self.released = False
        """Whether the ledger holds sizes that nobody asks for any more."""
        self._reserving: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether any write is waiting or unanswered."""
        return bool(self._jobs)

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
        tasks = [job.task for job in self._jobs.values() if job.task]
        for job in [job for job in self._jobs.values() if job.task is None]:
            self._drop(job)
        if self._reserving:
            tasks.append(self._reserving)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _enqueue(self, book: Book, replicas: int) -> None:
        job = self._jobs.get(book.uid)
        if job is None and self._pauses.holds(book.uid, clock.monotonic()):
            return
        if job is None:
            self._jobs[book.uid] = _Job(book, book.spec_replicas, replicas)
            book.send(replicas)
        elif job.task is None and replicas == job.before:
            self._drop(job)
        elif job.task is None:
            job.replicas = replicas
            book.unsent()
            book.send(replicas)

    def _drop(self, job: _Job) -> None:
        del self._jobs[job.book.uid]
        job.book.unsent()

    def _pump(self) -> None:
        """Send what there are slots for, lowerings before raises."""
        free = CONCURRENCY - self._sending
        if free <= 0 or len(self._jobs) <= self._sending:
            return
        unsent = (job for job in self._jobs.values() if job.task is None)
        for job in heapq.nsmallest(free, unsent, key=lambda job: job.raises):
            self._sending += 1
            job.task = asyncio.create_task(self._write(job))

    async def _write(self, job: _Job) -> None:
        book = job.book
        write = ScaleWrite(book.key, book.kind, book.namespace, book.name, book.uid, job.before, job.replicas)
        try:
            outcome = await write_scale(self._client, write)
        except BaseException:
            book.lost()
            raise
        finally:
            self._sending -= 1
            self._jobs.pop(book.uid, None)
        self._pause(book, outcome, raises=job.raises)
        if outcome.applied and outcome.resource_version is not None:
            book.written(job.before, job.replicas, outcome.resource_version, clock.now())
        elif outcome.applied or outcome.problem == "Unreachable":
            book.lost()
        else:
            book.unsent()
        self._on_written(Written(book, job.before, job.replicas, outcome))
        self._pump()

    def _pause(self, book: Book, outcome: ScaleOutcome, *, raises: bool) -> None:
        """Leave a target alone for a moment after a write that failed, longer each time."""
        if outcome.applied:
            self._pauses.end(book.uid)
            return
        seconds = self._pauses.begin(book.uid, clock.monotonic(), MOST_RAISE_PAUSE if raises else MOST_LOWER_PAUSE)
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
        await self._ledger.write(every_book)
        self._on_ready()
