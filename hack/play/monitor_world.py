"""The monitor's picture of the cluster: which pods draw from which budget, and what they were asked to be."""

from collections.abc import Callable
from dataclasses import dataclass, field

from play.monitor_facts import (
    TARGET_KINDS,
    WORKLOAD_KINDS,
    Budget,
    Pod,
    Raw,
    Selector,
    Target,
    Workload,
    read_budget,
    read_pod,
    read_target,
    read_workload,
)

KINDS = ("Pod", *TARGET_KINDS, *WORKLOAD_KINDS, "PowerBudget")

Identity = tuple[str, str]
"""Key of the workload and uid of its target."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Pods that draw from a budget: remembered until the last of them is gone, whatever becomes of its objects."""

    budget: str
    workload: str
    namespace: str
    selector: Selector
    since: str
    watts: int

    def covers(self, pod: Pod) -> bool:
        """Tell whether the pod is one of these."""
        return pod.namespace == self.namespace and self.selector.matches(pod.labels)


@dataclass(frozen=True, slots=True)
class Load:
    """Watts of one budget's pods: those that exist; those and what is still asked for; what is asked for."""

    existing: int = 0
    promised: int = 0
    asked: int = 0


@dataclass
class World:
    """The objects as the API server last showed them, and the claims that follow from them."""

    pods: dict[str, Pod] = field(default_factory=dict)
    targets: dict[tuple[str, str, str], Target] = field(default_factory=dict)
    workloads: dict[str, Workload] = field(default_factory=dict)
    budgets: dict[str, Budget] = field(default_factory=dict)
    claims: dict[Identity, Claim] = field(default_factory=dict)
    _claimed: dict[str, Identity | None] = field(default_factory=dict)

    def put(self, kind: str, raw: Raw) -> tuple[Target | None, Target] | None:
        """Take in an object as it now is; a target is returned as it was and as it is."""
        resized = None
        if kind == "Pod":
            pod = read_pod(raw)
            self.pods[pod.uid] = pod
        elif kind in TARGET_KINDS:
            target = read_target(kind, raw)
            identity = (kind, target.namespace, target.name)
            resized = (self.targets.get(identity), target)
            self.targets[identity] = target
        elif kind in WORKLOAD_KINDS:
            workload = read_workload(kind, raw)
            self.workloads[workload.key] = workload
        else:
            budget = read_budget(raw)
            self.budgets[budget.name] = budget
        self._claim()
        return resized

    def drop(self, kind: str, raw: Raw) -> None:
        """Take in that an object is gone."""
        metadata = raw["metadata"]
        namespace, name = metadata.get("namespace", ""), metadata["name"]
        if kind == "Pod":
            self.pods.pop(metadata["uid"], None)
            self._claimed.pop(metadata["uid"], None)
        elif kind in TARGET_KINDS:
            self.targets.pop((kind, namespace, name), None)
        elif kind in WORKLOAD_KINDS:
            self.workloads.pop(f"{kind}/{namespace}/{name}", None)
        else:
            self.budgets.pop(name, None)
        self._claim()

    def loads(self) -> dict[str, Load]:
        """The load of each budget."""
        sizes = {target.uid: target.replicas for target in self.targets.values()}
        alive = self._count(lambda pod: not pod.terminating)
        dying = self._count(lambda pod: pod.terminating)
        totals = {name: [0, 0, 0] for name in self.budgets}
        for identity, claim in self.claims.items():
            total, size = totals.setdefault(claim.budget, [0, 0, 0]), sizes.get(identity[1], 0)
            total[0] += claim.watts * (alive[identity] + dying[identity])
            total[1] += claim.watts * (max(size, alive[identity]) + dying[identity])
            total[2] += claim.watts * size
        return {name: Load(*total) for name, total in totals.items()}

    def ready(self) -> dict[str, int]:
        """Pods of each workload that are ready and not about to end."""
        counts = dict.fromkeys(self.workloads, 0)
        for identity, count in self._count(lambda pod: pod.ready and not pod.terminating).items():
            counts[identity[0]] = counts.get(identity[0], 0) + count
        return counts

    def _claim(self) -> None:
        """Bring the claims up to date; those whose objects are gone stay while one of their pods is left."""
        before = dict(self.claims)
        for workload in self.workloads.values():
            target, budget = self.targets.get(workload.target), self.budgets.get(workload.budget)
            if target and budget:
                self.claims[workload.key, target.uid] = _claim(workload, target, budget)
        if self.claims != before:
            self._claimed.clear()
        living = {target.uid for target in self.targets.values()}
        lost = {key for key in self.claims if key[0] not in self.workloads or key[1] not in living}
        if lost:
            for identity in lost - {self._identity(pod) for pod in self.pods.values()}:
                del self.claims[identity]

    def _count(self, counts: Callable[[Pod], bool]) -> dict[Identity, int]:
        """Pods of each claim that count; those that ended by themselves never do."""
        found = dict.fromkeys(self.claims, 0)
        for pod in self.pods.values():
            identity = self._identity(pod)
            if identity is not None and not pod.done and counts(pod):
                found[identity] += 1
        return found

    def _identity(self, pod: Pod) -> Identity | None:
        """Whose the pod is: of several claims, the one with the most watts, then the youngest one not younger than it.

        A Deployment that was deleted and deployed again has the same selector as its predecessor, some of whose pods
        may still be there.
        """
        if pod.uid not in self._claimed:
            fitting = [(identity, claim) for identity, claim in self.claims.items() if claim.covers(pod)]
            best = max(fitting, key=lambda each: _fitness(each[1], pod), default=None)
            self._claimed[pod.uid] = best[0] if best else None
        return self._claimed[pod.uid]


def _fitness(claim: Claim, pod: Pod) -> tuple[int, bool, str]:
    return (claim.watts, claim.since <= pod.created, claim.since)


def _claim(workload: Workload, target: Target, budget: Budget) -> Claim:
    nameplate_watts = budget.hardware_watts.get(workload.hardware, 0) * workload.devices
    watts = max(nameplate_watts, workload.declared_watts)
    return Claim(budget.name, workload.key, target.namespace, target.selector, target.created, watts)
