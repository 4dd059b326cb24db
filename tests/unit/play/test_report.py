"""When a day is a pass."""

import math
from typing import Any

import pytest

from play.compare import Comparison
from play.ledger import Account
from play.report import Closing

QUIET: dict[str, Any] = {
    "violation_seconds": 0,
    "over_seconds": 0,
    "max_over_watts": 0,
    "raises_in_flight": 0,
    "switches": 3,
    "changes_by_others": 1,
    "seconds": [],
}
AWAY_AND_BACK = (5.0, 7.5)
AWAY = (9.0, math.inf)


def closing(
    absences: list[tuple[float, float]], violation_seconds: int = 0, shown: Comparison | None = None
) -> Closing:
    return Closing(
        title="a day",
        currency="USD",
        account=Account(),
        monitor={**QUIET, "violation_seconds": violation_seconds},
        replayed=Comparison(),
        shown=shown or Comparison(),
        end_state={"s21": 40},
        kills=len(absences),
        absences=absences,
        first_row_seconds=1.0,
    )


def test_a_day_of_kills_passes_where_the_operator_came_back_each_time() -> None:
    day = closing([AWAY_AND_BACK])
    assert day.passed
    assert (day.as_json()["came_back"], day.as_json()["end_state"]) == (True, {"s21": 40})


def test_an_operator_that_never_came_back_is_no_pass() -> None:
    day = closing([AWAY_AND_BACK, AWAY])
    assert not day.passed
    assert day.as_json()["came_back"] is False
    assert any(line.startswith("ABSENT") for line in day.lines())


@pytest.mark.parametrize(
    "day", [closing([], violation_seconds=1), closing([], shown=Comparison(rows=1, differences=["another number"]))]
)
def test_neither_is_a_violation_or_a_number_that_was_not_decided(day: Closing) -> None:
    assert not day.passed
