"""A site on which plans take effect: pods start at once, die late, and draw until they are gone.

Its watts are added up from its pods by arithmetic of its own, so that it can tell where a plan passed the limit.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from wattswitch.planner.model import PUE_SCALE, Batch, Demand, Move, Plan, Workload, Worth
from wattswitch.simulate.site import SiteModel, WorkloadModel

MOVE_MEMORY_SECONDS: Final = 60.0
"""How long every move is remembered; beyond that only the last one of each direction."""


@dataclass
class Machine:
    """One workload's pods: the size that is asked for, and when how many of the dying ones will be gone."""

    model: WorkloadModel
    size: int = 0
    dying: list[tuple[float, int]] = field(default_factory=list)
    raised_at: float | None = None
    lowered_at: float | None = None
    worth: Worth | None = None
    demand: Demand | None = None
    batch: Batch | None = None
    _seen: Workload | None = None
    _fixed: dict[str, Any] = field(init=False)
    """What the planner is shown of it that never changes."""

    def __post_init__(self) -> None:
        model = self.model
        self._fixed = {
            "key": model.key,
            "kind": model.kind,
            "max_replicas": model.max_replicas,
            "it_watts_per_replica": model.it_watts_per_replica,
            "floor_replicas": model.min_replicas,
            "priority": model.priority,
            "gpus_per_replica": model.gpus_per_replica,
            "gpu_group": model.gpu_group,
            "min_run_seconds": model.min_run_seconds,
            "min_off_seconds": model.min_off_seconds,
            "start_seconds": model.start_seconds,
            "drain_seconds": model.drain_seconds,
            "cost_per_start": model.cost_per_start,
        }

    @property
    def pods(self) -> int:
        """Every pod that draws."""
        return self.size + sum([count for _, count in self.dying])

    def show(self, worth: Worth, demand: Demand | None, batch: Batch | None) -> None:
        """Take what the feeds say of the workload now."""
        if worth is not self.worth or demand is not self.demand or batch != self.batch:
            self.worth, self.demand, self.batch, self._seen = worth, demand, batch, None

    def ask(self, size: int, now: float) -> None:
        """Change the size: what is too much is told to stop, what is missing starts."""
        if size > self.size:
            self.raised_at = now
        else:
            self.lowered_at = now
            if self.model.gone_seconds:
                self.dying.append((now + self.model.gone_seconds, self.size - size))
        self.size, self._seen = size, None

    def bury(self, now: float) -> int:
        """Forget the pods that are gone; says how many these are."""
        gone = sum(count for at, count in self.dying if at <= now)
        if gone:
            self.dying = [(at, count) for at, count in self.dying if at > now]
            self._seen = None
        return gone

    def seen(self) -> Workload:
        """What the planner is shown."""
        if self._seen is None:
            self._seen = self._show()
        return self._seen

    def _show(self) -> Workload:
        if self.worth is None:
            raise ValueError(f"{self.model.key} was never shown a worth")
        return Workload(
            **self._fixed,
            worth=self.worth,
            spec_replicas=self.size,
            booked_pods=self.pods,
            demand=self.demand,
            batch=self.batch,
            ready_replicas=self.size,
            raised_at=self.raised_at,
            lowered_at=self.lowered_at,
        )


class ModelSite:
    """The pods of a site and the time, which only `advance` moves."""

    def __init__(self, site: SiteModel, sizes: Sequence[int], now: float) -> None:
        self.machines = [Machine(model, size) for model, size in zip(site.workloads, sizes, strict=True)]
        self.now = now
        self.violation_seconds = 0.0
        self._places = {model.key: place for place, model in enumerate(site.workloads)}
        self._moves: list[Move] = []
        self.keeps_ramps: Final = bool(site.spec.ramp_up_watts_per_minute or site.spec.ramp_down_watts_per_minute)
        self._fixed_watts, self._pue_1e4 = site.fixed_watts, int(site.spec.overhead.pue * PUE_SCALE)
        self._it_watts = sum(machine.size * machine.model.it_watts_per_replica for machine in self.machines)
        self._dying = 0

    @property
    def sizes(self) -> list[int]:
        """Replicas asked for, in the order of the site's workloads."""
        return [machine.size for machine in self.machines]

    @property
    def watts(self) -> int:
        """What every pod and the fixed loads draw at the meter, rounded up."""
        return self._fixed_watts + -(-self._it_watts * self._pue_1e4 // PUE_SCALE)

    @property
    def moves(self) -> tuple[Move, ...]:
        """The moves that a ramp still counts; none where no ramp is kept."""
        return tuple(self._moves)

    def show(self, worths: Sequence[Worth], demands: Sequence[Demand | None], batches: Sequence[Batch | None]) -> None:
        """Take what the feeds say now, in the order of the site's workloads."""
        for machine, worth, demand, batch in zip(self.machines, worths, demands, batches, strict=True):
            machine.show(worth, demand, batch)

    def workloads(self) -> tuple[Workload, ...]:
        """What the planner is shown."""
        return tuple([machine.seen() for machine in self.machines])

    def write(self, decision: Plan) -> bool:
        """Make the writes of a plan; says whether there were any."""
        keys = (*decision.lowers, *decision.raises)
        if keys:
            sizes = {target.key: target.replicas for target in decision.targets}
            for key in keys:
                self._ask(self.machines[self._places[key]], sizes[key])
        return bool(keys)

    def _ask(self, machine: Machine, size: int) -> None:
        change = size - machine.size
        watts = change * machine.model.it_watts_per_replica
        machine.ask(size, self.now)
        if change > 0 or not machine.model.gone_seconds:
            self._it_watts += watts
        else:
            self._dying -= change
        if self.keeps_ramps:
            self._moves = _with_move(self._moves, Move(self.now, watts))

    def state(self) -> Hashable:
        """Everything that what comes depends on, feeds aside: sizes, dying pods, and when each was moved."""
        machines = tuple((m.size, tuple(m.dying), m.raised_at, m.lowered_at) for m in self.machines)
        return self.now, machines, tuple(self._moves)

    def next_death(self) -> float | None:
        """When the next pod will be gone, None where none is dying."""
        if not self._dying:
            return None
        return min(at for machine in self.machines for at, _ in machine.dying)

    def advance(self, until: float, limit_watts: int) -> None:
        """Let time pass, and count the seconds during which the site draws more than it may."""
        while self._dying:
            death = self.next_death()
            if death is None or death > until:
                break
            self._pass(death, limit_watts)
            for machine in self.machines:
                gone = machine.bury(death)
                self._dying -= gone
                self._it_watts -= gone * machine.model.it_watts_per_replica
        self._pass(until, limit_watts)

    def _pass(self, until: float, limit_watts: int) -> None:
        if self.watts > limit_watts:
            self.violation_seconds += until - self.now
        self.now = until


def _with_move(moves: list[Move], new: Move) -> list[Move]:
    """`moves` that still matter, and `new`."""
    last: dict[bool, Any] = {move.it_watts > 0: move for move in moves}
    kept = [move for move in moves if move.at > new.at - MOVE_MEMORY_SECONDS or move is last[move.it_watts > 0]]
    return [*kept, new]
