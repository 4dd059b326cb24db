"""Instant queries against a Prometheus that lies, hangs and drips."""

import asyncio
import gzip
import json
import socket
import threading
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from unit.feeds.servers import (
    ABSURD_TIMES,
    NOON,
    RawServer,
    Request,
    TurnableClock,
    bomb,
    first_reading,
    http,
    metric,
    query_of,
    scalar,
    until,
    vector,
)
from unit.feeds.specs import per_workload, price, prometheus_source
from wattswitch.api.source import Prometheus
from wattswitch.feeds import FeedReader, Problem
from wattswitch.feeds.prometheus import PrometheusSource
from wattswitch.feeds.reading import WHOLE, Refused

Serve = Callable[..., Awaitable[RawServer]]
Read = Callable[..., FeedReader]


async def answer(serve: Serve, read: Read, clock: TurnableClock, reply: Any) -> Any:
    server = await serve(reply)
    spec = price(prometheus_source(server.url), range={"min": "-1000", "max": "20000"})
    return await first_reading(read(spec, clock), clock)


async def test_a_series_is_read_with_the_time_of_its_scrape(serve: Serve, read: Read, clock: TurnableClock) -> None:
    server = await serve(metric(({"point": "HB_WEST"}, "41.19"), at=NOON - 60))
    reading = await first_reading(read(price(prometheus_source(server.url + "/prom/")), clock), clock)
    assert (reading.value, reading.at, reading.problem) == (41.19, NOON - 60, "")
    asked = [query_of(request) for request in server.requests[:2]]
    assert asked == [{"query": "timestamp((\nprice\n))"}, {"query": "price", "time": str(NOON)}]
    assert urlsplit(server.requests[0].target).path == "/prom/api/v1/query"


async def test_a_scalar_is_as_of_its_evaluation(serve: Serve, read: Read, clock: TurnableClock) -> None:
    server = await serve(scalar("41.19"))
    reading = await first_reading(read(price(prometheus_source(server.url)), clock), clock)
    assert (reading.value, reading.at, reading.problem) == (41.19, NOON, "")
    await until(lambda: len(server.requests) >= 5)
    assert [query_of(request)["query"] for request in server.requests[3:]] == ["price", "price"]


HTML = http("<html>41.19</html>")
OTHER = http('{"status": "success"}')
RANGES = http('{"status": "success", "data": {"result": [{"metric": {}, "values": [[1, "2"]]}]}}')
ODD = http('{"status": "success", "data": {"result": [{"metric": {}, "value": [1]}]}}')

