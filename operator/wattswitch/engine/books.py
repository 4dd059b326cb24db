"""The book of one target: how many of its pods draw, or may yet draw, whatever has happened to it.

Watts leave a book only when pods are seen gone. Five things can hide a pod, and each has its entry here:

- a size that is on its way (`sent`),
- a status older than the last write or than what it led to (`largest`, until a newer status accounts for it),
- a ReplicaSet still creating what an earlier size asked for (`churned`: `largest` stays for as long as that may take),
- a pod that dies without having been seen terminating (`tails`, for the machine's stop time),
- a pod that should be dead and is not (`stuck_pods`).
"""

from dataclasses import dataclass, field

from wattswitch.cluster import TargetFacts
from wattswitch.planner.model import NO_SURGE, Surge

SETTLE_SECONDS = 2.0
CREATIONS_PER_SECOND = 10
"""Half of what kube-controller-manager does at its default rate of 20 requests a second, for all targets together."""
LOST_SECONDS = 60.0
"""How long a raise without an answer may still arrive: the API server's own default limit for a request."""
FOREIGN_SECONDS = 60.0
"""How long another hand is named: taking its size back takes less time than telling of it."""
RESTORED_SECONDS = 300.0
"""How long the cluster may show a target older than our last write before it is taken as restored from a backup."""
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
    """What is known of one target.

    `most_replicas` is the largest size that its workload ever asks for, 0 where that is not known. `replicas` is the
    last size that was asked for, by us or seen at the start; `reserved` the size that the ledger is
    to allow; `sent` the size on its way; `known_replicas` the size in the target's spec. `largest` is the most pods,
    terminating ones included, that there may be until a status accounts for them.
    """

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
    grace_seconds: int = 0
    on_delete: str = "Keep"
    original_replicas: int = 0
    most_replicas: int = 0
    replicas: int = 0
    reserved: int = 0
    sent: int | None = None
    lost_write: tuple[int, int] | None = None
    largest: int = 0
    churned: bool = False
    raised_at: float | None = None
    lowered_at: float | None = None
    known_replicas: int = 0
    written_version: int = 0
    written_at: float = 0.0
    status_current: bool = False
    pods: Pods = Pods(0, 0)
    surge: Surge = NO_SURGE
    tails: list[tuple[float, int]] = field(default_factory=list)
    settled_since: float | None = None
    settling_seconds: float = SETTLE_SECONDS
    dying_since: float | None = None
    seen: bool = False
    from_ledger: bool = False
    needs_list: bool = False
    foreign: str = ""
    foreign_at: float = 0.0

    @property
    def key(self) -> str:
        """`kind/namespace/name` of the target."""
        return f"{self.kind}/{self.namespace}/{self.name}"

    @property
    def spec_replicas(self) -> int:
        """The size that is asked for, as if what is on its way had arrived."""
        return self.known_replicas if self.sent is None else self.sent

    def rate(self, watts: int, gpus: int, *, rolled_out: bool) -> None:
        """Book each pod at what is declared: more at once, less when no pod of an earlier template is left."""
        old_pods_gone = rolled_out and self.pods.terminating == 0
        self.watts = watts if old_pods_gone else max(watts, self.watts)
        self.gpus = gpus if old_pods_gone else max(gpus, self.gpus)

    def size(self, replicas: int) -> int:
        """Pods to book for a size that is asked for, surge included."""
        return replicas + self.surge.extra(replicas)

    @property
    def asked_pods(self) -> int:
        """Pods that nobody has asked to stop, or that are still to come."""
        return max(self.size(self.known_replicas), self.size(self.sent or 0))

    def booked_pods(self, now: float) -> int:
        """Every pod that draws or may yet draw."""
        return self._most(sum(count for until, count in self.tails if until > now))

    @property
    def unborn_pods(self) -> int:
        """Pods that may still be created, for this size or an earlier one."""
        of_earlier = self.largest - self.pods.total if self.churned else 0
        return max(0, self.known_replicas - self.pods.alive, of_earlier)

    def stuck_pods(self, now: float) -> int:
        """Terminating pods that are overdue."""
        if self.dying_since is None or now < self.dying_since + self.drain_seconds + STUCK_AFTER_SECONDS:
            return 0
        return self.pods.terminating

    @property
    def settled(self) -> bool:
        """Whether a raise can be counted: the status shows every lowering, and nothing old is still being created."""
        return self.status_current and not self.churned and self.pods.alive <= self.size(self.known_replicas)

    def observe(self, facts: TargetFacts, listed: Pods | None, now: float, backlog: int = 0) -> None:
        """Take in the target as the view shows it; `listed` are its pods where the status does not count them all.

        `backlog` are the `unborn_pods` of all books: one controller creates them one after the other.
        """
        newer_than_write = facts.resource_version >= self.written_version or now > self.written_at + RESTORED_SECONDS
        self.surge = Surge(facts.surge_pods, facts.surge_percent)
        self.needs_list = facts.terminating_replicas is None
        if not self.seen:
            self.known_replicas = self.replicas = self.original_replicas = facts.spec_replicas
            self.churned = facts.status_replicas != facts.spec_replicas
        if self.raised_at is None and self.lowered_at is None and self.replicas == self.original_replicas:
            self.original_replicas = facts.spec_replicas
        if now >= self.foreign_at + FOREIGN_SECONDS:
            self.foreign = ""
        if newer_than_write:
            self._follow_hand(facts, now)
            self._follow_spec(facts.spec_replicas)
            self._count(_pods(facts, listed, self.pods.terminating), now)
            self.from_ledger = False
        counted = not self.needs_list or listed is not None
        up_to_date = newer_than_write and facts.observed_generation >= facts.generation
        self.status_current = up_to_date and counted and self.sent is None
        self.seen = True
        self._settle(now, backlog)

    def observe_gone(self, listed: Pods | None, now: float, backlog: int = 0) -> None:
        """Take in that the target does not exist; only a pod list can say what is left of it."""
        self._follow_spec(0)
        self.status_current = listed is not None
        if listed is not None:
            self._count(listed, now)
        self._settle(now, backlog)

    def send(self, replicas: int) -> None:
        """Count a size that is on its way as asked for, and what it replaces as still there."""
        self.sent = replicas
        self.status_current = False

    def unsent(self) -> None:
        """Take in that the size was never sent, or refused."""
        self.sent = None

    def lost(self) -> None:
        """Take in that nobody knows whether the size arrived, or when."""
        if self.sent is None:
            return
        self.largest, self.churned, self.settled_since = self._most(self._stopping), True, None
        self.lost_write = (self.known_replicas, self.sent)
        self.sent = None

    def written(self, before: int, replicas: int, resource_version: int, now: float) -> None:
        """Take in that our write of this size was accepted."""
        self._stamp(before, replicas, now)
        self.replicas = replicas
        self.written_version, self.written_at = resource_version, now
        self.sent = self.lost_write = None
        self._follow_spec(replicas)

    def restored(self) -> None:
        """Take in that this book comes from the ledger: what was asked for before may still be on its way."""
        self.known_replicas = self.replicas
        self.largest = max(self.largest, self.replicas)
        self.churned = self.seen = self.from_ledger = True
        self.pods = Pods(self.largest, 0)

    def tail_end(self, now: float) -> float | None:
        """When the next unseen stop is over, None where there is none."""
        return min((until for until, _ in self.tails if until > now), default=None)

    def settles_at(self) -> float | None:
        """When a churned book will be free if nothing else happens, None where it is not waiting for time."""
        if not self.churned or self.settled_since is None:
            return None
        return self.settled_since + self.settling_seconds

    @property
    def _stopping(self) -> int:
        """Pods in all tails, over or not: for bounds that outlive the moment."""
        return sum(count for _, count in self.tails)

    def _most(self, stopping: int) -> int:
        """The most pods that there may be, `stopping` unseen ones among them."""
        return max(self.largest, max(self.asked_pods, self.pods.alive) + self.pods.terminating + stopping)

    def _stamp(self, before: int, replicas: int, now: float) -> None:
        if replicas > before:
            self.raised_at = now
        else:
            self.lowered_at, self.reserved = now, 0

    def _follow_hand(self, facts: TargetFacts, now: float) -> None:
        """Name whoever changed the size: us, where an answer was lost or a process ended before it could note it."""
        size = facts.spec_replicas
        if self.lost_write is not None and size != self.lost_write[0]:
            if size == self.lost_write[1]:
                self._stamp(self.lost_write[0], size, now)
                self.replicas = self.known_replicas = size  # `largest` counts it already
                self.settled_since = None
            self.lost_write = None
        if size in {self.replicas, self.sent}:
            return
        if not self.from_ledger or size > self.largest:
            hand = facts.replicas_manager or "another hand"
            if size > self.replicas and self.raised_at is not None:
                self.raised_at = 0.0  # our dwell does not shelter what another hand added
            self.foreign, self.foreign_at = f"{hand} changed replicas from {self.replicas} to {size}", now
        self.replicas = size

    def _follow_spec(self, replicas: int) -> None:
        """Keep the most pods that there may be when the size falls, and when it rises before the fall was seen.

        A fall that overtakes the creation of pods makes the book churned: the status shows neither them nor the end.
        """
        before, alive = self.known_replicas, self.pods.alive
        if replicas == before:
            return
        asked = self.size(before)
        seen = asked + self.pods.terminating + self._stopping
        most = max(self.largest, seen, self.pods.total + self._stopping)
        if replicas < before:
            self.largest = most
            self.churned = self.churned or (alive != before and alive < asked)
            self.settled_since = None
        elif most > seen:
            # Pods of a lowering that has not been seen yet die beside the ones that are now created.
            self.largest = most + self.size(replicas) - asked
            self.churned, self.settled_since = True, None
        else:
            self.largest = 0
        self.known_replicas = replicas

    def _count(self, pods: Pods, now: float) -> None:
        fallen = self.pods.total - pods.total
        unseen = fallen - self.pods.terminating
        self.tails = [(until, count) for until, count in self.tails if until > now]
        if unseen > 0 and self.stop_seconds and self.seen:
            self.tails.append((now + self.stop_seconds, unseen))
        if pods.terminating == 0 or pods.terminating < self.pods.terminating:
            self.dying_since = None
        if pods.terminating and self.dying_since is None:
            self.dying_since = now
        self.pods = pods

    def _settle(self, now: float, backlog: int) -> None:
        """Let go of `largest` once a current status accounts for it."""
        if not self.status_current:
            self.settled_since = None
            return
        if not self.churned:
            self.largest = 0
            return
        if self.pods.alive > self.asked_pods:
            self.settled_since = None
            return
        self.settled_since = now if self.settled_since is None else self.settled_since
        self.settling_seconds = SETTLE_SECONDS + max(self.unborn_pods, backlog) / CREATIONS_PER_SECOND
        if self.lost_write is not None and self.lost_write[1] > self.lost_write[0]:
            self.settling_seconds = max(self.settling_seconds, LOST_SECONDS)
        if now >= self.settled_since + self.settling_seconds:
            self.churned, self.largest, self.lost_write = False, 0, None


def _pods(facts: TargetFacts, listed: Pods | None, terminating_before: int) -> Pods:
    """The pods of a target; until they are listed, those that were terminating still are."""
    if facts.terminating_replicas is not None:
        return Pods(facts.status_replicas, facts.terminating_replicas)
    terminating = terminating_before if listed is None else listed.terminating
    alive = 0 if listed is None else listed.alive
    # The status of a StatefulSet counts terminating pods too, that of a Deployment does not.
    counted = facts.status_replicas - (terminating if facts.kind == "StatefulSet" else 0)
    return Pods(max(counted, alive), terminating)
