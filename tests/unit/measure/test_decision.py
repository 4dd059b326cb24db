import itertools
import random
from collections.abc import Callable

import pytest

from measure import decision
from wattswitch.planner import plan


@pytest.fixture
def ticking() -> Callable[[], float]:
    """Give a clock that moves on by a second each time that it is read."""
    ticks = itertools.count()
    return lambda: float(next(ticks))


def test_states_are_of_the_size_and_differ() -> None:
    rng = random.Random(1)
    states = [decision.site_state(rng, 30) for _ in range(20)]
    assert {len(state.workloads) for state in states} == {30}
    assert len({state.budget for state in states}) > 10
    plans = [plan(state) for state in states]
    assert any(each.lowers for each in plans)
    assert any(each.raises for each in plans)
    assert len({target.reason for each in plans for target in each.targets}) > 8


def test_states_repeat_with_their_seed() -> None:
    assert decision.site_state(random.Random(5), 10) == decision.site_state(random.Random(5), 10)


def test_each_state_is_timed_once_for_each(ticking: Callable[[], float]) -> None:
    times = decision.timed(random.Random(1), 3, 5, ticking, lambda: 2 * ticking())
    assert times.look.values == (1.0,)
    assert times.plan.values == (3.0,)
    assert times.plan_cpu.values == (2.0,)


def test_growth_is_of_the_time_per_workload() -> None:
    figures = decision.growth({10: 1.0, 100: 10.0, 1000: 100.0, 10_000: 2000.0})
    assert [round(figure.value, 3) for figure in figures] == [1, 1, 2]
    assert [figure.met for figure in figures] == [None, None, False]


def test_one_size_has_no_growth() -> None:
    assert decision.growth({10: 1.0}) == []


def test_the_report_holds_the_figures_of_each_size() -> None:
    document = decision.measure([1, 2], 0, 1).document()
    names = [figure["name"] for figure in document["figures"]]
    assert names == [
        *("plan_1_p50", "plan_1_p99", "plan_1_worst", "plan_1_cpu_p99", "floor_1_p50"),
        *("plan_2_p50", "plan_2_p99", "plan_2_worst", "plan_2_cpu_p99", "floor_2_p50"),
        "growth_per_workload_1_to_2",
    ]
