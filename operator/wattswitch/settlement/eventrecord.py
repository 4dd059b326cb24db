"""What is kept of a grid event when it is over: what was asked for, when it was met, and who did not take part."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple


class Skipped(NamedTuple):
    """A workload that was not lowered, and the stable CamelCase word that says why."""

    workload: str
    reason: str


class OptOut(NamedTuple):
    """Who declined, and why, in that one's words."""

    who: str
    reason: str


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One grid event. Times are Unix seconds; `end` is None while it is open.

    `form` and `amount` are what was asked for (`ToWatts`, `ByWatts`, `ToPercent`, `All`), `limit_watts` what that came
    to at the meter. `target_met_at` is when the draw came under it, `restored_at` when everything was back.
    `worst_watts` is the highest draw after that and before the end, `shed_kwh` what was held back, both as the operator
    saw them. `causes` are all that lowered the site meanwhile. `excused` says by whom it was excused, and why.
    """

    name: str
    uid: str
    start: float
    end: float | None = None
    program: str = ""
    reference: str = ""
    announced_at: float | None = None
    form: str = ""
    amount: float = 0.0
    urgency: str = ""
    cancelled_at: float | None = None
    limit_watts: float | None = None
    target_met_at: float | None = None
    restored_at: float | None = None
    worst_watts: float | None = None
    shed_kwh: float | None = None
    causes: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    opt_outs: tuple[OptOut, ...] = ()
    excused: str = ""

    @property
    def key(self) -> str:
        """What makes it one event in the accounts: programme and reference, or its own uid where it has none."""
        return f"{self.program}\n{self.reference}" if self.reference else self.uid

    @property
    def over_at(self) -> float | None:
        """When it ended or was cancelled, whichever came first; None while it is open."""
        ends = [at for at in (self.end, self.cancelled_at) if at is not None]
        return max(self.start, min(ends)) if ends else None


def one_each(events: Iterable[EventRecord]) -> list[EventRecord]:
    """One record for each event, by its start: of several with one key the lowest limit and the widest time count."""
    found: dict[str, EventRecord] = {}
    for event in sorted(events, key=lambda event: (event.start, event.uid)):
        known = found.get(event.key)
        found[event.key] = event if known is None else _joined(known, event)
    return list(found.values())


def _joined(first: EventRecord, second: EventRecord) -> EventRecord:
    limits = [event.limit_watts for event in (first, second) if event.limit_watts is not None]
    overs = [event.over_at for event in (first, second)]
    met = [event.target_met_at for event in (first, second)]
    ends = [at for at in overs if at is not None]
    return replace(
        first,
        end=max(ends) if len(ends) == len(overs) else None,
        cancelled_at=None,
        limit_watts=min(limits) if limits else None,
        target_met_at=None if None in met else max(at for at in met if at is not None),
        causes=tuple(dict.fromkeys((*first.causes, *second.causes))),
        skipped=tuple(dict.fromkeys((*first.skipped, *second.skipped))),
        opt_outs=tuple(dict.fromkeys((*first.opt_outs, *second.opt_outs))),
        excused=first.excused or second.excused,
    )
