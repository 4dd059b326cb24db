"""Who may run on a site: every workload object that names the budget, checked against admin's rules and the cluster.

A problem never hides the other workloads: it has an effect on its own workload only, and says what to do.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from wattswitch.api.base import is_paused
from wattswitch.api.inference_deployment import InferenceDeployment
from wattswitch.api.mining_pool import MiningPool
from wattswitch.api.parse import parse
from wattswitch.api.power_budget import Hardware, PowerBudget, Tenant
from wattswitch.cluster import TargetFacts, View
from wattswitch.mapping import (
    WORKLOAD_MODELS,
    Names,
    demand_faults,
    gpus_per_replica,
    unknown_hardware,
    watts_per_replica,
    worth_faults,
)
from wattswitch.planner.model import Kind, Reason

Raw = Mapping[str, Any]
"""An object as the API server shows it."""

TargetName = tuple[str, str, str]
"""Kind, namespace and name."""


class Effect(Enum):
    """What a problem does to its workload."""

    REFUSED = "not controlled and, unless its pods are in the books already, not counted"
    EXPELLED = "not controlled; a target that is in the books already is lowered by the limit only"
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
    """One workload object of a budget.

    `target` is kind, namespace and name of what it scales, empty strings where the spec does not say; `facts` is None
    where that does not exist.
    """

    key: str
    kind: Kind
    raw: Raw
    target: TargetName
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

    def problem(self, *effects: Effect) -> Problem | None:
        """The first problem with the first of these effects that there is one of."""
        if not self.problems:
            return None
        return next((p for effect in effects for p in self.problems if p.effect is effect), None)

    @property
    def watts(self) -> int:
        """Watts of one pod; 0 where the hardware is unknown."""
        if self.model is None or self.hardware is None:
            return 0
        return watts_per_replica(self.model.spec, self.hardware, self.facts.gpus_per_pod if self.facts else 0)

    @property
    def gpus(self) -> int:
        """GPUs of one pod; 0 where the hardware is unknown."""
        if self.model is None or self.hardware is None:
            return 0
        return gpus_per_replica(self.model.spec, self.hardware, self.facts.gpus_per_pod if self.facts else 0)


class Roster:
    """Reads the view's workload objects, each only when it or what it is checked against has changed."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._parsed: dict[str, tuple[int, MiningPool | InferenceDeployment | None, list[str]]] = {}
        self._checked: dict[str, tuple[_Checked, Entry]] = {}
        self._rules: Names | None = None

    def entries(self, budget: PowerBudget) -> list[Entry]:
        """All workloads that name `budget`, with their problems, in a stable order; not to be changed."""
        if self._rules is None or self._rules.budget is not budget:
            self._rules = Names.of(budget)
        autoscaled, claims = self._autoscaled(), self._claims()
        admission = _Admission(self._view, budget.spec.tenants)
        checked: dict[str, tuple[_Checked, Entry]] = {}
        for kind in WORKLOAD_MODELS:
            for raw in self._view.all(kind):
                if raw.get("spec", {}).get("budget") == budget.metadata.name:
                    uid, target = raw["metadata"]["uid"], _target_of(raw)
                    checked[uid] = self._entry(raw, target, admission, autoscaled.get(target, ""), claims.get(target))
        self._checked = checked
        self._parsed = {uid: self._parsed[uid] for uid in checked}
        return sorted((entry for _, entry in checked.values()), key=lambda entry: entry.key)

    def _entry(
        self, raw: Raw, target: TargetName, admission: "_Admission", scaler: str, claim: Raw | None
    ) -> tuple["_Checked", Entry]:
        """The entry of the last time where everything that it depends on is still the same."""
        meta = raw["metadata"]
        facts = self._view.target(*target) if target[2] else None
        allowed = admission.max_priority(meta["namespace"])
        against = _Checked(raw, facts, self._rules, allowed, scaler, claim)
        known = self._checked.get(meta["uid"])
        if known is not None and known[0].same_as(against):
            return known
        entry = Entry(f"{raw['kind']}/{meta['namespace']}/{meta['name']}", Kind(raw["kind"]), raw, target, facts=facts)
        entry.model, messages = self._parse(raw["kind"], raw)
        effect = Effect.HELD if entry.model is None else Effect.NOTED
        entry.problems = [Problem(Reason.INVALID_SPEC, effect, message) for message in messages]
        entry.paused = is_paused(meta.get("annotations") or {})
        entry.priority = entry.model.spec.priority if entry.model else 0
        entry.problems += _problems(entry, against)
        return against, entry

    def _parse(self, kind: str, raw: Mapping[str, Any]) -> tuple[MiningPool | InferenceDeployment | None, list[str]]:
        meta = raw["metadata"]
        known = self._parsed.get(meta["uid"])
        if known is None or known[0] != meta.get("generation", 0):
            model, problems = parse(WORKLOAD_MODELS[kind], {key: raw[key] for key in raw if key != "status"})
            known = self._parsed[meta["uid"]] = (meta.get("generation", 0), model, problems)
        return known[1], known[2]

    def _claims(self) -> dict[TargetName, Raw]:
        """The oldest workload object of each target, whatever its budget; of one second, the first by name."""
        claims: dict[TargetName, Raw] = {}
        for kind in WORKLOAD_MODELS:
            for raw in self._view.all(kind):
                target = _target_of(raw)
                first = claims.setdefault(target, raw)
                if first is not raw and _age(raw) < _age(first):
                    claims[target] = raw
        return claims

    def _autoscaled(self) -> dict[TargetName, str]:
        """Targets that an autoscaler owns, with the autoscaler's name."""
        owned: dict[TargetName, str] = {}
        for kind in ("ScaledObject", "HorizontalPodAutoscaler"):  # a ScaledObject makes an autoscaler of its own
            for raw in self._view.all(kind):
                reference = raw.get("spec", {}).get("scaleTargetRef") or {}
                meta = raw["metadata"]
                target = (reference.get("kind") or "Deployment", meta["namespace"], reference.get("name", ""))
                owned.setdefault(target, f"{kind} {meta['name']}")
        return owned


