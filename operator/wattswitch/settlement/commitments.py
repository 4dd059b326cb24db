"""What the site has promised to shed, when and how fast; and whether it could do so now."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import combinations
from zoneinfo import ZoneInfo

from wattswitch.settlement.coincident_peaks import ALL_YEAR, EVERY_DAY, ClockWindow
from wattswitch.settlement.intervals import SECONDS_PER_HOUR, Load

_QUARTER_HOUR = 900
_WATTS_PER_KW = 1000.0
_ROUNDING_KW = 1e-9


@dataclass(frozen=True, slots=True)
class Commitment:
    """`kw` that must be off within `notice_seconds` of the call, the last `ramp_seconds` of them while it comes down.

    It holds in the `months`, on the `weekdays` (Monday 0) and in the local `windows` of its `zone`; without windows
    all day long, and on the days from `first` to `last`.
    """

    name: str
    programme: str
    kw: float
    notice_seconds: float
    ramp_seconds: float = 0.0
    zone: str = "UTC"
    windows: tuple[ClockWindow, ...] = ()
    weekdays: frozenset[int] = EVERY_DAY
    months: frozenset[int] = ALL_YEAR
    first: date | None = None
    last: date | None = None

    def holds(self, at: float) -> bool:
        """Whether the site may be called at this moment."""
        local = datetime.fromtimestamp(at, ZoneInfo(self.zone))
        day = local.date()
        if (self.first and day < self.first) or (self.last and day > self.last):
            return False
        if local.month not in self.months or local.weekday() not in self.weekdays:
            return False
        return not self.windows or any(window.holds(local) for window in self.windows)


class Word(StrEnum):
    """The answer in one stable word."""

    READY = "Ready"
    NOT_NOW = "NotNow"
    TOO_SLOW = "TooSlow"
    TOO_LITTLE = "TooLittle"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a commitment could be met now. `reason` is a sentence; with `NotNow` nothing is owed."""

    commitment: str
    ok: bool
    word: Word
    reason: str


def ers_10(name: str, kw: float) -> Commitment:
    """ERCOT's emergency response service with ten minutes; windows, months and days are those of the contract."""
    return Commitment(name, "ERS-10", kw, 600.0, 600.0, "America/Chicago")


def ers_30(name: str, kw: float) -> Commitment:
    """ERCOT's emergency response service with thirty minutes; windows, months and days are those of the contract."""
    return Commitment(name, "ERS-30", kw, 1800.0, 1800.0, "America/Chicago")


def load_reduction_agreement(name: str, kw: float, notice_seconds: float) -> Commitment:
    """To reduce or curtail for a time, as Oklahoma's HB1600 asks of mining sites for its exemption from sales tax.

    How much and how fast is in the agreement itself; the exemption is from November 2024 to the end of 2029.
    """
    first, last = date(2024, 11, 1), date(2029, 12, 31)
    zone = "America/Chicago"
    return Commitment(
        name, "load reduction agreement", kw, notice_seconds, notice_seconds, zone, first=first, last=last
    )


def could_meet(
    commitment: Commitment,
    at: float,
    *,
    shed_seconds: float | None,
    drawn_watts: float | None,
    floor_watts: float = 0.0,
    sheddable_watts: float | None = None,
) -> Readiness:
    """Whether the site could shed what is promised, if it were called now.

    `shed_seconds` is how long that takes at worst. What could go is `sheddable_watts` (what is neither held nor
    paused), at most what is drawn above `floor_watts`, the part that may not go.
    """

    def answer(word: Word, reason: str) -> Readiness:
        return Readiness(commitment.name, word in {Word.READY, Word.NOT_NOW}, word, reason)

    if not commitment.holds(at):
        return answer(Word.NOT_NOW, "outside the hours of the commitment, nothing is owed")
    if shed_seconds is None or drawn_watts is None:
        return answer(Word.UNKNOWN, f"{'the draw' if drawn_watts is None else 'the time to shed'} is not known")
    if shed_seconds > commitment.notice_seconds:
        late = shed_seconds - commitment.notice_seconds
        told = f"shedding takes up to {shed_seconds:,.0f} s, {late:,.0f} s more than the notice of"
        return answer(Word.TOO_SLOW, f"{told} {commitment.notice_seconds:,.0f} s")
    above = max(0.0, drawn_watts - floor_watts)
    could_kw = min(above, above if sheddable_watts is None else sheddable_watts) / _WATTS_PER_KW
    if could_kw < commitment.kw - _ROUNDING_KW:
        less = f"{commitment.kw - could_kw:,.1f} kW less than the {commitment.kw:,.1f} kW promised"
        of = f"{drawn_watts / _WATTS_PER_KW:,.1f} kW drawn, {floor_watts / _WATTS_PER_KW:,.1f} kW of floors"
        return answer(Word.TOO_LITTLE, f"{could_kw:,.1f} kW could go, {less} ({of})")
    return answer(Word.READY, f"{could_kw:,.1f} kW could go within {shed_seconds:,.0f} s")


def overlaps(commitments: Iterable[Commitment], year: int) -> list[tuple[str, str]]:
    """Pairs of one programme that hold at once at any quarter of an hour of that year: those watts were sold twice."""
    pairs = combinations(commitments, 2)
    return [(a.name, b.name) for a, b in pairs if a.programme == b.programme and _meet(a, b, year)]


def available_hours(commitment: Commitment, load: Load, floor_kw: float, start: float, end: float) -> float:
    """Hours from `start` to `end` in which it held and at least so many kW were drawn above the floors."""
    enough = commitment.kw + floor_kw - _ROUNDING_KW
    count = sum(start <= at < end and kw >= enough and commitment.holds(at) for at, kw in load.kw.items())
    return count * load.seconds / SECONDS_PER_HOUR


def _meet(a: Commitment, b: Commitment, year: int) -> bool:
    day = date(year, 1, 1)
    first = datetime(year, 1, 1, tzinfo=ZoneInfo(a.zone)).timestamp()
    days = (date(year + 1, 1, 1) - day).days
    moments = (first + _QUARTER_HOUR * i for i in range(days * 86_400 // _QUARTER_HOUR))
    return any(a.holds(at) and b.holds(at) for at in moments)
