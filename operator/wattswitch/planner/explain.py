"""A reason as a sentence with its numbers, for status, Events and the command line."""

from collections.abc import Callable

from wattswitch.planner.model import Budget, Plan, Reason, SiteState, Target, Workload
from wattswitch.planner.need import replicas_for
from wattswitch.planner.outlook import Basis
from wattswitch.planner.signals import usable
from wattswitch.planner.worth import switch_costs

Sentence = Callable[[Target, Workload, Plan, SiteState], str]


def explain(target: Target, workload: Workload, plan: Plan, state: SiteState) -> str:
    """Why the target has the size it has, in one sentence.

    Holds no number that moves while nothing is decided, so that a status that repeats it comes to rest.
    """
    sentence = _SENTENCES.get(target.reason)
    return sentence(target, workload, plan, state) if sentence else target.reason


def _money(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}/MWh"


def _at_maximum(target: Target, w: Workload, _: Plan, __: SiteState) -> str:
    return f"all {w.max_replicas} replicas pay: the price is below {_money(target.worth_per_mwh)}"


def _demand_met(target: Target, w: Workload, _: Plan, __: SiteState) -> str:
    demand = usable(w.demand.signal, min).value if w.demand else None
    if demand is not None and replicas_for(w, demand) < target.wanted_replicas:
        if target.wanted_replicas <= w.floor_replicas:
            return f"the floor of {target.wanted_replicas} replicas is more than the demand needs"
        if w.batch is not None:
            return f"{target.wanted_replicas} replicas finish what waits by its deadline"
        return f"{target.wanted_replicas} replicas serve the demand that is expected {w.start_seconds} s ahead"
    return f"{target.wanted_replicas} replicas serve the demand"


def _price_above_strike(target: Target, _: Workload, __: Plan, ___: SiteState) -> str:
    return f"the price is not below {_money(target.worth_per_mwh)}, what a MWh earns here"


def _switch_cost(target: Target, w: Workload, plan: Plan, state: SiteState) -> str:
    start, stop = switch_costs(w, target.worth_per_mwh or 0.0, state.budget.pue_1e4)
    strike = _money(target.worth_per_mwh)
    expected = "as it has been" if _known_by_last_price(plan) else "expected"
    demand = usable(w.demand.signal, min).value if w.demand else None
    if demand is not None and _pays(target, plan) and replicas_for(w, demand) < target.wanted_replicas:
        return f"a stop and a start cost {start + stop:.2f}/MW: the demand may be back before idling costs as much"
    if _pays(target, plan):
        return f"a start costs {start:.2f}/MW: the price, {expected}, is not below {strike} for long enough to pay it"
    both = f"{start + stop:.2f}/MW"
    return f"a stop and a start cost {both}: the price, {expected}, is not above {strike} for long enough to pay them"


def _pays(target: Target, plan: Plan) -> bool:
    price, worth = plan.price_per_mwh, target.worth_per_mwh
    return price is not None and worth is not None and price < worth


def _known_by_last_price(plan: Plan) -> bool:
    return plan.outlook is None or plan.outlook.basis == Basis.LAST_PRICE


def _cheaper_ahead(target: Target, w: Workload, _: Plan, __: SiteState) -> str:
    return f"{target.wanted_replicas} replicas run now: hours that are cheaper can finish the rest by its deadline"


def _deadline(target: Target, _: Workload, __: Plan, ___: SiteState) -> str:
    strike = _money(target.worth_per_mwh)
    return f"{target.wanted_replicas} replicas are needed to meet the deadline, though the price is not below {strike}"


def _power_limit(target: Target, _: Workload, plan: Plan, __: SiteState) -> str:
    return _fits(target, f"the limit of {plan.limit_watts} W")


def _gpu_limit(target: Target, w: Workload, _: Plan, __: SiteState) -> str:
    return _fits(target, f"GPU group {w.gpu_group!r}")


def _fits(target: Target, room: str) -> str:
    """What fits of what is wanted, or of what dwell or a pause keeps beyond it."""
    if target.goal_replicas < target.wanted_replicas:
        return f"{target.goal_replicas} of {target.wanted_replicas} wanted replicas fit into {room}"
    return f"{room} carries {target.goal_replicas} replicas"


