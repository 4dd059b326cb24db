"""What a demand is expected to be one start time ahead, and with which margin."""

import math
from collections.abc import Iterable
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wattswitch.planner.forecast import LEAST_CASES, MEMORY, SHARES, USUAL_SHARE, DemandModel, Expected

MINUTE = 60.0
HOUR = 3600.0
DAY = 86_400.0
WEEK = 7 * DAY


def learned(values: Iterable[float], step: float = MINUTE, lead: float = MINUTE, start: float = 0.0) -> DemandModel:
    model = DemandModel(lead)
    for number, value in enumerate(values):
        model = model.update(start + number * step, value)
    return model


def expected(model: DemandModel) -> Expected:
    known = model.ahead(model.newest_at)
    assert known is not None
    return known


def test_a_constant_demand_is_expected_once_enough_errors_are_known() -> None:
    """The first three say nothing: an error needs two, and what it is measured by was expected before the second."""
    assert learned([10.0] * (LEAST_CASES + 2)).ahead((LEAST_CASES + 1) * MINUTE) is None
    known = expected(learned([10.0] * (LEAST_CASES + 3)))
    assert known.mean == known.need == 10.0
    assert known.needs == tuple((share, 10.0) for share in SHARES if share * (LEAST_CASES + 1) >= 1)


@pytest.mark.parametrize(("readings", "more"), [(41, True), (42, False)])
def test_the_margin_is_the_error_that_one_in_twenty_passes(readings: int, more: bool) -> None:
    """Demand is 10 or a little more, but for two readings of 18 and 10.2.

    Three readings fewer are errors. With the one to come, which counts as the largest, 38 are too few for another one
    to be above the need, and 39 are enough: then the largest that was seen is not the answer any more.
    """
    values = [10.0 + 0.1 * (n % 2) for n in range(readings)]
    values[12], values[25] = 18.0, 10.2
    known = expected(learned(values))
    largest = max(need for _, need in known.needs)
    assert (known.need == largest) is more


def test_needs_fall_as_the_share_of_time_that_they_are_passed_rises() -> None:
    random = Random(5)
    needs = expected(learned([random.gauss(100, 10) for _ in range(600)])).needs
    assert [share for share, _ in needs] == list(SHARES)
    assert all(more >= less for (_, more), (_, less) in pairwise(needs))
    assert needs[0][1] > 115
    assert 95 < needs[-1][1] < 105


def test_a_restless_demand_is_given_more_room_than_a_calm_one() -> None:
    """The same errors are remembered: it is calm for four hours after having been restless, or the other way round."""
    random = Random(9)
    calm = [100 + random.gauss(0, 1) for _ in range(240)]
    restless = [100 + random.gauss(0, 10) for _ in range(240)]
    room = [max(expected(learned(v)).need - v[-1], 0.0) for v in ([*restless, *calm], [*calm, *restless])]
    assert room[0] < 6
    assert room[1] > 8


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


def saw_teeth(at: float) -> float:
    """A week that knows no time of day: what comes at noon on one day has nothing to do with the next."""
    return 50.0 + 40.0 * Random(int(at % WEEK // 1800)).random()


@pytest.mark.parametrize("step", [300.0, 600.0, 900.0])
def test_what_rises_every_week_at_this_time_is_expected_to_rise(step: float) -> None:
    """In the third week; in the first one nobody could know it."""
    model, missed = DemandModel(180.0), {0: 0.0, 2: 0.0}
    need = 0.0
    for number in range(int(3 * WEEK / step)):
        at = number * step
        value = saw_teeth(at)
        if at // WEEK in missed:
            missed[int(at // WEEK)] += max(0.0, value - need)
        model = model.update(at, value)
        known = model.ahead(at)
        need = value if known is None else max(value, known.mean)
    assert missed[2] < 0.35 * missed[0]


def test_a_week_that_never_comes_again_is_not_believed() -> None:
    """Weeks that have nothing in common are foreseen as well as one week is."""
    random, step = Random(4), 900.0
    values = [random.uniform(40, 60) for _ in range(int(3 * WEEK / step))]
    model = learned(values, step=step, lead=180.0)
    assert abs(expected(model).mean - values[-1]) < 20
    assert model._regression.weights()[2] < 0.3


def test_the_share_is_one_of_time_so_a_short_start_needs_a_smaller_margin() -> None:
    random = Random(7)
    values = [random.gauss(100, 10) for _ in range(400)]
    short, long = (expected(learned(values, step=600.0, lead=lead)) for lead in (180.0, 600.0))
    assert 0 < short.need - short.mean < long.need - long.mean


@pytest.mark.parametrize(("step", "lead"), [(60.0, 60.0), (60.0, 300.0), (600.0, 600.0), (47.0, 240.0)])
def test_demand_is_above_what_was_expected_as_long_as_was_said(step: float, lead: float) -> None:
    """Demand wanders and jumps; every minute it is compared with what was expected a start time before."""
    random, level, model = Random(11), 50.0, DemandModel(lead)
    readings: list[tuple[float, dict[float, float]]] = []
    for number in range(3000):
        level = max(0.0, 50 + 0.95 * (level - 50) + random.gauss(0, 4) + 30 * (random.random() < 0.01))
        model = model.update(number * step, level)
        known = model.ahead(number * step)
        readings.append((level, dict(known.needs) if known else {}))
    for share in (0.02, USUAL_SHARE, 0.2):
        above = total = 0
        for seconds in range(int(600 * step), int(2900 * step), int(step)):
            need = readings[int((seconds - lead) // step)][1][share]
            above, total = above + (readings[int(seconds // step)][0] > need), total + 1
        assert above / total < 1.15 * share + 0.01


@pytest.mark.parametrize("share", [0.02, 0.05, 0.1])
def test_where_readings_are_rare_the_share_is_that_of_late_starts(share: float) -> None:
    """A start of three minutes is late for three of fifteen: a share of 0.1 is every second reading."""
    random, model = Random(13), DemandModel(180.0)
    late, need = 0, math.inf
    for number in range(2200):
        value = random.gauss(100, 10)
        late += number >= 200 and value > need
        model = model.update(number * 900.0, value)
        known = model.ahead(number * 900.0)
        need = dict(known.needs).get(share, math.inf) if known else math.inf
    assert late / 2000 * 180 / 900 == pytest.approx(share, rel=0.2)


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
        for (_, less), (_, most) in zip(lower.needs, higher.needs, strict=True):
            assert most >= less - 1e-9


@given(st.floats(0.001, 1000))
def test_the_unit_of_the_demand_does_not_matter(unit: float) -> None:
    random = Random(3)
    values = [random.random() * 10 for _ in range(50)]
    one, other = expected(learned(values)), expected(learned([value * unit for value in values]))
    assert other.mean == pytest.approx(one.mean * unit, rel=1e-6)
    assert other.need == pytest.approx(one.need * unit, rel=1e-6)


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
    """What was expected in the last three minutes stays expected until a start that was made then is over."""
    model = learned([50.0] * 60, lead=3 * MINUTE)
    dip = model.update(60 * MINUTE, 10.0)
    assert expected(dip).mean == 50.0
    later = dip.ahead(62 * MINUTE)
    assert later is not None
    assert later.mean < 50.0


def test_after_a_long_silence_nothing_is_expected_and_nothing_is_learned_across_it() -> None:
    model = learned([10.0] * 60)
    assert model.ahead(model.newest_at + HOUR) is not None
    assert model.ahead(model.newest_at + HOUR + 1) is None
    after = expected(model.update(model.newest_at + 3 * HOUR, 500.0))
    assert (after.mean, after.need) == (500.0, 500.0)


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
