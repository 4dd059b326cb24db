"""Who is told what and when: only what changed, again where it did not arrive, and one bad object silences no other."""

import asyncio
import json
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, cast

import pytest

from unit.engine.site_objects import (
    HOUR_OF_NOW,
    MINING,
    NOW,
    FakeFeeds,
    Stage,
    hourly,
    namespace_raw,
    pool_raw,
    reading,
    source,
    target_raw,
)
from wattswitch.api.power_budget import OutlookStatus, PowerBudget
from wattswitch.api.times import format_time
from wattswitch.cluster import ObjectRef, ScaleOutcome, StatusWrite
from wattswitch.engine.actuate import Written
from wattswitch.engine.grid import Grid
from wattswitch.engine.learner import Learner
from wattswitch.engine.observe import Site
from wattswitch.engine.orphans import Orphans
from wattswitch.engine.reporter import AT_A_STRETCH, Reporter, _switching
from wattswitch.engine.services import Services
from wattswitch.feeds import CurveReading, Reading
from wattswitch.metrics import Metrics
from wattswitch.planner import plan


@dataclass
class Desk:
    """Stands in for the status writer and the event recorder."""

    problems: dict[str, str] = field(default_factory=dict)
    written: list[StatusWrite] = field(default_factory=list)
    events: list[tuple[str, str, str, str]] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    latest: dict[str, dict[str, Any]] = field(default_factory=dict)

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
        self.latest |= {write.name: write.status for write in self.written}
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
            forest=cast("Any", None),
        )
        self.reporter = Reporter(services, "west", "budget-uid")

    async def tell(self, now: float = NOW) -> list[str]:
        observation = self.stage.look(now)
        site = cast("Site", _Site(self.stage.budget, _Feeds(self.stage.feeds), self.stage.site.learner))
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

    def curve(self) -> CurveReading | None:
        return self.feeds.published

    def grid_limit(self) -> Reading | None:
        return self.feeds.grid_limit()


@dataclass
class _Site:
    budget: PowerBudget
    feeds: _Feeds
    learner: Learner
    grid: Grid = field(default_factory=Grid)


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


BROKEN: list[tuple[str, dict[str, Any], str]] = [
    ("hardware", {"hardware": "s99"}, "HardwareUnknown"),
    ("feed", {"worth": {"feed": "nobody"}}, "FeedUnknown"),
    ("quantity", {"worth": {"feed": "queue"}}, "FeedUnknown"),
    ("gpus", {"hardware": "h100"}, "GPUCountMismatch"),
    ("priority", {"priority": 900}, "PriorityNotAllowed"),
]


async def test_every_other_problem_of_a_workload_is_one_more_event() -> None:
    told = room()
    await told.tell()
    for _, spec, reason in BROKEN:
        told.stage.put(pool_raw(**spec))
        for _ in range(2):
            await told.tell()
        assert [(name, severity, word) for name, severity, word, _ in told.desk.events] == [("s21", "Warning", reason)]
        told.desk.events.clear()
    told.stage.put(namespace_raw(MINING))
    await told.tell()
    assert {(name, word) for name, _, word, _ in told.desk.events} == {
        ("s21", "NamespaceNotAdmitted"),
        ("b", "NamespaceNotAdmitted"),
    }
    assert len(told.desk.events) == 2


@pytest.mark.parametrize(("case", "spec", "reason"), BROKEN)
async def test_a_workload_that_is_wrong_from_the_start_is_one_event(
    case: str, spec: dict[str, Any], reason: str
) -> None:
    told = Room(Stage(pool_raw(**spec), target_raw(replicas=4)))
    await told.tell()
    assert [(name, severity, word) for name, severity, word, _ in told.desk.events] == [("s21", "Warning", reason)], (
        case
    )


async def test_what_binds_from_day_to_day_is_no_event() -> None:
    told = room()
    await told.tell()
    for price, spec in ((500.0, {}), (40.0, {}), (40.0, {"capWatts": 22_000}), (500.0, {"capWatts": 22_000})):
        told.stage.feeds.readings["price"] = reading(price)
        told.stage.set_budget(**spec)
        await told.tell()
    assert told.desk.latest["s21"]["reason"] == "PriceAboveStrike"
    assert told.desk.events == []


