"""One decision as the accounts count it: what each workload draws, would draw, earns, and why it draws less."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from wattswitch.planner.model import PUE_SCALE, Budget, Kind, Mode, Plan, Reason, SiteState, Target, Workload
from wattswitch.planner.need import replicas_for
from wattswitch.settlement.intervalbook import Observation, Part

COMING_BACK: Final = frozenset({Reason.MIN_OFF, Reason.RAMP_UP, Reason.WAITING_FOR_WATTS, Reason.SETTLING})
"""What binds a workload that nothing holds down any more, and that is not back yet."""


def tally(state: SiteState, plan: Plan, before: Mapping[str, Part]) -> Observation:
    """The site at the moment of this decision; `before` has the parts of the last one, by workload.

    In Advise nothing is held down by us, whatever the plan would do.
    """
    budget = state.budget
    targets = {target.key: target for target in plan.targets}
    parts = {w.key: _part(w, targets[w.key], budget, before.get(w.key)) for w in state.workloads}
    for draw in state.draws:
        _add(parts, draw.key, draw.pods * draw.it_watts_per_pod)
    meter = budget.meter
    return Observation(
        at=state.now,
        parts=tuple(parts.values()),
        fixed_watts=budget.fixed_watts,
        pue=budget.pue_1e4 / PUE_SCALE,
        meter_watts=meter.value if meter is not None and meter.fresh else None,
        price_per_mwh=plan.price_per_mwh if budget.price.fresh else None,
        estimated=state.raise_gate == Reason.VIEW_STALE,
    )


def _part(w: Workload, target: Target, budget: Budget, before: Part | None) -> Part:
    watts, per_replica = w.booked_pods * w.it_watts_per_replica, w.it_watts_per_replica
    demanded = _demanded(w)
    earning = watts if demanded is None else min(watts, demanded * per_replica)
    if w.held or w.leaving or budget.mode is Mode.ADVISE:
        return Part(w.key, watts, None, earning, target.worth_per_mwh)
    wanted = w.it_watts(target.wanted_replicas)
    back = before is not None and watts < wanted and target.reason in COMING_BACK
    return Part(
        workload=w.key,
        watts=watts,
        wanted_watts=wanted,
        earning_watts=earning,
        worth_per_mwh=target.worth_per_mwh,
        by_price=_held_by_price(w, target, demanded) or (back and before is not None and before.by_price),
        by_event=_held_by_event(target, budget) or (back and before is not None and before.by_event),
    )


def _demanded(w: Workload) -> int | None:
    """Replicas that somebody asks for; None where that is all that can run. What is idle earns nothing."""
    demand = w.demand
    if w.kind is Kind.MINING or demand is None or demand.signal.value is None:
        return None
    return replicas_for(w, demand.signal.value)


def _held_by_price(w: Workload, target: Target, demanded: int | None) -> bool:
    """Whether it would run more if power cost nothing; a price or a worth that is not known counts as one too high."""
    if w.demand is not None and not w.demand.signal.fresh:
        return target.reason == Reason.PRICE_ABOVE_STRIKE
    return target.wanted_replicas < (w.max_replicas if demanded is None else demanded)


def _held_by_event(target: Target, budget: Budget) -> bool:
    lowest = min(budget.event_limits_watts, default=budget.cap_watts)
    return lowest < budget.cap_watts and target.limited_by == Reason.POWER_LIMIT


def _add(parts: dict[str, Part], key: str, watts: int) -> None:
    """Count pods that no plan controls; those of a target and of its namesake that is gone are one."""
    known = parts.get(key)
    if known is None:
        parts[key] = Part(key, watts)
        return
    wanted = None if known.wanted_watts is None else known.wanted_watts + watts
    earning = known.watts if known.earning_watts is None else known.earning_watts
    parts[key] = replace(known, watts=known.watts + watts, wanted_watts=wanted, earning_watts=earning)
