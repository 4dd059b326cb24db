"""Taking the Lease over: nothing is raised before the ledgers of the last holder were listed and read."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from unit.engine.site_objects import budget_raw
from wattswitch.cluster import KubeClient, View
from wattswitch.cluster.listing import Relist
from wattswitch.engine import clock
from wattswitch.engine import operator as module
from wattswitch.engine.operator import Operator
from wattswitch.metrics import Metrics
from wattswitch.settings import Settings

LIST_SECONDS = 0.1


@dataclass
class FakeLease:
    """A Lease that the test acquires and loses."""

    leading: bool = False
    holder: str = ""
    identity: str = "a"
    term: int = 0
    term_began_at: float = 0.0
    tried: asyncio.Event = field(default_factory=asyncio.Event)


class FakeLoop:
    """Notes when it was built, from which ledgers, and whether anything could be raised at its side."""

    def __init__(self, room: "Room", ledgers: list[str]) -> None:
        self.name, self.ledgers, self.closed, self.woken = "west", ledgers, False, 0
        self.stepped_at = clock.monotonic()
        self.room = room

    def start(self) -> None:
        """There is nothing to start."""

    def wake(self) -> None:
        self.woken += 1

    async def close(self) -> None:
        """Take a moment; nothing may be raised meanwhile."""
        await asyncio.sleep(0.02)
        assert not self.room.operator.services.leading
        self.closed = True


class Room:
    """An operator without a cluster. `ledger` is what a list finds from now on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ledger, self.lists, self.loops = "first", 0, list[FakeLoop]()
        self.complete = True
        self.operator = Operator(Settings(), cast("KubeClient", None), Metrics())
        self.services = self.operator.services
        self.lease = FakeLease()
        self.services.lease = cast("Any", self.lease)
        monkeypatch.setattr(module, "relist", self._list)
        monkeypatch.setattr(module, "SiteLoop", self._build)
        self.tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        work: list[Coroutine[Any, Any, None]] = [self.operator._relist(), self.operator._tend()]
        self.tasks = [asyncio.create_task(each) for each in work]

    async def _list(self, _client: object, view: View, _namespaces: object) -> Relist:
        began_at, found = clock.monotonic(), self.ledger
        await asyncio.sleep(LIST_SECONDS)
        self.lists += 1
        if not self.complete:
            return Relist(failed={"PowerLedger": "no answer"})
        version = str(self.lists)
        meta = {"name": "west-1", "uid": found, "resourceVersion": version}
        view.replace("PowerLedger", [{"kind": "PowerLedger", "metadata": meta}], version)
        budget = budget_raw()
        budget["metadata"] |= {"uid": "budget-uid", "resourceVersion": version}
        view.replace("PowerBudget", [{**budget, "kind": "PowerBudget"}], version)
        view.relisted(began_at)
        return Relist()

    def _build(self, services: Any, _budget: Any, _raw: Any) -> FakeLoop:
        ledgers = [raw["metadata"]["uid"] for raw in services.view.all("PowerLedger")]
        self.loops.append(FakeLoop(self, ledgers))
        return self.loops[-1]

    def acquire(self) -> None:
        """Begin a term."""
        self.lease.leading, self.lease.holder = True, "a"
        self.lease.term, self.lease.term_began_at = self.lease.term + 1, clock.monotonic()
        self.operator._on_term()

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@pytest.fixture
async def room(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Room]:
    room = Room(monkeypatch)
    yield room
    for task in room.tasks:
        assert not task.done(), task.exception()
    await room.close()


async def until(condition: Callable[[], bool], seconds: float = 3.0) -> float:
    """Wait for it; how long it took."""
    began = clock.monotonic()
    while not condition():
        assert clock.monotonic() < began + seconds, "it never came"
        await asyncio.sleep(0.005)
    return clock.monotonic() - began


async def test_a_process_that_gets_the_lease_at_once_needs_one_list(room: Room) -> None:
    """A restart under the same name must not be slower than a list."""
    room.start()
    await asyncio.sleep(0.05)
    room.acquire()
    room.lease.tried.set()
    assert await until(lambda: room.services.leading) < LIST_SECONDS + module.LEAST_TEND_SECONDS + 0.2
    assert (room.lists, len(room.loops)) == (1, 1)


async def test_a_standby_reads_the_ledgers_anew_before_it_may_raise(room: Room) -> None:
    room.lease.holder = "b"
    room.lease.tried.set()
    room.start()
    await until(lambda: len(room.loops) == 1)
    assert (room.services.standby, room.services.leading) == (True, False)
    room.ledger = "second"  # written by the other one, which nobody watches
    room.acquire()
    assert (room.services.standby, room.services.leading) == (True, False)
    assert await until(lambda: room.services.leading) < 1.5
    assert room.loops[0].closed
    assert [loop.ledgers for loop in room.loops] == [["first"], ["second"]]
    assert not room.services.standby


async def test_a_list_that_began_before_the_term_does_not_count(room: Room) -> None:
    room.lease.holder = "b"
    room.lease.tried.set()
    room.start()
    await asyncio.sleep(LIST_SECONDS / 2)
    room.ledger = "second"
    room.acquire()
    await until(lambda: room.services.leading)
    assert room.loops[-1].ledgers == ["second"]
    assert room.lists == 2


async def test_a_leader_that_loses_and_regains_the_lease_unseen_reads_the_ledgers_anew(room: Room) -> None:
    room.lease.tried.set()
    room.acquire()
    room.start()
    await until(lambda: room.services.leading)
    await asyncio.sleep(1.2)
    room.ledger = "second"
    room.acquire()
    assert not room.services.leading
    assert await until(lambda: room.services.leading) < 1.0
    assert [loop.ledgers for loop in room.loops] == [["first"], ["second"]]


async def test_nothing_is_raised_while_the_ledgers_cannot_be_listed(room: Room) -> None:
    room.lease.holder = "b"
    room.lease.tried.set()
    room.start()
    await until(lambda: len(room.loops) == 1)
    room.complete, lists = False, room.lists
    room.acquire()
    await until(lambda: room.lists >= lists + 2)
    assert (room.services.leading, room.services.standby, room.loops[0].closed) == (False, True, False)
    room.complete = True
    await until(lambda: room.services.leading)


async def test_changes_of_one_moment_wake_each_loop_once(room: Room) -> None:
    loops = [FakeLoop(room, []) for _ in range(3)]
    room.operator._loops = cast("Any", dict(enumerate(loops)))
    for _ in range(100):
        room.operator._on_change()
    assert [loop.woken for loop in loops] == [0, 0, 0]
    await asyncio.sleep(0)
    assert [loop.woken for loop in loops] == [1, 1, 1]
    room.operator._on_change()
    await asyncio.sleep(0)
    assert [loop.woken for loop in loops] == [2, 2, 2]
