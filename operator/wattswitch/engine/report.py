"""Plan to words: the status of the budget and of every workload, as data. Writes nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wattswitch.api.base import Condition, ConditionStatus, set_condition
from wattswitch.engine.books import Book
from wattswitch.engine.observe import Observation
from wattswitch.engine.roster import Effect, Entry
from wattswitch.feeds import Reading
from wattswitch.planner.explain import explain
from wattswitch.planner.model import Kind, Mode, Plan, Reason, Signal, SiteState, Target, Workload

FITS_REASONS = frozenset({Reason.POWER_LIMIT, Reason.GPU_LIMIT, Reason.FLOOR_UNMET})

MEASURED_STEPS = 1000
"""Parts of the cap that measured watts are rounded to in status; the exact reading is a metric."""

GATES: Mapping[str, str] = {
    Reason.INVALID_SPEC: "the PowerBudget cannot be read: what it said before stays in force, and nothing is raised",
    Reason.NOT_LEADER: "this operator does not hold the Lease: it raises nothing",
    Reason.LEDGER_UNWRITTEN: "the books could not be written to the API server: nothing is raised until they are",
    Reason.VIEW_STALE: "the cluster has not been listed completely for too long: nothing is raised until it is",
}
"""What a gate that is closed for the whole budget means."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One condition before it has a time."""

    type: str
    holds: bool | None
    reason: str
    message: str = ""


def conditions(
    before: Iterable[Condition], findings: Iterable[Finding], generation: int, now: float
) -> tuple[Condition, ...]:
    """`before` brought up to date with `findings`."""
    result = tuple(before)
    for finding in findings:
        status = _STATUS[finding.holds]
        condition = Condition(
            type=finding.type,
            status=status,
            reason=finding.reason,
            message=finding.message,
            observed_generation=generation,
        )
        result = set_condition(result, condition, now)
    return result


_STATUS = {True: ConditionStatus.TRUE, False: ConditionStatus.FALSE, None: ConditionStatus.UNKNOWN}


def budget_findings(
    state: SiteState, plan: Plan, readings: Mapping[str, Reading], problems: list[str]
) -> list[Finding]:
    """The conditions of a budget."""
    over = plan.committed_watts - plan.limit_watts
    infeasible = plan.unmet_floor_watts > 0
    price = _freshness("PriceFresh", state.budget.price, readings.get("price"))
    found = [
        Finding("WithinLimit", over <= 0, "Within" if over <= 0 else "Over", "" if over <= 0 else f"{over} W over"),
        price,
        Finding("Infeasible", infeasible, *_infeasible_text(plan)),
    ]
    if state.budget.meter is not None:
        found.append(_freshness("MeterFresh", state.budget.meter, readings.get("meter")))
    ready, reason, message = True, "Deciding", ""
    if problems:
        ready, reason, message = False, str(Reason.INVALID_SPEC), "; ".join(problems)
    elif state.raise_gate:
        ready, reason = False, state.raise_gate
        message = GATES.get(state.raise_gate, "nothing is raised")
    elif not price.holds:
        ready, reason, message = False, str(Reason.PRICE_STALE), price.message
    return [Finding("Ready", ready, reason, message), *found]


def _infeasible_text(plan: Plan) -> tuple[str, str]:
    if plan.unmet_floor_watts <= 0:
        return "FloorsMet", ""
    return str(
        Reason.FLOOR_UNMET
    ), f"the limit of {plan.limit_watts} W is {plan.unmet_floor_watts} W short of the floors"


def _freshness(type_: str, signal: Signal, reading: Reading | None) -> Finding:
    if signal.fresh:
        return Finding(type_, holds=True, reason="Fresh")
    message = reading.message if reading else ""
    return Finding(type_, holds=False, reason=signal.problem or "NoReading", message=message)


