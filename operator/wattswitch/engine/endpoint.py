"""One port for machines that look in: `/metrics`, `/healthz` and `/readyz`."""

import asyncio

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from wattswitch.engine.operator import Operator
from wattswitch.metrics import Metrics
from wattswitch.settings import Settings


class Endpoint:
    """Serves until it is closed. Port 0 serves nothing."""

    def __init__(self, operator: Operator, metrics: Metrics, settings: Settings) -> None:
        self._operator = operator
        self._metrics = metrics
        self._settings = settings
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Begin to listen."""
        if self._settings.metrics_port == 0:
            return
        app = web.Application()
        app.add_routes(
            [
                web.get("/metrics", self._show_metrics),
                web.get("/healthz", self._show_health),
                web.get("/readyz", self._show_ready),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._settings.metrics_address, self._settings.metrics_port).start()

    async def close(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _show_metrics(self, _: web.Request) -> web.Response:
        body = await asyncio.to_thread(generate_latest, self._metrics.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _show_health(self, _: web.Request) -> web.Response:
        problems = self._operator.problems()
        return web.Response(text="\n".join(problems) or "ok", status=503 if problems else 200)

    async def _show_ready(self, _: web.Request) -> web.Response:
        ready = self._operator.ready
        return web.Response(text="ok" if ready else "the cluster has not been listed yet", status=200 if ready else 503)
