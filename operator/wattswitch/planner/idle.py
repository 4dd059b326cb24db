"""How many replicas are on although demand does not need them now: it may need them before others could start.

Two questions of money. How much more than the demand of now to be ready for: as long as the share of time during which
one more replica is needed is worth more than what it costs to have it on (the newsvendor's rule). And which replicas
stay on because stopping and starting them costs money besides: each waits from the moment at which it was last needed
until idling has cost as much, so that it never costs more than twice what knowing the demand to come would have cost.

Idling costs the price, or where the limit does not carry everything, what others would have earned with the watts.
"""

from dataclasses import dataclass

from wattswitch.planner.model import Demand, SiteState, Workload
from wattswitch.planner.need import replicas_for
from wattswitch.planner.price_ahead import HOUR
from wattswitch.planner.signals import usable
from wattswitch.planner.worth import SECONDS_PER_HOUR, worth_per_mwh

LONGEST_SECONDS = 12 * HOUR
"""Nobody waits longer, however little it costs."""


def need_that_pays(demand: Demand, cost_per_mwh: float, worth_per_mwh: float) -> float | None:
    """The demand to be ready for where a MWh in use earns `worth_per_mwh` and an idle one costs `cost_per_mwh`.

    None where it is not known how often demand is how high. Between two shares the need is drawn straight, and nothing
    is needed during more than all of the time.
    """
    if not demand.needs or worth_per_mwh <= 0:
        return None
    share = cost_per_mwh / worth_per_mwh
    before, most = demand.needs[0]
    for after, need in (*demand.needs, (1.0, 0.0)):
        if share <= after:
            part = max(0.0, share - before) / (after - before) if after > before else 0.0
            return most + part * (need - most)
        before, most = after, need
    return 0.0


def kept_idle(w: Workload, stake_per_mw: float, cost_per_mwh: float, now: float) -> tuple[int, float | None]:
    """How many replicas to keep for what was needed lately, and when that will be fewer.

    `stake_per_mw` is what a stop and a start cost, `cost_per_mwh` what idling does.
    """
    if w.demand is None or not w.demand.recent:
        return 0, None
    patience = LONGEST_SECONDS
    if cost_per_mwh > 0:
        patience = min(patience, stake_per_mw / cost_per_mwh * HOUR)
    for until, needed in w.demand.recent[:-1]:
        if now < until + patience:
            return min(w.spec_replicas, replicas_for(w, needed)), until + patience
    return 0, None


def stake_per_mw(w: Workload, start_cost: float, stop_cost: float, worth_per_mwh: float) -> float:
    """What stopping a replica that demand may need again puts at stake.

    Where the demand ahead is foreseen the next start is made in time, so that only its wear is lost.
    """
    if w.demand is None or not w.demand.needs:
        return start_cost + stop_cost
    return max(0.0, start_cost - max(0.0, worth_per_mwh) / SECONDS_PER_HOUR * w.start_seconds)


@dataclass(frozen=True, slots=True)
class _Taker:
    """A workload that would draw watts above its floor now, if it had them."""

    priority: int
    worth_per_mwh: float
    it_watts: int
    it_watts_per_replica: int


def idle_cost_per_mwh(state: SiteState, price_per_mwh: float) -> float:
    """What a MWh costs that nobody uses: the price, or what the last one earns that the limit still carries.

    Demand counts as what it is now, so that what waits idle does not make idling dearer.
    """
    left, takers = _left_and_takers(state, price_per_mwh)
    takers.sort(key=lambda taker: (-taker.priority, -taker.worth_per_mwh))
    last = price_per_mwh
    for taker in takers:
        if taker.it_watts > left:
            return taker.worth_per_mwh if left >= taker.it_watts_per_replica else last
        left, last = left - taker.it_watts, taker.worth_per_mwh
    return price_per_mwh


def _left_and_takers(state: SiteState, price_per_mwh: float) -> tuple[int, list[_Taker]]:
    """What is left of the limit beside all that draws anyway, and who would take it."""
    left = state.budget.it_limit_watts - sum(d.staying_pods * d.it_watts_per_pod for d in state.draws)
    takers = []
    for w in state.workloads:
        worth = worth_per_mwh(w, state.budget.pue_1e4).value
        moves = not (w.held or w.blocked or w.leaving)
        least = min(w.floor_replicas, w.max_replicas) if moves else w.spec_replicas
        left -= w.it_watts(least) + w.stuck_pods * w.it_watts_per_replica
        most = _asked_for(w)
        if moves and worth is not None and worth > price_per_mwh and most > least:
            more = w.it_watts(most) - w.it_watts(least)
            takers.append(_Taker(w.priority, worth, more, w.it_watts_per_replica))
    return left, takers


def _asked_for(w: Workload) -> int:
    if w.demand is None:
        return w.max_replicas
    demand = usable(w.demand.signal, min).value
    return 0 if demand is None else replicas_for(w, demand)
