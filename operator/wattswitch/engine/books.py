"""The book of one target: how many of its pods draw, or may yet draw, whatever has happened to it.

Watts leave a book only when pods are seen gone. Four things can hide a pod, and each has its entry here:

- a status older than the last write (`largest` until a newer status has been seen),
- a ReplicaSet still creating what an earlier size asked for (`churned`: `largest` stays for as long as that may take),
- a pod that dies without having been seen terminating (`tails`, for the machine's stop time),
- a pod that should be dead and is not (`stuck_pods`).
"""

from dataclasses import dataclass, field

from wattswitch.cluster import TargetFacts
from wattswitch.planner.model import NO_SURGE, Surge

SETTLE_SECONDS = 2.0
CREATIONS_PER_SECOND = 10
"""Half of what kube-controller-manager does at its default rate of 20 requests a second."""
STUCK_AFTER_SECONDS = 60.0
"""On top of the drain time that the workload declares."""


@dataclass(frozen=True, slots=True)
class Pods:
    """Pods of a target as its status or a pod list shows them."""

    alive: int
    terminating: int

    @property
    def total(self) -> int:
        """All pods that draw."""
        return self.alive + self.terminating


@dataclass
class Book:
    """What is known of one target. `replicas` is the last size that was asked for, by us or seen at the start."""

    uid: str
    namespace: str
    kind: str
    name: str
    workload: str
    selector: str
    watts: int
    gpus: int = 0
    gpu_group: str = ""
    stop_seconds: int = 0
    drain_seconds: int = 0
    on_delete: str = "Keep"
    original_replicas: int = 0
    replicas: int = 0
    reserved: int = 0
    sent: int | None = None
    before_send: tuple[int, int, bool] = (0, 0, False)
    largest: int = 0
    churned: bool = False
    raised_at: float | None = None
    lowered_at: float | None = None
    spec_replicas: int = 0
    written_version: int = 0
    status_current: bool = False
    pods: Pods = Pods(0, 0)
    surge: Surge = NO_SURGE
    tails: list[tuple[float, int]] = field(default_factory=list)
    settled_since: float | None = None
    dying_since: float | None = None
    seen: bool = False
    needs_list: bool = False
    foreign: str = ""

    @property
    def key(self) -> str:
        """`kind/namespace/name` of the target."""
        return f"{self.kind}/{self.namespace}/{self.name}"

    def size(self, replicas: int) -> int:
        """Pods to book for a size that is asked for, surge included."""
        return replicas + self.surge.extra(replicas)

    @property
    def asked_pods(self) -> int:
        """Pods, terminating ones apart, that draw or may yet exist."""
        return max(self.size(self.spec_replicas), self.pods.alive, self.largest)

    def booked_pods(self, now: float) -> int:
        """Every pod that draws or may yet draw."""
        return self.asked_pods + self.pods.terminating + sum(count for until, count in self.tails if until > now)

    def stuck_pods(self, now: float) -> int:
        """Terminating pods that are overdue."""
        if self.dying_since is None or now < self.dying_since + self.drain_seconds + STUCK_AFTER_SECONDS:
            return 0
        return self.pods.terminating

    @property
    def settled(self) -> bool:
        """Whether a raise can be counted: the status shows every lowering, and nothing old is still being created."""
        return self.status_current and not self.churned and self.pods.alive <= self.size(self.spec_replicas)

    def observe(self, facts: TargetFacts, listed: Pods | None, now: float) -> None:
        """Take in the target as the view shows it; `listed` are its pods where the status does not count them all."""
        newer_than_write = facts.resource_version >= self.written_version
        self.surge = Surge(facts.surge_pods, facts.surge_percent)
        self.needs_list = facts.terminating_replicas is None
        if not self.seen:
            self.spec_replicas = self.replicas = self.original_replicas = facts.spec_replicas
            self.churned = facts.status_replicas != facts.spec_replicas
        if self.raised_at is None and self.lowered_at is None:
            self.original_replicas = facts.spec_replicas
        if newer_than_write and self.sent is None and facts.spec_replicas != self.replicas:
            hand = facts.replicas_manager or "another hand"
            self.foreign = f"{hand} changed replicas from {self.replicas} to {facts.spec_replicas}"
            self.replicas = facts.spec_replicas
        if self.sent is None:
            self._follow_spec(facts.spec_replicas if newer_than_write else self.replicas)
        if newer_than_write:
            self._count(_pods(facts, listed), now)
        counted = not self.needs_list or listed is not None
        up_to_date = newer_than_write and facts.observed_generation >= facts.generation
        self.status_current = up_to_date and counted and self.sent is None
        self.seen = True
        self._settle(now)

    def observe_gone(self, listed: Pods | None, now: float) -> None:
        """Take in that the target does not exist; only a pod list can say what is left of it."""
        self.spec_replicas = 0
        self.status_current = listed is not None
        if listed is None:
            return
        self.largest = 0
        self.churned = False
        self._count(listed, now)

    def send(self, replicas: int) -> None:
        """Count a size that is on its way as asked for."""
        if self.sent is None:
            self.before_send = (self.spec_replicas, self.largest, self.churned)
        self.sent = replicas
        self.status_current = False
        self._follow_spec(replicas)

    def unsent(self) -> None:
        """Take in that the size was never sent, or refused."""
        self.spec_replicas, self.largest, self.churned = self.before_send
        self.sent = None

    def lost(self) -> None:
        """Take in that nobody knows whether the size arrived."""
        self.largest = max(self.largest, self.size(self.spec_replicas), self.size(self.before_send[0]))
        self.churned = True
        self.sent = None

    def written(self, before: int, replicas: int, resource_version: int, now: float) -> None:
        """Take in that our write of this size was accepted."""
        if replicas > before:
            self.raised_at = now
        else:
            self.lowered_at, self.reserved = now, 0
        self.replicas, self.foreign = replicas, ""
        self.written_version = resource_version
        self.sent = None

    def restored(self) -> None:
        """Take in that this book comes from the ledger: what was asked for before may still be on its way."""
        self.spec_replicas = self.replicas
        self.largest = max(self.largest, self.replicas)
        self.churned = True
        self.seen = True
        self.pods = Pods(self.largest, 0)

    def tail_end(self, now: float) -> float | None:
        """When the next unseen stop is over, None where there is none."""
        return min((until for until, _ in self.tails if until > now), default=None)

    def _follow_spec(self, replicas: int) -> None:
        """Keep the largest size asked for when the size falls; an unfinished raise below it makes the book churned."""
        if replicas < self.spec_replicas:
            before = self.size(self.spec_replicas)
            self.largest = max(self.largest, before, self.pods.alive)
            self.churned = self.churned or self.pods.alive < self.spec_replicas
            self.settled_since = None
        elif replicas > self.spec_replicas:
            # Pods of a lowering that has not been seen yet die beside the ones that are now created.
            unseen = max(0, max(self.largest, self.pods.alive) - self.size(self.spec_replicas))
            self.largest = self.size(replicas) + unseen if unseen else 0
            self.churned = self.churned or unseen > 0
        self.spec_replicas = replicas

    def _count(self, pods: Pods, now: float) -> None:
        fallen = self.pods.total - pods.total
        unseen = fallen - self.pods.terminating
        if unseen > 0 and self.stop_seconds and self.seen:
            self.tails.append((now + self.stop_seconds, unseen))
        self.tails = [(until, count) for until, count in self.tails if until > now]
        if pods.terminating == 0 or pods.terminating < self.pods.terminating:
            self.dying_since = None
        if pods.terminating and self.dying_since is None:
            self.dying_since = now
        self.pods = pods

    def _settle(self, now: float) -> None:
        """Let go of `largest` once a current status accounts for it."""
        if not self.status_current:
            self.settled_since = None
            return
        if not self.churned:
            self.largest = 0
            return
        if self.pods.alive != self.spec_replicas:
            self.settled_since = None
            return
        self.settled_since = now if self.settled_since is None else self.settled_since
        if now >= self.settled_since + self._creation_seconds():
            self.churned, self.largest = False, 0

    def _creation_seconds(self) -> float:
        return SETTLE_SECONDS + max(0, self.largest - self.pods.alive) / CREATIONS_PER_SECOND

    def settles_at(self) -> float | None:
        """When a churned book will be free if nothing else happens, None where it is not waiting for time."""
        if not self.churned or self.settled_since is None:
            return None
        return self.settled_since + self._creation_seconds()


def _pods(facts: TargetFacts, listed: Pods | None) -> Pods:
    if facts.terminating_replicas is not None:
        return Pods(facts.status_replicas, facts.terminating_replicas)
    if listed is None:
        return Pods(max(facts.status_replicas, facts.spec_replicas), 0)
    return Pods(max(facts.status_replicas, listed.alive), listed.terminating)
