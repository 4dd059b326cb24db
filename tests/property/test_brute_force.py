"""The share of one priority against every share that there is."""

from itertools import product

from hypothesis import given

from builders import goals
from property.strategies import small_groups
from wattswitch.planner import plan
from wattswitch.planner.model import SiteState, Workload


def margin(state: SiteState, w: Workload) -> float:
    """What one replica earns over the price, per hour and MW of its watts."""
    return ((w.worth.signal.value or 0.0) - (state.budget.price.value or 0.0)) * w.it_watts_per_replica


def value(state: SiteState, sizes: tuple[int, ...]) -> float:
    return sum(margin(state, w) * n for w, n in zip(state.workloads, sizes, strict=True))


def best_value(state: SiteState) -> float:
    every = product(*(range(w.max_replicas + 1) for w in state.workloads))
    fitting = (
        sizes
        for sizes in every
        if sum(w.it_watts_per_replica * n for w, n in zip(state.workloads, sizes, strict=True))
        <= state.budget.cap_watts
    )
    return max(value(state, sizes) for sizes in fitting)


def shared_value(state: SiteState) -> float:
    shared = goals(plan(state))
    return value(state, tuple(shared[w.key] for w in state.workloads))


@given(small_groups(equal_pods=False))
def test_the_share_is_within_one_pod_of_the_best(state: SiteState) -> None:
    dearest_pod = max(margin(state, w) for w in state.workloads)
    loss = best_value(state) - shared_value(state)
    assert 0 <= loss < dearest_pod or loss == 0


@given(small_groups(equal_pods=True))
def test_the_share_of_equal_pods_is_the_best(state: SiteState) -> None:
    assert shared_value(state) == best_value(state)