async def test_another_word_for_a_price_that_stays_stale_is_no_event() -> None:
    told = room()
    await told.tell()
    for problem in ("Unreachable", "TimedOut", "Unreachable"):
        told.stage.feeds.readings["price"] = reading(40.0, problem, message=f"source rt: {problem}")
        await told.tell()
    assert [word for _, _, word, _ in told.desk.events] == ["PriceStale", "Unreachable"]


async def test_a_feed_that_the_budget_has_no_more_leaves_no_series() -> None:
    told = room()
    told.stage.feeds.readings["feed:gone"] = reading(None, "NoReading")
    await told.tell()
    fresh, age = "wattswitch_feed_fresh", "wattswitch_feed_age_seconds"
    assert "feed:gone" in {each.labels["feed"] for each in samples(told, fresh)}
    assert "feed:gone" not in {each.labels["feed"] for each in samples(told, age)}, "what was never heard has no age"
    del told.stage.feeds.readings["feed:gone"], told.stage.feeds.readings["queue"]
    await told.tell()
    for name in (fresh, age):
        assert {"feed:gone", "queue"}.isdisjoint(each.labels["feed"] for each in samples(told, name))
    assert "price" in {each.labels["feed"] for each in samples(told, age)}


async def test_the_sentence_about_a_switch_follows_the_price() -> None:
    """Of the same target it says what a start costs, or what a stop and a start cost."""
    told = room()
    await told.tell()
    state = told.stage.look().state
    decision = plan(state)
    target = replace(decision.targets[0], reason="SwitchCost")
    assert _switching(target, decision) != _switching(target, replace(decision, price_per_mwh=500.0))
    assert _switching(decision.targets[0], decision) == ()


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


async def test_a_reporter_that_closes_leaves_nothing_known() -> None:
    told = room()
    await told.tell()
    told.reporter.close()
    assert sorted(told.desk.forgotten) == ["budget-uid", "uid-of-MiningPool-b", "uid-of-MiningPool-s21"]


async def test_a_message_without_end_is_cut() -> None:
    told = Room(Stage(pool_raw(targetRef={"kind": "Deployment", "name": "x" * 3000})))
    observation = told.stage.look()
    site = cast("Site", _Site(told.stage.budget, _Feeds(told.stage.feeds), told.stage.site.learner))
    await told.reporter._tell(observation, plan(observation.state), site, ["p" * 3000])
    assert [len(write.status.get("message", "")) for write in told.desk.written] == [0, 1024]
    conditions = [each for write in told.desk.written for each in write.status["conditions"]]
    assert max(len(each.get("message", "")) for each in conditions) == 1024


# ---- the outlook -----------------------------------------------------------------------------------------------------

CURVED: dict[str, Any] = {"price": {"sources": [source()], "outlook": {"sources": [source(name="day-ahead")]}}}


async def told_budget(told: Room, now: float = NOW) -> dict[str, Any]:
    """The status of the budget in the report of this moment."""
    await told.tell(now)
    return told.desk.latest["west"]


def condition(status: dict[str, Any], type_: str) -> dict[str, Any]:
    return next((each for each in status["conditions"] if each["type"] == type_), {})


