"""Who is told what and when: only what changed, again where it did not arrive, and one bad object silences no other."""

from dataclasses import dataclass, field
from typing import Any, cast

from unit.engine.site_objects import NOW, FakeFeeds, Stage, pool_raw, target_raw
from wattswitch.cluster import ObjectRef, ScaleOutcome, StatusWrite
from wattswitch.engine.actuate import Written
from wattswitch.engine.observe import Site
from wattswitch.engine.reporter import Reporter
from wattswitch.engine.services import Services
from wattswitch.metrics import Metrics
from wattswitch.planner import plan


@dataclass
class Desk:
    """Stands in for the status writer and the event recorder."""

    problems: dict[str, str] = field(default_factory=dict)
    written: list[StatusWrite] = field(default_factory=list)
    events: list[tuple[str, str, str, str]] = field(default_factory=list)

    def seen(self, uid: str, status: Any) -> None:
        pass

    def submit(self, write: StatusWrite) -> None:
        self.written.append(write)

    def forget(self, uid: str) -> None:
        pass

    def record(self, ref: ObjectRef, severity: str, reason: str, message: str) -> None:
        self.events.append((ref.name, severity, reason, message))

    def names(self) -> list[str]:
        """Whose status was submitted since the last call."""
        names, self.written = [write.name for write in self.written], []
        return names


class Room:
    """A stage, and a reporter that tells what is on it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.desk = Desk()
        services = Services(
            settings=cast("Any", None),
            client=cast("Any", None),
            view=stage.view,
            feeds=cast("Any", None),
            lease=cast("Any", None),
            status=cast("Any", self.desk),
            events=cast("Any", self.desk),
            metrics=Metrics(),
            request_relist=lambda: None,
        )
        self.reporter = Reporter(services, "west", "budget-uid")

    def tell(self, now: float = NOW) -> list[str]:
        observation = self.stage.look(now)
        site = cast("Site", _Site(_Feeds(self.stage.feeds)))
        self.reporter._tell(observation, plan(observation.state), site, [])
        return self.desk.names()


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


def test_a_workload_is_told_once_while_nothing_happens() -> None:
    told = room()
    assert told.tell() == ["west", "b", "s21"]
    assert told.tell(NOW + 1) == ["west"]


def test_only_the_workload_that_changed_is_told_again() -> None:
    told = room()
    told.tell()
    told.stage.put(target_raw(replicas=4, alive=4, terminating=1))
    assert told.tell() == ["west", "s21"]


def test_a_change_of_mode_is_told_to_all() -> None:
    told = room()
    told.tell()
    told.stage.set_budget(mode="Advise")
    assert told.tell() == ["west", "b", "s21"]


def test_a_new_generation_is_told_even_where_it_changes_nothing() -> None:
    told = room()
    told.tell()
    told.stage.put(pool_raw(onDelete="Stop"))
    assert told.tell() == ["west", "s21"]


def test_a_status_that_did_not_arrive_is_told_again() -> None:
    told = room()
    told.tell()
    told.desk.problems["uid-of-MiningPool-b"] = "no answer"
    assert told.tell() == ["west", "b"]


def test_conditions_of_a_newer_operator_stop_nobody() -> None:
    raw = pool_raw()
    raw["status"] = {"conditions": [{"type": "Moon", "status": "True", "reason": "Full", "phase": "new"}]}
    told = Room(Stage(raw, target_raw(replicas=4)))
    told.tell()


def test_a_condition_that_turns_bad_is_an_event_and_so_is_its_end() -> None:
    told = room()
    told.tell()
    assert told.desk.events == []
    told.stage.drop(target_raw())
    told.tell()
    assert {(name, severity, reason) for name, severity, reason, _ in told.desk.events} == {
        ("s21", "Warning", "TargetMissing")
    }
    told.desk.events.clear()
    told.stage.put(target_raw(replicas=4))
    told.tell()
    assert [(name, severity, reason) for name, severity, reason, _ in told.desk.events] == [("s21", "Normal", "Ready")]


def test_a_write_is_an_event_of_the_workload() -> None:
    told = room()
    told.tell()
    book = told.stage.site.books["uid-of-s21"]
    told.reporter.written(Written(book, 4, 7, ScaleOutcome("k", applied=True)))
    told.reporter.written(Written(book, 7, 2, ScaleOutcome("k", applied=True)))
    told.reporter.written(Written(book, 2, 3, ScaleOutcome("k", applied=False, problem="Forbidden", message="no")))
    assert told.desk.events == [
        ("s21", "Normal", "Raised", "Deployment s21 4 → 7"),
        ("s21", "Normal", "Lowered", "Deployment s21 7 → 2"),
        ("s21", "Warning", "ScaleFailed", "Deployment s21 2 → 3 was not written: Forbidden no"),
    ]
