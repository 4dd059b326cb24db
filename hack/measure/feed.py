"""The site's price and worth over HTTP on loopback, and the moment at which a new number was first served."""

import asyncio
import time
from dataclasses import dataclass
from typing import Self

from aiohttp import web

POLL_SECONDS = 1
QUIET_SECONDS = 0.2
"""Both feeds are read at the same time; a flip waits for the pause between two readings, so that it splits no pair."""
PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class Numbers:
    """What the site is told: price and worth, both per MWh."""

    price: float
    worth: float


class Feed:
    """Answers GET /price and GET /worth with {"value": number, "time": Unix seconds}."""

    def __init__(self, numbers: Numbers) -> None:
        self.served_at: float | None = None
        """Monotonic time just before the first answer that carried a number of the last flip."""
        self._numbers = numbers
        self._asked_at = 0.0
        self._changed: frozenset[str] = frozenset()
        self._served = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.add_routes([web.get("/{name}", self._answer)])
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def flip(self, numbers: Numbers) -> float:
        """Serve other numbers; the monotonic time at which the first answer with one of them left.

        Raises TimeoutError where nobody asks.
        """
        async with asyncio.timeout(PATIENCE_SECONDS):
            while time.monotonic() < self._asked_at + QUIET_SECONDS:  # noqa: ASYNC110 - requests move the end
                await asyncio.sleep(0.02)
            before, self._numbers = self._numbers, numbers
            changed = {name for name in ("price", "worth") if getattr(before, name) != getattr(numbers, name)}
            self._changed, self.served_at = frozenset(changed), None
            self._served.clear()
            await self._served.wait()
        if self.served_at is None:
            raise AssertionError("served without a time")
        return self.served_at

    async def _answer(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        now = self._asked_at = time.monotonic()
        if name in self._changed and self.served_at is None:
            self.served_at = now
            self._served.set()
        return web.json_response({"value": getattr(self._numbers, name), "time": round(time.time(), 3)})
