"""Who is told what and when: only what changed, again where it did not arrive, and one bad object silences no other."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

from unit.engine.site_objects import MINING, NOW, FakeFeeds, Stage, pool_raw, target_raw
from wattswitch.cluster import ObjectRef, ScaleOutcome, StatusWrite
from wattswitch.engine.actuate import Written
from wattswitch.engine.observe import Site
from wattswitch.engine.orphans import Orphans
from wattswitch.engine.reporter import AT_A_STRETCH, Reporter
from wattswitch.engine.services import Services
from wattswitch.metrics import Metrics
from wattswitch.planner import plan


@dataclass
class Desk:
    """Stands in for the status writer and the event recorder."""

    problems: dict[str, str] = field(default_factory=dict)
    written: list[StatusWrite] = field(default_factory=list)
    events: list[tuple[str, str, str, str]] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)

    def seen(self, uid: str, status: Any) -> None:
        pass

    def submit(self, write: StatusWrite) -> None:
        self.written.append(write)

    def forget(self, uid: str) -> None:
        self.forgotten.append(uid)

    def record(self, ref: ObjectRef, severity: str, reason: str, message: str) -> None:
        self.events.append((ref.name, severity, reason, message))

    def names(self) -> list[str]:
        """Whose status was submitted since the last call."""
        names, self.written = [write.name for write in self.written], []
        return names


@dataclass
class FakeLease:
    """Held by us until `holder` says otherwise."""

    identity: str = "us"
    holder: str = "us"
    term: int = 0

    @property
    def leading(self) -> bool:
        return self.holder == self.identity


class Room:
    """A stage, and a reporter that tells what is on it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.desk = Desk()
        self.lease = FakeLease()
        self.metrics = Metrics()
        services = Services(
            settings=cast("Any", None),
            client=cast("Any", None),
            view=stage.view,
            feeds=cast("Any", None),
            lease=cast("Any", self.lease),
            status=cast("Any", self.desk),
            events=cast("Any", self.desk),
            metrics=self.metrics,
            request_relist=lambda: None,
        )
        self.reporter = Reporter(services, "west", "budget-uid")

    async def tell(self, now: float = NOW) -> list[str]:
        observation = self.stage.look(now)
        site = cast("Site", _Site(_Feeds(self.stage.feeds)))
        await self.reporter._tell(observation, plan(observation.state), site, [])
        return self.desk.names()

    def replicas(self, name: str) -> float | None:
        labels = {"budget": "west", "kind": "MiningPool", "namespace": MINING, "name": name}
        return self.metrics.registry.get_sample_value("wattswitch_workload_replicas", labels)


@dataclass
class _Feeds:
    feeds: FakeFeeds

    def current(self) -> dict[str, Any]:
        return self.feeds.readings

    def last_readings(self) -> list[dict[str, str]]:
        return []


@dataclass
class _Site:
    feeds: _Feeds


def room(**budget: Any) -> Room:
    return Room(Stage(pool_raw(), target_raw(replicas=4), pool_raw("b"), target_raw("b", replicas=2), **budget))


async def test_a_workload_is_told_once_while_nothing_happens() -> None:
    told = room()
    assert await told.tell() == ["west", "b", "s21"]
    assert await told.tell(NOW + 1) == ["west"]


async def test_only_the_workload_that_changed_is_told_again() -> None:
    told = room()
    await told.tell()
    told.stage.put(target_raw(replicas=4, alive=4, terminating=1))
    assert await told.tell() == ["west", "s21"]


async def test_a_change_of_mode_is_told_to_all() -> None:
    told = room()
    await told.tell()
    told.stage.set_budget(mode="Advise")
    assert await told.tell() == ["west", "b", "s21"]


async def test_a_new_generation_is_told_even_where_it_changes_nothing() -> None:
    told = room()
    await told.tell()
    told.stage.put(pool_raw(onDelete="Stop"))
    assert await told.tell() == ["west", "s21"]


async def test_a_status_that_did_not_arrive_is_told_again() -> None:
    told = room()
    await told.tell()
    told.desk.problems["uid-of-MiningPool-b"] = "no answer"
    assert await told.tell() == ["west", "b"]


async def test_conditions_of_a_newer_operator_stop_nobody() -> None:
    raw = pool_raw()
    raw["status"] = {"conditions": [{"type": "Moon", "status": "True", "reason": "Full", "phase": "new"}]}
    told = Room(Stage(raw, target_raw(replicas=4)))
    await told.tell()


async def test_a_condition_that_turns_bad_is_an_event_and_so_is_its_end() -> None:
    told = room()
    await told.tell()
    assert told.desk.events == []
    told.stage.drop(target_raw())
    await told.tell()
    assert {(name, severity, reason) for name, severity, reason, _ in told.desk.events} == {
        ("s21", "Warning", "TargetMissing")
    }
    told.desk.events.clear()
    told.stage.put(target_raw(replicas=4))
    await told.tell()
    assert [(name, severity, reason) for name, severity, reason, _ in told.desk.events] == [("s21", "Normal", "Ready")]