LIES = {
    "NaN": (metric(({}, "NaN")), Problem.NOT_A_NUMBER),
    "+Inf": (metric(({}, "+Inf")), Problem.INFINITE),
    "-Inf": (metric(({}, "-Inf")), Problem.INFINITE),
    "1e400": (metric(({}, "1e400")), Problem.INFINITE),
    "5000 digits": (metric(({}, "9" * 5000)), Problem.TOO_MANY_DIGITS),
    "a bare 5000 digits": (http('{"data": {"result": ' + "9" * 5000 + "}}"), Problem.TOO_MANY_DIGITS),
    "true": (metric(({}, True)), Problem.NOT_NUMERIC),
    "null": (metric(({}, None)), Problem.NOT_NUMERIC),
    "words": (metric(({}, "cheap")), Problem.NOT_NUMERIC),
    "minus a billion": (metric(({}, "-1e9")), Problem.OUT_OF_RANGE),
    "a spike": (metric(({}, "41190")), Problem.OUT_OF_RANGE),
    "an empty vector": (metric(), Problem.EMPTY),
    "two series": (metric(({"a": "1"}, "1"), ({"a": "2"}, "1")), Problem.SEVERAL_SAMPLES),
    "a scalar NaN": (scalar("NaN"), Problem.NOT_A_NUMBER),
    "the future": (metric(({}, "41.19"), at=NOON + 3600), Problem.FROM_FUTURE),
    "the past": (metric(({}, "41.19"), at=NOON - 3600), Problem.STALE),
    "ranges": (RANGES, Problem.NOT_NUMERIC),
    "a page": (HTML, Problem.NOT_JSON),
    "nothing": (http(""), Problem.NOT_JSON),
    "too deep": (http("[" * 100_000), Problem.NOT_JSON),
    "another document": (OTHER, Problem.NOT_PROMETHEUS),
    "an odd sample": (ODD, Problem.NOT_PROMETHEUS),
    "a list": (http("[]"), Problem.NOT_PROMETHEUS),
    "too large": (http(b" " * 300_000), Problem.TOO_LARGE),
    "a bomb": (http(gzip.compress(b" " * 100_000_000), Content_Encoding="gzip"), Problem.TOO_LARGE),
    "short of its length": (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}", Problem.UNREACHABLE),
    "an error": (http("41.19", "503 Service Unavailable"), Problem.HTTP_STATUS),
    "a refused query": (http("{}", "400 Bad Request"), Problem.HTTP_STATUS),
    "a redirect": (http("", "302 Found", Location="http://127.0.0.1:1/"), Problem.REDIRECTED),
    "silence": (b"", Problem.UNREACHABLE),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_lie_has_a_word_and_no_value(serve: Serve, read: Read, clock: TurnableClock, lie: str) -> None:
    reply, problem = LIES[lie]
    reading = await answer(serve, read, clock, reply)
    assert (reading.problem, reading.value, reading.fresh) == (problem, None, False)
    assert reading.message
    assert "41.19" not in reading.message


def evaluated(at: float) -> bytes:
    return http(vector(({}, "41.19"), at=at))


def absurd_replies(at: float) -> dict[str, Callable[[Request], bytes]]:
    def as_scalar(request: Request) -> bytes:
        if query_of(request)["query"].startswith("timestamp("):
            return http("{}", "400 Bad Request")
        return http(json.dumps({"data": {"resultType": "scalar", "result": [at, "41.19"]}}))

    return {"a scrape": metric(({}, "41.19"), at=at), "an evaluation": lambda _: evaluated(at), "a scalar": as_scalar}


@pytest.mark.parametrize("at", ABSURD_TIMES)
@pytest.mark.parametrize("what", absurd_replies(0))
async def test_an_absurd_time_is_refused_and_the_feed_is_polled_on(
    serve: Serve, read: Read, clock: TurnableClock, what: str, at: float
) -> None:
    server = await serve(absurd_replies(at)[what])
    reader = read(price(prometheus_source(server.url)), clock)
    reading = await first_reading(reader, clock)
    assert (reading.problem, reading.value) == (Problem.TIME_UNREADABLE, None)
    server.reply = scalar("52") if what == "a scalar" else metric(({}, "52"))
    await until(lambda: reader.signal_reading(clock()).value == 52.0)


async def test_the_body_of_a_redirect_is_never_read(serve: Serve, read: Read, clock: TurnableClock) -> None:
    server = await serve(http(bomb(), "302 Found", Location="/elsewhere", Content_Encoding="gzip"))
    tracemalloc.start()
    try:
        reader = read(price(prometheus_source(server.url)), clock)
        reading = await first_reading(reader, clock)
        await reader.close()
        await until(lambda: not feed_threads())
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 4 * 1024 * 1024
    assert reading.problem == Problem.REDIRECTED
    assert len(server.requests) == 1


def feed_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("feed-")]


async def test_fifty_polls_of_a_server_that_hangs_leave_no_thread_behind(serve: Serve, clock: TurnableClock) -> None:
    server = await serve(lambda _: None)
    spec = Prometheus.model_validate({"url": server.url, "query": "price"})
    source = PrometheusSource("prom", spec, clock, timeout_seconds=30)
    most = 0
    for _ in range(50):
        with pytest.raises((TimeoutError, Refused)):
            async with asyncio.timeout(0.02):
                await source.fetch()
        await asyncio.sleep(0.02)
        most = max(most, len(feed_threads()))
    assert most <= 1
    assert len(server.requests) >= 2, "a fetch that was given up makes room for the next"
    await until(lambda: not feed_threads())


