"""What an OpenADR 3 event says, from its JSON. Pure; versions 3.0.1 and 3.1 in one reading.

Where the versions differ, both are understood: targets are objects with type and values in 3.0, texts in 3.1. A part of
an event that can't be used is left out with its reason; an event that can't be read at all is refused.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from pydantic import Field

from wattswitch.api.base import ApiModel
from wattswitch.bridges.asked import MAX_WATTS, Asked, Limit, Reason, Refused, stricter, text_of
from wattswitch.bridges.iso import is_now, read_duration, read_time
from wattswitch.bridges.levels import WATTS_PER_KILOWATT, AskedFor, Levels, number, watts
from wattswitch.bridges.timeline import FOREVER, LOWEST_PRIORITY, Claim
from wattswitch.curtailment import Form, Urgency

MAX_INTERVALS: Final = 2000
"""A week in 5-minute steps, about."""
MAX_PAYLOADS: Final = 16
MAX_VALUES: Final = 2000
MAX_TARGETS: Final = 256
MAX_REPEATS: Final = 2000
"""How many intervals are laid out for an event that repeats its own."""

PRICE: Final = "PRICE"
SUBSCRIPTION: Final = "IMPORT_CAPACITY_SUBSCRIPTION"
RESERVATION: Final = "IMPORT_CAPACITY_RESERVATION"
_TO_WATTS: Final = frozenset({"IMPORT_CAPACITY_LIMIT", "DISPATCH_SETPOINT", SUBSCRIPTION, RESERVATION})
_RELATIVE: Final = "DISPATCH_SETPOINT_RELATIVE"


PayloadType = Annotated[str, Field(min_length=1, max_length=128)]
"""A type of the standard, or a private text."""


class Understood(ApiModel):
    """How the events of a program are understood."""

    levels: Levels = Levels()
    """What levels and alerts ask for."""
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"
    """ISO 4217 code that prices must be in; none is ever converted."""
    limit_urgency: Urgency = Urgency.FIRM
    """Urgency of limits in watts."""
    private_limits: Annotated[tuple[PayloadType, ...], Field(max_length=16)] = ()
    """Private payload types that are taken as a limit of import in kW, such as CONSUMPTION_POWER_LIMIT."""
    relative_means_shed: bool = False
    """Whether a positive DISPATCH_SETPOINT_RELATIVE asks for that much less. Where not, a negative one does, and a
    positive one, which asks for more, is refused."""
    descriptors_required: bool = True
    """Whether a value without a descriptor of its unit is refused. Where not, it is in kW, and a price per kWh."""


@dataclass(frozen=True, slots=True)
class Priced:
    """A price per MWh over a time; `end` is infinite where that is open."""

    start: float
    end: float
    price_per_mwh: float


@dataclass(frozen=True, slots=True)
class ReportWanted:
    """A report that an event asks for; numbers as in the standard: -1 for the end, all, or always."""

    payload_type: str
    start_interval: int = -1
    frequency: int = -1
    repeat: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """One event, read. `left_out` tells each part that was not taken, by payload type.

    Two are equal where the VTN said the same, by `digest`: what repeats is laid out anew as time goes by.
    """

    id: str
    program: str
    version: float | None
    priority: int
    claims: tuple[Claim, ...]
    prices: tuple[Priced, ...]
    start: float
    end: float
    reports: tuple[ReportWanted, ...] = ()
    left_out: tuple[tuple[str, Reason], ...] = ()
    interval_seconds: float = 0.0
    digest: bytes = b""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Event) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)


@dataclass(frozen=True, slots=True)
class Setting:
    """What the reading of an event needs beside it.

    `started_at` is when an event that starts now was first seen; one that repeats is laid out from `now` on.
    """

    program: str
    understood: Understood
    ven: str
    targets: frozenset[str]
    started_at: float
    now: float
    descriptors: Mapping[str, Mapping[str, Any]]


def read_event(raw: object, setting: Setting) -> Event:
    """The event in a JSON object. Raises Refused."""
    event = _object(raw, "an event")
    identity = text_of(event.get("id"), "the event's id")
    check_targets(event.get("targets"), setting.targets)
    spans = _spans(event, setting, spread(identity, setting.ven))
    reader = _Reader(identity, setting, _priority(event), _descriptors(event, setting.descriptors))
    for span, payloads in spans:
        reader.take(span, payloads)
    return Event(
        id=identity,
        program=setting.program,
        version=_version(event),
        priority=reader.priority,
        claims=tuple(reader.claims),
        prices=tuple(reader.prices),
        start=min((span.start for span, _ in spans), default=setting.started_at),
        end=max((span.end for span, _ in spans), default=setting.started_at),
        reports=_reports(event),
        left_out=tuple(dict.fromkeys(reader.left_out)),
        interval_seconds=spans[0][0].end - spans[0][0].start if spans else 0.0,
        digest=hashlib.sha256(json.dumps(event, sort_keys=True).encode()).digest(),
    )


def merged(one: Event, other: Event) -> Event:
    """An event that limits at least as much as either of two that claim to be the same version."""
    claims = {claim.asked.part: claim for claim in one.claims}
    for claim in other.claims:
        known = claims.get(claim.asked.part)
        if known is not None:
            kept = stricter(known.asked, claim.asked)
            claim = Claim(kept, claim.kind, min(known.priority, claim.priority))  # noqa: PLW2901
        claims[claim.asked.part] = claim
    return replace(
        one,
        priority=min(one.priority, other.priority),
        claims=tuple(claims.values()),
        prices=one.prices + tuple(price for price in other.prices if price not in one.prices),
        start=min(one.start, other.start),
        end=max(one.end, other.end),
    )


def spread(event: str, ven: str) -> float:
    """Where an event's random start lies in its range, from -1 to 1: chosen once for each event and VEN.

    It follows from their names, so that it is the same after a restart, and different for every VEN.
    """
    digest = hashlib.sha256(f"{event}\0{ven}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**55 - 1


def check_targets(raw: object, ours: frozenset[str]) -> None:
    """Raises Refused where an event has targets and none of them is ours. Ours are "name" or "TYPE=name".

    A target without a type, as in 3.1, is ours by its name alone.
    """
    if raw in (None, []):
        return
    if not isinstance(raw, list) or len(raw) > MAX_TARGETS:
        raise Refused(Reason.UNREADABLE, f"targets must be a list of at most {MAX_TARGETS}")
    untyped = ours | {target.partition("=")[2] for target in ours}
    if ours and not any(_target_names(target) & (untyped if isinstance(target, str) else ours) for target in raw):
        raise Refused(Reason.NOT_TARGETED, "the event is for other targets")


def _target_names(raw: object) -> set[str]:
    if isinstance(raw, str):
        return {raw}
    target = _object(raw, "a target")
    kind, values = target.get("type"), target.get("values")
    if not isinstance(kind, str) or not isinstance(values, list) or len(values) > MAX_TARGETS:
        raise Refused(Reason.UNREADABLE, "a target is a text, or has a type and a list of values")
    names = {value for value in values if isinstance(value, str)}
    return names | {f"{kind}={name}" for name in names}


# ---- time ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Span:
    """The time of an interval, and its place among all of its event."""

    start: float
    end: float
    place: int


_Laid = list[tuple[_Span, list[Any]]]


def _spans(event: Mapping[str, Any], setting: Setting, place: float) -> _Laid:
    """Every interval with its time, repeated or cut where the event has a duration of its own (3.1)."""
    intervals = event.get("intervals") or []
    if not isinstance(intervals, list):
        raise Refused(Reason.UNREADABLE, "intervals must be a list")
    if len(intervals) > MAX_INTERVALS:
        raise Refused(Reason.TOO_LARGE, f"an event has at most {MAX_INTERVALS} intervals")
    laid = _laid(intervals, _period(event.get("intervalPeriod")), setting.started_at, place)
    if event.get("duration") in (None, "PT0S") or not laid:
        return laid
    seconds = read_duration(event["duration"])
    return _fitted(laid, laid[0][0].start + (FOREVER if seconds is None else seconds), setting.now)


def _laid(intervals: Sequence[Any], default: Mapping[str, Any], started_at: float, place: float) -> _Laid:
    laid: _Laid = []
    offset = place * _seconds(default.get("randomizeStart"))
    previous_end: float | None = None
    for raw in intervals:
        interval = _object(raw, "an interval")
        own = _period(interval.get("intervalPeriod"))
        if "randomizeStart" in own:
            offset = place * _seconds(own.get("randomizeStart"))
        start = _start(own, default, previous_end, started_at, offset)
        previous_end = start + _length(own, default)
        payloads = interval.get("payloads")
        if not isinstance(payloads, list) or len(payloads) > MAX_PAYLOADS:
            raise Refused(Reason.UNREADABLE, f"an interval has a list of at most {MAX_PAYLOADS} payloads")
        laid.append((_Span(start, previous_end, len(laid)), payloads))
    return laid


def _length(own: Mapping[str, Any], default: Mapping[str, Any]) -> float:
    """Seconds of an interval; infinite where it has no end.

    No duration, or PT0S, has no end either (3.0.1), but for an interval that starts at the beginning of time: that is
    how an event is called off (3.1).
    """
    raw = own.get("duration", default.get("duration"))
    seconds = 0.0 if raw is None else read_duration(raw)
    if seconds is None:
        return FOREVER
    if seconds > 0:
        return seconds
    called_off = raw is not None and is_now(own.get("start", default.get("start")))
    return 0.0 if called_off else FOREVER


def _start(
    own: Mapping[str, Any], default: Mapping[str, Any], previous_end: float | None, started_at: float, offset: float
) -> float:
    given = own.get("start")
    if given is not None and not is_now(given):
        return read_time(given) + offset
    if previous_end is not None:
        if not math.isfinite(previous_end):
            raise Refused(Reason.TIME_UNREADABLE, "an interval follows one that has no end")
        return previous_end
    first = default.get("start")
    if first is None or is_now(first):
        return started_at
    return read_time(first) + offset


def _fitted(laid: _Laid, end: float, now: float) -> _Laid:
    first = laid[0][0].start
    length = laid[-1][0].end - first
    if end <= first + length or length <= 0 or not math.isfinite(length):
        return [(replace(span, end=min(span.end, end)), payloads) for span, payloads in laid if span.start < end]
    # Those rounds that are over are not laid out, and no more of those to come than can be kept.
    done = max(0, math.floor((now - first) / length))
    rounds = max(1, MAX_REPEATS // len(laid))
    return [
        (_Span(start, min(span.end + length * turn, end), turn * len(laid) + span.place), payloads)
        for turn in range(done, done + rounds)
        for span, payloads in laid
        if (start := span.start + length * turn) < end
    ]


def _period(raw: object) -> Mapping[str, Any]:
    return {} if raw is None else {key: value for key, value in _object(raw, "a period").items() if value is not None}


def _seconds(raw: object) -> float:
    return 0.0 if raw is None else abs(read_duration(raw) or 0.0)


# ---- payloads ------------------------------------------------------------------------------------------------------


class _Reader:
    """Collects what the payloads of one event ask for."""

    def __init__(
        self, identity: str, setting: Setting, priority: int, descriptors: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self.priority = priority
        self.claims: list[Claim] = []
        self.prices: list[Priced] = []
        self.left_out: list[tuple[str, Reason]] = []
        self._identity = identity
        self._setting = setting
        self._descriptors = descriptors

    def take(self, span: _Span, payloads: Sequence[Any]) -> None:
        """The payloads of one interval."""
        for raw in payloads:
            kind = "?"
            try:
                payload = _object(raw, "a payload")
                kind = text_of(payload.get("type"), "a payload's type")
                values = payload.get("values")
                if not isinstance(values, list) or not values:
                    raise Refused(Reason.VALUE_MISSING, "a payload has a list of values")
                self._take(span, kind, values)
            except Refused as refusal:
                self.left_out.append((kind, refusal.reason))

    def _take(self, span: _Span, kind: str, values: list[Any]) -> None:
        if kind == PRICE:
            self.prices += self._priced(span, values)
            return
        found = self._asked_for(kind, values)
        # A window without length is how an event is called off without being deleted.
        if found is None or span.end <= span.start:
            return
        limit, urgency = found
        asked = Asked(
            program=self._setting.program,
            reference=self._identity,
            start=span.start,
            duration_seconds=None if span.end == FOREVER else span.end - span.start,
            limit=limit,
            urgency=urgency,
            part=f"{kind}.{span.place}",
            announced_at=self._setting.started_at,
        )
        self.claims.append(Claim(asked, kind, self.priority))

    def _asked_for(self, kind: str, values: list[Any]) -> AskedFor | None:
        understood = self._setting.understood
        if kind.startswith("ALERT_"):
            return understood.levels.of_alert(kind)
        if kind in _TO_WATTS or kind in understood.private_limits:
            self._check_unit(kind, "KW")
            return Limit(Form.TO_WATTS, watts(_only(values))), understood.limit_urgency
        if kind == _RELATIVE:
            self._check_unit(kind, "KW")
            return self._relative(number(_only(values)))
        readers = {
            "SIMPLE": understood.levels.of_simple,
            "CONTROL_LEVEL_OFFSET": understood.levels.of_offset,
            "CONTROL_LEVEL_OFFSET_PERCENT": understood.levels.of_offset_share,
        }
        if kind not in readers:
            raise Refused(Reason.UNSUPPORTED_TYPE, "this payload type is not supported")
        return readers[kind](_only(values))

    def _relative(self, kilowatts: float) -> AskedFor | None:
        understood = self._setting.understood
        less = kilowatts if understood.relative_means_shed else -kilowatts
        if less < 0:
            raise Refused(Reason.ASKS_FOR_MORE, "it asks for more load: nothing is raised for a peer")
        if less == 0:
            return None
        # Rounded up: to shed less than what was asked for would be a limit that nobody sent.
        by = min(math.ceil(less * WATTS_PER_KILOWATT - 1e-6), MAX_WATTS)
        return Limit(Form.BY_WATTS, by), understood.limit_urgency

    def _priced(self, span: _Span, values: list[Any]) -> list[Priced]:
        self._check_unit(PRICE, "KWH")
        if len(values) > MAX_VALUES:
            raise Refused(Reason.TOO_LARGE, f"a payload has at most {MAX_VALUES} values")
        # Several values share their interval evenly; a price without a length holds until another one comes.
        end = span.end if span.end > span.start else FOREVER
        if len(values) > 1 and end == FOREVER:
            raise Refused(Reason.TIME_UNREADABLE, "several prices share an interval that has no end")
        length = end - span.start
        return [
            Priced(
                span.start + (length * place / len(values) if place else 0.0),
                end if place + 1 == len(values) else span.start + length * (place + 1) / len(values),
                number(value) * 1000,
            )
            for place, value in enumerate(values)
        ]

    def _check_unit(self, kind: str, wanted: str) -> None:
        understood = self._setting.understood
        descriptor = self._descriptors.get(kind)
        if descriptor is None and not understood.descriptors_required:
            return
        if descriptor is None or descriptor.get("units") != wanted:
            raise Refused(Reason.WRONG_UNIT, f"the unit must be {wanted}, by the descriptor of the payload type")
        if kind == PRICE and descriptor.get("currency") != understood.currency:
            raise Refused(Reason.WRONG_CURRENCY, f"the currency must be {understood.currency}")


def _only(values: list[Any]) -> Any:
    if len(values) != 1:
        raise Refused(Reason.OUT_OF_RANGE, "this payload type has one value")
    return values[0]


def _priority(event: Mapping[str, Any]) -> int:
    raw = event.get("priority")
    if raw is None:
        return LOWEST_PRIORITY
    if isinstance(raw, bool) or not isinstance(raw, int) or raw < 0:
        raise Refused(Reason.UNREADABLE, "a priority is an integer from 0 upwards")
    return min(raw, LOWEST_PRIORITY)


def _version(event: Mapping[str, Any]) -> float | None:
    raw = event.get("modificationDateTime") or event.get("createdDateTime")
    return None if raw is None else read_time(raw)


def _descriptors(
    event: Mapping[str, Any], of_program: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, Mapping[str, Any]]:
    return {**of_program, **descriptors_of(event)}


def descriptors_of(raw: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The payload descriptors of a program or an event, by payload type."""
    found = raw.get("payloadDescriptors") or []
    if not isinstance(found, list) or len(found) > MAX_TARGETS:
        raise Refused(Reason.UNREADABLE, "payloadDescriptors must be a list")
    return {
        str(descriptor.get("payloadType")): descriptor
        for descriptor in (_object(one, "a descriptor") for one in found)
        if descriptor.get("objectType") != "REPORT_PAYLOAD_DESCRIPTOR"
    }


def _reports(event: Mapping[str, Any]) -> tuple[ReportWanted, ...]:
    found = event.get("reportDescriptors") or []
    if not isinstance(found, list) or len(found) > MAX_PAYLOADS:
        raise Refused(Reason.UNREADABLE, f"reportDescriptors must be a list of at most {MAX_PAYLOADS}")
    return tuple(
        ReportWanted(
            payload_type=text_of(descriptor.get("payloadType"), "a report's payload type"),
            start_interval=_count(descriptor, "startInterval", -1),
            frequency=_count(descriptor, "frequency", -1),
            repeat=_count(descriptor, "repeat", 1),
        )
        for descriptor in (_object(one, "a report descriptor") for one in found)
    )


def _count(descriptor: Mapping[str, Any], name: str, default: int) -> int:
    raw = descriptor.get(name)
    return raw if isinstance(raw, int) and not isinstance(raw, bool) and -1 <= raw <= 2**31 else default


def _object(raw: object, what: str) -> Mapping[str, Any]:
    if not isinstance(raw, dict):
        raise Refused(Reason.UNREADABLE, f"{what} must be a JSON object")
    return raw
