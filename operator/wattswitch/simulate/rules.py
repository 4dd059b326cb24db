"""What the API server would refuse of an object whose fields are each right, told without a cluster.

The rules are those of the models, which the custom resource definitions carry to the API server: each is evaluated
here as the CEL that it is, and written nowhere twice.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from cel_expr_python import cel

from wattswitch.api.base import BY_NAME, SET, ApiModel, Rule
from wattswitch.api.parse import yaml_path

Place = tuple[int | str, ...]


def broken_rules(block: ApiModel, place: Place = ("spec",)) -> Iterator[str]:
    """The rules that a block breaks with all that is in it, one line each: the field, and what is wrong.

    `place` is where the block is. Rules about a change are left out: a file is none.
    """
    raw = block.to_raw()
    for rule in block.all_rules():
        if not rule.compares_with_old and not _holds(rule, raw):
            yield f"{yaml_path(place)}: {rule.message}"
    for name, field in type(block).model_fields.items():
        value, where = getattr(block, name), (*place, field.alias or name)
        if isinstance(value, tuple):
            yield from _duplicates(value, field.json_schema_extra, where)
        for inner, at in _inside(value, where):
            yield from broken_rules(inner, at)


def _holds(rule: Rule, raw: dict[str, Any]) -> bool:
    """Whether the rule is true; an expression that fails is not, as for the API server."""
    return _compiled(rule.cel).eval(data={"self": raw}).value() is True


@cache
def _compiled(expression: str) -> Any:
    return cel.NewEnv(variables={"self": cel.Type.DYN}).compile(expression)


def _inside(value: object, place: Place) -> Iterator[tuple[ApiModel, Place]]:
    if isinstance(value, ApiModel):
        yield value, place
    elif isinstance(value, tuple):
        yield from ((each, (*place, number)) for number, each in enumerate(value) if isinstance(each, ApiModel))


def _duplicates(values: tuple[Any, ...], list_type: object, place: Place) -> Iterator[str]:
    """Entries that a list may have once only, by its list type, beyond the first one of each."""
    keys = [each.name for each in values] if list_type == BY_NAME else values if list_type == SET else ()
    for number, key in enumerate(keys):
        if key in keys[:number]:
            yield f"{yaml_path((*place, number))}: Duplicate value {str(key)!r}: remove it, or give it another name"
