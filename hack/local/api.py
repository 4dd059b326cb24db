"""A bare client of the Kubernetes API on the standard library: for preparing clusters, and for the demo's monitor.

It shares nothing with the operator.
"""

import base64
import contextlib
import http.client
import json
import ssl
import tempfile
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

TIMEOUT_SECONDS = 30.0
MESSAGE_CHARACTERS = 500
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


class ApiError(Exception):
    """The API server refused a request."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


@dataclass(frozen=True)
class Access:
    """Where an API server is and how to enter. `trust` is None where it is spoken to in the clear."""

    server: str
    headers: Mapping[str, str]
    trust: ssl.SSLContext | None

    @classmethod
    def with_token(cls, server: str, token: str, ca_file: Path) -> Self:
        """Enter with a token."""
        return cls(server, _bearer(token), _trust(str(ca_file), None))

    @classmethod
    def from_kubeconfig(cls, path: Path) -> Self:
        """Enter as the current context of a kubeconfig says, in JSON or YAML with a token or a client certificate."""
        config = _parsed(path.read_text())
        context = _named(config["contexts"], config["current-context"])["context"]
        cluster = _named(config["clusters"], context["cluster"])["cluster"]
        user = _named(config["users"], context["user"])["user"]
        headers = _bearer(user["token"]) if "token" in user else {}
        trust = _mutual_trust(cluster, user) if cluster["server"].startswith("https") else None
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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def get(self, path: str) -> Any:
        """Return the decoded answer."""
        return json.loads(self._request("GET", path))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Create an object and return it as stored."""
        return json.loads(self._request("POST", path, body))

    def remove(self, path: str) -> None:
        """Delete an object; what it owns follows in the background."""
        self._request("DELETE", path + "?propagationPolicy=Background")

    def merge(self, path: str, patch: dict[str, Any], manager: str) -> Any:
        """Merge a patch into an object or its subresource in the name of a field manager."""
        return json.loads(self._request("PATCH", f"{path}?fieldManager={manager}", patch, MERGE_PATCH))

    def apply(self, path: str, manifest: dict[str, Any], manager: str) -> Any:
        """Apply a manifest on the server's side, taking over fields that others own."""
        return json.loads(self._request("PATCH", f"{path}?fieldManager={manager}&force=true", manifest, APPLY_PATCH))

    def is_ready(self) -> bool:
        """Tell whether the server answers and calls itself ready."""
        try:
            self._request("GET", "/readyz")
        except (ApiError, OSError, http.client.HTTPException):
            self._connection.close()
            return False
        return True

    def _request(self, method: str, path: str, body: dict[str, Any] | None = None, content_type: str = JSON) -> bytes:
        headers = {**self._access.headers, "Content-Type": content_type, "Accept": JSON}
        text = None if body is None else json.dumps(body)
        try:
            self._connection.request(method, path, text, headers)
            answer = self._connection.getresponse()
        except (ConnectionError, http.client.HTTPException):  # the server closed an idle connection
            self._connection.close()
            self._connection.request(method, path, text, headers)
            answer = self._connection.getresponse()
        return content(answer)


class Api(ApiServer):
    """The same, entered with a token."""

    def __init__(self, server: str, token: str, ca_file: Path) -> None:
        super().__init__(Access.with_token(server, token, ca_file))
        self._token = token


def content(answer: http.client.HTTPResponse) -> bytes:
    """Read an answer to its end. Raises ApiError with what the server says where it refuses."""
    read = answer.read()
    if answer.status < http.HTTPStatus.BAD_REQUEST:
        return read
    message = read.decode(errors="replace")[:MESSAGE_CHARACTERS]
    with contextlib.suppress(ValueError, KeyError, TypeError):
        message = json.loads(read)["message"]
    raise ApiError(answer.status, message)


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        import yaml

        return yaml.safe_load(text)


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["name"] == name)


def _trust(ca_file: str | None, ca_data: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file, cadata=ca_data)
    # The certificate that kube-apiserver makes for itself has no key identifiers, which strict checking wants.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _mutual_trust(cluster: dict[str, Any], user: dict[str, Any]) -> ssl.SSLContext:
    authority = cluster.get("certificate-authority-data")
    ca_data = base64.b64decode(authority).decode() if authority else None
    context = _trust(cluster.get("certificate-authority"), ca_data)
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
