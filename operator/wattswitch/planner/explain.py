"""A reason as a sentence with its numbers, for status, Events and the command line."""

from collections.abc import Callable
from dataclasses import dataclass

from wattswitch.planner.model import Budget, Plan, Reason, SiteState, Target, Workload
from wattswitch.planner.need import replicas_for
from wattswitch.planner.outlook import Basis
from wattswitch.planner.signals import usable
from wattswitch.planner.worth import switch_costs

KILOWATTS_FROM = 10_000
MEGAWATTS_FROM = 10_000_000


def power(watts: int) -> str:
    """Watts for a person: as they are below 10 kW, else in kW, and in MW from 10 MW on."""
    if abs(watts) < KILOWATTS_FROM:
        return f"{watts} W"
    if abs(watts) < MEGAWATTS_FROM:
        return f"{watts / 1e3:.1f} kW"
    return f"{watts / 1e6:.2f} MW"


def money(amount: float | None, per: str, currency: str = "") -> str:
    """A price or a worth for a person, with its currency where that is known."""
    if amount is None:
        return "unknown"
    return f"{amount:.2f} {currency}/{per}" if currency else f"{amount:.2f}/{per}"


@dataclass(frozen=True, slots=True)
class Case:
    """A target, and what it was decided from."""

    target: Target
    workload: Workload
    plan: Plan
    state: SiteState
    currency: str

    @property
    def strike(self) -> str:
        """What a MWh earns here."""
        return money(self.target.worth_per_mwh, "MWh", self.currency)

    @property
    def limit(self) -> str:
        """The limit in force, and what of the grid sets it."""
        source = f", set by {self.state.budget.limited_by}" if self.state.budget.limited_by else ""
        return f"the limit of {power(self.plan.limit_watts)}{source}"

    @property
    def demand(self) -> float | None:
        """How much work waits, as far as that is to be believed."""
        return usable(self.workload.demand.signal, min).value if self.workload.demand else None


Sentence = Callable[[Case], str]


def explain(target: Target, workload: Workload, plan: Plan, state: SiteState, currency: str = "") -> str:
    """Why the target has the size it has, in one sentence.

    Holds no number that moves while nothing is decided, so that a status that repeats it comes to rest.
    """
    sentence = _SENTENCES.get(target.reason)
    return sentence(Case(target, workload, plan, state, currency)) if sentence else target.reason


def _at_maximum(case: Case) -> str:
    return f"all {case.workload.max_replicas} replicas pay: the price is below {case.strike}"


def _demand_met(case: Case) -> str:
    wanted, w, demand = case.target.wanted_replicas, case.workload, case.demand
    if demand is not None and replicas_for(w, demand) < wanted:
        if wanted <= w.floor_replicas:
            return f"the floor of {wanted} replicas is more than the demand needs"
        if w.batch is not None:
            return f"{wanted} replicas finish what waits by its deadline"
        return f"{wanted} replicas serve the demand that is expected {w.start_seconds} s ahead"
    return f"{wanted} replicas serve the demand"


def _price_above_strike(case: Case) -> str:
    return f"the price is not below {case.strike}, what a MWh earns here"


def _switch_cost(case: Case) -> str:
    worth = case.target.worth_per_mwh or 0.0
    start, stop = switch_costs(case.workload, worth, case.state.budget.pue_1e4)
    both = money(start + stop, "MW", case.currency)
    expected = "as it has been" if _known_by_last_price(case.plan) else "expected"
    demand = case.demand
    if demand is not None and _pays(case) and replicas_for(case.workload, demand) < case.target.wanted_replicas:
        return f"a stop and a start cost {both}: the demand may be back before idling costs as much"
    if _pays(case):
        one = money(start, "MW", case.currency)
        return f"a start costs {one}: the price, {expected}, is not below {case.strike} for long enough to pay it"
    return (
        f"a stop and a start cost {both}: the price, {expected}, is not above {case.strike} for long enough to pay them"
    )


def _pays(case: Case) -> bool:
    price, worth = case.plan.price_per_mwh, case.target.worth_per_mwh
    return price is not None and worth is not None and price < worth


def _known_by_last_price(plan: Plan) -> bool:
    return plan.outlook is None or plan.outlook.basis == Basis.LAST_PRICE


def _cheaper_ahead(case: Case) -> str:
    return f"{case.target.wanted_replicas} replicas run now: hours that are cheaper can finish the rest by its deadline"


def _deadline(case: Case) -> str:
    wanted = case.target.wanted_replicas
    return f"{wanted} replicas are needed to meet the deadline, though the price is not below {case.strike}"


def _power_limit(case: Case) -> str:
    return _fits(case.target, case.limit)


def _gpu_limit(case: Case) -> str:
    return _fits(case.target, f"GPU group {case.workload.gpu_group!r}")


def _fits(target: Target, room: str) -> str:
    """What fits of what is wanted, or of what dwell or a pause keeps beyond it."""
    if target.goal_replicas < target.wanted_replicas:
        return f"{target.goal_replicas} of {target.wanted_replicas} wanted replicas fit into {room}"
    return f"{room} carries {target.goal_replicas} replicas"


def _floor_unmet(case: Case) -> str:
    target, w = case.target, case.workload
    room = f"GPU group {w.gpu_group!r}" if target.limited_by == Reason.GPU_LIMIT else case.limit
    return f"{room} carries {target.goal_replicas} of the floor of {w.floor_replicas} replicas"


def _min_run(case: Case) -> str:
    seconds = case.workload.min_run_seconds
    return f"wants {case.target.wanted_replicas} replicas, but was raised less than {seconds} s ago"


def _min_off(case: Case) -> str:
    seconds = case.workload.min_off_seconds
    return f"wants {case.target.wanted_replicas} replicas, but was lowered less than {seconds} s ago"


def _stale(name: str, pick: Callable[[Budget, Workload], str]) -> Sentence:
    def sentence(case: Case) -> str:
        problem = pick(case.state.budget, case.workload)
        return f"the {name} feed is not fresh ({problem}): nothing that depends on it is raised"

    return sentence


def _price_problem(budget: Budget, _: Workload) -> str:
    return budget.price.problem


def _worth_problem(_: Budget, w: Workload) -> str:
    return w.worth.signal.problem


def _demand_problem(_: Budget, w: Workload) -> str:
    return w.demand.signal.problem if w.demand else ""


def _meter_problem(budget: Budget, _: Workload) -> str:
    return budget.meter.problem if budget.meter else ""


def _stopping(case: Case) -> str:
    return f"its workload object was deleted: it is left with {case.workload.max_replicas} replicas"


def _fixed(text: str) -> Sentence:
    return lambda case: text


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
    Reason.PARENT_UNKNOWN: _fixed("a budget of its tree is missing, unknown or may not raise: nothing is raised"),
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
