"""The grid events of one budget: those in the cluster, and those whose object is gone while power is coming back.

Guarantee: what somebody does to an event's object raises power only as the end of the event would. An object that is
deleted counts as taken back at that moment, one that is cut short into the past ends at that moment, one that can't be
read any more stays as it was, and what is kept in the budget's status carries all of them over a restart.
"""

import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from wattswitch.api.curtailment_event import CurtailmentEvent
from wattswitch.api.parse import parse
from wattswitch.api.times import format_time, is_writable, parse_time
from wattswitch.curtailment import Amount, Form, GridEvent, Urgency
from wattswitch.mapping import grid_event_of

logger = logging.getLogger(__name__)

MOST_KEPT = 64
"""Events whose memory fits into the budget's status."""

Raw = Mapping[str, Any]


@dataclass
class EventBook:
    """`events` are all that may matter, by uid; `problems` say what is wrong with objects that can't be read."""

    events: dict[str, GridEvent] = field(default_factory=dict)
    problems: dict[str, list[str]] = field(default_factory=dict)
    _read: dict[str, int] = field(default_factory=dict)
    """The generation at which each object was last read."""

    def restore(self, kept: Iterable[Mapping[str, str]]) -> None:
        """Take over what an earlier process kept; what can't be read is left out."""
        for memory in kept:
            try:
                event = _event_of(memory)
            except (KeyError, TypeError, ValueError) as problem:
                logger.warning("an event of an earlier process can't be read and is left out: %r", problem)
                continue
            self.events[event.uid] = event

    def follow(self, raws: Iterable[Raw], now: float) -> None:
        """Take in the objects of this budget as they are now."""
        present: set[str] = set()
        for raw in raws:
            uid = str(raw["metadata"]["uid"])
            present.add(uid)
            generation = int(raw["metadata"].get("generation", 0))
            if self._read.get(uid) != generation:
                self._read[uid] = generation
                self._take(uid, raw, now)
        for uid in self.events.keys() - present:
            event = self.events[uid]
            if event.ends_at > now:
                self.events[uid] = replace(event, cancelled_at=now)
        for known in (self._read, self.problems):
            for uid in known.keys() - present:
                known.pop(uid)

    def drop(self, uid: str) -> None:
        """Forget an event that is over and whose object is gone."""
        if uid not in self._read:
            self.events.pop(uid, None)

    def kept(self, uids: Iterable[str]) -> list[dict[str, str]]:
        """What the status is to hold of these events, the first of them, for the next process."""
        events = [self.events[uid] for uid in uids][:MOST_KEPT]
        return sorted((_memory_of(event) for event in events), key=lambda memory: memory["uid"])

    def _take(self, uid: str, raw: Raw, now: float) -> None:
        model, problems = parse(CurtailmentEvent, {key: raw[key] for key in raw if key != "status"})
        if model is None:
            self.problems[uid] = problems
            return
        self.problems.pop(uid, None)
        event = grid_event_of(model, made_at(raw, now), self._cancelled_at(uid, raw, now))
        self.events[uid] = _ended_no_sooner_than_said(event, self.events.get(uid), now)

    def _cancelled_at(self, uid: str, raw: Raw, now: float) -> float | None:
        """Since when it is taken back: as its own status or our memory says, else from now on."""
        if not (raw.get("spec") or {}).get("cancelled"):
            return None
        known = self.events.get(uid)
        if known is not None:
            return now if known.cancelled_at is None else known.cancelled_at
        return _time_of((raw.get("status") or {}).get("cancelledAt"), now)


def _ended_no_sooner_than_said(event: GridEvent, known: GridEvent | None, now: float) -> GridEvent:
    """The event; one that is in force stays so where it is put off, and ends now where it is cut short into the past.

    To end it, it is cancelled: then power comes back as after an end.
    """
    if known is None or known.start > now or known.ends_at <= known.start:
        return event
    start = min(event.start, known.start) if known.ends_at > now else event.start
    return replace(event, start=start, end=max(event.end, min(now, known.ends_at)))


def made_at(raw: Raw, now: float) -> float:
    """When an object was made; now where it does not say."""
    return _time_of(raw["metadata"].get("creationTimestamp"), now)


def _time_of(text: object, otherwise: float) -> float:
    try:
        return parse_time(str(text)) if text else otherwise
    except ValueError:
        return otherwise


def _memory_of(event: GridEvent) -> dict[str, str]:
    memory = {
        "uid": event.uid,
        "name": event.name,
        "program": event.program,
        "reference": event.reference,
        "start": format_time(event.start),
        "form": str(event.amount.form),
        "value": f"{event.amount.value:.6f}".rstrip("0").rstrip("."),
        "urgency": str(event.urgency),
    }
    if is_writable(event.end):
        memory["end"] = format_time(event.end)
    if event.cancelled_at is not None:
        memory["cancelledAt"] = format_time(event.cancelled_at)
    return memory


def _event_of(memory: Mapping[str, str]) -> GridEvent:
    cancelled = memory.get("cancelledAt")
    return GridEvent(
        uid=memory["uid"],
        name=memory["name"],
        start=parse_time(memory["start"]),
        amount=Amount(Form(memory["form"]), float(memory["value"])),
        urgency=Urgency(memory["urgency"]),
        end=parse_time(memory["end"]) if "end" in memory else math.inf,
        cancelled_at=parse_time(cancelled) if cancelled else None,
        program=memory.get("program", ""),
        reference=memory.get("reference", ""),
    )
