"""Every problem that a workload can have: what it is called, what it does to the workload, what it tells its owner."""

from typing import Any

import pytest

from unit.engine.site_objects import (
    INFERENCE,
    MINING,
    Stage,
    autoscaler_raw,
    namespace_raw,
    pool_raw,
    service_raw,
    target_raw,
)
from wattswitch.engine.roster import Effect, Entry, Problem
from wattswitch.planner.model import Kind, Reason

HEALTHY = (
    service_raw("fine"),
    target_raw("fine", INFERENCE, replicas=2, gpus=1, uid="fine-uid"),
)


def problem(*objects: dict[str, Any], name: str = "s21", **budget: Any) -> Problem:
    """The only problem of a workload; a healthy workload beside it has none."""
    stage = Stage(*HEALTHY, *objects, **budget)
    found = {entry.name: entry.problems for entry in stage.entries()}
    assert found["fine"] == []
    (only,) = found[name]
    return only


def test_a_workload_without_problems() -> None:
    entry = Stage(*HEALTHY).entry("fine")
    assert (entry.key, entry.kind, entry.priority) == ("InferenceDeployment/inference/fine", Kind.INFERENCE, 100)
    assert (entry.watts, entry.gpus, entry.paused) == (1275, 1, False)
    assert entry.facts is not None
    assert entry.facts.uid == "fine-uid"


def test_only_workloads_of_this_budget_in_a_stable_order() -> None:
    stage = Stage(*HEALTHY, pool_raw("b"), pool_raw("a"), pool_raw("c", budget="east"))
    assert [entry.name for entry in stage.entries()] == ["fine", "a", "b"]


def test_target_missing() -> None:
    found = problem(pool_raw())
    assert (found.reason, found.effect) == (Reason.TARGET_MISSING, Effect.REFUSED)
    assert found.message == "Deployment s21 does not exist in namespace mining: create it or correct spec.targetRef"


def test_a_target_of_another_kind_or_namespace_is_missing() -> None:
    elsewhere = target_raw("s21", INFERENCE)
    other_kind = target_raw("s21", kind="StatefulSet", podManagementPolicy="Parallel")
    assert problem(pool_raw(), elsewhere, other_kind).reason == Reason.TARGET_MISSING


def test_target_unsupported() -> None:
    reference = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "s21"}
    found = problem(pool_raw(targetRef=reference), target_raw(kind="StatefulSet"))
    assert (found.reason, found.effect) == (Reason.TARGET_UNSUPPORTED, Effect.REFUSED)
    assert "set podManagementPolicy: Parallel" in found.message


def test_a_parallel_stateful_set_is_as_good_as_a_deployment() -> None:
    reference = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "s21"}
    stage = Stage(pool_raw(targetRef=reference), target_raw(kind="StatefulSet", podManagementPolicy="Parallel"))
    assert stage.entry("s21").problems == []


def test_namespace_not_admitted() -> None:
    found = problem(pool_raw(), target_raw(), namespace_raw(MINING, site="east"))
    assert (found.reason, found.effect) == (Reason.NAMESPACE_NOT_ADMITTED, Effect.EXPELLED)
    assert "namespace mining matches no namespaceSelector" in found.message


def test_a_namespace_that_is_not_seen_is_not_admitted() -> None:
    stage = Stage(pool_raw(), target_raw())
    stage.drop(namespace_raw(MINING))
    assert [p.reason for p in stage.entry("s21").problems] == [Reason.NAMESPACE_NOT_ADMITTED]


def test_without_tenants_nobody_is_admitted() -> None:
    stage = Stage(*HEALTHY, tenants=[])
    assert [p.reason for p in stage.entry("fine").problems] == [Reason.NAMESPACE_NOT_ADMITTED]


def test_priority_not_allowed() -> None:
    stage = Stage(*HEALTHY, pool_raw(priority=101), target_raw())
    entry = stage.entry("s21")
    (found,) = entry.problems
    assert (found.reason, found.effect, entry.priority) == (Reason.PRIORITY_NOT_ALLOWED, Effect.BLOCKED, 100)
    assert found.message == "spec.priority 101 is above 100, the most that this namespace may claim"


