"""Baselines by name, and what is no name."""

from dataclasses import replace

import pytest

from unit.settlement.settled import EVENTS, QUARTER, TERMS, ZONE, rows
from wattswitch.settlement.baselines import Baseline, History, NoBaseline
from wattswitch.settlement.calendars import Calendar
from wattswitch.settlement.intervals import Load
from wattswitch.settlement.methods import DEFAULT, NAMES, ServiceLevel, method
from wattswitch.settlement.statement import window_of

WINDOW = window_of(EVENTS[1], 0.0, TERMS)
HISTORY = History(Load.of(rows(), QUARTER), Calendar(ZONE), (WINDOW,))
LEVEL = ServiceLevel(120.0, 420.0)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("3-of-5", "3 of 5"),
        ("10-of-10", "10 of 10"),
        (DEFAULT, "10 of 10 with same-day adjustment"),
        ("meter-before", "meter before"),
        ("meter-before-after", "meter before/after"),
        ("same-day-3-2", "same day 3+2"),
        ("match-day", "match day (3)"),
        ("centerpoint", "CenterPoint"),
        ("firm-service-level", "firm service level"),
    ],
)
def test_every_name_is_a_baseline(name: str, told: str) -> None:
    found = method(name, LEVEL)(HISTORY, WINDOW)
    assert isinstance(found, Baseline), found
    assert found.method == told


def test_an_adjusted_one_is_another_one() -> None:
    plain, adjusted = (method(name)(HISTORY, WINDOW) for name in ("5-of-10", "5-of-10-adjusted"))
    assert isinstance(plain, Baseline)
    assert isinstance(adjusted, Baseline)
    assert plain.ratio == 1.0 != adjusted.ratio


def test_a_firm_service_level_has_to_be_told() -> None:
    found = method("firm-service-level")(HISTORY, WINDOW)
    assert found == NoBaseline("firm service level", "the terms of the programme name no firm service level")
    level = method("firm-service-level", LEVEL)(HISTORY, WINDOW)
    assert isinstance(level, Baseline)
    assert level.level_kw == 120.0


@pytest.mark.parametrize(
    "name", ["", "x-of-y", "6-of-5", "0-of-3", "5 of 10", "5-of-10-", "100-of-100", "Meter-before"]
)
def test_what_is_no_name_says_which_there_are(name: str) -> None:
    with pytest.raises(ValueError, match="is no baseline: use one of X-of-Y") as refused:
        method(name)
    assert all(known in str(refused.value) for known in NAMES)


def test_the_hours_of_the_event_decide_and_not_its_name() -> None:
    later = replace(WINDOW, start=WINDOW.start + 3600, end=WINDOW.end + 3600)
    first, second = (method("5-of-10")(HISTORY, window) for window in (WINDOW, later))
    assert isinstance(first, Baseline)
    assert isinstance(second, Baseline)
    assert min(first.kw) + 3600 == min(second.kw)
