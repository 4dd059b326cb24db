"""Grid events as plain data. Times are Unix seconds, watts are at the meter."""

import math
from dataclasses import dataclass
from enum import StrEnum


class Urgency(StrEnum):
    """How far an event goes, the later the harder: only best effort keeps floors, only an emergency skips the order."""

    BEST_EFFORT = "BestEffort"
    FIRM = "Firm"
    EMERGENCY = "Emergency"


class Form(StrEnum):
    """How an event says what may still be drawn."""

    TO_WATTS = "toWatts"
    BY_WATTS = "byWatts"
    TO_PERCENT = "toPercent"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Amount:
    """What may still be drawn: `value` is in watts or in percent of the cap, and nothing where all is to go."""

    form: Form
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class GridEvent:
    """One event on one budget. It holds from `start` until `end`, for ever where that is infinite.

    `cancelled_at` is when it was taken back, None where it was not. An event that is taken back before it acted never
    was.
    """

    uid: str
    name: str
    start: float
    amount: Amount
    urgency: Urgency = Urgency.FIRM
    end: float = math.inf
    cancelled_at: float | None = None
    program: str = ""
    reference: str = ""

    @property
    def ends_at(self) -> float:
        """When it ends, taken back or over."""
        return self.end if self.cancelled_at is None else min(self.end, self.cancelled_at)


@dataclass(frozen=True, slots=True)
class Restoration:
    """How power comes back: after the cooldown, in waves of so many watts, so far apart.

    Without `wave_watts` it all comes back at once.
    """

    cooldown_seconds: float = 0.0
    wave_watts: int = 0
    wave_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What of a site the limit of an event depends on.

    `floor_watts` are the fixed watts and every floor. `shed_seconds` is how long it takes at worst until what is told
    to go is gone. `ramp_watts_per_minute` of 0 is no ramp.
    """

    cap_watts: int
    fixed_watts: int
    floor_watts: int
    shed_seconds: float = 0.0
    ramp_watts_per_minute: int = 0
    restoration: Restoration = Restoration()
