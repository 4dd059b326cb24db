"""Baselines by the names that people give them."""

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from wattswitch.settlement.baselines import (
    Adjustment,
    Baseline,
    History,
    NoBaseline,
    Window,
    centerpoint,
    firm_service_level,
    match_day,
    meter_before_after,
    same_day_3_2,
    x_of_y,
)

DEFAULT: Final = "10-of-10-adjusted"
"""CAISO's default, and what most programmes vary."""
FIRM_SERVICE_LEVEL: Final = "firm-service-level"

_HOUR: Final = 3600.0
_X_OF_Y: Final = re.compile(r"([1-9][0-9]?)-of-([1-9][0-9]?)(-adjusted)?")

Method = Callable[[History, Window], Baseline | NoBaseline]

_BY_NAME: Final[Mapping[str, Method]] = {
    "meter-before": meter_before_after,
    "meter-before-after": lambda history, event: meter_before_after(history, event, after_seconds=_HOUR),
    "same-day-3-2": same_day_3_2,
    "match-day": match_day,
    "centerpoint": centerpoint,
}

NAMES: Final = ("X-of-Y", "X-of-Y-adjusted", *_BY_NAME, FIRM_SERVICE_LEVEL)
"""What a person may choose from; X and Y are numbers of days, as in 5-of-10."""


class ServiceLevel(NamedTuple):
    """What the load may not pass in an event, and the peak load contribution that reductions count from."""

    level_kw: float
    peak_load_kw: float


def method(name: str, level: ServiceLevel | None = None) -> Method:
    """The baseline of that name. Raises ValueError, which says what may be chosen, where there is none."""
    if name == FIRM_SERVICE_LEVEL:
        return lambda history, event: _firm(history, event, level)
    if name in _BY_NAME:
        return _BY_NAME[name]
    found = _X_OF_Y.fullmatch(name)
    if found is None or int(found[1]) > int(found[2]):
        known = ", ".join(NAMES)
        raise ValueError(f"{name!r} is no baseline: use one of {known}, with numbers for X and Y as in 5-of-10")
    x, y, adjustment = int(found[1]), int(found[2]), Adjustment() if found[3] else None
    return lambda history, event: x_of_y(history, event, x, y, adjustment)


def _firm(history: History, event: Window, level: ServiceLevel | None) -> Baseline | NoBaseline:
    if level is None:
        return NoBaseline("firm service level", "the terms of the programme name no firm service level")
    return firm_service_level(history, event, level.level_kw, level.peak_load_kw)
