"""A site on which a plan takes effect: pods start at once, die late, and are counted until they are gone.

Every raise is checked against the limit at the moment it is made, by arithmetic that is not the planner's.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Self

from property import arithmetic
from wattswitch.planner import plan
from wattswitch.planner.model import Budget, Draw, Move, Plan, SiteState, Workload

DIE_SECONDS = (2.0, 7.0)
"""Miners and inference; the fastest and the slowest of a plain stop."""


@dataclass
class Machine:
    """One target: the size that is asked for, its living pods, and when its dying ones will be gone."""

    workload: Workload
    spec: int
    alive: int
    dying: list[float] = field(default_factory=list)
    raised_at: float | None = None
    lowered_at: float | None = None
    rolling: bool = False

    @property
    def booked(self) -> int:
        """Every pod that draws or may yet draw."""
        return max(arithmetic.size_pods(self.workload, self.spec), self.alive) + len(self.dying)

    def seen(self) -> Workload:
        """What the planner is shown."""
        return replace(
            self.workload,
            spec_replicas=self.spec,
            booked_pods=self.booked,
            stuck_pods=0,
            settled=self.alive <= arithmetic.size_pods(self.workload, self.spec),
            raised_at=self.raised_at,
            lowered_at=self.lowered_at,
        )

    def converge(self, now: float) -> None:
        """Start what is missing, stop what is too much, bury what is dead."""
        wanted = arithmetic.size_pods(self.workload, self.spec) if self.rolling else self.spec
        seconds = DIE_SECONDS[self.workload.it_watts_per_replica % 2]
        self.dying += [now + seconds] * (self.alive - wanted)
        self.alive = wanted
        self.dying = [at for at in self.dying if at > now]


@dataclass
class ModelSite:
    """The site, its books and its clock."""

    budget: Budget
    machines: dict[str, Machine]
    now: float
    draws: tuple[Draw, ...] = ()
    moves: list[Move] = field(default_factory=list)
    raise_gate: str = ""

    @classmethod
    def of(cls, state: SiteState) -> Self:
        """The site in this state, with the pods above those asked for already dying."""
        machines = {}
        for w in state.workloads:
            extra = w.booked_pods - arithmetic.size_pods(w, w.spec_replicas)
            dying = [state.now + DIE_SECONDS[0]] * extra
            machines[w.key] = Machine(w, w.spec_replicas, w.spec_replicas, dying, w.raised_at, w.lowered_at)
        return cls(state.budget, machines, state.now, state.draws)

    @property
    def state(self) -> SiteState:
        """What the planner is shown."""
        seen = tuple(machine.seen() for machine in self.machines.values())
        return SiteState(self.now, self.budget, seen, self.draws, tuple(self.moves), self.raise_gate)

    @property
    def sizes(self) -> dict[str, int]:
        """What is asked for."""
        return {key: machine.spec for key, machine in self.machines.items()}

    def write(self, decision: Plan, writes: int | None = None) -> int:
        """Make the first `writes` of the plan's writes, or all; returns how many were made."""
        sizes = {target.key: target.replicas for target in decision.targets}
        keys = (*decision.lowers, *decision.raises)[:writes]
        for key in keys:
            self._ask(key, sizes[key])
        return len(keys)

    def _ask(self, key: str, size: int) -> None:
        machine = self.machines[key]
        watts = arithmetic.size_watts(machine.workload, size) - arithmetic.size_watts(machine.workload, machine.spec)
        rises = size > machine.spec
        machine.spec = size
        self.moves.append(Move(self.now, watts))
        if rises:
            machine.raised_at = self.now
            assert arithmetic.within_limit(self.budget, arithmetic.booked_it_watts(self.state)), f"{key} passes over"
            takes_gpus = machine.workload.gpu_group and machine.workload.gpus_per_replica
            assert not takes_gpus or arithmetic.gpus_free(self.state, machine.workload.gpu_group) >= 0
        else:
            machine.lowered_at = self.now

    def wait(self, seconds: float) -> None:
        """Let time pass, and let the cluster do what was asked of it."""
        for machine in self.machines.values():
            machine.converge(self.now)
        self.now += seconds
        for machine in self.machines.values():
            machine.converge(self.now)

    def next_event(self, decision: Plan) -> float | None:
        """When anything changes that nobody writes, None where the site is at rest."""
        deaths = [at for machine in self.machines.values() for at in machine.dying]
        times = [*deaths, *([] if decision.look_again_at is None else [decision.look_again_at])]
        return min(times, default=None)

    def decisions(self, most: int = 2000) -> Iterator[Plan]:
        """Decide, write and wait until nothing moves; fails where it never rests."""
        for _ in range(most):
            decision = plan(self.state)
            yield decision
            if self.write(decision):
                self.wait(0.5)
                continue
            until = self.next_event(decision)
            if until is None:
                return
            assert until > self.now, "told to look again at a time that has passed"
            self.wait(until - self.now)
        raise AssertionError(f"no rest after {most} decisions")

    def rest(self) -> dict[str, int]:
        """The sizes at rest."""
        for _ in self.decisions():
            pass
        return self.sizes
