"""What the grid asks for, from the words of the API to the values of the pure core."""

import math
from datetime import UTC, date, datetime, time
from typing import Any

import pytest

import example_files as examples
from wattswitch.api.curtailment_event import CurtailmentEvent
from wattswitch.api.parse import parse_strict
from wattswitch.api.power_budget import PowerBudget, PowerBudgetSpec
from wattswitch.curtailment import Amount, Form, GridEvent, Restoration, Urgency
from wattswitch.mapping import commitments_of, grid_event_of, peak_rules_of, restoration_of, zone_problems
from wattswitch.settlement.coincident_peaks import ALL_YEAR, EVERY_DAY, ClockWindow, PeakRule
from wattswitch.settlement.commitments import Commitment

MADE_AT = 1_785_600_000.0
START = datetime(2026, 8, 1, 20, tzinfo=UTC).timestamp()
MONDAY, TUESDAY, SUNDAY = 0, 1, 6


def event(**spec: Any) -> CurtailmentEvent:
    body = {
        "apiVersion": "wattswitch.io/v1alpha1",
        "kind": "CurtailmentEvent",
        "metadata": {"name": "ers-1", "uid": "u1"},
        "spec": {"budget": "west", "limit": {"toWatts": 150_000}} | spec,
    }
    return parse_strict(CurtailmentEvent, body)


def budget(**spec: Any) -> PowerBudgetSpec:
    (raw,) = examples.documents("valid", "budget-fixed-watts")
    return parse_strict(PowerBudget, {**raw, "spec": raw["spec"] | spec}).spec


def promise(**fields: Any) -> dict[str, Any]:
    return {"name": "ers", "program": "ers-10", "watts": 200_500, "noticeSeconds": 600} | fields


def peak(**fields: Any) -> dict[str, Any]:
    return {"name": "4cp", "intervalSeconds": 900} | fields


def moment(day: int, hour: int) -> float:
    """A full hour of June 2026 in UTC, whose first day is a Monday."""
    return datetime(2026, 6, day, hour, tzinfo=UTC).timestamp()


# ---- events --------------------------------------------------------------------------------------------------------


def test_an_event_with_all_that_it_may_say() -> None:
    source = {"program": "ers-10", "reference": "2026-0801-1"}
    asked = event(start="2026-08-01T15:00:00-05:00", durationSeconds=7200, urgency="Emergency", source=source)
    assert grid_event_of(asked, MADE_AT, START + 60) == GridEvent(
        uid="u1",
        name="ers-1",
        start=START,
        amount=Amount(Form.TO_WATTS, 150_000.0),
        urgency=Urgency.EMERGENCY,
        end=START + 7200,
        cancelled_at=START + 60,
        program="ers-10",
        reference="2026-0801-1",
    )


def test_an_event_without_a_time_holds_from_when_it_was_made_for_ever() -> None:
    asked = grid_event_of(event(), MADE_AT, None)
    assert (asked.start, asked.end, asked.cancelled_at) == (MADE_AT, math.inf, None)
    assert (asked.urgency, asked.program, asked.reference) == (Urgency.FIRM, "", "")


def test_a_duration_without_a_start_counts_from_when_it_was_made() -> None:
    assert grid_event_of(event(durationSeconds=60), MADE_AT, None).end == MADE_AT + 60


@pytest.mark.parametrize(
    ("limit", "amount"),
    [
        ({"toWatts": 0}, Amount(Form.TO_WATTS, 0.0)),
        ({"byWatts": 250_000}, Amount(Form.BY_WATTS, 250_000.0)),
        ({"toPercent": "37.5"}, Amount(Form.TO_PERCENT, 37.5)),
        ({"all": True}, Amount(Form.ALL)),
    ],
)
def test_each_form_of_a_limit(limit: dict[str, Any], amount: Amount) -> None:
    assert grid_event_of(event(limit=limit), MADE_AT, None).amount == amount


