"""Times and durations as OpenADR writes them. Pure."""

import re
from datetime import UTC, datetime
from typing import Final

from wattswitch.bridges.asked import Reason, Refused

OPEN_END: Final = "P9999Y"

_DURATION: Final = re.compile(
    r"(?P<sign>[+-]?)P(?=[0-9T])(?:(?P<years>\d{1,4})Y)?(?:(?P<months>\d{1,4})M)?(?:(?P<weeks>\d{1,5})W)?"
    r"(?:(?P<days>\d{1,6})D)?(?:T(?=\d)(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,8})M)?"
    r"(?:(?P<seconds>\d{1,10}(?:\.\d{1,9})?)S)?)?"
)
_SECONDS: Final = {"weeks": 604_800, "days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}
_NOW: Final = re.compile(r"000[01]-(00|01)-(00|01)(T00:00:00(\.0+)?(Z|[+-]00:00)?)?")

MAX_SECONDS: Final = 100 * 366 * 86_400
"""A hundred years: a duration at least as long has no end that matters."""


def read_duration(raw: object) -> float | None:
    """Seconds of an ISO 8601 duration; None for an open end. Raises Refused.

    A year counts 366 days and a month 31: a limit may end later than meant, never earlier.
    """
    match = _DURATION.fullmatch(raw) if isinstance(raw, str) and len(raw) <= 64 else None
    if match is None:
        raise Refused(Reason.TIME_UNREADABLE, "a duration is no ISO 8601 duration, such as PT1H")
    parts = match.groupdict(default="0")
    days = int(parts["years"]) * 366 + int(parts["months"]) * 31
    total = days * 86_400 + sum(float(parts[name]) * seconds for name, seconds in _SECONDS.items())
    if total >= MAX_SECONDS:
        return None
    return -total if parts["sign"] == "-" else total


def is_now(raw: object) -> bool:
    """Whether a start is the beginning of time, which means now, or right after the interval before."""
    return isinstance(raw, str) and _NOW.fullmatch(raw) is not None


def read_time(raw: object) -> float:
    """RFC 3339 as Unix seconds; a time without a zone is UTC. Raises Refused."""
    try:
        if not isinstance(raw, str) or len(raw) > 64:
            raise ValueError
        moment = datetime.fromisoformat(raw)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise Refused(Reason.TIME_UNREADABLE, "a time is no RFC 3339 time, such as 2026-08-01T20:00:00Z") from None
