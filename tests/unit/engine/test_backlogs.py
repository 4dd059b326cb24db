"""When the oldest waiting work came, by workload."""

import pytest

from unit.engine.site_objects import INFERENCE, NOW, Stage, reading, service_raw, target_raw
from wattswitch.api.times import format_time
from wattswitch.engine.backlogs import Backlogs
from wattswitch.planner.model import Batch, Signal, Workload

KEY = "InferenceDeployment/inference/llama"


def stage(**spec: object) -> Stage:
    service = service_raw(
        demand={"feed": "queue", "perReplica": "2.5"},
        serviceClass="Batch",
        batch={"deadlineSeconds": 7200, "workPerReplicaHour": "12.5"} | spec,
    )
    return Stage(service, target_raw("llama", INFERENCE, replicas=2, gpus=1))


def workload(here: Stage, now: float) -> Workload:
    return next(each for each in here.state(now).workloads if each.key == KEY)


def test_work_that_may_wait_as_the_planner_sees_it() -> None:
    here = stage()
    here.feeds.readings["queue"] = reading(0.0)
    assert workload(here, NOW).batch == Batch(7200, 12.5, NOW)
    here.feeds.readings["queue"] = reading(5.0, at=NOW + 60)
    w = workload(here, NOW + 90)
    assert w.batch == Batch(7200, 12.5, NOW)
    assert w.demand is not None
    assert (w.demand.signal.value, w.demand.forecast) == (5.0, None)


def test_without_a_deadline_there_is_nothing_to_meet() -> None:
    service = service_raw(demand={"feed": "queue", "perReplica": "2.5"}, serviceClass="Batch", batch={})
    assert workload(Stage(service, target_raw("llama", INFERENCE, replicas=2, gpus=1)), NOW).batch is None


def test_each_workload_has_its_own_and_is_forgotten_with_it() -> None:
    backlogs = Backlogs()
    for key, at in (("a", 10.0), ("b", 20.0)):
        assert backlogs.oldest_at(key, Signal(3.0, at=at), 30.0, in_order=True) == at
    backlogs.keep_only({"b"})
    assert backlogs.oldest_at("a", Signal(3.0, at=25.0), 30.0, in_order=True) == 25.0
    assert backlogs.oldest_at("b", Signal(3.0, at=25.0), 30.0, in_order=True) == 20.0


def test_work_waited_before_this_process_began_to_look() -> None:
    backlogs = Backlogs()
    assert backlogs.oldest_at("a", Signal(None, "NoReading"), 30.0, in_order=True, kept=10.0) == 10.0
    assert backlogs.oldest_at("a", Signal(3.0, at=30.0), 30.0, in_order=True) == 10.0
    assert backlogs.oldest_at("a", Signal(3.0, at=40.0), 40.0, in_order=True, kept=35.0) == 10.0, "asked for once"
    assert backlogs.oldest_at("a", Signal(0.0, at=50.0), 50.0, in_order=True) == 50.0
    assert backlogs.oldest_at("b", Signal(0.0, at=30.0), 30.0, in_order=True, kept=10.0) == 30.0, "none waits"
    assert backlogs.oldest_at("c", Signal(3.0, at=30.0), 30.0, in_order=True, kept=99.0) == 30.0, "nothing came later"


def test_another_order_of_serving_makes_no_work_younger() -> None:
    backlogs = Backlogs()
    for at in (10.0, 20.0):
        backlogs.oldest_at("a", Signal(3.0, at=at), at, in_order=True)
    assert backlogs.oldest_at("a", Signal(3.0, at=30.0), 30.0, in_order=False) == 10.0


@pytest.mark.parametrize(("told", "expected"), [(None, NOW), (format_time(NOW - 5400), NOW - 5400), ("soon", NOW)])
def test_a_deadline_outlives_a_restart(told: str | None, expected: float) -> None:
    here = stage()
    raw = here.view.get("InferenceDeployment", INFERENCE, "llama")
    assert raw is not None
    here.put({**raw, "status": {} if told is None else {"waitingSince": told}})
    assert workload(here, NOW).batch == Batch(7200, 12.5, expected)


def test_a_reading_that_is_not_to_be_believed_changes_nothing() -> None:
    backlogs = Backlogs()
    assert backlogs.oldest_at("a", Signal(3.0, "Stale", at=10.0), 30.0, in_order=True) == 30.0
    assert backlogs.oldest_at("a", Signal(3.0, at=99.0), 30.0, in_order=True) == 30.0
    backlogs.oldest_at("a", Signal(3.0, at=30.0), 30.0, in_order=True)
    assert backlogs.oldest_at("a", Signal(0.0, "Frozen", at=40.0), 50.0, in_order=True) == 30.0
