"""Grid events to words: the status of each event, and what a budget says of all of them. Writes nothing."""

import math
from collections.abc import Iterable, Iterator
from typing import Any

from wattswitch.api.times import format_time, is_writable
from wattswitch.curtailment import GridEvent, Phase, Window
from wattswitch.engine.course import EXCEEDED, Course
from wattswitch.engine.grid import Grid
from wattswitch.engine.observe import Site
from wattswitch.engine.report import Finding, freshness
from wattswitch.engine.signals import signal
from wattswitch.mapping import commitments_of, zone_problems
from wattswitch.planner.explain import power
from wattswitch.planner.model import Plan, Reason, SiteState
from wattswitch.settlement.commitments import Commitment, could_meet

_AHEAD = frozenset({Phase.SCHEDULED, Phase.APPROACH})
_RETURNING = frozenset({Phase.COOLDOWN, Phase.RESTORING})


def event_status(event: GridEvent, window: Window, course: Course) -> dict[str, Any]:
    """The status of an event, less conditions."""
    status = {"startsAt": format_time(event.start), "message": _sentence(event, window, course), **course.to_status()}
    if event.start <= course.known_since or window.phase not in _AHEAD:
        status["startedAt"] = format_time(course.due_at(event))
    if is_writable(event.ends_at):
        status["endsAt"] = format_time(event.ends_at)
    if event.cancelled_at is not None:
        status["cancelledAt"] = format_time(event.cancelled_at)
    if (seconds := course.met_after_seconds(event)) is not None:
        status["targetMetAfterSeconds"] = math.ceil(seconds)
    if window.limit_watts is not None:
        status["limitWatts"] = window.limit_watts
    return status


def event_findings(event: GridEvent, window: Window, course: Course) -> Iterator[Finding]:
    """The conditions of an event that could be read."""
    phase = window.phase
    yield Finding("Accepted", holds=True, reason="Accepted", message="the budget follows it")
    ahead = phase in _AHEAD
    yield Finding("Scheduled", ahead, str(phase), f"starts at {format_time(event.start)}" if ahead else "")
    active = phase is Phase.ACTIVE
    yield Finding("Active", active, str(phase), _sentence(event, window, course) if active else "")
    yield _target_met(event, window, course)
    over = phase is Phase.OVER
    yield Finding("Restored", over, str(phase), _back(window) if phase in _RETURNING else "")


def unreadable(problems: list[str]) -> Finding:
    """What an event's object says that can't be read; what it said before stays in force."""
    return Finding("Accepted", holds=False, reason=str(Reason.INVALID_SPEC), message="; ".join(problems))


def _target_met(event: GridEvent, window: Window, course: Course) -> Finding:
    if window.phase in _AHEAD:
        return Finding("TargetMet", holds=None, reason="NotDue")
    if course.target_met_at is None:
        if window.phase is Phase.ACTIVE:
            return Finding("TargetMet", holds=None, reason="NotYet", message="power is on its way down")
        if event.ends_at <= event.start:
            return Finding("TargetMet", holds=None, reason="TakenBack", message="it was taken back before it began")
        return Finding("TargetMet", holds=False, reason="Missed", message="it ended before its target was met")
    after = f"met {math.ceil(course.met_after_seconds(event) or 0)} s after it was due"
    if course.exceeded:
        return Finding("TargetMet", holds=False, reason=EXCEEDED, message=f"{after}, and passed over again")
    return Finding("TargetMet", holds=True, reason="Met", message=after)


def _sentence(event: GridEvent, window: Window, course: Course) -> str:
    limit = "" if window.limit_watts is None else f"{power(window.limit_watts)} "
    match window.phase:
        case Phase.SCHEDULED:
            return f"{event.urgency}: starts at {format_time(event.start)}"
        case Phase.APPROACH:
            return f"{event.urgency}: {limit}on the way to its start at {format_time(event.start)}"
        case Phase.ACTIVE:
            until = f"until {format_time(event.ends_at)}" if is_writable(event.ends_at) else "until it is taken back"
            return f"{event.urgency}: {limit}{until}"
        case Phase.COOLDOWN | Phase.RESTORING:
            return _back(window)
        case Phase.OVER:
            return "over" if course.restored_at is not None or event.cancelled_at is None else "taken back"


