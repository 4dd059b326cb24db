"""Plan to words: the status of the budget and of every workload, as data. Writes nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from wattswitch.api.base import PAUSED_ANNOTATION, ApiModel, Condition, ConditionStatus, set_condition
from wattswitch.api.curtailment_event import CurtailmentEventStatus
from wattswitch.api.inference_deployment import InferenceDeploymentStatus
from wattswitch.api.mining_pool import MiningPoolStatus
from wattswitch.api.power_budget import PowerBudgetStatus
from wattswitch.api.times import format_time
from wattswitch.engine.observe import STOPPED_WORTH, Observation
from wattswitch.engine.roster import Effect, Entry, Problem
from wattswitch.feeds import CurveReading, Reading
from wattswitch.planner.explain import explain, money, power
from wattswitch.planner.model import Draw, Kind, Mode, Plan, Reason, Signal, SiteState, Target, Workload

FITS_REASONS = frozenset({Reason.POWER_LIMIT, Reason.GPU_LIMIT, Reason.FLOOR_UNMET})

OBSTACLES = (Effect.REFUSED, Effect.EXPELLED, Effect.HELD, Effect.BLOCKED)
"""What keeps a workload from being controlled as it asks, the gravest first."""

MEASURED_STEPS = 1000
"""Parts of the cap that measured watts are rounded to in status; the exact reading is a metric."""

PASSING = frozenset(
    {
        *("MeterFresh", "OutlookFresh", "SignalsFresh", "Limited"),
        *("GridLimitFresh", "CommitmentsMet", "CoincidentPeak"),
    }
)
"""Conditions that are dropped where there is nothing any more that they could be about."""

WAITING_STEPS = 20
WAITING_LEAST_STEP_SECONDS = 60
"""The steps in which the status tells how old waiting work is: parts of the deadline, and no shorter than this."""

ADVISING = "mode Advise: decides and tells, and writes no size"

GATES: Mapping[str, str] = {
    Reason.INVALID_SPEC: "the PowerBudget cannot be read: what it said before stays in force, and nothing is raised",
    Reason.NOT_LEADER: "this operator does not hold the Lease: it raises nothing",
    Reason.LEDGER_UNWRITTEN: "the books could not be written to the API server: nothing is raised until they are",
    Reason.PARENT_UNKNOWN: "a budget of the tree that it draws through is missing, in a cycle, unreadable or not fresh:"
    " nothing is raised",
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
    findings = tuple(findings)
    about = PASSING - {finding.type for finding in findings}
    result = tuple(old for old in before if old.type not in about)
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
    currency: str = "",
) -> list[Finding]:
    """The conditions of a budget; `published` is None where its price has no outlook."""
    infeasible = plan.unmet_floor_watts > 0 or bool(plan.unmet_floor_gpus)
    price = freshness("PriceFresh", state.budget.price, readings.get("price"))
    if price.holds:
        price = replace(price, message=_price_text(plan, readings.get("price"), currency))
    found = [_within(state, plan), price, Finding("Infeasible", infeasible, *_infeasible_text(plan))]
    if published is not None:
        found.append(_outlook_fresh(published))
    if state.budget.meter is not None:
        found.append(freshness("MeterFresh", state.budget.meter, readings.get("meter")))
    ready, reason = True, "Deciding"
    message = ADVISING if state.budget.mode is Mode.ADVISE else "decides and writes sizes"
    if problems:
        ready, reason, message = False, str(Reason.INVALID_SPEC), "; ".join(problems)
    elif state.raise_gate:
        ready, reason = False, state.raise_gate
        message = GATES.get(state.raise_gate, "nothing is raised")
    elif not price.holds:
        ready, reason, message = False, str(Reason.PRICE_STALE), price.message
    return [Finding("Ready", ready, reason, message), *found]


def _within(state: SiteState, plan: Plan) -> Finding:
    """Whether the books are within the limit; where nothing is written, what is advised would be."""
    over = plan.committed_watts - plan.limit_watts
    text = f"{power(plan.committed_watts)} of {power(plan.limit_watts)} committed"
    if over > 0:
        text += f", {power(over)} over"
    if state.budget.mode is Mode.ADVISE:
        text += f"; as advised it would be {power(plan.planned_watts)}"
    return Finding("WithinLimit", over <= 0, "Within" if over <= 0 else "Over", text)


def _price_text(plan: Plan, reading: Reading | None, currency: str) -> str:
    source = f", from {reading.source}" if reading and reading.source else ""
    return f"{money(plan.price_per_mwh, 'MWh', currency)} with adder{source}"


def _outlook_fresh(published: CurveReading) -> Finding:
    text = published.message or (f"from {published.source}" if published.curve else "no prices are published")
    return Finding("OutlookFresh", published.curve is not None, published.problem or "Fresh", text)


def _infeasible_text(plan: Plan) -> tuple[str, str]:
    short = [f"GPU group {group.name!r} is {group.gpus} GPUs short of the floors" for group in plan.unmet_floor_gpus]
    if plan.unmet_floor_watts > 0:
        limit, unmet = power(plan.limit_watts), power(plan.unmet_floor_watts)
        short.insert(0, f"the limit of {limit} is {unmet} short of the floors")
    return (str(Reason.FLOOR_UNMET), "; ".join(short)) if short else ("FloorsMet", "all floors fit")


def freshness(type_: str, signal: Signal, reading: Reading | None) -> Finding:
    """Whether the number of a feed may be relied on."""
    if signal.fresh:
        source = f"from {reading.source}" if reading and reading.source else "in time"
        return Finding(type_, holds=True, reason="Fresh", message=source)
    message = reading.message if reading else ""
    reason = signal.problem or "NoReading"
    return Finding(type_, holds=False, reason=reason, message=message or f"the feed gives no usable number: {reason}")


def budget_status(
    state: SiteState, plan: Plan, readings: Mapping[str, Reading], last: list[dict[str, str]]
) -> dict[str, Any]:
    """The status of a budget, less conditions and books."""
    over = plan.committed_watts - plan.limit_watts
    meter = state.budget.meter
    status: dict[str, Any] = {
        "limitWatts": plan.limit_watts,
        "committedWatts": plan.committed_watts,
        "plannedWatts": plan.planned_watts,
        "within": "True" if over <= 0 else f"Over by {power(over)}",
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


def workload_findings(subject: Subject, state: SiteState, message: str = "") -> list[Finding]:
    """The conditions of a workload; `message` is its status's sentence on what binds the size."""
    entry, target, workload = subject.entry, subject.target, subject.workload
    refusal, note = entry.problem(*OBSTACLES), entry.problem(Effect.NOTED)
    shown = refusal or note
    accepted = Finding(
        "Accepted",
        refusal is None,
        str(refusal.reason) if refusal else "Accepted",
        shown.message if shown else f"PowerBudget {state.budget.name} takes it",
    )
    found = [accepted, _target_found(entry), _paused(entry), _foreign_scale(subject.foreign)]
    if workload is not None:
        found.append(_signals_fresh(entry, workload, state))
    if target is not None:
        found.append(_limited(target, message))
    gate = state.raise_gate
    if refusal is not None or target is None:
        reason = str(refusal.reason if refusal else Reason.BUDGET_MISSING)
        return [Finding("Ready", holds=False, reason=reason, message=accepted.message), *found]
    if gate:
        return [Finding("Ready", holds=False, reason=gate, message=GATES.get(gate, "nothing is raised")), *found]
    text = ADVISING if state.budget.mode is Mode.ADVISE else f"{_name_of(entry)} is scaled"
    return [Finding("Ready", holds=True, reason="Controlled", message=text), *found]