async def test_a_thread_that_cannot_be_ended_is_not_multiplied(
    clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()

    def hang(*_: object, **__: object) -> None:
        release.wait(20)
        raise OSError

    monkeypatch.setattr("wattswitch.feeds.addresses.socket.getaddrinfo", hang)
    spec = Prometheus.model_validate({"url": "http://slow-dns.example", "query": "price"})
    source = PrometheusSource("prom", spec, clock, timeout_seconds=30)
    for _ in range(50):
        with pytest.raises((TimeoutError, Refused)) as failure:
            async with asyncio.timeout(0.01):
                await source.fetch()
        assert len(feed_threads()) == 1
    assert isinstance(failure.value, Refused)
    assert failure.value.problem is Problem.TIMED_OUT
    release.set()
    await until(lambda: not feed_threads())


@pytest.mark.parametrize("prefix", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"])
async def test_a_server_that_drips_is_given_up_in_time(read: Read, clock: TurnableClock, prefix: bytes) -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(prefix)
            for byte in b"HTTP/1.1 200 OK\r\n" + b" " * 500:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.1)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        started = time.monotonic()
        reader = read(price(prometheus_source(url)), clock)
        reading = await first_reading(reader, clock)
        assert reading.problem == Problem.TIMED_OUT
        assert time.monotonic() - started < 3
        await reader.close()
        await until(lambda: not feed_threads())


async def test_a_hanging_server_never_stops_the_loop(serve: Serve, read: Read, clock: TurnableClock) -> None:
    server = await serve(lambda _: None)
    readers = [read(price(prometheus_source(server.url, f"prom-{n}")), clock) for n in range(10)]
    worst, loop = 0.0, asyncio.get_running_loop()
    end = loop.time() + 2.5
    while loop.time() < end:
        asked = loop.time()
        await asyncio.sleep(0.01)
        worst = max(worst, loop.time() - asked - 0.01)
    assert {reader.signal_reading(clock()).problem for reader in readers} == {Problem.TIMED_OUT}
    assert worst < 1.0, "a loop that a fetch blocks stands still for its whole time-out"


async def test_a_closed_port_is_unreachable_at_once(read: Read, clock: TurnableClock) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        reading = await first_reading(read(price(prometheus_source(url)), clock), clock)
    assert reading.problem == Problem.UNREACHABLE


@pytest.mark.parametrize("host", ["169.254.169.254", "[::ffff:169.254.169.254]", "2852039166", "[fe80::1]"])
async def test_the_metadata_service_is_never_asked(
    read: Read, clock: TurnableClock, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: opened.append(address))
    reading = await first_reading(read(price(prometheus_source(f"http://{host}")), clock), clock)
    assert reading.problem == Problem.ADDRESS_DENIED
    assert opened == []


async def test_a_token_is_never_taken_to_another_host(
    serve: Serve, read: Read, clock: TurnableClock, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret")
    other = await serve(metric(({}, "1")))
    server = await serve(http("", "308 Permanent Redirect", Location=f"{other.url}/api/v1/query?query=price"))
    spec = prometheus_source(server.url, credentials={"tokenFile": str(token)})
    reading = await first_reading(read(price(spec), clock), clock)
    assert reading.problem == Problem.REDIRECTED
    assert server.requests[0].headers["authorization"] == "Bearer s3cret"
    assert other.requests == []


async def test_proxies_of_the_environment_are_not_used(
    serve: Serve, read: Read, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = await serve(metric(({}, "1")))
    monkeypatch.setenv("http_proxy", proxy.url)
    assert (await answer(serve, read, clock, metric(({}, "41.19")))).value == 41.19
    assert proxy.requests == []


# ---- one vector for every workload ---------------------------------------------------------------------------------


async def test_one_vector_serves_every_workload(serve: Serve, read: Read, clock: TurnableClock) -> None:
    series = [
        ({"namespace": "ml", "service": "llama"}, "12"),
        ({"namespace": "ml", "service": "qwen"}, "NaN"),
        ({"namespace": "ml", "service": "twice", "pod": "a"}, "1"),
        ({"namespace": "ml", "service": "twice", "pod": "b"}, "2"),
        ({"namespace": "ml"}, "3"),
    ]
    server = await serve(metric(*series, at=NOON - 5))
    reader = read(per_workload(prometheus_source(server.url)), clock)
    reading = await first_reading(reader, clock, ("ml", "llama"))
    assert (reading.value, reading.at, reading.problem) == (12.0, NOON - 5, "")

    def problem(name: str) -> str:
        return reader.signal_reading(clock(), ("ml", name)).problem

    assert problem("qwen") == Problem.NOT_A_NUMBER
    assert problem("twice") == Problem.SEVERAL_SAMPLES
    assert problem("absent") == Problem.EMPTY
    assert reader.signal_reading(clock(), ("ml", "")).problem == Problem.EMPTY


async def test_names_of_workloads_are_never_put_into_a_query(serve: Serve, read: Read, clock: TurnableClock) -> None:
    name = 'x"} or vector(1e9) or q{service="'
    server = await serve(
        metric(({"namespace": "ml", "service": name}, "7"), ({"namespace": "ml", "service": "x"}, "1"))
    )
    reader = read(per_workload(prometheus_source(server.url)), clock)
    assert (await first_reading(reader, clock, ("ml", name))).value == 7.0
    assert {query_of(request)["query"] for request in server.requests} == {"price", "timestamp((\nprice\n))"}


async def test_a_scalar_names_no_workload(serve: Serve, read: Read, clock: TurnableClock) -> None:
    server = await serve(scalar("41.19"))
    reader = read(per_workload(prometheus_source(server.url)), clock)
    assert (await first_reading(reader, clock, ("ml", "llama"))).problem == Problem.EMPTY


async def test_a_source_that_is_cancelled_closes_its_connection(serve: Serve, clock: TurnableClock) -> None:
    closed = asyncio.Event()

    async def wait(_: Request) -> bytes:
        await asyncio.sleep(0.05)
        closed.set()
        return b""

    server = await serve(wait)
    source = PrometheusSource(
        "prom", Prometheus.model_validate({"url": server.url, "query": "price"}), clock, timeout_seconds=30
    )
    with pytest.raises(Refused):
        await source.fetch()
    assert closed.is_set()
    server.reply = metric(({}, "41.19"))
    assert (await source.fetch())[WHOLE].value == 41.19
