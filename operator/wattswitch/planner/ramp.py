"""How much power may move for money's sake: at most the ramp in any minute, or one pod where a pod is larger."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property

from wattswitch.planner.bisection import largest
from wattswitch.planner.model import PUE_SCALE, SiteState

WINDOW_SECONDS = 60


@dataclass(frozen=True)
class Ramp:
    """Room for one direction. `it_watts_per_minute` of 0 means no ramp; `moved` are (time, watts), watts positive."""

    now: float
    it_watts_per_minute: int
    moved: tuple[tuple[float, int], ...]

    @property
    def unlimited(self) -> bool:
        """Whether no ramp was asked for."""
        return self.it_watts_per_minute <= 0

    @cached_property
    def room_it_watts(self) -> int:
        """Watts that may still move in the minute that ends now."""
        recent = sum(watts for at, watts in self.moved if at + WINDOW_SECONDS > self.now)
        return max(0, self.it_watts_per_minute - recent)

    @cached_property
    def _last_at(self) -> float:
        return max((at for at, _ in self.moved), default=-math.inf)

    def allows_one(self, it_watts: int) -> bool:
        """Whether one pod larger than the ramp may move: the time since the last move must have paid for it."""
        if it_watts <= self.it_watts_per_minute:
            return False
        pause_seconds = ramp_memory_seconds(it_watts, self.it_watts_per_minute)
        return self._last_at + pause_seconds <= self.now

    def opens_at(self, it_watts: int) -> float | None:
        """When time alone next makes room for a pod of this size, None where no earlier move stands in its way."""
        pause_seconds = ramp_memory_seconds(it_watts, self.it_watts_per_minute)
        times = [at + pause_seconds for at, _ in self.moved if at + pause_seconds > self.now]
        first = max if it_watts > self.it_watts_per_minute else min
        return first(times, default=None)


@dataclass
class Passage:
    """What one step may still move under a ramp; those who move ask in order of rank.

    The first who has to wait for more room closes it for all who come after: theirs would be the moves that the wait
    then counts from, and many small ones could keep it from ever ending.
    """

    ramp: Ramp
    closed: bool = False
    moved_it_watts: int = 0
    _opens_at: float | None = field(default=None, init=False)

    def replicas(self, most: int, it_watts_of: Callable[[int], int]) -> int:
        """How many replicas may move, of `most`; `it_watts_of` says what the first so many come to."""
        if self.ramp.unlimited:
            return most
        if self.closed:
            return 0
        if not self.moved_it_watts and self.ramp.allows_one(it_watts_of(1)):
            return min(1, most)
        room = self.ramp.room_it_watts - self.moved_it_watts
        return largest(0, most, lambda replicas: it_watts_of(replicas) <= room)

    def move(self, it_watts: int) -> None:
        """Use up room. The limit may use more than there is."""
        self.moved_it_watts += it_watts

    def close(self, next_it_watts: int) -> float | None:
        """Let nobody pass any more; says when the ramp opens for the pod that was first to wait."""
        if not self.closed:
            self.closed, self._opens_at = True, self.ramp.opens_at(next_it_watts)
        return self._opens_at


def ramp_up(state: SiteState) -> Ramp:
    """The ramp that raises keep to."""
    raised = ((move.at, move.it_watts) for move in state.moves if move.it_watts > 0)
    return _ramp(state, state.budget.ramp_up_watts_per_minute, raised)


def ramp_down(state: SiteState) -> Ramp:
    """The ramp that economic lowerings keep to."""
    lowered = ((move.at, -move.it_watts) for move in state.moves if move.it_watts < 0)
    return _ramp(state, state.budget.ramp_down_watts_per_minute, lowered)


def _ramp(state: SiteState, watts_per_minute: int, moved: Iterable[tuple[float, int]]) -> Ramp:
    it_watts = watts_per_minute * PUE_SCALE // state.budget.pue_1e4
    return Ramp(state.now, max(it_watts, min(watts_per_minute, 1)), tuple(moved))


def ramp_memory_seconds(it_watts: int, it_watts_per_minute: int) -> float:
    """How long a move must be remembered so that one pod of this size is paid for."""
    if it_watts_per_minute <= 0:
        return 0
    return WINDOW_SECONDS * max(1.0, it_watts / it_watts_per_minute)