def _name_of(entry: Entry) -> str:
    kind, _, name = entry.target
    return f"{kind}/{name}"


def _target_found(entry: Entry) -> Finding:
    if entry.facts is not None:
        return Finding("TargetFound", holds=True, reason="Found", message=f"{_name_of(entry)} exists")
    text = f"there is no {_name_of(entry)} in namespace {entry.namespace}"
    return Finding("TargetFound", holds=False, reason=str(Reason.TARGET_MISSING), message=text)


def _paused(entry: Entry) -> Finding:
    if entry.paused:
        text = f"annotation {PAUSED_ANNOTATION} is set: only the limit lowers it, nothing raises it"
        return Finding("Paused", holds=True, reason="Annotation", message=text)
    return Finding("Paused", holds=False, reason="NotPaused", message=f"no annotation {PAUSED_ANNOTATION}")


def _foreign_scale(foreign: str) -> Finding:
    if foreign:
        return Finding("ForeignScale", holds=True, reason="ForeignScale", message=foreign)
    return Finding("ForeignScale", holds=False, reason="NoForeignScale", message="no other hand changed its size")


def _limited(target: Target, message: str) -> Finding:
    if target.reason in FITS_REASONS:
        return Finding("Limited", holds=True, reason=target.reason, message=message)
    return Finding("Limited", holds=False, reason="NotLimited", message="neither watts nor GPUs bind its size")


