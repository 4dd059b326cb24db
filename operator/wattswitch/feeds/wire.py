"""Requests sessions that connect to checked addresses only, follow nothing, and can be cut off from outside.

`prometheus-api-client` brings requests, whose time-outs bound each read and not the whole: a server that sends a byte
a second holds its thread for hours. Here every socket is known, and `cut` ends whatever the thread waits for.
"""

import contextlib
import socket
import ssl
import threading
from collections.abc import Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import Retry, Timeout

from wattswitch.feeds.addresses import resolve
from wattswitch.feeds.body import Body, check_status
from wattswitch.feeds.reading import Problem, Refused

PIECE_BYTES: Final = 16 * 1024


class Wire:
    """The sockets of one fetch. `cut` may be called from any thread, at any time, and more than once."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._lock = threading.Lock()
        self._is_cut = False
        self._sockets: list[socket.socket] = []

    def connect(self, host: str, port: int, timeout: float | None) -> socket.socket:
        """A TCP connection to the first checked address that answers. Raises Refused."""
        failure = Refused(Problem.UNREACHABLE, "no address of the host answers")
        for family, address, number in resolve(host, port, socket.AF_UNSPEC, allow_private=self._allow_private):
            link = socket.socket(family, socket.SOCK_STREAM)
            try:
                link.settimeout(timeout)
                self._keep(link)
                link.connect((address, number))
            except TimeoutError:
                link.close()
                failure = Refused(Problem.TIMED_OUT, "no connection in time")
            except OSError as error:
                link.close()
                failure = Refused(Problem.UNREACHABLE, f"no connection ({type(error).__name__})")
            else:
                return link
        raise failure

    def cut(self) -> None:
        """Break every connection, and refuse any further one."""
        with self._lock:
            self._is_cut = True
            for held in self._sockets:
                with contextlib.suppress(OSError):
                    held.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the sockets; called by the thread that opened them."""
        with self._lock:
            for held in self._sockets:
                held.close()
            self._sockets.clear()

    def _keep(self, link: socket.socket) -> None:
        """Hold a second handle of the socket: TLS takes the first one over."""
        with self._lock:
            if self._is_cut:
                raise OSError("cut off")
            self._sockets.append(link.dup())


class WireSession(requests.Session):
    """A session for one URL: no redirects, no proxies, no environment, bodies within a limit, TLS always verified."""

    def __init__(self, url: str, wire: Wire, tls: ssl.SSLContext | None, limit: int) -> None:
        super().__init__()
        self.trust_env = False
        self._limit = limit
        self._adapter = _WireAdapter(url, wire, tls)

    def get_adapter(self, url: str | bytes) -> HTTPAdapter:
        """Always the wire's own: what others mount is not used."""
        return self._adapter

    def close(self) -> None:
        """Close the connections."""
        self._adapter.close()
        super().close()

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: requests reads the whole body of an answer that leads on, even where it may not follow."""

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """As requests does it, with the body read. Raises Refused where the status is not 200 or the body too large."""
        answer = super().request(*args, **{**kwargs, "allow_redirects": False, "stream": True})
        with answer:
            check_status(answer.status_code)
            # requests has no public way to bound a body.
            answer._content = _read(answer, self._limit)
            answer._content_consumed = True
        return answer


class _WireAdapter(HTTPAdapter):
    """One pool with one connection, made by the wire."""

    def __init__(self, url: str, wire: Wire, tls: ssl.SSLContext | None) -> None:
        super().__init__(max_retries=Retry(total=0))
        parts = urlsplit(url)
        host = parts.hostname or ""
        if tls is None:
            self._pool = HTTPConnectionPool(host, parts.port or 80, maxsize=1)
            self._pool.ConnectionCls = partial(_PlainConnection, wire)  # type: ignore[assignment]
        else:
            self._pool = HTTPSConnectionPool(host, parts.port or 443, maxsize=1, ssl_context=tls)
            self._pool.ConnectionCls = partial(_TlsConnection, wire)  # type: ignore[assignment]

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> HTTPConnectionPool:
        return self._pool

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        """Left to the pool's own TLS settings, which always verify."""

    def close(self) -> None:
        self._pool.close()
        super().close()


class _PlainConnection(HTTPConnection):
    def __init__(self, wire: Wire, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._wire = wire

    def _new_conn(self) -> socket.socket:
        return self._wire.connect(self._dns_host, self.port or self.default_port, _seconds(self.timeout))


class _TlsConnection(HTTPSConnection):
    def __init__(self, wire: Wire, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._wire = wire

    def _new_conn(self) -> socket.socket:
        return self._wire.connect(self._dns_host, self.port or self.default_port, _seconds(self.timeout))


def _seconds(timeout: Any) -> float | None:
    seconds = Timeout.resolve_default_timeout(timeout)
    return float(seconds) if seconds is not None else None


def _read(answer: requests.Response, limit: int) -> bytes:
    headers: Mapping[str, str] = answer.headers
    body = Body(headers.get("Content-Encoding", ""), headers.get("Content-Length", ""), limit)
    for piece in answer.raw.stream(PIECE_BYTES, decode_content=False):
        body.add(piece)
    return body.whole()
