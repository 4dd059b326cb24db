"""Events of the shapes that flexible AI sites were shown to follow, on the model site in virtual time.

A quarter off within the ramp and held for three hours, 30 % within half a minute, ten hours in one piece: with every
pod of inference that is guaranteed. The public trace goes from 92.7 to 65.8 kW in 6 minutes.
"""

from pathlib import Path
from typing import Any

import pytest

from unit.grid.play import FLOORS, Play, Stretch
from unit.grid.script import DAY, HOUR, Change, Script
from unit.grid.virtual_site import CAP_WATTS, CHAT, LLAMA, OLD, S21
from wattswitch.api.times import format_time
from wattswitch.engine.report import budget_findings
from wattswitch.planner.model import Reason

START = 1_700_000_100 // DAY * DAY
CALLED_AT = START + HOUR
RAMP_SECONDS = 360
GUARANTEED = (CHAT.place, LLAMA.place)


def play(folder: Path, announced_at: int, hold_seconds: int, after_seconds: int = HOUR, **spec: Any) -> Play:
    """The site at full power, and one event that starts an hour later."""
    given = {"budget": "west", "start": format_time(CALLED_AT), "durationSeconds": hold_seconds, **spec}
    end = CALLED_AT + hold_seconds + after_seconds
    script = Script(START, -(-end // 900) * 900, [Change(announced_at, "call", given)], [], [(START, 40.0)])
    return Play(script, folder, 7)


def during(stretches: list[Stretch], start: float, end: float) -> list[Stretch]:
    return [each for each in stretches if each.start < end and each.end > start]


@pytest.mark.parametrize(
    ("percent", "notice_seconds", "due_seconds", "hours"),
    [(25, RAMP_SECONDS, 0, 3), (30, 0, 30, 1), (25, RAMP_SECONDS, 0, 10)],
    ids=["a quarter for three hours", "30 % within 30 s", "ten hours"],
)
def test_what_is_asked_for_is_off_in_time_and_held_and_inference_keeps_what_it_is_guaranteed(
    tmp_path: Path, percent: int, notice_seconds: int, due_seconds: int, hours: int
) -> None:
    hold = hours * HOUR
    asked = {"toPercent": str(100 - percent - 2)}
    played = play(tmp_path, CALLED_AT - notice_seconds, hold, limit=asked, urgency="BestEffort")
    assert played.run().objections == []
    at_rest = during(played.stretches, START + HOUR - RAMP_SECONDS - 60, CALLED_AT - RAMP_SECONDS - 1)
    full = min(each.watts for each in at_rest)
    assert full > 0.96 * CAP_WATTS
    held = during(played.stretches, CALLED_AT + due_seconds, CALLED_AT + hold)
    assert max(each.watts for each in held) <= full * (1 - percent / 100)
    assert all(each.alive[place] >= FLOORS[place] for each in held for place in GUARANTEED)


def test_a_firm_event_below_the_floors_sheds_them_by_priority_and_says_so(tmp_path: Path) -> None:
    """7,840 W less 3,000 W fixed carry 4,481 W of pods: the three of chat, and of nobody else."""
    played = play(tmp_path, CALLED_AT - 600, 2 * HOUR, -HOUR, limit={"toWatts": 8_000}, urgency="Firm")
    assert played.run().objections == []
    assert {place: played.site.size(place) for place in FLOORS} == {
        CHAT.place: 3,
        LLAMA.place: 0,
        OLD.place: 0,
        S21.place: 0,
    }
    operator = played.operator
    decision, state = operator.plan, operator.stand.look(played.now).state
    assert decision is not None
    reasons = {target.key.rpartition("/")[2]: target.reason for target in decision.targets}
    assert reasons[LLAMA.name] == reasons[OLD.name] == Reason.FLOOR_UNMET
    assert reasons[CHAT.name] != Reason.FLOOR_UNMET
    found = {each.type: each for each in budget_findings(state, decision, {}, [], None, "USD")}
    infeasible = found["Infeasible"]
    assert (infeasible.holds, infeasible.reason) == (True, Reason.FLOOR_UNMET)
    course = operator.site.grid.courses["call"]
    assert course.is_met
    assert [(skip.workload.rpartition("/")[2], skip.reason) for skip in course.skipped] == [(CHAT.name, "Floor")]
