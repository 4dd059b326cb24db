"""From raw objects to a state: no field that matters is lost on the way, and no pod is."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from unit.engine.site_objects import (
    HOUR_OF_NOW,
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
from wattswitch.engine.books import SETTLE_SECONDS, Pods
from wattswitch.engine.observe import committed_watts
from wattswitch.feeds import CurveReading
from wattswitch.planner import plan
from wattswitch.planner.model import (
    Draw,
    GpuGroup,
    Kind,
    Mode,
    OnStale,
    PriceCurve,
    PriceOutlook,
    Signal,
    SiteState,
    Surge,
    Workload,
    WorthUnit,
)

POOL, SERVICE = "MiningPool/mining/s21", "InferenceDeployment/inference/llama"


def workload(state: SiteState, key: str = POOL) -> Workload:
    return next(each for each in state.workloads if each.key == key)


def draw(state: SiteState) -> Draw:
    (only,) = state.draws
    return only


# ---- every field arrives -------------------------------------------------------------------------------------------


def test_a_pool_as_the_planner_sees_it() -> None:
    state = Stage(pool_raw(), target_raw(replicas=4, alive=3, terminating=1)).state()
    w = workload(state)
    assert (w.kind, w.max_replicas, w.floor_replicas, w.priority) == (Kind.MINING, 10, 0, 0)
    assert (w.it_watts_per_replica, w.gpus_per_replica, w.gpu_group) == (3500, 0, "")
    assert (w.spec_replicas, w.ready_replicas, w.booked_pods, w.settled) == (4, 3, 5, False)
    assert (w.min_run_seconds, w.min_off_seconds, w.raised_at, w.lowered_at) == (600, 600, None, None)
    assert (w.held, w.blocked, w.demand) == ("", "", None)
    assert (w.start_seconds, w.drain_seconds, w.cost_per_start) == (120, 0, 0.0)
    assert (w.worth.signal, w.worth.unit) == (Signal(91.0), WorthUnit.PER_MWH)


def test_a_service_as_the_planner_sees_it() -> None:
    service = service_raw(demand={"feed": "queue", "perReplica": "2.5"})
    w = workload(Stage(service, target_raw("llama", INFERENCE, replicas=2, gpus=1)).state(), SERVICE)
    assert (w.kind, w.floor_replicas, w.max_replicas, w.priority) == (Kind.INFERENCE, 2, 8, 100)
    assert (w.gpus_per_replica, w.gpu_group, w.it_watts_per_replica) == (1, "hopper", 1275)
    assert (w.start_seconds, w.drain_seconds, w.cost_per_start) == (180, 60, 0.0)
    assert (w.worth.unit, w.worth.signal.value) == (WorthUnit.PER_REPLICA_HOUR, 2.35)
    assert w.demand is not None
    assert (w.demand.signal.value, w.demand.per_replica) == (5.0, 2.5)


Pick = Callable[[Workload], Any]

POOL_FIELDS: list[tuple[dict[str, Any], Pick, Any]] = [
    ({"replicas": {"min": 3, "max": 10}}, lambda w: w.floor_replicas, 3),
    ({"replicas": {"min": 0, "max": 40}}, lambda w: w.max_replicas, 40),
    ({"hardware": "plain"}, lambda w: w.it_watts_per_replica, 1000),
    ({"devicesPerReplica": 2}, lambda w: w.it_watts_per_replica, 7000),
    ({"wattsPerReplica": 3600}, lambda w: w.it_watts_per_replica, 3600),
    ({"priority": 7}, lambda w: w.priority, 7),
    ({"worth": {"perMWh": "88.5"}}, lambda w: w.worth.signal.value, 88.5),
    ({"worth": {"feed": "hashprice"}}, lambda w: w.worth.unit, WorthUnit.HASHPRICE),
    ({"worth": {"feed": "hashprice"}}, lambda w: w.worth.joules_per_terahash, 17.5),
    ({"worth": {"feed": "hashprice", "poolFeePercent": "1.5"}}, lambda w: w.worth.pool_fee_percent, 1.5),
    ({"worth": {"feed": "per-mwh"}}, lambda w: (w.worth.unit, w.worth.signal.value), (WorthUnit.PER_MWH, 90.0)),
    ({"worth": {"feed": "gpu-hour"}}, lambda w: w.worth.unit, WorthUnit.PER_GPU_HOUR),
    ({"worth": {"feed": "replica-hour"}}, lambda w: w.worth.unit, WorthUnit.PER_REPLICA_HOUR),
    ({"worth": {"feed": "nobody"}}, lambda w: w.worth.signal, Signal(None, "FeedUnknown")),
    ({"worth": {"feed": "queue"}}, lambda w: w.worth.signal, Signal(None, "FeedUnknown")),
    ({"switching": {"minRunSeconds": 11}}, lambda w: w.min_run_seconds, 11),
    ({"switching": {"minOffSeconds": 12}}, lambda w: w.min_off_seconds, 12),
    ({"switching": {"startSeconds": 13}}, lambda w: w.start_seconds, 13),
    ({"switching": {"costPerStart": "0.25"}}, lambda w: w.cost_per_start, 0.25),
]


@pytest.mark.parametrize(("spec", "pick", "expected"), POOL_FIELDS)
def test_a_field_of_a_pool(spec: dict[str, Any], pick: Pick, expected: Any) -> None:
    before = pick(workload(Stage(pool_raw(), target_raw(replicas=4)).state()))
    after = pick(workload(Stage(pool_raw(**spec), target_raw(replicas=4)).state()))
    assert (after, before != expected) == (expected, True)


@pytest.mark.parametrize("feed", ["nobody", "hashprice"])
def test_demand_needs_a_feed_that_counts(feed: str) -> None:
    service = service_raw(demand={"feed": feed, "perReplica": "2"})
    w = workload(Stage(service, target_raw("llama", INFERENCE, gpus=1)).state(), SERVICE)
    assert w.demand is not None
    assert w.demand.signal == Signal(None, "FeedUnknown")


BUDGET_FIELDS: list[tuple[dict[str, Any], str, Any]] = [
    ({"mode": "Advise"}, "mode", Mode.ADVISE),
    ({"capWatts": 5}, "cap_watts", 5),
    ({"reservePercent": 2}, "reserve_percent", 2),
    ({"overhead": {"fixedWatts": 600}}, "fixed_watts", 600),
    ({"overhead": {"pue": "1.0807"}}, "pue_1e4", 10807),
    ({"price": {"adderPerMWh": "-3.5", "sources": [source()]}}, "adder_per_mwh", -3.5),
    ({"rampUpWattsPerMinute": 7}, "ramp_up_watts_per_minute", 7),
    ({"rampDownWattsPerMinute": 8}, "ramp_down_watts_per_minute", 8),
    ({"gpuGroups": [{"name": "hopper", "gpus": 8}]}, "gpu_groups", (GpuGroup("hopper", 8),)),
    (
        {"price": {"onStale": "Assume", "assume": "60", "sources": [source()]}},
        "price",
        Signal(40.0, "", NOW, OnStale.ASSUME, 60.0),
    ),
]


@pytest.mark.parametrize(("spec", "name", "expected"), BUDGET_FIELDS)
def test_a_field_of_the_budget(spec: dict[str, Any], name: str, expected: Any) -> None:
    before, after = Stage().state().budget, Stage(**spec).state().budget
    assert (getattr(after, name), getattr(before, name) != expected) == (expected, True)


def test_the_budgets_name_time_gate_and_price() -> None:
    observation = Stage().look(now=NOW + 1, raise_gate="NotLeader")
    state = observation.state
    assert (state.now, state.budget.name, state.raise_gate) == (NOW + 1, "west", "NotLeader")
    assert state.budget.price == Signal(40.0, "", NOW)


def test_what_is_known_of_the_price_to_come() -> None:
    stage = Stage()
    outlook = stage.state().budget.outlook
    assert outlook is not None
    assert (outlook.curve, outlook.recent) == (PriceCurve(), ((NOW, 40.0),))
    assert outlook.lessons is not None
    assert outlook.lessons.samples == 1
    stage.feeds.published = hourly(40, 41)
    outlook = stage.state().budget.outlook
    assert outlook is not None
    assert outlook.curve == PriceCurve((HOUR_OF_NOW, HOUR_OF_NOW + 3600), (40, 41))


def test_an_unusable_curve_is_an_empty_one_and_a_price_that_lies_teaches_nothing() -> None:
    stage = Stage()
    stage.feeds.published = CurveReading(None, 0.0, "day-ahead", "Stale", "old")
    stage.feeds.readings["price"] = reading(4000.0, "OutOfRange")
    assert stage.state().budget.outlook == PriceOutlook()


def serving(**spec: Any) -> Workload:
    """A service that has seen an hour of steady demand, as the planner sees it."""
    service = service_raw(demand={"feed": "queue", "perReplica": "2.5"}, **spec)
    stage = Stage(service, target_raw("llama", INFERENCE, replicas=2, gpus=1))
    for minute in range(60):
        stage.feeds.readings["queue"] = reading(5.0, at=NOW + 60 * minute)
        state = stage.state(NOW + 60 * minute)
    return workload(state, SERVICE)


def test_demand_is_foreseen_one_start_time_ahead() -> None:
    demand = serving().demand
    assert demand is not None
    assert demand.forecast == pytest.approx(5.0)


def test_a_demand_that_fell_is_remembered_with_the_last_moment_at_which_it_stood() -> None:
    service = service_raw(demand={"feed": "queue", "perReplica": "2.5"})
    stage = Stage(service, target_raw("llama", INFERENCE, replicas=2, gpus=1))
    for minute, value in enumerate((9.0, 12.0, 12.0, 5.0, 5.0)):
        at = NOW + 60 * minute
        stage.feeds.readings["queue"] = reading(value, at=at)
        demand = workload(stage.state(at), SERVICE).demand
    assert demand is not None
    assert [value for _, value in demand.recent] == [12.0, 5.0]
    assert demand.recent[0][0] <= NOW + 180
    assert demand.recent[-1][0] == NOW + 240


@pytest.mark.parametrize("spec", [{"serviceClass": "Batch"}, {"switching": {"startSeconds": 0}}])
def test_work_that_may_wait_and_what_starts_at_once_need_no_foresight(spec: dict[str, Any]) -> None:
    demand = serving(**spec).demand
    assert demand is not None
    assert demand.forecast is None


def test_a_named_feed_is_read_for_the_workload() -> None:
    stage = Stage(pool_raw("pool", worth={"feed": "hashprice"}, targetRef=reference("s21")), target_raw())
    stage.state()
    assert stage.feeds.asked == [("hashprice", MINING, "pool")]


def reference(name: str) -> dict[str, str]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}


def test_a_stale_feed_arrives_with_its_problem_and_its_policy() -> None:
    feeds = [{"name": "hashprice", "onStale": "Shed", "sources": [source("38", "USDPerPHPerDay")]}]
    stage = Stage(pool_raw(worth={"feed": "hashprice"}), target_raw(), feeds=feeds)
    stage.feeds.readings["hashprice"] = reading(38.0, "Frozen", NOW - 5000)
    assert workload(stage.state()).worth.signal == Signal(38.0, "Frozen", NOW - 5000, OnStale.SHED)


TARGETS: list[tuple[dict[str, Any], Pick, Any]] = [
    ({"replicas": 7}, lambda w: (w.spec_replicas, w.booked_pods), (7, 7)),
    ({"strategy": {"type": "RollingUpdate"}}, lambda w: w.surge, Surge(0, 25)),
    ({"strategy": {"rollingUpdate": {"maxSurge": 3}}}, lambda w: (w.surge, w.booked_pods), (Surge(3, 0), 7)),
    ({"terminating": 2}, lambda w: w.booked_pods, 6),
    ({"alive": 9}, lambda w: (w.booked_pods, w.ready_replicas, w.settled), (9, 9, False)),
]


@pytest.mark.parametrize(("fields", "pick", "expected"), TARGETS)
def test_a_field_of_the_target(fields: dict[str, Any], pick: Pick, expected: Any) -> None:
    w = workload(Stage(pool_raw(), target_raw(**{"replicas": 4, **fields})).state())
    assert pick(w) == expected


# ---- problems and pauses -------------------------------------------------------------------------------------------


def test_a_paused_workload_is_held() -> None:
    raw = pool_raw()
    raw["metadata"]["annotations"] = {"wattswitch.io/paused": "true"}
    assert workload(Stage(raw, target_raw()).state()).held == "Paused"


def test_a_blocked_workload_says_why() -> None:
    assert workload(Stage(pool_raw(), target_raw(gpus=1)).state()).blocked == "GPUCountMismatch"


def test_a_claim_above_the_tenants_priority_counts_as_what_is_allowed() -> None:
    w = workload(Stage(pool_raw(priority=900), target_raw()).state())
    assert (w.priority, w.blocked) == (100, "PriorityNotAllowed")


def test_a_refused_workload_that_was_never_controlled_is_in_no_book() -> None:
    state = Stage(pool_raw(hardware="s99"), target_raw(replicas=4)).state()
    assert (state.workloads, state.draws) == ((), ())


def test_a_spec_that_became_unreadable_holds_the_workload_as_it_is() -> None:
    stage = Stage(pool_raw(), target_raw(replicas=4))
    stage.state()
    stage.put(pool_raw(replicas={"min": 0, "max": "ten"}))
    w = workload(stage.state())
    assert (w.held, w.max_replicas, w.spec_replicas, w.booked_pods) == ("InvalidSpec", 4, 4, 4)
    assert w.it_watts_per_replica == 3500


def test_a_spec_that_never_was_readable_is_not_controlled() -> None:
    assert Stage(pool_raw(replicas={"max": "ten"}), target_raw(replicas=4)).state().workloads == ()


# ---- nothing leaves the books before its pods ----------------------------------------------------------------------


def controlled(**spec: Any) -> Stage:
    """A stage whose pool runs four pods and is in the books."""
    stage = Stage(pool_raw(**spec), target_raw(replicas=4))
    stage.state()
    return stage


def test_in_a_namespace_that_is_admitted_no_more_only_the_limit_moves_a_target() -> None:
    """It claims nothing there: neither a priority nor a floor nor more watts."""
    stage = controlled()
    greedy = pool_raw(priority=100, replicas={"min": 2, "max": 9}, wattsPerReplica=9_000)
    stage.put(greedy | {"metadata": {**greedy["metadata"], "generation": 2}})
    stage.put(namespace_raw(MINING, site="east"))
    w = workload(stage.state())
    assert (w.held, w.spec_replicas, w.max_replicas, w.booked_pods) == ("NamespaceNotAdmitted", 4, 4, 4)
    assert (w.priority, w.floor_replicas, w.it_watts_per_replica) == (0, 0, 3500)


def test_hardware_that_was_removed_draws_on_with_its_last_watts() -> None:
    stage = controlled()
    stage.set_budget(hardware=[])
    w = workload(stage.state())
    assert (w.held, w.it_watts_per_replica, w.booked_pods) == ("HardwareUnknown", 3500, 4)


def test_a_target_that_never_was_admitted_is_neither_moved_nor_counted() -> None:
    stage = Stage(pool_raw(), target_raw(replicas=4))
    stage.put(namespace_raw(MINING, site="east"))
    state = stage.state()
    assert (state.workloads, state.draws, stage.site.books) == ((), (), {})


def test_watts_of_a_smaller_template_count_when_no_pod_of_the_larger_one_is_left() -> None:
    stage = Stage(service_raw(devicesPerReplica=8), target_raw("llama", INFERENCE, replicas=2, gpus=8))
    stage.state()
    stage.put(service_raw(devicesPerReplica=1))
    stage.put(target_raw("llama", INFERENCE, replicas=2, gpus=1, updated=1))
    w = workload(stage.state(), SERVICE)
    assert (w.it_watts_per_replica, w.gpus_per_replica) == (8 * 1275, 8)
    stage.put(target_raw("llama", INFERENCE, replicas=2, gpus=1, terminating=1))
    assert workload(stage.state(), SERVICE).it_watts_per_replica == 8 * 1275
    assert workload(stage.state(), SERVICE).it_watts_per_replica == 8 * 1275
    stage.put(target_raw("llama", INFERENCE, replicas=2, gpus=1))
    stage.state()
    w = workload(stage.state(), SERVICE)
    assert (w.it_watts_per_replica, w.gpus_per_replica) == (1275, 1)


def test_gpus_of_a_draw_count_in_their_group() -> None:
    stage = Stage(service_raw(), target_raw("llama", INFERENCE, replicas=2, gpus=1))
    stage.state()
    stage.drop(service_raw())
    found = draw(stage.state())
    assert (found.gpus_per_pod, found.gpu_group) == (1, "hopper")


def test_watts_follow_the_hardware() -> None:
    stage = controlled()
    stage.set_budget(hardware=[{"name": "s21", "watts": 3900, "stopSeconds": 5}])
    assert workload(stage.state()).it_watts_per_replica == 3900


def test_a_refused_workload_that_comes_back_is_controlled_again() -> None:
    stage = controlled()
    stage.put(namespace_raw(MINING, site="east"))
    stage.state()
    stage.put(namespace_raw(MINING, site="west"))
    state = stage.state()
    assert (len(state.workloads), state.draws) == (1, ())


# ---- deleted workloads ---------------------------------------------------------------------------------------------


def abandoned(on_delete: str, original: int = 6) -> Stage:
    """The target was scaled to 4 by us after it had `original` replicas, then its pool was deleted."""
    stage = Stage(pool_raw(onDelete=on_delete), target_raw(replicas=original))
    stage.state()
    book = stage.site.books["uid-of-s21"]
    book.send(4)
    stage.put(target_raw(replicas=4, terminating=original - 4))
    book.written(original, 4, stage.version, NOW)
    stage.state()
    stage.put(target_raw(replicas=4))
    stage.state()
    stage.drop(pool_raw())
    return stage


def test_keep_leaves_the_target_as_it_is_and_counts_it() -> None:
    state = abandoned("Keep").state()
    assert state.workloads == ()
    assert (draw(state).pods, draw(state).staying_pods) == (4, 4)


def test_stop_asks_for_no_replicas() -> None:
    observation = abandoned("Stop").look()
    (w,) = observation.state.workloads
    assert (w.key, w.max_replicas, w.floor_replicas, w.spec_replicas) == ("Deployment/mining/s21", 0, 0, 4)
    assert observation.books[w.key].name == "s21"


def test_restore_asks_for_the_size_before_us() -> None:
    (w,) = abandoned("Restore").state().workloads
    assert (w.max_replicas, w.floor_replicas, w.spec_replicas, w.leaving, w.held) == (6, 0, 4, True, "")


@pytest.mark.parametrize(("flag", "held"), [("standby", "NotLeader"), ("starting", "Starting")])
def test_on_standby_and_at_the_start_a_deleted_workloads_target_waits_too(flag: str, held: str) -> None:
    stage = abandoned("Stop")
    setattr(stage.site, flag, True)
    (w,) = stage.state().workloads
    assert (w.leaving, w.held) == (True, held)


def test_a_restored_target_is_not_moved_again() -> None:
    """Else nobody else could ever scale it."""
    stage = abandoned("Restore")
    stage.put(target_raw(replicas=6))
    state = stage.state()
    assert (state.workloads, draw(state).pods) == ((), 6)
    stage.put(target_raw(replicas=2, alive=6))
    state = stage.state()
    assert (state.workloads, draw(state).pods, draw(state).staying_pods) == ((), 6, 2)


def test_a_stopped_target_is_nobodys_when_its_pods_are_gone() -> None:
    stage = abandoned("Stop")
    stage.put(target_raw(replicas=0, terminating=4))
    state = stage.state()
    assert (state.workloads, draw(state).pods) == ((), 4)
    stage.put(target_raw(replicas=0))
    assert stage.state().draws == ()
    assert stage.site.books == {}


def test_a_workload_that_comes_back_takes_its_target_back() -> None:
    stage = abandoned("Stop")
    stage.state()
    stage.put(pool_raw("again", targetRef=reference("s21")))
    state = stage.state()
    assert [w.key for w in state.workloads] == ["MiningPool/mining/again"]
    assert state.draws == ()


# ---- deleted targets -----------------------------------------------------------------------------------------------


def listed(stage: Stage, alive: int, terminating: int = 0) -> Stage:
    stage.site.listed["uid-of-s21"] = Pods(alive, terminating)
    return stage


def test_a_deleted_target_draws_until_no_pod_is_listed() -> None:
    stage = controlled()
    stage.drop(target_raw())
    observation = stage.look()
    assert [book.uid for book in observation.unlisted] == ["uid-of-s21"]
    assert draw(observation.state) == Draw("Deployment/mining/s21", pods=4, staying_pods=4, it_watts_per_pod=3500)
    assert draw(listed(stage, 4).state()).pods == 4
    dying = draw(listed(stage, 0, 4).state())
    assert (dying.pods, dying.staying_pods) == (4, 0)
    assert listed(stage, 0).state(NOW + 1).draws == ()
    assert stage.site.books == {}


def test_a_list_from_before_the_deletion_says_nothing_of_what_was_left() -> None:
    """Pods came between the list and the deletion, on a server that tells no terminating pods."""
    stage = Stage(pool_raw(), target_raw(replicas=0, terminating=None))
    stage.state()
    listed(stage, 0).state()
    stage.put(target_raw(replicas=10, terminating=None))
    stage.state()
    stage.drop(target_raw())
    assert draw(stage.state()).pods == 10
    assert draw(listed(stage, 10).state()).pods == 10


def test_pods_of_a_target_under_another_name_with_the_same_labels_are_its_own() -> None:
    stage = controlled()
    stage.drop(target_raw())
    stage.put(target_raw("s21-new", replicas=4, selector={"matchLabels": {"app": "s21"}}))
    stage.state()
    listed(stage, 4).state()
    assert draw(listed(stage, 4).state()).staying_pods == 0
    assert stage.state(NOW + 10).draws == ()


def test_a_target_deleted_with_its_workload_is_not_moved() -> None:
    stage = controlled(onDelete="Stop")
    stage.drop(target_raw())
    stage.drop(pool_raw())
    state = stage.state()
    assert (state.workloads, draw(state).pods) == ((), 4)


def heir(**fields: Any) -> dict[str, Any]:
    return target_raw(uid="heir", **fields)


def test_an_heir_of_the_same_name_is_a_target_of_its_own() -> None:
    stage = controlled()
    stage.put(heir(replicas=0))
    observation = stage.look()
    assert (workload(observation.state).spec_replicas, workload(observation.state).booked_pods) == (0, 0)
    assert draw(observation.state).pods == 4
    assert [book.uid for book in observation.unlisted] == ["uid-of-s21"]


def test_pods_of_the_heir_are_not_counted_as_left_over() -> None:
    stage = controlled()
    stage.put(heir(replicas=3))
    stage.state()
    listed(stage, 3, 4).state()
    state = listed(stage, 3, 4).state()
    assert (workload(state).booked_pods, draw(state).pods, draw(state).staying_pods) == (3, 4, 0)
    assert listed(stage, 3, 0).state(NOW + 1).draws == ()


def test_a_list_from_before_the_heir_had_pods_hides_none_of_the_old_ones() -> None:
    """Four old pods were listed, then the heir's status said four: those are other pods."""
    stage = controlled()
    stage.put(heir(replicas=0))
    listed(stage, 4).state()
    stage.put(heir(replicas=4))
    assert draw(stage.state()).pods == 4
    assert draw(listed(stage, 4, 4).state()).pods == 8
    assert draw(listed(stage, 4, 4).state()).pods == 4


