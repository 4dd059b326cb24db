"""The table against the record: what is shown must have been decided."""

import dataclasses
import json
from pathlib import Path

import pytest

from play import compare
from play.compare import Decision, replay, rows_against_plans
from play.table import Cell, Row
from wattswitch.planner import plan
from wattswitch.planner.model import Budget, Kind, Signal, SiteState, Workload, Worth, WorthUnit
from wattswitch.planner.record import to_line

KEY = "MiningPool/mining/s21"


def state(now: float, price: float = 40.0) -> SiteState:
    workload = Workload(
        key=KEY,
        kind=Kind.MINING,
        max_replicas=4,
        it_watts_per_replica=1000,
        worth=Worth(Signal(90.0), WorthUnit.PER_MWH),
        spec_replicas=2,
        booked_pods=2,
    )
    return SiteState(now, Budget("site", 10_000, Signal(price)), (workload,))


def decision(at: float, price: float = 40.0) -> Decision:
    known = state(at, price)
    return Decision(at, known, plan(known))


def row(read_at: float, of: Decision) -> Row:
    (target,) = of.plan.targets
    cell = Cell(KEY, "2/4", target.reason, target.goal_replicas, target.wanted_replicas)
    return Row(0, "00:00", read_at - 0.1, read_at, "40.00", of.plan.limit_watts, of.plan.committed_watts, (cell,))


def test_a_recorded_decision_is_decided_again(tmp_path: Path) -> None:
    record = tmp_path / "decisions.jsonl"
    known = state(5.0)
    line = to_line(known, plan(known))
    record.write_text(f"{line}\n{line[:50]}")
    decisions = compare.read([record])
    assert [d.at for d in decisions] == [5.0]
    assert replay(decisions).differences == []


def test_a_planner_that_decides_otherwise_is_told() -> None:
    result = replay([decision(5.0)], lambda known: dataclasses.replace(plan(known), limit_watts=1))
    assert result.decisions == 1
    assert result.differences == ["the state recorded at 5.000 gives another plan now"]


def test_a_row_that_shows_the_decision_in_force_is_fine() -> None:
    decisions = [decision(0.0, price=40.0), decision(50.0, price=400.0)]
    assert rows_against_plans([row(49.0, decisions[0]), row(51.0, decisions[1])], decisions).differences == []


@pytest.mark.parametrize("read_at", [60.0, 45.0])
def test_a_row_that_shows_what_was_not_in_force_is_not(read_at: float) -> None:
    decisions = [decision(0.0, price=40.0), decision(50.0, price=400.0)]
    shown = row(read_at, decisions[0] if read_at > 50 else decisions[1])
    assert len(rows_against_plans([shown], decisions).differences) == 1


def test_while_no_operator_runs_the_last_status_stands() -> None:
    decisions = [decision(0.0, price=40.0), decision(50.0, price=400.0)]
    shown = [row(60.0, decisions[0])]
    assert rows_against_plans(shown, decisions, [(50.5, 59.0)]).differences == []


def test_a_return_too_short_for_a_status_does_not_renew_it() -> None:
    decisions = [decision(0.0, price=40.0), decision(47.9, price=400.0)]
    shown = [row(63.0, decisions[0])]
    assert rows_against_plans(shown, decisions, [(48.0, 57.0), (58.0, 61.0)]).differences == []
    assert len(rows_against_plans(shown, decisions, [(48.0, 52.0), (58.0, 61.0)]).differences) == 1


def test_another_limit_than_planned_is_told() -> None:
    known = decision(0.0)
    shown = dataclasses.replace(row(1.0, known), limit_watts=1)
    assert "no plan has limit 1 W" in rows_against_plans([shown], [known]).differences[0]


def test_a_record_that_is_none_is_refused(tmp_path: Path) -> None:
    record = tmp_path / "decisions.jsonl"
    record.write_text(json.dumps({"at": 1}) + "\n")
    with pytest.raises(ValueError, match="not a recorded decision"):
        compare.read([record])
