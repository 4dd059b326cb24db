"""What is told of grid events: conditions, statuses, and the budget's own words."""

from typing import Any

import pytest

from unit.engine.site_objects import NOW, Stage, pool_raw, reading, source, target_raw
from unit.engine.test_grid import event_raw
from wattswitch.api.times import format_time
from wattswitch.engine.eventreport import event_findings, event_status, grid_findings
from wattswitch.engine.gridfacts import drawn
from wattswitch.engine.report import Finding
from wattswitch.planner import plan

HOUR = 3600.0


def told(stage: Stage, *times: float) -> tuple[dict[str, Finding], dict[str, Any]]:
    """Conditions and status of the one event after looks at these times."""
    for at in times:
        state = stage.state(at)
        stage.site.grid.note(drawn(state, plan(state)))
    grid = stage.site.grid
    (uid,) = grid.windows
    known = grid.book.events[uid], grid.windows[uid], grid.courses[uid]
    return {finding.type: finding for finding in event_findings(*known)}, event_status(*known)


def of_budget(stage: Stage, now: float = NOW) -> dict[str, Finding]:
    state = stage.state(now)
    return {each.type: each for each in grid_findings(stage.site, state, plan(state))}


def stage(**budget: Any) -> Stage:
    return Stage(pool_raw(), target_raw(replicas=4, alive=4), **budget)


def words(findings: dict[str, Finding]) -> dict[str, tuple[bool | None, str]]:
    return {name: (finding.holds, finding.reason) for name, finding in findings.items() if name != "Accepted"}


def test_an_event_that_is_announced() -> None:
    site = stage()
    site.put(event_raw(start=format_time(NOW + HOUR), durationSeconds=600))
    findings, status = told(site, NOW)
    assert words(findings) == {
        "Scheduled": (True, "Scheduled"),
        "Active": (False, "Scheduled"),
        "TargetMet": (None, "NotDue"),
        "Restored": (False, "Scheduled"),
    }
    assert (status["startsAt"], status["endsAt"]) == (format_time(NOW + HOUR), format_time(NOW + HOUR + 600))
    assert not {"startedAt", "limitWatts", "targetMetAt"} & status.keys()


def test_an_event_whose_target_is_not_met_yet_and_then_is() -> None:
    site = stage()
    site.put(event_raw())
    findings, _ = told(site, NOW)
    assert findings["TargetMet"].reason == "NotYet"
    site.put(target_raw(replicas=2, alive=2))
    findings, status = told(site, NOW + 1, NOW + 8)  # a pod that vanished counts for its stop time
    assert findings["TargetMet"].reason == "Met"
    assert status["targetMetAfterSeconds"] == 8
    assert "until it is taken back" in status["message"]


def test_an_event_that_ends_before_it_was_met_is_missed() -> None:
    site = stage(curtailment={"cooldownSeconds": 0})
    site.put(event_raw(durationSeconds=60))
    findings, _ = told(site, NOW, NOW + 30, NOW + 61)
    assert words(findings)["TargetMet"] == (False, "Missed")
    assert words(findings)["Restored"] == (True, "Over")


def test_an_event_that_was_taken_back_before_it_began_was_not_missed() -> None:
    site = stage()
    site.put(event_raw(start=format_time(NOW + HOUR), cancelled=True))
    findings, status = told(site, NOW)
    assert words(findings)["TargetMet"] == (None, "TakenBack")
    assert status["message"] == "taken back"


def test_power_that_comes_back_is_told_with_the_time_of_the_next_wave() -> None:
    site = stage(curtailment={"cooldownSeconds": 60, "waveWatts": 1000, "waveSeconds": 30})
    site.put(event_raw(durationSeconds=60))
    findings, status = told(site, NOW, NOW + 70)
    assert words(findings)["Restored"] == (False, "Cooldown")
    assert format_time(NOW + 120) in status["message"]
    findings, status = told(site, NOW + 121)
    assert words(findings)["Restored"] == (False, "Restoring")
    assert status["limitWatts"] == 9000


