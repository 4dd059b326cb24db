"""What price, worth and demand want of one workload, before anybody asks what the site may draw."""

import math
from dataclasses import dataclass

from wattswitch.planner.model import Kind, Reason, SiteState, Workload
from wattswitch.planner.signals import Usable, usable
from wattswitch.planner.worth import worth_per_mwh

EVERYTHING = Usable(math.inf, raisable=True)

TOLERANCE_REPLICAS = 1e-9
"""What a division of decimals held as floats may be off: 0.14 / 0.02 is 7.000000000000001."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How large a workload wants to be, and how firmly.

    `floor` may only be taken by the limit; replicas up to `protected` only by the limit or by a strictly higher
    priority, never by another's worth; `size` is what it should run if watts allow, above `max_replicas` only where
    the workload is held there. `wanted` is the size without dwell, pause or staleness.
    """

    workload: Workload
    worth_per_mwh: float | None
    floor: int
    protected: int
    size: int
    wanted: int
    reason: str
    look_again_at: float | None = None

    @property
    def kept(self) -> int:
        """What it has of what it wishes: protected replicas are among these."""
        return min(self.size, self.workload.spec_replicas)


def wish(workload: Workload, state: SiteState, price: Usable) -> Wish:
    """Decide what `workload` should run at this all-in price if watts were free.

    One that is leaving goes to its maximum: price, worth and demand are nothing to it, fresh or not.
    """
    worth = worth_per_mwh(workload, state.budget.pue_1e4)
    demand = usable(workload.demand.signal, min) if workload.demand else EVERYTHING
    wanted, reason = _wanted(workload, price, worth, demand)
    obstacle = _raise_obstacle(workload, state, (price, worth, demand))
    economic = not workload.leaving and None not in (price.value, worth.value, demand.value)
    return _settle(workload, worth.value, wanted, reason, obstacle, state.now, may_dwell=economic)


def _wanted(w: Workload, price: Usable, worth: Usable, demand: Usable) -> tuple[int, str]:
    floor = min(w.floor_replicas, w.max_replicas)
    if w.leaving:
        return w.max_replicas, Reason.STOPPING
    if price.value is None:
        return floor, Reason.PRICE_STALE
    if worth.value is None:
        return floor, Reason.WORTH_STALE
    if demand.value is None:
        return floor, Reason.DEMAND_STALE
    if worth.value <= price.value:
        return floor, Reason.PRICE_ABOVE_STRIKE
    demanded = replicas_for(w, demand.value)
    if demanded >= w.max_replicas:
        return w.max_replicas, Reason.AT_MAXIMUM
    return max(floor, demanded), Reason.DEMAND_MET


def replicas_for(w: Workload, demand: float) -> int:
    """The fewest replicas that serve this demand, at most `max_replicas`; never more for less demand."""
    if w.demand is None or demand >= w.max_replicas * w.demand.per_replica:
        return w.max_replicas
    if demand <= 0:
        return 0
    return max(0, math.ceil(demand / w.demand.per_replica - TOLERANCE_REPLICAS))


def _raise_obstacle(w: Workload, state: SiteState, signals: tuple[Usable, Usable, Usable]) -> str:
    """Why this workload may not be raised at all, or nothing."""
    meter = state.budget.meter
    price, worth, demand = (EVERYTHING,) * 3 if w.leaving else signals
    obstacles = (
        (w.blocked, bool(w.blocked)),
        (state.raise_gate, bool(state.raise_gate)),
        (Reason.METER_STALE, meter is not None and not meter.fresh),
        (Reason.PRICE_STALE, not price.raisable),
        (Reason.WORTH_STALE, not worth.raisable),
        (Reason.DEMAND_STALE, not demand.raisable),
    )
    return next((str(reason) for reason, binds in obstacles if binds), "")


def _settle(
    w: Workload, worth: float | None, wanted: int, reason: str, obstacle: str, now: float, *, may_dwell: bool
) -> Wish:
    floor = min(w.floor_replicas, w.max_replicas)
    if w.held:
        held = w.spec_replicas
        return Wish(w, worth, min(floor, held), held, held, wanted, w.held)
    kept = min(w.spec_replicas, w.max_replicas)
    run_end = _dwell_end(w.raised_at, w.min_run_seconds, now) if may_dwell else None
    off_end = _dwell_end(w.lowered_at, w.min_off_seconds, now)
    protected = kept if run_end is not None else 0
    if wanted > kept and obstacle:
        return Wish(w, worth, min(floor, kept), protected, kept, wanted, obstacle, run_end)
    if wanted > kept and off_end is not None:
        until = off_end if run_end is None else min(off_end, run_end)
        return Wish(w, worth, floor, protected, max(floor, kept), wanted, Reason.MIN_OFF, until)
    if wanted < kept and run_end is not None:
        return Wish(w, worth, floor, protected, kept, wanted, Reason.MIN_RUN, run_end)
    return Wish(w, worth, floor, protected, wanted, wanted, reason, run_end)


def _dwell_end(since: float | None, seconds: int, now: float) -> float | None:
    """When the dwell that began at `since` ends, None where it is over or never began."""
    if since is None or now >= since + seconds:
        return None
    return since + seconds


def is_mining(w: Workload) -> bool:
    """Whether the workload stops in seconds and harms nobody."""
    return w.kind is Kind.MINING