async def test_the_next_hours_are_in_the_status_and_in_the_series() -> None:
    told = room(**CURVED)
    told.stage.feeds.published = hourly(*[20.0] * 6, *[900.0] * 4, *[20.0] * 20)
    outlook = (await told_budget(told))["outlook"]
    assert (outlook["basis"], outlook["curveSource"]) == ("Curve", "day-ahead")
    assert outlook["curveUntil"] == format_time(HOUR_OF_NOW + 30 * 3600)
    starts = [each["start"] for each in outlook["spans"]]
    assert (starts[0], outlook["until"]) == (format_time(HOUR_OF_NOW), format_time(HOUR_OF_NOW + 24 * 3600))
    assert starts == sorted(starts)
    modes = [each["mode"] for each in outlook["spans"]]
    assert (modes[0], "Floor" in modes) == ("Full", True)
    assert all(one != other for one, other in pairwise((each["mode"], each["watts"]) for each in outlook["spans"]))
    assert outlook["summary"].startswith("Full to ")
    assert OutlookStatus.model_validate(outlook).to_raw() == outlook
    series = {sample.labels["hour"]: sample.value for sample in samples(told, "wattswitch_outlook_watts")}
    assert sorted(series) == [f"{hour:02}" for hour in range(24)]
    first = int(HOUR_OF_NOW // 3600) % 24
    assert series[f"{first:02}"] > series[f"{(first + 7) % 24:02}"]
    assert [each.labels["basis"] for each in samples(told, "wattswitch_outlook_basis")] == ["Curve"]
    (ahead,) = samples(told, "wattswitch_outlook_curve_seconds")
    assert ahead.value == HOUR_OF_NOW + 30 * 3600 - NOW


def samples(told: Room, name: str) -> list[Any]:
    return [sample for metric in told.metrics.registry.collect() for sample in metric.samples if sample.name == name]


async def test_a_new_workload_is_in_the_outlook_at_once() -> None:
    told = room()
    before = (await told_budget(told))["outlook"]
    told.stage.put(pool_raw("c"), target_raw("c"))
    assert (await told_budget(told))["outlook"]["spans"][0]["watts"] > before["spans"][0]["watts"]


async def test_the_outlook_is_told_anew_with_a_new_price_or_a_new_curve_only() -> None:
    told = room(**CURVED)
    feeds = told.stage.feeds
    feeds.published = hourly(*[20.0] * 48)
    first = (await told_budget(told))["outlook"]
    feeds.readings["price"] = reading(40.0, at=NOW + 15)
    told.stage.put(target_raw(replicas=1))
    assert (await told_budget(told, NOW + 15))["outlook"] is first, "neither the price nor the curve is new"
    assert (await told_budget(told, NOW + 7200))["outlook"] is first, "time alone is no news"
    feeds.readings["price"] = reading(40.0, at=NOW + 7200)
    later = (await told_budget(told, NOW + 7200))["outlook"]
    assert later["spans"][0]["start"] == format_time(HOUR_OF_NOW + 7200)
    feeds.readings["price"] = reading(500.0, at=NOW + 7230)
    dear = (await told_budget(told, NOW + 7230))["outlook"]
    assert dear["spans"][0] != later["spans"][0]
    feeds.published = hourly(*[2000.0] * 48)
    assert (await told_budget(told, NOW + 7240))["outlook"] != dear


async def test_without_a_price_there_is_no_outlook() -> None:
    told = room()
    told.stage.feeds.readings["price"] = reading(None, "NoReading")
    assert "outlook" not in await told_budget(told)
    assert samples(told, "wattswitch_outlook_watts") == []


async def test_a_curve_has_a_condition_an_event_and_an_age() -> None:
    told = room(**CURVED)
    told.stage.feeds.published = hourly(*[20.0] * 48)
    assert condition(await told_budget(told, NOW), "OutlookFresh")["status"] == "True"
    told.stage.feeds.published = CurveReading(None, NOW - 60, "day-ahead", "NowNotCovered", "the curve ended")
    found = condition(await told_budget(told), "OutlookFresh")
    assert (found["status"], found["reason"], found["message"]) == ("False", "NowNotCovered", "the curve ended")
    assert ("west", "Warning", "NowNotCovered", "the curve ended") in told.desk.events
    assert [(s.labels["feed"], s.value) for s in samples(told, "wattswitch_feed_fresh")][-1] == ("outlook", 0.0)
    assert ("outlook", 60.0) in [(s.labels["feed"], s.value) for s in samples(told, "wattswitch_feed_age_seconds")]


async def test_a_price_without_an_outlook_has_no_condition_and_no_age_for_one() -> None:
    told = room(**CURVED)
    told.stage.feeds.published = hourly(*[20.0] * 48)
    await told.tell()
    told.stage.feeds.published = None
    told = room()
    assert condition(await told_budget(told), "OutlookFresh") == {}
    for name in ("feed_fresh", "feed_age_seconds", "outlook_curve_seconds"):
        assert "outlook" not in {s.labels.get("feed", "outlook") for s in samples(told, f"wattswitch_{name}")}


async def test_what_was_learned_is_in_the_status_once_an_hour_has_passed() -> None:
    told = room()
    assert "priceModel" not in await told_budget(told)
    told.stage.feeds.readings["price"] = reading(41.0, at=NOW + 4000)
    kept = (await told_budget(told, NOW + 4000))["priceModel"]
    assert (kept["currency"], json.loads(kept["learned"])["samples"]) == ("USD", 2)
    told.stage.feeds.readings["price"] = reading(42.0, at=NOW + 5000)
    assert (await told_budget(told, NOW + 5000))["priceModel"] is kept


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
