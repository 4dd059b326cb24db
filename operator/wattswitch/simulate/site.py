"""The site to simulate, from the very resources that a cluster takes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import yaml

from wattswitch.api.base import is_paused
from wattswitch.api.inference_deployment import InferenceDeployment, InferenceDeploymentSpec, ServiceClass
from wattswitch.api.mining_pool import MiningPool
from wattswitch.api.parse import SpecError, parse_strict
from wattswitch.api.power_budget import Hardware, PowerBudget, PowerBudgetSpec
from wattswitch.errors import SpecInvalid
from wattswitch.mapping import (
    WORKLOAD_MODELS,
    WORTH_UNITS,
    AnySpec,
    Names,
    budget_of,
    cost_per_start,
    demand_faults,
    drain_seconds,
    fixed_worth,
    gpus_per_replica,
    pool_fee_percent,
    unknown_hardware,
    watts_per_replica,
    worth_faults,
)
from wattswitch.planner.model import Budget, Kind, Signal, Worth, WorthUnit
from wattswitch.simulate.rules import broken_rules

NAME_LABEL: Final = "kubernetes.io/metadata.name"
"""The label that every namespace has."""

EVENT: Final = "CurtailmentEvent"

WATTS_PER_MEGAWATT: Final = 1e6


class SiteError(SpecInvalid):
    """Files that make no site; the text has one line for each problem, with file, object and field."""


@dataclass(frozen=True, slots=True)
class WorthModel:
    """What running is worth: a number of a feed, or a fixed one; in the base unit of `unit`."""

    feed: str | None
    fixed: float | None
    unit: WorthUnit
    pool_fee_percent: float = 0.0
    joules_per_terahash: float = 0.0

    def of(self, signal: Signal) -> Worth:
        """The planner's worth while the feed says `signal`."""
        return Worth(signal, self.unit, self.pool_fee_percent, self.joules_per_terahash)


@dataclass(frozen=True, slots=True)
class DemandModel:
    """How much work waits, by a feed, and how much of it one replica serves."""

    feed: str
    per_replica: float


@dataclass(frozen=True)
class WorkloadModel:
    """One workload object with the hardware that it runs on. Watts are of one pod, without PUE."""

    key: str
    kind: Kind
    spec: AnySpec
    it_watts_per_replica: int
    min_replicas: int
    max_replicas: int
    priority: int
    worth: WorthModel
    gpus_per_replica: int = 0
    gpu_group: str = ""
    stop_seconds: int = 0
    start_seconds: int = 0
    drain_seconds: int = 0
    cost_per_start: float = 0.0
    demand: DemandModel | None = None

    @property
    def is_batch(self) -> bool:
        """Whether its work may wait."""
        return isinstance(self.spec, InferenceDeploymentSpec) and self.spec.service_class is ServiceClass.BATCH

    @property
    def name(self) -> str:
        """Namespace and name, as --feed and --running take them."""
        return self.key.partition("/")[2]

    @property
    def min_run_seconds(self) -> int:
        """How long nothing is lowered for money after a raise."""
        return self.spec.switching.min_run_seconds

    @property
    def min_off_seconds(self) -> int:
        """How long nothing is raised for money after a lowering."""
        return self.spec.switching.min_off_seconds

    @property
    def gone_seconds(self) -> int:
        """How long a pod draws after it was told to stop."""
        return max(self.stop_seconds, self.drain_seconds)


@dataclass(frozen=True)
class SiteModel:
    """One budget and the workloads that draw from it, in the order of their keys. `notes` say what was left out."""

    budget: PowerBudget
    workloads: tuple[WorkloadModel, ...]
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the budget."""
        return self.budget.metadata.name

    @property
    def spec(self) -> PowerBudgetSpec:
        """What the admin of the site allows."""
        return self.budget.spec

    @property
    def pue(self) -> float:
        """Watts at the meter per watt of the pods."""
        return float(self.spec.overhead.pue)

    @property
    def fixed_watts(self) -> int:
        """Watts at the meter that are always there, outside PUE."""
        return self.spec.overhead.fixed_watts

    @cached_property
    def limit_watts(self) -> int:
        """What may be drawn at the meter: the cap less the reserve."""
        return self.planner_budget(Signal(None)).limit_watts

    @property
    def adder_per_mwh(self) -> float:
        """What every MWh costs on top of the price feed."""
        return float(self.spec.price.adder_per_mwh)

    @property
    def currency(self) -> str:
        """ISO 4217 code of the site's money."""
        return self.spec.price.sources[0].unit.currency or ""

    @cached_property
    def gpu_groups(self) -> Mapping[str, int]:
        """GPUs by group."""
        return {group.name: group.gpus for group in self.spec.gpu_groups}

    def megawatts(self, workload: WorkloadModel) -> float:
        """Megawatts at the meter of one replica."""
        return workload.it_watts_per_replica * self.pue / WATTS_PER_MEGAWATT

    def planner_budget(self, price: Signal, **known: Any) -> Budget:
        """The budget as the planner takes it."""
        return budget_of(self.name, self.spec, price, **known)


