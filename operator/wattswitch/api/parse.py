"""Raw objects to models, with problems that a person can act on: the field as in YAML, what is wrong, what to do.

Objects of the API server are read leniently: a field that is not known is a problem to report, and the rest counts.
Files and the command line are read strictly: any problem refuses the whole.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from wattswitch.api.base import ApiModel, ObjectMeta, Resource

AnyModel = TypeVar("AnyModel", bound=ApiModel)

_METADATA: Final = frozenset(field.alias or name for name, field in ObjectMeta.model_fields.items())
_SHOWN_CHARACTERS: Final = 60


class SpecError(ValueError):
    """A file or an argument that cannot be read; `problems` has one line for each field."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def parse(model: type[AnyModel], raw: Mapping[str, Any]) -> tuple[AnyModel | None, list[str]]:
    """The model of a raw object and everything that is wrong with it.

    Unknown fields are problems, except in status, which a newer operator may have written; the model is there all
    the same. Any other problem means that there is no model.
    """
    data = _without_foreign_metadata(model, raw)
    try:
        return model.model_validate(data, by_alias=True, by_name=False), []
    except ValidationError as error:
        errors = _causes(error)
    problems = [_describe(e) for e in errors if not (_is_unknown(e) and e["loc"][0] == "status")]
    if not all(_is_unknown(e) for e in errors):
        return None, problems
    return model.model_validate(data, extra="ignore", by_alias=True, by_name=False), problems


def parse_strict(model: type[AnyModel], raw: Mapping[str, Any]) -> AnyModel:
    """The model of a raw object from a file. Raises SpecError with every problem."""
    try:
        return model.model_validate(_without_foreign_metadata(model, raw), by_alias=True, by_name=False)
    except ValidationError as error:
        raise SpecError([_describe(e) for e in _causes(error)]) from None


def _causes(error: ValidationError) -> list[ErrorDetails]:
    """The errors of `error` less those that say a list is too short only because its entries are wrong."""
    errors = error.errors(include_url=False)
    entries = {e["loc"][:-depth] for e in errors for depth in range(1, len(e["loc"]))}
    return [e for e in errors if e["type"] != "too_short" or e["loc"] not in entries]


def _without_foreign_metadata(model: type[ApiModel], raw: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = raw.get("metadata") if isinstance(raw, Mapping) else None
    if not issubclass(model, Resource) or not isinstance(metadata, Mapping):
        return raw
    return {**raw, "metadata": {key: value for key, value in metadata.items() if key in _METADATA}}


def _is_unknown(error: ErrorDetails) -> bool:
    return error["type"] == "extra_forbidden"


def yaml_path(location: tuple[int | str, ...]) -> str:
    """A field as one finds it in YAML: `spec.price.sources[0].unit`."""
    path = ""
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        elif step == "[key]":
            path += " (key)"
        else:
            path += f".{step}" if path else step
    return path or "the object"


def _describe(error: ErrorDetails) -> str:
    return f"{yaml_path(error['loc'])}: {_wrong(error)}"


_DO: Final = {
    "missing": "is required: add it",
    "extra_forbidden": "is not a known field: check its spelling, or remove it",
    "int_type": "must be a whole number without quotes, not {shown}: correct it",
    "bool_type": "must be true or false without quotes, not {shown}: correct it",
    "string_type": "must be text, not {shown}: put it in quotes",
    "enum": "{shown} is not allowed: use {expected}",
    "literal_error": "{shown} is not allowed: use {expected}",
    "greater_than_equal": "{shown} is too low: use {ge} or more",
    "less_than_equal": "{shown} is too high: use {le} or less",
    "string_too_long": "is too long: use at most {max_length} characters",
    "string_too_short": "is too short: use at least {min_length} characters",
    "string_pattern_mismatch": "{shown} has the wrong form: write it so that it matches {pattern}",
    "too_long": "has too many entries: use at most {max_length}",
    "too_short": "has too few entries: use at least {min_length}",
    "tuple_type": "must be a list, not {shown}: start each entry with a dash",
    "model_type": "must be a block of fields, not {shown}: write its fields below it",
    "dict_type": "must be a block of fields, not {shown}: write its fields below it",
    "decimal_text": "{shown} is not allowed: it must be {wanted} in quotes",
}
"""What is wrong and what to do, by pydantic's error type."""


def _wrong(error: ErrorDetails) -> str:
    words = {**error.get("ctx", {}), "shown": _show(error["input"])}
    template = _DO.get(error["type"])
    return template.format_map(words) if template else f"{error['msg']}: correct it"


def _show(value: object) -> str:
    """The value as in JSON, cut; never what may be a URL with a password in it."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    if "://" in text:
        return "this URL" if isinstance(value, str) else "something with a URL"
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
