"""A small site as the API server shows it: raw objects, the view that holds them, and feeds that read from a table."""

from typing import Any

from wattswitch.api.parse import parse
from wattswitch.api.power_budget import PowerBudget, PowerBudgetSpec
from wattswitch.cluster import View
from wattswitch.engine.observe import Observation, Site, observe
from wattswitch.engine.roster import Entry, Roster
from wattswitch.feeds import Curve, CurveReading, Reading
from wattswitch.planner.model import SiteState

NOW = 1_700_000_000.0
HOUR_OF_NOW = NOW // 3600 * 3600
"""The hour that `NOW` is in."""
MINING, INFERENCE = "mining", "inference"


def source(value: str = "40", unit: str = "USDPerMWh", name: str = "contract") -> dict[str, Any]:
    return {"name": name, "unit": unit, "fixed": {"value": value}}


def budget_raw(**spec: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "mode": "Enforce",
        "capWatts": 100_000,
        "hardware": [
            {"name": "s21", "watts": 3500, "joulesPerTerahash": "17.5", "stopSeconds": 5},
            {"name": "plain", "watts": 1000, "stopSeconds": 0},
            {"name": "h100", "watts": 1275, "gpus": 1, "gpuGroup": "hopper", "stopSeconds": 10},
        ],
        "gpuGroups": [{"name": "hopper", "gpus": 64}],
        "tenants": [{"namespaceSelector": {"matchLabels": {"site": "west"}}, "maxPriority": 100}],
        "price": {"sources": [source()]},
        "feeds": [
            {"name": "hashprice", "sources": [source("38.2", "USDPerPHPerDay")]},
            {"name": "queue", "sources": [source("5", "Count")]},
            {"name": "gpu-hour", "sources": [source("2", "USDPerGPUHour")]},
            {"name": "replica-hour", "sources": [source("3", "USDPerReplicaHour")]},
            {"name": "per-mwh", "sources": [source("90")]},
        ],
    }
    return _object("PowerBudget", "west", None, {**defaults, **spec}, uid="budget-uid")


def pool_raw(name: str = "s21", *, created: str = "2026-01-01T00:00:00Z", **spec: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "budget": "west",
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        "replicas": {"min": 0, "max": 10},
        "hardware": "s21",
        "worth": {"perMWh": "91"},
    }
    return _object("MiningPool", name, MINING, {**defaults, **spec}, created=created)


def service_raw(name: str = "llama", *, created: str = "2026-01-01T00:00:00Z", **spec: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "budget": "west",
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        "replicas": {"min": 2, "max": 8},
        "hardware": "h100",
        "worth": {"perReplicaHour": "2.35"},
    }
    return _object("InferenceDeployment", name, INFERENCE, {**defaults, **spec}, created=created)


def target_raw(
    name: str = "s21",
    namespace: str = MINING,
    *,
    replicas: int = 0,
    alive: int | None = None,
    terminating: int | None = 0,
    updated: int | None = None,
    gpus: int = 0,
    kind: str = "Deployment",
    uid: str = "",
    version: int = 10,
    manager: str = "",
    **spec: Any,
) -> dict[str, Any]:
    alive = replicas if alive is None else alive
    limits = {"nvidia.com/gpu": str(gpus)} if gpus else {}
    template = {"spec": {"containers": [{"name": "main", "resources": {"limits": limits}}]}}
    status = {
        "observedGeneration": 1,
        "replicas": alive,
        "updatedReplicas": alive if updated is None else updated,
        "readyReplicas": alive,
        "terminatingReplicas": terminating,
    }
    defaults = {
        "replicas": replicas,
        "strategy": {"type": "Recreate"},
        "selector": {"matchLabels": {"app": name}},
        "template": template,
    }
    raw = _object(kind, name, namespace, {**defaults, **spec}, uid=uid or f"uid-of-{name}", version=version)
    raw["apiVersion"] = "apps/v1"
    raw["metadata"]["managedFields"] = [{"manager": manager, "fieldsV1": {"f:spec": {"f:replicas": {}}}}] * bool(
        manager
    )
    raw["status"] = {key: value for key, value in status.items() if value is not None}
    return raw


