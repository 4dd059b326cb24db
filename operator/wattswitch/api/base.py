"""What every kind is made of: frozen camelCase models, bounded types, rules, conditions.

A rule across fields is a `Rule` on the model that has the fields, and nowhere else: the API server enforces it as
CEL. What one field may be is its type, enforced by the API server and by the model alike.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
)
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from wattswitch.api.times import format_time, parse_date, parse_time

GROUP: Final = "wattswitch.io"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
CATEGORY: Final = "wattswitch"

PAUSED_ANNOTATION: Final = f"{GROUP}/paused"
"""On a workload: never raise it and never move it for price; the limit still lowers it."""


def is_paused(annotations: Mapping[str, str]) -> bool:
    """Whether the paused annotation is there with any value but "false"."""
    return str(annotations.get(PAUSED_ANNOTATION, "false")).lower() != "false"


@dataclass(frozen=True, slots=True)
class Rule:
    """A CEL rule that the API server enforces, and what it tells whoever breaks it."""

    cel: str
    message: str

    @property
    def compares_with_old(self) -> bool:
        """Whether it is about a change: enforced when an object is replaced, not when it is made."""
        return "oldSelf" in self.cel


class ApiModel(BaseModel):
    """A frozen block of the API: camelCase in YAML, snake_case in Python, unknown fields refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )
    rules: ClassVar[tuple[Rule, ...]] = ()

    @classmethod
    def all_rules(cls) -> tuple[Rule, ...]:
        """The rules of this model, those that it inherits first."""
        return tuple(rule for base in reversed(cls.__mro__) for rule in base.__dict__.get("rules", ()))

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        if rules := cls.all_rules():
            target = handler.resolve_ref_schema(schema)
            target["x-kubernetes-validations"] = [{"rule": r.cel, "message": r.message} for r in rules]
        return schema

    def to_raw(self) -> dict[str, Any]:
        """The block as the API server takes it: camelCase, JSON values, nothing that is None."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


# ---- lists: how server-side apply merges them ----------------------------------------------------------------------

ATOMIC: Final[JsonDict] = {"x-kubernetes-list-type": "atomic"}
SET: Final[JsonDict] = {"x-kubernetes-list-type": "set"}
BY_NAME: Final[JsonDict] = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
BY_TYPE: Final[JsonDict] = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}


# ---- numbers -------------------------------------------------------------------------------------------------------

MAX_WATTS: Final = 10_000_000_000
"""10 GW: above any site, far below 2^53."""

Watts = Annotated[int, Field(strict=True, ge=0, le=MAX_WATTS, json_schema_extra={"format": "int64"})]
DeviceWatts = Annotated[int, Field(strict=True, ge=1, le=10_000_000, json_schema_extra={"format": "int32"})]
Seconds = Annotated[int, Field(strict=True, ge=0, le=604_800, json_schema_extra={"format": "int32"})]
ReplicaCount = Annotated[int, Field(strict=True, ge=0, le=100_000, json_schema_extra={"format": "int32"})]
PodCount = Annotated[int, Field(strict=True, ge=0, le=2**31 - 1, json_schema_extra={"format": "int32"})]
"""Pods that the operator reports: whatever another hand may ask a target for."""
GpuCount = Annotated[int, Field(strict=True, ge=0, le=100_000, json_schema_extra={"format": "int32"})]
Priority = Annotated[
    int, Field(strict=True, ge=-1_000_000_000, le=1_000_000_000, json_schema_extra={"format": "int32"})
]
Generation = Annotated[int, Field(strict=True, ge=0, json_schema_extra={"format": "int64"})]
ElapsedSeconds = Annotated[int, Field(strict=True, ge=0, le=2**31 - 1, json_schema_extra={"format": "int32"})]
"""Seconds that the operator reports: as for watts, no bound of ours may cost a status."""
BookedWatts = Annotated[int, Field(strict=True, ge=-(2**53), le=2**53, json_schema_extra={"format": "int64"})]
"""Watts that the operator reports: no bound of ours may cost a status."""


def _write_decimal(value: Decimal) -> str:
    return format(value, "f")


@dataclass(frozen=True, slots=True)
class DecimalText:
    """Annotation of a `Decimal` that is a string in YAML, because JSON numbers are floats.

    `wanted` completes the sentence "must be … in quotes". Exponents, NaN and infinities match no pattern here.
    """

    pattern: str
    max_length: int
    wanted: str

    def read(self, value: object) -> Decimal:
        """The number in `value`. Raises PydanticCustomError where it is not a string of the pattern."""
        text = _write_decimal(value) if isinstance(value, Decimal) and value.is_finite() else value
        fits = isinstance(text, str) and len(text) <= self.max_length and re.fullmatch(self.pattern[1:-1], text)
        if not fits:
            raise PydanticCustomError("decimal_text", "must be {wanted} in quotes", {"wanted": self.wanted})
        return Decimal(str(text))

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.read, serialization=core_schema.plain_serializer_function_ser_schema(_write_decimal)
        )

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "maxLength": self.max_length, "pattern": self.pattern}


_FRACTION = r"(\.[0-9]{1,6})?"
_POSITIVE = rf"(0{{0,8}}[1-9][0-9]{{0,8}}{_FRACTION}|0{{1,9}}\.0{{0,5}}[1-9][0-9]{{0,5}})"

DecimalString = Annotated[
    Decimal, DecimalText(rf"^-?[0-9]{{1,9}}{_FRACTION}$", 17, 'a decimal number without exponent such as "-12.50"')
]
"""A decimal number, at most 9 digits before and 6 behind the point."""

NonNegativeDecimal = Annotated[
    Decimal, DecimalText(rf"^[0-9]{{1,9}}{_FRACTION}$", 16, 'a decimal number from 0 upwards such as "12.50"')
]
"""A decimal number from 0 upwards."""

PositiveDecimal = Annotated[Decimal, DecimalText(rf"^{_POSITIVE}$", 16, 'a decimal number above 0 such as "12.50"')]
"""A decimal number above 0: something is divided by it."""

NonZeroDecimal = Annotated[
    Decimal, DecimalText(rf"^-?{_POSITIVE}$", 17, 'a decimal number other than 0 such as "0.001"')
]
"""A decimal number other than 0."""

Percent = Annotated[
    Decimal,
    DecimalText(r"^([0-9]{1,2}(\.[0-9]{1,6})?|100(\.0{1,6})?)$", 10, 'a percentage from 0 to 100 such as "2.5"'),
]
"""A percentage from 0 to 100."""

Pue = Annotated[
    Decimal,
    DecimalText(
        r"^([12](\.[0-9]{1,4})?|3(\.0{1,4})?)$", 6, 'a ratio from 1 to 3 with at most 4 decimals such as "1.08"'
    ),
]
"""Watts at the meter per watt of the pods, 1 to 3; at most 4 decimals, so that committed watts are exact integers."""


# ---- strings -------------------------------------------------------------------------------------------------------

DnsLabel = Annotated[str, Field(max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
"""A name inside a list: lower case letters, digits and dashes."""

ObjectName = Annotated[
    str, Field(max_length=253, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
]
"""The name of a Kubernetes object."""

LabelKey = Annotated[
    str,
    Field(
        max_length=317,
        pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$",
    ),
]
"""The key of a Kubernetes label."""

LabelValue = Annotated[str, Field(max_length=63, pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$")]
"""The value of a Kubernetes label."""

MetricLabel = Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
"""The name of a Prometheus label."""

FilePath = Annotated[
    str, Field(max_length=512, pattern=r"^(/([^/.\x00][^/\x00]*|\.[^/.\x00][^/\x00]*|\.\.[^/\x00]+))+$")
]
"""An absolute path without `.` and `..` steps."""

HttpUrl = Annotated[str, Field(max_length=2048, pattern=r"^https?://[^\s/?#@\\]+([/?#]\S*)?$")]
"""An http or https URL without a user or password in it: those belong in files."""

JsonPath = Annotated[
    str, Field(max_length=256, pattern=r"^([^.\[\]\s]+|\[[0-9]{1,4}\])(\.[^.\[\]\s]+|\[[0-9]{1,4}\])*$")
]
"""Keys joined by dots, list places in brackets: `data.prices[0].value`."""

_STEPS = r"([^.\[\]\s]+|\[[0-9]{1,4}\])(\.[^.\[\]\s]+|\[[0-9]{1,4}\])*"
ListPath = Annotated[str, Field(max_length=256, pattern=rf"^({_STEPS})?\[\](\.[^.\[\]\s]+|\[[0-9]{{1,4}}\])*$")]
"""A JSON path with `[]` once, which stands for every entry of a list: `data.prices[].value`."""

Timestamp = Annotated[str, Field(max_length=40, json_schema_extra={"format": "date-time"})]
"""RFC 3339, in UTC where we write it."""


def _in_the_calendar(parse: Callable[[str], object]) -> AfterValidator:
    """Refuses what has the form of a day or a time and is none, such as the 30th of February."""

    def check(text: str) -> str:
        try:
            parse(text)
        except ValueError:
            raise PydanticCustomError("not_in_the_calendar", "is not in the calendar") from None
        return text

    return AfterValidator(check)


_DAY = r"2[0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]"

Moment = Annotated[
    str,
    Field(
        max_length=40,
        pattern=rf"^{_DAY}T{_CLOCK}:[0-5][0-9](\.[0-9]{{1,9}})?(Z|[-+]{_CLOCK})$",
        json_schema_extra={"format": "date-time"},
    ),
    _in_the_calendar(parse_time),
]
"""RFC 3339 as a person or a program asks for it, in the years 2000 to 2999."""

CalendarDay = Annotated[
    str, Field(max_length=10, pattern=rf"^{_DAY}$", json_schema_extra={"format": "date"}), _in_the_calendar(parse_date)
]
"""A day in the years 2000 to 2999, as 2026-08-01."""

MESSAGE_LENGTH: Final = 1024


def _cut(value: object) -> object:
    return value[: MESSAGE_LENGTH - 1] + "…" if isinstance(value, str) and len(value) > MESSAGE_LENGTH else value


Message = Annotated[str, BeforeValidator(_cut), Field(max_length=MESSAGE_LENGTH)]
"""Text for a person; what is too long is cut, because no status is lost over its wording."""

ShortText = Annotated[str, Field(max_length=280)]
"""A name of the longest kind, with the kind before it."""
"""A word or a name that the operator writes."""

ReasonWord = Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")]
"""A CamelCase word that never changes once published."""


# ---- conditions ----------------------------------------------------------------------------------------------------


class ConditionStatus(StrEnum):
    """Whether a condition holds."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(ApiModel):
    """One aspect of an object's state, as everywhere in Kubernetes."""

    type: ReasonWord
    """What it is about, in CamelCase."""
    status: ConditionStatus
    """True, False or Unknown."""
    reason: ReasonWord
    """Why, as one CamelCase word for programs."""
    message: Message = ""
    """Why, for people."""
    observed_generation: Generation = 0
    """The metadata.generation of the object that this was found for."""
    last_transition_time: Timestamp | None = None
    """When the status last changed."""


