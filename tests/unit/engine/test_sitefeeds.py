"""A budget's feeds by the names of the loop, and the last good readings that outlive the process."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from unit.engine.site_objects import budget_raw, source
from wattswitch.api.parse import parse
from wattswitch.api.power_budget import PowerBudget, PowerBudgetSpec
from wattswitch.api.times import format_time
from wattswitch.engine import clock
from wattswitch.engine.signals import UNKNOWN_FEED, signal
from wattswitch.engine.sitefeeds import FORGET_SECONDS, SiteFeeds
from wattswitch.feeds import FeedSet, Reading
from wattswitch.planner.model import OnStale, Signal

NOW = 1_700_000_000.0


class Wall:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    wall = Wall()
    monkeypatch.setattr(clock, "now", wall)
    return wall


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> Wall:
    """The monotonic clock."""
    steady = Wall()
    monkeypatch.setattr(clock, "monotonic", steady)
    return steady


@pytest.fixture
async def feeds(wall: Wall) -> AsyncIterator[SiteFeeds]:
    feed_set = FeedSet(wall, lambda _: None)
    yield SiteFeeds(feed_set, "budget-uid")
    await feed_set.close()


def spec(**fields: Any) -> PowerBudgetSpec:
    budget, problems = parse(PowerBudget, budget_raw(**fields))
    assert budget is not None, problems
    return budget.spec


def silent(name: str = "silent", unit: str = "USDPerMWh") -> dict[str, Any]:
    """A source that never has a number."""
    return {"name": name, "unit": unit, "file": {"path": "/nowhere/at/all.csv", "column": "value"}}


async def test_price_meter_and_named_feeds(feeds: SiteFeeds) -> None:
    meter = {"sources": [source("12", "Kilowatts")]}
    await feeds.follow(spec(price={"sources": [source("0.04", "USDPerKWh")]}, meter=meter))
    assert feeds.price().value == 40.0
    assert feeds.meter().value == 12_000.0
    assert feeds.named("hashprice", "mining", "s21").value == 38.2


async def test_a_feed_called_price_is_not_the_price(feeds: SiteFeeds) -> None:
    named = [{"name": "price", "sources": [source("999")]}]
    await feeds.follow(spec(feeds=named))
    assert (feeds.price().value, feeds.named("price", "a", "b").value) == (40.0, 999.0)


async def test_readers_follow_the_spec(feeds: SiteFeeds) -> None:
    await feeds.follow(spec())
    await feeds.follow(spec(price={"sources": [source("50")]}, feeds=[]))
    assert feeds.price().value == 50.0
    assert feeds.named("hashprice", "mining", "s21").problem == "NoReading"


async def test_readings_by_name_leave_out_those_for_one_workload(feeds: SiteFeeds) -> None:
    per_workload = {
        "name": "queue",
        "perWorkload": {},
        "sources": [{"name": "p", "unit": "Count", "prometheus": {"url": "http://127.0.0.1:1", "query": "q"}}],
    }
    await feeds.follow(spec(feeds=[per_workload, {"name": "hashprice", "sources": [source("38", "USDPerPHPerDay")]}]))
    feeds.price()
    feeds.named("hashprice", "mining", "s21")
    feeds.named("queue", "inference", "llama")
    assert set(feeds.current()) == {"price", "feed:hashprice"}


async def test_last_readings_outlive_the_process(feeds: SiteFeeds, wall: Wall) -> None:
    await feeds.follow(spec())
    feeds.price()
    feeds.named("hashprice", "mining", "s21")
    kept = feeds.last_readings()
    assert kept == [
        {"feed": "feed:hashprice", "value": "38.2", "at": format_time(NOW)},
        {"feed": "price", "value": "40", "at": format_time(NOW)},
    ]
    again = SiteFeeds(FeedSet(wall, lambda _: None), "budget-uid")
    await again.follow(spec(price={"sources": [silent()]}))
    again.seed(kept)
    assert (again.price().value, again.price().at, again.price().fresh) == (40.0, NOW, False)
    await again.close()


async def test_last_readings_of_workloads_keep_their_key(feeds: SiteFeeds, wall: Wall) -> None:
    prometheus = {"name": "p", "unit": "Count", "prometheus": {"url": "http://127.0.0.1:1", "query": "q"}}
    queue = {"name": "queue", "perWorkload": {}, "sources": [prometheus]}
    await feeds.follow(spec(feeds=[queue]))
    kept = [{"feed": "feed:queue", "key": "inference/llama", "value": "7", "at": format_time(NOW)}]
    feeds.seed(kept)
    assert feeds.named("queue", "inference", "llama").value == 7.0
    assert feeds.named("queue", "inference", "other").value is None
    assert feeds.last_readings() == kept


async def test_an_entry_that_only_grew_younger_is_not_written_again(feeds: SiteFeeds, wall: Wall) -> None:
    """Else the status would never come to rest."""
    await feeds.follow(spec())
    feeds.price()
    before = feeds.last_readings()
    wall.now += 600
    assert feeds.price().at == NOW + 600
    assert feeds.last_readings() == before
    await feeds.follow(spec(price={"sources": [source("41")]}))
    assert feeds.last_readings() == [{"feed": "price", "value": "41", "at": format_time(NOW + 600)}]


async def test_a_stale_reading_is_not_forgotten(feeds: SiteFeeds) -> None:
    await feeds.follow(spec(price={"sources": [silent()]}))
    kept = [{"feed": "price", "value": "33", "at": format_time(NOW - 5000)}]
    feeds.seed(kept)
    assert (feeds.price().value, feeds.price().fresh) == (33.0, False)
    assert feeds.last_readings() == kept


@pytest.mark.parametrize("broken", [{"value": "dear"}, {"at": "lately"}, {"feed": None}], ids=["value", "at", "feed"])
async def test_a_reading_that_can_not_be_read_costs_no_other(feeds: SiteFeeds, broken: dict[str, Any]) -> None:
    await feeds.follow(spec(price={"sources": [silent()]}))
    good = {"feed": "price", "value": "33", "at": format_time(NOW - 5000)}
    bad = {name: value for name, value in {**good, **broken}.items() if value is not None}
    feeds.seed([bad, good])
    assert feeds.price().value == 33.0
    assert feeds.last_readings() == [good]


async def test_the_price_is_never_left_out_of_too_many_readings(feeds: SiteFeeds) -> None:
    at = format_time(NOW)
    feeds.seed({"feed": "feed:queue", "key": f"ns/w{n}", "value": "1", "at": at} for n in range(300))
    feeds.seed([{"feed": "price", "value": "40", "at": at}])
    kept = feeds.last_readings()
    assert (len(kept), kept[0]["feed"]) == (256, "price")


def queue_feed(**fields: Any) -> dict[str, Any]:
    prometheus = {"name": "p", "unit": "Count", "prometheus": {"url": "http://127.0.0.1:1", "query": "q"}}
    return {"name": "queue", "sources": [prometheus], **fields}


async def test_readings_of_workloads_that_are_gone_do_not_crowd_out_the_others(feeds: SiteFeeds, steady: Wall) -> None:
    await feeds.follow(spec(feeds=[queue_feed(perWorkload={})]))
    at = format_time(NOW)
    feeds.seed({"feed": "feed:queue", "key": f"dead/w{n:03}", "value": "1", "at": at} for n in range(300))
    feeds.seed([{"feed": "feed:queue", "key": "living/llama", "value": "7", "at": at}])
    for _ in range(3):
        steady.now += FORGET_SECONDS / 2 + 1
        feeds.named("queue", "living", "llama")
        feeds.price()
    assert [each["feed"] for each in feeds.last_readings()] == ["price", "feed:queue"]
    assert feeds.last_readings()[1]["key"] == "living/llama"


async def test_a_process_that_stood_still_forgets_no_reading(feeds: SiteFeeds, steady: Wall) -> None:
    await feeds.follow(spec(feeds=[queue_feed(perWorkload={})]))
    feeds.seed([{"feed": "feed:queue", "key": "living/llama", "value": "7", "at": format_time(NOW)}])
    feeds.named("queue", "living", "llama")
    steady.now += 3600
    assert [each["value"] for each in feeds.last_readings()] == ["7"]


async def test_a_feed_that_nobody_asks_for_any_more_keeps_its_reading(feeds: SiteFeeds, steady: Wall) -> None:
    await feeds.follow(spec())
    feeds.named("hashprice", "mining", "s21")
    steady.now += 10 * FORGET_SECONDS
    feeds.price()
    assert {each["feed"] for each in feeds.last_readings()} == {"price", "feed:hashprice"}


async def test_a_feed_that_became_one_per_workload_is_no_reading_of_the_site_any_more(feeds: SiteFeeds) -> None:
    await feeds.follow(spec(feeds=[queue_feed()]))
    feeds.named("queue", "inference", "llama")
    assert set(feeds.current()) == {"feed:queue"}
    await feeds.follow(spec(feeds=[queue_feed(perWorkload={})]))
    feeds.named("queue", "inference", "llama")
    assert feeds.current() == {}


async def test_readings_of_a_feed_that_was_removed_are_forgotten(feeds: SiteFeeds) -> None:
    await feeds.follow(spec())
    feeds.named("hashprice", "mining", "s21")
    assert [each["feed"] for each in feeds.last_readings()] == ["feed:hashprice"]
    await feeds.follow(spec(feeds=[]))
    assert feeds.last_readings() == []
    assert feeds.current() == {}


def test_a_signal_is_the_reading_with_its_policy() -> None:
    feed = spec(price={"onStale": "Assume", "assume": "60", "sources": [source()]}).price
    reading = Reading(40.0, NOW, NOW, "rt", "Stale", "old")
    assert signal(reading, feed) == Signal(40.0, "Stale", NOW, OnStale.ASSUME, 60.0)


def test_an_unknown_feed_has_no_value_and_is_not_fresh() -> None:
    assert (UNKNOWN_FEED.value, UNKNOWN_FEED.fresh) == (None, False)
