"""Requests to an OpenADR 3 VTN: token, programs, events, reports, VENs; an answer is bounded and complete or refused.

The token is fetched by toadr3. Its event model is not used: it reads 3.0 only, and one event that it can't read would
cost the whole list. Neither token nor secret nor any body is ever logged or put into a message.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

import aiohttp
import toadr3

from wattswitch.bridges.asked import Reason, Refused
from wattswitch.bridges.secret import read_secret
from wattswitch.bridges.session import read_json

PAGE: Final = 50
MAX_PAGES: Final = 200

Query = Mapping[str, str | list[str]]
"""What is asked for; a list gives its name several times."""

_AUTHORIZATION_GONE: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


class VtnClient:
    """One VTN. `token_url` None means that it asks for no token."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        token_url: str | None,
        client_id_file: str,
        client_secret_file: str,
        scope: str,
    ) -> None:
        self._session = session
        self._url = url.rstrip("/")
        self._token_url = token_url
        self._files = (client_id_file, client_secret_file)
        self._scope = scope
        self._token: toadr3.AccessToken | None = None

    async def every(self, path: str, query: Query | None = None) -> list[Any]:
        """Every object of a collection. Raises Refused: a list that is not whole is none."""
        found: list[Any] = []
        for page in range(MAX_PAGES):
            window: Query = {"skip": str(page * PAGE), "limit": str(PAGE)}
            answer = await self._ask("GET", path, query={**(query or {}), **window})
            if not isinstance(answer, list) or len(answer) > PAGE:
                raise Refused(Reason.INCOMPLETE, f"{path}: the answer is no list of at most {PAGE}")
            found += answer
            if len(answer) < PAGE:
                return found
        raise Refused(Reason.INCOMPLETE, f"{path}: more than {MAX_PAGES * PAGE} objects")

    async def create(self, path: str, body: Mapping[str, Any]) -> None:
        """Create an object; one that is there already is no error. Raises Refused."""
        await self._ask("POST", path, body=json.dumps(body), accepted=(HTTPStatus.CONFLICT,))

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: str | None = None,
        accepted: tuple[int, ...] = (),
    ) -> Any:
        async def once() -> tuple[int, bytes]:
            headers = {"Accept": "application/json", **await self._authorization()}
            if body is not None:
                headers["Content-Type"] = "application/json"
            url = f"{self._url}{path}"
            async with self._session.request(method, url, params=query, headers=headers, data=body) as answer:
                return answer.status, await answer.read()

        status, content = await bounded(path, once)
        if status in _AUTHORIZATION_GONE and self._token is not None:
            self._token = None
            status, content = await bounded(path, once)
        if status in accepted:
            return None
        if status not in (HTTPStatus.OK, HTTPStatus.CREATED):
            raise Refused(Reason.HTTP_STATUS, f"{path}: HTTP {status}")
        return read_json(content)

    async def _authorization(self) -> dict[str, str]:
        if self._token_url is None:
            return {}
        if self._token is None or self._token.is_expired():
            self._token = await self._fetch_token(self._token_url)
        return {"Authorization": f"Bearer {self._token.token}"}

    async def _fetch_token(self, url: str) -> toadr3.AccessToken:
        identity, secret = await asyncio.to_thread(self._credentials)
        config = toadr3.OAuthScopeConfig(url, "client_credentials", self._scope, identity, secret)
        try:
            return await toadr3.acquire_access_token_from_config(self._session, config)
        except toadr3.ToadrError as error:
            raise Refused(Reason.HTTP_STATUS, f"the token was refused with HTTP {error.status_code}") from None
        except (ValueError, KeyError, TypeError, OverflowError):
            raise Refused(Reason.UNREADABLE, "the answer to the token request is none") from None

    def _credentials(self) -> tuple[str, str]:
        return read_secret(self._files[0], "clientIdFile"), read_secret(self._files[1], "clientSecretFile")


async def bounded(what: str, ask: Callable[[], Awaitable[tuple[int, bytes]]]) -> tuple[int, bytes]:
    """Status and body of one request. Raises Refused with a word for each way in which it may fail."""
    try:
        return await ask()
    except TimeoutError:
        raise Refused(Reason.TIMED_OUT, f"{what}: no answer in time") from None
    except (aiohttp.ClientError, OSError) as error:
        raise Refused(Reason.UNREACHABLE, f"{what}: no connection, or it broke ({type(error).__name__})") from None
