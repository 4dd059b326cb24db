"""What an OpenADR 2.0b event says, from the dict that openleadr makes of its XML. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import Field

from wattswitch.api.base import ApiModel
from wattswitch.bridges.asked import MAX_WATTS, Asked, Limit, Reason, Refused, stricter, text_of
from wattswitch.bridges.levels import WATTS_PER_KILOWATT, AskedFor, Levels, number, watts
from wattswitch.bridges.openadr3_event import Priced, spread
from wattswitch.bridges.timeline import FOREVER, LOWEST_PRIORITY, Claim
from wattswitch.curtailment import Form, Urgency

MAX_SIGNALS: Final = 16
MAX_INTERVALS: Final = 2000
_SCALES: Final = {"none": 1, None: 1, "k": 1000, "M": 1_000_000}
CANCELLED: Final = "cancelled"
COMPLETED: Final = "completed"


class Understood2b(ApiModel):
    """How the events of a VTN are understood."""

    levels: Levels = Levels()
    """What SIMPLE levels ask for."""
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"
    """ISO 4217 code that prices must be in."""
    limit_urgency: Urgency = Urgency.FIRM
    """Urgency of LOAD_DISPATCH."""
    delta_means_shed: bool = False
    """Whether a positive LOAD_DISPATCH delta asks for that much less. Where not, a negative one does, and a positive
    one, which asks for more, is refused."""
    units_required: bool = True
    """Whether a value without a unit is refused. Where not, power is in kW and a price per kWh in our currency."""


@dataclass(frozen=True, slots=True)
class Event2b:
    """One event, read. `left_out` tells each signal that was not taken."""

    id: str
    version: float
    status: str
    claims: tuple[Claim, ...] = ()
    prices: tuple[Priced, ...] = ()
    priority: int = LOWEST_PRIORITY
    left_out: tuple[tuple[str, Reason], ...] = ()

    @property
    def cancelled(self) -> bool:
        """Whether it asks for nothing any more."""
        return self.status == CANCELLED

    @property
    def usable(self) -> bool:
        """Whether anything of it was taken."""
        return bool(self.claims or self.prices) or self.cancelled


def merged_2b(one: Event2b, other: Event2b) -> Event2b:
    """An event that limits at least as much as either of two that claim to be the same version."""
    if one.cancelled or other.cancelled:
        return other if one.cancelled else one
    claims = {claim.asked.part: claim for claim in one.claims}
    for claim in other.claims:
        known = claims.get(claim.asked.part)
        kept = claim if known is None else replace(claim, asked=stricter(known.asked, claim.asked))
        claims[claim.asked.part] = kept
    return replace(one, claims=tuple(claims.values()), prices=one.prices + other.prices)


def identity_2b(raw: object) -> tuple[str, float, str]:
    """Id, modification number and status of an event. Raises Refused."""
    descriptor = _mapping(_mapping(raw, "an event").get("event_descriptor"), "an event's descriptor")
    identity = text_of(str(descriptor.get("event_id", "")), "the event's id")
    return identity, number(descriptor.get("modification_number", 0)), str(descriptor.get("event_status", ""))


def read_event_2b(raw: object, understood: Understood2b, *, program: str, ven: str, first_seen: float) -> Event2b:
    """The event in openleadr's dict. Raises Refused."""
    identity, version, status = identity_2b(raw)
    event = _mapping(raw, "an event")
    descriptor = _mapping(event["event_descriptor"], "an event's descriptor")
    if status == CANCELLED:
        return Event2b(identity, version, status)
    if descriptor.get("test_event") not in (None, False, "false"):
        raise Refused(Reason.TEST_EVENT, "a test event changes nothing")
    start, end = _period(_mapping(event.get("active_period"), "an active period"), identity, ven, first_seen)
    signals = event.get("event_signals")
    if not isinstance(signals, list) or len(signals) > MAX_SIGNALS:
        raise Refused(Reason.UNREADABLE, f"an event has a list of at most {MAX_SIGNALS} signals")
    reader = _Reader(identity, program, understood, _priority(descriptor), first_seen)
    for signal in signals:
        reader.take(_mapping(signal, "a signal"), start, end)
    return Event2b(
        identity,
        version,
        status,
        tuple(reader.claims),
        tuple(reader.prices),
        reader.priority,
        tuple(dict.fromkeys(reader.left_out)),
    )


