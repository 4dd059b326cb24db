"""Numbers over HTTP for the operator's feeds: `/limit`, `/price`, `/curve`; `/healthz` and `/readyz` for probes.

A peer that is silent or wrong makes the bridge not ready, never unhealthy: no restart would mend it.
"""

from typing import Final

from aiohttp import web

from wattswitch.bridges.board import Absent, Board

HEADERS: Final = {"Cache-Control": "no-store"}
"""A stored answer would be an old number with nobody to say so."""


def routes(board: Board) -> list[web.RouteDef]:
    """The paths that show this board. A path without a number answers 503 with the reason."""

    async def show(request: web.Request) -> web.Response:
        shown = board.shown(request.path.strip("/"))
        if isinstance(shown, Absent):
            body = {"reason": str(shown.reason), "message": shown.message}
            return web.json_response(body, status=503, headers=HEADERS)
        return web.json_response(dict(shown.document), headers=HEADERS)

    async def health(_: web.Request) -> web.Response:
        return web.Response(text="\n".join(board.problems()) or "ok", headers=HEADERS)

    async def ready(_: web.Request) -> web.Response:
        problems = board.problems()
        return web.Response(text="\n".join(problems) or "ok", status=503 if problems else 200, headers=HEADERS)

    return [
        web.get("/limit", show),
        web.get("/price", show),
        web.get("/curve", show),
        web.get("/healthz", health),
        web.get("/readyz", ready),
    ]


class Server:
    """Serves routes on one address until it is closed. Port 0 takes a free one, which `port` tells."""

    def __init__(self, address: str, port: int, served: list[web.RouteDef], *, limit_bytes: int = 64 * 1024) -> None:
        self._address = address
        self._asked_port = port
        self._app = web.Application(client_max_size=limit_bytes)
        self._app.add_routes(served)
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Begin to listen."""
        self._runner = web.AppRunner(self._app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._address, self._asked_port).start()

    @property
    def port(self) -> int:
        """The port it listens on. Raises RuntimeError before `start`."""
        if self._runner is None or not self._runner.addresses:
            raise RuntimeError("the server is not started")
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
