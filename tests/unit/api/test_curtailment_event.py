"""Grid events from Python: what an object may leave out, and what may never cost a status."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from wattswitch import curtailment
from wattswitch.api.base import MAX_WATTS
from wattswitch.api.curtailment_event import (
    CurtailmentEvent,
    CurtailmentEventStatus,
    EventLimit,
    EventMemory,
    LimitAmount,
    LimitForm,
    Urgency,
)
from wattswitch.api.parse import parse


def event(**spec: Any) -> dict[str, Any]:
    """A raw event that says the least, changed."""
    return {
        "apiVersion": "wattswitch.io/v1alpha1",
        "kind": "CurtailmentEvent",
        "metadata": {"name": "ers-1"},
        "spec": {"budget": "west", "limit": {"toWatts": 150_000}} | spec,
    }


def problems(**spec: Any) -> list[str]:
    return parse(CurtailmentEvent, event(**spec))[1]


def test_the_least_that_an_event_says_is_whom_it_limits_and_how() -> None:
    model, wrong = parse(CurtailmentEvent, event())
    assert wrong == []
    assert model is not None
    spec = model.spec
    assert (spec.start, spec.duration_seconds, spec.source) == (None, None, None)
    assert (spec.urgency, spec.cancelled) == (Urgency.FIRM, False)


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"cancelled": "true"}, 'spec.cancelled: must be true or false without quotes, not "true": correct it'),
        ({"cancelled": 1}, "spec.cancelled: must be true or false without quotes, not 1: correct it"),
        ({"limit": {"all": False}}, "spec.limit.all: must be true or left out: correct it"),
        (
            {"limit": {"toPercent": 50}},
            "spec.limit.toPercent: 50 is not allowed: it must be a percentage from 0 to 100",
        ),
        ({"durationSeconds": 0}, "spec.durationSeconds: 0 is too low: use 1 or more"),
        ({"start": "2026-02-30T20:00:00Z"}, "spec.start: is not in the calendar: correct it"),
        ({"start": "2026-08-01T20:00:00"}, 'spec.start: "2026-08-01T20:00:00" has the wrong form: write it so that'),
        ({"urgency": "Now"}, "spec.urgency: \"Now\" is not allowed: use 'BestEffort', 'Firm' or 'Emergency'"),
        ({"source": {"program": "ers-10"}}, "spec.source.reference: is required: add it"),
    ],
)
def test_a_problem_of_an_event_says_where_what_and_what_to_do(spec: dict[str, Any], problem: str) -> None:
    (told,) = problems(**spec)
    assert told.startswith(problem)


def test_the_words_of_the_api_are_those_of_the_pure_core() -> None:
    assert [*Urgency] == [*curtailment.Urgency]
    assert [*LimitForm] == [*curtailment.Form]
    assert [field.alias for field in EventLimit.model_fields.values()] == [*LimitForm]


@pytest.mark.parametrize("value", ["0", "37.5", "99.999999", str(MAX_WATTS)])
def test_an_amount_in_memory_takes_every_limit_that_an_event_may_set(value: str) -> None:
    memory = EventMemory(
        uid="u", name="ers-1", start="2026-08-01T20:00:00Z", form=LimitForm.BY_WATTS, value=value, urgency=Urgency.FIRM
    )
    assert memory.value == Decimal(value)
    assert EventMemory.model_validate(memory.to_raw()) == memory


@pytest.mark.parametrize("value", ["-1", "1e3", "NaN", "1" * 12, "", 5])
def test_no_other_amount_is_remembered(value: object) -> None:
    with pytest.raises(ValidationError, match="must be watts or a percentage"):
        TypeAdapter(LimitAmount).validate_python(value)


def test_a_status_takes_what_happens_at_the_worst() -> None:
    status = CurtailmentEventStatus(
        limit_watts=-1, worst_watts=2**53, target_met_after_seconds=2**31 - 1, message="x" * 5000
    )
    assert status.to_raw()["targetMetAfterSeconds"] == 2**31 - 1


def test_columns_show_times_as_they_are() -> None:
    columns = {column.name: column for column in CurtailmentEvent.names.columns}
    assert {columns[name].type for name in ("Start", "Ends")} == {"string"}, "kubectl shows no date that is ahead"
