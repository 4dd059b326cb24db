"""The numbers that are served: the peer's own time, 503 with a reason where there is none, and older ones never."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from unit.bridges.doubles import NOON
from wattswitch.api.curve import CurveFeed
from wattswitch.bridges import Reason
from wattswitch.bridges.board import Board
from wattswitch.bridges.serve import Server, routes
from wattswitch.feeds.curvesource import PolledCurve, build_curve_source


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
async def url(board: Board) -> AsyncIterator[str]:
    server = Server("127.0.0.1", 0, routes(board))
    await server.start()
    yield f"http://127.0.0.1:{server.port}"
    await server.close()


async def get(url: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.status, await answer.json() if "json" in answer.content_type else await answer.text()


@pytest.mark.parametrize("path", ["limit", "price", "curve"])
async def test_no_number_is_503_with_its_reason(url: str, board: Board, path: str) -> None:
    status, answer = await get(f"{url}/{path}")
    assert (status, answer["reason"]) == (503, "Silent")
    board.hide(path, Reason.VALUE_MISSING, "gone")
    assert (await get(f"{url}/{path}"))[1] == {"reason": "ValueMissing", "message": "gone"}


async def test_numbers_carry_the_peers_time(url: str, board: Board) -> None:
    board.show_limit(150_000, NOON)
    board.show_price(-12.5, NOON + 0.25)
    assert await get(f"{url}/limit") == (200, {"watts": 150_000, "time": "2026-08-01T12:00:00Z"})
    assert await get(f"{url}/price") == (200, {"price_per_mwh": -12.5, "time": "2026-08-01T12:00:00.250Z"})


async def test_an_older_number_never_replaces_a_newer_one(url: str, board: Board) -> None:
    board.show_limit(150_000, NOON)
    board.show_limit(900_000, NOON - 1)
    assert (await get(f"{url}/limit"))[1]["watts"] == 150_000


@pytest.mark.parametrize("at", [-1.0, 1e300, float("nan")])
async def test_a_time_that_no_calendar_has_is_no_time(url: str, board: Board, at: float) -> None:
    board.show_limit(150_000, at)
    assert (await get(f"{url}/limit"))[1]["reason"] == "TimeUnreadable"


async def test_the_operators_own_feed_reads_the_curve(url: str, board: Board) -> None:
    board.show_curve({NOON: 42.0, NOON + 300: -1.0, NOON + 600: None}, NOON)
    feed = CurveFeed.model_validate(
        {
            "sources": [
                {
                    "name": "vtn",
                    "unit": "USDPerMWh",
                    "http": {"url": f"{url}/curve", "path": "data[].price_per_mwh", "timePath": "data[].start"},
                }
            ]
        }
    )
    source = build_curve_source(feed.sources[0], feed, lambda: NOON, allow_private=True)
    assert isinstance(source, PolledCurve)
    assert list(await source.fetch()) == [(NOON, 42.0), (NOON + 300, -1.0)]


async def test_health_tells_what_is_wrong(url: str, board: Board) -> None:
    assert await get(f"{url}/healthz") == (200, "ok")
    board.report("vtn", "TimedOut: no answer")
    assert await get(f"{url}/healthz") == (200, "vtn: TimedOut: no answer"), "no restart would mend a peer"
    assert await get(f"{url}/readyz") == (503, "vtn: TimedOut: no answer")
    board.report("vtn", None)
    assert await get(f"{url}/readyz") == (200, "ok")
