"""A decision as one line of JSON, and back: `SiteState` and `Plan` survive the trip unchanged."""

import json
import math
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, fields
from enum import StrEnum
from itertools import pairwise
from typing import Any, NoReturn, Union, get_args, get_origin, get_type_hints

from wattswitch.planner.model import (
    PUE_SCALE,
    Batch,
    Demand,
    Plan,
    PriceCurve,
    PriceOutlook,
    SiteState,
    Worth,
    WorthUnit,
)
from wattswitch.planner.price_model import BINS, HOURS, SCALE_RANGE, STEPS_SECONDS, Lessons

INT_BITS = 63
"""A whole number with more would not survive the way through a float."""

MOST_U = 100.0
"""No price is e to the 33 times its reference."""

_NOT_NEGATIVE = (
    *("max_replicas", "spec_replicas", "floor_replicas", "ready_replicas", "replicas"),
    *("booked_pods", "stuck_pods", "staying_pods", "pods", "percent"),
    *("gpus", "gpus_per_replica", "gpus_per_pod", "it_watts_per_pod"),
    *("ramp_up_watts_per_minute", "ramp_down_watts_per_minute", "min_run_seconds", "min_off_seconds"),
    *("start_seconds", "drain_seconds", "cost_per_start", "deadline_seconds"),
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
        return _build_tuple(get_args(hint), value, path)
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


def _build_tuple(hints: tuple[Any, ...], value: Any, path: str) -> Any:
    _check(isinstance(value, list), path, "a list", value)
    if hints[-1] is not Ellipsis:
        _check(len(value) == len(hints), path, f"a list of {len(hints)}", value)
    return tuple(_build(hints[0], item, f"{path}[{i}]") for i, item in enumerate(value))


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
    """What was built, once everything that a plan divides by is above zero, and every table has its shape."""
    if isinstance(built, Demand):
        _check(built.per_replica > 0, f"{path}.per_replica", "above 0", built.per_replica)
    if isinstance(built, Batch):
        path, work = f"{path}.work_per_replica_hour", built.work_per_replica_hour
        _check(work > 0, path, "above 0", work)
    if isinstance(built, Worth) and built.unit is WorthUnit.HASHPRICE:
        _check(built.joules_per_terahash > 0, f"{path}.joules_per_terahash", "above 0", built.joules_per_terahash)
    if isinstance(built, Lessons):
        _check_lessons(built, path)
    if isinstance(built, PriceCurve):
        _check(len(built.starts) == len(built.prices_per_mwh), path, "one price for each start", len(built.starts))
        _check(_rises(built.starts), f"{path}.starts", "in order of time", list(built.starts))
    if isinstance(built, Demand):
        untils = [until for until, _ in built.recent]  # equal where demand has just fallen
        _check(untils == sorted(untils), f"{path}.recent", "in order of time", len(built.recent))
        _check(_rises([share for share, _ in built.needs]), f"{path}.needs", "in order of shares", len(built.needs))
    if isinstance(built, PriceOutlook):
        _check(_rises([at for at, _ in built.recent]), f"{path}.recent", "in order of time", len(built.recent))
    return built


def _check_lessons(lessons: Lessons, path: str) -> None:
    """Whether every table has its shape, and holds what a price model could have learned."""
    _check(lessons.step_seconds in STEPS_SECONDS, f"{path}.step_seconds", f"of {STEPS_SECONDS}", lessons.step_seconds)
    _check(SCALE_RANGE[0] <= lessons.scale <= SCALE_RANGE[1], f"{path}.scale", f"in {SCALE_RANGE}", lessons.scale)
    tables = (
        ("tails", [BINS] * BINS, 0.0, 1.0),
        ("bin_u", [BINS], -MOST_U, MOST_U),
        ("shape_per_mwh", [HOURS], -1e9, 1e9),
    )
    for name, lengths, least, most in tables:
        table = getattr(lessons, name)
        rows = table if name == "tails" else [table]
        _check([len(row) for row in rows] == lengths, f"{path}.{name}", f"of {lengths}", [len(row) for row in rows])
        within = all(least <= value <= most for row in rows for value in row)
        _check(within, f"{path}.{name}", f"from {least:g} to {most:g}", table)


def _rises(times: Sequence[float]) -> bool:
    return all(earlier < later for earlier, later in pairwise(times))


def _object(path: str, value: Any) -> Mapping[str, Any]:
    _check(isinstance(value, dict), path, "an object", value)
    return value  # type: ignore[no-any-return]


def _check(holds: bool, path: str, wanted: str, value: Any) -> None:  # noqa: FBT001
    if not holds:
        raise ValueError(f"{path} must be {wanted}, got {json.dumps(value)[:80]}")