def _back(window: Window) -> str:
    limit = "no limit" if window.limit_watts is None else power(window.limit_watts)
    until = f" until {format_time(window.until)}" if window.until is not None else ""
    return f"power comes back: {limit}{until}"


def grid_findings(site: Site, state: SiteState, plan: Plan) -> Iterator[Finding]:
    """What a budget says of the grid: what limits it now or is to come, and whether it could do what it promised."""
    yield _curtailed(site.grid, state.budget.cap_watts)
    reading, limit = site.feeds.grid_limit(), site.budget.spec.grid_limit
    if reading is not None and limit is not None:
        yield freshness("GridLimitFresh", signal(reading, limit), reading)
    spec, commitments = site.budget.spec, commitments_of(site.budget.spec)
    if wrong := zone_problems(spec):
        yield Finding("CommitmentsMet", holds=False, reason=str(Reason.INVALID_SPEC), message="; ".join(wrong))
    elif commitments:
        yield _commitments_met(commitments, site, state, plan)
    if spec.coincident_peaks:
        yield _coincident_peak(site.grid)


def _coincident_peak(grid: Grid) -> Finding:
    near = [f"{name} until {format_time(until)}" for name, until in sorted(grid.peaks.near_until.items())]
    if near:
        return Finding("CoincidentPeak", holds=True, reason="Near", message="; ".join(near))
    return Finding("CoincidentPeak", holds=False, reason="NotNear", message="no peak of the grid is expected now")


def _commitments_met(commitments: Iterable[Commitment], site: Site, state: SiteState, plan: Plan) -> Finding:
    budget = state.budget
    floors = sum(w.it_watts(min(w.floor_replicas, w.spec_replicas)) for w in state.workloads if w.floor_replicas)
    held = sum(w.it_watts(w.spec_replicas) for w in state.workloads if w.held)
    could = budget.committed_watts(state.booked_it_watts - state.staying_it_watts - held) - budget.fixed_watts
    found = [
        could_meet(
            commitment,
            state.now,
            shed_seconds=site.grid.shed_seconds,
            drawn_watts=plan.committed_watts,
            floor_watts=budget.committed_watts(floors),
            sheddable_watts=could,
        )
        for commitment in commitments
    ]
    bad = [each for each in found if not each.ok]
    if bad:
        text = "; ".join(f"{each.commitment}: {each.reason}" for each in bad)
        return Finding("CommitmentsMet", holds=False, reason=str(bad[0].word), message=text)
    return Finding("CommitmentsMet", holds=True, reason="Ready", message="every commitment could be met now")


def _curtailed(grid: Grid, cap_watts: int) -> Finding:
    told = [
        f"{_named(grid, uid)} ({window.phase}): {power(window.limit_watts)}"
        for uid, window in grid.windows.items()
        if window.limit_watts is not None
    ]
    ahead = [
        f"{_named(grid, uid)} starts at {format_time(grid.book.events[uid].start)}"
        for uid, window in grid.windows.items()
        if window.phase is Phase.SCHEDULED
    ]
    text = "; ".join([*sorted(told), *sorted(ahead)])
    lowest = min(grid.now.limits_watts, default=cap_watts)
    if lowest >= cap_watts:
        return Finding("Curtailed", holds=False, reason="NotCurtailed", message=text or "the grid asks for nothing")
    if not told:
        text = "; ".join(filter(None, [f"{grid.now.limited_by}: {power(lowest)}", text]))
    return Finding("Curtailed", holds=True, reason=_word(grid), message=text)


def _word(grid: Grid) -> str:
    """Where the strictest event is in its course, or that a number alone limits."""
    uid = grid.now.event_uid
    if not uid and grid.now.limited_by.startswith("coincident"):
        return "CoincidentPeak"
    return str(grid.windows[uid].phase) if uid else "GridLimit"


def _named(grid: Grid, uid: str) -> str:
    return f"CurtailmentEvent {grid.book.events[uid].name}"
