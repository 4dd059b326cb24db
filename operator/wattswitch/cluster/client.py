"""Raw JSON to and from the API server, with a deadline on every call and no model decoding.

Guarantee: a call ends before its deadline with an answer, an `ApiError` or `ApiUnreachable`; nothing here logs.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.client.rest import RESTClientObject
from kubernetes.aio.config import ConfigException
from yarl import URL

from wattswitch import __version__
from wattswitch.cluster.credentials import load_configuration
from wattswitch.errors import (
    ApiError,
    ApiUnreachable,
    Conflict,
    Forbidden,
    KubeconfigInvalid,
    NotFound,
    TooManyRequests,
)

Objects = list[dict[str, Any]]
"""Objects as the API server sent them."""

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"

_SPARE_CONNECTIONS = 32
"""Beside the scale writes: so that a Lease, a ledger or a list never waits behind writes that hang."""

_RELOAD_SECONDS = 10.0
"""The least time between two reloads of credentials after a 401."""


class KubeClient:
    """One connection pool to one API server; build it with `connect`, end it with `close`."""

    def __init__(
        self,
        configuration: Configuration,
        *,
        kubeconfig: str | None = None,
        concurrency: int = 32,
        request_timeout_seconds: float = 5.0,
    ) -> None:
        self.concurrency = concurrency
        self.request_timeout_seconds = request_timeout_seconds
        self._kubeconfig = kubeconfig
        self._configuration = self._sized(configuration)
        self._rest = RESTClientObject(self._configuration)
        self._reload_lock = asyncio.Lock()
        self._reloaded_at = -_RELOAD_SECONDS

    @classmethod
    async def connect(
        cls, kubeconfig: str | None = None, concurrency: int = 32, request_timeout_seconds: float = 5.0
    ) -> Self:
        """Find the cluster and its credentials; no request is made yet.

        `kubeconfig` is a path, None means $KUBECONFIG, then ~/.kube/config, then the pod's service account.
        Raises KubeconfigInvalid.
        """
        configuration = await load_configuration(kubeconfig)
        return cls(
            configuration,
            kubeconfig=kubeconfig,
            concurrency=concurrency,
            request_timeout_seconds=request_timeout_seconds,
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._rest.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        timeout_seconds: float | None = None,
        retry_throttled: bool = True,
    ) -> dict[str, Any]:
        """One call, its JSON answer as it came.

        `path` is percent-encoded already (`paths`). A 429 is tried again after the server's Retry-After where that
        is before the deadline and `retry_throttled`; what may be out of date by then should not be. Raises ApiError
        or one of its children, and ApiUnreachable.
        """
        deadline_seconds = self.request_timeout_seconds if timeout_seconds is None else timeout_seconds
        target = f"{path}?{urlencode(query)}" if query else path
        try:
            async with asyncio.timeout(deadline_seconds):
                patience_seconds = deadline_seconds if retry_throttled else 0.0
                return await self._answered(method, target, body, content_type, patience_seconds)
        except TimeoutError:
            msg = f"{method} {path}: no answer within {deadline_seconds:g} s"
            raise ApiUnreachable(msg) from None
        except (aiohttp.ClientError, OSError) as problem:
            msg = f"{method} {path}: {type(problem).__name__}: {problem}"
            raise ApiUnreachable(msg) from problem
        except ConfigException as problem:
            # Such as a token file that is just being replaced. Not quoted: it may repeat what a plugin printed.
            msg = f"{method} {path}: no usable credentials at the moment ({type(problem).__name__})"
            raise ApiUnreachable(msg) from None

    async def list(
        self,
        path: str,
        *,
        label_selector: str | None = None,
        field_selector: str | None = None,
        page: int = 500,
        keep: Callable[[dict[str, Any]], dict[str, Any]] = lambda item: item,
    ) -> tuple[Objects, str]:
        """Every object of a collection and the list's resourceVersion: one consistent, current snapshot.

        Items are the server's own dicts with `apiVersion` and `kind` filled in, or what `keep` makes of each as its
        page comes, so that a long list never stands in memory whole. The deadline holds for each page.
        """
        query = {"limit": str(page)}
        if label_selector:
            query["labelSelector"] = label_selector
        if field_selector:
            query["fieldSelector"] = field_selector
        try:
            return await self._pages(path, query, keep)
        except ApiError as problem:
            if problem.status != HTTPStatus.GONE:
                raise
            # The snapshot behind the continue token was compacted while it was read: take a new one, whole.
            return await self._pages(path, {**query, "limit": "0"}, keep)

    async def _pages(
        self, path: str, query: dict[str, str], keep: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> tuple[Objects, str]:
        items: Objects = []
        query = dict(query)
        while True:
            answer = await self.request("GET", path, query=query)
            kind, api_version = str(answer.get("kind", "")).removesuffix("List"), answer.get("apiVersion", "")
            for item in answer.get("items") or ():
                item.setdefault("kind", kind)
                item.setdefault("apiVersion", api_version)
                items.append(keep(item))
            metadata = answer.get("metadata") or {}
            if not metadata.get("continue"):
                return items, str(metadata.get("resourceVersion", ""))
            query["continue"] = metadata["continue"]

    async def _answered(
        self, method: str, target: str, body: Any, content_type: str, patience_seconds: float
    ) -> dict[str, Any]:
        """Ask until there is an answer other than a 429 that may be waited for, or a 401 that new credentials mend."""
        ends_at = time.monotonic() + patience_seconds
        renewed = False
        while True:
            asked_at = time.monotonic()
            try:
                return await self._once(method, target, body, content_type)
            except TooManyRequests as problem:
                if time.monotonic() + problem.retry_after >= ends_at:
                    raise
                await asyncio.sleep(problem.retry_after)
            except ApiError as problem:
                if problem.status != HTTPStatus.UNAUTHORIZED or renewed or not await self._reload(asked_at):
                    raise
                renewed = True

    async def _once(self, method: str, target: str, body: Any, content_type: str) -> dict[str, Any]:
        headers = {
            "Accept": "application/json",
            "Content-Type": content_type,
            "User-Agent": f"wattswitch/{__version__}",
        }
        settings: Mapping[str, Any] = await self._configuration.auth_settings()
        headers |= {setting["key"]: setting["value"] for setting in settings.values()}
        try:
            response = await self._rest.request(  # type: ignore[no-untyped-call]
                method,
                URL(self._configuration.host + target, encoded=True),
                headers=headers,
                body=body,
                _request_timeout=aiohttp.ClientTimeout(total=None),  # the caller's deadline is the only one
            )
        except ApiException as problem:
            raise ApiError(0, "BadRequest", str(problem.reason)) from None
        raw = await response.read()
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise refusal(response.status, response.reason or "", raw, response.headers)
        return _document(response.status, raw)

    async def _reload(self, asked_at: float) -> bool:
        """Read the credentials again after a 401; True when the call is worth repeating."""
        async with self._reload_lock:
            if self._reloaded_at >= asked_at:
                return True
            if asked_at - self._reloaded_at < _RELOAD_SECONDS:
                return False
            self._reloaded_at = time.monotonic()
            try:
                fresh = self._sized(await load_configuration(self._kubeconfig))
            except KubeconfigInvalid:
                return False
            stale, self._configuration, self._rest = self._rest, fresh, RESTClientObject(fresh)
            await stale.close()
            return True

    def _sized(self, configuration: Configuration) -> Configuration:
        configuration.connection_pool_maxsize = self.concurrency + _SPARE_CONNECTIONS
        configuration.retries = None
        return configuration


def refusal(status: int, reason: str, raw: bytes, headers: Mapping[str, str]) -> ApiError:
    """The error that an HTTP answer stands for; the text is the server's `Status` object where it sent one."""
    document: dict[str, Any] = {}
    try:
        parsed = json.loads(raw)
        document = parsed if isinstance(parsed, dict) else {}
    except ValueError:
        pass
    word = str(document.get("reason") or reason.replace(" ", "") or status)
    message = str(document.get("message") or raw[:200].decode(errors="replace").strip() or word)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return TooManyRequests(status, word, message, _retry_after(headers))
    causes = tuple(
        str(cause.get("field") or cause.get("reason")) for cause in (document.get("details") or {}).get("causes") or ()
    )
    return _CLASSES.get(status, ApiError)(status, word, message, causes)


_CLASSES: dict[int, type[ApiError]] = {
    HTTPStatus.FORBIDDEN: Forbidden,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.CONFLICT: Conflict,
}


def refused_by_test(problem: ApiError) -> bool:
    """Whether a JSON Patch was refused by one of its own tests, or for want of a parent to add to.

    Such a 422 names no field; an invalid value is a 422 that names one.
    """
    return problem.status == HTTPStatus.UNPROCESSABLE_ENTITY and not problem.causes


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds to wait; the API server sends whole seconds, anything else counts as one."""
    text = headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else 1.0


def _document(status: int, raw: bytes) -> dict[str, Any]:
    """The answer as a JSON object; anything else does not come from an API server."""
    try:
        parsed = json.loads(raw)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise ApiError(status, "NotJSON", "the answer is not a JSON object: is this address an API server?")
    return parsed
