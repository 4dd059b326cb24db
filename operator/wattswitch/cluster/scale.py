"""Sizes go to the cluster here: JSON Patch on `/scale`, refused where another hand was first.

A patch tests the target's uid and the size that the decision was made on, so that it neither reaches a namesake nor
undoes a change that the decision did not see. Status churn does not refuse it, as a resourceVersion would.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from wattswitch.cluster import paths
from wattswitch.cluster.client import JSON_PATCH, KubeClient, refused_by_test
from wattswitch.errors import ApiError, ApiUnreachable, Conflict, Forbidden, NotFound, TooManyRequests

FIELD_MANAGER = "wattswitch"
"""The name under which our sizes stand in a target's managed fields."""


@dataclass(frozen=True, slots=True)
class ScaleWrite:
    """One size to ask for. `key` is the caller's own name of it; `from_replicas` is the size that was seen."""

    key: str
    kind: str
    namespace: str
    name: str
    uid: str
    from_replicas: int
    to_replicas: int


@dataclass(frozen=True, slots=True)
class ScaleOutcome:
    """What became of one write.

    `problem` is empty when it was applied, else a stable word: Changed (another hand changed the size, or the uid is
    another), Gone, Forbidden, Throttled, Invalid, Refused, or Unreachable: no answer that counts, so that it may have
    been applied all the same. `resource_version` is the target's after the write: a view of the target at or above it
    has seen the write. `retry_after_seconds` is how long a server that sheds load asks to be left alone.
    """

    key: str
    applied: bool
    problem: str = ""
    message: str = ""
    resource_version: int | None = None
    retry_after_seconds: float = 0.0


async def write_scale(client: KubeClient, write: ScaleWrite) -> ScaleOutcome:
    """Ask for one size, once; never raises for what a cluster can answer."""
    try:
        path = paths.item(write.kind, write.namespace, write.name, "scale")
        scale = await _patched(client, path, write)
    except (KeyError, ValueError) as problem:
        return ScaleOutcome(write.key, applied=False, problem="Invalid", message=f"no such target: {problem}")
    except ApiUnreachable as problem:
        return ScaleOutcome(write.key, applied=False, problem="Unreachable", message=str(problem))
    except ApiError as problem:
        wait = problem.retry_after if isinstance(problem, TooManyRequests) else 0.0
        return ScaleOutcome(
            write.key, applied=False, problem=_word(problem), message=problem.message, retry_after_seconds=wait
        )
    version = str(scale.get("metadata", {}).get("resourceVersion", ""))
    return ScaleOutcome(write.key, applied=True, resource_version=int(version) if version.isdecimal() else None)


async def _patched(client: KubeClient, path: str, write: ScaleWrite) -> dict[str, Any]:
    """The scale object after the patch; from 0, servers that spell the 0 out are asked in their own form."""
    try:
        return await _patch(client, path, write, _unchanged(write.from_replicas))
    except ApiError as problem:
        if write.from_replicas != 0 or not refused_by_test(problem):
            raise
        return await _patch(client, path, write, {"op": "test", "path": "/spec/replicas", "value": 0})


async def _patch(client: KubeClient, path: str, write: ScaleWrite, unchanged: dict[str, Any]) -> dict[str, Any]:
    operations = [
        {"op": "test", "path": "/metadata/uid", "value": write.uid},
        unchanged,
        # `add` replaces a member that is there, and unlike `replace` may be used on one that is not (RFC 6902, 4.1).
        {"op": "add", "path": "/spec/replicas", "value": write.to_replicas},
    ]
    return await client.request(
        "PATCH",
        path,
        query={"fieldManager": FIELD_MANAGER},
        body=operations,
        content_type=JSON_PATCH,
        retry_throttled=False,  # by then the plan may be another
    )


def _unchanged(replicas: int) -> dict[str, Any]:
    """The test that the size still is what the decision saw.

    A Scale of 0 is served as `spec: {}` (seen on 1.37), where a test of `/spec/replicas` always fails.
    """
    if replicas == 0:
        return {"op": "test", "path": "/spec", "value": {}}
    return {"op": "test", "path": "/spec/replicas", "value": replicas}


def _word(problem: ApiError) -> str:
    if refused_by_test(problem):
        return "Changed"
    if problem.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return "Invalid"
    if not HTTPStatus.BAD_REQUEST <= problem.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return "Unreachable"  # such as a 504 of the store behind the server: the write may yet land
    return _WORDS.get(type(problem), "Refused")


_WORDS: dict[type[ApiError], str] = {
    NotFound: "Gone",
    Forbidden: "Forbidden",
    Conflict: "Changed",
    TooManyRequests: "Throttled",
}
