import asyncio
import json
import logging
import time
from pathlib import Path

import pytest
import yaml
from aiohttp import web
from kubernetes.aio.client.configuration import Configuration

from unit.cluster.api_server import answering, failure
from wattswitch.cluster import KubeClient, paths
from wattswitch.errors import (
    ApiError,
    ApiUnreachable,
    Conflict,
    Forbidden,
    KubeconfigInvalid,
    NotFound,
    TooManyRequests,
)


async def test_an_answer_that_never_comes_ends_at_the_deadline() -> None:
    async def hang(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    async with answering(hang) as client:
        began = time.monotonic()
        with pytest.raises(ApiUnreachable, match=r"GET /api/v1/pods: no answer within 0.2 s"):
            await client.request("GET", "/api/v1/pods", timeout_seconds=0.2)
        assert time.monotonic() - began < 1.5


async def test_a_body_that_stops_half_way_ends_at_the_deadline() -> None:
    async def stall(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"{")
        await asyncio.sleep(30)
        return response

    async with answering(stall, timeout_seconds=0.2) as client:
        with pytest.raises(ApiUnreachable):
            await client.request("GET", "/api/v1/pods")


async def test_nobody_listening_is_unreachable() -> None:
    client = KubeClient(Configuration(host="http://127.0.0.1:9"))
    try:
        with pytest.raises(ApiUnreachable, match="GET /version"):
            await client.request("GET", "/version")
    finally:
        await client.close()


@pytest.mark.parametrize(
    ("status", "reason", "error"),
    [(403, "Forbidden", Forbidden), (404, "NotFound", NotFound), (409, "Conflict", Conflict), (500, "Boom", ApiError)],
)
async def test_refusals_carry_the_servers_words(status: int, reason: str, error: type[ApiError]) -> None:
    async def refuse(_: web.Request) -> web.StreamResponse:
        return failure(status, reason, "because")

    async with answering(refuse) as client:
        with pytest.raises(error) as caught:
            await client.request("GET", "/api/v1/pods")
    assert type(caught.value) is error
    assert (caught.value.status, caught.value.reason, caught.value.message) == (status, reason, "because")


async def test_a_plain_text_404_is_not_found_and_text_instead_of_json_is_refused() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(text="404 page not found", status=404 if "keda" in request.path else 200)

    async with answering(answer) as client:
        with pytest.raises(NotFound, match="page not found"):
            await client.request("GET", paths.collection("ScaledObject"))
        with pytest.raises(ApiError, match="not a JSON object"):
            await client.request("GET", "/api")


async def test_429_is_tried_again_after_the_wait_that_the_server_asked_for() -> None:
    asked_at: list[float] = []

    async def busy_once(_: web.Request) -> web.StreamResponse:
        asked_at.append(time.monotonic())
        if len(asked_at) == 1:
            return web.json_response({"reason": "TooManyRequests"}, status=429, headers={"Retry-After": "1"})
        return web.json_response({"done": True})

    async with answering(busy_once, timeout_seconds=5) as client:
        assert await client.request("PATCH", "/x", body={}) == {"done": True}
    assert asked_at[1] - asked_at[0] >= 1.0


async def test_429_beyond_the_deadline_is_told_at_once() -> None:
    async def busy(_: web.Request) -> web.StreamResponse:
        return web.json_response({"reason": "TooManyRequests"}, status=429, headers={"Retry-After": "7"})

    async with answering(busy, timeout_seconds=5) as client:
        began = time.monotonic()
        with pytest.raises(TooManyRequests) as caught:
            await client.request("GET", "/x")
    assert caught.value.retry_after == 7
    assert time.monotonic() - began < 2


async def test_429_is_told_at_once_where_the_caller_wants_no_second_try() -> None:
    calls: list[str] = []

    async def busy(request: web.Request) -> web.StreamResponse:
        calls.append(request.path)
        return web.json_response({"reason": "TooManyRequests"}, status=429, headers={"Retry-After": "0"})

    async with answering(busy, timeout_seconds=5) as client:
        with pytest.raises(TooManyRequests):
            await client.request("PATCH", "/x", body={}, retry_throttled=False)
    assert calls == ["/x"]


async def test_a_list_follows_every_page_and_fills_in_the_kind() -> None:
    queries: list[dict[str, str]] = []

    async def pages(request: web.Request) -> web.StreamResponse:
        queries.append(dict(request.query))
        start = int(request.query.get("continue", "0"))
        more = {"continue": str(start + 2)} if start < 4 else {}
        names = [{"metadata": {"name": f"n{i}"}} for i in range(start, min(start + 2, 5))]
        return web.json_response(
            {"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "77", **more}, "items": names}
        )

    async with answering(pages) as client:
        items, version = await client.list("/api/v1/pods", label_selector="a in (b,c)", page=2)
    assert version == "77"
    assert [item["metadata"]["name"] for item in items] == ["n0", "n1", "n2", "n3", "n4"]
    assert {(item["kind"], item["apiVersion"]) for item in items} == {("Pod", "v1")}
    assert queries[1] == {"limit": "2", "labelSelector": "a in (b,c)", "continue": "2"}
    assert "resourceVersion" not in queries[0]


async def test_a_snapshot_lost_between_pages_is_taken_anew() -> None:
    async def expiring(request: web.Request) -> web.StreamResponse:
        if "continue" in request.query:
            return failure(410, "Expired", "the provided continue parameter is too old")
        whole = request.query["limit"] == "0"
        metadata = {"resourceVersion": "9"} if whole else {"resourceVersion": "8", "continue": "c"}
        items = [{"metadata": {"name": "a"}}] + ([{"metadata": {"name": "b"}}] if whole else [])
        return web.json_response({"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": items})

    async with answering(expiring) as client:
        items, version = await client.list("/api/v1/pods", page=1)
    assert ([item["metadata"]["name"] for item in items], version) == (["a", "b"], "9")


async def test_names_stay_encoded_on_the_wire() -> None:
    seen: list[str] = []

    async def note(request: web.Request) -> web.StreamResponse:
        seen.append(request.raw_path)
        return web.json_response({})

    async with answering(note) as client:
        await client.request("GET", paths.item("Deployment", "a/b", "c%d e", "scale"), query={"q": "x=y&z"})
    assert seen == ["/apis/apps/v1/namespaces/a%2Fb/deployments/c%25d%20e/scale?q=x%3Dy%26z"]


def test_a_name_that_would_name_another_path_is_refused() -> None:
    for name in ("", ".", ".."):
        with pytest.raises(ValueError, match="not a name"):
            paths.item("Pod", "a", name)


def _kubeconfig(path: Path, host: str, token: str) -> str:
    document = {
        "clusters": [{"name": "c", "cluster": {"server": host}}],
        "users": [{"name": "u", "user": {"token": token}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path.write_text(yaml.safe_dump(document))
    return str(path)


async def test_new_credentials_are_read_after_a_401_and_no_token_is_ever_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def guard(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != "Bearer tok-new":
            return failure(401, "Unauthorized", "Unauthorized")
        return web.json_response({"ok": True})

    async with answering(guard) as unused:
        host = unused._configuration.host
        file = tmp_path / "config"
        client = await KubeClient.connect(_kubeconfig(file, host, "tok-old"))
        try:
            _kubeconfig(file, host, "tok-new")
            assert await asyncio.gather(*(client.request("GET", "/x") for _ in range(5))) == [{"ok": True}] * 5
            _kubeconfig(file, host, "tok-broken")
            client._configuration.api_key["BearerToken"] = "Bearer tok-broken"
            with pytest.raises(ApiError, match="401 Unauthorized"):
                await client.request("GET", "/x")
        finally:
            await client.close()
    assert "tok-" not in caplog.text


async def test_the_pods_token_file_is_read_again(tmp_path: Path) -> None:
    from kubernetes.aio.config import incluster_config

    token, ca = tmp_path / "token", tmp_path / "ca.crt"
    token.write_text("first")
    ca.write_text("unused")
    configuration = Configuration()
    loader = incluster_config.InClusterConfigLoader(  # type: ignore[no-untyped-call]
        token_filename=str(token),
        cert_filename=str(ca),
        environ={"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"},
    )
    loader.load_and_set(configuration)  # type: ignore[no-untyped-call]
    loader.token_expires_at = loader.token_expires_at.replace(year=2000)
    seen: list[str | None] = []

    async def note(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers.get("Authorization"))
        return web.json_response({})

    async with answering(note) as client:
        configuration.ssl_ca_cert = None
        loader.host = client._configuration.host
        client._configuration = configuration
        configuration.host = loader.host
        token.write_text("second")
        await client.request("GET", "/x")
        await client.request("GET", "/x")
        token.write_text("")
        loader.token_expires_at = loader.token_expires_at.replace(year=2000)
        with pytest.raises(ApiUnreachable, match="no usable credentials"):
            await client.request("GET", "/x")
    assert [text.lower() for text in seen if text][-1] == "bearer second"


@pytest.mark.parametrize("content", [None, "{", "token: tok-1\n", json.dumps({"clusters": []})])
async def test_an_unusable_kubeconfig_is_named_without_its_content(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "config"
    if content is not None:
        file.write_text(content)
    with pytest.raises(KubeconfigInvalid) as caught:
        await KubeClient.connect(str(file))
    assert str(file) in str(caught.value)
    assert "tok-1" not in str(caught.value)


async def test_without_a_kubeconfig_or_a_pod_the_message_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(KubeconfigInvalid, match="--kubeconfig"):
        await KubeClient.connect()
