"""A bare client of one API server, for preparing a cluster; standard library only."""

import http.client
import json
import ssl
import urllib.parse
from pathlib import Path
from typing import Any, Self

TIMEOUT_SECONDS = 30.0


class ApiError(Exception):
    """The API server refused a request."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Api:
    """One connection, kept open; give each thread its own."""

    def __init__(self, server: str, token: str, ca_file: Path) -> None:
        address = urllib.parse.urlsplit(server)
        self._token = token
        self._connection = http.client.HTTPSConnection(
            address.hostname or "", address.port, timeout=TIMEOUT_SECONDS, context=_trust(ca_file)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def get(self, path: str) -> Any:
        """Return the decoded answer."""
        return json.loads(self._request("GET", path))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Create an object and return it as stored."""
        return json.loads(self._request("POST", path, body))

    def is_ready(self) -> bool:
        """Tell whether the server answers and calls itself ready."""
        try:
            self._request("GET", "/readyz")
        except (ApiError, OSError, http.client.HTTPException):
            self._connection.close()
            return False
        return True

    def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> bytes:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        self._connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise ApiError(answer.status, content.decode(errors="replace")[:500])
        return content


def _trust(ca_file: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(ca_file))
    # The certificate that kube-apiserver makes for itself has no key identifiers, which strict checking wants.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