def budget_status(
    state: SiteState, plan: Plan, readings: Mapping[str, Reading], last: list[dict[str, str]]
) -> dict[str, Any]:
    """The status of a budget, less conditions and books."""
    over = plan.committed_watts - plan.limit_watts
    meter = state.budget.meter
    status: dict[str, Any] = {
        "limitWatts": plan.limit_watts,
        "committedWatts": plan.committed_watts,
        "within": "True" if over <= 0 else f"Over by {over} W",
        "readings": last,
    }
    if plan.price_per_mwh is not None:
        status["pricePerMWh"] = f"{plan.price_per_mwh:.2f}"
    if (price := readings.get("price")) is not None and price.source:
        status["priceSource"] = price.source
    if meter is not None:
        status["correctionWatts"] = state.budget.correction_watts
        if meter.value is not None:
            step = max(1, state.budget.cap_watts // MEASURED_STEPS)
            status["measuredWatts"] = max(0, round(meter.value / step) * step)
    return status


def workload_findings(
    entry: Entry, target: Target | None, workload: Workload | None, observation: Observation, foreign: str
) -> list[Finding]:
    """The conditions of a workload."""
    refusal = entry.problem(Effect.REFUSED, Effect.HELD, Effect.BLOCKED)
    note = entry.problem(Effect.NOTED)
    shown = refusal or note
    accepted = Finding(
        "Accepted", refusal is None, str(refusal.reason) if refusal else "Accepted", shown.message if shown else ""
    )
    found = [
        accepted,
        Finding("TargetFound", entry.facts is not None, "Found" if entry.facts else str(Reason.TARGET_MISSING)),
        Finding("Paused", entry.paused, "Annotation" if entry.paused else "NotPaused"),
        Finding("ForeignScale", bool(foreign), "ForeignScale" if foreign else "NoForeignScale", foreign),
    ]
    if workload is not None:
        found.append(_signals_fresh(workload, observation.state))
    if target is not None:
        limited = target.reason in FITS_REASONS
        found.append(Finding("Limited", limited, target.reason if limited else "NotLimited"))
    ready = refusal is None and target is not None
    reason = "Controlled" if ready else str(refusal.reason if refusal else Reason.BUDGET_MISSING)
    gate = observation.state.raise_gate
    if ready and gate:
        return [Finding("Ready", holds=False, reason=gate, message=GATES.get(gate, "nothing is raised")), *found]
    return [Finding("Ready", ready, reason, "" if ready else accepted.message), *found]


def _signals_fresh(workload: Workload, state: SiteState) -> Finding:
    """Whether everything that the workload's size depends on is fresh, whether it binds at the moment or not."""
    signals = [(Reason.PRICE_STALE, state.budget.price), (Reason.WORTH_STALE, workload.worth.signal)]
    if workload.demand is not None:
        signals.append((Reason.DEMAND_STALE, workload.demand.signal))
    for reason, each in signals:
        if not each.fresh:
            return Finding("SignalsFresh", holds=False, reason=str(reason), message=each.problem)
    return Finding("SignalsFresh", holds=True, reason="Fresh")


def workload_status(
    entry: Entry,
    target: Target | None,
    workload: Workload | None,
    book: Book | None,
    observation: Observation,
    plan: Plan,
) -> dict[str, Any]:
    """The status of a workload, less conditions."""
    kind, _, name = entry.target
    status: dict[str, Any] = {"target": f"{kind}/{name}", "mode": str(observation.state.budget.mode)}
    if target is None or workload is None or book is None:
        problem = entry.problem(Effect.REFUSED, Effect.HELD)
        status["reason"] = str(problem.reason) if problem else str(Reason.BUDGET_MISSING)
        status["message"] = problem.message if problem else ""
        return status | drawn(entry, observation.state)
    advise = observation.state.budget.mode is Mode.ADVISE
    size = target.replicas if advise else workload.spec_replicas
    pods = workload.pods(size) if advise else workload.booked_pods
    status |= {
        "replicas": workload.spec_replicas,
        "goalReplicas": target.goal_replicas,
        "wantedReplicas": target.wanted_replicas,
        "readyReplicas": workload.ready_replicas,
        "committedPods": pods,
        "kilowatts": f"{pods * workload.it_watts_per_replica / 1000:.1f}",
        "reason": _reason(entry, target),
        "message": _message(entry, target, workload, observation, plan),
    }
    if target.worth_per_mwh is not None and workload.held != Reason.INVALID_SPEC:
        status["strike"] = f"{target.worth_per_mwh:.2f}"
    if entry.kind is Kind.MINING:
        status["replicasText"] = f"{size}/{workload.max_replicas}"
    else:
        status["grantedText"] = f"{size}/{target.wanted_replicas}"
    return status


def drawn(entry: Entry, state: SiteState) -> dict[str, Any]:
    """What a target draws on that is not controlled any more."""
    draw = next((draw for draw in state.draws if draw.key == "/".join(entry.target)), None)
    if draw is None:
        return {}
    return {"committedPods": draw.pods, "kilowatts": f"{draw.pods * draw.it_watts_per_pod / 1000:.1f}"}


def _reason(entry: Entry, target: Target) -> str:
    """What binds; a problem of the object itself is told even where something else binds at the moment."""
    problem = entry.problem(Effect.HELD, Effect.BLOCKED)
    if problem is not None and target.reason not in FITS_REASONS:
        return str(problem.reason)
    return target.reason


def _message(entry: Entry, target: Target, workload: Workload, observation: Observation, plan: Plan) -> str:
    problem = entry.problem(Effect.HELD, Effect.BLOCKED)
    if problem is not None and target.reason not in FITS_REASONS:
        return problem.message
    if target.reason == observation.state.raise_gate:
        return GATES.get(target.reason, target.reason)
    return explain(target, workload, plan, observation.state)
