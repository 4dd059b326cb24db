"""What the next hours are expected to look like, coarsely: a picture for people, decided anew when the hour comes."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from wattswitch.planner.model import Plan, SiteState, Target, Workload
from wattswitch.planner.need import replicas_for
from wattswitch.planner.outlook import Guide, facts_of
from wattswitch.planner.price_ahead import HOUR
from wattswitch.planner.signals import usable
from wattswitch.planner.switching_value import Stake, shares_on
from wattswitch.planner.worth import all_in_price_per_mwh, switch_costs

HOURS_AHEAD = 24
NEARLY = 0.05
"""How far from everything, or from the floors, still counts as there."""


class HourMode(StrEnum):
    """How much of what the limit carries is expected to run."""

    FULL = "Full"
    PART = "Part"
    FLOOR = "Floor"


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour from `start` (Unix seconds), its expected mean watts at the meter, and what they come to in a word."""

    start: float
    watts: int
    mode: HourMode


@dataclass(frozen=True, slots=True)
class Ahead:
    """The next 24 whole hours, the running one first. `basis` is empty where the price of now alone decides."""

    hours: tuple[Hour, ...]
    basis: str
    spread_per_mwh: float | None


@dataclass(frozen=True, slots=True)
class Part:
    """IT watts of a workload on its floor, and at the size that it has while it pays."""

    floor: int
    full: int
    stake: Stake
    on: bool


def ahead(state: SiteState, plan: Plan) -> Ahead:
    """The next hours, from the same facts as the plan. Where nothing is known of them, they are like this one."""
    start = state.now // HOUR * HOUR
    starts = [start + HOUR * hour for hour in range(HOURS_AHEAD)]
    basis, spread = (plan.outlook.basis, plan.outlook.spread_per_mwh) if plan.outlook else ("", None)
    targets = {target.key: target for target in plan.targets}
    parts, fixed = [], state.staying_it_watts
    for w in state.workloads:
        part = _part(state, w, targets[w.key])
        parts.append(part)
        fixed += w.stuck_pods * w.it_watts_per_replica
    floor = _meter_watts(state, fixed + sum(part.floor for part in parts))
    full = _meter_watts(state, fixed + sum(part.full for part in parts))
    watts = [_meter_watts(state, fixed + it_watts) for it_watts in _expected_it_watts(state, parts, plan)]
    watts = watts or [min(plan.planned_watts, plan.limit_watts)] * HOURS_AHEAD
    hours = (Hour(at, drawn, _mode(drawn, floor, full)) for at, drawn in zip(starts, watts, strict=True))
    return Ahead(tuple(hours), basis, spread)


def _expected_it_watts(state: SiteState, parts: list[Part], plan: Plan) -> list[float]:
    """Mean IT watts by hour, nothing where the price to come is not known."""
    guide = _guide(state) if plan.outlook else None
    if guide is None:
        return []
    stakes, on = [part.stake for part in parts], [part.on for part in parts]
    shares = shares_on(stakes, on, guide.grid, guide.sight, guide.step_index)
    floors, above = np.array([part.floor for part in parts]), np.array([part.full - part.floor for part in parts])
    return [float(watts) for watts in floors.sum() + above @ shares]


def _guide(state: SiteState) -> Guide | None:
    price, known = all_in_price_per_mwh(state.budget), state.budget.outlook
    if known is None or price.value is None:
        return None
    return facts_of(state, known, price.value, fresh=price.raisable).guide


def _part(state: SiteState, w: Workload, target: Target) -> Part:
    """What it runs at least and at most; one that price does not move runs what the plan gives it."""
    worth = target.worth_per_mwh
    demand = usable(w.demand.signal, min).value if w.demand else 0.0
    if w.held or w.leaving or worth is None or demand is None:
        kept = w.it_watts(target.goal_replicas)
        return Part(kept, kept, Stake(0.0, 0.0, 0.0), on=True)
    floor = min(w.floor_replicas, w.max_replicas)
    full = max(floor, replicas_for(w, demand))
    stake = Stake(worth - state.budget.adder_per_mwh, *switch_costs(w, worth, state.budget.pue_1e4))
    return Part(w.it_watts(floor), w.it_watts(full), stake, on=target.goal_replicas > floor)


def _meter_watts(state: SiteState, it_watts: float) -> int:
    return min(state.budget.limit_watts, state.budget.committed_watts(round(it_watts)))


def _mode(watts: int, floor: int, full: int) -> HourMode:
    slack = NEARLY * (full - floor)
    if watts >= full - slack:
        return HourMode.FULL
    return HourMode.FLOOR if watts <= floor + slack else HourMode.PART
