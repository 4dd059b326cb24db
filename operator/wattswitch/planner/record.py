"""A decision as one line of JSON, and back: `SiteState` and `Plan` survive the trip unchanged."""

import json
import math
import types
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields
from enum import StrEnum
from typing import Any, NoReturn, Union, get_args, get_origin, get_type_hints

from wattswitch.planner.model import Plan, SiteState


def to_line(state: SiteState, plan: Plan) -> str:
    """One line, without a newline, that replays the decision."""
    line = {"at": state.now, "budget": state.budget.name, "state": asdict(state), "plan": asdict(plan)}
    return json.dumps(line, separators=(",", ":"), allow_nan=False)


def from_line(line: str) -> tuple[SiteState, Plan]:
    """Read a recorded line.

    Raises:
        ValueError: the line is no JSON, or a field is missing, unknown or of the wrong type; the message names it.
    """
    try:
        data = _object("line", json.loads(line, parse_constant=_refuse_constant))
        return _build(SiteState, data.get("state"), "state"), _build(Plan, data.get("plan"), "plan")
    except (ValueError, OverflowError, RecursionError) as error:
        raise ValueError(f"not a recorded decision: {error}") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number that a decision can use")


def _build(hint: Any, value: Any, path: str) -> Any:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        inner = next(arg for arg in get_args(hint) if arg is not type(None))
        return None if value is None else _build(inner, value, path)
    if origin is tuple:
        _check(isinstance(value, list), path, "a list", value)
        return tuple(_build(get_args(hint)[0], item, f"{path}[{i}]") for i, item in enumerate(value))
    if hint is float:
        _check(type(value) in (int, float) and abs(value) < math.inf, path, "a finite number", value)
        return float(value)
    if hint in (int, str, bool):
        _check(type(value) is hint, path, f"of type {hint.__name__}", value)
        return value
    if issubclass(hint, StrEnum):
        _check(isinstance(value, str) and value in set(hint), path, f"one of {', '.join(hint)}", value)
        return hint(value)
    return _build_dataclass(hint, value, path)


def _build_dataclass(cls: Any, value: Any, path: str) -> Any:
    items, hints = _object(path, value), get_type_hints(cls)
    if unknown := set(items) - set(hints):
        raise ValueError(f"{path}.{min(unknown)} is no known field")
    required = [f.name for f in fields(cls) if f.default is MISSING]
    if missing := [name for name in required if name not in items]:
        raise ValueError(f"{path}.{missing[0]} is missing")
    return cls(**{name: _build(hints[name], item, f"{path}.{name}") for name, item in items.items()})


def _object(path: str, value: Any) -> Mapping[str, Any]:
    _check(isinstance(value, dict), path, "an object", value)
    return value  # type: ignore[no-any-return]


def _check(holds: bool, path: str, wanted: str, value: Any) -> None:  # noqa: FBT001
    if not holds:
        raise ValueError(f"{path} must be {wanted}, got {json.dumps(value)[:80]}")