@pytest.mark.parametrize("limit", [{}, {"toWatts": 400_000, "byWatts": 1}, {"toWatts": 400_000, "all": True}])
def test_a_limit_that_no_rule_refused_is_read_as_the_lowest(limit: dict[str, Any]) -> None:
    assert grid_event_of(event(limit=limit), MADE_AT, None).amount == Amount(Form.ALL)


# ---- what a budget says of the grid --------------------------------------------------------------------------------


def test_power_comes_back_as_the_budget_says() -> None:
    assert restoration_of(budget()) == Restoration(300.0, 0, 60.0)
    waves = {"cooldownSeconds": 0, "waveWatts": 50_000, "waveSeconds": 120}
    assert restoration_of(budget(curtailment=waves)) == Restoration(0.0, 50_000, 120.0)


def test_a_promise_without_hours_holds_always() -> None:
    (found,) = commitments_of(budget(commitments=[promise()]))
    assert found == Commitment("ers", "ers-10", 200.5, 600.0)
    assert found.holds(moment(1, 0))


def test_a_promise_with_all_that_it_may_say() -> None:
    told = promise(
        rampSeconds=300,
        timeZone="America/Chicago",
        windows=[{"start": "13:00", "end": "24:00", "days": ["Mon", "Tue"]}],
        months=[6, 7],
        firstDay="2026-06-01",
        lastDay="2026-07-31",
    )
    window = ClockWindow(time(13), time(0), frozenset({MONDAY, TUESDAY}))
    assert commitments_of(budget(commitments=[told])) == (
        Commitment(
            name="ers",
            programme="ers-10",
            kw=200.5,
            notice_seconds=600.0,
            ramp_seconds=300.0,
            zone="America/Chicago",
            windows=(window,),
            months=frozenset({6, 7}),
            first=date(2026, 6, 1),
            last=date(2026, 7, 31),
        ),
    )


def test_hours_past_midnight_belong_to_the_day_on_which_they_start() -> None:
    night = {"start": "22:00", "end": "06:00", "days": ["Sun"]}
    (found,) = commitments_of(budget(commitments=[promise(windows=[night])]))
    assert found.windows == (
        ClockWindow(time(22), time(0), frozenset({SUNDAY})),
        ClockWindow(time(0), time(6), frozenset({MONDAY})),
    )
    held = [at for at in ((7, 21), (7, 22), (7, 5), (8, 5), (8, 6), (8, 22)) if found.holds(moment(*at))]
    assert held == [(7, 22), (8, 5)], "Sunday the 7th at 22:00, and the Monday morning after it"


@pytest.mark.parametrize("end", ["00:00", "24:00"])
def test_hours_that_end_at_midnight_are_of_one_day(end: str) -> None:
    (found,) = commitments_of(budget(commitments=[promise(windows=[{"start": "18:00", "end": end}])]))
    assert found.windows == (ClockWindow(time(18), time(0), EVERY_DAY),)


def test_peaks_as_the_grid_counts_them() -> None:
    afternoon = {"start": "15:00", "end": "18:00"}
    told = peak(months=[6, 7, 8, 9], timeZone="America/Chicago", windows=[afternoon])
    assert peak_rules_of(budget(coincidentPeaks=[told, {"name": "12cp", "intervalSeconds": 1800}])) == (
        PeakRule("4cp", frozenset({6, 7, 8, 9}), "America/Chicago", 900, (ClockWindow(time(15), time(18)),)),
        PeakRule("12cp", ALL_YEAR, "UTC", 1800),
    )


def test_a_time_zone_that_there_is_not_is_told_and_stops_nothing_else() -> None:
    spec = budget(
        commitments=[promise(), promise(name="lost", timeZone="Texas/Odessa")],
        coincidentPeaks=[peak(timeZone="America/Chigaco"), peak(name="12cp")],
    )
    assert [each.name for each in commitments_of(spec)] == ["ers"]
    assert [each.name for each in peak_rules_of(spec)] == ["12cp"]
    assert zone_problems(spec) == [
        "spec.commitments[1].timeZone 'Texas/Odessa' is not in the IANA database: use one like America/Chicago",
        "spec.coincidentPeaks[0].timeZone 'America/Chigaco' is not in the IANA database: use one like America/Chicago",
    ]
