"""Plan to words: the status of the budget and of every workload, as data. Writes nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wattswitch.api.base import ApiModel, Condition, ConditionStatus, set_condition
from wattswitch.api.inference_deployment import InferenceDeploymentStatus
from wattswitch.api.mining_pool import MiningPoolStatus
from wattswitch.api.power_budget import PowerBudgetStatus
from wattswitch.engine.observe import STOPPED_WORTH, Observation
from wattswitch.engine.roster import Effect, Entry, Problem
from wattswitch.feeds import CurveReading, Reading
from wattswitch.planner.explain import explain
from wattswitch.planner.model import Draw, Kind, Mode, Plan, Reason, Signal, SiteState, Target, Workload

FITS_REASONS = frozenset({Reason.POWER_LIMIT, Reason.GPU_LIMIT, Reason.FLOOR_UNMET})

OBSTACLES = (Effect.REFUSED, Effect.EXPELLED, Effect.HELD, Effect.BLOCKED)
"""What keeps a workload from being controlled as it asks, the gravest first."""

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
class Subject:
    """One workload object, and what is known and decided about it.

    `draw` is what its target draws while it is not controlled; `foreign` names another hand on the size.
    """

    entry: Entry
    target: Target | None
    workload: Workload | None
    draw: Draw | None
    foreign: str


def subjects(observation: Observation, plan: Plan) -> list[Subject]:
    """Every workload object of a site. Nothing in it changes when the books do."""
    targets = {target.key: target for target in plan.targets}
    workloads = {workload.key: workload for workload in observation.state.workloads}
    draws = {draw.key: draw for draw in reversed(observation.state.draws)}
    books = observation.books
    return [
        Subject(
            entry=entry,
            target=targets.get(entry.key),
            workload=workloads.get(entry.key),
            draw=draws.get("/".join(entry.target)),
            foreign=books[entry.key].foreign if entry.key in books else "",
        )
        for entry in observation.entries
    ]


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
    known = {old.type: (old.status, old.reason, old.message, old.observed_generation) for old in result}
    for finding in findings:
        status = _STATUS[finding.holds]
        if known.get(finding.type) == (status, finding.reason, finding.message, generation):
            continue  # most are, and making them anew takes most of a report's time
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
    state: SiteState,
    plan: Plan,
    readings: Mapping[str, Reading],
    problems: list[str],
    published: CurveReading | None = None,
) -> list[Finding]:
    """The conditions of a budget; `published` is None where its price has no outlook."""
    over = plan.committed_watts - plan.limit_watts
    infeasible = plan.unmet_floor_watts > 0 or bool(plan.unmet_floor_gpus)
    price = _freshness("PriceFresh", state.budget.price, readings.get("price"))
    found = [
        Finding("WithinLimit", over <= 0, "Within" if over <= 0 else "Over", "" if over <= 0 else f"{over} W over"),
        price,
        Finding("Infeasible", infeasible, *_infeasible_text(plan)),
    ]
    if published is not None:
        reason = published.problem or "Fresh"
        found.append(Finding("OutlookFresh", published.curve is not None, reason, published.message))
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
    short = [f"GPU group {group.name!r} is {group.gpus} GPUs short of the floors" for group in plan.unmet_floor_gpus]
    if plan.unmet_floor_watts > 0:
        short.insert(0, f"the limit of {plan.limit_watts} W is {plan.unmet_floor_watts} W short of the floors")
    return (str(Reason.FLOOR_UNMET), "; ".join(short)) if short else ("FloorsMet", "")


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
            status["measuredWatts"] = coarse(meter.value, state.budget.cap_watts)
    return status


def coarse(watts: float, cap_watts: int, steps: int = MEASURED_STEPS) -> int:
    """Watts as a status shows what moves all the time; never below 0."""
    step = max(1, cap_watts // steps)
    return max(0, round(watts / step) * step)


def workload_findings(subject: Subject, state: SiteState) -> list[Finding]:
    """The conditions of a workload."""
    entry, target, workload, foreign = subject.entry, subject.target, subject.workload, subject.foreign
    refusal = entry.problem(*OBSTACLES)
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
        found.append(_signals_fresh(workload, state))
    if target is not None:
        limited = target.reason in FITS_REASONS
        found.append(Finding("Limited", limited, target.reason if limited else "NotLimited"))
    ready = refusal is None and target is not None
    reason = "Controlled" if ready else str(refusal.reason if refusal else Reason.BUDGET_MISSING)
    gate = state.raise_gate
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


def workload_status(subject: Subject, state: SiteState, plan: Plan) -> dict[str, Any]:
    """The status of a workload, less conditions."""
    entry, target, workload = subject.entry, subject.target, subject.workload
    kind, _, name = entry.target
    status: dict[str, Any] = {"target": f"{kind}/{name}", "mode": str(state.budget.mode)}
    if target is None or workload is None:
        problem = entry.problem(*OBSTACLES)
        status["reason"] = str(problem.reason) if problem else str(Reason.BUDGET_MISSING)
        status["message"] = problem.message if problem else ""
        return status | _drawn(subject.draw)
    advise = state.budget.mode is Mode.ADVISE
    size = target.replicas if advise else workload.spec_replicas
    pods = workload.pods(size) if advise else workload.booked_pods
    problem = _telling(entry, target)
    status |= {
        "replicas": workload.spec_replicas,
        "goalReplicas": target.goal_replicas,
        "wantedReplicas": target.wanted_replicas,
        "readyReplicas": workload.ready_replicas,
        "committedPods": pods,
        "kilowatts": f"{pods * workload.it_watts_per_replica / 1000:.1f}",
        "reason": str(problem.reason) if problem else target.reason,
        "message": problem.message if problem else _message(target, workload, state, plan),
    }
    if target.worth_per_mwh is not None and workload.worth is not STOPPED_WORTH:
        status["strike"] = f"{target.worth_per_mwh:.2f}"
    if entry.kind is Kind.MINING:
        status["replicasText"] = f"{size}/{workload.max_replicas}"
    else:
        status["grantedText"] = f"{size}/{target.wanted_replicas}"
    return status


def _drawn(draw: Draw | None) -> dict[str, Any]:
    """What a target draws that is not controlled any more."""
    if draw is None:
        return {}
    return {"committedPods": draw.pods, "kilowatts": f"{draw.pods * draw.it_watts_per_pod / 1000:.1f}"}


def _telling(entry: Entry, target: Target) -> Problem | None:
    """The object's own problem, which is told before all else that binds, but for a limit that is too small."""
    return None if target.reason in FITS_REASONS else entry.problem(*OBSTACLES)


