"""CurtailmentEvents as an API server keeps them, as far as a bridge can tell: labels, uids, versions, preconditions."""

import json
from typing import Any

from aiohttp import web

from unit.cluster.api_server import Store, failure
from wattswitch.cluster.paths import collection, item

KIND = "CurtailmentEvent"
PATH = collection(KIND)


class EventStore(Store):
    """`broken` lets every call fail; `meddle` may change an object after it was read."""

    def __init__(self) -> None:
        super().__init__()
        self.broken = False
        self.meddling: list[dict[str, str]] = []
        self._made = 0

    @property
    def events(self) -> list[dict[str, Any]]:
        return [raw for path, raw in self.objects.items() if path.startswith(f"{PATH}/")]

    @property
    def writes(self) -> list[str]:
        """What was tried to write, in order."""
        return [method for method, _ in self.calls if method != "GET"]

    def add(self, raw: dict[str, Any]) -> None:
        """An object of another hand."""
        self._save(item(KIND, None, raw["metadata"]["name"]), self._stamped(raw))

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if self.broken:
            return failure(500, "InternalError", "broken by the test")
        if request.method == "GET" and request.path == PATH:
            return self._list(request.query.get("labelSelector", ""))
        if request.method == "DELETE":
            return self._delete(request.path, await request.json())
        answer = await super().__call__(request)
        if request.method == "GET" and self.meddling and request.path in self.objects:
            labels = self.meddling.pop()
            raw = self.objects[request.path]
            self._save(request.path, {**raw, "metadata": {**raw["metadata"], "labels": labels}})
        return answer

    def _create(self, path: str, body: dict[str, Any]) -> web.Response:
        return super()._create(path, self._stamped(body))

    def _stamped(self, body: dict[str, Any]) -> dict[str, Any]:
        self._made += 1
        stamp = {"uid": f"uid-{self._made}", "creationTimestamp": "2026-08-01T12:00:00Z"}
        return {**body, "metadata": {**body["metadata"], **stamp}}

    def _list(self, selector: str) -> web.Response:
        self.calls.append(("GET", PATH))
        key, _, value = selector.partition("=")
        found = [raw for raw in self.events if not key or raw["metadata"].get("labels", {}).get(key) == value]
        body = {"kind": f"{KIND}List", "apiVersion": "wattswitch.io/v1alpha1", "items": found}
        return web.json_response({**body, "metadata": {"resourceVersion": str(self.version)}})

    def _delete(self, path: str, options: dict[str, Any]) -> web.Response:
        self.calls.append(("DELETE", path))
        if path not in self.objects:
            return failure(404, "NotFound", f"{path} not found")
        metadata = self.objects[path]["metadata"]
        if any(metadata[field] != value for field, value in options["preconditions"].items()):
            return failure(409, "Conflict", "the precondition does not hold")
        return web.json_response(self.objects.pop(path))


def as_sent(raw: dict[str, Any]) -> dict[str, Any]:
    """An object as JSON brings it back."""
    return dict(json.loads(json.dumps(raw)))
