"""The body of an answer, read in pieces and never held beyond a limit, compressed or not."""

import zlib
from typing import Final

from wattswitch.feeds.reading import Problem, Refused

BODY_LIMIT_BYTES: Final = 256 * 1024
"""The most that one number's document may have, after decompression."""

ANY_ZLIB_OR_GZIP: Final = 32 + zlib.MAX_WBITS


class Body:
    """Collects the pieces of one body. Raises Refused as soon as more than `limit` bytes would be held.

    `encoding` is the Content-Encoding and `length` the Content-Length, as announced.
    """

    def __init__(self, encoding: str, length: str, limit: int = BODY_LIMIT_BYTES) -> None:
        self._limit = limit
        self._received = 0
        self._plain = bytearray()
        self._inflate = _decompressor(encoding)
        if length.isdecimal() and len(length) < 20 and int(length) > limit:
            self._refuse()

    def add(self, piece: bytes) -> None:
        """Take the next piece as it came from the network."""
        self._received += len(piece)
        if self._received > self._limit:
            self._refuse()
        if self._inflate is None:
            self._plain += piece
            return
        room = self._limit + 1 - len(self._plain)
        try:
            self._plain += self._inflate.decompress(piece, room)
        except zlib.error:
            raise Refused(Problem.NOT_JSON, "the answer is not compressed as it says") from None
        if len(self._plain) > self._limit:
            self._refuse()

    def whole(self) -> bytes:
        """The body, once all pieces are in."""
        if self._inflate is not None and not self._inflate.eof:
            raise Refused(Problem.NOT_JSON, "the compressed answer is cut short")
        return bytes(self._plain)

    def _refuse(self) -> None:
        raise Refused(Problem.TOO_LARGE, f"the answer has more than {self._limit} bytes")


def _decompressor(encoding: str) -> "zlib._Decompress | None":
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return None
    if name in ("gzip", "x-gzip", "deflate"):
        return zlib.decompressobj(ANY_ZLIB_OR_GZIP)
    raise Refused(Problem.NOT_JSON, "the answer is in an encoding other than gzip or deflate")


class BadStatus(Refused):
    """An answer with an HTTP status that is neither 200 nor a redirect."""

    def __init__(self, status: int) -> None:
        super().__init__(Problem.HTTP_STATUS, f"HTTP {status}")
        self.status = status


def check_status(status: int) -> None:
    """Raises Refused unless the HTTP status is 200; a redirect is never followed."""
    if 300 <= status < 400 and status != 304:
        raise Refused(Problem.REDIRECTED, f"HTTP {status}: redirects are not followed, put the final URL in the spec")
    if status != 200:
        raise BadStatus(status)