def test_the_most_generous_tenant_decides_the_priority() -> None:
    tenants = [
        {"namespaceSelector": {}, "maxPriority": 5},
        {"namespaceSelector": {"matchLabels": {"site": "west"}}, "maxPriority": 500},
    ]
    stage = Stage(pool_raw(priority=500), target_raw(), tenants=tenants)
    assert stage.entry("s21").problems == []


def test_hardware_unknown() -> None:
    found = problem(pool_raw(hardware="s99"), target_raw())
    assert (found.reason, found.effect) == (Reason.HARDWARE_UNKNOWN, Effect.EXPELLED)
    assert found.message.startswith("spec.hardware 's99' is not listed in PowerBudget west (known: s21, plain, h100): ")


def test_a_hashprice_needs_the_machines_efficiency() -> None:
    found = problem(pool_raw(hardware="plain", worth={"feed": "hashprice"}), target_raw())
    assert (found.reason, found.effect) == (Reason.HARDWARE_UNKNOWN, Effect.BLOCKED)
    assert "joulesPerTerahash" in found.message


def test_a_fixed_worth_needs_no_efficiency() -> None:
    assert Stage(pool_raw(hardware="plain"), target_raw()).entry("s21").problems == []


@pytest.mark.parametrize(("declared", "asked"), [(1, 0), (1, 8), (2, 1)])
def test_gpu_count_mismatch(declared: int, asked: int) -> None:
    service = service_raw("llama", devicesPerReplica=declared)
    found = problem(service, target_raw("llama", INFERENCE, gpus=asked), name="llama")
    assert (found.reason, found.effect) == (Reason.GPU_COUNT_MISMATCH, Effect.BLOCKED)
    assert f"ask for {asked} nvidia.com/gpu, but {declared} × h100 have {declared}" in found.message


def test_pods_that_ask_for_more_gpus_than_declared_count_with_all_of_them() -> None:
    """Eight GPUs draw eight nameplates, whatever devicesPerReplica says."""
    entry = Stage(service_raw(), target_raw("llama", INFERENCE, gpus=8)).entry("llama")
    assert (entry.watts, entry.gpus) == (8 * 1275, 8)


def test_a_miner_that_asks_for_a_gpu_is_told() -> None:
    found = problem(pool_raw(), target_raw(gpus=1))
    assert found.reason == Reason.GPU_COUNT_MISMATCH


@pytest.mark.parametrize(
    ("feed", "what"),
    [
        ("nobody", "is not a feed of PowerBudget west (known: hashprice, queue, gpu-hour, replica-hour, per-mwh): "),
        (
            "queue",
            "is a feed in Count, but a hashprice or money per MWh is needed (known in PowerBudget west: hashprice, ",
        ),
        (
            "gpu-hour",
            "is a feed in USDPerGPUHour, but a hashprice or money per MWh is needed (known in PowerBudget west: ",
        ),
    ],
)
def test_worth_from_a_feed_that_can_not_say_it(feed: str, what: str) -> None:
    found = problem(pool_raw(worth={"feed": feed}), target_raw())
    assert (found.reason, found.effect) == (Reason.FEED_UNKNOWN, Effect.BLOCKED)
    assert found.message.startswith(f"spec.worth.feed {feed!r} {what}")


def test_a_service_is_not_paid_by_hashprice() -> None:
    service = service_raw(worth={"feed": "hashprice"})
    found = problem(service, target_raw("llama", INFERENCE, gpus=1), name="llama")
    assert "money per GPU hour, per replica hour or per MWh is needed" in found.message


def test_a_worth_per_gpu_hour_needs_gpus() -> None:
    service = service_raw(hardware="plain", worth={"feed": "gpu-hour"})
    found = problem(service, target_raw("llama", INFERENCE), name="llama")
    assert (found.reason, found.effect) == (Reason.HARDWARE_UNKNOWN, Effect.BLOCKED)
    assert "has no gpus" in found.message


