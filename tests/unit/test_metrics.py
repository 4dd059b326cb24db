"""The series that a dashboard reads: complete, in step with the plan, and gone with what they were about."""

from dataclasses import replace

from builders import inference, miner, per_mwh, site, with_budget
from wattswitch.metrics import Metrics
from wattswitch.planner import plan
from wattswitch.planner.model import Signal, SiteState

S21 = {"budget": "west", "kind": "MiningPool", "namespace": "ns", "name": "s21"}


def shown(state: SiteState, metrics: Metrics | None = None) -> Metrics:
    metrics = metrics or Metrics()
    metrics.show(state, plan(state))
    return metrics


def value(metrics: Metrics, series: str, /, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"wattswitch_{series}", labels)


def test_the_site() -> None:
    state = site(miner(spec_replicas=4), fixed_watts=600, correction_watts=400, meter=Signal(15_000.0))
    metrics = shown(state)
    found = {
        name: value(metrics, name, budget="west")
        for name in ("limit_watts", "committed_watts", "planned_watts", "measured_watts", "correction_watts")
    }
    assert found == {
        "limit_watts": 99_600,
        "committed_watts": 14_600,
        "planned_watts": 35_600,
        "measured_watts": 15_000,
        "correction_watts": 400,
    }
    assert value(metrics, "price_per_mwh", budget="west") == 40.0


def test_a_workload() -> None:
    metrics = shown(site(miner(spec_replicas=4, booked_pods=6), cap_watts=28_000))
    found = [
        value(metrics, f"workload_{name}", **S21)
        for name in ("replicas", "goal_replicas", "wanted_replicas", "watts", "worth_per_mwh")
    ]
    assert found == [6, 8, 10, 21_000, 91.0]


def test_floors_that_are_not_carried() -> None:
    metrics = shown(site(miner(floor_replicas=10, spec_replicas=10), cap_watts=28_000))
    assert value(metrics, "unmet_floor_watts", budget="west") == 7_000


def test_a_workload_has_one_reason_at_a_time() -> None:
    state = site(miner(spec_replicas=10))
    metrics = shown(state)
    assert value(metrics, "workload_reason", **S21, reason="AtMaximum") == 1
    shown(with_budget(state, price=Signal(200.0)), metrics)
    assert value(metrics, "workload_reason", **S21, reason="AtMaximum") is None
    assert value(metrics, "workload_reason", **S21, reason="PriceAboveStrike") == 1


def test_a_number_that_is_not_known_any_more_is_not_shown() -> None:
    """A price that nobody knows is no price, least of all the last one."""
    state = site(miner(spec_replicas=4))
    metrics = shown(state)
    lost = replace(state.workloads[0], worth=per_mwh(0.0, problem="Stale"))
    lost = replace(lost, worth=replace(lost.worth, signal=Signal(None, "NoReading")))
    shown(replace(with_budget(state, price=Signal(None, "NoReading"), meter=None), workloads=(lost,)), metrics)
    assert value(metrics, "price_per_mwh", budget="west") is None
    assert value(metrics, "workload_worth_per_mwh", **S21) is None


def test_a_meter_that_was_removed_is_not_shown() -> None:
    state = site(meter=Signal(15_000.0))
    metrics = shown(state)
    shown(with_budget(state, meter=None), metrics)
    assert value(metrics, "measured_watts", budget="west") is None


def test_a_workload_that_is_gone_leaves_no_series() -> None:
    metrics = shown(site(miner(), inference()))
    shown(site(inference()), metrics)
    left = [s for family in metrics.registry.collect() for s in family.samples if s.labels.get("name") == "s21"]
    assert left == []
    assert value(metrics, "workload_replicas", **(S21 | {"kind": "InferenceDeployment", "name": "llama"})) is not None


def test_a_target_without_its_workload_is_shown_under_its_own_kind() -> None:
    metrics = shown(site(miner("Deployment/ns/s21", spec_replicas=2)))
    assert value(metrics, "workload_replicas", **(S21 | {"kind": "Deployment"})) == 10


def test_a_budget_that_is_gone_leaves_no_series() -> None:
    metrics = shown(site(miner(), meter=Signal(5.0)))
    metrics.over_limit.labels("west").inc(3)
    metrics.feed_age.labels("west", "price").set(3)
    metrics.feed_fresh.labels("west", "price").set(1)
    metrics.writes.labels("west", "up", "Applied").inc()
    metrics.failures.labels("west").inc()
    metrics.decision.labels("west").observe(0.01)
    shown(replace(site(miner("MiningPool/ns/s23")), budget=replace(site().budget, name="east")), metrics)
    metrics.forget("west")
    left = [s for family in metrics.registry.collect() for s in family.samples if s.labels.get("budget") == "west"]
    assert left == []
    assert value(metrics, "limit_watts", budget="east") == 100_000


def test_a_feed_that_is_no_more_leaves_no_series() -> None:
    metrics = Metrics()
    metrics.show_feeds("west", {"price": (3.0, True), "feed:queue": (4.0, False)})
    metrics.show_feeds("east", {"feed:queue": (5.0, True)})
    metrics.show_feeds("west", {"price": (None, False)})
    left = {(s.name, *s.labels.values(), s.value) for family in metrics.registry.collect() for s in family.samples}
    assert {each for each in left if each[0].startswith("wattswitch_feed")} == {
        ("wattswitch_feed_fresh", "west", "price", 0.0),
        ("wattswitch_feed_fresh", "east", "feed:queue", 1.0),
        ("wattswitch_feed_age_seconds", "east", "feed:queue", 5.0),
    }


def test_forgetting_what_was_never_shown_is_no_error() -> None:
    Metrics().forget("nobody")


def test_an_event_that_is_over_leaves_no_series() -> None:
    metrics = Metrics()
    metrics.show_grid("west", 8000, 35, {"call": True, "other": False})
    assert value(metrics, "event_target_met", budget="west", event="call") == 1
    assert value(metrics, "event_target_met", budget="west", event="other") == 0
    metrics.show_grid("west", None, 35, {})
    assert value(metrics, "event_target_met", budget="west", event="call") is None
    assert value(metrics, "grid_limit_watts", budget="west") is None
    assert value(metrics, "shed_seconds", budget="west") == 35
