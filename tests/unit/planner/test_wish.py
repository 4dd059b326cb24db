"""How many replicas a demand asks for."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from builders import demand, inference, only, site
from wattswitch.planner import plan
from wattswitch.planner.explain import explain
from wattswitch.planner.model import Workload
from wattswitch.planner.need import replicas_for

per_replicas = st.builds(
    lambda digits, places: Decimal(digits).scaleb(-places), st.integers(1, 99_999), st.integers(0, 6)
)


def service(per_replica: float) -> Workload:
    return inference(max_replicas=100_000, demand=demand(0.0, per_replica))


@given(st.integers(0, 99_999), per_replicas)
@example(7, Decimal("0.02"))
@example(3, Decimal("0.1"))
def test_an_exact_multiple_asks_for_exactly_so_many(replicas: int, per_replica: Decimal) -> None:
    assert replicas_for(service(float(per_replica)), float(replicas * per_replica)) == replicas


@given(st.integers(0, 99_998), per_replicas, st.sampled_from((Decimal("0.000001"), Decimal("0.5"), Decimal(1))))
def test_a_part_of_a_replica_more_asks_for_one_more(replicas: int, per_replica: Decimal, part: Decimal) -> None:
    assert replicas_for(service(float(per_replica)), float((replicas + part) * per_replica)) == replicas + 1


@given(st.floats(-10, 10_000), st.floats(0, 1), per_replicas)
def test_more_demand_never_asks_for_fewer(less: float, more: float, per_replica: Decimal) -> None:
    w = service(float(per_replica))
    assert 0 <= replicas_for(w, less) <= replicas_for(w, less + more) <= w.max_replicas


@pytest.mark.parametrize(("waiting", "replicas"), [(0.14, 7), (0.1400001, 8), (0.0, 0), (-1e308, 0)])
def test_the_demand_is_met_and_no_more(waiting: float, replicas: int) -> None:
    assert only(site(inference(demand=demand(waiting, 0.02), max_replicas=20))).replicas == replicas


@pytest.mark.parametrize(
    ("now", "expected", "replicas"),
    [
        (10.0, 25.0, 4),  # what is expected is more than what is there
        (25.0, 10.0, 4),  # what is there is never forgotten for less that is expected
        (10.0, None, 2),
        (10.0, 1e9, 8),  # never above the maximum
        (0.0, 0.5, 1),
    ],
)
def test_the_larger_of_the_demand_of_now_and_of_one_start_ahead_counts(
    now: float, expected: float | None, replicas: int
) -> None:
    foreseen = replace(demand(now, 8.0), forecast=expected)
    assert only(site(inference(demand=foreseen))).wanted_replicas == replicas


def test_nothing_is_expected_of_a_demand_that_is_stale() -> None:
    foreseen = replace(demand(10.0, 8.0, problem="Stale"), forecast=60.0)
    assert only(site(inference(demand=foreseen, spec_replicas=5))).wanted_replicas == 2


def test_what_is_expected_is_told() -> None:
    foreseen = replace(demand(10.0, 8.0), forecast=25.0)
    state = site(inference(demand=foreseen, start_seconds=180))
    sentence = explain(only(state), state.workloads[0], plan(state), state)
    assert sentence == "4 replicas serve the demand that is expected 180 s ahead"
