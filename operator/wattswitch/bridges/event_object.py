"""What a bridge asks for as a CurtailmentEvent object, and back. Pure.

Guarantee: an object that nobody changed reads as exactly what was asked; of one that was changed by hand, what its spec
says counts. The spec begins within a millisecond of what was asked, ends no sooner, and limits no less; times in it are
whole milliseconds and seconds, and what that leaves out is in annotations.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from wattswitch.api.base import API_VERSION, GROUP
from wattswitch.api.curtailment_event import (
    MAX_DURATION_SECONDS,
    CurtailmentEvent,
    CurtailmentEventSpec,
    EventLimit,
    EventSource,
)
from wattswitch.api.curtailment_event import Urgency as EventUrgency
from wattswitch.api.parse import parse
from wattswitch.api.times import format_time, parse_time
from wattswitch.bridges.asked import Asked, Limit, name_of
from wattswitch.curtailment import Form, Urgency

BRIDGE_LABEL: Final = f"{GROUP}/bridge"
"""On every event that a bridge made: whose it is."""

PART: Final = f"{GROUP}/part"
ANNOUNCED_AT: Final = f"{GROUP}/announced-at"
ASKED_START: Final = f"{GROUP}/asked-start"
ASKED_SECONDS: Final = f"{GROUP}/asked-seconds"
CANCELLED_AT: Final = f"{GROUP}/cancelled-at"
_ANNOTATIONS: Final = frozenset({PART, ANNOUNCED_AT, ASKED_START, ASKED_SECONDS, CANCELLED_AT})

_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC).timestamp()
_LATEST: Final = datetime(2999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
"""What a start can say."""

OPEN: Final = "open"

Raw = Mapping[str, Any]


def label_of(program: str) -> str:
    """The value of the label on every event of this program."""
    return name_of(program, "")


def object_of(asked: Asked, budget: str) -> dict[str, Any]:
    """The object to be created for what was asked of this budget."""
    return {
        "apiVersion": API_VERSION,
        "kind": CurtailmentEvent.__name__,
        "metadata": {
            "name": asked.name,
            "labels": {BRIDGE_LABEL: label_of(asked.program)},
            "annotations": annotations_of(asked, {}),
        },
        "spec": spec_of(asked, budget),
    }


def spec_of(asked: Asked, budget: str) -> dict[str, Any]:
    """The spec for what was asked of this budget."""
    return _spec(asked, budget).to_raw()


def annotations_of(asked: Asked, others: Mapping[str, str]) -> dict[str, str]:
    """The annotations of the object, those of other hands kept."""
    ours = {ANNOUNCED_AT: repr(float(asked.announced_at))}
    if asked.part:
        ours[PART] = asked.part
    start, seconds = _said(_spec(asked, "any"))
    if (start, seconds) != (asked.start, asked.duration_seconds):
        ours[ASKED_START] = repr(float(asked.start))
        ours[ASKED_SECONDS] = OPEN if asked.duration_seconds is None else repr(float(asked.duration_seconds))
    return {name: text for name, text in others.items() if name not in _ANNOTATIONS} | ours


def asked_of(raw: Raw) -> Asked | None:
    """What an object of a bridge asks for; None where no bridge made it or it can't be read."""
    model, _ = parse(CurtailmentEvent, {key: value for key, value in raw.items() if key != "status"})
    if model is None or model.spec.source is None:
        return None
    notes = model.metadata.annotations
    said = _as_said(model, model.spec.source)
    asked = _exactly(said, notes)
    if asked != said and _spec(asked, model.spec.budget) != model.spec:
        asked = said
    ours = asked.name == model.metadata.name and model.metadata.labels.get(BRIDGE_LABEL) == label_of(asked.program)
    return asked if ours else None


def over_since(raw: Raw, asked: Asked) -> float | None:
    """Since when it limits no more, or from when on; None where that is not known."""
    times = [] if asked.end is None else [asked.end]
    if asked.cancelled:
        notes = raw["metadata"].get("annotations") or {}
        cancelled_at = _number(notes.get(CANCELLED_AT)), _time((raw.get("status") or {}).get("cancelledAt"))
        times += [at for at in cancelled_at if at is not None]
    return min(times, default=None)


def _spec(asked: Asked, budget: str) -> CurtailmentEventSpec:
    start = format_time(min(max(asked.start, _EARLIEST), _LATEST))
    return CurtailmentEventSpec(
        budget=budget,
        start=start,
        duration_seconds=_whole_seconds(asked.end, parse_time(start)),
        limit=_event_limit(asked.limit),
        urgency=EventUrgency(asked.urgency),
        source=EventSource(program=asked.program, reference=asked.reference),
        cancelled=asked.cancelled,
    )


def _whole_seconds(end: float | None, start: float) -> int | None:
    if end is None or end - start > MAX_DURATION_SECONDS:
        return None  # of what lasts longer than a spec can say the bridge itself is the end
    # A microsecond is below what a float of today's Unix seconds tells apart well: 3600.0000002 is an hour.
    return max(1, math.ceil(end - start - 1e-6))


def _event_limit(limit: Limit) -> EventLimit:
    match limit.form:
        case Form.TO_WATTS:
            return EventLimit(to_watts=limit.amount)
        case Form.BY_WATTS:
            return EventLimit(by_watts=limit.amount)
        case Form.TO_PERCENT:
            return EventLimit(to_percent=Decimal(limit.amount))
        case Form.ALL:
            return EventLimit(all=True)


def _limit(limit: EventLimit) -> Limit:
    if limit.to_watts is not None:
        return Limit(Form.TO_WATTS, limit.to_watts)
    if limit.by_watts is not None:
        return Limit(Form.BY_WATTS, limit.by_watts)
    if limit.to_percent is not None:
        return Limit(Form.TO_PERCENT, math.floor(limit.to_percent))
    return Limit(Form.ALL)


def _as_said(model: CurtailmentEvent, source: EventSource) -> Asked:
    """What the spec alone says."""
    spec, notes = model.spec, model.metadata.annotations
    made_at = _time(model.metadata.creation_timestamp) or 0.0
    start, seconds = _said(spec)
    announced_at = _number(notes.get(ANNOUNCED_AT))
    return Asked(
        program=source.program,
        reference=source.reference,
        start=made_at if start is None else start,
        duration_seconds=seconds,
        limit=_limit(spec.limit),
        urgency=Urgency(spec.urgency),
        part=notes.get(PART, ""),
        announced_at=made_at if announced_at is None else announced_at,
        cancelled=spec.cancelled,
    )


def _said(spec: CurtailmentEventSpec) -> tuple[float | None, float | None]:
    """Start and duration as a spec has them."""
    start = None if spec.start is None else parse_time(spec.start)
    return start, None if spec.duration_seconds is None else float(spec.duration_seconds)


def _exactly(said: Asked, notes: Mapping[str, str]) -> Asked:
    """With the times of the annotations, where there are any."""
    start, text = _number(notes.get(ASKED_START)), notes.get(ASKED_SECONDS)
    seconds = _number(text)
    if start is None or (seconds is None and text != OPEN):
        return said
    return replace(said, start=start, duration_seconds=seconds)


def _number(text: object) -> float | None:
    try:
        number = float(str(text))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _time(text: object) -> float | None:
    try:
        return parse_time(str(text))
    except ValueError:
        return None
