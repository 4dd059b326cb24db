"""RFC 3339 text to Unix seconds and back."""

from datetime import UTC, date, datetime
from typing import Final

END_UNIX_SECONDS: Final = 253_402_300_800
"""The first moment of the year 10000, which RFC 3339 can't write."""


def is_writable(at: float) -> bool:
    """Whether Unix seconds are from 1970 to 9999, so that `format_time` can write them; infinities and NaN are not."""
    return 0 <= at < END_UNIX_SECONDS and round(at * 1000) < END_UNIX_SECONDS * 1000


def format_time(at: float) -> str:
    """Unix seconds as RFC 3339 in UTC; milliseconds only where there are any. Never raises where `is_writable`."""
    moment = datetime.fromtimestamp(round(at * 1000) / 1000, UTC)
    spec = "milliseconds" if moment.microsecond else "seconds"
    return moment.isoformat(timespec=spec).replace("+00:00", "Z")


def parse_time(text: str) -> float:
    """RFC 3339 as Unix seconds. Raises ValueError where the text is none or names no zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone: write it as 2026-08-01T20:00:00Z")
    return moment.timestamp()


def parse_date(text: str) -> date:
    """A day as 2026-08-01. Raises ValueError where the text is none."""
    return date.fromisoformat(text)
