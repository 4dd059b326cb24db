"""What a demand is expected to be one start time ahead, and with which margin."""

import math
from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wattswitch.planner.forecast import MEMORY, PROBABILITY, DemandModel, Expected

MINUTE = 60.0
HOUR = 3600.0
DAY = 86_400.0


def learned(values: Iterable[float], step: float = MINUTE, lead: float = MINUTE, start: float = 0.0) -> DemandModel:
    model = DemandModel(lead)
    for number, value in enumerate(values):
        model = model.update(start + number * step, value)
    return model


def expected(model: DemandModel) -> Expected:
    known = model.ahead(model.newest_at)
    assert known is not None
    return known


def test_a_constant_demand_is_expected_once_nineteen_errors_are_known() -> None:
    """The first reading says nothing of an error, nor does the second: nothing was expected of its minute."""
    assert learned([10.0] * 20).ahead(20 * MINUTE) is None
    assert learned([10.0] * 21).ahead(20 * MINUTE) == Expected(10.0, 0.0)


@pytest.mark.parametrize(("readings", "margin"), [(40, 8.0), (41, 3.0)])
def test_the_margin_is_the_error_that_one_in_twenty_passes(readings: int, margin: float) -> None:
    """A demand of 0 but for one reading of 8 and one of 3, so that the two largest errors are 8 and 3.

    Two readings fewer are errors. With the one to come, which counts as the largest, 39 are too few for two of them to
    be above the margin, and 40 are enough.
    """
    values = [0.0] * readings
    values[15], values[30] = 8.0, 3.0
    assert expected(learned(values)).margin == margin
    assert expected(learned(values)).need == expected(learned(values)).mean + margin


def test_a_steady_rise_is_followed_as_far_as_it_was_seen() -> None:
    """It rises by 3 in each start time: of that as much is believed as 200 cases against 20 of doubt say."""
    mean = expected(learned([float(n) for n in range(200)], lead=3 * MINUTE)).mean
    assert 199 + 3 * 190 / 210 - 0.1 < mean <= 202.0


def test_what_rises_every_day_at_this_time_is_expected_to_rise() -> None:
    def by_hour(at: float) -> float:
        return 100.0 if 8 <= at % DAY / HOUR < 20 else 20.0

    steps = [n * 600.0 for n in range(int(5 * DAY / 600 + 47))]
    model = learned((by_hour(at) for at in steps), step=600.0, lead=600.0)
    assert model.newest_at % DAY == 7 * HOUR + 40 * MINUTE
    assert by_hour(model.newest_at) == 20.0
    assert expected(model).mean > 25.0
    assert expected(model).need > expected(learned([20.0] * 767, step=600.0, lead=600.0)).need + 5


def test_the_share_is_one_of_time_so_a_short_start_needs_a_smaller_margin() -> None:
    random = Random(7)
    values = [random.gauss(100, 10) for _ in range(400)]
    short, long = (expected(learned(values, step=600.0, lead=lead)).margin for lead in (180.0, 600.0))
    assert 0 < short < long


