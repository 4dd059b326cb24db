"""Feeds read from a real Prometheus: numbers, the time of their scrape, and series that end, freeze or turn NaN."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
import requests

from local.prometheus import Prometheus, PrometheusFactory
from unit.feeds.servers import until
from unit.feeds.specs import per_workload, price, prometheus_source
from wattswitch.feeds import FeedReader, Problem
from wattswitch.feeds.reading import Key

Read = Callable[..., FeedReader]


class Exposition:
    """What a scraped program shows; a test may change it at any time."""

    def __init__(self) -> None:
        self.text = ""
        self.port = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = self.text.encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {len(body)}\r\n"
        writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
        await writer.drain()
        writer.close()


@pytest.fixture
async def shown() -> AsyncIterator[Exposition]:
    exposition = Exposition()
    async with await asyncio.start_server(exposition.answer, "127.0.0.1", 0) as server:
        exposition.port = server.sockets[0].getsockname()[1]
        yield exposition


@pytest.fixture
async def prometheus(shown: Exposition, prometheus_factory: PrometheusFactory) -> Prometheus:
    """Give a server that scrapes the exposition every second."""
    targets = [{"targets": [f"127.0.0.1:{shown.port}"]}]
    return await asyncio.to_thread(prometheus_factory, [{"job_name": "site", "static_configs": targets}])


@pytest.fixture
async def read() -> AsyncIterator[Read]:
    """Give a callable that starts a reader of a query by the real clock."""
    readers: list[FeedReader] = []

    def start(server: Prometheus, query: str, *, stale_after_seconds: int = 60, workloads: bool = False) -> FeedReader:
        make = per_workload if workloads else price
        spec = make(prometheus_source(server.url, query=query), staleAfterSeconds=stale_after_seconds, timeoutSeconds=3)
        reader = FeedReader(spec, time.time)
        readers.append(reader)
        reader.start()
        return reader

    yield start
    for reader in readers:
        await reader.close()


async def becomes(reader: FeedReader, expected: float | str, key: Key = ("", "")) -> None:
    """Wait for a fresh value, or for a problem."""

    def said() -> float | str | None:
        reading = reader.signal_reading(time.time(), key)
        return reading.problem or reading.value

    try:
        await until(lambda: said() == expected)
    except TimeoutError:
        pytest.fail(f"the reading is {reader.signal_reading(time.time(), key)}, never {expected}")


def scrape_times(server: Prometheus, query: str) -> set[float]:
    answer = requests.get(f"{server.url}/api/v1/query", params={"query": f"{query}[2m]"}, timeout=10).json()
    return {float(at) for series in answer["data"]["result"] for at, _ in series["values"]}


async def test_a_series_has_the_time_of_its_scrape(shown: Exposition, prometheus: Prometheus, read: Read) -> None:
    shown.text = 'spp{point="HB_WEST"} 41.19\nspp{point="HB_HUBAVG"} 60\n'
    reader = read(prometheus, 'spp{point="HB_WEST"} # the hub that we settle at')
    await becomes(reader, 41.19)
    reading = reader.signal_reading(time.time())
    times = await asyncio.to_thread(scrape_times, prometheus, 'spp{point="HB_WEST"}')
    assert any(abs(reading.at - at) < 0.002 for at in times)
    shown.text = 'spp{point="HB_WEST"} -30.5\n'
    await becomes(reader, -30.5)
    assert reader.signal_reading(time.time()).at > reading.at


async def test_a_scalar_and_an_expression_are_as_of_their_evaluation(
    shown: Exposition, prometheus: Prometheus, read: Read
) -> None:
    shown.text = 'watts{pdu="a"} 100\nwatts{pdu="b"} 150\n'
    scalar, total = read(prometheus, "scalar(sum(watts))"), read(prometheus, "sum(watts)")
    for reader in (scalar, total):
        await becomes(reader, 250.0)
        assert abs(reader.signal_reading(time.time()).at - time.time()) < 5


async def test_series_that_do_not_say_one_number_are_refused(
    shown: Exposition, prometheus: Prometheus, read: Read
) -> None:
    shown.text = 'spp{point="a"} 1\nspp{point="b"} 2\nlost NaN\nendless +Inf\nother{point="a"} 3\n'
    await becomes(read(prometheus, "spp"), Problem.SEVERAL_SAMPLES)
    await becomes(read(prometheus, '{__name__=~"spp|other",point="a"}'), Problem.SEVERAL_SAMPLES)
    await becomes(read(prometheus, "lost"), Problem.NOT_A_NUMBER)
    await becomes(read(prometheus, "endless"), Problem.INFINITE)
    await becomes(read(prometheus, "absent_series"), Problem.EMPTY)
    await becomes(read(prometheus, "scalar(absent_series)"), Problem.NOT_A_NUMBER)
    await becomes(read(prometheus, "spp[1m]"), Problem.NOT_NUMERIC)
    await becomes(read(prometheus, "spp{"), Problem.HTTP_STATUS)


async def test_a_series_that_ends_keeps_its_last_number_as_stale(
    shown: Exposition, prometheus: Prometheus, read: Read
) -> None:
    shown.text = "spp 41.19\n"
    reader = read(prometheus, "spp")
    await becomes(reader, 41.19)
    shown.text = ""
    await becomes(reader, Problem.EMPTY)
    assert reader.signal_reading(time.time()).value == 41.19


async def test_a_series_whose_own_time_stands_still_is_frozen(
    shown: Exposition, prometheus: Prometheus, read: Read
) -> None:
    shown.text = "scraped 1\n"
    await becomes(read(prometheus, "scraped"), 1.0)
    reader = read(prometheus, "spp", stale_after_seconds=6)
    stamp = round(time.time() * 1000)
    shown.text = f"spp 41.19 {stamp}\n"
    await becomes(reader, 41.19)
    assert abs(reader.signal_reading(time.time()).at - stamp / 1000) < 0.002
    await becomes(reader, Problem.FROZEN)
    late = read(prometheus, "spp", stale_after_seconds=6)
    await becomes(late, Problem.STALE)


async def test_one_vector_serves_every_workload(shown: Exposition, prometheus: Prometheus, read: Read) -> None:
    odd = 'x\\"} or vector(1)'
    shown.text = (
        'queue{namespace="ml",service="llama"} 12\n'
        'queue{namespace="ml",service="qwen"} NaN\n'
        'queue{namespace="ml",service="twice",pod="a"} 1\n'
        'queue{namespace="ml",service="twice",pod="b"} 2\n'
        f'queue{{namespace="ml",service="{odd}"}} 7\n'
    )
    reader = read(prometheus, "queue", workloads=True)
    await becomes(reader, 12.0, ("ml", "llama"))
    await becomes(reader, 7.0, ("ml", 'x"} or vector(1)'))
    await becomes(reader, Problem.NOT_A_NUMBER, ("ml", "qwen"))
    await becomes(reader, Problem.SEVERAL_SAMPLES, ("ml", "twice"))
    await becomes(reader, Problem.EMPTY, ("ml", "absent"))
    shown.text = 'queue{namespace="ml",service="qwen"} 5\n'
    await becomes(reader, 5.0, ("ml", "qwen"))
    await becomes(reader, Problem.EMPTY, ("ml", "llama"))


async def test_a_server_that_is_gone_is_unreachable_once_its_number_is_old(
    shown: Exposition, prometheus: Prometheus, read: Read
) -> None:
    shown.text = "spp 41.19\n"
    reader = read(prometheus, "spp", stale_after_seconds=5)
    await becomes(reader, 41.19)
    await asyncio.to_thread(prometheus.stop)
    await becomes(reader, Problem.UNREACHABLE)
    assert reader.signal_reading(time.time()).value == 41.19
