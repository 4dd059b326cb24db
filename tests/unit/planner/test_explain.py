"""The sentences that say what binds, where their numbers could mislead."""

import pytest

from builders import NOW, demand, inference, miner, site
from wattswitch.planner import plan
from wattswitch.planner.explain import explain, money, power
from wattswitch.planner.model import GpuGroup, SiteState, Workload

HOPPER = (GpuGroup("hopper", 8),)


def told(*workloads: Workload, **budget: object) -> str:
    """What is said of the first workload."""
    state: SiteState = site(*workloads, **budget)
    decision = plan(state)
    target = next(target for target in decision.targets if target.key == workloads[0].key)
    return explain(target, workloads[0], decision, state)


def test_what_fits_is_counted_against_what_is_wanted() -> None:
    assert told(miner(), event_limits_watts=(10_500,)) == "3 of 10 wanted replicas fit into the limit of 10.5 kW"
    service = inference(gpus_per_replica=3, gpu_group="hopper")
    assert told(service, gpu_groups=HOPPER) == "2 of 8 wanted replicas fit into GPU group 'hopper'"


@pytest.mark.parametrize("fields", [{"held": "Paused"}, {"raised_at": NOW, "min_run_seconds": 600}])
def test_what_the_limit_leaves_of_more_than_is_wanted_is_not_counted_against_it(fields: dict[str, object]) -> None:
    kept = miner(spec_replicas=8, **fields)
    assert told(kept, price=500.0, event_limits_watts=(17_500,)) == "the limit of 17.5 kW carries 5 replicas"
    on_gpus = inference(spec_replicas=8, gpus_per_replica=3, gpu_group="hopper", **fields)
    assert told(on_gpus, price=5_000.0, gpu_groups=HOPPER) == "GPU group 'hopper' carries 2 replicas"


def test_an_unmet_floor_names_what_is_too_small() -> None:
    floor = inference(floor_replicas=4)
    assert told(floor, cap_watts=4_000) == "the limit of 4000 W carries 2 of the floor of 4 replicas"
    on_gpus = inference(floor_replicas=4, gpus_per_replica=3, gpu_group="hopper")
    assert told(on_gpus, gpu_groups=HOPPER) == "GPU group 'hopper' carries 2 of the floor of 4 replicas"


def test_a_floor_above_the_demand_is_told_as_the_floor() -> None:
    above = "the floor of 2 replicas is more than the demand needs"
    assert told(inference(floor_replicas=2, demand=demand(0.0))) == above
    assert told(inference(floor_replicas=2, demand=demand(1.0))) == above
    assert told(inference(floor_replicas=2, demand=demand(2.0))) == "2 replicas serve the demand"


@pytest.mark.parametrize(
    ("watts", "told"),
    [
        (0, "0 W"),
        (9_999, "9999 W"),
        (10_000, "10.0 kW"),
        (391_349, "391.3 kW"),
        (-20_000, "-20.0 kW"),
        (25_000_000, "25.00 MW"),
    ],
)
def test_watts_are_told_in_the_unit_of_their_size(watts: int, told: str) -> None:
    assert power(watts) == told


def test_money_is_told_with_its_currency_where_that_is_known() -> None:
    state = site(miner(), price=40.0)
    decision = plan(state)
    sentence = explain(decision.targets[0], state.workloads[0], decision, state, "EUR")
    assert sentence == "all 10 replicas pay: the price is below 91.00 EUR/MWh"
    assert (money(None, "MWh", "EUR"), money(20.0, "MW")) == ("unknown", "20.00/MW")


def test_a_deleted_workload_is_told_with_what_it_is_left_with() -> None:
    assert told(miner(max_replicas=3, leaving=True)) == "its workload object was deleted: it is left with 3 replicas"


def test_a_limit_of_the_grid_is_named() -> None:
    found = told(miner(spec_replicas=10), event_limits_watts=(7_000,), limited_by="CurtailmentEvent ers-1")
    assert found == "2 of 10 wanted replicas fit into the limit of 7000 W, set by CurtailmentEvent ers-1"
