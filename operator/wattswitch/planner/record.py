"""A decision as one line of JSON, and back: `SiteState` and `Plan` survive the trip unchanged."""

import json
import math
import types
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields
from enum import StrEnum
from typing import Any, NoReturn, Union, get_args, get_origin, get_type_hints

from wattswitch.planner.model import PUE_SCALE, Demand, Plan, SiteState, Worth, WorthUnit

INT_BITS = 63
"""A whole number with more would not survive the way through a float."""

_NOT_NEGATIVE = (
    *("max_replicas", "spec_replicas", "floor_replicas", "ready_replicas", "replicas"),
    *("booked_pods", "stuck_pods", "staying_pods", "pods", "percent"),
    *("gpus", "gpus_per_replica", "gpus_per_pod", "it_watts_per_pod"),
    *("ramp_up_watts_per_minute", "ramp_down_watts_per_minute", "min_run_seconds", "min_off_seconds"),
    *("reserve_percent", "pool_fee_percent"),
)
_LEAST: Mapping[str, int] = dict.fromkeys(_NOT_NEGATIVE, 0) | {"pue_1e4": PUE_SCALE, "it_watts_per_replica": 1}
_MOST: Mapping[str, int] = {"reserve_percent": 100, "pool_fee_percent": 100}
"""Ranges by field. Outside them there is no site that a plan could be for."""


def to_line(state: SiteState, plan: Plan) -> str:
    """One line, without a newline, that replays the decision."""
    line = {"at": state.now, "budget": state.budget.name, "state": asdict(state), "plan": asdict(plan)}
    return json.dumps(line, separators=(",", ":"), allow_nan=False)


def from_line(line: str) -> tuple[SiteState, Plan]:
    """Read a recorded line.

    Raises:
        ValueError: the line is no JSON, or a field is missing, unknown, of the wrong type or out of range; the message
            names it.
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
        _check(hint is not int or value.bit_length() <= INT_BITS, path, f"a number of {INT_BITS} bits", value)
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
    built = {name: _build(hints[name], item, f"{path}.{name}") for name, item in items.items()}
    for name in sorted(built.keys() & _LEAST.keys()):
        _check(built[name] >= _LEAST[name], f"{path}.{name}", f"{_LEAST[name]} or more", built[name])
    for name in sorted(built.keys() & _MOST.keys()):
        _check(built[name] <= _MOST[name], f"{path}.{name}", f"{_MOST[name]} or less", built[name])
    return _with_divisors(cls(**built), path)


def _with_divisors(built: Any, path: str) -> Any:
    """What was built, once everything that a plan divides by is above zero."""
    if isinstance(built, Demand):
        _check(built.per_replica > 0, f"{path}.per_replica", "above 0", built.per_replica)
    if isinstance(built, Worth) and built.unit is WorthUnit.HASHPRICE:
        _check(built.joules_per_terahash > 0, f"{path}.joules_per_terahash", "above 0", built.joules_per_terahash)
    return built


def _object(path: str, value: Any) -> Mapping[str, Any]:
    _check(isinstance(value, dict), path, "an object", value)
    return value  # type: ignore[no-any-return]


def _check(holds: bool, path: str, wanted: str, value: Any) -> None:  # noqa: FBT001
    if not holds:
        raise ValueError(f"{path} must be {wanted}, got {json.dumps(value)[:80]}")
