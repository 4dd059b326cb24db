"""A number in a JSON document behind a URL: one request, one address, one deadline, nothing followed."""

import socket
from collections.abc import Callable, Mapping
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from wattswitch.api.curve import HttpCurve
from wattswitch.api.source import HttpJson
from wattswitch.feeds.access import Access, Granted
from wattswitch.feeds.addresses import check_addresses, resolve
from wattswitch.feeds.body import BODY_LIMIT_BYTES, Body, check_status
from wattswitch.feeds.document import find, parse_document, parse_path
from wattswitch.feeds.lane import Lane
from wattswitch.feeds.numeric import read_number, read_unix_seconds
from wattswitch.feeds.reading import WHOLE, Key, Problem, Reading, Refused

PIECE_BYTES: Final = 16 * 1024

_AddrInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[object, ...]]


class HttpSource:
    """Takes the number at `path` out of a JSON document, with its time at `timePath` if there is one."""

    def __init__(
        self,
        name: str,
        spec: HttpJson,
        now: Callable[[], float],
        *,
        allow_private: bool = True,
        limit: int = BODY_LIMIT_BYTES,
    ) -> None:
        self.name = name
        self._spec = spec
        self._now = now
        self._request = HttpRequest(name, spec, allow_private=allow_private, limit=limit)

    async def fetch(self) -> Mapping[Key, Reading]:
        """The number and its time. Raises Refused."""
        path = parse_path(self._spec.path)
        asked_at = self._now()
        document = parse_document(await self._request.ask())
        at = asked_at
        if self._spec.time_path is not None:
            at = read_unix_seconds(find(document, parse_path(self._spec.time_path)))
        return {WHOLE: Reading(read_number(find(document, path)), at, asked_at, self.name)}


class HttpRequest:
    """Asks for one document, again and again.

    Each time opens a connection of its own and closes it. The caller bounds its time by cancelling.
    """

    def __init__(self, name: str, spec: HttpJson | HttpCurve, *, allow_private: bool, limit: int) -> None:
        self._url = spec.url
        self._allow_private = allow_private
        self._limit = limit
        self._lane = Lane(f"feed-{name}")
        self._access = Access(spec.url, spec.credentials, spec.ca_file)

    async def ask(self) -> bytes:
        """The body of the answer. Raises Refused."""
        return await self._ask(await self._lane.run(self._access.grant))

    async def _ask(self, granted: Granted) -> bytes:
        try:
            async with self._session(granted) as session:
                return await self._get(session)
        except aiohttp.ClientSSLError:
            raise Refused(Problem.TLS_FAILED, "the server's certificate or TLS is not trusted: see caFile") from None
        except aiohttp.InvalidURL:
            raise Refused(Problem.ADDRESS_DENIED, "the url names no host that may be connected to") from None
        except aiohttp.ClientResponseError:
            raise Refused(Problem.NOT_HTTP, "the answer is no HTTP") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Refused(Problem.UNREACHABLE, f"no connection, or it broke ({type(error).__name__})") from None

    async def _get(self, session: aiohttp.ClientSession) -> bytes:
        async with session.get(URL(self._url), allow_redirects=False) as answer:
            check_status(answer.status)
            headers = answer.headers
            body = Body(headers.get("Content-Encoding", ""), headers.get("Content-Length", ""), self._limit)
            async for piece in answer.content.iter_chunked(PIECE_BYTES):
                body.add(piece)
            return body.whole()

    def _session(self, granted: Granted) -> aiohttp.ClientSession:
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "wattswitch"}
        if granted.authorization is not None:
            headers["Authorization"] = granted.authorization
        connector = aiohttp.TCPConnector(
            resolver=_CheckedResolver(self._lane, allow_private=self._allow_private),
            socket_factory=self._open_socket,
            use_dns_cache=False,
            force_close=True,
            ssl=granted.tls if granted.tls is not None else True,
        )
        return aiohttp.ClientSession(
            connector=connector,
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        )

    def _open_socket(self, address: _AddrInfo) -> socket.socket:
        """A socket for the very address that is about to be connected to: the last check, which no name can evade."""
        family, kind, protocol, _, target = address
        check_addresses([str(target[0])], allow_private=self._allow_private)
        return socket.socket(family, kind, protocol)


class _CheckedResolver(AbstractResolver):
    """DNS on the source's own thread; a name with one denied address is denied as a whole."""

    def __init__(self, lane: Lane, *, allow_private: bool) -> None:
        self._lane = lane
        self._allow_private = allow_private

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Addresses of the host. Raises Refused."""
        found = await self._lane.run(lambda: resolve(host, port, family, allow_private=self._allow_private))
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST)
            for kind, address, port in found
        ]

    async def close(self) -> None:
        """Nothing is held."""