class _Reader:
    """Collects what the signals of one event ask for."""

    def __init__(self, identity: str, program: str, understood: Understood2b, priority: int, first_seen: float) -> None:
        self.priority = priority
        self.claims: list[Claim] = []
        self.prices: list[Priced] = []
        self.left_out: list[tuple[str, Reason]] = []
        self._identity = identity
        self._program = program
        self._understood = understood
        self._first_seen = first_seen

    def take(self, signal: Mapping[str, Any], start: float, end: float) -> None:
        """One signal, which lasts as long as the event."""
        kind = f"{signal.get('signal_name')}/{signal.get('signal_type')}"[:64]
        try:
            for place, (first, last, raw) in enumerate(_intervals(signal, start, end)):
                self._take(signal, kind, place, (first, last), raw)
        except Refused as refusal:
            self.left_out.append((kind, refusal.reason))

    def _take(self, signal: Mapping[str, Any], kind: str, place: int, window: tuple[float, float], raw: object) -> None:
        start, end = window
        if kind == "ELECTRICITY_PRICE/price":
            self._check_currency(signal.get("measurement"))
            self.prices.append(Priced(start, end, number(raw) * 1000))
            return
        found = self._asked_for(signal, kind, raw)
        if found is None or end <= start:
            return
        limit, urgency = found
        asked = Asked(
            program=self._program,
            reference=self._identity,
            start=start,
            duration_seconds=None if end == FOREVER else end - start,
            limit=limit,
            urgency=urgency,
            part=f"{kind}.{place}",
            announced_at=self._first_seen,
        )
        self.claims.append(Claim(asked, kind, self.priority))

    def _asked_for(self, signal: Mapping[str, Any], kind: str, raw: object) -> AskedFor | None:
        urgency = self._understood.limit_urgency
        if kind == "SIMPLE/level":
            return self._understood.levels.of_simple(raw)
        if kind == "LOAD_DISPATCH/setpoint":
            return Limit(Form.TO_WATTS, watts(raw, self._unit_watts(signal.get("measurement")))), urgency
        if kind == "LOAD_DISPATCH/delta":
            less = number(raw) * self._unit_watts(signal.get("measurement"))
            less = less if self._understood.delta_means_shed else -less
            if less < 0:
                raise Refused(Reason.ASKS_FOR_MORE, "it asks for more load: nothing is raised for a peer")
            # Rounded up: to shed less than what was asked for would be a limit that nobody sent.
            return (Limit(Form.BY_WATTS, min(math.ceil(less - 1e-6), MAX_WATTS)), urgency) if less else None
        raise Refused(Reason.UNSUPPORTED_TYPE, "this signal is not supported")

    def _unit_watts(self, measurement: object) -> int:
        if measurement is None and not self._understood.units_required:
            return WATTS_PER_KILOWATT
        if not isinstance(measurement, Mapping) or measurement.get("unit") != "W":
            raise Refused(Reason.WRONG_UNIT, "power must be in W, with a scale")
        if measurement.get("scale") not in _SCALES:
            raise Refused(Reason.WRONG_UNIT, "the scale must be none, k or M")
        return _SCALES[measurement.get("scale")]

    def _check_currency(self, measurement: object) -> None:
        if measurement is None and not self._understood.units_required:
            return
        if not isinstance(measurement, Mapping) or measurement.get("name") != "currencyPerKWh":
            raise Refused(Reason.WRONG_UNIT, "a price must be per kWh")
        if measurement.get("unit") != self._understood.currency:
            raise Refused(Reason.WRONG_CURRENCY, f"the currency must be {self._understood.currency}")


def _intervals(signal: Mapping[str, Any], start: float, end: float) -> list[tuple[float, float, object]]:
    """Start, end and value of each interval, one after the other within the event."""
    raw = signal.get("intervals")
    if not isinstance(raw, Sequence) or isinstance(raw, str) or len(raw) > MAX_INTERVALS:
        raise Refused(Reason.UNREADABLE, f"a signal has a list of at most {MAX_INTERVALS} intervals")
    laid = []
    at = start
    for place, one in enumerate(raw):
        interval = _mapping(one, "an interval")
        seconds = _seconds(interval.get("duration"))
        # Without a length, the last one lasts as long as the event.
        last = at + seconds if seconds > 0 else end
        if place + 1 < len(raw) and last == FOREVER:
            raise Refused(Reason.TIME_UNREADABLE, "an interval follows one that has no end")
        laid.append((at, min(last, end), interval.get("signal_payload")))
        at = last
    return laid


def _period(period: Mapping[str, Any], identity: str, ven: str, first_seen: float) -> tuple[float, float]:
    """Start and end of an event; no duration, or 0, is an open end. A random start is spread after the given one."""
    given = period.get("dtstart")
    if not isinstance(given, datetime):
        raise Refused(Reason.TIME_UNREADABLE, "an event has a start")
    # The beginning of time means now, as in OpenADR 3.
    aware = given if given.tzinfo else given.replace(tzinfo=UTC)
    start = first_seen if given.year <= 1 else aware.timestamp()
    tolerance = period.get("tolerance") or {}
    tolerate = tolerance.get("tolerate", tolerance) if isinstance(tolerance, Mapping) else {}
    if isinstance(tolerate, Mapping):
        start += (spread(identity, ven) + 1) / 2 * _seconds(tolerate.get("startafter"))
    seconds = _seconds(period.get("duration"))
    return start, start + seconds if seconds > 0 else FOREVER


def _seconds(raw: object) -> float:
    if raw is None:
        return 0.0
    if not isinstance(raw, timedelta):
        raise Refused(Reason.TIME_UNREADABLE, "a duration can't be read")
    return max(0.0, raw.total_seconds())


def _priority(descriptor: Mapping[str, Any]) -> int:
    """Lower wins, but 0 is none, and so the lowest (2.0b)."""
    raw = descriptor.get("priority")
    given = isinstance(raw, int) and not isinstance(raw, bool) and raw > 0
    return min(int(raw), LOWEST_PRIORITY) if given and raw is not None else LOWEST_PRIORITY


def _mapping(raw: object, what: str) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping):
        raise Refused(Reason.UNREADABLE, f"{what} can't be read")
    return raw
