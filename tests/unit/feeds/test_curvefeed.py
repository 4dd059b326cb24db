"""Curves from servers and files that are late, lie, hang and drip: one word for each, and never an exception."""

import asyncio
import gzip
import json
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from unit.feeds.servers import ABSURD_TIMES, NOON, RawServer, TurnableClock, bomb, http, until
from unit.feeds.specs import fixed_source
from wattswitch.api.feed import PriceFeed
from wattswitch.api.times import format_time
from wattswitch.feeds import CurveReader, CurveReading, Problem
from wattswitch.feeds.curvesource import MAX_ENTRIES

HOUR = 3600.0
Serve = Callable[..., Awaitable[RawServer]]
Watch = Callable[..., CurveReader]


def outlook(*sources: dict[str, Any], **more: Any) -> PriceFeed:
    """A price with an outlook that is polled every second."""
    feed = {"pollSeconds": 1, "timeoutSeconds": 1, "sources": list(sources)} | more
    believed = {"min": "-1000", "max": "5000"}
    return PriceFeed.model_validate({"sources": [fixed_source("45")], "range": believed, "outlook": feed})


def web(url: str, name: str = "day-ahead", **more: Any) -> dict[str, Any]:
    block = {"url": url, "path": "data[].price", "timePath": "data[].start"} | more
    return {"name": name, "unit": "USDPerMWh", "http": block}


def table(path: Path, name: str = "table") -> dict[str, Any]:
    return {"name": name, "unit": "USDPerMWh", "file": {"path": str(path), "column": "price"}}


def hours(*prices: Any, start: float = NOON) -> bytes:
    return http(json.dumps({"data": [{"start": start + n * HOUR, "price": each} for n, each in enumerate(prices)]}))


@pytest.fixture
async def watch(clock: TurnableClock) -> AsyncIterator[Watch]:
    """Give a callable that builds and starts a reader; all are closed at the end."""
    readers: list[CurveReader] = []

    def start(price: PriceFeed, on_change: Callable[[], None] = lambda: None) -> CurveReader:
        readers.append(CurveReader(price, clock, on_change))
        readers[-1].start()
        return readers[-1]

    yield start
    for reader in readers:
        await reader.close()


async def first(reader: CurveReader, clock: TurnableClock) -> CurveReading:
    await until(lambda: reader.heard)
    return reader.reading(clock())


def prices(reading: CurveReading) -> tuple[float, ...]:
    assert reading.curve is not None, (reading.problem, reading.message)
    return reading.curve.prices


# ---- the shapes of real feeds --------------------------------------------------------------------------------------

SHAPES: dict[str, tuple[Any, str, str, str]] = {
    "aWATTar": (
        {
            "object": "list",
            "data": [
                {
                    "start_timestamp": (NOON + n * HOUR) * 1000,
                    "end_timestamp": 0,
                    "marketprice": price,
                    "unit": "Eur/MWh",
                }
                for n, price in enumerate((41.19, -5.12))
            ],
        },
        "data[].marketprice",
        "data[].start_timestamp",
        "EURPerMWh",
    ),
    "Octopus Agile, newest first": (
        {
            "results": [
                {"value_inc_vat": -0.512, "valid_from": format_time(NOON + 1800), "valid_to": None},
                {"value_inc_vat": 4.119, "valid_from": format_time(NOON), "valid_to": format_time(NOON + 1800)},
            ]
        },
        "results[].value_inc_vat",
        "results[].valid_from",
        "PencePerKWh",
    ),
    "Nord Pool": (
        {
            "multiAreaEntries": [
                {"deliveryStart": format_time(NOON + n * 900), "entryPerArea": {"NL": price, "FI": 1}}
                for n, price in enumerate((41.19, -5.12))
            ]
        },
        "multiAreaEntries[].entryPerArea.NL",
        "multiAreaEntries[].deliveryStart",
        "EURPerMWh",
    ),
    "energy-charts, with a null": (
        {"unix_seconds": [NOON, NOON + 900, NOON + 1800], "price": [41.19, -5.12, None]},
        "price[]",
        "unix_seconds[]",
        "EURPerMWh",
    ),
    "a bare list": (
        [{"t": NOON, "p": "41.19"}, {"t": NOON + HOUR, "p": "-5.12"}],
        "[].p",
        "[].t",
        "USDPerMWh",
    ),
    "a list of pairs": ([[NOON, 41.19], [NOON + HOUR, -5.12]], "[][1]", "[][0]", "USDPerMWh"),
}


