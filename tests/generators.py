"""Objects that break the schema of a custom resource on purpose, and the walks over schemas that tests share."""

import copy
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

Schema = dict[str, Any]
Place = tuple[str | int, ...]

HUGE_TEXT = "9" * 100_000
HUGE_NUMBER = 2**62
ODD_TEXTS = ("ünï", "値段", "\u202eevil", "a\u0000b", "💡", "\n")
WRONG_TYPES: dict[str, tuple[Any, ...]] = {
    "string": (5, 1.5, True, [], {}),
    "integer": ("5", 1.5, True, [], {}),
    "boolean": ("true", 1, [], {}),
    "array": ("text", 5, {}),
    "object": ("text", 5, []),
}


@dataclass(frozen=True)
class BadObject:
    """An object with one fault, and in words where and what that is."""

    body: dict[str, Any]
    field: str
    fault: str

    @property
    def kind(self) -> str:
        """The kind of the object."""
        return str(self.body["kind"])


def properties(schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    """Every property below a schema, as its schema path and its own schema."""
    for name, child in schema.get("properties", {}).items():
        yield f"{path}.{name}", child
        yield from properties(child, f"{path}.{name}")
    for suffix, key in (("[]", "items"), (".*", "additionalProperties")):
        if key in schema:
            yield f"{path}{suffix}", schema[key]
            yield from properties(schema[key], f"{path}{suffix}")


@dataclass(frozen=True)
class Value:
    """A value in an object: where it is, its schema path and schema, and whether its parent requires it."""

    place: Place
    field: str
    schema: Schema
    required: bool


def values(value: Any, schema: Schema, place: Place, field: str) -> Iterator[Value]:
    """Every value below one that a schema describes."""
    required = schema.get("required", ())
    for name, child in schema.get("properties", {}).items():
        if name in value:
            yield from _value(value, name, Value((*place, name), f"{field}.{name}", child, name in required))
    if "additionalProperties" in schema:
        for name in value:
            yield from _value(value, name, Value((*place, name), f"{field}.*", schema["additionalProperties"], False))
    if "items" in schema:
        for index in range(len(value)):
            yield from _value(value, index, Value((*place, index), f"{field}[]", schema["items"], False))


def _value(parent: Any, step: str | int, here: Value) -> Iterator[Value]:
    yield here
    yield from values(parent[step], here.schema, here.place, here.field)


def bad_specs(good: dict[str, Any], schema: Schema) -> Iterator[BadObject]:
    """Every single-fault variant of a good object's spec: each is invalid by what its schema says."""
    for value in values(good["spec"], schema["properties"]["spec"], ("spec",), "spec"):
        for fault, change in _faults(value.schema, value.required):
            body = copy.deepcopy(good)
            change(body, value.place)
            yield BadObject(body, value.field, fault)


def sample(candidates: list[BadObject], size: int, seed: int) -> list[BadObject]:
    """At least one bad object for each field, and then any, up to `size`."""
    shuffled = random.Random(seed).sample(candidates, len(candidates))
    first = {(bad.kind, bad.field): index for index, bad in reversed(list(enumerate(shuffled)))}
    chosen = set(first.values())
    rest = (index for index in range(len(shuffled)) if index not in chosen)
    return [shuffled[index] for index in [*chosen, *rest][:size]]


def _faults(schema: Schema, required: bool) -> Iterator[tuple[str, Callable[[Any, Place], None]]]:
    for value in _wrong_values(schema):
        yield f"= {repr(value)[:40]}", partial(_put, value=value)
    if "maxItems" in schema:
        length = schema["maxItems"] + 1
        yield f"{length} entries", lambda body, place: _put(body, place, _get(body, place)[:1] * length)
    if "maxProperties" in schema:
        keys = {f"key-{number}": "value" for number in range(schema["maxProperties"] + 1)}
        yield f"{len(keys)} keys", lambda body, place: _put(body, place, keys)
    if required:
        yield "missing", _delete


def _wrong_values(schema: Schema) -> Iterator[Any]:
    yield from WRONG_TYPES[schema["type"]]
    if "enum" in schema:
        yield from (value for value in _unlisted(schema) if value not in schema["enum"])
    elif schema["type"] == "string":
        yield from _wrong_texts(schema)
    elif schema["type"] == "integer":
        yield from (schema["minimum"] - 1, schema["maximum"] + 1, HUGE_NUMBER, -HUGE_NUMBER)
    if schema.get("minItems"):
        yield []


def _unlisted(schema: Schema) -> Iterator[Any]:
    """Values of the right type; most of them are not in the list."""
    first = schema["enum"][0]
    match schema["type"]:
        case "string":
            yield from ("", "Nonsense", first.lower(), *ODD_TEXTS, HUGE_TEXT)
        case "integer":
            yield from (0, first - 1, -first, HUGE_NUMBER)
        case "boolean":
            yield not first


def _wrong_texts(schema: Schema) -> Iterator[str]:
    yield HUGE_TEXT
    yield "a" * (schema["maxLength"] + 1)
    if schema.get("minLength"):
        yield ""
    if "pattern" in schema:
        texts = (*ODD_TEXTS, "", " ", "NaN", "1e3", "-", "..", "${x}", "ftp://u:p@h", "24:01", "1" * 12 + ".")
        yield from (text for text in texts if not re.search(schema["pattern"].removesuffix("$") + r"\Z", text))


def _get(body: Any, place: Place) -> Any:
    for step in place:
        body = body[step]
    return body


def _put(body: Any, place: Place, value: Any) -> None:
    _get(body, place[:-1])[place[-1]] = value


def _delete(body: Any, place: Place) -> None:
    del _get(body, place[:-1])[place[-1]]
