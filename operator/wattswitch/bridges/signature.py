"""Signatures of webhook messages: HMAC-SHA256 over "timestamp.body", each taken once, within minutes. Pure."""

import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import Final

from wattswitch.bridges.asked import Reason, Refused

WINDOW_SECONDS: Final = 300.0
"""How far a message's time may be from ours, either way."""

MOST_REMEMBERED: Final = 10_000
"""Signatures that are remembered for the window; more messages than that are refused, never forgotten early."""

_SIGNATURE: Final = re.compile(r"(?:sha256=)?([0-9a-f]{64})")
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?")


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """The signature of a message, 64 hexadecimal digits."""
    return hmac.new(secret, timestamp.encode("ascii") + b"." + body, hashlib.sha256).hexdigest()


def read_timestamp(text: str, now: float) -> float:
    """The time of a message in Unix seconds. Raises Refused."""
    if not text:
        raise Refused(Reason.SIGNATURE_MISSING, "the timestamp header is missing")
    if not _TIMESTAMP.fullmatch(text):
        raise Refused(Reason.SIGNATURE_MISSING, "the timestamp header must be Unix seconds")
    at = float(text)
    if at > now + WINDOW_SECONDS:
        raise Refused(Reason.FROM_FUTURE, f"the timestamp is more than {WINDOW_SECONDS:g} s ahead of our clock")
    if at < now - WINDOW_SECONDS:
        raise Refused(Reason.TOO_OLD, f"the timestamp is more than {WINDOW_SECONDS:g} s old")
    return at


def check_signature(secrets: Iterable[bytes], text: str, timestamp: str, body: bytes) -> str:
    """The signature, where one of the secrets made it; every one is compared in constant time. Raises Refused."""
    match = _SIGNATURE.fullmatch(text)
    if match is None:
        raise Refused(Reason.SIGNATURE_MISSING, "the signature header must be sha256= and 64 hexadecimal digits")
    given = match[1]
    fits = [hmac.compare_digest(sign(secret, timestamp, body), given) for secret in secrets]
    if not any(fits):
        raise Refused(Reason.SIGNATURE_WRONG, "the signature is not that of this body and timestamp")
    return given


class Remembered:
    """The signatures of the window, so that none is taken twice."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._most = most
        self._until: dict[str, float] = {}

    def take(self, signature: str, at: float, now: float) -> None:
        """Remember one of a message of this time. Raises Refused."""
        if signature in self._until:
            raise Refused(Reason.REPLAYED, "this very message was taken before: a repeat needs a new timestamp")
        if len(self._until) >= self._most:
            self._until = {held: until for held, until in self._until.items() if until >= now}
        if len(self._until) >= self._most:
            raise Refused(Reason.TOO_MANY, f"more than {self._most} messages in {WINDOW_SECONDS:g} s")
        self._until[signature] = at + WINDOW_SECONDS

    def release(self, signature: str) -> None:
        """Take it back: the message could not be carried out, and may come again."""
        self._until.pop(signature, None)