def _floor_unmet(target: Target, w: Workload, plan: Plan, _: SiteState) -> str:
    room = f"the limit of {plan.limit_watts} W"
    if target.limited_by == Reason.GPU_LIMIT:
        room = f"GPU group {w.gpu_group!r}"
    return f"{room} carries {target.goal_replicas} of the floor of {w.floor_replicas} replicas"


def _min_run(target: Target, w: Workload, _: Plan, __: SiteState) -> str:
    return f"wants {target.wanted_replicas} replicas, but was raised less than {w.min_run_seconds} s ago"


def _min_off(target: Target, w: Workload, _: Plan, __: SiteState) -> str:
    return f"wants {target.wanted_replicas} replicas, but was lowered less than {w.min_off_seconds} s ago"


def _stale(name: str, pick: Callable[[Budget, Workload], str]) -> Sentence:
    def sentence(target: Target, w: Workload, _: Plan, state: SiteState) -> str:
        return f"the {name} feed is not fresh ({pick(state.budget, w)}): nothing that depends on it is raised"

    return sentence


def _price_problem(budget: Budget, _: Workload) -> str:
    return budget.price.problem


def _worth_problem(_: Budget, w: Workload) -> str:
    return w.worth.signal.problem


def _demand_problem(_: Budget, w: Workload) -> str:
    return w.demand.signal.problem if w.demand else ""


def _meter_problem(budget: Budget, _: Workload) -> str:
    return budget.meter.problem if budget.meter else ""


def _stopping(_: Target, w: Workload, __: Plan, ___: SiteState) -> str:
    return f"its workload object was deleted: it is left with {w.max_replicas} replicas"


def _fixed(text: str) -> Sentence:
    return lambda target, w, plan, state: text


_SENTENCES: dict[str, Sentence] = {
    Reason.AT_MAXIMUM: _at_maximum,
    Reason.DEMAND_MET: _demand_met,
    Reason.PRICE_ABOVE_STRIKE: _price_above_strike,
    Reason.SWITCH_COST: _switch_cost,
    Reason.CHEAPER_AHEAD: _cheaper_ahead,
    Reason.DEADLINE: _deadline,
    Reason.POWER_LIMIT: _power_limit,
    Reason.GPU_LIMIT: _gpu_limit,
    Reason.FLOOR_UNMET: _floor_unmet,
    Reason.MIN_RUN: _min_run,
    Reason.MIN_OFF: _min_off,
    Reason.RAMP_UP: _fixed("power may not rise faster than rampUpWattsPerMinute"),
    Reason.RAMP_DOWN: _fixed("power may not fall faster than rampDownWattsPerMinute"),
    Reason.WAITING_FOR_WATTS: _fixed("waits until the watts it needs are seen free"),
    Reason.WAITING_FOR_GPUS: _fixed("waits until the GPUs it needs are seen free"),
    Reason.SETTLING: _fixed("waits until the cluster has shown the last change of size"),
    Reason.PRICE_STALE: _stale("price", _price_problem),
    Reason.WORTH_STALE: _stale("worth", _worth_problem),
    Reason.DEMAND_STALE: _stale("demand", _demand_problem),
    Reason.METER_STALE: _stale("meter", _meter_problem),
    Reason.VIEW_STALE: _fixed("the cluster has not been re-listed lately: nothing is raised until it is"),
    Reason.NOT_LEADER: _fixed("this operator does not hold the Lease: it raises nothing"),
    Reason.LEDGER_UNWRITTEN: _fixed("the books could not be written: nothing is raised until they are"),
    Reason.INVALID_SPEC: _fixed("its spec cannot be read: it stays as it is, and only the limit lowers it"),
    Reason.HARDWARE_UNKNOWN: _fixed("its hardware is not listed any more: only the limit lowers it"),
    Reason.NAMESPACE_NOT_ADMITTED: _fixed("its namespace is not admitted any more: only the limit lowers it"),
    Reason.PAUSED: _fixed("paused by annotation: only the limit lowers it, nothing raises it"),
    Reason.STARTING: _fixed("the feeds have not been heard yet: until they are, only the limit lowers it"),
    Reason.STOPPING: _stopping,
}
