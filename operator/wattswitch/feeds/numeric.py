"""What a source wrote, as a finite number or a time; anything else is refused by name."""

import math
import re
from typing import Final

from wattswitch.api.times import is_writable, parse_time
from wattswitch.feeds.reading import Problem, Refused

MAX_DIGITS: Final = 400
"""Longest number read; the largest float has 309 digits before the point."""

FIRST_MILLISECOND_TIME: Final = 1e11
"""From here on a time is in milliseconds: as seconds it would be the year 5138, as milliseconds it is 1973."""

_DECIMAL: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_NOT_A_NUMBER: Final = re.compile(r"[+-]?nan", re.IGNORECASE)
_INFINITE: Final = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)


def read_number(raw: object) -> float:
    """A finite float from a JSON number or its text ("41.19"). Raises Refused."""
    if isinstance(raw, str):
        return _read_text(raw.strip())
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise Refused(Problem.NOT_NUMERIC, f"the value is {_kind(raw)}, not a number")
    try:
        return _finite(float(raw))
    except OverflowError:
        raise Refused(Problem.INFINITE, "the value is too large for a number") from None


def read_unix_seconds(raw: object) -> float:
    """Unix seconds from Unix seconds or milliseconds (number or text), or from RFC 3339.

    Raises Refused, also for any time that is not from 1970 to 9999: what is returned can be written as RFC 3339.
    """
    at = _read_time(raw)
    if not is_writable(at):
        message = "the time is not from 1970 to 9999: write Unix seconds or milliseconds, or RFC 3339"
        raise Refused(Problem.TIME_UNREADABLE, message)
    return at


def _read_time(raw: object) -> float:
    if isinstance(raw, str) and not _DECIMAL.fullmatch(raw.strip()):
        return _read_rfc3339(raw.strip())
    try:
        number = read_number(raw)
    except Refused as refusal:
        raise Refused(Problem.TIME_UNREADABLE, f"the time is unusable: {refusal.message}") from None
    return number / 1000 if abs(number) >= FIRST_MILLISECOND_TIME else number


def _read_text(text: str) -> float:
    if not text:
        raise Refused(Problem.EMPTY, "the value is blank")
    if _NOT_A_NUMBER.fullmatch(text):
        raise Refused(Problem.NOT_A_NUMBER, "the value is NaN")
    if _INFINITE.fullmatch(text):
        raise Refused(Problem.INFINITE, "the value is infinite")
    if len(text) > MAX_DIGITS:
        raise Refused(Problem.TOO_MANY_DIGITS, f"the value has {len(text)} characters, more than {MAX_DIGITS}")
    if not _DECIMAL.fullmatch(text):
        raise Refused(Problem.NOT_NUMERIC, "the value is text that is no decimal number")
    return _finite(float(text))


def _read_rfc3339(text: str) -> float:
    try:
        return parse_time(text)
    except (ValueError, OverflowError, OSError):
        message = "the time is neither Unix seconds nor RFC 3339 with a time zone, such as 2026-08-01T20:00:00Z"
        raise Refused(Problem.TIME_UNREADABLE, message) from None


def _finite(number: float) -> float:
    if math.isnan(number):
        raise Refused(Problem.NOT_A_NUMBER, "the value is NaN")
    if math.isinf(number):
        raise Refused(Problem.INFINITE, "the value is infinite or too large for a number")
    return number


def _kind(raw: object) -> str:
    kinds = {type(None): "null", bool: "true or false", dict: "an object", list: "a list"}
    return kinds.get(type(raw), "of another type")
