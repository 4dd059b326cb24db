"""A small OpenADR 3 VTN: token, programs, events, reports and VENs after the published 3.0.1 and 3.1 models."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from aiohttp import web

from wattswitch.api.times import format_time
from wattswitch.bridges.serve import Server

ID, SECRET = "ven-client", "a secret that nobody may log"


@dataclass
class Vtn:
    """Its objects, which a test may change; `fault` may answer in place of it."""

    version: str
    now: Callable[[], float]
    programs: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    vens: list[dict[str, Any]] = field(default_factory=list)
    reports: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    fault: Callable[[web.Request], web.StreamResponse | None] = lambda _: None

    def __post_init__(self) -> None:
        routes = [
            web.post("/auth/token", self._token),
            web.get("/{kind:programs|events|vens|reports}", self._list),
            web.post("/{kind:vens|reports}", self._create),
        ]
        self._server = Server("127.0.0.1", 0, routes)

    async def start(self) -> None:
        await self._server.start()

    async def close(self) -> None:
        await self._server.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

    def add(self, event: dict[str, Any], *, at: float | None = None) -> dict[str, Any]:
        """Create an event as a VTN does: id and times are its own."""
        stamp = format_time(self.now() if at is None else at)
        made = {
            "id": secrets.token_hex(4),
            "createdDateTime": stamp,
            "modificationDateTime": stamp,
            "objectType": "EVENT",
        }
        self.events.append(made | event)
        return self.events[-1]

    def _headers(self) -> dict[str, str]:
        return {"Date": formatdate(self.now(), usegmt=True)}

    def _json(self, body: Any, status: int = 200) -> web.Response:
        return web.json_response(body, status=status, headers=self._headers())

    def _problem(self, status: int) -> web.Response:
        return self._json({"title": "problem", "status": status}, status)

    async def _token(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        wanted = {"grant_type": "client_credentials", "client_id": ID, "client_secret": SECRET}
        if any(form.get(name) != value for name, value in wanted.items()):
            return self._json({"error": "invalid_client", "error_description": str(form.get("client_secret"))}, 400)
        self.tokens.append(f"token-{secrets.token_hex(8)}")
        return self._json({"access_token": self.tokens[-1], "token_type": "Bearer", "expires_in": 3600})

    def _refused(self, request: web.Request) -> web.StreamResponse | None:
        self.asked.append(f"{request.method} {request.path_qs}")
        fault = self.fault(request)
        if fault is not None:
            return fault
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return None if self.tokens and token == self.tokens[-1] else self._problem(403)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        refused = self._refused(request)
        if refused is not None:
            return refused
        kind, query = request.match_info["kind"], request.query
        found: list[dict[str, Any]] = getattr(self, kind)
        if kind == "vens" and "venName" in query:
            found = [ven for ven in found if ven["venName"] == query["venName"]]
        if kind == "events" and self.version == "3.1":
            # What has targets is shown only to whom asks for them, and only with those.
            wanted = set(query.getall("targets", []))
            found = [e for e in found if not e.get("targets") or wanted & set(e["targets"])]
        skip, limit = int(query.get("skip", "0")), int(query.get("limit", "50"))
        return self._json(found[skip : skip + limit])

    async def _create(self, request: web.Request) -> web.StreamResponse:
        refused = self._refused(request)
        if refused is not None:
            return refused
        kind, body = request.match_info["kind"], await request.json()
        needed = {
            "vens": {"3.0.1": {"venName"}, "3.1": {"venName", "objectType"}},
            "reports": {
                "3.0.1": {"programID", "eventID", "clientName", "resources"},
                "3.1": {"eventID", "clientName", "resources"},
            },
        }[kind][self.version]
        if not needed <= set(body) or (self.version == "3.1" and "programID" in body):
            return self._problem(400)
        made = {"id": secrets.token_hex(4), **body}
        getattr(self, kind).append(made)
        return self._json(made, 201)
