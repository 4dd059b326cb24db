"""Sources: the places where a number comes from, one block for each family."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar, Final

from pydantic import Field

from wattswitch.api.base import (
    ATOMIC,
    SET,
    ApiModel,
    DecimalString,
    DnsLabel,
    FilePath,
    HttpUrl,
    JsonPath,
    NonZeroDecimal,
    Rule,
)
from wattswitch.api.units import Quantity, Unit

FAMILIES = ("fixed", "schedule", "file", "http", "prometheus")
"""The kinds of source, as their fields are called."""


def exactly_one_of(fields: tuple[str, ...]) -> str:
    """A CEL expression that holds where one of these fields is there and no other."""
    return "[" + ", ".join(f"has(self.{field})" for field in fields) + "].filter(x, x).size() == 1"


def cel_list(values: tuple[str, ...]) -> str:
    """A CEL list of strings."""
    return "[" + ", ".join(f"'{value}'" for value in values) + "]"


def cel_units(*quantities: Quantity) -> str:
    """A CEL list of the units of these quantities."""
    return cel_list(Unit.of(*quantities))


UNIQUE_SOURCE_NAMES: Final = Rule(
    "self.sources.all(x, self.sources.exists_one(y, y.name == x.name))",
    "names of sources must be unique in their feed",
)
STALE_AFTER_POLL: Final = Rule(
    "self.staleAfterSeconds > self.pollSeconds",
    "staleAfterSeconds must be above pollSeconds, else the feed is stale between two polls",
)
PRICE_UNITS: Final = Rule(
    f"self.sources.all(s, s.unit in {cel_units(Quantity.PRICE)})",
    "sources of a price need a unit of money per MWh or kWh, such as USDPerMWh",
)


class Day(StrEnum):
    """A day of the week."""

    MON = "Mon"
    TUE = "Tue"
    WED = "Wed"
    THU = "Thu"
    FRI = "Fri"
    SAT = "Sat"
    SUN = "Sun"


Days = Annotated[tuple[Day, ...], Field(max_length=7, json_schema_extra=SET)]
"""Some days of the week."""
Months = Annotated[
    tuple[Annotated[int, Field(strict=True, ge=1, le=12)], ...], Field(max_length=12, json_schema_extra=SET)
]
"""Some months, 1 to 12."""
ClockTime = Annotated[str, Field(max_length=5, pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""A minute of the day, "HH:MM"."""
ClockEnd = Annotated[str, Field(max_length=5, pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]
"""A minute of the day, "HH:MM", or "24:00" for its end."""
TimeZone = Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$")]
"""A name in the form of those in the IANA time zone database."""


class Fixed(ApiModel):
    """A number that never changes and is always fresh."""

    value: DecimalString
    """The number, in the unit of the source."""


class Window(ApiModel):
    """A part of the day with its own value, in the schedule's time zone."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("self.from != self.to", 'from and to must differ: a whole day is from "00:00" to "24:00"'),
    )

    days: Days = ()
    """Days on which the window starts; every day where left out."""
    months: Months = ()
    """Months in which the window starts, 1 to 12; every month where left out."""
    from_time: Annotated[ClockTime, Field(alias="from")]
    """First minute of the window, "HH:MM"."""
    to_time: Annotated[ClockEnd, Field(alias="to")]
    """First minute after the window, "HH:MM", "24:00" for the end of the day; before `from`, it is the next day's."""
    value: DecimalString
    """The number while the window is open, in the unit of the source."""

    @property
    def from_minute(self) -> int:
        """Minutes after midnight at which the window opens, 0 to 1439."""
        return _minutes(self.from_time)

    @property
    def to_minute(self) -> int:
        """Minutes after midnight at which the window closes, 0 to 1440; below `from_minute`, the next day's."""
        return _minutes(self.to_time)


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


class Schedule(ApiModel):
    """Numbers by the wall clock of a place, such as a tariff; always fresh."""

    time_zone: TimeZone
    """Name in the IANA time zone database, such as America/Chicago."""
    default: DecimalString
    """The number while no window is open, in the unit of the source."""
    windows: Annotated[tuple[Window, ...], Field(max_length=64, json_schema_extra=ATOMIC)] = ()
    """Parts of the week with another number; the first open one counts."""


class CsvFile(ApiModel):
    """A CSV file with a header line, such as a mounted ConfigMap; the last row that is not in the future counts."""

    path: FilePath
    """Absolute path of the file in the operator's container. A last row without a line end may be half written: it
    counts only once the file was found unchanged at the next poll."""
    column: Annotated[str, Field(min_length=1, max_length=128)]
    """Header of the column with the numbers."""
    time_column: Annotated[str, Field(min_length=1, max_length=128)] = "time"
    """Header of the column with the times, RFC 3339 or Unix seconds."""


class Credentials(ApiModel):
    """Files that hold what a request authenticates with: a token, or a user name and a password."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.tokenFile) ? !has(self.usernameFile) && !has(self.passwordFile)"
            " : has(self.usernameFile) && has(self.passwordFile)",
            "set either tokenFile, or usernameFile and passwordFile",
        ),
    )

    token_file: FilePath | None = None
    """File with a bearer token."""
    username_file: FilePath | None = None
    """File with the user name of basic authentication."""
    password_file: FilePath | None = None
    """File with the password of basic authentication."""


class HttpJson(ApiModel):
    """A JSON document behind a URL."""

    url: HttpUrl
    """http or https, without user or password."""
    path: JsonPath
    """Where the number is in the document: keys joined by dots, list places in brackets (data[0].price)."""
    time_path: JsonPath | None = None
    """Where the number's own time is, RFC 3339 or Unix seconds; the time of the request where left out."""
    credentials: Credentials | None = None
    """What to authenticate with; nothing where left out."""
    ca_file: FilePath | None = None
    """PEM file with the certificate authorities to trust; the system's where left out."""


class Prometheus(ApiModel):
    """An instant query to a Prometheus-compatible server; it must give one series, or one for each workload."""

    url: HttpUrl
    """Address of the server, without /api/v1."""
    query: Annotated[str, Field(min_length=1, max_length=2048)]
    """PromQL instant query."""
    credentials: Credentials | None = None
    """What to authenticate with; nothing where left out."""
    ca_file: FilePath | None = None
    """PEM file with the certificate authorities to trust; the system's where left out."""


class Source(ApiModel):
    """One place to get the number from: exactly one of fixed, schedule, file, http, prometheus."""

    rules: ClassVar[tuple[Rule, ...]] = (Rule(exactly_one_of(FAMILIES), "set exactly one of " + ", ".join(FAMILIES)),)

    name: DnsLabel
    """Name in status, messages and metrics; unique in the feed."""
    unit: Unit
    """Unit of the number after scaling; never guessed, and currencies are never converted."""
    scale: NonZeroDecimal = Decimal(1)
    """What to multiply the raw number by before the unit applies."""
    fixed: Fixed | None = None
    """A number that never changes."""
    schedule: Schedule | None = None
    """Numbers by the wall clock of a place."""
    file: CsvFile | None = None
    """A CSV file."""
    http: HttpJson | None = None
    """A JSON document behind a URL."""
    prometheus: Prometheus | None = None
    """A Prometheus query."""
