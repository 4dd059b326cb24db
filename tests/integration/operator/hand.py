"""The test's own hand in the cluster: a small client of the API server that shares no code with the operator."""

import http.client
import json
import time
import urllib.parse
from collections.abc import Callable
from typing import Any, Final, TypeVar

from local.api import Api, ApiError

T = TypeVar("T")
Object = dict[str, Any]

PATIENCE_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.05
MERGE_PATCH: Final = "application/merge-patch+json"

_OWN: Final = "apis/wattswitch.io/v1alpha1"
_PLACES: Final = {
    "PowerBudget": (_OWN, "powerbudgets"),
    "PowerLedger": (_OWN, "powerledgers"),
    "MiningPool": (_OWN, "miningpools"),
    "InferenceDeployment": (_OWN, "inferencedeployments"),
    "CurtailmentEvent": (_OWN, "curtailmentevents"),
    "Deployment": ("apis/apps/v1", "deployments"),
    "StatefulSet": ("apis/apps/v1", "statefulsets"),
    "HorizontalPodAutoscaler": ("apis/autoscaling/v2", "horizontalpodautoscalers"),
    "Namespace": ("api/v1", "namespaces"),
    "Pod": ("api/v1", "pods"),
    "Event": ("api/v1", "events"),
    "Lease": ("apis/coordination.k8s.io/v1", "leases"),
}


def path(kind: str, namespace: str = "", name: str = "") -> str:
    """Where the objects of a kind are; all namespaces without one."""
    group, plural = _PLACES[kind]
    within = f"/namespaces/{namespace}" if namespace else ""
    return f"/{group}{within}/{plural}" + (f"/{name}" if name else "")


def until(read: Callable[[], T], expected: T | Callable[[T], bool], seconds: float = PATIENCE_SECONDS) -> T:
    """Read until it is as expected, or fail with what was read last."""
    deadline = time.monotonic() + seconds
    while True:
        found = read()
        if expected(found) if callable(expected) else found == expected:
            return found
        if time.monotonic() > deadline:
            wanted = "something else" if callable(expected) else repr(expected)
            raise AssertionError(f"after {seconds:.0f} s it is {found!r} and not {wanted}")
        time.sleep(POLL_SECONDS)


class Hand(Api):
    """Reads and writes objects under the name `admin`; one connection, kept open."""

    def read(self, kind: str, namespace: str, name: str) -> Object | None:
        """One object, None where there is none."""
        try:
            found: Object = json.loads(self.send("GET", path(kind, namespace, name)))
        except ApiError as error:
            if error.status == http.HTTPStatus.NOT_FOUND:
                return None
            raise
        return found

    def list(self, kind: str, namespace: str = "", **query: str) -> Object:
        """The list object of a kind: `items` and its own metadata."""
        found: Object = json.loads(self.send("GET", f"{path(kind, namespace)}?{urllib.parse.urlencode(query)}"))
        return found

    def create(self, body: Object) -> Object:
        """Create an object and return it as stored."""
        where = path(body["kind"], body["metadata"].get("namespace", ""))
        created: Object = json.loads(self.send("POST", f"{where}?fieldManager=admin", body))
        return created

    def patch(self, kind: str, namespace: str, name: str, body: Object, manager: str = "admin") -> Object:
        """Merge `body` into an object and return it as stored."""
        where = f"{path(kind, namespace, name)}?fieldManager={manager}"
        patched: Object = json.loads(self.send("PATCH", where, body, MERGE_PATCH))
        return patched

    def scale(self, kind: str, namespace: str, name: str, replicas: int, manager: str) -> None:
        """Do what `kubectl scale` does, under another name."""
        where = f"{path(kind, namespace, name)}/scale?fieldManager={manager}"
        self.send("PATCH", where, {"spec": {"replicas": replicas}}, MERGE_PATCH)

    def delete(self, kind: str, namespace: str, name: str, grace_seconds: int | None = None) -> None:
        """Ask for an object's end, dependents in the background; one that is gone is no error."""
        options: Object = {"propagationPolicy": "Background"}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        try:
            self.send("DELETE", path(kind, namespace, name), options)
        except ApiError as error:
            if error.status != http.HTTPStatus.NOT_FOUND:
                raise

    def send(self, method: str, where: str, body: Object | None = None, content: str = "application/json") -> bytes:
        """One request; asked again once where an idle connection was closed meanwhile."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": content}
        sent = None if body is None else json.dumps(body)
        try:
            self._connection.request(method, where, sent, headers)
            answer = self._connection.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self._connection.close()
            self._connection.request(method, where, sent, headers)
            answer = self._connection.getresponse()
        content_read = answer.read()
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise ApiError(answer.status, content_read.decode(errors="replace")[:800])
        return content_read
