"""Conditions and status fields: what is told when, and that nothing is told anew while nothing happens."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from unit.engine.site_objects import (
    INFERENCE,
    MINING,
    NOW,
    Stage,
    hourly,
    namespace_raw,
    pool_raw,
    reading,
    service_raw,
    source,
    target_raw,
)
from wattswitch.api.base import ConditionStatus
from wattswitch.api.mining_pool import MiningPoolStatus
from wattswitch.api.power_budget import PowerBudgetStatus
from wattswitch.api.times import format_time, parse_time
from wattswitch.engine import report
from wattswitch.engine.report import Finding
from wattswitch.feeds import CurveReading
from wattswitch.planner import plan
from wattswitch.planner.model import Reason

METER = {"sources": [source("0", "Watts")]}


def budget_findings(
    stage: Stage,
    problems: tuple[str, ...] = (),
    published: CurveReading | None = None,
    currency: str = "USD",
    **look: Any,
) -> dict[str, Finding]:
    state = stage.look(**look).state
    found = report.budget_findings(state, plan(state), stage.feeds.readings, list(problems), published, currency)
    return {finding.type: finding for finding in found}


def workload_findings(stage: Stage, foreign: str = "", **look: Any) -> dict[str, Finding]:
    observation = stage.look(**look)
    (subject,) = report.subjects(observation, plan(observation.state))
    found = report.workload_findings(replace(subject, foreign=foreign), observation.state)
    return {finding.type: finding for finding in found}


def budget_status(stage: Stage, **look: Any) -> dict[str, Any]:
    state = stage.look(**look).state
    return report.budget_status(state, plan(state), stage.feeds.readings, [])


def workload_status(stage: Stage, **look: Any) -> dict[str, Any]:
    observation = stage.look(**look)
    decision = plan(observation.state)
    (subject,) = report.subjects(observation, decision)
    return report.workload_status(subject, observation.state, decision)


# ---- the budget ----------------------------------------------------------------------------------------------------


def test_a_budget_at_rest() -> None:
    found = budget_findings(Stage(pool_raw(), target_raw(replicas=10)))
    assert {name: finding.holds for name, finding in found.items()} == {
        "Ready": True,
        "WithinLimit": True,
        "PriceFresh": True,
        "Infeasible": False,
    }


def test_over_the_limit_says_by_how_much() -> None:
    stage = Stage(pool_raw(), target_raw(replicas=10), capWatts=30_000)
    found = budget_findings(stage)["WithinLimit"]
    assert (found.holds, found.reason, found.message) == (False, "Over", "35.0 kW of 30.0 kW committed, 5000 W over")
    assert budget_status(stage)["within"] == "Over by 5000 W"


def test_floors_that_do_not_fit() -> None:
    stage = Stage(pool_raw(replicas={"min": 10, "max": 10}), target_raw(replicas=10), capWatts=30_000)
    found = budget_findings(stage)["Infeasible"]
    assert (found.holds, found.reason) == (True, Reason.FLOOR_UNMET)
    assert found.message == "the limit of 30.0 kW is 7000 W short of the floors"


def test_floors_that_lack_gpus_do_not_fit_either() -> None:
    service = service_raw(replicas={"min": 10, "max": 10})
    groups = [{"name": "hopper", "gpus": 4}]
    stage = Stage(service, target_raw("llama", INFERENCE, gpus=1), gpuGroups=groups)
    found = budget_findings(stage)["Infeasible"]
    assert (found.holds, found.reason) == (True, Reason.FLOOR_UNMET)
    assert found.message == "GPU group 'hopper' is 6 GPUs short of the floors"


def test_a_stale_price_is_not_ready_and_says_why() -> None:
    stage = Stage()
    stage.feeds.readings["price"] = reading(40.0, "HTTPStatus", message="source rt: the answer was 503")
    found = budget_findings(stage)
    assert (found["PriceFresh"].holds, found["PriceFresh"].reason) == (False, "HTTPStatus")
    assert (found["Ready"].holds, found["Ready"].reason) == (False, Reason.PRICE_STALE)
    assert found["Ready"].message == "source rt: the answer was 503"


def test_a_meter_has_its_condition_only_where_there_is_one() -> None:
    assert "MeterFresh" not in budget_findings(Stage())
    stage = Stage(meter=METER)
    stage.feeds.readings["meter"] = reading(9_000.0, "Stale", message="source pdu: too old")
    found = budget_findings(stage)["MeterFresh"]
    assert (found.holds, found.reason, found.message) == (False, "Stale", "source pdu: too old")


@pytest.mark.parametrize("gate", list(report.GATES))
def test_a_closed_gate_is_not_ready_and_says_what_it_means(gate: str) -> None:
    found = budget_findings(Stage(), raise_gate=str(gate))["Ready"]
    assert (found.holds, found.reason) == (False, gate)
    assert "raise" in found.message


def test_a_spec_that_can_not_be_read_is_told_before_all_else() -> None:
    found = budget_findings(Stage(), problems=("spec.capWatts: a", "spec.mode: b"), raise_gate="NotLeader")["Ready"]
    assert (found.holds, found.reason, found.message) == (False, "InvalidSpec", "spec.capWatts: a; spec.mode: b")


def test_the_status_of_a_budget() -> None:
    stage = Stage(pool_raw(), target_raw(replicas=4), meter=METER, overhead={"fixedWatts": 600})
    stage.feeds.readings["meter"] = reading(14_600.4, at=NOW - 1)
    stage.site.correction.note(NOW - 2, 14_000)
    assert budget_status(stage) == {
        "limitWatts": 99_400,
        "committedWatts": 14_600,
        "plannedWatts": 35_600,
        "within": "True",
        "readings": [],
        "pricePerMWh": "40.00",
        "priceSource": "contract",
        "correctionWatts": 600,
        "measuredWatts": 14_600,
    }


# ---- a workload ----------------------------------------------------------------------------------------------------


def test_a_workload_at_rest() -> None:
    found = workload_findings(Stage(pool_raw(), target_raw(replicas=10)))
    assert {name: finding.holds for name, finding in found.items()} == {
        "Ready": True,
        "Accepted": True,
        "TargetFound": True,
        "Paused": False,
        "ForeignScale": False,
        "SignalsFresh": True,
        "Limited": False,
    }


def limited() -> Stage:
    return Stage(pool_raw(), target_raw(replicas=4), capWatts=20_000)


def stale() -> Stage:
    stage = Stage(pool_raw(), target_raw(replicas=4))
    stage.feeds.readings["price"] = reading(40.0, "Stale")
    return stage


def paused() -> Stage:
    raw = pool_raw()
    raw["metadata"]["annotations"] = {"wattswitch.io/paused": "true"}
    return Stage(raw, target_raw(replicas=4))


def missing() -> Stage:
    return Stage(pool_raw())


def refused() -> Stage:
    return Stage(pool_raw(), target_raw(), namespace_raw(MINING))


def blocked() -> Stage:
    return Stage(pool_raw(priority=900), target_raw(replicas=4))


TOLD: list[tuple[Callable[[], Stage], str, bool, str]] = [
    (limited, "Limited", True, Reason.POWER_LIMIT),
    (limited, "Ready", True, "Controlled"),
    (stale, "SignalsFresh", False, Reason.PRICE_STALE),
    (paused, "Paused", True, "Annotation"),
    (missing, "TargetFound", False, Reason.TARGET_MISSING),
    (missing, "Ready", False, Reason.TARGET_MISSING),
    (refused, "Accepted", False, Reason.NAMESPACE_NOT_ADMITTED),
    (refused, "Ready", False, Reason.NAMESPACE_NOT_ADMITTED),
    (blocked, "Accepted", False, Reason.PRIORITY_NOT_ALLOWED),
]


@pytest.mark.parametrize(("stage", "condition", "holds", "reason"), TOLD)
def test_a_condition(stage: Callable[[], Stage], condition: str, holds: bool, reason: str) -> None:
    found = workload_findings(stage())[condition]
    assert (found.holds, found.reason) == (holds, reason)


def test_a_note_is_told_and_accepted_all_the_same() -> None:
    found = workload_findings(Stage(pool_raw(wattsPerReplica=1), target_raw()))["Accepted"]
    assert (found.holds, found.message) == (True, "spec.wattsPerReplica 1 is below the nameplate: 3500 W is used")


def test_another_hand_is_named() -> None:
    found = workload_findings(Stage(pool_raw(), target_raw()), foreign="kubectl changed replicas from 4 to 9")
    assert found["ForeignScale"].holds
    assert found["ForeignScale"].message == "kubectl changed replicas from 4 to 9"


def test_the_status_of_a_workload_in_enforce_mode_is_what_runs() -> None:
    stage = Stage(pool_raw(), target_raw(replicas=4, alive=4, terminating=2), capWatts=25_000)
    assert workload_status(stage) == {
        "target": "Deployment/s21",
        "mode": "Enforce",
        "replicas": 4,
        "goalReplicas": 7,
        "wantedReplicas": 10,
        "readyReplicas": 4,
        "committedPods": 6,
        "kilowatts": "21.0",
        "strike": "91.00",
        "replicasText": "4/10",
        "reason": "WaitingForWatts",
        "message": "waits until the watts it needs are seen free",
    }


def test_the_status_of_a_workload_in_advise_mode_is_what_runs_and_what_is_advised() -> None:
    status = workload_status(Stage(pool_raw(), target_raw(replicas=4), capWatts=25_000, mode="Advise"))
    shown = ("mode", "replicas", "replicasText", "committedPods", "kilowatts", "reason")
    assert [status[key] for key in shown] == ["Advise", 4, "4→7/10", 4, "14.0", "PowerLimit"]


def test_in_advise_mode_the_rows_add_up_to_what_is_committed_and_the_advice_to_what_is_planned() -> None:
    service = service_raw(demand={"feed": "queue", "perReplica": "1"})
    targets = (target_raw(replicas=4), target_raw("llama", INFERENCE, replicas=7, gpus=1))
    stage = Stage(pool_raw(), service, *targets, mode="Advise")
    observation = stage.look()
    decision = plan(observation.state)
    told = report.budget_status(observation.state, decision, stage.feeds.readings, [])
    rows = [
        report.workload_status(each, observation.state, decision) for each in report.subjects(observation, decision)
    ]
    assert [row.get("replicasText") or row.get("grantedText") for row in rows] == ["7→5/5", "4→10/10"]
    assert sum(float(row["kilowatts"]) for row in rows) == pytest.approx(told["committedWatts"] / 1000, abs=0.1)
    assert told["plannedWatts"] == 5 * 1275 + 10 * 3500
    within = budget_findings(stage)["WithinLimit"]
    assert within.message == "22.9 kW of 100.0 kW committed; as advised it would be 41.4 kW"


def test_every_condition_says_something() -> None:
    service = service_raw(demand={"feed": "queue", "perReplica": "1"})
    for mode in ("Advise", "Enforce"):
        stage = Stage(service, target_raw("llama", INFERENCE, replicas=7, gpus=1), mode=mode, meter=METER)
        stage.feeds.readings["meter"] = reading(9_000.0)
        stage.feeds.published = hourly(*[20.0] * 48)
        found = [*budget_findings(stage, published=stage.feeds.published).values(), *workload_findings(stage).values()]
        assert [finding.type for finding in found if " " not in finding.message] == []
    assert len(found) == 13


def test_a_fresh_price_is_told_with_its_currency_and_its_source() -> None:
    found = budget_findings(Stage(), currency="EUR")["PriceFresh"]
    assert found.message == "40.00 EUR/MWh with adder, from contract"


def test_a_condition_about_what_is_no_more_is_dropped() -> None:
    before = report.conditions((), [Finding("MeterFresh", holds=False, reason="Stale")], 1, NOW)
    assert report.conditions(before, [Finding("Ready", holds=True, reason="Deciding")], 1, NOW)[0].type == "Ready"


def waiting(queue: float | None, problem: str = "", told: str = "", at: float = NOW) -> Any:
    """Since when the status of a service with a deadline of two hours says that work waits."""
    service = service_raw(
        demand={"feed": "queue", "perReplica": "2.5"},
        serviceClass="Batch",
        batch={"deadlineSeconds": 7200, "workPerReplicaHour": "12.5"},
    )
    if told:
        service["status"] = {"waitingSince": told}
    stage = Stage(service, target_raw("llama", INFERENCE, replicas=2, gpus=1))
    stage.feeds.readings["queue"] = reading(queue, problem, at)
    return workload_status(stage).get("waitingSince")


def test_work_that_waits_is_told_with_its_age_rounded_up() -> None:
    since = parse_time(waiting(5.0))
    assert 0 <= NOW - since < 7200 / 20
    assert waiting(5.0, at=NOW - 1) == waiting(5.0)
    assert waiting(0.0) is None


def test_the_age_of_waiting_work_outlives_the_process_that_told_it() -> None:
    told = format_time(NOW - 3600)
    assert parse_time(waiting(5.0, told=told)) <= NOW - 3600
    assert waiting(0.0, told=told) is None
    assert waiting(None, "NoReading", told) == told


def test_a_workload_that_is_admitted_no_more_shows_its_watts_and_no_strike() -> None:
    stage = Stage(pool_raw(), target_raw(replicas=4))
    stage.look()
    stage.put(namespace_raw(MINING))
    status = workload_status(stage)
    assert (status["committedPods"], status["kilowatts"], status["reason"]) == (4, "14.0", "NamespaceNotAdmitted")
    assert "matches no namespaceSelector" in status["message"]
    assert "strike" not in status


# ---- rest ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("problem", ["", "Stale"])
def test_time_alone_changes_no_status(problem: str) -> None:
    """Feeds are read again and again, and the same numbers come with later times."""
    stage = Stage(pool_raw(worth={"feed": "hashprice"}), target_raw(replicas=4), meter=METER, capWatts=20_000)
    told = []
    for seconds in (0, 1, 30):
        at = NOW if problem else NOW + seconds
        for name, value in (("price", 40.0), ("hashprice", 38.2), ("meter", 13_000.0)):
            stage.feeds.readings[name] = reading(value, problem, at, "source contract: a reason")
        now = NOW + seconds
        told.append(
            (
                budget_status(stage, now=now),
                budget_findings(stage, now=now),
                workload_status(stage, now=now),
                workload_findings(stage, now=now),
            )
        )
    assert told[0] == told[1] == told[2]


def test_conditions_keep_their_time_while_their_status_is_the_same() -> None:
    first = report.conditions((), [Finding("Ready", holds=True, reason="Deciding")], 1, NOW)
    second = report.conditions(first, [Finding("Ready", holds=True, reason="Deciding")], 1, NOW + 60)
    assert second == first
    third = report.conditions(second, [Finding("Ready", holds=False, reason="NotLeader", message="m")], 2, NOW + 90)
    (ready,) = third
    assert (ready.status, ready.reason, ready.message, ready.observed_generation) == ("False", "NotLeader", "m", 2)
    assert ready.last_transition_time != first[0].last_transition_time


def test_conditions_of_others_stay_and_what_is_not_known_is_unknown() -> None:
    before = report.conditions((), [Finding("Theirs", holds=True, reason="Theirs")], 1, NOW)
    after = report.conditions(before, [Finding("Ready", holds=None, reason="Unknown")], 1, NOW)
    assert [condition.type for condition in after] == ["Theirs", "Ready"]
    assert after[1].status is ConditionStatus.UNKNOWN


# ---- bounds --------------------------------------------------------------------------------------------------------


def test_what_is_too_long_or_too_large_is_cut_to_the_bounds_of_its_field() -> None:
    status = {"message": "m" * 5000, "committedPods": 2**40, "replicas": -1, "reason": "AtMaximum", "mode": "Enforce"}
    told = report.fitting("miningpools", status)
    assert MiningPoolStatus.model_validate(told)
    assert told == status | {"message": "m" * 1023 + "…", "committedPods": 2**31 - 1, "replicas": 0}


def test_a_budget_whose_numbers_are_absurd_keeps_its_status() -> None:
    told = report.fitting("powerbudgets", {"committedWatts": 2**60, "pricePerMWh": f"{1e300:.2f}", "readings": []})
    assert PowerBudgetStatus.model_validate(told)
    assert told["committedWatts"] == 2**53


def test_the_name_of_a_target_is_never_cut() -> None:
    target = f"StatefulSet/{'x' * 253}"
    assert report.fitting("inferencedeployments", {"target": target}) == {"target": target}
