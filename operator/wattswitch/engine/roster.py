"""Who may run on a site: every workload object that names the budget, checked against admin's rules and the cluster.

A problem never hides the other workloads: it has an effect on its own workload only, and says what to do.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from wattswitch.api.inference_deployment import InferenceDeployment
from wattswitch.api.mining_pool import MiningPool
from wattswitch.api.parse import parse
from wattswitch.api.power_budget import Hardware, PowerBudget, Tenant
from wattswitch.api.units import Quantity
from wattswitch.cluster import TargetFacts, View
from wattswitch.planner.model import Kind, Reason

WORKLOAD_MODELS: Mapping[str, type[MiningPool] | type[InferenceDeployment]] = {
    Kind.MINING: MiningPool,
    Kind.INFERENCE: InferenceDeployment,
}


class Effect(Enum):
    """What a problem does to its workload."""

    REFUSED = "not controlled and, unless its pods are in the books already, not counted"
    HELD = "lowered by the limit only"
    BLOCKED = "lowered, never raised"
    NOTED = "told, nothing else"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a workload, and what follows."""

    reason: Reason
    effect: Effect
    message: str


@dataclass
class Entry:
    """One workload object of a budget. `facts` is None where its target does not exist."""

    key: str
    kind: Kind
    raw: Mapping[str, Any]
    model: MiningPool | InferenceDeployment | None = None
    hardware: Hardware | None = None
    facts: TargetFacts | None = None
    paused: bool = False
    priority: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def uid(self) -> str:
        """The workload object's own uid."""
        return str(self.raw["metadata"]["uid"])

    @property
    def namespace(self) -> str:
        """Namespace of the workload and of its target."""
        return str(self.raw["metadata"]["namespace"])

    @property
    def name(self) -> str:
        """Name of the workload object."""
        return str(self.raw["metadata"]["name"])

    @property
    def target(self) -> tuple[str, str, str]:
        """Kind, namespace and name of what it scales, empty strings where the spec does not say."""
        return _target_of(self.raw)

    def problem(self, *effects: Effect) -> Problem | None:
        """The first problem with the first of these effects that there is one of."""
        return next((p for effect in effects for p in self.problems if p.effect is effect), None)

    @property
    def watts(self) -> int:
        """Watts of one pod: the nameplate, or more where the tenant says so; 0 where the hardware is unknown.

        A template that asks for more GPUs than the workload declares is believed: each device with one of them draws.
        """
        if self.model is None or self.hardware is None:
            return 0
        spec, asked = self.model.spec, self.facts.gpus_per_pod if self.facts else 0
        devices = max(spec.devices_per_replica, -(-asked // self.hardware.gpus) if self.hardware.gpus else 0)
        return max(self.hardware.watts * devices, spec.watts_per_replica or 0)

    @property
    def gpus(self) -> int:
        """GPUs of one pod: what the hardware says or what the template asks for, whichever is more."""
        if self.model is None or self.hardware is None:
            return 0
        declared = self.hardware.gpus * self.model.spec.devices_per_replica
        return max(declared, self.facts.gpus_per_pod if self.facts else 0)


class Roster:
    """Reads the view's workload objects, parsing each version of an object once and forgetting those that are gone."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._parsed: dict[str, tuple[int, MiningPool | InferenceDeployment | None, list[str]]] = {}

    def entries(self, budget: PowerBudget) -> list[Entry]:
        """All workloads that name `budget`, with their problems, in a stable order."""
        found = [
            self._entry(kind, raw)
            for kind in WORKLOAD_MODELS
            for raw in self._view.all(kind)
            if raw.get("spec", {}).get("budget") == budget.metadata.name
        ]
        found.sort(key=lambda entry: entry.key)
        self._parsed = {entry.uid: self._parsed[entry.uid] for entry in found}
        autoscaled = self._autoscaled()
        admitted = _Admission(self._view, budget.spec.tenants)
        claims = self._claims()
        for entry in found:
            self._check(entry, budget, admitted, autoscaled)
            entry.problems += _claim_problems(entry, claims)
        return found

    def _entry(self, kind: str, raw: Mapping[str, Any]) -> Entry:
        meta = raw["metadata"]
        entry = Entry(f"{kind}/{meta['namespace']}/{meta['name']}", Kind(kind), raw)
        entry.model, messages = self._parse(kind, raw)
        effect = Effect.HELD if entry.model is None else Effect.NOTED
        entry.problems = [Problem(Reason.INVALID_SPEC, effect, message) for message in messages]
        annotation = (meta.get("annotations") or {}).get("wattswitch.io/paused", "false")
        entry.paused = str(annotation).lower() != "false"
        entry.priority = entry.model.spec.priority if entry.model else 0
        return entry

    def _parse(self, kind: str, raw: Mapping[str, Any]) -> tuple[MiningPool | InferenceDeployment | None, list[str]]:
        meta = raw["metadata"]
        known = self._parsed.get(meta["uid"])
        if known is None or known[0] != meta.get("generation", 0):
            model, problems = parse(WORKLOAD_MODELS[kind], {key: raw[key] for key in raw if key != "status"})
            known = self._parsed[meta["uid"]] = (meta.get("generation", 0), model, problems)
        return known[1], known[2]

    def _claims(self) -> dict[tuple[str, str, str], Mapping[str, Any]]:
        """The oldest workload object of each target, whatever its budget."""
        raws = [raw for kind in WORKLOAD_MODELS for raw in self._view.all(kind)]
        claims: dict[tuple[str, str, str], Mapping[str, Any]] = {}
        for raw in sorted(raws, key=_age):
            if (target := _target_of(raw))[2]:
                claims.setdefault(target, raw)
        return claims

    def _autoscaled(self) -> dict[tuple[str, str, str], str]:
        """Targets that an autoscaler owns, with the autoscaler's name."""
        owned: dict[tuple[str, str, str], str] = {}
        for kind in ("ScaledObject", "HorizontalPodAutoscaler"):  # a ScaledObject makes an autoscaler of its own
            for raw in self._view.all(kind):
                reference = raw.get("spec", {}).get("scaleTargetRef") or {}
                meta = raw["metadata"]
                target = (reference.get("kind") or "Deployment", meta["namespace"], reference.get("name", ""))
                owned.setdefault(target, f"{kind} {meta['name']}")
        return owned

    def _check(
        self, entry: Entry, budget: PowerBudget, admission: "_Admission", autoscaled: Mapping[tuple[str, str, str], str]
    ) -> None:
        entry.facts = self._view.target(*entry.target) if entry.target[2] else None
        entry.problems += _target_problems(entry)
        entry.problems += admission.problems(entry)
        entry.problems += _hardware_problems(entry, budget)
        entry.problems += _feed_problems(entry, budget)
        if owner := autoscaled.get(entry.target):
            message = f"{owner} scales this target too: remove one of the two; until then only the limit lowers it"
            entry.problems.append(Problem(Reason.AUTOSCALER_OWNED, Effect.HELD, message))


def _target_problems(entry: Entry) -> Iterable[Problem]:
    kind, namespace, name = entry.target
    if entry.facts is None:
        message = f"{kind} {name} does not exist in namespace {namespace}: create it or correct spec.targetRef"
        yield Problem(Reason.TARGET_MISSING, Effect.REFUSED, message)
    elif kind == "StatefulSet" and not entry.facts.parallel:
        message = f"StatefulSet {name} starts its pods one by one: set podManagementPolicy: Parallel"
        yield Problem(Reason.TARGET_UNSUPPORTED, Effect.REFUSED, message)


def _hardware_problems(entry: Entry, budget: PowerBudget) -> Iterable[Problem]:
    if entry.model is None:
        return
    spec = entry.model.spec
    entry.hardware = next((h for h in budget.spec.hardware if h.name == spec.hardware), None)
    hardware = entry.hardware
    if hardware is None:
        known = ", ".join(h.name for h in budget.spec.hardware) or "none"
        message = (
            f"spec.hardware {spec.hardware!r} is not listed in PowerBudget {budget.metadata.name} (known: {known}):"
            " correct it or add it there"
        )
        yield Problem(Reason.HARDWARE_UNKNOWN, Effect.REFUSED, message)
        return
    if entry.kind is Kind.MINING and isinstance(entry.model, MiningPool):
        needs_efficiency = entry.model.spec.worth.feed is not None and hardware.joules_per_terahash is None
        if needs_efficiency:
            message = f"hardware {hardware.name!r} has no joulesPerTerahash: set it, or use worth.perMWh"
            yield Problem(Reason.HARDWARE_UNKNOWN, Effect.BLOCKED, message)
    yield from _gpu_problems(entry, hardware)
    nameplate = hardware.watts * spec.devices_per_replica
    if spec.watts_per_replica is not None and spec.watts_per_replica < nameplate:
        message = f"spec.wattsPerReplica {spec.watts_per_replica} is below the nameplate: {nameplate} W is used"
        yield Problem(Reason.INVALID_SPEC, Effect.NOTED, message)


def _gpu_problems(entry: Entry, hardware: Hardware) -> Iterable[Problem]:
    if entry.facts is None or entry.model is None:
        return
    declared, asked = hardware.gpus * entry.model.spec.devices_per_replica, entry.facts.gpus_per_pod
    if declared != asked:
        message = (
            f"the target's pods ask for {asked} nvidia.com/gpu, but {entry.model.spec.devices_per_replica} ×"
            f" {hardware.name} have {declared}: correct devicesPerReplica or the pod template; until then the more"
            " of the two is counted and nothing is raised"
        )
        yield Problem(Reason.GPU_COUNT_MISMATCH, Effect.BLOCKED, message)


def _feed_problems(entry: Entry, budget: PowerBudget) -> Iterable[Problem]:
    if entry.model is None:
        return
    feeds = {feed.name: feed.sources[0].unit for feed in budget.spec.feeds}
    for path, name, counts in _feeds_of(entry.model):
        unit = feeds.get(name)
        if unit is None:
            known = ", ".join(feeds) or "none"
            what = f"is not a feed of PowerBudget {budget.metadata.name} (known: {known}): correct it or add it there"
        elif (unit.quantity is Quantity.COUNT) is not counts:
            wanted = "a Count" if counts else "money"
            what = f"is a feed in {unit}, but {wanted} is needed: name another one"
        else:
            continue
        yield Problem(Reason.FEED_UNKNOWN, Effect.BLOCKED, f"{path} {name!r} {what}")


def _feeds_of(model: MiningPool | InferenceDeployment) -> Iterable[tuple[str, str, bool]]:
    """Field, name, and whether it must be a Count, of every feed that a workload refers to."""
    if model.spec.worth.feed is not None:
        yield "spec.worth.feed", model.spec.worth.feed, False
    if isinstance(model, InferenceDeployment) and model.spec.demand is not None:
        yield "spec.demand.feed", model.spec.demand.feed, True


class _Admission:
    """Which namespaces may draw from the budget, and how loudly; each namespace is looked up once."""

    def __init__(self, view: View, tenants: Iterable[Tenant]) -> None:
        self._view = view
        self._tenants = tuple(tenants)
        self._max_priority: dict[str, int | None] = {}

    def problems(self, entry: Entry) -> Iterable[Problem]:
        """Refuse a namespace that no tenant admits; hold a claim above its priority down to what it may claim."""
        if entry.namespace not in self._max_priority:
            self._max_priority[entry.namespace] = self._lookup(entry.namespace)
        allowed = self._max_priority[entry.namespace]
        if allowed is None:
            message = (
                f"namespace {entry.namespace} matches no namespaceSelector in the budget's tenants:"
                " label the namespace or add a tenant"
            )
            yield Problem(Reason.NAMESPACE_NOT_ADMITTED, Effect.REFUSED, message)
        elif entry.priority > allowed:
            message = f"spec.priority {entry.priority} is above {allowed}, the most that this namespace may claim"
            entry.priority = allowed
            yield Problem(Reason.PRIORITY_NOT_ALLOWED, Effect.BLOCKED, message)

    def _lookup(self, namespace: str) -> int | None:
        raw = self._view.get("Namespace", "", namespace)
        if raw is None:
            return None
        labels = raw["metadata"].get("labels") or {}
        allowed = [t.max_priority for t in self._tenants if t.namespace_selector.matches(labels)]
        return max(allowed, default=None)


def _target_of(raw: Mapping[str, Any]) -> tuple[str, str, str]:
    reference = raw.get("spec", {}).get("targetRef") or {}
    return str(reference.get("kind", "")), str(raw["metadata"]["namespace"]), str(reference.get("name", ""))


def _age(raw: Mapping[str, Any]) -> tuple[str, str]:
    meta = raw["metadata"]
    return str(meta.get("creationTimestamp") or ""), str(meta["uid"])


def _claim_problems(entry: Entry, claims: Mapping[tuple[str, str, str], Mapping[str, Any]]) -> Iterable[Problem]:
    first = claims.get(entry.target)
    if first is not None and first["metadata"]["uid"] != entry.uid:
        owner = f"{first['kind']} {first['metadata']['name']} of budget {first['spec'].get('budget')}"
        message = f"{owner} is older and scales this target already: delete one of the two"
        yield Problem(Reason.TARGET_CLAIMED, Effect.REFUSED, message)