def test_a_worth_per_mwh_needs_no_efficiency() -> None:
    stage = Stage(pool_raw(hardware="plain", worth={"feed": "per-mwh"}), target_raw())
    assert stage.entry("s21").problems == []


def test_a_message_lists_a_few_names_only() -> None:
    hardware = [{"name": f"machine-{number}", "watts": 1000} for number in range(64)]
    (found,) = Stage(pool_raw(hardware="s99"), target_raw(), hardware=hardware).entry("s21").problems
    assert "machine-9 and 54 more" in found.message


def test_demand_from_a_feed_that_counts_nothing() -> None:
    service = service_raw(demand={"feed": "per-mwh", "perReplica": "1"})
    found = problem(service, target_raw("llama", INFERENCE, gpus=1), name="llama")
    assert found.message == (
        "spec.demand.feed 'per-mwh' is a feed in USDPerMWh, but a Count is needed"
        " (known in PowerBudget west: queue): correct it or add one there"
    )


def test_watts_below_nameplate_have_no_effect_and_are_told() -> None:
    stage = Stage(*HEALTHY, pool_raw(wattsPerReplica=3000), target_raw())
    entry = stage.entry("s21")
    (found,) = entry.problems
    assert (found.reason, found.effect, entry.watts) == (Reason.INVALID_SPEC, Effect.NOTED, 3500)
    assert found.message == "spec.wattsPerReplica 3000 is below the nameplate: 3500 W is used"


def test_watts_above_nameplate_count() -> None:
    entry = Stage(pool_raw(wattsPerReplica=4000), target_raw()).entry("s21")
    assert (entry.watts, entry.problems) == (4000, [])


def test_nameplate_is_for_all_devices_of_a_replica() -> None:
    service = service_raw(devicesPerReplica=8, wattsPerReplica=10_000)
    entry = Stage(service, target_raw("llama", INFERENCE, gpus=8)).entry("llama")
    assert (entry.watts, [p.effect for p in entry.problems]) == (10_200, [Effect.NOTED])


@pytest.mark.parametrize("kind", ["HorizontalPodAutoscaler", "ScaledObject"])
def test_autoscaler_owned(kind: str) -> None:
    scaler = autoscaler_raw(kind, MINING, kind="Deployment", name="s21")
    found = problem(pool_raw(), target_raw(), scaler)
    assert (found.reason, found.effect) == (Reason.AUTOSCALER_OWNED, Effect.HELD)
    assert found.message.startswith(f"{kind} auto scales this target too: remove one of the two")


def test_a_scaled_object_means_a_deployment_where_it_names_no_kind() -> None:
    found = problem(pool_raw(), target_raw(), autoscaler_raw("ScaledObject", MINING, name="s21"))
    assert found.reason == Reason.AUTOSCALER_OWNED


def test_the_scaled_object_is_named_and_not_the_autoscaler_that_it_made() -> None:
    made = autoscaler_raw("HorizontalPodAutoscaler", MINING, kind="Deployment", name="s21")
    found = problem(pool_raw(), target_raw(), made, autoscaler_raw("ScaledObject", MINING, name="s21"))
    assert found.message.startswith("ScaledObject auto ")


@pytest.mark.parametrize(
    ("namespace", "reference"),
    [
        (INFERENCE, {"kind": "Deployment", "name": "s21"}),
        (MINING, {"kind": "StatefulSet", "name": "s21"}),
        (MINING, {"kind": "Deployment", "name": "s23"}),
    ],
)
def test_an_autoscaler_of_something_else_is_no_problem(namespace: str, reference: dict[str, str]) -> None:
    stage = Stage(pool_raw(), target_raw(), autoscaler_raw("HorizontalPodAutoscaler", namespace, **reference))
    assert stage.entry("s21").problems == []


