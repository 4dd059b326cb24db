"""How many replicas are on although demand does not need them now: it may need them before others could start.

Two questions of money. How much more than the demand of now to be ready for: as long as the share of time during which
one more replica is needed is worth more than what it costs to have it on (the newsvendor's rule). And which replicas
stay on because stopping and starting them costs money besides: each waits from the moment at which it was last needed
until idling has cost as much, so that it never costs more than twice what knowing the demand to come would have cost.

Idling costs the price, or where the limit does not carry everything, what others would have earned with the watts.
"""

from collections.abc import Sequence
from typing import NamedTuple

from wattswitch.planner.model import Demand, SiteState, Workload
from wattswitch.planner.need import replicas_for
from wattswitch.planner.price_ahead import HOUR
from wattswitch.planner.terms import Terms
from wattswitch.planner.worth import SECONDS_PER_HOUR

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


class _Taker(NamedTuple):
    """A workload that would draw watts above its floor now, if it had them; in order of who is given them first."""

    minus_priority: int
    minus_worth_per_mwh: float
    place: int
    it_watts: int
    it_watts_per_replica: int


def idle_cost_per_mwh(everyone: Sequence[Terms], state: SiteState, price_per_mwh: float) -> float:
    """What a MWh costs that nobody uses: the price, or what the last one earns that the limit still carries.

    `everyone` are the terms of the state's workloads. Demand counts as what it is now, so that what waits idle does not
    make idling dearer.
    """
    left, asked, takers = _left_and_takers(everyone, state, price_per_mwh)
    if asked <= left:
        return price_per_mwh
    last = price_per_mwh
    for taker in sorted(takers):
        if taker.it_watts > left:
            return -taker.minus_worth_per_mwh if left >= taker.it_watts_per_replica else last
        left, last = left - taker.it_watts, -taker.minus_worth_per_mwh
    return price_per_mwh


def _left_and_takers(
    everyone: Sequence[Terms], state: SiteState, price_per_mwh: float
) -> tuple[int, int, list[_Taker]]:
    """What is left of the limit beside all that draws anyway, what is asked of it, and by whom."""
    left = state.budget.it_limit_watts - state.staying_it_watts
    asked, takers = 0, []
    for place, (w, worth, _, demanded, floor) in enumerate(everyone):
        moves = not (w.held or w.blocked or w.leaving)
        least = floor if moves else w.spec_replicas
        drawn = w.it_watts(least)
        left -= drawn + w.stuck_pods * w.it_watts_per_replica
        if moves and demanded > least and worth.value is not None and worth.value > price_per_mwh:
            more = w.it_watts(demanded) - drawn
            asked += more
            takers.append(_Taker(-w.priority, -worth.value, place, more, w.it_watts_per_replica))
    return left, asked, takers
