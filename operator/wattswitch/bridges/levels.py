"""From levels and alerts, which name no watts, to limits and urgencies: a table of the site's own.

The defaults keep floors at the mild end and drop everything at the hard end; a level that is not in the table asks for
nothing, and says so. Percentages are of the cap and are rounded down.
"""

import math
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from wattswitch.api.base import ApiModel
from wattswitch.bridges.asked import MAX_WATTS, Limit, Reason, Refused
from wattswitch.curtailment import Form, Urgency

WATTS_PER_KILOWATT: Final = 1000
MAX_OFFSET_LEVEL: Final = 10

LimitedWatts = Annotated[int, Field(strict=True, ge=0, le=MAX_WATTS)]


class Action(ApiModel):
    """A limit and its urgency: exactly one of toWatts, byWatts, toPercent, all."""

    to_watts: LimitedWatts | None = None
    """Draw no more than this."""
    by_watts: LimitedWatts | None = None
    """Draw less than the cap by this."""
    to_percent: Annotated[int, Field(strict=True, ge=0, le=100)] | None = None
    """Draw no more than this share of the cap."""
    all: Literal[True] | None = None
    """Draw nothing that can be turned off."""
    urgency: Urgency = Urgency.FIRM
    """BestEffort keeps the floors of workloads, Firm does not, Emergency also skips order and ramps."""

    @model_validator(mode="after")
    def _says_one(self) -> Self:
        if len(self._limits()) != 1:
            raise ValueError("set exactly one of toWatts, byWatts, toPercent, all")
        return self

    @property
    def limit(self) -> Limit:
        """The limit that it says."""
        return self._limits()[0]

    def _limits(self) -> list[Limit]:
        amounts = (
            (Form.TO_WATTS, self.to_watts),
            (Form.BY_WATTS, self.by_watts),
            (Form.TO_PERCENT, self.to_percent),
            (Form.ALL, 0 if self.all else None),
        )
        return [Limit(form, amount) for form, amount in amounts if amount is not None]


def _default_simple() -> dict[int, Action]:
    return {
        1: Action(to_percent=75, urgency=Urgency.BEST_EFFORT),
        2: Action(to_percent=50, urgency=Urgency.FIRM),
        3: Action(all=True, urgency=Urgency.EMERGENCY),
    }


def _default_alerts() -> dict[str, Action]:
    return {
        "ALERT_GRID_EMERGENCY": Action(all=True, urgency=Urgency.BEST_EFFORT),
        "ALERT_BLACK_START": Action(all=True, urgency=Urgency.EMERGENCY),
        "ALERT_FLEX_ALERT": Action(to_percent=75, urgency=Urgency.BEST_EFFORT),
    }


AskedFor = tuple[Limit, Urgency]
"""A limit and how hard it is."""


class Levels(ApiModel):
    """What the site does at each level and alert.

    Level 0 of SIMPLE and of CONTROL_LEVEL_OFFSET is normal operation and limits nothing.
    """

    simple: Annotated[dict[Annotated[int, Field(ge=1, le=3)], Action], Field(max_length=3)] = Field(
        default_factory=_default_simple
    )
    """SIMPLE 1 to 3. Default: 75 % keeping floors, 50 %, everything at once."""
    offsets: Annotated[dict[Annotated[int, Field(ge=1, le=10)], Action], Field(max_length=10)] = Field(
        default_factory=dict
    )
    """CONTROL_LEVEL_OFFSET 1 to 10; a level that is left out takes a tenth of the cap for each step."""
    alerts: Annotated[
        dict[Annotated[str, Field(max_length=64, pattern=r"^ALERT_[A-Z_]+$")], Action], Field(max_length=32)
    ] = Field(default_factory=_default_alerts)
    """What each alert asks for. Default: a grid emergency sheds to the floors, a black start sheds everything until it
    is cleared, a flex alert 25 % keeping floors; alerts of weather and fire ask for nothing."""
    offset_urgency: Urgency = Urgency.FIRM
    """Urgency of control level offsets that are not in `offsets`."""

    def of_simple(self, raw: object) -> AskedFor | None:
        """What a SIMPLE level asks for; None for normal operation. Raises Refused."""
        level = whole(raw, 0, 3)
        return None if level == 0 else _known(self.simple.get(level), f"SIMPLE {level}")

    def of_offset(self, raw: object) -> AskedFor | None:
        """What a control level offset of -10 to 10 asks for; None at 0. Raises Refused."""
        level = whole(raw, -MAX_OFFSET_LEVEL, MAX_OFFSET_LEVEL)
        if level < 0:
            raise Refused(Reason.ASKS_FOR_MORE, "a negative offset asks for more load: nothing is raised for a peer")
        if level == 0:
            return None
        if level in self.offsets:
            return _known(self.offsets[level], "")
        return Limit(Form.TO_PERCENT, 100 - level * 100 // MAX_OFFSET_LEVEL), self.offset_urgency

    def of_offset_share(self, raw: object) -> AskedFor | None:
        """What a control level offset of -1.0 to 1.0 asks for; None at 0. Raises Refused."""
        share = number(raw)
        if not -1 <= share <= 1:
            raise Refused(Reason.OUT_OF_RANGE, "a control level offset in percent is from -1.0 to 1.0")
        if share < 0:
            raise Refused(Reason.ASKS_FOR_MORE, "a negative offset asks for more load: nothing is raised for a peer")
        if share == 0:
            return None
        # The small term keeps 1 - 0.3 from being cut to 69 %.
        return Limit(Form.TO_PERCENT, math.floor((1 - share) * 100 + 1e-9)), self.offset_urgency

    def of_alert(self, kind: str) -> AskedFor:
        """What an alert asks for. Raises Refused."""
        return _known(self.alerts.get(kind), kind)


def _known(action: Action | None, what: str) -> AskedFor:
    if action is None:
        raise Refused(Reason.NO_ACTION_CONFIGURED, f"{what} is in no table of the configuration")
    return action.limit, action.urgency


def number(raw: object) -> float:
    """A finite float from a JSON number. Raises Refused."""
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise Refused(Reason.NOT_A_NUMBER, "the value is no number")
    try:
        value = float(raw)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise Refused(Reason.NOT_A_NUMBER, "the value is not finite")
    return value


def whole(raw: object, least: int, most: int) -> int:
    """An integer within bounds; 2.0 is one. Raises Refused."""
    value = number(raw)
    if value != math.floor(value) or not least <= value <= most:
        raise Refused(Reason.OUT_OF_RANGE, f"the level is no integer from {least} to {most}")
    return int(value)


def watts(raw: object, unit_watts: int = WATTS_PER_KILOWATT) -> int:
    """Watts, rounded down, from a number in units of `unit_watts`, at most MAX_WATTS. Raises Refused."""
    value = number(raw) * unit_watts
    if value < 0:
        raise Refused(Reason.NEGATIVE, "a limit below 0 is refused: any substitute would be one that nobody sent")
    return min(math.floor(value + 1e-6), MAX_WATTS)
