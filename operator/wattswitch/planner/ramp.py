"""How much power may move for money's sake: at most the ramp in any minute, or one pod where a pod is larger."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

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

    def pods(self, it_watts: int, room_it_watts: int) -> int:
        """How many pods of this size fit into what is left of the ramp."""
        if room_it_watts == self.room_it_watts and self.allows_one(it_watts):
            return 1
        return room_it_watts // it_watts

    def opens_at(self, it_watts: int) -> float | None:
        """When time alone next makes room for a pod of this size, None where no earlier move stands in its way."""
        pause_seconds = ramp_memory_seconds(it_watts, self.it_watts_per_minute)
        times = [at + pause_seconds for at, _ in self.moved if at + pause_seconds > self.now]
        first = max if it_watts > self.it_watts_per_minute else min
        return first(times, default=None)


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
