"""Valid planner states in a line or two: a miner, an inference service, the site they share."""

from dataclasses import replace
from typing import Any

from wattswitch.planner import plan
from wattswitch.planner.model import (
    Budget,
    Demand,
    Kind,
    Plan,
    Signal,
    SiteState,
    Surge,
    Target,
    Workload,
    Worth,
    WorthUnit,
)
from wattswitch.planner.price_model import PriceModel

NOW = 1_700_000_000.0


def per_mwh(value: float, **signal: Any) -> Worth:
    """Worth that is already money per MWh at the meter."""
    return Worth(Signal(value, **signal), WorthUnit.PER_MWH)


def hashprice(joules_per_terahash: float, per_ph_per_day: float = 38.2, fee_percent: float = 0.0) -> Worth:
    """What a miner of this efficiency earns."""
    return Worth(Signal(per_ph_per_day), WorthUnit.HASHPRICE, fee_percent, joules_per_terahash)


def demand(value: float, per_replica: float = 1.0, **signal: Any) -> Demand:
    """Work that waits, one unit a replica unless told otherwise."""
    return Demand(Signal(value, **signal), per_replica)


def miner(key: str = "MiningPool/ns/s21", **fields: Any) -> Workload:
    """Ten S21-like machines, all off, worth 91 per MWh."""
    defaults = {"max_replicas": 10, "it_watts_per_replica": 3500, "worth": per_mwh(91.0)}
    return _workload(key, Kind.MINING, defaults | fields)


def inference(key: str = "InferenceDeployment/ns/llama", **fields: Any) -> Workload:
    """Eight GPU replicas, all off, worth 1,300 per MWh, above every miner."""
    defaults = {"max_replicas": 8, "it_watts_per_replica": 1785, "worth": per_mwh(1300.0), "priority": 100}
    return _workload(key, Kind.INFERENCE, defaults | fields)


def learned_prices(days: int = 3, step_seconds: float = 300.0, until: float = NOW) -> PriceModel:
    """A model that has seen days of prices of 30 with an hour at 150 each evening, up to `until`."""
    model = PriceModel()
    steps = int(days * 86400 / step_seconds)
    for n in range(steps, 0, -1):
        at = (until // step_seconds - n) * step_seconds
        model = model.update(at, 150.0 if at // 3600 % 24 == 19 else 30.0)
    return model


def site(*workloads: Workload, price: Signal | float = 40.0, **fields: Any) -> SiteState:
    """One budget of 100 kW, PUE 1, no reserve; fields of the state or of its budget may be given."""
    state = {name: fields.pop(name) for name in ("now", "draws", "moves", "raise_gate") if name in fields}
    signal = price if isinstance(price, Signal) else Signal(price)
    limits: dict[str, Any] = {"name": "west", "cap_watts": 100_000, "price": signal} | fields
    known: dict[str, Any] = {"now": NOW, "budget": Budget(**limits), "workloads": workloads} | state
    return SiteState(**known)


def with_budget(state: SiteState, **fields: Any) -> SiteState:
    """The same state under a changed budget."""
    return replace(state, budget=replace(state.budget, **fields))


def sizes(decision: Plan) -> dict[str, int]:
    """Replicas to ask for now, by workload key."""
    return {target.key: target.replicas for target in decision.targets}


def goals(decision: Plan) -> dict[str, int]:
    """Replicas that are headed for, by workload key."""
    return {target.key: target.goal_replicas for target in decision.targets}


def only(state: SiteState) -> Target:
    """The target of a site with one workload."""
    (target,) = plan(state).targets
    return target


def named(state: SiteState, key: str) -> Target:
    """The target of one workload."""
    return next(target for target in plan(state).targets if target.key == key)


def _workload(key: str, kind: Kind, fields: dict[str, Any]) -> Workload:
    spec_replicas = fields.pop("spec_replicas", 0)
    surge: Surge = fields.get("surge", Surge())
    booked = spec_replicas + surge.extra(spec_replicas) + fields.get("stuck_pods", 0)
    return Workload(key=key, kind=kind, spec_replicas=spec_replicas, **({"booked_pods": booked} | fields))
