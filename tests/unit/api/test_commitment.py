"""Promises and peaks as an admin writes them."""

from typing import Any

import pytest

import example_files as examples
from wattswitch.api.commitment import CoincidentPeak, Commitment
from wattswitch.api.parse import SpecError, parse, parse_strict
from wattswitch.api.power_budget import Curtailment, PowerBudget

PROMISE: dict[str, Any] = {"name": "ers", "program": "ers-10", "watts": 200_000, "noticeSeconds": 600}
PEAK: dict[str, Any] = {"name": "4cp", "intervalSeconds": 900}


def test_a_promise_that_says_nothing_of_when_holds_always() -> None:
    promise = parse_strict(Commitment, PROMISE)
    assert (promise.windows, promise.months, promise.first_day, promise.last_day) == ((), (), None, None)
    assert (promise.ramp_seconds, promise.time_zone) == (0, "UTC")


@pytest.mark.parametrize(
    ("model", "good", "change", "problem"),
    [
        (Commitment, PROMISE, {"firstDay": "2026-02-29"}, "firstDay: is not in the calendar: correct it"),
        (Commitment, PROMISE, {"lastDay": "1.8.2026"}, 'lastDay: "1.8.2026" has the wrong form'),
        (Commitment, PROMISE, {"timeZone": "America/"}, 'timeZone: "America/" has the wrong form'),
        (Commitment, PROMISE, {"months": [13]}, "months[0]: 13 is too high: use 12 or less"),
        (Commitment, PROMISE, {"windows": [{"start": "24:00", "end": "06:00"}]}, 'windows[0].start: "24:00" has the'),
        (CoincidentPeak, PEAK, {"intervalSeconds": 600}, "intervalSeconds: 600 is not allowed: use 300, 900, 1800"),
        (CoincidentPeak, PEAK, {"signal": {"feed": "load", "atLeast": 5}}, "signal.atLeast: 5 is not allowed"),
    ],
)
def test_a_problem_says_where_what_and_what_to_do(
    model: type[Commitment] | type[CoincidentPeak], good: dict[str, Any], change: dict[str, Any], problem: str
) -> None:
    assert parse_strict(model, good)
    with pytest.raises(SpecError) as refusal:
        parse_strict(model, good | change)
    (told,) = refusal.value.problems
    assert told.startswith(problem)


def test_a_budget_that_says_nothing_of_the_grid_has_promised_nothing() -> None:
    (raw,) = examples.documents("valid", "budget-fixed-watts")
    model, problems = parse(PowerBudget, raw)
    assert problems == []
    assert model is not None
    spec = model.spec
    assert (spec.grid_limit, spec.commitments, spec.coincident_peaks) == (None, (), ())
    assert spec.curtailment == Curtailment(cooldown_seconds=300, wave_watts=0, wave_seconds=60)