def test_an_heir_with_other_labels_takes_nothing_off_the_list() -> None:
    stage = controlled()
    stage.put(heir(replicas=4, selector={"matchLabels": {"app": "other"}}))
    listed(stage, 4).state()
    assert draw(listed(stage, 4).state()).pods == 4


def test_an_heir_with_more_labels_is_found_by_the_old_selector_too() -> None:
    stage = controlled()
    stage.put(heir(replicas=3, selector={"matchLabels": {"app": "s21", "generation": "2"}}))
    stage.state()
    listed(stage, 3, 4).state()
    assert draw(listed(stage, 3, 4).state()).pods == 4


# ---- lists and backlogs --------------------------------------------------------------------------------------------


def test_targets_whose_status_counts_no_dying_pods_want_a_list() -> None:
    stage = Stage(pool_raw(), target_raw(replicas=4, terminating=None))
    assert [book.uid for book in stage.look().unlisted] == ["uid-of-s21"]
    assert not workload(stage.state()).settled
    assert workload(listed(stage, 4).state()).settled


def test_a_settling_book_waits_for_what_other_targets_still_create() -> None:
    stage = Stage(pool_raw(), target_raw(replicas=0), pool_raw("big"), target_raw("big", replicas=100, alive=0))
    stage.state()
    book = stage.site.books["uid-of-s21"]
    book.send(10)
    book.written(0, 10, stage.version, NOW)
    book.send(0)
    book.written(10, 0, stage.version, NOW)
    stage.put(target_raw(replicas=0))
    stage.state()
    assert book.settles_at() == NOW + SETTLE_SECONDS + (100 + 10) / 10


