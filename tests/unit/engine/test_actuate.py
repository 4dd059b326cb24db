"""What is sent when: lowerings first, raises only while the newest plan wants them, and nothing twice."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest

from unit.cluster.api_server import until
from unit.engine.targets import book_at
from wattswitch.engine import actuate
from wattswitch.engine.actuate import Actuator, Written
from wattswitch.engine.books import Book
from wattswitch.errors import TooManyRequests
from wattswitch.planner.model import Plan, Target


class Cluster:
    """Takes scale patches, and answers each when it is told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.answers: list[asyncio.Future[dict[str, Any]]] = []
        self.failure: Exception | None = None
        self.waiting = False

    async def request(self, method: str, path: str, *, body: Any, retry_throttled: bool, **_: Any) -> dict[str, Any]:
        assert (method, retry_throttled) == ("PATCH", False)
        self.asked.append((path.split("/")[-2], body[-1]["value"]))
        if self.failure:
            raise self.failure
        if self.waiting:
            self.answers.append(asyncio.get_running_loop().create_future())
            return await self.answers[-1]
        return {"metadata": {"resourceVersion": "50"}}

    def answer(self) -> None:
        """Answer the first write that waits."""
        self.answers.pop(0).set_result({"metadata": {"resourceVersion": "50"}})


class Paper:
    """A ledger that covers everything."""

    def __init__(self) -> None:
        self.written = 0
        self.covering = True
        self.failure: Exception | None = None

    def covers(self, book: Book, replicas: int) -> bool:
        return self.covering

    async def write(self, books: Mapping[str, Book], on_chunk: Callable[[], None]) -> bool:
        self.written += 1
        if self.failure:
            raise self.failure
        on_chunk()
        return True


class Desk:
    """An actuator between a cluster and a ledger that the tests move."""

    def __init__(self, **sizes: int) -> None:
        self.cluster, self.paper = Cluster(), Paper()
        self.written: list[Written] = []
        self.ready = 0
        self.may_raise = True
        self.books = {name: book_at(size, uid=name, name=name) for name, size in sizes.items()}
        self.actuator = Actuator(
            cast("Any", self.cluster),
            cast("Any", self.paper),
            self.written.append,
            self._on_ready,
            lambda: self.may_raise,
        )

    def _on_ready(self) -> None:
        self.ready += 1

    def ask(self, **sizes: int) -> None:
        """Act on a plan for these sizes; all others stay."""
        before = {name: self.books[name].spec_replicas for name in sizes}
        targets = tuple(Target(name, before[name], size, size, size, "AtMaximum") for name, size in sizes.items())
        lowers = tuple(name for name, size in sizes.items() if size < before[name])
        raises = tuple(name for name, size in sizes.items() if size > before[name])
        self.actuator.act(Plan(0, 0, 0, None, targets, lowers, raises), self.books, self.books)

    async def answered(self, count: int) -> None:
        await until(lambda: len(self.written) >= count)


@pytest.fixture
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actuate, "CONCURRENCY", 1)


async def test_a_size_is_sent_and_entered() -> None:
    desk = Desk(a=4, b=4)
    desk.ask(a=6, b=2)
    assert [book.spec_replicas for book in desk.books.values()] == [6, 2]
    await desk.answered(2)
    assert desk.cluster.asked == [("b", 2), ("a", 6)]
    assert [book.known_replicas for book in desk.books.values()] == [6, 2]
    assert not desk.actuator.busy


@pytest.mark.usefixtures("one_at_a_time")
async def test_lowerings_overtake_raises_that_wait() -> None:
    desk = Desk(a=4, b=4, c=4, d=4)
    desk.ask(a=6, b=6)
    desk.ask(c=2, d=2)
    await desk.answered(4)
    assert desk.cluster.asked == [("a", 6), ("c", 2), ("d", 2), ("b", 6)]


@pytest.mark.usefixtures("one_at_a_time")
async def test_a_raise_that_is_withdrawn_is_not_sent_and_its_book_is_as_before() -> None:
    desk = Desk(a=4, b=4, c=4)
    desk.cluster.waiting = True
    desk.ask(a=6, b=6)
    desk.ask(c=2)
    await until(lambda: desk.cluster.asked)
    desk.actuator.withdraw(raises_only=True)
    assert [book.spec_replicas for book in desk.books.values()] == [6, 4, 2]
    assert desk.books["b"].booked_pods(0.0) == 4
    for number in (1, 2):
        desk.cluster.answer()
        await desk.answered(number)
        await asyncio.sleep(0.01)
    assert desk.cluster.asked == [("a", 6), ("c", 2)]
    assert not desk.actuator.busy


