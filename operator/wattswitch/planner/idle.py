"""Which replicas stay on though demand no longer needs them: it may be back before idling costs more than a start.

Every replica waits for itself, from the moment at which it was last needed until idling has cost as much as stopping
and starting it: so it never costs more than twice what knowing the demand to come would have cost. Idling costs the
price, or where the limit does not carry everything, what the best pool would have earned with its watts.
"""

import math

from wattswitch.planner.model import SiteState, Workload
from wattswitch.planner.need import replicas_for
from wattswitch.planner.price_ahead import HOUR
from wattswitch.planner.worth import worth_per_mwh

LONGEST_SECONDS = 12 * HOUR
"""Nobody waits longer, however little it costs."""


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


def idle_cost_per_mwh(state: SiteState, price_per_mwh: float) -> float:
    """What a MWh costs that nobody uses."""
    return max(price_per_mwh, _best_pool_per_mwh(state) if _contested(state) else -math.inf)


def _best_pool_per_mwh(state: SiteState) -> float:
    """What the best workload would earn that could take more watts at any time."""
    pools = (w for w in state.workloads if w.demand is None and not (w.held or w.blocked or w.leaving))
    worths = (worth_per_mwh(w, state.budget.pue_1e4).value for w in pools)
    return max((worth for worth in worths if worth is not None), default=-math.inf)


def _contested(state: SiteState) -> bool:
    """Whether the limit does not carry every workload at its largest."""
    fixed = sum(d.staying_pods * d.it_watts_per_pod for d in state.draws)
    for w in state.workloads:
        moves = not (w.held or w.blocked)
        fixed += w.it_watts(w.max_replicas if moves else w.spec_replicas) + w.stuck_pods * w.it_watts_per_replica
    return fixed > state.budget.it_limit_watts