def test_a_budget_names_what_limits_it_and_what_is_to_come() -> None:
    site = stage()
    assert of_budget(site)["Curtailed"] == Finding("Curtailed", False, "NotCurtailed", "the grid asks for nothing")
    site.put(event_raw("later", start=format_time(NOW + HOUR)))
    assert "later starts at" in of_budget(site)["Curtailed"].message
    site.put(event_raw("now"))
    found = of_budget(site)["Curtailed"]
    assert (found.holds, found.reason) == (True, "Active")
    assert found.message.startswith("CurtailmentEvent now (Active): 8000 W; CurtailmentEvent later starts")


def test_a_number_that_is_lost_is_told_as_the_failsafe() -> None:
    site = stage(gridLimit={"failsafeWatts": 3000, "sources": [source("5000", "Watts")]})
    site.feeds.readings["gridLimit"] = reading(5000.0, "Stale")
    found = of_budget(site)
    assert (found["GridLimitFresh"].holds, found["GridLimitFresh"].reason) == (False, "Stale")
    assert found["Curtailed"].message == "the failsafe of gridLimit: 3000 W"


@pytest.mark.parametrize(
    ("commitment", "word"),
    [
        ({"watts": 5000, "noticeSeconds": 600}, "Ready"),
        ({"watts": 5000, "noticeSeconds": 10}, "TooSlow"),
        ({"watts": 500_000, "noticeSeconds": 600}, "TooLittle"),
    ],
)
def test_whether_a_commitment_could_be_met_now(commitment: dict[str, Any], word: str) -> None:
    site = stage(commitments=[{"name": "ers", "program": "ers-10"} | commitment])
    found = of_budget(site)["CommitmentsMet"]
    assert (found.holds, found.reason) == (word == "Ready", word)


def test_a_time_zone_that_there_is_not_is_told() -> None:
    commitment = {"name": "ers", "program": "ers-10", "watts": 5, "noticeSeconds": 600, "timeZone": "Texas/West"}
    found = of_budget(stage(commitments=[commitment]))["CommitmentsMet"]
    assert (found.holds, found.reason) == (False, "InvalidSpec")
    assert "Texas/West" in found.message


PEAK = {"name": "4cp", "intervalSeconds": 900, "limitWatts": 4000, "signal": {"feed": "queue", "atLeast": "70"}}


@pytest.mark.parametrize(
    ("value", "problem", "near"),
    [(80.0, "", True), (60.0, "", False), (60.0, "Stale", True), (None, "NoReading", True)],
)
def test_a_peak_that_is_signalled_limits_and_a_silent_signal_counts_as_one(
    value: float | None, problem: str, near: bool
) -> None:
    site = stage(coincidentPeaks=[PEAK])
    site.feeds.readings["queue"] = reading(value, problem)
    found = of_budget(site)
    assert found["CoincidentPeak"].holds is near
    assert (found["Curtailed"].holds, found["Curtailed"].reason) == (near, "CoincidentPeak" if near else "NotCurtailed")
    assert site.state().budget.limited_by == ("coincident peak 4cp" if near else "")


def test_a_peak_that_began_holds_to_the_end_of_its_interval() -> None:
    site = stage(coincidentPeaks=[PEAK])
    site.feeds.readings["queue"] = reading(80.0)
    start = NOW // 900 * 900 + 900
    assert site.state(start + 10).budget.event_limits_watts == (4000,)
    site.feeds.readings["queue"] = reading(60.0)
    assert site.state(start + 899).budget.event_limits_watts == (4000,)
    assert site.state(start + 900).budget.event_limits_watts == ()


def test_outside_of_its_hours_no_signal_makes_a_peak() -> None:
    # 14 November 2023, 22:13 in UTC
    peak = PEAK | {"windows": [{"start": "15:00", "end": "18:00"}]}
    site = stage(coincidentPeaks=[peak])
    site.feeds.readings["queue"] = reading(80.0)
    assert site.state().budget.event_limits_watts == ()
