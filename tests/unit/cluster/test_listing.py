import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from unit.cluster.api_server import Answer, answering, failure
from unit.cluster.objects import deployment
from wattswitch.cluster import VIEWED_KINDS, View, list_pods, relist


def cluster(refuse: Callable[[str], web.Response | None], seen: list[web.Request] | None = None) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        if seen is not None:
            seen.append(request)
        refused = refuse(request.path)
        if refused:
            return refused
        items = [deployment()] if request.path.endswith("/deployments") else []
        return web.json_response({"kind": "XList", "metadata": {"resourceVersion": "50"}, "items": items})

    return answer


async def test_everything_is_listed_currently_and_the_view_becomes_fresh() -> None:
    view, seen = View(), list[web.Request]()
    began = time.monotonic()
    async with answering(cluster(lambda _: None, seen)) as client:
        report = await relist(client, view, None)
    assert report.complete
    assert view.fresh(time.monotonic(), 10)
    assert view.relisted_at is not None
    assert view.relisted_at >= began
    assert view.get("Deployment", "texas", "s21") is not None
    assert all("resourceVersion" not in request.query for request in seen)
    assert len(seen) == len(VIEWED_KINDS)


async def test_namespaces_bound_the_namespaced_kinds_only() -> None:
    view, seen = View(), list[web.Request]()
    async with answering(cluster(lambda _: None, seen)) as client:
        await relist(client, view, ["texas", "ohio"])
    paths = {request.path for request in seen}
    assert "/apis/apps/v1/namespaces/texas/deployments" in paths
    assert "/apis/apps/v1/namespaces/ohio/deployments" in paths
    assert "/apis/apps/v1/deployments" not in paths
    assert {"/api/v1/namespaces", "/apis/wattswitch.io/v1alpha1/powerbudgets"} <= paths


async def test_kinds_that_are_not_installed_are_skipped() -> None:
    view = View()
    view.apply("ADDED", {"kind": "ScaledObject", "metadata": {"name": "a", "namespace": "x", "resourceVersion": "1"}})
    no_keda = cluster(lambda path: failure(404, "NotFound") if "keda" in path else None)
    async with answering(no_keda) as client:
        report = await relist(client, view, None)
    assert (report.missing, report.complete) == (("ScaledObject",), True)
    assert view.all("ScaledObject") == []


async def test_what_is_forbidden_is_named_and_keeps_the_view_from_being_fresh() -> None:
    view = View()
    view.apply("ADDED", deployment("kept"))
    deaf = cluster(lambda path: failure(403, "Forbidden", "cannot list") if "deployments" in path else None)
    async with answering(deaf) as client:
        report = await relist(client, view, None)
    assert report.forbidden["Deployment"] == "cannot list"
    assert not report.complete
    assert view.relisted_at is None
    assert view.get("Deployment", "texas", "kept") is not None


async def test_a_kind_that_fails_stops_no_other_and_own_kinds_are_kept_through_a_404() -> None:
    view = View()
    budget = {"kind": "PowerBudget", "metadata": {"name": "west", "resourceVersion": "1"}}
    view.apply("ADDED", budget)

    def refuse(path: str) -> web.Response | None:
        if "powerbudgets" in path:
            return failure(404, "NotFound")
        return failure(500, "InternalError", "etcd") if "statefulsets" in path else None

    async with answering(cluster(refuse)) as client:
        report = await relist(client, view, None)
    assert (report.failed, report.missing) == ({"StatefulSet": "etcd"}, ("PowerBudget",))
    assert not report.complete
    assert view.get("PowerBudget", None, "west") is not None
    assert view.get("Deployment", "texas", "s21") is not None


async def test_pods_are_counted_by_what_they_draw() -> None:
    def pod(name: str, phase: str, *, deleted: bool = False) -> dict[str, Any]:
        metadata = {"name": name} | ({"deletionTimestamp": "2026-01-01T00:00:00Z"} if deleted else {})
        return {"metadata": metadata, "status": {"phase": phase}}

    pods = [
        pod("running", "Running"),
        pod("pending", "Pending"),
        pod("leaving", "Running", deleted=True),
        pod("done", "Succeeded"),
        pod("broken", "Failed", deleted=True),
    ]

    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.path == "/api/v1/namespaces/texas/pods"
        assert request.query["labelSelector"] == "app=s21"
        return web.json_response({"kind": "PodList", "metadata": {"resourceVersion": "71"}, "items": pods})

    async with answering(answer) as client:
        count = await list_pods(client, "texas", "app=s21")
    assert (count.alive, count.terminating) == (2, 1)