@pytest.mark.usefixtures("one_at_a_time")
async def test_a_raise_that_the_next_plan_wants_again_is_sent_once() -> None:
    desk = Desk(a=4, b=4)
    desk.cluster.waiting = True
    desk.ask(a=6, b=6)
    await until(lambda: desk.cluster.asked)
    for size in (6, 7):
        desk.actuator.withdraw(raises_only=True)
        desk.ask(b=size)
    desk.cluster.answer()
    await until(lambda: desk.cluster.answers)
    desk.cluster.answer()
    await desk.answered(2)
    assert desk.cluster.asked == [("a", 6), ("b", 7)]


@pytest.mark.usefixtures("one_at_a_time")
async def test_everything_unsent_is_withdrawn_where_nothing_may_be_written() -> None:
    desk = Desk(a=4, b=4, c=4)
    desk.ask(a=6, b=6, c=2)
    desk.actuator.withdraw(raises_only=False)
    await desk.answered(1)
    assert desk.cluster.asked == [("c", 2)], "it was on its way already"
    assert [book.spec_replicas for book in desk.books.values()] == [4, 4, 2]


@pytest.mark.usefixtures("one_at_a_time")
async def test_no_raise_is_sent_once_raising_is_forbidden() -> None:
    """An answer that comes after the Lease is lost must not let out what an older plan wanted."""
    desk = Desk(a=4, b=4, c=4)
    desk.ask(a=6, b=6)
    desk.may_raise = False
    desk.ask(c=2)
    await desk.answered(2)
    await asyncio.sleep(0.01)
    assert desk.cluster.asked == [("a", 6), ("c", 2)]


@pytest.mark.usefixtures("one_at_a_time")
async def test_a_lowering_that_waits_may_be_changed_and_taken_back() -> None:
    desk = Desk(a=4, b=8, c=8)
    desk.ask(a=2, b=4, c=4)
    desk.ask(b=6, c=8)
    assert desk.books["c"].spec_replicas == 8
    await desk.answered(2)
    assert desk.cluster.asked == [("a", 2), ("b", 6)]


async def test_an_error_that_nobody_foresaw_is_an_answer_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actuate, "CONCURRENCY", 1)
    desk = Desk(a=4, b=4)
    desk.cluster.failure = RuntimeError("session is closed")
    desk.ask(a=6, b=6)
    await desk.answered(2)
    assert [written.outcome.problem for written in desk.written] == ["Unreachable", "Unreachable"]
    assert desk.books["a"].booked_pods(0.0) == 6, "it may have arrived"


async def test_a_throttled_raise_waits_as_long_as_the_server_asks_and_holds_no_lowering_back() -> None:
    desk = Desk(a=4)
    desk.cluster.failure = TooManyRequests(429, "TooManyRequests", "later", retry_after=30.0)
    desk.ask(a=6)
    await desk.answered(1)
    assert desk.written[0].outcome.problem == "Throttled"
    desk.cluster.failure = None
    await asyncio.sleep(0.2)  # longer than the first pause of its own
    desk.ask(a=6)
    assert desk.books["a"].spec_replicas == 4
    desk.ask(a=2)
    await desk.answered(2)
    assert desk.cluster.asked == [("a", 6), ("a", 2)]


async def test_the_loop_is_woken_even_where_the_ledger_breaks() -> None:
    desk = Desk(a=4)
    desk.paper.covering, desk.paper.failure = False, RuntimeError("broken")
    desk.ask(a=6)
    await until(lambda: desk.ready)
    assert desk.cluster.asked == []
    await desk.actuator.close()


@pytest.mark.usefixtures("one_at_a_time")
async def test_closing_drops_what_waits_and_waits_for_what_is_sent() -> None:
    desk = Desk(a=4, b=4)
    desk.ask(a=6, b=6)
    await desk.actuator.close()
    assert desk.cluster.asked == [("a", 6)]
    assert [book.spec_replicas for book in desk.books.values()] == [6, 4]