def namespace_raw(name: str, **labels: str) -> dict[str, Any]:
    raw = _object("Namespace", name, None, {})
    raw["metadata"]["labels"] = labels
    return raw


def autoscaler_raw(kind: str, namespace: str, /, **reference: str) -> dict[str, Any]:
    return _object(kind, "auto", namespace, {"scaleTargetRef": reference})


def _object(kind: str, name: str, namespace: str | None, spec: Any, **more: Any) -> dict[str, Any]:
    meta = {
        "name": name,
        "uid": more.get("uid") or f"uid-of-{kind}-{name}",
        "resourceVersion": str(more.get("version", 1)),
        "generation": 1,
        "creationTimestamp": more.get("created", "2026-01-01T00:00:00Z"),
    }
    if namespace is not None:
        meta["namespace"] = namespace
    return {"apiVersion": "wattswitch.io/v1alpha1", "kind": kind, "metadata": meta, "spec": spec}


class Stage:
    """A view with two admitted namespaces, a budget, and whatever else is put there."""

    def __init__(self, *objects: dict[str, Any], **budget_spec: Any) -> None:
        self.view = View()
        self.version = 1000
        self.feeds = FakeFeeds()
        self.roster = Roster(self.view)
        self.set_budget(**budget_spec)
        self.site = Site(self.budget, self.feeds)  # type: ignore[arg-type]
        self.put(namespace_raw(MINING, site="west"), namespace_raw(INFERENCE, site="west"), *objects)

    def set_budget(self, **spec: Any) -> None:
        raw = budget_raw(**spec)
        budget, problems = parse(PowerBudget, raw)
        assert budget is not None, problems
        self.budget: PowerBudget = budget
        self.spec: PowerBudgetSpec = budget.spec
        self.put(raw)
        if hasattr(self, "site"):
            self.site.budget = budget

    def put(self, *objects: dict[str, Any]) -> None:
        for raw in objects:
            self.version += 1
            meta = raw["metadata"] | {"resourceVersion": str(self.version)}
            generation = self.version if raw["kind"] not in {"Deployment", "StatefulSet"} else meta["generation"]
            self.view.apply("MODIFIED", raw | {"metadata": meta | {"generation": generation}})

    def drop(self, raw: dict[str, Any]) -> None:
        self.version += 1
        self.view.apply("DELETED", raw | {"metadata": raw["metadata"] | {"resourceVersion": str(self.version)}})

    def entries(self) -> list[Entry]:
        return self.roster.entries(self.budget)

    def entry(self, name: str) -> Entry:
        return next(entry for entry in self.entries() if entry.name == name)

    def look(self, now: float = NOW, raise_gate: str = "") -> Observation:
        return observe(self.site, self.view, self.entries(), now, raise_gate)

    def state(self, now: float = NOW) -> SiteState:
        return self.look(now).state


class FakeFeeds:
    """Answers as SiteFeeds does, from a table."""

    def __init__(self) -> None:
        self.readings: dict[str, Reading] = {
            "price": reading(40.0),
            "hashprice": reading(38.2),
            "queue": reading(5.0),
            "gpu-hour": reading(2.0),
            "replica-hour": reading(3.0),
            "per-mwh": reading(90.0),
        }
        self.asked: list[tuple[str, str, str]] = []
        self.published: CurveReading | None = None

    def curve(self) -> CurveReading | None:
        return self.published

    def price(self) -> Reading:
        return self.readings["price"]

    def meter(self) -> Reading:
        return self.readings["meter"]

    def grid_limit(self) -> Reading | None:
        return self.readings.get("gridLimit")

    def named(self, name: str, namespace: str, workload: str) -> Reading:
        self.asked.append((name, namespace, workload))
        return self.readings[name]


def reading(value: float | None, problem: str = "", at: float = NOW, message: str = "") -> Reading:
    return Reading(value, at, at, "contract", problem, message)


def hourly(*prices: float, start: float = HOUR_OF_NOW) -> CurveReading:
    """A published curve with a price for each hour."""
    starts = tuple(start + n * 3600.0 for n in range(len(prices)))
    return CurveReading(Curve(starts, prices, 3600.0, "day-ahead"), start, "day-ahead")
