"""Loopback servers that lie, hang and drip, and a clock that a test can turn."""

import asyncio
import json
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from wattswitch.feeds import FeedReader, Reading
from wattswitch.feeds.reading import Problem

NOON = 1_785_585_600.0
"""2026-08-01T12:00:00Z."""

ABSURD_TIMES = (1.79e15, 1e15, 1e18, -1e12, 1e300)
"""Micro- and nanoseconds where seconds are meant, and times that no calendar has."""

BOMB_BYTES = 128 * 1024 * 1024

PATIENCE_SECONDS = 20.0


@dataclass
class TurnableClock:
    """Unix seconds that stand still until a test moves them."""

    at: float = NOON

    def __call__(self) -> float:
        return self.at


@dataclass
class Request:
    """What a server was asked."""

    target: str
    headers: dict[str, str]


Reply = Callable[[Request], bytes | Awaitable[bytes] | None]


@dataclass
class RawServer:
    """Answers every request with the bytes of `reply`, which a test may exchange; None hangs forever."""

    port: int
    reply: Reply
    requests: list[Request] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def http(body: bytes | str, status: str = "200 OK", **headers: str) -> bytes:
    """A whole HTTP answer."""
    content = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def bomb() -> bytes:
    """A gzip stream of `BOMB_BYTES` that is small enough to get past the limit on what is received."""
    squeeze = zlib.compressobj(wbits=31)
    piece = b"0" * (1024 * 1024)
    return b"".join(squeeze.compress(piece) for _ in range(BOMB_BYTES // len(piece))) + squeeze.flush()


def vector(*samples: tuple[dict[str, str], Any], at: float = NOON) -> str:
    """A Prometheus answer with a vector."""
    result = [{"metric": labels, "value": [at, value]} for labels, value in samples]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}})


def query_of(request: Request) -> dict[str, str]:
    """The parameters of a request."""
    return {name: values[0] for name, values in parse_qs(urlsplit(request.target).query).items()}


def metric(*samples: tuple[dict[str, str], Any], at: float = NOON) -> Callable[[Request], bytes]:
    """A server with these series, all scraped at `at`."""

    def reply(request: Request) -> bytes:
        if query_of(request)["query"].startswith("timestamp("):
            return http(vector(*((labels, str(at)) for labels, _ in samples)))
        return http(vector(*samples))

    return reply


def scalar(value: str) -> Callable[[Request], bytes]:
    """A server whose query gives a scalar, which has no timestamp."""

    def reply(request: Request) -> bytes:
        if query_of(request)["query"].startswith("timestamp("):
            return http('{"status": "error", "errorType": "bad_data"}', "400 Bad Request")
        return http(json.dumps({"status": "success", "data": {"resultType": "scalar", "result": [NOON, value]}}))

    return reply


async def talk(server: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
    request = Request(head[0].split(" ")[1], headers)
    server.requests.append(request)
    reply = server.reply(request)
    if reply is None:
        await reader.read()
        return
    content = reply if isinstance(reply, bytes) else await reply
    writer.write(content)
    await writer.drain()


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, and fail the test where it never does."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():  # noqa: ASYNC110  (what it waits for is no event)
            await asyncio.sleep(0.01)


async def first_reading(reader: FeedReader, clock: Callable[[], float], key: tuple[str, str] = ("", "")) -> Reading:
    """The reading once the first request is over."""
    await until(lambda: reader.signal_reading(clock(), key).problem != Problem.NO_READING)
    return reader.signal_reading(clock(), key)
