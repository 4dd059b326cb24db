"""Curves: prices that are published ahead of their time, such as those of a day-ahead market."""

from decimal import Decimal
from typing import Annotated, ClassVar, Final

from pydantic import Field

from wattswitch.api.base import ATOMIC, ApiModel, DnsLabel, FilePath, HttpUrl, ListPath, NonZeroDecimal, Rule
from wattswitch.api.source import (
    PRICE_UNITS,
    STALE_AFTER_POLL,
    UNIQUE_SOURCE_NAMES,
    Credentials,
    CsvFile,
    Fixed,
    Schedule,
    exactly_one_of,
)
from wattswitch.api.units import Unit

CURVE_FAMILIES: Final = ("fixed", "schedule", "file", "http")
"""The kinds of source that know more than the price of now."""


class HttpCurve(ApiModel):
    """A JSON document behind a URL with a list of prices and their times."""

    url: HttpUrl
    """http or https, without user or password."""
    path: ListPath
    """Where the numbers are: keys joined by dots, with [] behind the list, as data[].price for a list of blocks or
    price[] for a list of numbers. A null is a price that is not known."""
    time_path: ListPath
    """Where the start of each price is, RFC 3339 or Unix seconds: data[].start, or time[] for a list of times that goes
    with the list of numbers. Any order."""
    credentials: Credentials | None = None
    """What to authenticate with; nothing where left out."""
    ca_file: FilePath | None = None
    """PEM file with the certificate authorities to trust; the system's where left out."""


class CurveSource(ApiModel):
    """One place to get a curve from: exactly one of fixed, schedule, file, http."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(exactly_one_of(CURVE_FAMILIES), "set exactly one of " + ", ".join(CURVE_FAMILIES)),
    )

    name: DnsLabel
    """Name in status, messages and metrics; unique in the outlook."""
    unit: Unit
    """Unit of the numbers after scaling; never guessed, and currencies are never converted."""
    scale: NonZeroDecimal = Decimal(1)
    """What to multiply the raw numbers by before the unit applies."""
    fixed: Fixed | None = None
    """A price that never changes."""
    schedule: Schedule | None = None
    """Prices by the wall clock of a place."""
    file: CsvFile | None = None
    """A CSV file; its rows around now, those in the future above all, are the curve."""
    http: HttpCurve | None = None
    """A JSON document behind a URL."""


class CurveFeed(ApiModel):
    """A curve of prices from the first of several sources that has a fresh one for now.

    Each price holds from its time until the next one's. A curve that does not cover now is as good as none; the price's
    own `range` says which numbers are believed.
    """

    rules: ClassVar[tuple[Rule, ...]] = (UNIQUE_SOURCE_NAMES, STALE_AFTER_POLL, PRICE_UNITS)

    stale_after_seconds: Annotated[int, Field(strict=True, ge=1, le=604_800)] = 21_600
    """Seconds since a source last gave its curve from which on that curve counts no more."""
    poll_seconds: Annotated[int, Field(strict=True, ge=1, le=86_400)] = 900
    """Seconds between two readings."""
    timeout_seconds: Annotated[int, Field(strict=True, ge=1, le=60)] = 10
    """Seconds after which a request is given up."""
    sources: Annotated[tuple[CurveSource, ...], Field(min_length=1, max_length=4, json_schema_extra=ATOMIC)]
    """Where to get the curve from; the first fresh one counts."""
