import asyncio
import time

import aiohttp
import pytest

from measure import feed, objects
from measure.feed import Feed


async def read(url: str, name: str) -> float:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/{name}") as answer:
        document = await answer.json()
        assert abs(document["time"] - time.time()) < 60
        return float(document["value"])


async def test_a_flip_begins_with_the_first_answer_that_carries_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "QUIET_SECONDS", 0.05)
    async with Feed(objects.ALL_ON) as served:
        assert await read(served.url, "price") == objects.ALL_ON.price
        flip = asyncio.create_task(served.flip(objects.ALL_OFF))
        await asyncio.sleep(0.2)
        assert await read(served.url, "worth") == objects.ALL_ON.worth
        assert not flip.done()
        asked_at = time.monotonic()
        assert await read(served.url, "price") == objects.ALL_OFF.price
        assert asked_at <= await flip <= time.monotonic()


async def test_a_flip_waits_for_a_pause_between_two_readings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "QUIET_SECONDS", 0.3)
    async with Feed(objects.ALL_ON) as served:
        await read(served.url, "price")
        flip = asyncio.create_task(served.flip(objects.ALL_OFF))
        await asyncio.sleep(0)
        assert await read(served.url, "price") == objects.ALL_ON.price
        flip.cancel()


async def test_a_flip_that_nobody_reads_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "PATIENCE_SECONDS", 0.1)
    async with Feed(objects.ALL_ON) as served:
        with pytest.raises(TimeoutError):
            await served.flip(objects.ALL_OFF)