def _message(target: Target, workload: Workload, state: SiteState, plan: Plan) -> str:
    if target.reason == state.raise_gate:
        return GATES.get(target.reason, target.reason)
    return explain(target, workload, plan, state)


# ---- bounds --------------------------------------------------------------------------------------------------------


def fitting(plural: str, status: Mapping[str, Any]) -> dict[str, Any]:
    """`status` within the bounds of its kind's fields: no status is lost over its wording or over another's sizes."""
    bounds = _BOUNDS[plural]
    return {name: _fit(value, bounds.get(name, {})) for name, value in status.items()}


def _fit(value: object, bound: Mapping[str, int]) -> object:
    if isinstance(value, str) and len(value) > bound.get("maxLength", len(value)):
        return value[: bound["maxLength"] - 1] + "…"
    if isinstance(value, int):
        return max(bound.get("minimum", value), min(value, bound.get("maximum", value)))
    return value


def _bounds(model: type[ApiModel]) -> dict[str, dict[str, int]]:
    """The bounds of each field that has some, as the API server has them."""
    found: dict[str, dict[str, int]] = {}
    for name, schema in model.model_json_schema()["properties"].items():
        for part in (schema, *schema.get("anyOf", ())):
            found.setdefault(name, {}).update(
                {key: part[key] for key in ("minimum", "maximum", "maxLength") if key in part}
            )
    return found


_BOUNDS: Mapping[str, Mapping[str, Mapping[str, int]]] = {
    "powerbudgets": _bounds(PowerBudgetStatus),
    "miningpools": _bounds(MiningPoolStatus),
    "inferencedeployments": _bounds(InferenceDeploymentStatus),
}
