"""Where in its course an event is, and which limit it sets then.

Announced, then an approach that has brought power down when the event starts, then in force, then a cooldown under the
same limit, then waves up. An emergency has no approach and no waves. Every limit is a number that time alone changes,
so that a process which starts anew in mid-event goes on where the last one stopped.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from wattswitch.curtailment.event import GridEvent, SiteFacts, Urgency
from wattswitch.curtailment.limit import limit_watts

APPROACH_STEP_SECONDS = 5.0
"""The approach comes down in steps of so long, so that not every second asks for a write."""


class Phase(StrEnum):
    """Where in its course an event is."""

    SCHEDULED = "Scheduled"
    APPROACH = "Approach"
    ACTIVE = "Active"
    COOLDOWN = "Cooldown"
    RESTORING = "Restoring"
    OVER = "Over"


@dataclass(frozen=True, slots=True)
class Window:
    """What an event sets at one moment.

    `limit_watts` is None where it sets no limit. `until` is when that changes by time alone, None where it never does.
    """

    phase: Phase
    limit_watts: int | None
    until: float | None


def window_of(event: GridEvent, site: SiteFacts, now: float) -> Window:
    """Where the event is at `now`."""
    ends_at = event.ends_at
    if ends_at <= event.start or (event.cancelled_at is not None and event.cancelled_at < event.start):
        return Window(Phase.OVER, None, None)
    limit = limit_watts(event, site)
    if now < event.start:
        return _before(event, site, limit, now)
    if now < ends_at:
        return Window(Phase.ACTIVE, limit, None if math.isinf(ends_at) else ends_at)
    return _after(event, site, limit, now)


def _before(event: GridEvent, site: SiteFacts, limit: int, now: float) -> Window:
    """What is drawn must be gone by the start: the way down ends so long before it as the last pods take to die."""
    if event.urgency is Urgency.EMERGENCY:
        return Window(Phase.SCHEDULED, None, event.start)
    down_at = event.start - site.shed_seconds
    if now >= down_at:
        return Window(Phase.APPROACH, limit, event.start)
    per_step = site.ramp_watts_per_minute / 60 * APPROACH_STEP_SECONDS
    most = math.ceil((site.cap_watts - limit) / per_step) - 1 if per_step else 0
    steps = math.ceil((down_at - now) / APPROACH_STEP_SECONDS)
    if steps > most:
        return Window(Phase.SCHEDULED, None, down_at - most * APPROACH_STEP_SECONDS)
    height = limit + math.floor(steps * per_step)
    return Window(Phase.APPROACH, height, down_at - (steps - 1) * APPROACH_STEP_SECONDS)


def _after(event: GridEvent, site: SiteFacts, limit: int, now: float) -> Window:
    """The limit stays for the cooldown and then rises by waves, the first one at the end of the cooldown."""
    back = site.restoration
    rises_at = event.ends_at + back.cooldown_seconds
    if now < rises_at:
        return Window(Phase.COOLDOWN, limit, rises_at)
    if event.urgency is Urgency.EMERGENCY or not back.wave_watts or not back.wave_seconds:
        return Window(Phase.OVER, None, None)
    waves = 1 + math.floor((now - rises_at) / back.wave_seconds)
    height = limit + waves * back.wave_watts
    if height >= site.cap_watts:
        return Window(Phase.OVER, None, None)
    return Window(Phase.RESTORING, height, rises_at + waves * back.wave_seconds)