@pytest.mark.parametrize("shape", SHAPES)
async def test_the_shapes_of_real_feeds_are_read(serve: Serve, watch: Watch, clock: TurnableClock, shape: str) -> None:
    document, path, time_path, unit = SHAPES[shape]
    server = await serve(http(json.dumps(document)))
    source = web(server.url, path=path, timePath=time_path) | {"unit": unit}
    reading = await first(watch(outlook(source)), clock)
    assert prices(reading) == pytest.approx((41.19, -5.12))
    assert reading.source == "day-ahead"


# ---- lies ----------------------------------------------------------------------------------------------------------

LIES: dict[str, tuple[bytes, Problem]] = {
    "NaN": (http('{"data": [{"start": 1, "price": NaN}]}'), Problem.NOT_A_NUMBER),
    "NaN in quotes": (hours("nan"), Problem.NOT_A_NUMBER),
    "Infinity": (hours("inf"), Problem.INFINITE),
    "5000 digits": (http('{"data": [{"start": 1, "price": ' + "9" * 5000 + "}]}"), Problem.TOO_MANY_DIGITS),
    "true": (hours(True), Problem.NOT_NUMERIC),
    "blank": (hours(""), Problem.EMPTY),
    "words": (hours("cheap"), Problem.NOT_NUMERIC),
    "a spike": (hours(40, 41_190), Problem.OUT_OF_RANGE),
    "a page": (http("<html><body>41.19</body></html>"), Problem.NOT_JSON),
    "nothing": (http(""), Problem.NOT_JSON),
    "too deep": (http('{"data":' + "[" * 100_000), Problem.NOT_JSON),
    "no list": (http('{"data": {"start": 1, "price": 41}}'), Problem.PATH_MISSING),
    "an empty list": (http('{"data": []}'), Problem.EMPTY),
    "only nulls": (hours(None, None), Problem.EMPTY),
    "another document": (http('{"items": []}'), Problem.PATH_MISSING),
    "no time": (http('{"data": [{"price": 41}]}'), Problem.PATH_MISSING),
    "null for a time": (http('{"data": [{"start": null, "price": 41}]}'), Problem.TIME_UNREADABLE),
    "a time without a zone": (
        http('{"data": [{"start": "2026-08-01T12:00:00", "price": 41}]}'),
        Problem.TIME_UNREADABLE,
    ),
    "two prices at once": (
        http(json.dumps({"data": [{"start": NOON, "price": 41}, {"start": NOON, "price": 42}]})),
        Problem.SEVERAL_SAMPLES,
    ),
    "only yesterday": (hours(40, 41, start=NOON - 5 * HOUR), Problem.NOT_COVERED),
    "only tomorrow": (hours(40, 41, start=NOON + 12 * HOUR), Problem.NOT_COVERED),
    "last month": (hours(40, 41, start=NOON - 720 * HOUR), Problem.EMPTY),
    "an endless list": (http(json.dumps({"data": [0] * (MAX_ENTRIES + 1)})), Problem.TOO_LARGE),
    "too large": (http(b" " * 1_100_000), Problem.TOO_LARGE),
    "a gzip bomb": (http(bomb(), Content_Encoding="gzip"), Problem.TOO_LARGE),
    "cut gzip": (http(gzip.compress(b"{}")[:-9], Content_Encoding="gzip"), Problem.NOT_JSON),
    "an error": (http("{}", "503 Service Unavailable"), Problem.HTTP_STATUS),
    "a redirect": (http("", "302 Found", Location="http://127.0.0.1:1/"), Problem.REDIRECTED),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.9\r\n\r\n", Problem.NOT_HTTP),
    "silence": (b"", Problem.UNREACHABLE),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_lie_has_a_word_and_no_curve(serve: Serve, watch: Watch, clock: TurnableClock, lie: str) -> None:
    reply, problem = LIES[lie]
    server = await serve(reply)
    reading = await first(watch(outlook(web(server.url))), clock)
    assert (reading.problem, reading.curve) == (problem, None)
    assert reading.message
    assert "41.19" not in reading.message


@pytest.mark.parametrize("at", ABSURD_TIMES)
async def test_an_absurd_time_is_refused(serve: Serve, watch: Watch, clock: TurnableClock, at: float) -> None:
    server = await serve(http(json.dumps({"data": [{"start": at, "price": 41}]})))
    assert (await first(watch(outlook(web(server.url))), clock)).problem == Problem.TIME_UNREADABLE


async def test_lists_of_different_lengths_are_refused(serve: Serve, watch: Watch, clock: TurnableClock) -> None:
    server = await serve(http(json.dumps({"time": [NOON, NOON + HOUR], "price": [41]})))
    reading = await first(watch(outlook(web(server.url, path="price[]", timePath="time[]"))), clock)
    assert (reading.problem, reading.message) == (Problem.PATH_MISSING, "the answer has 1 prices and 2 times")


async def test_a_server_that_hangs_is_given_up_in_time(serve: Serve, watch: Watch, clock: TurnableClock) -> None:
    server = await serve(lambda _: None)
    began = time.monotonic()
    assert (await first(watch(outlook(web(server.url))), clock)).problem == Problem.TIMED_OUT
    assert time.monotonic() - began < 5


async def test_a_large_document_does_not_hold_up_the_event_loop(
    serve: Serve, watch: Watch, clock: TurnableClock
) -> None:
    entries = [{"start": NOON + n * 120 - HOUR, "price": 41, "more": "x" * 40} for n in range(4000)]
    server = await serve(http(json.dumps({"data": entries})))
    reader, longest, last = watch(outlook(web(server.url))), 0.0, time.monotonic()
    while not reader.heard:
        await asyncio.sleep(0)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    assert len(prices(reader.reading(clock()))) == 4000
    assert longest < 0.2


# ---- time, fallback, what changes ------------------------------------------------------------------------------------


async def test_a_curve_ends_and_a_curve_grows_stale(serve: Serve, watch: Watch, clock: TurnableClock) -> None:
    server = await serve(hours(40, 41, 42))
    reader = watch(outlook(web(server.url), staleAfterSeconds=7200, pollSeconds=3600))
    await first(reader, clock)
    assert reader.deadline(clock()) == NOON + HOUR
    clock.at = NOON + 2 * HOUR - 1
    assert prices(reader.reading(clock())) == (40, 41, 42)
    assert reader.deadline(clock()) == NOON + 2 * HOUR
    clock.at = NOON + 2 * HOUR
    stale = reader.reading(clock())
    assert (stale.curve, stale.problem, stale.fetched_at) == (None, Problem.STALE, NOON)
    assert reader.deadline(clock()) is None


async def test_after_an_outage_the_curve_stands_and_after_a_lie_it_does_not(
    serve: Serve, watch: Watch, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wattswitch.feeds.curvefeed.RETRY_SECONDS", 0.05)
    server = await serve(hours(40, 41))
    reader = watch(outlook(web(server.url)))
    await first(reader, clock)
    server.reply = lambda _: http("", "503 Service Unavailable")
    asked = len(server.requests)
    await until(lambda: len(server.requests) > asked + 1)
    assert prices(reader.reading(clock())) == (40, 41)
    server.reply = lambda _: hours("nan")
    await until(lambda: reader.reading(clock()).problem == Problem.NOT_A_NUMBER)
    server.reply = lambda _: hours(50, 51)
    await until(lambda: reader.reading(clock()).curve is not None)
    assert prices(reader.reading(clock())) == (50, 51)


async def test_the_first_source_with_a_curve_for_now_counts(
    serve: Serve, watch: Watch, clock: TurnableClock, tmp_path: Path
) -> None:
    server = await serve(hours(40, 41, start=NOON + HOUR))
    path = tmp_path / "curve.csv"
    path.write_text(f"time,price\n{format_time(NOON)},50\n{format_time(NOON + HOUR)},51\n")
    reader = watch(outlook(web(server.url), table(path), fixed_source("60")))
    await until(lambda: reader.heard)
    assert (reader.reading(NOON).source, prices(reader.reading(NOON))) == ("table", (50, 51))
    assert reader.reading(NOON + HOUR).source == "day-ahead"
    assert reader.reading(NOON + 5 * HOUR).source == "contract"


async def test_a_new_curve_is_told_and_an_equal_one_is_not(serve: Serve, watch: Watch, clock: TurnableClock) -> None:
    server, told = await serve(hours(40, 41)), list[int]()
    reader = watch(outlook(web(server.url)), lambda: told.append(1))
    await until(lambda: told == [1])
    asked = len(server.requests)
    await until(lambda: len(server.requests) > asked + 1)
    assert told == [1]
    server.reply = lambda _: hours(40, 42)
    await until(lambda: told == [1, 1])
    assert prices(reader.reading(clock())) == (40, 42)


async def test_a_reader_of_a_changed_spec_knows_what_the_old_one_knew(
    serve: Serve, watch: Watch, clock: TurnableClock
) -> None:
    server = await serve(hours(40, 41))
    before = watch(outlook(web(server.url)))
    await first(before, clock)
    server.reply = lambda _: None
    after = CurveReader(outlook(web(server.url), pollSeconds=7), clock)
    assert after.reading(clock()).problem == Problem.NO_READING
    after.take_over(before)
    assert prices(after.reading(clock())) == (40, 41)


def test_a_price_without_an_outlook_has_no_curve_reader() -> None:
    with pytest.raises(ValueError, match="without an outlook"):
        CurveReader(PriceFeed.model_validate({"sources": [fixed_source("45")]}), lambda: NOON)


def test_a_source_that_has_another_currency_is_refused_and_the_others_count() -> None:
    reader = CurveReader(outlook(fixed_source("45"), fixed_source("50", "euros", "EURPerMWh")), lambda: NOON)
    assert reader.reading(NOON).source == "contract"
    reader = CurveReader(outlook(fixed_source("45", unit="Count")), lambda: NOON)
    assert reader.reading(NOON).problem == Problem.WRONG_UNIT


# ---- the clock ------------------------------------------------------------------------------------------------------


def tariff(zone: str, *windows: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "tariff",
        "unit": "USDPerKWh",
        "schedule": {"timeZone": zone, "default": "0.045", "windows": list(windows)},
    }


def test_a_tariff_is_known_two_days_ahead_with_its_changes() -> None:
    window = {"from": "15:00", "to": "20:30", "value": "0.09"}
    reader = CurveReader(outlook(tariff("UTC", window)), lambda: NOON)
    curve = reader.reading(NOON + 1000).curve
    assert curve is not None
    assert (curve.starts[0], curve.end) == (NOON, NOON + 48 * HOUR)
    assert [curve.price_at(NOON + n * HOUR) for n in (2.9, 3, 8.4, 8.5, 27, 33)] == [45, 90, 90, 45, 90, 45]
    assert reader.reading(NOON + 3599).curve is curve, "it is made anew once an hour only"
    assert reader.heard


def test_an_unknown_time_zone_is_no_curve() -> None:
    reader = CurveReader(outlook(tariff("Mars/Olympus")), lambda: NOON)
    assert reader.reading(NOON).problem == Problem.UNKNOWN_TIME_ZONE


# ---- files ----------------------------------------------------------------------------------------------------------


def rows(*prices: str, start: float = NOON) -> str:
    return "time,price\n" + "".join(f"{format_time(start + n * HOUR)},{each}\n" for n, each in enumerate(prices))


async def test_the_rows_of_a_file_are_the_curve(watch: Watch, clock: TurnableClock, tmp_path: Path) -> None:
    path = tmp_path / "curve.csv"
    path.write_text(rows(*map(str, range(100)), start=NOON - 50 * HOUR))
    reader = watch(outlook(table(path)))
    assert prices(await first(reader, clock)) == tuple(range(26, 100))
    path.write_text(rows("70", "", "72"))
    await until(lambda: reader.reading(clock()).curve is not None and len(prices(reader.reading(clock()))) == 2)
    assert prices(reader.reading(clock())) == (70, 72)


FILES = {
    "NaN": (rows("40", "NaN"), Problem.NOT_A_NUMBER),
    "a spike": (rows("40", "41190"), Problem.OUT_OF_RANGE),
    "out of order": (rows("40") + rows("39", start=NOON - HOUR).partition("\n")[2], Problem.FILE_UNREADABLE),
    "another column": ("time,cost\n1,2\n", Problem.COLUMN_MISSING),
    "nothing yet": ("time,price\n", Problem.EMPTY),
}


@pytest.mark.parametrize("name", FILES)
async def test_a_bad_file_is_refused_by_name(watch: Watch, clock: TurnableClock, tmp_path: Path, name: str) -> None:
    content, problem = FILES[name]
    (tmp_path / "curve.csv").write_text(content)
    reading = await first(watch(outlook(table(tmp_path / "curve.csv"))), clock)
    assert (reading.problem, reading.curve) == (problem, None)


async def test_of_rows_of_one_time_the_last_counts(watch: Watch, clock: TurnableClock, tmp_path: Path) -> None:
    path = tmp_path / "curve.csv"
    path.write_text(rows("40") + rows("41").partition("\n")[2])
    assert prices(await first(watch(outlook(table(path))), clock)) == (41,)


async def test_a_missing_file_holds_one_thread_at_most(watch: Watch, clock: TurnableClock, tmp_path: Path) -> None:
    reading = await first(watch(outlook(table(tmp_path / "absent.csv"))), clock)
    assert reading.problem == Problem.FILE_MISSING
    assert sum(thread.name == "feed-table" for thread in threading.enumerate()) <= 1
