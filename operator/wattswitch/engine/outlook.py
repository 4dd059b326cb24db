"""The next hours in words and in status; told anew where the price, the curve or the site is new."""

import math
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, Final

from wattswitch.api.times import format_time
from wattswitch.engine.learner import HOUR_SECONDS
from wattswitch.engine.report import coarse
from wattswitch.feeds import CurveReading
from wattswitch.planner.ahead import Ahead, Hour, ahead
from wattswitch.planner.model import Plan, SiteState
from wattswitch.planner.outlook import Basis

INTENDED_STEPS: Final = 100
"""Parts of the cap that intended watts are rounded to."""

CLOCK: Final = slice(11, 16)
"""Where hours and minutes are in RFC 3339."""


class OutlookTeller:
    """Keeps what was told of the next hours until there is a new price, a new curve or another site."""

    def __init__(self) -> None:
        self.ahead: Ahead | None = None
        self.status: dict[str, Any] | None = None
        self._made_from: tuple[object, ...] = ()

    def follow(self, state: SiteState, plan: Plan, published: CurveReading | None) -> bool:
        """Bring `ahead` and `status` up to date, both None while no price is known; True where they are new.

        An equal price counts as new with the first reading of the next hour, because the hours have moved on.
        """
        price = state.budget.price
        hour = price.at // HOUR_SECONDS * HOUR_SECONDS
        curve = published.curve if published else None
        part = curve.between(hour, math.inf) if curve else None
        made_from = (plan.price_per_mwh, hour, part, *_site(state))
        if made_from == self._made_from:
            return False
        self._made_from = made_from
        self.ahead = None if plan.price_per_mwh is None else ahead(state, plan)
        self.status = None if self.ahead is None else outlook_status(self.ahead, published, state.budget.cap_watts)
        return True


def _site(state: SiteState) -> Iterator[object]:
    """What there is to run and the power for it, without what moves all the time."""
    yield state.budget.cap_watts
    yield state.budget.event_limits_watts
    for w in state.workloads:
        yield w.key, w.floor_replicas, w.max_replicas, w.it_watts_per_replica


def outlook_status(ahead: Ahead, published: CurveReading | None, cap_watts: int) -> dict[str, Any]:
    """The next hours as the status has them."""
    status: dict[str, Any] = {
        "summary": summary(ahead.hours),
        "basis": ahead.basis or str(Basis.LAST_PRICE),
        "spans": list(_spans(ahead.hours, cap_watts)),
        "until": format_time(ahead.hours[-1].start + HOUR_SECONDS),
    }
    if ahead.spread_per_mwh is not None:
        status["spreadPerMWh"] = f"{ahead.spread_per_mwh:.2f}"
    if published is not None and published.curve is not None:
        status |= {"curveSource": published.source, "curveUntil": format_time(published.curve.end)}
    return status


def _spans(hours: Iterable[Hour], cap_watts: int) -> Iterator[dict[str, Any]]:
    """The hours, equal ones that follow each other once."""

    def told(hour: Hour) -> tuple[str, int]:
        return str(hour.mode), coarse(hour.watts, cap_watts, INTENDED_STEPS)

    for (mode, watts), same in groupby(hours, key=told):
        yield {"start": format_time(next(same).start), "watts": watts, "mode": mode}


def summary(hours: Iterable[Hour]) -> str:
    """The hours in a line: "Full to 17:00Z, Floor to 20:00Z, Full to 14:00Z"."""
    parts = []
    for mode, same in groupby(hours, key=lambda hour: str(hour.mode)):
        *_, last = same
        parts.append(f"{mode} to {format_time(last.start + HOUR_SECONDS)[CLOCK]}Z")
    return ", ".join(parts)
