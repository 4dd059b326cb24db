"""The part of an API server that a ledger needs: status patches and PowerLedger objects, and failures on demand."""

import copy
from collections.abc import Callable
from typing import Any

from wattswitch.errors import ApiUnreachable, Conflict, NotFound


class FakeApi:
    """Stands in for KubeClient. `failing` paths do not answer; `landing` says whether such a write arrives.

    `on_call` is called while a request is under way.
    """

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, str]] = []
        self.failing: set[str] = set()
        self.landing = False
        self.on_call: Callable[[], None] = lambda: None

    def add_budget(self, name: str, uid: str) -> None:
        """Create a budget without a status of note."""
        self.objects[f"powerbudgets/{name}"] = {"metadata": {"name": name, "uid": uid}, "status": {}}

    def budget(self, name: str) -> dict[str, Any]:
        """The budget as a list would show it."""
        return copy.deepcopy(self.objects[f"powerbudgets/{name}"])

    def ledgers(self) -> list[dict[str, Any]]:
        """The PowerLedgers as a list would show them."""
        return [copy.deepcopy(obj) for path, obj in self.objects.items() if path.startswith("powerledgers/")]

    async def request(self, method: str, path: str, *, body: Any = None, **_: Any) -> dict[str, Any]:
        """Answer one call, or do not."""
        short = path.removeprefix("/apis/wattswitch.io/v1alpha1/")
        self.calls.append((method, short))
        self.on_call()
        key = short.removesuffix("/status")
        if any(key.startswith(failing) for failing in self.failing):
            if self.landing:
                self._apply(method, key, body)
            raise ApiUnreachable("no answer")
        return copy.deepcopy(self._apply(method, key, body))

    def _apply(self, method: str, key: str, body: Any) -> dict[str, Any]:
        if method == "POST":
            key = f"{key}/{body['metadata']['name']}"
            if key in self.objects:
                raise Conflict(409, "AlreadyExists", key)
            self.objects[key] = {**body, "metadata": {**body["metadata"], "uid": f"uid-of-{key}"}, "status": {}}
        if key not in self.objects:
            raise NotFound(404, "NotFound", key)
        if method == "PATCH":
            self._patch(key, body)
        return self.objects[key]

    def _patch(self, key: str, operations: list[dict[str, Any]]) -> None:
        test, *changes = operations
        if test["value"] != self.objects[key]["metadata"]["uid"]:
            raise NotFound(404, "NotFound", f"{key} is another object")
        for change in changes:
            self.objects[key]["status"][change["path"].removeprefix("/status/")] = copy.deepcopy(change["value"])
