"""A Deployment, its controllers and its pods, with every delay that hides a pod from a status.

The Deployment controller and the ReplicaSet controller read caches that lag; a sync creates or deletes what its cache
called for when it began, and reports the pods that its cache held then. All delays are drawn from one generator.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from unit.engine.targets import facts
from wattswitch.cluster import TargetFacts

LAG_SECONDS = 0.3
CREATE_SECONDS = 0.08
DEATH_SECONDS = 4.0


@dataclass(frozen=True)
class Snapshot:
    """Pods of the ReplicaSet as a cache or a status has them."""

    alive: int = 0
    terminating: int = 0


@dataclass
class ModelCluster:
    """One Deployment at work. `facts` is what the API server has; `truth` every pod that is or is being created."""

    random: Random
    replicas: int = 0
    now: float = 1000.0
    version: int = 1
    generation: int = 1
    observed_generation: int = 1
    status_alive: int = 0
    status_terminating: int = 0
    asked_of_set: int = 0
    alive: int = 0
    terminating: int = 0
    to_create: int = 0
    set_cache: Snapshot = field(default_factory=Snapshot)
    set_status: Snapshot = field(default_factory=Snapshot)
    _past: list[tuple[float, TargetFacts]] = field(default_factory=list)
    _due: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _number: int = 0
    _busy: bool = False

    def __post_init__(self) -> None:
        self.asked_of_set = self.alive = self.status_alive = self.replicas
        self.set_cache = self.set_status = Snapshot(self.alive, 0)
        self._note()

    @property
    def facts(self) -> TargetFacts:
        return facts(
            resource_version=self.version,
            generation=self.generation,
            observed_generation=self.observed_generation,
            spec_replicas=self.replicas,
            status_replicas=self.status_alive,
            terminating_replicas=self.status_terminating,
        )

    @property
    def truth(self) -> int:
        """Pods that exist, and pods that a sync which is under way will create whatever is asked for now."""
        return self.alive + self.terminating + self.to_create

    def facts_of(self, at: float) -> TargetFacts:
        """What a watch that is late still shows: the object as it was at that moment."""
        return next((seen for since, seen in reversed(self._past) if since <= at), self._past[0][1])

    def scale(self, replicas: int) -> int:
        """Write a size; the version that it got."""
        self.replicas = replicas
        self.version += 1
        self.generation += 1
        self._note()
        seen = (self.generation, replicas)
        self._later(LAG_SECONDS, lambda: self._sync_deployment(*seen))
        return self.version

    def run(self, seconds: float) -> None:
        """Let time pass."""
        until = self.now + seconds
        while self._due and self._due[0][0] <= until:
            self.now, _, act = heapq.heappop(self._due)
            act()
        self.now = until

    def _later(self, at_most: float, act: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._due, (self.now + self.random.uniform(0, at_most), self._number, act))

    def _sync_deployment(self, generation: int, replicas: int) -> None:
        if generation < self.observed_generation:
            return
        self.asked_of_set = replicas
        self._report(generation)
        self._later(LAG_SECONDS, self._sync_set)

    def _report(self, generation: int) -> None:
        """The Deployment controller's status: its own size, and the pods that the set's status showed it."""
        self.observed_generation = max(generation, self.observed_generation)
        self.status_alive, self.status_terminating = self.set_status.alive, self.set_status.terminating
        self.version += 1
        self._note()

    def _note(self) -> None:
        self._past.append((self.now, self.facts))

    def _sync_set(self) -> None:
        if self._busy:
            self._later(LAG_SECONDS, self._sync_set)
            return
        seen = self.set_cache
        if (seen.alive, seen.terminating) == (self.alive, self.terminating):  # what it did itself must have arrived
            missing = self.asked_of_set - seen.alive
            self._busy, self.to_create = missing > 0, max(0, missing)
            self._delete(-missing)
        self._finish(seen)

    def _finish(self, seen: Snapshot) -> None:
        """Create one pod after the other; the status comes last, with what was seen at the beginning."""
        if self.to_create:
            self._later(CREATE_SECONDS, lambda: self._create(seen))
            return
        self._busy = False
        if seen != self.set_status:
            self.set_status = seen
            self._later(LAG_SECONDS, lambda: self._report(self.observed_generation))

    def _create(self, seen: Snapshot) -> None:
        self.to_create -= 1
        self.alive += 1
        self._pods_changed()
        self._finish(seen)

    def _delete(self, pods: int) -> None:
        for _ in range(max(0, pods)):
            self.alive -= 1
            self.terminating += 1
            self._later(DEATH_SECONDS, self._die)
        if pods > 0:
            self._pods_changed()

    def _die(self) -> None:
        self.terminating -= 1
        self._pods_changed()

    def _pods_changed(self) -> None:
        self._later(LAG_SECONDS, self._refresh)

    def _refresh(self) -> None:
        self.set_cache = Snapshot(self.alive, self.terminating)
        self._later(LAG_SECONDS, self._sync_set)
