"""JSON over HTTP against servers that lie, hang, drip and redirect: one word for each, and never an exception."""

import asyncio
import gzip
import json
import resource
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

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
    until,
)
from unit.feeds.specs import http_source, price
from wattswitch.feeds import FeedReader, Problem

Serve = Callable[..., Awaitable[RawServer]]
Read = Callable[..., FeedReader]


def document(value: Any, **more: Any) -> bytes:
    return http(json.dumps({"price": value, **more}))


async def answer(serve: Serve, read: Read, clock: TurnableClock, reply: Any, **spec: Any) -> Any:
    server = await serve(reply)
    return await first_reading(
        read(price(http_source(server.url, **spec), range={"min": "-1000", "max": "20000"}), clock), clock
    )


async def test_a_number_is_read_with_the_time_of_the_request(serve: Serve, read: Read, clock: TurnableClock) -> None:
    reading = await answer(serve, read, clock, document(41.19))
    assert (reading.value, reading.at, reading.source, reading.problem) == (41.19, NOON, "api", "")


@pytest.mark.parametrize("value", [41.19, "41.19", "4.119e1"])
async def test_a_number_in_quotes_is_a_number(serve: Serve, read: Read, clock: TurnableClock, value: Any) -> None:
    assert (await answer(serve, read, clock, document(value))).value == 41.19


@pytest.mark.parametrize("stamp", [NOON - 60, (NOON - 60) * 1000, "2026-08-01T11:59:00Z", "2026-08-01T13:59:00+02:00"])
async def test_the_documents_own_time_counts(serve: Serve, read: Read, clock: TurnableClock, stamp: Any) -> None:
    reading = await answer(serve, read, clock, document(41.19, at=stamp), timePath="at")
    assert (reading.value, reading.at, reading.problem) == (41.19, NOON - 60, "")


