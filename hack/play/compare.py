"""Holds the table and the record against `plan()`: what is shown was decided, and would be again."""

import bisect
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from play.table import Row
from wattswitch.planner import plan
from wattswitch.planner.model import Plan, SiteState
from wattswitch.planner.record import from_line

STATUS_SECONDS = 2.5
"""How far a status may be behind the decision that it tells of."""
SHOWN_DIFFERENCES = 5


@dataclass(frozen=True, slots=True)
class Decision:
    """One recorded decision."""

    at: float
    state: SiteState
    plan: Plan


@dataclass
class Comparison:
    """How many decisions and rows were held against the plan, and which differ, in words."""

    decisions: int = 0
    rows: int = 0
    differences: list[str] = field(default_factory=list)


def read(paths: Iterable[Path]) -> list[Decision]:
    """Read recorded decisions by time; a last line that a kill cut short is left out. Raises ValueError."""
    found = []
    for path in paths:
        with path.open() as lines:
            for line in lines:
                if line.endswith("\n"):
                    state, decided = from_line(line)
                    found.append(Decision(state.now, state, decided))
    return sorted(found, key=lambda decision: decision.at)


def replay(decisions: Iterable[Decision], decide: Callable[[SiteState], Plan] = plan) -> Comparison:
    """Decide everything again."""
    result = Comparison()
    for decision in decisions:
        result.decisions += 1
        if decide(decision.state) != decision.plan:
            result.differences.append(f"the state recorded at {decision.at:.3f} gives another plan now")
    return result


def rows_against_plans(
    rows: Iterable[Row], decisions: Sequence[Decision], absences: Sequence[tuple[float, float]] = ()
) -> Comparison:
    """Hold every shown number against the decisions that were in force just before it was read.

    `absences` say by rising time from when to when no operator ran: a status then is as old as its last one.
    """
    times = [decision.at for decision in decisions]
    result = Comparison()
    for row in rows:
        if row.limit_watts is None:
            continue
        result.rows += 1
        first = max(0, bisect.bisect_right(times, _alive_before(row, absences) - STATUS_SECONDS) - 1)
        in_force = [decision.plan for decision in decisions[first : bisect.bisect_right(times, row.read_at)]]
        result.differences += [f"{row.clock}: {text}" for text in _differences(row, in_force)]
    return result


def _alive_before(row: Row, absences: Sequence[tuple[float, float]]) -> float:
    """When an operator last ran for long enough before a row was read, so that its status is no older.

    One that was killed within STATUS_SECONDS of its return need not have written any.
    """
    since, seen_at = row.asked_at, row.read_at
    for went, back in reversed(absences):
        if went <= seen_at <= back + STATUS_SECONDS:
            since, seen_at = min(since, went), went
    return since


def _differences(row: Row, plans: Sequence[Plan]) -> list[str]:
    found = []
    if all((p.limit_watts, p.committed_watts) != (row.limit_watts, row.committed_watts) for p in plans):
        found.append(f"no plan has limit {row.limit_watts} W and committed {row.committed_watts} W")
    for cell in row.cells:
        shown = (cell.goal, cell.wanted, cell.reason)
        planned = {
            (target.goal_replicas, target.wanted_replicas, target.reason)
            for p in plans
            for target in p.targets
            if target.key == cell.key
        }
        if cell.goal is not None and planned and shown not in planned:
            found.append(f"{cell.key} shows {shown}, planned were {sorted(planned)}")
    return found


def main() -> int:
    """Replay files of recorded decisions: python -m play.compare FILE.jsonl ..."""
    result = replay(read(Path(name) for name in sys.argv[1:]))
    print(f"{result.decisions} decisions replayed, {len(result.differences)} differ")
    for difference in result.differences[:SHOWN_DIFFERENCES]:
        print(difference)
    return 1 if result.differences else 0


if __name__ == "__main__":
    sys.exit(main())
