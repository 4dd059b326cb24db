"""Servers, clocks and readers for the tests of feeds; all are gone at the end of their test."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from unit.feeds.servers import RawServer, Reply, TurnableClock, talk
from wattswitch.api.feed import Feed
from wattswitch.feeds import FeedReader


@pytest.fixture
def clock() -> TurnableClock:
    return TurnableClock()


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Awaitable[RawServer]]]:
    """Give a callable that starts a server from a reply (bytes, or a function of the request)."""
    started: list[asyncio.Server] = []
    links: set[asyncio.StreamWriter] = set()

    async def start(reply: bytes | Reply, tls: ssl.SSLContext | None = None) -> RawServer:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            links.add(writer)
            try:
                await talk(server, reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()
                links.discard(writer)

        listening = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls)
        started.append(listening)
        server = RawServer(listening.sockets[0].getsockname()[1], reply if callable(reply) else lambda _: reply)
        return server

    yield start
    for listening in started:
        listening.close()
    for writer in list(links):
        writer.close()
    await asyncio.sleep(0.05)


@pytest.fixture
async def read() -> AsyncIterator[Callable[..., FeedReader]]:
    """Give a callable that builds and starts a reader; all are closed at the end."""
    readers: list[FeedReader] = []

    def start(spec: Feed, now: Callable[[], float], on_change: Callable[[], None] = lambda: None) -> FeedReader:
        reader = FeedReader(spec, now, on_change)
        readers.append(reader)
        reader.start()
        return reader

    yield start
    for reader in readers:
        await reader.close()
