"""The sentences that say what binds, where their numbers could mislead."""

import pytest

from builders import NOW, demand, inference, miner, site
from wattswitch.planner import plan
from wattswitch.planner.explain import explain
from wattswitch.planner.model import GpuGroup, SiteState, Workload

HOPPER = (GpuGroup("hopper", 8),)


def told(*workloads: Workload, **budget: object) -> str:
    """What is said of the first workload."""
    state: SiteState = site(*workloads, **budget)
    decision = plan(state)
    target = next(target for target in decision.targets if target.key == workloads[0].key)
    return explain(target, workloads[0], decision, state)


def test_what_fits_is_counted_against_what_is_wanted() -> None:
    assert told(miner(), event_limits_watts=(10_500,)) == "3 of 10 wanted replicas fit into the limit of 10500 W"
    service = inference(gpus_per_replica=3, gpu_group="hopper")
    assert told(service, gpu_groups=HOPPER) == "2 of 8 wanted replicas fit into GPU group 'hopper'"


@pytest.mark.parametrize("fields", [{"held": "Paused"}, {"raised_at": NOW, "min_run_seconds": 600}])
def test_what_the_limit_leaves_of_more_than_is_wanted_is_not_counted_against_it(fields: dict[str, object]) -> None:
    kept = miner(spec_replicas=8, **fields)
    assert told(kept, price=500.0, event_limits_watts=(17_500,)) == "the limit of 17500 W carries 5 replicas"
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


def test_a_deleted_workload_is_told_with_what_it_is_left_with() -> None:
    assert told(miner(max_replicas=3, leaving=True)) == "its workload object was deleted: it is left with 3 replicas"
