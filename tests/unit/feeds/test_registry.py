"""Readers in step with the specs of every budget."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from unit.feeds.servers import NOON, RawServer, TurnableClock, http, metric, until
from unit.feeds.specs import fixed_source, http_source, per_workload, price, prometheus_source
from wattswitch.api.feed import PriceFeed
from wattswitch.feeds import FeedSet, Problem

Serve = Callable[..., Awaitable[RawServer]]


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
async def feeds(clock: TurnableClock, told: list[str]) -> AsyncIterator[FeedSet]:
    every = FeedSet(clock, told.append)
    yield every
    await every.close()


def polling() -> list[str]:
    return sorted(task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("feed-"))


async def test_every_budget_has_its_own_feeds(feeds: FeedSet) -> None:
    await feeds.apply("texas", {"price": price(fixed_source("45"))})
    await feeds.apply("berlin", {"price": price(fixed_source("60"))})
    assert feeds.reading("texas", "price", NOON).value == 45.0
    assert feeds.reading("berlin", "price", NOON).value == 60.0


async def test_a_feed_that_is_not_there_has_no_reading(feeds: FeedSet) -> None:
    reading = feeds.reading("texas", "price", NOON)
    assert (reading.value, reading.problem) == (None, Problem.NO_READING)
    assert "price" in reading.message
    feeds.seed("texas", "price", 1.0, NOON)
    assert feeds.deadline("texas", NOON) is None


async def test_an_equal_spec_keeps_its_reader_and_another_replaces_it(
    feeds: FeedSet, serve: Serve, clock: TurnableClock, told: list[str]
) -> None:
    server = await serve(http(json.dumps({"price": 41.19})))
    await feeds.apply("texas", {"price": price(http_source(server.url), pollSeconds=600)})
    await until(lambda: told == ["texas"])
    await feeds.apply("texas", {"price": price(http_source(server.url), pollSeconds=600)})
    await asyncio.sleep(0.1)
    assert len(server.requests) == 1
    assert feeds.deadline("texas", clock()) == NOON + 900
    await feeds.apply("texas", {"price": price(http_source(server.url), pollSeconds=600, staleAfterSeconds=700)})
    assert feeds.reading("texas", "price", clock()).fresh, "a source that did not change is known already"
    await until(lambda: len(server.requests) == 2)
    assert feeds.deadline("texas", clock()) == NOON + 700


async def test_removed_feeds_and_budgets_are_polled_no_more(feeds: FeedSet, serve: Serve) -> None:
    server = await serve(lambda _: None)
    spec = {"price": price(http_source(server.url, "a")), "hashprice": price(http_source(server.url, "b"))}
    await feeds.apply("texas", spec)
    await feeds.apply("berlin", {"price": price(http_source(server.url, "c"))})
    assert polling() == ["feed-a", "feed-b", "feed-c"]
    await feeds.apply("texas", {"price": spec["price"]})
    assert polling() == ["feed-a", "feed-c"]
    await feeds.apply("texas", {})
    assert polling() == ["feed-c"]
    await feeds.close()
    assert polling() == []


async def test_a_workload_is_found_by_namespace_and_name(feeds: FeedSet, serve: Serve, told: list[str]) -> None:
    server = await serve(metric(({"namespace": "ml", "service": "llama"}, "12")))
    await feeds.apply("texas", {"queue": per_workload(prometheus_source(server.url))})
    feeds.seed("texas", "queue", 3.0, NOON - 60, ("ml", "llama"))
    assert feeds.reading("texas", "queue", NOON, ("ml", "llama")).value == 3.0
    await until(lambda: told == ["texas"])
    assert feeds.reading("texas", "queue", NOON, ("ml", "llama")).value == 12.0


async def test_private_addresses_can_be_denied(clock: TurnableClock, serve: Serve, told: list[str]) -> None:
    server = await serve(http(json.dumps({"price": 41.19})))
    feeds = FeedSet(clock, told.append, allow_private=False)
    await feeds.apply("texas", {"price": price(http_source(server.url))})
    await until(lambda: feeds.reading("texas", "price", NOON).problem == Problem.ADDRESS_DENIED)
    await feeds.close()
    assert server.requests == []


# ---- published prices ------------------------------------------------------------------------------------------------


def ahead(url: str, **more: Any) -> PriceFeed:
    """A price with an outlook behind a URL."""
    block = {"url": url, "path": "[].price", "timePath": "[].start"}
    source = {"name": "day-ahead", "unit": "USDPerMWh", "http": block}
    outlook = {"pollSeconds": 600, "timeoutSeconds": 1, "sources": [source]} | more
    return PriceFeed.model_validate({"sources": [fixed_source("45")], "outlook": outlook})


def hours(*prices: float) -> bytes:
    return http(json.dumps([{"start": NOON + n * 3600, "price": price} for n, price in enumerate(prices)]))


async def test_the_outlook_of_a_price_is_read_beside_it(feeds: FeedSet, serve: Serve, told: list[str]) -> None:
    server = await serve(hours(40, 41))
    await feeds.apply("texas", {"price": ahead(server.url)})
    assert not feeds.heard("texas")
    await until(lambda: feeds.heard("texas"))
    await until(lambda: told == ["texas"])
    reading = feeds.curve("texas", NOON)
    assert reading is not None
    assert reading.curve is not None
    assert reading.curve.prices == (40, 41)
    assert feeds.deadline("texas", NOON) == NOON + 3600
    assert feeds.curve("berlin", NOON) is None


async def test_an_equal_outlook_keeps_its_reader_another_takes_over_and_none_ends_it(
    feeds: FeedSet, serve: Serve
) -> None:
    server = await serve(hours(40, 41))
    await feeds.apply("texas", {"price": ahead(server.url)})
    await until(lambda: feeds.heard("texas"))
    await feeds.apply("texas", {"price": ahead(server.url)})
    await asyncio.sleep(0.1)
    assert len(server.requests) == 1
    server.reply = lambda _: None
    await feeds.apply("texas", {"price": ahead(server.url, pollSeconds=700)})
    known = feeds.curve("texas", NOON)
    assert known is not None
    assert known.curve is not None, "a source that did not change is known already"
    await feeds.apply("texas", {"price": price(fixed_source("45"))})
    assert feeds.curve("texas", NOON) is None
    assert polling() == []


async def test_a_budget_that_is_gone_has_no_outlook(feeds: FeedSet, serve: Serve) -> None:
    server = await serve(lambda _: None)
    await feeds.apply("texas", {"price": ahead(server.url)})
    await feeds.apply("berlin", {"price": ahead(server.url)})
    await feeds.apply("texas", {})
    assert polling() == ["feed-day-ahead"]
    await feeds.close()
    assert polling() == []