LIES = {
    "NaN": (http('{"price": NaN}'), Problem.NOT_A_NUMBER),
    "NaN in quotes": (document("nan"), Problem.NOT_A_NUMBER),
    "Infinity": (http('{"price": Infinity}'), Problem.INFINITE),
    "inf in quotes": (document("inf"), Problem.INFINITE),
    "1e400": (http('{"price": 1e400}'), Problem.INFINITE),
    "5000 digits": (http('{"price": ' + "9" * 5000 + "}"), Problem.TOO_MANY_DIGITS),
    "true": (document(value=True), Problem.NOT_NUMERIC),
    "null": (document(None), Problem.NOT_NUMERIC),
    "a list": (document([41.19]), Problem.NOT_NUMERIC),
    "words": (document("cheap"), Problem.NOT_NUMERIC),
    "blank": (document(""), Problem.EMPTY),
    "minus a billion": (document(-1e9), Problem.OUT_OF_RANGE),
    "a spike": (document(41_190), Problem.OUT_OF_RANGE),
    "a page": (http("<html><body>41.19</body></html>"), Problem.NOT_JSON),
    "nothing": (http(""), Problem.NOT_JSON),
    "too deep": (http('{"price":' + "[" * 100_000), Problem.NOT_JSON),
    "broken gzip": (http(b"\x1f\x8b41.19", Content_Encoding="gzip"), Problem.NOT_JSON),
    "cut gzip": (http(gzip.compress(b'{"price": 41.19}')[:-9], Content_Encoding="gzip"), Problem.NOT_JSON),
    "brotli": (http("41.19", Content_Encoding="br"), Problem.NOT_JSON),
    "another document": (http('{"cost": 41.19}'), Problem.PATH_MISSING),
    "too large": (http(b" " * 300_000), Problem.TOO_LARGE),
    "endless": (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b" " * 300_000, Problem.TOO_LARGE),
    "a large claim": (b"HTTP/1.1 200 OK\r\nContent-Length: 262145\r\n\r\n{}", Problem.TOO_LARGE),
    "an absurd claim": (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n{}", Problem.NOT_HTTP),
    "short of its length": (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}", Problem.UNREACHABLE),
    "an error": (http("{}", "503 Service Unavailable"), Problem.HTTP_STATUS),
    "no content": (http("", "204 No Content"), Problem.HTTP_STATUS),
    "denied": (http("{}", "401 Unauthorized"), Problem.HTTP_STATUS),
    "a redirect": (http("", "302 Found", Location="http://127.0.0.1:1/"), Problem.REDIRECTED),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.9\r\n\r\n", Problem.NOT_HTTP),
    "silence": (b"", Problem.UNREACHABLE),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_lie_has_a_word_and_no_value(serve: Serve, read: Read, clock: TurnableClock, lie: str) -> None:
    reply, problem = LIES[lie]
    reading = await answer(serve, read, clock, reply)
    assert (reading.problem, reading.value, reading.fresh) == (problem, None, False)
    assert reading.message
    assert "41.19" not in reading.message


@pytest.mark.parametrize(
    ("stamp", "problem"),
    [
        (NOON + 6, Problem.FROM_FUTURE),
        ("2026-08-01T13:00:00Z", Problem.FROM_FUTURE),
        (NOON - 900, Problem.STALE),
        ("2026-08-01T11:59:00", Problem.TIME_UNREADABLE),
        (None, Problem.TIME_UNREADABLE),
        (True, Problem.TIME_UNREADABLE),
    ],
)
async def test_a_lie_about_the_time_is_found(
    serve: Serve, read: Read, clock: TurnableClock, stamp: Any, problem: Problem
) -> None:
    reading = await answer(serve, read, clock, document(41.19, at=stamp), timePath="at")
    assert (reading.problem, reading.value) == (problem, None)


@pytest.mark.parametrize("stamp", ABSURD_TIMES)
async def test_an_absurd_time_is_refused_and_the_feed_is_polled_on(
    serve: Serve, read: Read, clock: TurnableClock, stamp: float
) -> None:
    server = await serve(document(41.19, at=stamp))
    reader = read(price(http_source(server.url, timePath="at")), clock)
    reading = await first_reading(reader, clock)
    assert (reading.problem, reading.value) == (Problem.TIME_UNREADABLE, None)
    server.reply = lambda _: document(52, at=NOON)
    await until(lambda: reader.signal_reading(clock()).value == 52.0)


async def test_a_missing_time_is_a_missing_path(serve: Serve, read: Read, clock: TurnableClock) -> None:
    reading = await answer(serve, read, clock, document(41.19), timePath="at")
    assert reading.problem == Problem.PATH_MISSING


async def test_a_clock_a_little_ahead_is_believed(serve: Serve, read: Read, clock: TurnableClock) -> None:
    assert (await answer(serve, read, clock, document(41.19, at=NOON + 5), timePath="at")).fresh


async def test_gzip_is_read(serve: Serve, read: Read, clock: TurnableClock) -> None:
    reading = await answer(serve, read, clock, http(gzip.compress(b'{"price": 41.19}'), Content_Encoding="gzip"))
    assert reading.value == 41.19


async def test_a_gzip_bomb_is_refused_without_being_unpacked(serve: Serve, read: Read, clock: TurnableClock) -> None:
    packed = bomb()
    assert len(packed) < 256 * 1024, "the bomb must get past the limit on what is received"
    server = await serve(http(packed, Content_Encoding="gzip"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reading = await first_reading(read(price(http_source(server.url)), clock), clock)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert reading.problem == Problem.TOO_LARGE
    assert grown_kib < 20 * 1024


async def drip(writer: asyncio.StreamWriter) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + b" " * 500:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.2)


async def test_a_server_that_drips_is_given_up_in_time(read: Read, clock: TurnableClock) -> None:
    async def answer_slowly(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await drip(writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer_slowly, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        started = time.monotonic()
        reading = await first_reading(read(price(http_source(url)), clock), clock)
        assert reading.problem == Problem.TIMED_OUT
        assert time.monotonic() - started < 3


async def test_a_server_that_hangs_is_given_up_and_never_stops_the_loop(
    serve: Serve, read: Read, clock: TurnableClock
) -> None:
    server = await serve(lambda _: None)
    readers = [read(price(http_source(server.url, f"api-{n}")), clock) for n in range(20)]
    worst, loop = 0.0, asyncio.get_running_loop()
    end = loop.time() + 2.5
    while loop.time() < end:
        asked = loop.time()
        await asyncio.sleep(0.01)
        worst = max(worst, loop.time() - asked - 0.01)
    assert {reader.signal_reading(clock()).problem for reader in readers} == {Problem.TIMED_OUT}
    assert len(server.requests) >= 40, "every reader asked again"
    assert worst < 1.0, "a loop that a fetch blocks stands still for its whole time-out"


async def test_a_closed_port_is_unreachable(read: Read, clock: TurnableClock) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        reading = await first_reading(
            read(price(http_source(f"http://127.0.0.1:{taken.getsockname()[1]}")), clock), clock
        )
    assert (reading.problem, reading.value) == (Problem.UNREACHABLE, None)


# ---- where it connects to, and what it takes along -----------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["169.254.169.254", "[::ffff:169.254.169.254]", "[fe80::1]", "0.0.0.0", "2852039166", "[::ffff:a9fe:a9fe]"],  # noqa: S104
)
async def test_the_metadata_service_is_never_asked(
    read: Read, clock: TurnableClock, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: opened.append(address))
    monkeypatch.setattr(
        asyncio.get_running_loop(), "sock_connect", lambda _, address: opened.append(address), raising=False
    )
    reading = await first_reading(read(price(http_source(f"http://{host}/latest/meta-data")), clock), clock)
    assert reading.problem == Problem.ADDRESS_DENIED
    assert opened == []


async def test_a_name_that_turns_into_the_metadata_service_is_denied(
    serve: Serve, read: Read, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await serve(document(41.19))
    addresses = ["127.0.0.1"]

    def answer_dns(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (addresses[0], server.port))]

    monkeypatch.setattr("wattswitch.feeds.addresses.socket.getaddrinfo", answer_dns)
    reader = read(price(http_source(f"http://rebinding.example:{server.port}/")), clock)
    assert (await first_reading(reader, clock)).value == 41.19
    addresses[0] = "169.254.169.254"
    clock.at = NOON + 1000
    await until(lambda: reader.signal_reading(clock()).problem == Problem.ADDRESS_DENIED)


async def test_a_token_is_never_taken_to_another_host(
    serve: Serve, read: Read, clock: TurnableClock, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    other = await serve(document(1))
    server = await serve(http("", "307 Temporary Redirect", Location=f"{other.url}/steal"))
    spec = http_source(server.url, credentials={"tokenFile": str(token)})
    reading = await first_reading(read(price(spec), clock), clock)
    assert reading.problem == Problem.REDIRECTED
    assert server.requests[0].headers["authorization"] == "Bearer s3cret"
    assert other.requests == []
    assert "s3cret" not in reading.message


async def test_a_rotated_token_counts_at_once(serve: Serve, read: Read, clock: TurnableClock, tmp_path: Path) -> None:
    user, password = tmp_path / "user", tmp_path / "password"
    user.write_text("site")
    password.write_text("old")
    server = await serve(document(41.19))
    files = {"usernameFile": str(user), "passwordFile": str(password)}
    read(price(http_source(server.url, credentials=files)), clock)
    await until(lambda: len(server.requests) >= 1)
    password.write_text("new")
    count = len(server.requests)
    await until(lambda: len(server.requests) > count)
    seen = [request.headers["authorization"] for request in server.requests]
    assert (seen[0], seen[-1]) == ("Basic c2l0ZTpvbGQ=", "Basic c2l0ZTpuZXc=")


@pytest.mark.parametrize("content", [b"", b"two\nlines", b"\xff", "größer".encode()])
async def test_a_token_that_no_header_can_hold_is_refused(
    serve: Serve, read: Read, clock: TurnableClock, tmp_path: Path, content: bytes
) -> None:
    token = tmp_path / "token"
    token.write_bytes(content)
    reading = await answer(serve, read, clock, document(41.19), credentials={"tokenFile": str(token)})
    assert (reading.problem, "tokenFile" in reading.message) == (Problem.FILE_UNREADABLE, True)


async def test_a_missing_token_and_a_missing_authority_are_named(
    serve: Serve, read: Read, clock: TurnableClock, tmp_path: Path
) -> None:
    absent = str(tmp_path / "absent")
    reading = await answer(serve, read, clock, document(41.19), credentials={"tokenFile": absent})
    assert (reading.problem, "tokenFile" in reading.message) == (Problem.FILE_MISSING, True)
    reading = await first_reading(read(price(http_source("https://127.0.0.1:1/", caFile=absent)), clock), clock)
    assert (reading.problem, "caFile" in reading.message) == (Problem.FILE_MISSING, True)


async def test_proxies_of_the_environment_are_not_used(
    serve: Serve, read: Read, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = await serve(document(1))
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.setenv("ALL_PROXY", proxy.url)
    assert (await answer(serve, read, clock, document(41.19))).value == 41.19
    assert proxy.requests == []


async def test_cookies_are_not_kept(serve: Serve, read: Read, clock: TurnableClock) -> None:
    server = await serve(http('{"price": 1}', Set_Cookie="id=1"))
    read(price(http_source(server.url)), clock)
    await until(lambda: len(server.requests) >= 2)
    assert all("cookie" not in request.headers for request in server.requests)


async def test_no_connection_is_left_behind(serve: Serve, clock: TurnableClock) -> None:
    async def ask(_: Request) -> bytes:
        started.set()
        await asyncio.sleep(30)
        return b""

    started = asyncio.Event()
    server = await serve(ask)
    reader = FeedReader(price(http_source(server.url)), clock)
    reader.start()
    await started.wait()
    before = time.monotonic()
    await reader.close()
    assert time.monotonic() - before < 1
    assert [task for task in asyncio.all_tasks() if task.get_name() == "feed-api"] == []
