"""An account of what the grid allowed and what the site did, by arithmetic that it shares with nobody.

It sees what was asked for, when the operator could know it, and what the meter says. It never asks the operator.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from unit.grid.script import Change
from unit.grid.virtual_site import (
    CAP_WATTS,
    COOLDOWN_SECONDS,
    FIXED_WATTS,
    FLOOR_IT_WATTS,
    PUE,
    RAMP_WATTS_PER_MINUTE,
    RESERVE_PERCENT,
    WAVE_SECONDS,
    WAVE_WATTS,
)
from wattswitch.api.times import parse_time

DYING_SECONDS = 8.0
"""Of a pod in the model: 4 s, and as long until its controllers have told it to go, while they create others too."""
NOTICE_SECONDS = 60 * CAP_WATTS / RAMP_WATTS_PER_MINUTE + 60
"""What is announced so long ahead is down at its start: the whole ramp, and a minute for pods to die."""
OVER_SECONDS = 7_200.0


def _at_the_meter(it_watts: int) -> int:
    """What must be allowed for this, overhead and reserve included."""
    drawn = FIXED_WATTS + math.ceil(PUE * it_watts)
    return math.ceil(drawn * 100 / (100 - RESERVE_PERCENT))


@dataclass
class Call:
    """One event as the operator could know it; `over_at` is infinite while nobody says when."""

    uid: str
    key: str
    urgency: str
    limit: int
    start: float
    over_at: float
    known_at: float
    cancelled: bool = False
    never: bool = False

    def limit_at(self, at: float) -> float:
        """The watts at the meter that it leaves."""
        if self.never or at < self.start:
            return math.inf
        since = at - self.over_at - COOLDOWN_SECONDS
        if since < 0:
            return self.limit
        if self.urgency == "Emergency":
            return math.inf
        risen = self.limit + (1 + math.floor(since / WAVE_SECONDS)) * WAVE_WATTS
        return risen if risen < CAP_WATTS else math.inf

    def is_hard(self, at: float) -> bool:
        """Whether it may take floors now: from its approach to its last wave."""
        may = self.urgency != "BestEffort" and not self.never
        return may and (self.start - NOTICE_SECONDS <= at < self.start or self.limit_at(at) < math.inf)

    @property
    def edges(self) -> Iterator[float]:
        """Every moment at which its limit may change."""
        yield self.start
        if math.isfinite(self.over_at):
            waves = CAP_WATTS // WAVE_WATTS + 1
            yield from (self.over_at + COOLDOWN_SECONDS + n * WAVE_SECONDS for n in range(waves))


@dataclass
class Judge:
    """`objections` are all that is wrong, in words; `seconds_over` those beyond what dying pods excuse."""

    objections: list[str] = field(default_factory=list)
    seconds_over: float = 0.0
    in_force: set[str] = field(default_factory=set)
    calls: dict[str, Call] = field(default_factory=dict)
    made: dict[str, float] = field(default_factory=dict)
    _late: list[float] = field(default_factory=list)
    """From when on what nobody could prepare for is on its way down."""

    # ---- what was asked for ------------------------------------------------------------------------------------------

    def hear(self, change: Change, at: float, down_since: float = math.inf) -> None:
        """Take in what the operator can know from now on; what it was last told, it was before `down_since`."""
        before = self.calls.get(change.uid)
        if change.spec is None:
            if before is not None:
                self._take_back(before, at if before.start <= down_since else before.start - 1)
            return
        call = _call_of(change.uid, change.spec, self.made.setdefault(change.uid, change.at), at)
        if before is not None:
            self._carry_over(before, call, at, down_since)
        elif call.cancelled:
            self._take_back(call, at)
        self.calls[change.uid] = call
        if call.start < call.known_at + NOTICE_SECONDS or call.urgency == "Emergency":
            self._late.append(max(call.start, at))

    def rise(self, at: float) -> None:
        """A process begins that has to make up for what the last one could not do."""
        self._late.append(at)

    def _carry_over(self, before: Call, call: Call, at: float, down_since: float) -> None:
        """What is said anew of an event ends it no earlier than now; only its first cancellation has a time."""
        if before.limit == call.limit and not before.cancelled:
            call.known_at = before.known_at
        if before.start <= min(at, down_since) and not before.never:
            call.over_at = max(call.over_at, min(at, before.over_at))
        if call.cancelled and before.cancelled:
            call.over_at, call.never = before.over_at, before.never
        elif call.cancelled:
            self._take_back(call, at)

    @staticmethod
    def _take_back(call: Call, at: float) -> None:
        call.never = call.never or at < call.start
        call.over_at = min(call.over_at, at)

    # ---- what it did -------------------------------------------------------------------------------------------------

    def limit_at(self, at: float) -> int:
        """What may be drawn, reserve taken off."""
        lowest = min([CAP_WATTS, *(call.limit_at(at) for call in self.calls.values())])
        return int(lowest * (100 - RESERVE_PERCENT) // 100)

    def next_at(self, at: float) -> float:
        """When what may be drawn changes next."""
        return min((edge for call in self.calls.values() for edge in call.edges if edge > at), default=math.inf)

    def pass_time(self, start: float, end: float, watts: float, *, up: bool) -> None:
        """Judge a stretch in which neither the limit nor what is drawn changes."""
        self._forget(start)
        if not up:
            return
        self.in_force |= {call.key for call in self.calls.values() if call.start <= start < call.over_at}
        excused_until = max((at + DYING_SECONDS for at in self._late if at <= start), default=0.0)
        over = end - max(start, excused_until)
        if watts > self.limit_at(start) + 1 and over > 1e-6:
            self.seconds_over += over
            self._object(f"{start:.1f}: {watts:.0f} W for {over:.1f} s where {self.limit_at(start)} W were allowed")

    def see_raise(self, at: float, key: str, watts_to_come: float) -> None:
        """Judge a raise by what the site would draw with it and with all that is not gone yet."""
        if watts_to_come > self.limit_at(at) + 1:
            self._object(f"{at:.1f}: {key} raised to {watts_to_come:.0f} W where {self.limit_at(at)} W were allowed")

    def see_floor(self, at: float, name: str, size: int) -> None:
        """Judge a lowering that cuts into a floor."""
        if not any(call.is_hard(at) for call in self.calls.values()):
            self._object(f"{at:.1f}: {name} was lowered to {size}, below its floor, and no event may ask for that")

    def _object(self, text: str) -> None:
        if len(self.objections) < 20:
            self.objections.append(text)

    def _forget(self, at: float) -> None:
        """Drop what is over for so long that no script tells of it any more but that its object is tidied away."""
        self._late = [since for since in self._late if since > at - DYING_SECONDS]
        self.calls = {uid: call for uid, call in self.calls.items() if call.over_at > at - OVER_SECONDS}


def _call_of(uid: str, spec: dict[str, Any], made: float, known_at: float) -> Call:
    start = parse_time(spec["start"]) if "start" in spec else float(made)
    source = spec.get("source")
    return Call(
        uid=uid,
        key=f"{source['program']}/{source['reference']}" if source else uid,
        urgency=spec["urgency"],
        limit=_limit(spec),
        start=start,
        over_at=start + spec.get("durationSeconds", math.inf),
        known_at=known_at,
        cancelled="cancelled" in spec,
    )


def _limit(spec: dict[str, Any]) -> int:
    limit = spec["limit"]
    if "toWatts" in limit:
        asked = limit["toWatts"]
    elif "byWatts" in limit:
        asked = CAP_WATTS - limit["byWatts"]
    else:
        asked = 0 if "all" in limit else math.floor(CAP_WATTS * float(limit["toPercent"]) / 100)
    least = _at_the_meter(FLOOR_IT_WATTS if spec["urgency"] == "BestEffort" else 0)
    return min(CAP_WATTS, max(least, asked))