async def test_a_write_is_an_event_of_the_workload() -> None:
    told = room()
    await told.tell()
    book = told.stage.site.books["uid-of-s21"]
    told.reporter.written(Written(book, 4, 7, ScaleOutcome("k", applied=True)))
    told.reporter.written(Written(book, 7, 2, ScaleOutcome("k", applied=True)))
    told.reporter.written(Written(book, 2, 3, ScaleOutcome("k", applied=False, problem="Forbidden", message="no")))
    assert told.desk.events == [
        ("s21", "Normal", "Raised", "Deployment s21 4 → 7"),
        ("s21", "Normal", "Lowered", "Deployment s21 7 → 2"),
        ("s21", "Warning", "ScaleFailed", "Deployment s21 2 → 3 was not written: Forbidden no"),
    ]


async def test_many_workloads_are_told_in_turns_with_others_and_as_they_were() -> None:
    """What a hand does to a book meanwhile belongs to the next report."""
    count = 3 * AT_A_STRETCH
    names = [f"p{number:03}" for number in range(count)]
    told = Room(Stage(*(pool_raw(name) for name in names), *(target_raw(name, replicas=1) for name in names)))
    telling = asyncio.create_task(told.tell())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert 0 < len(told.desk.written) < count
    for book in told.stage.site.books.values():
        book.foreign, book.foreign_at = "kubectl changed replicas from 1 to 2", NOW
    await telling
    assert "ForeignScale" not in {reason for _, _, reason, _ in told.desk.events}
    assert len(await told.tell()) == count + 1
    assert [reason for _, _, reason, _ in told.desk.events].count("ForeignScale") == count


async def test_on_standby_only_the_series_follow() -> None:
    told = room()
    told.lease.holder = "them"
    assert await told.tell() == []
    assert told.replicas("s21") == 10


async def test_a_series_is_set_only_where_its_workload_changed() -> None:
    told = room()
    await told.tell()
    told.metrics.replicas.labels("west", "MiningPool", MINING, "s21").set(-1)
    await told.tell()
    assert told.replicas("s21") == -1
    told.stage.put(target_raw(replicas=4, alive=4, terminating=1))
    await told.tell()
    assert told.replicas("s21") == 10


async def test_a_reporter_that_closes_leaves_nothing_known() -> None:
    told = room()
    await told.tell()
    told.reporter.close()
    assert sorted(told.desk.forgotten) == ["budget-uid", "uid-of-MiningPool-b", "uid-of-MiningPool-s21"]


async def test_a_message_without_end_is_cut() -> None:
    told = Room(Stage(pool_raw(targetRef={"kind": "Deployment", "name": "x" * 3000})))
    observation = told.stage.look()
    site = cast("Site", _Site(_Feeds(told.stage.feeds)))
    await told.reporter._tell(observation, plan(observation.state), site, ["p" * 3000])
    assert [len(write.status.get("message", "")) for write in told.desk.written] == [0, 1024]
    conditions = [each for write in told.desk.written for each in write.status["conditions"]]
    assert max(len(each.get("message", "")) for each in conditions) == 1024


def orphan_raw(budget: str = "east") -> dict[str, Any]:
    return pool_raw("orphan", budget=budget)


class Lost(Room):
    """A workload whose budget does not exist, and who tells it so."""

    def __init__(self) -> None:
        super().__init__(Stage(orphan_raw()))
        self.orphans = Orphans(self.reporter._services)

    def told(self) -> list[str]:
        self.orphans.tell()
        return self.desk.names()


def test_an_orphan_is_told_once_and_again_until_it_arrives() -> None:
    lost = Lost()
    assert lost.told() == ["orphan"]
    assert lost.told() == []
    lost.desk.problems["uid-of-MiningPool-orphan"] = "no answer"
    assert lost.told() == ["orphan"]
    assert len(lost.desk.events) == 1


def test_an_orphan_that_is_gone_is_forgotten() -> None:
    lost = Lost()
    lost.told()
    lost.stage.drop(orphan_raw())
    assert lost.told() == []
    assert lost.desk.forgotten == ["uid-of-MiningPool-orphan"]
    assert lost.orphans._told == {}


def test_an_orphan_is_told_anew_by_the_next_leader() -> None:
    lost = Lost()
    lost.told()
    lost.lease.holder = "them"
    assert lost.told() == []
    lost.lease.holder = "us"
    assert lost.told() == ["orphan"]


def test_an_unreadable_budget_is_told_once_and_cut() -> None:
    lost = Lost()
    raw = {"apiVersion": "v1", "kind": "PowerBudget", "metadata": {"name": "bad", "uid": "bad-uid"}}
    for expected in (["bad", "orphan"], []):
        lost.orphans.unreadable(raw, ["p" * 3000])
        lost.orphans.tell()
        assert all(len(write.status["message"]) <= 1024 for write in lost.desk.written)
        assert lost.desk.names() == expected
