"""From the course of a grid event to what the accounts keep of it."""

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from wattswitch.curtailment import Amount, Form, GridEvent, Urgency
from wattswitch.engine.course import Course, Skip
from wattswitch.engine.eventrecords import event_records
from wattswitch.settlement.eventrecord import EventRecord, Skipped

START = 1_700_000_000.0
EVENT = GridEvent(
    "u1",
    "hot",
    START,
    Amount(Form.BY_WATTS, 5e4),
    Urgency.EMERGENCY,
    START + 3600,
    None,
    program="ers",
    reference="r-1",
)


def recorded(event: GridEvent, course: Course) -> list[EventRecord]:
    grid: Any = SimpleNamespace(
        windows={event.uid: object()}, courses={event.uid: course}, book=SimpleNamespace(events={event.uid: event})
    )
    return list(event_records(grid))


def test_everything_that_is_known_of_an_event_is_kept() -> None:
    course = Course(START - 60, 50_000, START + 5, START + 4_000, worst_watts=49_000, shed_kwh=12.5)
    course.acted = True
    course.skipped = (Skip("MiningPool/m/a", "Paused"),)
    (record,) = recorded(replace(EVENT, cancelled_at=START + 900), course)
    assert record == EventRecord(
        name="hot",
        uid="u1",
        start=START,
        end=START + 3600,
        program="ers",
        reference="r-1",
        announced_at=START - 60,
        form="byWatts",
        amount=5e4,
        urgency="Emergency",
        cancelled_at=START + 900,
        limit_watts=50_000.0,
        target_met_at=START + 5,
        restored_at=START + 4_000,
        worst_watts=49_000.0,
        shed_kwh=12.5,
        skipped=(Skipped("MiningPool/m/a", "Paused"),),
    )
    assert record.over_at == START + 900


def test_an_open_end_is_none() -> None:
    (record,) = recorded(replace(EVENT, end=math.inf), Course(START, 50_000, acted=True))
    assert (record.end, record.over_at, record.target_met_at, record.worst_watts) == (None, None, None, None)


def test_of_an_event_that_sets_no_limit_in_this_process_nothing_is_written_over() -> None:
    assert recorded(EVENT, Course(START)) == []


def test_an_event_that_was_over_before_this_process_is_left_as_the_last_one_wrote_it() -> None:
    assert recorded(EVENT, Course(START - 60, 50_000, START + 5)) == []
