"""What the site has promised to give back when it is called, and the peaks of the grid that it is charged by."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from wattswitch.api.base import ATOMIC, ApiModel, CalendarDay, DecimalString, DnsLabel, Rule, Seconds, Watts
from wattswitch.api.curtailment_event import ProgramName
from wattswitch.api.source import ClockEnd, ClockTime, Days, Months, TimeZone


class Hours(ApiModel):
    """A part of the day, in the time zone that is named beside it."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("self.start != self.end", 'start and end must differ: a whole day is from "00:00" to "24:00"'),
    )

    start: ClockTime
    """First minute, "HH:MM"."""
    end: ClockEnd
    """First minute after it, "HH:MM", "24:00" for the end of the day; before `start`, it is the next day's."""
    days: Days = ()
    """Days on which these hours start; every day where left out."""


DayHours = Annotated[tuple[Hours, ...], Field(max_length=8, json_schema_extra=ATOMIC)]
"""Some hours of the week."""


class Commitment(ApiModel):
    """Watts that the site has promised to give back when it is called."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("self.rampSeconds <= self.noticeSeconds", "rampSeconds must not be above noticeSeconds, whose end it is"),
        Rule(
            "!has(self.firstDay) || !has(self.lastDay) || self.firstDay <= self.lastDay",
            "firstDay must not be after lastDay",
        ),
    )

    name: DnsLabel
    """Name in status, messages and metrics; unique in the budget."""
    program: ProgramName
    """The program or contract, such as ers-10."""
    watts: Watts
    """What is to be given back, at the meter."""
    notice_seconds: Seconds
    """From the call until it must be gone."""
    ramp_seconds: Seconds = 0
    """The last part of the notice, in which power may come down."""
    time_zone: TimeZone = "UTC"
    """Name in the IANA time zone database, such as America/Chicago."""
    windows: DayHours = ()
    """Hours in which the site may be called; all day long where left out."""
    months: Months = ()
    """Months in which it may be called, 1 to 12; every month where left out."""
    first_day: CalendarDay | None = None
    """The first day on which it may be called; from ever where left out."""
    last_day: CalendarDay | None = None
    """The last day on which it may be called; for ever where left out."""


class PeakSignal(ApiModel):
    """A number that says that a peak is near."""

    feed: DnsLabel
    """Feed of the budget, without perWorkload, such as a forecast of the grid's load."""
    at_least: DecimalString
    """A peak is to be expected from this number on, in base units."""


class CoincidentPeak(ApiModel):
    """Intervals in which the whole grid draws most: what the site draws then is what it is charged by."""

    name: DnsLabel
    """Name in reports and metrics; unique in the budget."""
    months: Months = ()
    """Months that have a peak, 1 to 12; every month where left out."""
    time_zone: TimeZone = "UTC"
    """Name in the IANA time zone database, such as America/Chicago."""
    interval_seconds: Literal[300, 900, 1800, 3600]
    """Length of the interval that counts."""
    windows: DayHours = ()
    """Hours in which a peak is to be expected; all day long where left out. The peak counts whenever it comes."""
    signal: PeakSignal | None = None
    """What else says that a peak is near; while it is not fresh, it counts as if it did."""
    limit_watts: Watts | None = None
    """What the site may draw while a peak is near; nothing is limited where left out."""
