"""Recorded decisions are decided again in the same way; `accept.py` records them anew."""

from pathlib import Path

import pytest

from golden.cases import CASES
from wattswitch.planner import plan
from wattswitch.planner.model import Reason
from wattswitch.planner.record import from_line, to_line

FILES = sorted(Path(__file__).parent.glob("*.jsonl"))
GIVEN_TO_THE_PLANNER = {
    Reason.PARENT_UNKNOWN,
    Reason.VIEW_STALE,
    Reason.STARTING,
    Reason.LEDGER_UNWRITTEN,
    Reason.AUTOSCALER_OWNED,
    Reason.TARGET_MISSING,
    Reason.TARGET_UNSUPPORTED,
    Reason.TARGET_CLAIMED,
    Reason.NAMESPACE_NOT_ADMITTED,
    Reason.PRIORITY_NOT_ALLOWED,
    Reason.GPU_COUNT_MISMATCH,
    Reason.FEED_UNKNOWN,
    Reason.BUDGET_MISSING,
    Reason.INVALID_SPEC,
}
"""Reasons that others state and the planner only repeats, beyond the one case of each kind."""


def test_every_reason_has_its_case_and_every_case_its_file() -> None:
    assert set(CASES) == set(Reason) - GIVEN_TO_THE_PLANNER
    assert {path.stem for path in FILES} == {str(reason) for reason in CASES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_recorded_decision_is_decided_again(path: Path) -> None:
    line = path.read_text().removesuffix("\n")
    state, recorded = from_line(line)
    decision = plan(state)
    assert decision == recorded
    assert to_line(state, decision) == line
    told = next(target for target in decision.targets if target.key == "told")
    assert told.reason == path.stem
