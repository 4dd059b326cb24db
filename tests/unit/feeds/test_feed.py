"""One feed of several sources: the first fresh one counts, the last good number stays, and who is told when."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from unit.feeds.servers import (
    ABSURD_TIMES,
    NOON,
    RawServer,
    Request,
    TurnableClock,
    first_reading,
    http,
    metric,
    until,
)
from unit.feeds.specs import fixed_source, http_source, per_workload, price, prometheus_source
from wattswitch.api.feed import Feed, Meter
from wattswitch.feeds import FeedReader, Problem
from wattswitch.feeds.freshness import Remembered
from wattswitch.feeds.reading import Refused
from wattswitch.feeds.wiring import Surroundings, build_source

Serve = Callable[..., Awaitable[RawServer]]
Read = Callable[..., FeedReader]


def document(value: Any) -> bytes:
    return http(json.dumps({"price": value}))


async def test_the_first_fresh_source_counts(serve: Serve, read: Read, clock: TurnableClock) -> None:
    first, second = await serve(document(41.19)), await serve(document(52))
    spec = price(http_source(first.url, "rt"), http_source(second.url, "backup"), fixed_source("60"))
    reader = read(spec, clock)
    await until(lambda: reader.heard)
    assert (reader.signal_reading(clock()).value, reader.signal_reading(clock()).source) == (41.19, "rt")
    first.reply = lambda _: document(None)
    await until(lambda: reader.signal_reading(clock()).value == 52.0)
    assert reader.signal_reading(clock()).source == "backup"
    second.reply = lambda _: document("inf")
    await until(lambda: reader.signal_reading(clock()).value == 60.0)
    assert reader.signal_reading(clock()).source == "contract"


async def test_while_no_source_is_fresh_the_last_good_number_stays_with_the_first_problem(
    serve: Serve, read: Read, clock: TurnableClock
) -> None:
    first, second = await serve(document(41.19)), await serve(document(None))
    reader = read(price(http_source(first.url, "rt"), http_source(second.url, "backup")), clock)
    assert (await first_reading(reader, clock)).value == 41.19
    first.reply = lambda _: http("<html>")
    await until(lambda: bool(reader.signal_reading(clock()).problem))
    reading = reader.signal_reading(clock())
    assert (reading.value, reading.at, reading.problem, reading.fresh) == (41.19, NOON, Problem.NOT_JSON, False)
    assert "rt" in reading.message
    assert reader.deadline(clock()) is None


async def test_a_number_that_was_refused_is_never_remembered(serve: Serve, read: Read, clock: TurnableClock) -> None:
    server = await serve(document(99_999))
    reader = read(price(http_source(server.url), range={"min": "-1000", "max": "20000"}), clock)
    assert (await first_reading(reader, clock)).problem == Problem.OUT_OF_RANGE
    await until(lambda: len(server.requests) >= 2)
    assert reader.signal_reading(clock()).value is None


async def test_going_stale_is_foretold(serve: Serve, read: Read, clock: TurnableClock) -> None:
    server = await serve(document(41.19))
    reader = read(price(http_source(server.url), staleAfterSeconds=100), clock)
    await first_reading(reader, clock)
    server.reply = lambda _: None
    end = reader.deadline(clock())
    assert end == NOON + 100
    await until(lambda: reader.signal_reading(NOON + 1000).problem == Problem.TIMED_OUT)
    assert reader.signal_reading(end - 0.001).fresh
    late = reader.signal_reading(end)
    assert (late.problem, late.value) == (Problem.TIMED_OUT, 41.19)


def test_a_change_of_tariff_is_foretold_and_needs_no_polling(clock: TurnableClock) -> None:
    windows = [{"from": "18:00", "to": "21:00", "value": "90"}]
    schedule = {"timeZone": "America/Chicago", "default": "45", "windows": windows}
    reader = FeedReader(price({"name": "contract", "unit": "USDPerMWh", "schedule": schedule}), clock)
    opens = datetime(2026, 8, 1, 18, tzinfo=ZoneInfo("America/Chicago")).timestamp()
    assert reader.signal_reading(NOON).value == 45.0
    assert reader.deadline(NOON) == opens
    assert reader.signal_reading(opens - 1).value == 45.0
    assert reader.signal_reading(opens).value == 90.0


async def test_only_a_change_is_told(serve: Serve, read: Read, clock: TurnableClock) -> None:
    told: list[int] = []
    server = await serve(document(41.19))
    reader = read(price(http_source(server.url)), clock, lambda: told.append(1))
    await until(lambda: len(told) == 1)
    await until(lambda: len(server.requests) >= 3)
    assert len(told) == 1
    server.reply = lambda _: document(52)
    await until(lambda: len(told) == 2)
    assert reader.signal_reading(clock()).value == 52.0
    server.reply = lambda _: document(None)
    await until(lambda: len(told) == 3)


async def test_a_listener_that_fails_does_not_end_the_polling(serve: Serve, read: Read, clock: TurnableClock) -> None:
    heard: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context["exception"]))

    def fail() -> None:
        raise RuntimeError("listener")

    server = await serve(document(41.19))
    reader = read(price(http_source(server.url)), clock, fail)
    await until(lambda: bool(heard))
    server.reply = lambda _: document(52)
    await until(lambda: reader.signal_reading(clock()).value == 52.0)


async def test_all_sources_are_asked_at_once(serve: Serve, read: Read, clock: TurnableClock) -> None:
    hanging, quick = await serve(lambda _: None), await serve(document(41.19))
    spec = price(*(http_source(hanging.url, f"slow-{n}") for n in range(7)), http_source(quick.url, "quick"))
    started = asyncio.get_running_loop().time()
    reader = read(spec, clock)
    await until(lambda: reader.signal_reading(clock()).value == 41.19)
    assert asyncio.get_running_loop().time() - started < 0.9, "seven sources that hang for a second each"


async def test_what_no_source_foresaw_is_a_problem_too(
    serve: Serve, read: Read, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object) -> float:
        raise ZeroDivisionError

    monkeypatch.setattr("wattswitch.feeds.http.read_number", break_down)
    server = await serve(document(41.19))
    reading = await first_reading(read(price(http_source(server.url)), clock), clock)
    assert (reading.problem, "ZeroDivisionError" in reading.message) == (Problem.UNEXPECTED, True)


async def test_a_source_that_cannot_be_judged_is_a_problem_and_the_next_one_is_heard(
    serve: Serve, read: Read, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object) -> None:
        raise ZeroDivisionError

    server = await serve(document(41.19))
    monkeypatch.setattr(Remembered, "judge", break_down)
    alone = read(price(http_source(server.url)), clock)
    reading = alone.signal_reading(clock())
    assert (reading.problem, reading.value) == (Problem.UNEXPECTED, None)
    assert "ZeroDivisionError" in reading.message
    assert alone.deadline(clock()) is None
    backed = read(price(http_source(server.url), fixed_source("60")), clock)
    assert backed.signal_reading(clock()).value == 60.0
    await until(lambda: len(server.requests) >= 4)


async def test_a_comparison_that_fails_is_told_and_does_not_end_the_polling(serve: Serve, read: Read) -> None:
    told: list[int] = []

    def stopped_clock() -> float:
        """Fails whenever it is asked after a request, as `_tell` does."""
        if server.requests and not is_repaired:
            raise OSError
        return NOON

    is_repaired = False
    server = await serve(document(41.19))
    reader = read(price(http_source(server.url)), stopped_clock, lambda: told.append(1))
    await until(lambda: bool(told))
    is_repaired = True
    await until(lambda: len(server.requests) >= 2)
    assert (await first_reading(reader, lambda: NOON)).value == 41.19


# ---- the ledger, and a spec that changes ---------------------------------------------------------------------------


def test_a_number_from_the_ledger_is_the_last_good_one_and_not_fresh(clock: TurnableClock) -> None:
    reader = FeedReader(price(http_source("http://feed.example")), clock)
    reader.seed(41.19, NOON - 7200)
    reading = reader.signal_reading(NOON)
    assert (reading.value, reading.at, reading.problem) == (41.19, NOON - 7200, Problem.NO_READING)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1001.0, 20001.0])
def test_a_number_from_the_ledger_must_be_believable(clock: TurnableClock, value: float) -> None:
    reader = FeedReader(price(http_source("http://feed.example"), range={"min": "-1000", "max": "20000"}), clock)
    reader.seed(value, NOON)
    assert reader.signal_reading(NOON).value is None


@pytest.mark.parametrize("at", [*ABSURD_TIMES, float("nan"), float("inf"), 253_402_300_799.9999])
def test_a_number_from_the_ledger_must_have_a_time_that_can_be_written(clock: TurnableClock, at: float) -> None:
    reader = FeedReader(price(http_source("http://feed.example")), clock)
    reader.seed(41.19, at)
    assert reader.signal_reading(NOON).value is None


async def test_a_number_from_the_ledger_never_replaces_a_later_one(
    serve: Serve, read: Read, clock: TurnableClock
) -> None:
    server = await serve(document(41.19))
    reader = read(price(http_source(server.url)), clock)
    await first_reading(reader, clock)
    reader.seed(1.0, NOON - 1)
    assert reader.signal_reading(NOON + 1_000_000).value == 41.19


async def test_a_reader_of_a_changed_spec_starts_from_what_the_last_one_knew(
    serve: Serve, read: Read, clock: TurnableClock
) -> None:
    server = await serve(document(41.19))
    before = read(price(http_source(server.url)), clock)
    await first_reading(before, clock)
    same_source = FeedReader(price(http_source(server.url), staleAfterSeconds=60), clock)
    same_source.take_over(before)
    assert same_source.signal_reading(NOON).fresh
    other_source = FeedReader(price(http_source(server.url + "/other")), clock)
    other_source.take_over(before)
    assert (other_source.signal_reading(NOON).value, other_source.signal_reading(NOON).fresh) == (41.19, False)
    other_range = FeedReader(price(http_source(server.url + "/other"), range={"min": "50", "max": "60"}), clock)
    other_range.take_over(before)
    assert other_range.signal_reading(NOON).value is None
    other_money = FeedReader(price({**http_source(server.url), "unit": "EURPerMWh"}), clock)
    other_money.take_over(before)
    assert other_money.signal_reading(NOON).value is None


# ---- specs that make no sense --------------------------------------------------------------------------------------


def meter(*sources: dict[str, Any]) -> Feed:
    return Meter.model_validate({"sources": list(sources)})


@pytest.mark.parametrize(
    "spec",
    [
        price(fixed_source("45", unit="Watts")),
        meter(fixed_source("45", unit="USDPerMWh")),
    ],
)
def test_a_unit_of_another_quantity_is_refused(spec: Feed, clock: TurnableClock) -> None:
    reading = FeedReader(spec, clock).signal_reading(NOON)
    assert (reading.problem, reading.value) == (Problem.WRONG_UNIT, None)


def test_a_second_currency_is_refused(clock: TurnableClock) -> None:
    spec = price(http_source("http://feed.example"), fixed_source("45", unit="EURPerMWh"))
    assert FeedReader(spec, clock).signal_reading(NOON).value is None
    with pytest.raises(Refused) as refused:
        build_source(spec.sources[1], Surroundings(clock, spec))
    assert refused.value.problem is Problem.WRONG_UNIT


@pytest.mark.parametrize(
    "source",
    [
        {"name": "none", "unit": "USDPerMWh"},
        {**fixed_source("45"), **http_source("http://feed.example")},
    ],
)
def test_a_source_of_no_family_or_two_is_refused(source: dict[str, Any], clock: TurnableClock) -> None:
    assert FeedReader(price(source), clock).signal_reading(NOON).problem == Problem.SOURCE_UNUSABLE


def test_an_unknown_time_zone_is_named(clock: TurnableClock) -> None:
    schedule = {"timeZone": "Europe/Berln", "default": "45"}
    reader = FeedReader(price({"name": "tariff", "unit": "USDPerMWh", "schedule": schedule}), clock)
    reading = reader.signal_reading(NOON)
    assert (reading.problem, "Europe/Berln" in reading.message) == (Problem.UNKNOWN_TIME_ZONE, True)
    assert reader.deadline(NOON) is None


# ---- one series for each workload ----------------------------------------------------------------------------------


async def test_a_change_for_one_workload_is_told(serve: Serve, read: Read, clock: TurnableClock) -> None:
    told: list[int] = []
    labels = {"namespace": "ml", "service": "llama"}
    server = await serve(metric((labels, "12")))
    reader = read(per_workload(prometheus_source(server.url)), clock, lambda: told.append(1))
    assert (await first_reading(reader, clock, ("ml", "llama"))).value == 12.0
    await until(lambda: bool(told))
    told.clear()
    server.reply = metric((labels, "13"))
    await until(lambda: bool(told))
    assert reader.signal_reading(clock(), ("ml", "llama")).value == 13.0
    assert reader.earliest_deadline(clock()) == NOON + 900


async def test_a_workload_whose_series_is_gone_keeps_its_last_number(
    serve: Serve, read: Read, clock: TurnableClock
) -> None:
    llama, qwen = {"namespace": "ml", "service": "llama"}, {"namespace": "ml", "service": "qwen"}
    server = await serve(metric((llama, "12"), (qwen, "5")))
    reader = read(per_workload(prometheus_source(server.url)), clock)
    await first_reading(reader, clock, ("ml", "llama"))

    def only_qwen(request: Request) -> bytes:
        return metric((qwen, "5"))(request)

    server.reply = only_qwen
    await until(lambda: reader.signal_reading(clock(), ("ml", "llama")).problem == Problem.EMPTY)
    assert reader.signal_reading(clock(), ("ml", "llama")).value == 12.0
    assert reader.signal_reading(clock(), ("ml", "qwen")).fresh


async def test_workloads_that_nobody_asks_for_are_forgotten(
    clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wattswitch.feeds.feed.MAX_WORKLOADS", 2)
    reader = FeedReader(per_workload(prometheus_source("http://feed.example")), clock)
    for name in ("a", "b"):
        reader.seed(1.0, NOON - 60, ("ml", name))
        reader.signal_reading(NOON, ("ml", name))
    reader.signal_reading(NOON, ("ml", "a"))
    reader.signal_reading(NOON, ("ml", "c"))
    assert reader.signal_reading(NOON, ("ml", "a")).value == 1.0
    assert reader.signal_reading(NOON, ("ml", "b")).value is None
