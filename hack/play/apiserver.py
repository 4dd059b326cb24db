"""A bare client of the Kubernetes API on the standard library, so that the monitor shares nothing with the operator."""

import base64
import contextlib
import http.client
import json
import socket
import ssl
import tempfile
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

TIMEOUT_SECONDS = 30.0
WATCH_SECONDS = 240
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


class RefusedError(Exception):
    """The API server refused a request."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class ExpiredError(Exception):
    """A watch cannot go on from where it was: list again."""


@dataclass(frozen=True)
class Access:
    """Where the API server is and how to enter: what a kubeconfig's current context says."""

    server: str
    headers: dict[str, str]
    trust: ssl.SSLContext | None

    @classmethod
    def from_kubeconfig(cls, path: Path) -> Self:
        """Read a kubeconfig in JSON or YAML with a token or a client certificate in it."""
        config = _parsed(path.read_text())
        context = _named(config["contexts"], config["current-context"])["context"]
        cluster = _named(config["clusters"], context["cluster"])["cluster"]
        user = _named(config["users"], context["user"])["user"]
        headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
        trust = _trust(cluster, user) if cluster["server"].startswith("https") else None
        return cls(cluster["server"], headers, trust)

    def connect(self, timeout_seconds: float) -> http.client.HTTPConnection:
        """Prepare a connection; it opens with the first request."""
        address = urllib.parse.urlsplit(self.server)
        host = address.hostname or ""
        if self.trust is None:
            return http.client.HTTPConnection(host, address.port, timeout=timeout_seconds)
        return http.client.HTTPSConnection(host, address.port, timeout=timeout_seconds, context=self.trust)


class ApiServer:
    """One connection, kept open; give each thread its own."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._connection = access.connect(TIMEOUT_SECONDS)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def get(self, path: str) -> Any:
        """Return the decoded answer."""
        return self._request("GET", path)

    def delete(self, path: str) -> Any:
        """Delete an object; what it owns follows in the background."""
        return self._request("DELETE", path + "?propagationPolicy=Background")

    def merge(self, path: str, patch: dict[str, Any], manager: str) -> Any:
        """Merge a patch into an object or its subresource in the name of a field manager."""
        return self._request("PATCH", f"{path}?fieldManager={manager}", patch, MERGE_PATCH)

    def apply(self, path: str, manifest: dict[str, Any], manager: str) -> Any:
        """Apply a manifest on the server's side, taking over fields that others own."""
        return self._request("PATCH", f"{path}?fieldManager={manager}&force=true", manifest, APPLY_PATCH)

    def _request(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
        headers = {**self._access.headers, "Content-Type": content_type, "Accept": "application/json"}
        text = None if body is None else json.dumps(body)
        try:
            self._connection.request(method, path, text, headers)
            answer = self._connection.getresponse()
        except (ConnectionError, http.client.HTTPException):  # the server closed an idle connection
            self._connection.close()
            self._connection.request(method, path, text, headers)
            answer = self._connection.getresponse()
        return _decoded(answer)


def watch(access: Access, path: str, resource_version: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (type, object) as changes come, and return when the server ends the stream.

    Raises ExpiredError where the version is too old, OSError and http.client.HTTPException where the stream breaks.
    """
    connection = access.connect(WATCH_SECONDS + TIMEOUT_SECONDS)
    query = f"?watch=1&resourceVersion={resource_version}&timeoutSeconds={WATCH_SECONDS}&allowWatchBookmarks=true"
    try:
        connection.request("GET", path + query, headers=access.headers)
        if connection.sock:
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answer = connection.getresponse()
        if answer.status == http.HTTPStatus.GONE:
            raise ExpiredError(path)
        if answer.status != http.HTTPStatus.OK:
            _decoded(answer)
        for line in answer:
            event = json.loads(line)
            if event["type"] == "ERROR":
                raise ExpiredError(event["object"].get("message", path))
            yield event["type"], event["object"]
    finally:
        connection.close()


def _decoded(answer: http.client.HTTPResponse) -> Any:
    content = answer.read()
    if answer.status >= http.HTTPStatus.BAD_REQUEST:
        message = content.decode(errors="replace")[:500]
        with contextlib.suppress(ValueError, KeyError, TypeError):
            message = json.loads(content)["message"]
        raise RefusedError(answer.status, message)
    return json.loads(content)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        import yaml

        return yaml.safe_load(text)


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["name"] == name)


def _trust(cluster: dict[str, Any], user: dict[str, Any]) -> ssl.SSLContext:
    authority = cluster.get("certificate-authority-data")
    context = ssl.create_default_context(
        cafile=cluster.get("certificate-authority"),
        cadata=base64.b64decode(authority).decode() if authority else None,
    )
    # The certificate that kube-apiserver makes for itself has no key identifiers, which strict checking wants.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if "client-certificate" in user:
        context.load_cert_chain(user["client-certificate"], user["client-key"])
    elif "client-certificate-data" in user:
        _load_pair(context, user["client-certificate-data"], user["client-key-data"])
    return context


def _load_pair(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Load a certificate and its key, which the ssl module only takes from files."""
    with tempfile.TemporaryDirectory() as folder:
        pair = Path(folder) / "pair.pem"
        pair.touch(mode=0o600)
        pair.write_bytes(base64.b64decode(certificate) + b"\n" + base64.b64decode(key))
        context.load_cert_chain(pair)
