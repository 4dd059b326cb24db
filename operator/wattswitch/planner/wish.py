"""What price, worth and demand want of one workload, before anybody asks what the site may draw."""

from typing import NamedTuple

from wattswitch.planner import batch
from wattswitch.planner.model import Kind, Reason, SiteState, Workload
from wattswitch.planner.need import replicas_for
from wattswitch.planner.outlook import Prospect, sooner
from wattswitch.planner.signals import Usable
from wattswitch.planner.terms import EVERYTHING, Terms


class Wish(NamedTuple):
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


def wish(of: Terms, state: SiteState, price: Usable, prospect: Prospect | None = None) -> Wish:
    """Decide what a workload should run at this all-in price if watts were free.

    One that is leaving goes to its maximum: price, worth and demand are nothing to it, fresh or not. Without a
    prospect the price of now alone decides.
    """
    w, worth, demand, _, floor = of
    wanted, reason = _wanted(of, state, price, prospect)
    if w.held:
        return Wish(w, worth.value, min(floor, w.spec_replicas), w.spec_replicas, w.spec_replicas, wanted, w.held)
    economic = not (w.leaving or price.value is None or worth.value is None or demand.value is None)
    kept = min(w.spec_replicas, w.max_replicas)
    run_end = _dwell_end(w.raised_at, w.min_run_seconds, state.now) if economic else None
    protected = 0 if run_end is None else kept
    until = sooner(run_end, _look_again_at(of, state, prospect)) if economic else None
    if wanted > kept:
        if obstacle := _raise_obstacle(of, state, price):
            return Wish(w, worth.value, min(floor, kept), protected, kept, wanted, obstacle, until)
        off_end = _dwell_end(w.lowered_at, w.min_off_seconds, state.now)
        if off_end is not None:
            size, until = max(floor, kept), sooner(off_end, until)
            return Wish(w, worth.value, floor, protected, size, wanted, Reason.MIN_OFF, until)
    if wanted < kept and run_end is not None:
        return Wish(w, worth.value, floor, protected, kept, wanted, Reason.MIN_RUN, until)
    return Wish(w, worth.value, floor, protected, wanted, wanted, reason, until)


def _look_again_at(of: Terms, state: SiteState, prospect: Prospect | None) -> float | None:
    """When time alone gives another size."""
    if of.workload.batch is not None and of.workload.demand is not None:
        return batch.look_again_at(state.now) if of.demand.value else None
    return prospect.look_again_at if prospect else None


def _wanted(of: Terms, state: SiteState, price: Usable, prospect: Prospect | None) -> tuple[int, str]:
    w, worth, demand, _, floor = of
    if w.leaving:
        return w.max_replicas, Reason.STOPPING
    if price.value is None:
        return floor, Reason.PRICE_STALE
    if worth.value is None:
        return floor, Reason.WORTH_STALE
    if demand.value is None:
        return floor, Reason.DEMAND_STALE
    demanded = _demanded(of, prospect)
    if w.batch is not None and w.demand is not None:
        return batch.wanted(w, w.batch, state, price.value, worth.value, demand.value, demanded)
    pays = price.value < worth.value
    if prospect is None:
        return _as_demanded(w, demanded, floor) if pays else (floor, Reason.PRICE_ABOVE_STRIKE)
    return _foreseen(w, demanded, floor, prospect, pays=pays)


def _foreseen(w: Workload, demanded: int, floor: int, prospect: Prospect, *, pays: bool) -> tuple[int, str]:
    """The size where the prices to come count, and why."""
    if not (prospect.stay or prospect.start):
        return floor, Reason.SWITCH_COST if pays else Reason.PRICE_ABOVE_STRIKE
    if not prospect.start and (w.spec_replicas < demanded or not pays):
        return _kept_on(w, max(floor, demanded), floor, pays=pays)
    if pays and min(prospect.idle_replicas, w.max_replicas) > max(floor, demanded):
        return min(prospect.idle_replicas, w.max_replicas), Reason.SWITCH_COST
    return _as_demanded(w, demanded, floor)


def _as_demanded(w: Workload, demanded: int, floor: int) -> tuple[int, str]:
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


def _demanded(of: Terms, prospect: Prospect | None) -> int:
    """Replicas for the demand of now, or for that of one start time ahead where being ready for more pays.

    Nothing is expected of a demand that is not fresh. Without a prospect nobody says what pays.
    """
    demand = of.workload.demand
    if demand is None or not of.demand.raisable:
        return of.demanded
    ahead = demand.forecast if prospect is None or prospect.need is None else prospect.need
    return of.demanded if ahead is None else max(of.demanded, replicas_for(of.workload, ahead))


def _raise_obstacle(of: Terms, state: SiteState, price: Usable) -> str:
    """Why this workload may not be raised at all, or nothing."""
    w, meter = of.workload, state.budget.meter
    price, worth, demand = (EVERYTHING,) * 3 if w.leaving else (price, of.worth, of.demand)
    obstacles = (
        (w.blocked, bool(w.blocked)),
        (state.raise_gate, bool(state.raise_gate)),
        (Reason.METER_STALE, meter is not None and not meter.fresh),
        (Reason.PRICE_STALE, not price.raisable),
        (Reason.WORTH_STALE, not worth.raisable),
        (Reason.DEMAND_STALE, not demand.raisable),
    )
    return next((str(reason) for reason, binds in obstacles if binds), "")


def _dwell_end(since: float | None, seconds: int, now: float) -> float | None:
    """When the dwell that began at `since` ends, None where it is over or never began."""
    if since is None or now >= since + seconds:
        return None
    return since + seconds


def is_mining(w: Workload) -> bool:
    """Whether the workload stops in seconds and harms nobody."""
    return w.kind is Kind.MINING
