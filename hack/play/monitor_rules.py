"""The rules of the monitor, without clock and network: changes go in by rising time, the verdict comes out.

A second violates if the pods' watts, Terminating ones included, exceed the limit and either

- a write of ours raised in it, or in an earlier one and what it asked for is still over the limit; or
- two seconds after another hand's last change the sizes asked for still add up to more than the limit.

A raise is judged against what came before it. One that reaches the API server within IN_FLIGHT_SECONDS after another
hand's change was sent before anyone could know of that change: it is counted apart and not blamed. While no operator
runs nobody can act: the two seconds then begin when it is back.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from play.monitor_facts import Budget, Raw, Target
from play.monitor_world import Load, World

OURS = "wattswitch"
GRACE_SECONDS = 2.0
IN_FLIGHT_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Second:
    """One second in which the pods exceeded the limit; `why` is empty where that was no fault of ours."""

    second: int
    budget: str
    over_watts: int
    why: str


@dataclass(frozen=True, slots=True)
class Resize:
    """A change of a target's size, by us or by another hand."""

    at: float
    target: str
    before: int
    after: int
    ours: bool


@dataclass
class Judge:
    """The verdict about one budget."""

    budget: str
    limit_watts: int = 0
    existing_watts: int = 0
    promised_watts: int = 0
    asked_watts: int = 0
    peak_watts: int = 0
    watt_seconds: float = 0.0
    in_flight_raises: int = 0
    seconds: dict[int, Second] = field(default_factory=dict)
    _at: float | None = None
    _others_at: float = -math.inf
    _raised_at: float = -math.inf
    _blamed: bool = False

    def advance(self, now: float, *, down: bool = False) -> None:
        """Let time pass to `now` with everything as it was."""
        if self._at is not None and now > self._at:
            self.watt_seconds += self.existing_watts * (now - self._at)
            self._mark(self._at, now, can_act=not down)
            self._at = now
        elif self._at is None:
            self._at, self._others_at = now, now - IN_FLIGHT_SECONDS

    def change(self, budget: Budget, load: Load, *, raised: bool) -> None:
        """Take in what one change left behind, at the time that `advance` was last given.

        `raised` says that the change was a raise of ours.
        """
        excess_before = self.asked_watts - self.limit_watts
        self.limit_watts = budget.limit_watts
        self.existing_watts = budget.meter_watts(load.existing)
        self.promised_watts = budget.meter_watts(load.promised)
        self.asked_watts = budget.meter_watts(load.asked)
        self.peak_watts = max(self.peak_watts, self.existing_watts)
        now = self._at or 0.0
        if raised:
            self._judge_raise(now)
        elif self.asked_watts - self.limit_watts > excess_before:
            self._others_at = now
        if self.promised_watts <= self.limit_watts:
            self._blamed = False
        self._mark(now, now, can_act=False)

    def returned(self) -> None:
        """The operator is back: it has two seconds to put in order what it finds."""
        self._others_at = max(self._others_at, self._at or 0.0)

    def _judge_raise(self, now: float) -> None:
        in_flight = now - self._others_at < IN_FLIGHT_SECONDS
        over = self.promised_watts > self.limit_watts
        if over and in_flight:
            self.in_flight_raises += 1
        if not in_flight:
            self._raised_at = now
            self._blamed = self._blamed or over

    def _mark(self, start: float, end: float, *, can_act: bool) -> None:
        """Enter the seconds that an interval of constant state touches; `start` equal to `end` is a moment."""
        over_watts = self.existing_watts - self.limit_watts
        if over_watts <= 0:
            return
        first, last = math.floor(start), math.floor(end)
        if last == end and end > start:
            last -= 1
        for second in range(first, last + 1):
            why = self._why(second, min(end, second + 1), can_act=can_act)
            known = self.seconds.get(second, Second(second, self.budget, 0, ""))
            worst = max(over_watts, known.over_watts)
            self.seconds[second] = Second(second, self.budget, worst, known.why or why)

    def _why(self, second: int, end: float, *, can_act: bool) -> str:
        raised_in_it = math.floor(self._raised_at) == second if math.isfinite(self._raised_at) else False
        if self._blamed or (raised_in_it and self._raised_at > self._others_at):
            return "a write of ours raised over the limit"
        if can_act and self.asked_watts > self.limit_watts and end > self._others_at + GRACE_SECONDS:
            return "the sizes asked for stayed over the limit"
        return ""


@dataclass
class Monitor:
    """Everything that the monitor knows and has found."""

    world: World = field(default_factory=World)
    judges: dict[str, Judge] = field(default_factory=dict)
    resizes: list[Resize] = field(default_factory=list)
    down: bool = False

    def load(self, now: float, objects: Iterable[tuple[str, Raw]]) -> None:
        """Take in what there is at the start, before anything is judged."""
        for kind, raw in objects:
            self.world.put(kind, raw)
        self._judge(now, raised=None)

    def put(self, now: float, kind: str, raw: Raw) -> None:
        """Take in an object that is new or changed."""
        self.advance(now)
        change = self.world.put(kind, raw)
        resize = _resize(now, *change) if change else None
        if resize:
            self.resizes.append(resize)
        raised = bool(resize and resize.ours and resize.after > resize.before)
        self._judge(now, raised=change[1] if change and raised else None)

    def drop(self, now: float, kind: str, raw: Raw) -> None:
        """Take in that an object is gone."""
        self.advance(now)
        self.world.drop(kind, raw)
        self._judge(now, raised=None)

    def advance(self, now: float) -> None:
        """Let time pass."""
        for judge in self.judges.values():
            judge.advance(now, down=self.down)

    def operator_went(self, now: float) -> None:
        """Take in that no operator runs."""
        self.advance(now)
        self.down = True

    def operator_returned(self, now: float) -> None:
        """Take in that an operator runs again."""
        self.advance(now)
        self.down = False
        for judge in self.judges.values():
            judge.returned()

    def violations(self) -> list[Second]:
        """The seconds that violate, of all budgets, by time."""
        found = [second for judge in self.judges.values() for second in judge.seconds.values() if second.why]
        return sorted(found, key=lambda second: (second.second, second.budget))

    def _judge(self, now: float, *, raised: Target | None) -> None:
        loads = self.world.loads()
        for name, budget in self.world.budgets.items():
            judge = self.judges.setdefault(name, Judge(name))
            judge.advance(now, down=self.down)
            judge.change(budget, loads[name], raised=raised is not None and self._draws(raised, name))

    def _draws(self, target: Target, budget: str) -> bool:
        return any(claim.budget == budget for identity, claim in self.world.claims.items() if identity[1] == target.uid)


def _resize(now: float, before: Target | None, after: Target) -> Resize | None:
    """What happened to a target's size, None where nothing did.

    A write to /scale that asks for 0 loses the field's owner, and so do those to /scale that follow (seen on
    Kubernetes 1.37): where nobody is named, it counts as ours.
    """
    known = before if before and before.uid == after.uid else None
    size = known.replicas if known else 0
    if size == after.replicas:
        return None
    ours = known is not None and (OURS in after.owners or not after.owners)
    return Resize(now, f"{after.kind}/{after.namespace}/{after.name}", size, after.replicas, ours)