def set_condition(conditions: Iterable[Condition], new: Condition, now: float) -> tuple[Condition, ...]:
    """`conditions` with `new` in the place of its type, or at the end.

    `now` is Unix seconds. While the status is the same, `lastTransitionTime` stays as it was; the value in `new` is
    not used.
    """
    existing = tuple(conditions)
    old = next((c for c in existing if c.type == new.type), None)
    since = old.last_transition_time if old is not None and old.status == new.status else format_time(now)
    stamped = new.model_copy(update={"last_transition_time": since})
    if old is None:
        return (*existing, stamped)
    return tuple(stamped if c.type == new.type else c for c in existing)


Conditions = Annotated[tuple[Condition, ...], Field(max_length=32, json_schema_extra=BY_TYPE)]
"""Conditions, one of each type."""


# ---- whole objects -------------------------------------------------------------------------------------------------


class ObjectMeta(ApiModel):
    """What the operator reads of an object's metadata; everything else there is left out before reading."""

    name: str
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    creation_timestamp: str = ""
    deletion_timestamp: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`: `wide` ones appear with `-o wide` only."""

    name: str
    json_path: str
    type: Literal["string", "integer", "date"] = "string"
    description: str = ""
    wide: bool = False


@dataclass(frozen=True, slots=True)
class ResourceNames:
    """How the API server names a kind, and where its objects live."""

    plural: str
    short: str
    scope: Literal["Cluster", "Namespaced"]
    columns: tuple[Column, ...]
    categories: tuple[str, ...] = (CATEGORY,)


class Resource(ApiModel):
    """A whole object of one of our kinds."""

    names: ClassVar[ResourceNames]
    api_version: Literal["wattswitch.io/v1alpha1"] = "wattswitch.io/v1alpha1"
    metadata: ObjectMeta
