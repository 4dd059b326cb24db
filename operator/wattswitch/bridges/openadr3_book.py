"""The events of an OpenADR 3 program over time: which count, what they ask for, and what is served. Pure.

A listing of the VTN is taken as a whole. An event that is missing from it is deleted once it was missing in so many
listings in a row: one stale replica behind a load balancer must not lift a limit.
"""

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from wattswitch.bridges.asked import Asked, Reason, Refused, text_of
from wattswitch.bridges.openadr3_event import (
    RESERVATION,
    SUBSCRIPTION,
    Event,
    Priced,
    Setting,
    merged,
    read_event,
)
from wattswitch.bridges.ordering import MAX_LEAD_SECONDS, Ordering
from wattswitch.bridges.timeline import Claim, prevailing, with_reservations

BEHIND_SECONDS: Final = 86_400.0
AHEAD_SECONDS: Final = 7 * 86_400.0

SettingOf = Callable[[str, Mapping[str, Any]], Setting]
"""What reading the event of this id needs."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one event, or of a part of it, of a listing."""

    event: str
    part: str
    reason: Reason


@dataclass
class Taken:
    """What a listing brought: what is there for us, what of it is new, what ended, and what was not taken."""

    present: frozenset[str] = frozenset()
    changed: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    fates: list[Fate] = field(default_factory=list)


class Book:
    """Every event that counts."""

    def __init__(self, deleted_after: int) -> None:
        self._deleted_after = deleted_after
        self._ordering: Ordering[Event] = Ordering(merged)
        self._missing: dict[str, int] = {}

    def event(self, identity: str) -> Event | None:
        """The event that counts under this id."""
        return self._ordering.content(identity)

    def events(self) -> list[Event]:
        """Every event that counts."""
        found = (self._ordering.content(identity) for identity in self._ordering.references())
        return [event for event in found if event is not None]

    def take(self, listing: Sequence[object], setting_of: SettingOf, now: float) -> Taken:
        """Take in all events that the VTN has now. What can't be used is told, and leaves what counted as it was."""
        taken = Taken()
        found = (self._take_one(raw, setting_of, now, taken) for raw in listing)
        taken.present = frozenset(identity for identity in found if identity)
        for identity in self._ordering.references():
            missing = 0 if identity in taken.present else self._missing.get(identity, 0) + 1
            self._missing[identity] = missing
            if missing >= self._deleted_after:
                self.forget(identity)
                taken.deleted.append(identity)
        return taken

    def published(self, references: Sequence[str]) -> None:
        """Events that an earlier process published: they end as others do when no listing has them."""
        for reference in references:
            if self._ordering.content(reference) is None:
                self._missing.setdefault(reference, 0)

    def orphans(self, present: frozenset[str]) -> list[str]:
        """Published events of an earlier process that no listing has shown for long enough."""
        gone = []
        for reference in tuple(self._missing):
            if self._ordering.content(reference) is not None:
                continue
            if reference in present:
                self._missing[reference] = 0
                continue
            self._missing[reference] += 1
            if self._missing[reference] >= self._deleted_after:
                del self._missing[reference]
                gone.append(reference)
        return gone

    def forget(self, identity: str) -> None:
        """It is deleted."""
        self._ordering.drop(identity)
        self._missing.pop(identity, None)

    def _take_one(self, raw: object, setting_of: SettingOf, now: float, taken: Taken) -> str | None:
        """The id of an event that is there, readable or not; None for one that is not for us."""
        identity = ""
        try:
            if not isinstance(raw, dict):
                raise Refused(Reason.UNREADABLE, "an event must be a JSON object")
            identity = text_of(raw.get("id"), "the event's id")
            event = read_event(raw, setting_of(identity, raw))
        except Refused as refusal:
            taken.fates.append(Fate(identity, "", refusal.reason))
            ours = refusal.reason not in (Reason.NOT_TARGETED, Reason.WRONG_PROGRAM)
            return identity if identity and ours else None
        taken.fates += [Fate(identity, part, reason) for part, reason in event.left_out]
        if event.version is not None and event.version > now + MAX_LEAD_SECONDS:
            verdict = self._ordering.tighten(identity, event)
            reason: Reason | None = Reason.FROM_FUTURE
        else:
            verdict = self._ordering.judge(identity, event.version, event)
            reason = verdict.reason
        if verdict.changed:
            taken.changed.append(identity)
        if reason is not None and reason is not Reason.REPEATED:
            taken.fates.append(Fate(identity, "", reason))
        return identity

    # ---- what follows ----------------------------------------------------------------------------------------------

    def asked(self) -> tuple[list[Asked], list[Fate]]:
        """Every limit that all events together ask for, and what has no effect."""
        claims = [claim for event in self.events() for claim in event.claims]
        subscribed = [claim for claim in claims if claim.kind == SUBSCRIPTION]
        reserved = [claim for claim in claims if claim.kind == RESERVATION]
        alerts = [claim.asked for claim in claims if claim.kind.startswith("ALERT_")]
        others = [claim for claim in claims if not _is_apart(claim)]
        fates = [] if subscribed else [_useless(claim) for claim in reserved]
        return alerts + prevailing(others) + with_reservations(subscribed, reserved), fates

    def price_at(self, at: float) -> float | None:
        """The price per MWh that holds: the highest of those with the lowest number of priority; None without one."""
        holding = [(event.priority, -price.price_per_mwh) for event, price in self._prices() if _holds(price, at)]
        return -min(holding)[1] if holding else None

    def curve(self, now: float) -> dict[float, float | None]:
        """Price per MWh by the time from which it holds, a day back and a week ahead; None where none is known."""
        first, last = now - BEHIND_SECONDS, now + AHEAD_SECONDS
        edges = {first}
        waiting = []
        for event, price in self._prices():
            edges |= {edge for edge in (price.start, price.end) if first < edge < last}
            waiting.append((price.start, (event.priority, -price.price_per_mwh, price.end)))
        return _swept(sorted(edges), sorted(waiting, reverse=True))

    def _prices(self) -> list[tuple[Event, Priced]]:
        return [(event, price) for event in self.events() for price in event.prices]


def _is_apart(claim: Claim) -> bool:
    return claim.kind in (SUBSCRIPTION, RESERVATION) or claim.kind.startswith("ALERT_")


def _useless(claim: Claim) -> Fate:
    return Fate(claim.asked.reference, claim.kind, Reason.SUBSCRIPTION_MISSING)


def _swept(edges: Sequence[float], waiting: list[tuple[float, tuple[int, float, float]]]) -> dict[float, float | None]:
    """The price from each edge on. `waiting`: start, and rank, price below zero and end of each; latest start first."""
    points: dict[float, float | None] = {}
    holding: list[tuple[int, float, float]] = []
    for edge in edges:
        while waiting and waiting[-1][0] <= edge:
            heapq.heappush(holding, waiting.pop()[1])
        while holding and holding[0][2] <= edge:
            heapq.heappop(holding)
        points[edge] = -holding[0][1] if holding else None
    return points


def _holds(price: Priced, at: float) -> bool:
    return price.start <= at < price.end