def _signals_fresh(entry: Entry, workload: Workload, state: SiteState) -> Finding:
    """Whether everything that the workload's size depends on is fresh, whether it binds at the moment or not."""
    signals = [("price", Reason.PRICE_STALE, state.budget.price), ("worth", Reason.WORTH_STALE, workload.worth.signal)]
    if workload.demand is not None:
        signals.append(("demand", Reason.DEMAND_STALE, workload.demand.signal))
    for name, reason, each in signals:
        if not each.fresh:
            problem = each.problem or "NoReading"
            text = f"{name} is not to be relied on: {problem}"
            if any(str(fault.reason) == problem for fault in entry.problems):
                text += ", as Accepted says"
            return Finding("SignalsFresh", holds=False, reason=str(reason), message=text)
    names = " and ".join(", ".join(name for name, *_ in signals).rsplit(", ", 1))
    return Finding("SignalsFresh", holds=True, reason="Fresh", message=f"{names} are in time")


def workload_status(subject: Subject, state: SiteState, plan: Plan, currency: str = "") -> dict[str, Any]:
    """The status of a workload, less conditions; `currency` is that of its budget."""
    entry, target, workload = subject.entry, subject.target, subject.workload
    status: dict[str, Any] = {"target": _name_of(entry), "mode": str(state.budget.mode)}
    if target is None or workload is None:
        problem = entry.problem(*OBSTACLES)
        status["reason"] = str(problem.reason) if problem else str(Reason.BUDGET_MISSING)
        status["message"] = problem.message if problem else ""
        return status | _drawn(subject.draw)
    problem = _telling(entry, target)
    status |= {
        "replicas": workload.spec_replicas,
        "goalReplicas": target.goal_replicas,
        "wantedReplicas": target.wanted_replicas,
        "readyReplicas": workload.ready_replicas,
        "committedPods": workload.booked_pods,
        "kilowatts": f"{workload.booked_pods * workload.it_watts_per_replica / 1000:.1f}",
        "reason": str(problem.reason) if problem else target.reason,
        "message": problem.message if problem else _message(target, workload, state, plan, currency),
    }
    if target.worth_per_mwh is not None and workload.worth is not STOPPED_WORTH:
        status["strike"] = f"{target.worth_per_mwh:.2f}"
    size = _size_text(target, workload, state.budget.mode)
    if entry.kind is Kind.MINING:
        status["replicasText"] = f"{size}/{workload.max_replicas}"
    else:
        status["grantedText"] = f"{size}/{target.wanted_replicas}"
    if (since := waiting_since(entry, workload)) is not None:
        status["waitingSince"] = since
    return status


def _size_text(target: Target, workload: Workload, mode: Mode) -> str:
    """Replicas now; where nothing is written, also those that are advised, unless they are the same."""
    now = workload.spec_replicas
    return f"{now}" if mode is Mode.ENFORCE or target.goal_replicas == now else f"{now}→{target.goal_replicas}"


def _drawn(draw: Draw | None) -> dict[str, Any]:
    """What a target draws that is not controlled any more."""
    if draw is None:
        return {}
    return {"committedPods": draw.pods, "kilowatts": f"{draw.pods * draw.it_watts_per_pod / 1000:.1f}"}


def _telling(entry: Entry, target: Target) -> Problem | None:
    """The object's own problem, which is told before all else that binds, but for a limit that is too small."""
    return None if target.reason in FITS_REASONS else entry.problem(*OBSTACLES)


def _message(target: Target, workload: Workload, state: SiteState, plan: Plan, currency: str) -> str:
    if target.reason == state.raise_gate:
        return GATES.get(target.reason, target.reason)
    return explain(target, workload, plan, state, currency)


# ---- work that waits -----------------------------------------------------------------------------------------------


def waiting_since(entry: Entry, workload: Workload | None) -> str | None:
    """When the oldest waiting work with a deadline came, for whoever continues after us; None where none waits.

    Rounded down by a twentieth of the deadline, so that a queue that moves is not written all the time.
    """
    if workload is None or workload.batch is None or workload.demand is None:
        return None
    waiting = workload.demand.signal.value
    if waiting is None:  # not heard yet: what is told already stands
        told = (entry.raw.get("status") or {}).get("waitingSince")
        return None if told is None else str(told)
    step = max(WAITING_LEAST_STEP_SECONDS, workload.batch.deadline_seconds // WAITING_STEPS)
    return format_time(workload.batch.oldest_at // step * step) if waiting > 0 else None


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
    "curtailmentevents": _bounds(CurtailmentEventStatus),
}