def second_claim(**spec: Any) -> dict[str, Any]:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "s21"}
    return pool_raw("younger", created="2026-02-01T00:00:00Z", targetRef=reference, **spec)


def test_target_claimed() -> None:
    stage = Stage(pool_raw(), target_raw(), second_claim())
    assert stage.entry("s21").problems == []
    (found,) = stage.entry("younger").problems
    assert (found.reason, found.effect) == (Reason.TARGET_CLAIMED, Effect.REFUSED)
    assert found.message.startswith("MiningPool s21 of budget west scales this target already")


def test_of_two_claims_of_one_second_the_first_by_name_counts() -> None:
    claim = second_claim()
    claim["metadata"] |= {"creationTimestamp": pool_raw()["metadata"]["creationTimestamp"], "uid": "0"}
    stage = Stage(claim, pool_raw(), target_raw())
    assert stage.entry("s21").problems == []
    assert [problem.reason for problem in stage.entry("younger").problems] == [Reason.TARGET_CLAIMED]


def test_a_claim_counts_across_budgets() -> None:
    stage = Stage(pool_raw(budget="east"), target_raw(), second_claim())
    (found,) = stage.entry("younger").problems
    assert (found.reason, "budget east" in found.message) == (Reason.TARGET_CLAIMED, True)


def test_a_claim_ends_with_the_object_that_made_it() -> None:
    first = pool_raw()
    stage = Stage(first, target_raw(), second_claim())
    stage.drop(first)
    assert stage.entry("younger").problems == []


def test_two_claims_of_one_second_are_decided_all_the_same() -> None:
    younger = second_claim()
    younger["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    stage = Stage(pool_raw(), target_raw(), younger)
    assert sorted(len(entry.problems) for entry in stage.entries()) == [0, 1]


def test_a_spec_that_can_not_be_read() -> None:
    found = problem(pool_raw(replicas={"min": 0, "max": "ten"}), target_raw())
    assert (found.reason, found.effect) == (Reason.INVALID_SPEC, Effect.HELD)
    assert found.message.startswith("spec.replicas.max: must be a whole number")


def test_an_unknown_field_is_told_and_stops_nothing() -> None:
    found = problem(pool_raw(colour="red"), target_raw())
    assert (found.reason, found.effect) == (Reason.INVALID_SPEC, Effect.NOTED)
    assert found.message == "spec.colour: is not a known field: check its spelling, or remove it"


def test_a_status_that_can_not_be_read_is_no_problem_of_the_spec() -> None:
    raw = {**pool_raw(), "status": {"replicas": "many", "conditions": "none"}}
    assert Stage(raw, target_raw()).entry("s21").problems == []


def test_a_change_of_the_spec_is_read_again() -> None:
    stage = Stage(pool_raw(replicas={"min": 0, "max": 10}), target_raw())
    stage.entries()
    stage.put(pool_raw(replicas={"min": 0, "max": 20}))
    model = stage.entry("s21").model
    assert model is not None
    assert model.spec.replicas.max == 20


@pytest.mark.parametrize(
    ("value", "paused"), [("true", True), ("", True), ("no", True), ("false", False), ("False", False)]
)
def test_paused(value: str, paused: bool) -> None:
    raw = pool_raw()
    raw["metadata"]["annotations"] = {"wattswitch.io/paused": value}
    assert Stage(raw, target_raw()).entry("s21").paused is paused


def test_of_several_problems_the_hardest_is_told() -> None:
    entry = Entry("k", Kind.MINING, {}, ("", "", ""))
    soft = Problem(Reason.PRIORITY_NOT_ALLOWED, Effect.BLOCKED, "soft")
    hard = Problem(Reason.HARDWARE_UNKNOWN, Effect.REFUSED, "hard")
    entry.problems = [soft, hard]
    assert entry.problem(Effect.REFUSED, Effect.HELD, Effect.BLOCKED) is hard
    assert entry.problem(Effect.BLOCKED) is soft
    assert entry.problem(Effect.NOTED) is None