@dataclass(frozen=True, slots=True)
class _Checked:
    """What an entry was checked against."""

    raw: Raw
    facts: TargetFacts | None
    rules: Names | None
    max_priority: int | None
    scaler: str
    claim: Raw | None

    def same_as(self, other: "_Checked") -> bool:
        """Whether not one object was replaced since."""
        same_objects = self.raw is other.raw and self.facts is other.facts and self.rules is other.rules
        same_words = self.max_priority == other.max_priority and self.scaler == other.scaler
        return same_objects and same_words and self.claim is other.claim


def _problems(entry: Entry, against: _Checked) -> Iterable[Problem]:
    rules = against.rules
    yield from _target_problems(entry)
    yield from _admission_problems(entry, against.max_priority)
    if rules is not None:
        yield from _hardware_problems(entry, rules)
        yield from _feed_problems(entry, rules)
    if against.scaler:
        message = f"{against.scaler} scales this target too: remove one of the two; until then only the limit lowers it"
        yield Problem(Reason.AUTOSCALER_OWNED, Effect.HELD, message)
    yield from _claim_problems(entry, against.claim)


def _target_problems(entry: Entry) -> Iterable[Problem]:
    kind, namespace, name = entry.target
    if entry.facts is None:
        message = f"{kind} {name} does not exist in namespace {namespace}: create it or correct spec.targetRef"
        yield Problem(Reason.TARGET_MISSING, Effect.REFUSED, message)
    elif kind == "StatefulSet" and not entry.facts.parallel:
        message = f"StatefulSet {name} starts its pods one by one: set podManagementPolicy: Parallel"
        yield Problem(Reason.TARGET_UNSUPPORTED, Effect.REFUSED, message)


def _hardware_problems(entry: Entry, rules: Names) -> Iterable[Problem]:
    if entry.model is None:
        return
    spec = entry.model.spec
    hardware = entry.hardware = rules.hardware.get(spec.hardware)
    if hardware is None:
        fault = unknown_hardware(spec, rules)
        yield Problem(fault.reason, Effect.EXPELLED, fault.message)
        return
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


def _feed_problems(entry: Entry, rules: Names) -> Iterable[Problem]:
    """What is wrong with the feeds that the workload names: it may be lowered until that is corrected."""
    if entry.model is not None:
        for fault in (*worth_faults(entry.model.spec, rules), *demand_faults(entry.model.spec, rules)):
            yield Problem(fault.reason, Effect.BLOCKED, fault.message)


class _Admission:
    """Which namespaces may draw from the budget, and how loudly; each namespace is looked up once."""

    def __init__(self, view: View, tenants: Iterable[Tenant]) -> None:
        self._view = view
        self._tenants = tuple(tenants)
        self._max_priority: dict[str, int | None] = {}

    def max_priority(self, namespace: str) -> int | None:
        """The highest priority that the namespace may claim, None where it may not draw at all."""
        if namespace not in self._max_priority:
            self._max_priority[namespace] = self._lookup(namespace)
        return self._max_priority[namespace]

    def _lookup(self, namespace: str) -> int | None:
        raw = self._view.get("Namespace", "", namespace)
        if raw is None:
            return None
        labels = raw["metadata"].get("labels") or {}
        allowed = [t.max_priority for t in self._tenants if t.namespace_selector.matches(labels)]
        return max(allowed, default=None)


def _admission_problems(entry: Entry, max_priority: int | None) -> Iterable[Problem]:
    """Refuse a namespace that no tenant admits; hold a claim above its priority down to what it may claim."""
    if max_priority is None:
        message = (
            f"namespace {entry.namespace} matches no namespaceSelector in the budget's tenants:"
            " label the namespace or add a tenant"
        )
        yield Problem(Reason.NAMESPACE_NOT_ADMITTED, Effect.EXPELLED, message)
    elif entry.priority > max_priority:
        message = f"spec.priority {entry.priority} is above {max_priority}, the most that this namespace may claim"
        entry.priority = max_priority
        yield Problem(Reason.PRIORITY_NOT_ALLOWED, Effect.BLOCKED, message)


def _target_of(raw: Raw) -> TargetName:
    reference = raw.get("spec", {}).get("targetRef") or {}
    return str(reference.get("kind", "")), str(raw["metadata"]["namespace"]), str(reference.get("name", ""))


def _age(raw: Raw) -> tuple[str, str, str]:
    meta = raw["metadata"]
    return str(meta.get("creationTimestamp") or ""), str(meta["name"]), str(raw["kind"])


def _claim_problems(entry: Entry, first: Raw | None) -> Iterable[Problem]:
    if first is not None and entry.target[2] and first["metadata"]["uid"] != entry.uid:
        owner = f"{first['kind']} {first['metadata']['name']} of budget {first['spec'].get('budget')}"
        message = f"{owner} scales this target already: delete one of the two"
        yield Problem(Reason.TARGET_CLAIMED, Effect.REFUSED, message)