# ---- the meter -----------------------------------------------------------------------------------------------------

METER = {"sources": [source("0", "Watts")], "deadbandWatts": 100}


def test_without_a_meter_there_is_no_correction() -> None:
    stage = Stage()
    stage.site.correction.watts = 700
    assert (stage.state().budget.meter, stage.state().budget.correction_watts) == (None, 0)


def test_a_fresh_meter_corrects_the_limit_against_the_books_of_its_own_time() -> None:
    stage = Stage(meter=METER)
    stage.site.correction.note(NOW - 10, 9_000)
    stage.site.correction.note(NOW - 1, 20_000)
    stage.feeds.readings["meter"] = reading(10_000.0, at=NOW - 5)
    budget = stage.state().budget
    assert (budget.correction_watts, budget.limit_watts) == (1_000, 99_000)


def test_a_stale_meter_changes_no_correction() -> None:
    stage = Stage(meter=METER)
    stage.site.correction.watts = 700
    stage.site.correction.note(NOW - 10, 0)
    stage.feeds.readings["meter"] = reading(10_000.0, "Stale", NOW - 5)
    budget = stage.state().budget
    assert (budget.correction_watts, budget.meter) == (700, Signal(10_000.0, "Stale", NOW - 5))


def test_the_order_of_objects_makes_no_difference() -> None:
    objects = [
        pool_raw("b"),
        target_raw("b"),
        pool_raw("a"),
        target_raw("a"),
        service_raw(),
        target_raw("llama", INFERENCE),
    ]
    forward, backward = Stage(*objects).state(), Stage(*reversed(objects)).state()
    assert forward == replace(backward, now=NOW)


def test_what_is_sent_is_in_the_books_before_its_pods_are() -> None:
    stage = Stage(pool_raw(), target_raw(replicas=4, alive=4))
    state = stage.state()
    (book,) = stage.site.books.values()
    assert committed_watts(stage.site, state.budget, NOW) == plan(state).committed_watts
    book.send(7)
    assert committed_watts(stage.site, state.budget, NOW) == state.budget.committed_watts(7 * book.watts)
    book.unsent()
    book.send(1)
    assert committed_watts(stage.site, state.budget, NOW) == state.budget.committed_watts(4 * book.watts)
