"""What price, worth and demand want of one workload, before anybody asks what the site may draw."""

import math
from dataclasses import dataclass

from wattswitch.planner import batch
from wattswitch.planner.model import Kind, Reason, SiteState, Workload
from wattswitch.planner.need import replicas_for
from wattswitch.planner.outlook import Prospect
from wattswitch.planner.signals import Usable, usable
from wattswitch.planner.worth import worth_per_mwh

EVERYTHING = Usable(math.inf, raisable=True)


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


def wish(workload: Workload, state: SiteState, price: Usable, prospect: Prospect | None = None) -> Wish:
    """Decide what `workload` should run at this all-in price if watts were free.

    One that is leaving goes to its maximum: price, worth and demand are nothing to it, fresh or not. Without a
    prospect the price of now alone decides.
    """
    worth = prospect.worth if prospect else worth_per_mwh(workload, state.budget.pue_1e4)
    demand = usable(workload.demand.signal, min) if workload.demand else EVERYTHING
    wanted, reason = _wanted(workload, state, price, worth, demand, prospect)
    obstacle = _raise_obstacle(workload, state, (price, worth, demand))
    economic = not workload.leaving and None not in (price.value, worth.value, demand.value)
    look_again_at = _look_again_at(workload, state, demand, prospect) if economic else None
    return _settle(workload, worth.value, wanted, reason, obstacle, state.now, look_again_at, may_dwell=economic)


def _look_again_at(w: Workload, state: SiteState, demand: Usable, prospect: Prospect | None) -> float | None:
    """When time alone gives another size."""
    if w.batch is not None and w.demand is not None:
        return batch.look_again_at(state.now) if demand.value else None
    return prospect.look_again_at if prospect else None


def _wanted(
    w: Workload, state: SiteState, price: Usable, worth: Usable, demand: Usable, prospect: Prospect | None
) -> tuple[int, str]:
    floor = min(w.floor_replicas, w.max_replicas)
    if w.leaving:
        return w.max_replicas, Reason.STOPPING
    if price.value is None:
        return floor, Reason.PRICE_STALE
    if worth.value is None:
        return floor, Reason.WORTH_STALE
    if demand.value is None:
        return floor, Reason.DEMAND_STALE
    demanded = replicas_for(w, _needed(w, demand, prospect))
    if w.batch is not None and w.demand is not None:
        return batch.wanted(w, w.batch, state, price.value, worth.value, demand.value, demanded)
    pays = price.value < worth.value
    if not pays if prospect is None else not (prospect.stay or prospect.start):
        return floor, Reason.SWITCH_COST if pays else Reason.PRICE_ABOVE_STRIKE
    if prospect is not None and not prospect.start and (w.spec_replicas < demanded or not pays):
        return _kept_on(w, max(floor, demanded), floor, pays=pays)
    if prospect is not None and pays and min(prospect.idle_replicas, w.max_replicas) > max(floor, demanded):
        return min(prospect.idle_replicas, w.max_replicas), Reason.SWITCH_COST
    if demanded >= w.max_replicas:
        return w.max_replicas, Reason.AT_MAXIMUM
    return max(floor, demanded), Reason.DEMAND_MET


def _kept_on(w: Workload, demanded: int, floor: int, *, pays: bool) -> tuple[int, str]:
    """What runs stays on, and nothing starts, for what a switch costs."""
    size = max(floor, min(w.spec_replicas, demanded))
    if size == floor and not pays:
        return floor, Reason.PRICE_ABOVE_STRIKE
    if size == demanded and pays:
        return size, Reason.AT_MAXIMUM if size == w.max_replicas else Reason.DEMAND_MET
    return size, Reason.SWITCH_COST


def _needed(w: Workload, demand: Usable, prospect: Prospect | None) -> float:
    """The demand to be ready for: that of now, or one start time ahead where being ready for more pays.

    Nothing is expected of a demand that is not fresh. Without a prospect nobody says what pays.
    """
    now = demand.value or 0.0
    if w.demand is None or not demand.raisable:
        return now
    ahead = w.demand.forecast if prospect is None or prospect.need is None else prospect.need
    return now if ahead is None else max(now, ahead)


def _raise_obstacle(w: Workload, state: SiteState, signals: tuple[Usable, Usable, Usable]) -> str:
    """Why this workload may not be raised at all, or nothing."""
    meter = state.budget.meter
    price, worth, demand = (EVERYTHING,) * 3 if w.leaving else signals
    if (
        not w.blocked
        and not state.raise_gate
        and meter is None
        and price.raisable
        and worth.raisable
        and demand.raisable
    ):
        return ""
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
    w: Workload,
    worth: float | None,
    wanted: int,
    reason: str,
    obstacle: str,
    now: float,
    look_again_at: float | None,
    *,
    may_dwell: bool,
) -> Wish:
    floor = min(w.floor_replicas, w.max_replicas)
    if w.held:
        held = w.spec_replicas
        return Wish(w, worth, min(floor, held), held, held, wanted, w.held)
    kept = min(w.spec_replicas, w.max_replicas)
    run_end = _dwell_end(w.raised_at, w.min_run_seconds, now) if may_dwell else None
    off_end = _dwell_end(w.lowered_at, w.min_off_seconds, now)
    protected = kept if run_end is not None else 0
    until = _sooner(run_end, look_again_at)
    if wanted > kept and obstacle:
        return Wish(w, worth, min(floor, kept), protected, kept, wanted, obstacle, until)
    if wanted > kept and off_end is not None:
        return Wish(w, worth, floor, protected, max(floor, kept), wanted, Reason.MIN_OFF, _sooner(off_end, until))
    if wanted < kept and run_end is not None:
        return Wish(w, worth, floor, protected, kept, wanted, Reason.MIN_RUN, until)
    return Wish(w, worth, floor, protected, wanted, wanted, reason, until)


def _sooner(a: float | None, b: float | None) -> float | None:
    if a is None or b is None:
        return b if a is None else a
    return min(a, b)


def _dwell_end(since: float | None, seconds: int, now: float) -> float | None:
    """When the dwell that began at `since` ends, None where it is over or never began."""
    if since is None or now >= since + seconds:
        return None
    return since + seconds


def is_mining(w: Workload) -> bool:
    """Whether the workload stops in seconds and harms nobody."""
    return w.kind is Kind.MINING
