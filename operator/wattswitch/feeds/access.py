"""What a request authenticates with and whom it trusts, from mounted files that may change at any time."""

import base64
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from wattswitch.api.source import Credentials
from wattswitch.feeds.reading import Problem, Refused

FILE_LIMIT_BYTES: Final = 1024 * 1024
"""The most that a token or a bundle of certificate authorities may have."""


@dataclass(frozen=True, slots=True)
class Granted:
    """For one request: the Authorization header (None for none), and TLS settings (None over plain http)."""

    authorization: str | None
    tls: ssl.SSLContext | None


class Access:
    """Reads the files of one source anew for each request, so that a rotated secret counts at once.

    The certificate authorities are loaded again only when their bytes changed. Verification can't be turned off.
    """

    def __init__(self, url: str, credentials: Credentials | None, ca_file: str | None) -> None:
        self._https = urlsplit(url).scheme.lower() == "https"
        self._credentials = credentials
        self._ca_file = ca_file
        self._pem: bytes | None = None
        self._tls: ssl.SSLContext | None = None

    def grant(self) -> Granted:
        """What the next request takes along. Blocks on files; raises Refused."""
        return Granted(_authorization(self._credentials), self._trust() if self._https else None)

    def _trust(self) -> ssl.SSLContext:
        pem = b"" if self._ca_file is None else _read(self._ca_file, "caFile")
        if self._tls is None or pem != self._pem:
            self._tls = _context(pem)
            self._pem = pem
        return self._tls


def _context(pem: bytes) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cadata=pem.decode("ascii") if pem else None)
    except (ssl.SSLError, UnicodeDecodeError):
        raise Refused(Problem.FILE_UNREADABLE, "caFile holds no PEM certificates") from None


def _authorization(credentials: Credentials | None) -> str | None:
    if credentials is None:
        return None
    if credentials.token_file is not None:
        return f"Bearer {_secret(credentials.token_file, 'credentials.tokenFile')}"
    user = _secret(credentials.username_file or "", "credentials.usernameFile")
    password = _secret(credentials.password_file or "", "credentials.passwordFile")
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def _secret(path: str, field: str) -> str:
    try:
        text = _read(path, field).decode().strip()
    except UnicodeDecodeError:
        text = ""
    if not text or not text.isprintable() or not text.isascii():
        raise Refused(Problem.FILE_UNREADABLE, f"{field} must hold one line of ASCII text")
    return text


def _read(path: str, field: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            content = file.read(FILE_LIMIT_BYTES + 1)
    except FileNotFoundError:
        raise Refused(Problem.FILE_MISSING, f"{field}: {path} does not exist: mount it") from None
    except (OSError, ValueError) as error:
        raise Refused(Problem.FILE_UNREADABLE, f"{field}: {path} can't be read ({type(error).__name__})") from None
    if len(content) > FILE_LIMIT_BYTES:
        raise Refused(Problem.TOO_LARGE, f"{field}: {path} has more than {FILE_LIMIT_BYTES} bytes")
    return content
