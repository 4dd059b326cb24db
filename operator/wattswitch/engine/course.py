"""How one grid event goes: when its target was met, how far power came over it again, and what was held back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from wattswitch.api.times import format_time, parse_time
from wattswitch.curtailment import GridEvent, Phase, Window

JOULES_PER_KWH = 3.6e6
EXCEEDED = "Exceeded"
"""The reason of an event whose target was met and is not any more."""
MOST_SKIPPED = 64
HELD_SECONDS = 60.0
"""What was drawn last counts for so long at most: a longer silence adds nothing to what was held back."""


class Skip(NamedTuple):
    """A workload that draws on while an event is in force, and the stable word that says why."""

    workload: str
    reason: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """The site at one moment, in watts at the meter: what the books hold, and what would run without any event."""

    at: float
    committed_watts: int
    unlimited_watts: int
    skipped: tuple[Skip, ...] = ()


@dataclass
class Course:
    """`known_since` is when the operator first knew of the event. Times are Unix seconds, None for not yet."""

    known_since: float
    limit_watts: int | None = None
    target_met_at: float | None = None
    restored_at: float | None = None
    exceeded: bool = False
    worst_watts: int | None = None
    shed_kwh: float = 0.0
    skipped: tuple[Skip, ...] = ()
    phase: Phase = Phase.SCHEDULED
    acted: bool = False
    """Whether it set a limit in this process."""
    _last: Drawn | None = field(default=None, repr=False)

    @classmethod
    def of_status(cls, status: Mapping[str, Any], known_since: float) -> "Course":
        """As an earlier process told it; what can't be read begins anew."""
        course = cls(known_since)
        try:
            course.target_met_at = _time(status.get("targetMetAt"))
            course.restored_at = _time(status.get("restoredAt"))
            course.exceeded = any(each.get("reason") == EXCEEDED for each in status.get("conditions") or ())
            course.limit_watts = None if status.get("limitWatts") is None else int(status["limitWatts"])
            course.shed_kwh = float(status.get("shedKilowattHours") or 0.0)
            course.worst_watts = None if status.get("worstWatts") is None else int(status["worstWatts"])
            course.skipped = tuple(Skip(each["workload"], each["reason"]) for each in status.get("skipped") or ())
        except (KeyError, TypeError, ValueError):
            return cls(known_since)
        return course

    def due_at(self, event: GridEvent) -> float:
        """From when on the target is to be met: the start, or when we first heard of it."""
        return max(event.start, self.known_since)

    @property
    def is_met(self) -> bool:
        """Whether power is under the limit, and has been since the target was met."""
        return self.target_met_at is not None and not self.exceeded

    def met_after_seconds(self, event: GridEvent) -> float | None:
        """How long after that it was met."""
        return None if self.target_met_at is None else max(0.0, self.target_met_at - self.due_at(event))

    def note(self, event: GridEvent, window: Window, drawn: Drawn) -> None:
        """Take in one look at the site, as of which the event is in this window."""
        self.acted = self.acted or window.limit_watts is not None
        if window.limit_watts is not None and window.phase in {Phase.ACTIVE, Phase.COOLDOWN}:
            self.limit_watts = window.limit_watts
        if self.phase is Phase.ACTIVE:
            self._add(drawn.at)
        if window.phase is Phase.ACTIVE and self.limit_watts is not None:
            self._compare(drawn, self.limit_watts, self.due_at(event))
        if window.phase is Phase.OVER and self.restored_at is None and self.phase is not Phase.SCHEDULED:
            self.restored_at = drawn.at
        self.phase, self._last = window.phase, drawn

    def _compare(self, drawn: Drawn, limit_watts: int, due_at: float) -> None:
        within = drawn.committed_watts <= limit_watts
        if within and self.target_met_at is None:
            last = self._last
            in_time = last is not None and last.at <= due_at and last.committed_watts <= limit_watts
            self.target_met_at = due_at if in_time else drawn.at
        self.exceeded = self.target_met_at is not None and not within
        if self.target_met_at is not None:
            self.worst_watts = max(self.worst_watts or 0, drawn.committed_watts)
        self.skipped = drawn.skipped[:MOST_SKIPPED]

    def _add(self, at: float) -> None:
        """Count what was held back since the last look."""
        if self._last is None:
            return
        seconds = min(HELD_SECONDS, max(0.0, at - self._last.at))
        held_back = max(0, self._last.unlimited_watts - self._last.committed_watts)
        self.shed_kwh += held_back * seconds / JOULES_PER_KWH

    def to_status(self) -> dict[str, Any]:
        """What the event's status shows of it."""
        status: dict[str, Any] = {}
        if self.limit_watts is not None:
            status["limitWatts"] = self.limit_watts
        if self.target_met_at is not None:
            status["targetMetAt"] = format_time(self.target_met_at)
        if self.restored_at is not None:
            status["restoredAt"] = format_time(self.restored_at)
        if self.worst_watts is not None:
            status["worstWatts"] = self.worst_watts
        if self.shed_kwh:
            status["shedKilowattHours"] = f"{self.shed_kwh:.1f}"
        if self.skipped:
            status["skipped"] = [{"workload": each.workload, "reason": each.reason} for each in self.skipped]
        return status


def _time(text: object) -> float | None:
    return parse_time(str(text)) if text else None