@pytest.mark.parametrize(("step", "lead"), [(60.0, 60.0), (60.0, 300.0), (600.0, 600.0), (47.0, 240.0)])
def test_demand_is_within_what_was_expected_as_often_as_promised(step: float, lead: float) -> None:
    """Demand wanders and jumps; every minute it is compared with what was expected a start time before."""
    random, level, model = Random(11), 50.0, DemandModel(lead)
    readings: list[tuple[float, float, float | None]] = []
    for number in range(3000):
        level = max(0.0, 50 + 0.95 * (level - 50) + random.gauss(0, 4) + 30 * (random.random() < 0.01))
        model = model.update(number * step, level)
        known = model.ahead(number * step)
        readings.append((number * step, level, known.need if known else None))
    held = total = 0
    for seconds in range(int(500 * step), int(2900 * step), int(step)):
        need = readings[int((seconds - lead) // step)][2]
        assert need is not None
        held, total = held + (readings[int(seconds // step)][1] <= need), total + 1
    assert held / total > PROBABILITY - 0.015


@settings(max_examples=60)
@given(
    st.lists(st.floats(0, 1000), min_size=0, max_size=60),
    st.floats(0, 1000),
    st.floats(0, 1000),
    st.sampled_from((15.0, 60.0, 600.0)),
)
def test_a_higher_demand_now_never_expects_less(past: list[float], low: float, more: float, step: float) -> None:
    model = learned([*([5.0] * 25), *past], step=step, lead=180.0)
    at = model.newest_at + step
    lower, higher = model.update(at, low).ahead(at), model.update(at, low + more).ahead(at)
    assert (lower is None) == (higher is None)
    if lower and higher:
        assert higher.mean >= lower.mean - 1e-9
        assert higher.need >= lower.need - 1e-9


@given(st.floats(0.001, 1000))
def test_the_unit_of_the_demand_does_not_matter(unit: float) -> None:
    random = Random(3)
    values = [random.random() * 10 for _ in range(50)]
    one, other = expected(learned(values)), expected(learned([value * unit for value in values]))
    assert other.mean == pytest.approx(one.mean * unit, rel=1e-6)
    assert other.margin == pytest.approx(one.margin * unit, rel=1e-6)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1.0, 1e13])
def test_what_no_demand_can_be_changes_nothing(value: float) -> None:
    model = learned([10.0] * 30)
    assert model.update(model.newest_at + MINUTE, value) is model


@pytest.mark.parametrize("at", [0.0, 29 * MINUTE, math.nan, math.inf, -math.inf])
def test_what_is_no_news_changes_nothing(at: float) -> None:
    model = learned([10.0] * 30)
    assert model.newest_at == 29 * MINUTE
    assert model.update(at, 99.0) is model


def test_a_low_reading_does_not_call_back_what_is_on_its_way() -> None:
    """What was expected of the next three minutes stays expected until they are over."""
    model = learned([50.0] * 60, lead=3 * MINUTE)
    dip = model.update(60 * MINUTE, 10.0)
    assert expected(dip).mean == 50.0
    later = dip.ahead(63 * MINUTE)
    assert later is not None
    assert later.mean < 50.0


def test_after_a_long_silence_nothing_is_expected_and_nothing_is_learned_across_it() -> None:
    model = learned([10.0] * 60)
    assert model.ahead(model.newest_at + HOUR) is not None
    assert model.ahead(model.newest_at + HOUR + 1) is None
    assert expected(model.update(model.newest_at + 3 * HOUR, 500.0)) == Expected(500.0, 0.0)


def test_readings_between_those_that_are_learned_count_at_once() -> None:
    model = learned([10.0] * 60)
    assert expected(model.update(model.newest_at + 5, 17.0)).mean == pytest.approx(17.0)


def test_it_stays_as_large_as_it_is() -> None:
    model = learned((float(n % 7) for n in range(3 * MEMORY)), lead=HOUR)
    later = model
    for n in range(600):
        later = later.update(model.newest_at + (n + 1) * 30, float(n % 5))
    assert len(repr(later)) < 1.2 * len(repr(model)) < 80_000


def test_it_remembers_what_no_later_demand_reached_and_until_when() -> None:
    model = learned([5.0, 9.0, 7.0, 7.0, 3.0, 4.0])
    assert model.recent == ((120.0, 9.0), (240.0, 7.0), (300.0, 4.0))
    assert model.update(360.0, 8.0).recent == ((120.0, 9.0), (360.0, 8.0))
    assert model.update(13 * HOUR, 1.0).recent == ((13 * HOUR, 4.0), (13 * HOUR, 1.0))
    falling = learned([1000.0 - n for n in range(200)])
    assert len(falling.recent) == 64
    assert falling.recent[-1] == (199 * MINUTE, 801.0)
