"""Watches one collection of the API server."""

import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any

from local.api import TIMEOUT_SECONDS, Access, content

WATCH_SECONDS = 240


class ExpiredError(Exception):
    """A watch cannot go on from where it was: list again."""


def watch(access: Access, path: str, resource_version: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (type, object) as changes come, and return when the server ends the stream.

    Raises ExpiredError where the version is too old, ApiError where the server refuses, OSError and
    http.client.HTTPException where the stream breaks.
    """
    connection = access.connect(WATCH_SECONDS + TIMEOUT_SECONDS)
    query = f"?watch=1&resourceVersion={resource_version}&timeoutSeconds={WATCH_SECONDS}&allowWatchBookmarks=true"
    try:
        connection.request("GET", path + query, headers=dict(access.headers))
        if connection.sock:
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answer = connection.getresponse()
        if answer.status == http.HTTPStatus.GONE:
            raise ExpiredError(path)
        if answer.status != http.HTTPStatus.OK:
            content(answer)
        for line in answer:
            event = json.loads(line)
            if event["type"] == "ERROR":
                raise ExpiredError(event["object"].get("message", path))
            yield event["type"], event["object"]
    finally:
        connection.close()
