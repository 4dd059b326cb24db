"""HTTP to a peer, bounded: no redirect is followed, no answer is held beyond a limit, no proxy of the environment."""

import socket
import ssl
from email.utils import parsedate_to_datetime
from typing import Any, Final

import aiohttp

from wattswitch.bridges.asked import Reason, Refused
from wattswitch.feeds.addresses import check_addresses
from wattswitch.feeds.document import parse_document
from wattswitch.feeds.reading import Refused as FeedRefused

ANSWER_LIMIT_BYTES: Final = 4 * 1024 * 1024
"""The most that one answer may have, after decompression."""

TIMEOUT_SECONDS: Final = 15.0

_AddrInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[object, ...]]


class BoundedResponse(aiohttp.ClientResponse):
    """An answer that refuses to be a redirect or larger than the limit. Its body and its errors are never logged."""

    async def start(self, connection: Any) -> "BoundedResponse":
        """Read the head. Raises Refused."""
        await super().start(connection)
        if 300 <= self.status < 400:
            raise Refused(Reason.REDIRECTED, f"HTTP {self.status}: redirects are not followed, configure the final URL")
        return self

    async def read(self) -> bytes:
        """The body. Raises Refused."""
        if self._body is None:
            body = bytearray()
            async for piece in self.content.iter_chunked(64 * 1024):
                body += piece
                if len(body) > ANSWER_LIMIT_BYTES:
                    self.close()
                    raise Refused(Reason.TOO_LARGE, f"the answer has more than {ANSWER_LIMIT_BYTES} bytes")
            self._body = bytes(body)
            self.release()
        return self._body


class PeerClock:
    """The newest time that a peer gave its answers, by its Date header; None where it gave none."""

    def __init__(self) -> None:
        self.at: float | None = None

    def trace(self) -> aiohttp.TraceConfig:
        """What a session needs to keep it up to date."""
        config = aiohttp.TraceConfig()
        config.on_request_end.append(self._note)
        return config

    async def _note(self, _session: aiohttp.ClientSession, _context: Any, end: aiohttp.TraceRequestEndParams) -> None:
        # Only what was answered well: a gateway's error page has a time too, and it is not the peer's.
        at = date_of(end.response.headers.get("Date", "")) if end.response.status in (200, 201) else None
        if at is not None:
            self.at = at


def date_of(text: str) -> float | None:
    """An HTTP date as Unix seconds; None where it is none."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def open_session(
    *, tls: ssl.SSLContext | None = None, clock: PeerClock | None = None, headers: dict[str, str] | None = None
) -> aiohttp.ClientSession:
    """A session for one peer; close it. Certificates are always verified."""
    connector = aiohttp.TCPConnector(
        resolver=aiohttp.ThreadedResolver(), socket_factory=_open_socket, limit=4, ssl=tls if tls is not None else True
    )
    return aiohttp.ClientSession(
        connector=connector,
        headers={"User-Agent": "wattswitch", **(headers or {})},
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
        response_class=BoundedResponse,
        trace_configs=[clock.trace()] if clock is not None else [],
    )


def read_json(body: bytes) -> Any:
    """A JSON document. Raises Refused."""
    try:
        return parse_document(body)
    except FeedRefused as refusal:
        raise Refused(Reason.NOT_JSON, refusal.message) from None


def _open_socket(address: _AddrInfo) -> socket.socket:
    family, kind, protocol, _, target = address
    try:
        check_addresses([str(target[0])], allow_private=True)
    except FeedRefused as refusal:
        raise OSError(refusal.message) from None
    return socket.socket(family, kind, protocol)