def read_site(paths: Sequence[Path]) -> SiteModel:
    """Read one PowerBudget with its workloads from YAML files of one or several documents each.

    Objects of kinds that draw nothing by themselves (Deployments, Services) are left out with a note. Raises SiteError
    with every problem.
    """
    documents = _Documents()
    for path in paths:
        documents.read(path)
    return documents.site()


@dataclass(frozen=True, slots=True)
class _Document:
    """One object of a file; `place` names both."""

    place: str
    kind: str
    raw: Mapping[str, Any]


class _Documents:
    """The objects of all files, and what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._budgets: list[tuple[_Document, PowerBudget]] = []
        self._workloads: list[tuple[_Document, MiningPool | InferenceDeployment]] = []
        self._namespaces: dict[str, Mapping[str, str]] = {}
        self._skipped: list[str] = []
        self._events: list[str] = []
        self._paths: list[Path] = []

    def read(self, path: Path) -> None:
        """Take the objects of one file."""
        self._paths.append(path)
        try:
            loaded = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise SiteError(f"{path} does not exist: correct its name") from None
        except (OSError, UnicodeDecodeError) as problem:
            raise SiteError(f"{path} can't be read ({type(problem).__name__}): it must be a YAML file") from None
        except yaml.YAMLError as problem:
            raise SiteError(f"{path} is not YAML: {_one_line(problem)}: correct the file") from None
        for number, raw in enumerate(loaded, start=1):
            for each in _items(raw):
                self._take(path, number, each)

    def site(self) -> SiteModel:
        """The one site. Raises SiteError."""
        files = ", ".join(str(path) for path in self._paths)
        if not self._budgets and not self.problems:
            self.problems.append(f"{files}: there is no PowerBudget: add the file that has it")
        if len(self._budgets) > 1:
            named = ", ".join(budget.metadata.name for _, budget in self._budgets)
            self.problems.append(f"{files}: there are several PowerBudgets ({named}): name the files of one site only")
        if len(self._budgets) == 1 and not self.problems:
            budget = self._budgets[0][1]
            workloads = sorted(self._models(budget), key=lambda model: model.key)
            if not workloads and not self.problems:
                self.problems.append(f"{files}: nothing draws from PowerBudget {budget.metadata.name}: add a workload")
            if not self.problems:
                return SiteModel(budget, tuple(workloads), tuple(self._notes()))
        raise SiteError("\n".join(self.problems))

    def _take(self, path: Path, number: int, raw: object) -> None:
        if not isinstance(raw, Mapping) or not isinstance(raw.get("metadata"), Mapping):
            if raw is not None:
                self.problems.append(f"{path} document {number}: is no object with kind and metadata: remove it")
            return
        kind, name = str(raw.get("kind", "")), str(raw["metadata"].get("name", ""))
        document = _Document(f"{path} {kind} {name}", kind, raw)
        if kind == "Namespace":
            self._namespaces[name] = {NAME_LABEL: name} | dict(raw["metadata"].get("labels") or {})
        elif kind == "PowerBudget":
            self._budgets += ((document, budget) for budget in self._parsed(document, PowerBudget))
        elif kind in WORKLOAD_MODELS:
            self._workloads += ((document, each) for each in self._parsed(document, WORKLOAD_MODELS[kind]))
        elif kind == EVENT:
            self._events.append(f"{kind} {name}")
        else:
            self._skipped.append(f"{kind or 'object without kind'} {name}")

    def _parsed(self, document: _Document, model: Any) -> Iterator[Any]:
        """The model of a document, nothing where it has problems."""
        try:
            parsed = parse_strict(model, {key: document.raw[key] for key in document.raw if key != "status"})
        except SpecError as error:
            self._refuse(document, error.problems)
            return
        broken = [*broken_rules(parsed.spec), *_admits_nobody(parsed)]
        self._refuse(document, broken)
        if not broken:
            yield parsed

    def _refuse(self, document: _Document, problems: Iterable[str]) -> None:
        self.problems += (f"{document.place}: {problem}" for problem in problems)

    def _models(self, budget: PowerBudget) -> Iterator[WorkloadModel]:
        names = Names.of(budget)
        keys: set[str] = set()
        targets: dict[tuple[str, str, str], str] = {}
        for document, workload in self._workloads:
            spec, meta = workload.spec, workload.metadata
            key = f"{workload.kind}/{meta.namespace or 'default'}/{meta.name}"
            target = (spec.target_ref.kind, meta.namespace, spec.target_ref.name)
            problems = [*self._problems(workload, budget, names)]
            if key in keys:
                problems.append("is there twice: remove one of the two")
            elif targets.setdefault(target, key) != key:
                problems.append(f"spec.targetRef: {targets[target]} scales this target already: remove one of the two")
            keys.add(key)
            self._refuse(document, problems)
            if not problems:
                yield _model(key, workload, names)

    def _problems(self, workload: MiningPool | InferenceDeployment, budget: PowerBudget, names: Names) -> Iterator[str]:
        spec, meta = workload.spec, workload.metadata
        if spec.budget != budget.metadata.name:
            yield f"spec.budget: {spec.budget!r} is not the PowerBudget of this site: use {budget.metadata.name!r}"
            return
        if spec.hardware not in names.hardware:
            yield unknown_hardware(spec, names).message
        yield from (fault.message for fault in (*worth_faults(spec, names), *demand_faults(spec, names)))
        yield from self._admission(meta.namespace or "default", spec.priority, budget)

    def _admission(self, namespace: str, priority: int, budget: PowerBudget) -> Iterator[str]:
        """What keeps a namespace out; where its labels are not in the files, every tenant may be its own."""
        labels = self._namespaces.get(namespace)
        admitting = [t for t in budget.spec.tenants if labels is None or t.namespace_selector.matches(labels)]
        most = max((tenant.max_priority for tenant in admitting), default=None)
        if most is None:
            yield f"namespace {namespace} matches no namespaceSelector in spec.tenants: label it or add a tenant"
        elif priority > most:
            yield f"spec.priority: {priority} is above {most}, the most that this namespace may claim: lower it"

    def _notes(self) -> Iterator[str]:
        if self._skipped:
            yield f"left out, because they draw nothing by themselves: {', '.join(self._skipped)}"
        if self._events:
            yield f"curtailment is not simulated: the limit is as if there were no {', '.join(self._events)}"
        for document, workload in self._workloads:
            if is_paused(workload.metadata.annotations):
                yield f"{document.kind} {workload.metadata.name} is paused in its file, and runs here all the same"


def _admits_nobody(parsed: PowerBudget | MiningPool | InferenceDeployment) -> Iterator[str]:
    if isinstance(parsed, PowerBudget) and not parsed.spec.tenants:
        yield "spec.tenants: admits nobody: add a namespaceSelector ({} admits every namespace)"


def _items(raw: object) -> Iterator[object]:
    """The objects of a document; a List (`kubectl get -o yaml`) has several."""
    if isinstance(raw, Mapping) and raw.get("kind") == "List" and isinstance(raw.get("items"), list):
        yield from raw["items"]
    else:
        yield raw


def _model(key: str, workload: MiningPool | InferenceDeployment, names: Names) -> WorkloadModel:
    spec, hardware = workload.spec, names.hardware[workload.spec.hardware]
    return WorkloadModel(
        key=key,
        kind=Kind(workload.kind),
        spec=spec,
        it_watts_per_replica=watts_per_replica(spec, hardware),
        min_replicas=spec.replicas.min,
        max_replicas=spec.replicas.max,
        priority=spec.priority,
        worth=_worth(spec, hardware, names),
        gpus_per_replica=gpus_per_replica(spec, hardware),
        gpu_group=hardware.gpu_group or "",
        stop_seconds=hardware.stop_seconds,
        start_seconds=spec.switching.start_seconds,
        drain_seconds=drain_seconds(spec),
        cost_per_start=cost_per_start(spec),
        demand=_demand(workload),
    )


def _worth(spec: AnySpec, hardware: Hardware, names: Names) -> WorthModel:
    fixed, unit = fixed_worth(spec)
    joules, fee = float(hardware.joules_per_terahash or 0), pool_fee_percent(spec)
    if fixed is not None:
        return WorthModel(None, float(fixed), unit, fee, joules)
    feed = spec.worth.feed or ""
    return WorthModel(feed, None, WORTH_UNITS[names.feeds[feed].quantity], fee, joules)


def _demand(workload: MiningPool | InferenceDeployment) -> DemandModel | None:
    if not isinstance(workload, InferenceDeployment) or workload.spec.demand is None:
        return None
    return DemandModel(workload.spec.demand.feed, float(workload.spec.demand.per_replica))


def _one_line(problem: Exception) -> str:
    return " ".join(str(problem).split())
