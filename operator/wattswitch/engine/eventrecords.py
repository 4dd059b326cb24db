"""What the accounts keep of the grid events of a budget."""

import math
from collections.abc import Iterator

from wattswitch.curtailment import GridEvent
from wattswitch.engine.course import Course
from wattswitch.engine.grid import Grid
from wattswitch.settlement.eventrecord import EventRecord, Skipped


def event_records(grid: Grid) -> Iterator[EventRecord]:
    """Every event that set a limit in this process, as it is known now.

    Of one that was over before, an earlier process has written more than is known here.
    """
    for uid in grid.windows:
        course = grid.courses[uid]
        if course.acted and course.limit_watts is not None:
            yield _record_of(grid.book.events[uid], course)


def _record_of(event: GridEvent, course: Course) -> EventRecord:
    return EventRecord(
        name=event.name,
        uid=event.uid,
        start=event.start,
        end=event.end if math.isfinite(event.end) else None,
        program=event.program,
        reference=event.reference,
        announced_at=course.known_since,
        form=str(event.amount.form),
        amount=event.amount.value,
        urgency=str(event.urgency),
        cancelled_at=event.cancelled_at,
        limit_watts=float(course.limit_watts) if course.limit_watts is not None else None,
        target_met_at=course.target_met_at,
        restored_at=course.restored_at,
        worst_watts=None if course.worst_watts is None else float(course.worst_watts),
        shed_kwh=course.shed_kwh,
        skipped=tuple(Skipped(*skip) for skip in course.skipped),
    )
