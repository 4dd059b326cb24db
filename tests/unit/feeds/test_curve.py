"""Curves as values: what holds when, and which points make none."""

import math
from typing import Any

import pytest

from unit.feeds.servers import NOON
from wattswitch.api.curve import CurveSource
from wattswitch.api.feed import Range
from wattswitch.feeds import Curve, Problem
from wattswitch.feeds.curve import MAX_POINTS, Point, curve_of
from wattswitch.feeds.reading import Refused

HOUR = 3600.0
BELIEVED = Range.model_validate({"min": "-1000", "max": "5000"})


def source(**fields: Any) -> CurveSource:
    return CurveSource.model_validate({"name": "day-ahead", "unit": "USDPerMWh", "fixed": {"value": "1"}} | fields)


def curve(*points: Point, **fields: Any) -> Curve:
    return curve_of(points, source(**fields), BELIEVED, NOON)


def problem(*points: Point, **fields: Any) -> Problem:
    with pytest.raises(Refused) as refused:
        curve(*points, **fields)
    return refused.value.problem


def test_each_price_holds_until_the_next_and_the_last_as_long_as_the_median_step() -> None:
    prices = curve((NOON, 40.0), (NOON + 900, 41.0), (NOON + 1800, 42.0))
    assert [prices.price_at(NOON + seconds) for seconds in (0, 899, 900, 1800, 2699)] == [40, 40, 41, 42, 42]
    assert (prices.price_at(NOON - 1), prices.price_at(NOON + 2700), prices.end) == (None, None, NOON + 2700)
    assert prices.until(NOON + 10) == NOON + 900


def test_one_price_alone_holds_for_an_hour() -> None:
    assert curve((NOON, 40.0)).end == NOON + HOUR


def test_no_price_holds_over_a_long_hole() -> None:
    """Yesterday and tomorrow are published, and today is not."""
    prices = curve(*((NOON + n * HOUR, 40.0) for n in (-3, -2, -1, 20, 21, 22)))
    assert prices.price_at(NOON - 1) == 40.0
    assert prices.price_at(NOON) is None
    assert prices.price_at(NOON + 20 * HOUR) == 40.0


def test_hours_and_quarters_may_be_mixed() -> None:
    """The day on which the market changes its step."""
    quarters = [(NOON + n * 900, 50.0 + n) for n in range(16)]
    prices = curve((NOON - 2 * HOUR, 40.0), (NOON - HOUR, 41.0), *quarters)
    assert prices.step_seconds == 900
    assert (prices.price_at(NOON - 10), prices.price_at(NOON - HOUR - 1)) == (41.0, 40.0)


def test_any_order_will_do_and_a_point_may_be_there_twice() -> None:
    assert curve((NOON + HOUR, 41.0), (NOON, 40.0), (NOON, 40.0)).starts == (NOON, NOON + HOUR)


def test_two_prices_for_one_moment_are_refused() -> None:
    assert problem((NOON, 40.0), (NOON, 41.0)) is Problem.SEVERAL_SAMPLES


def test_what_is_long_past_or_far_ahead_is_left_out() -> None:
    prices = curve((NOON - 25 * HOUR, 1e9), (NOON, 40.0), (NOON + 8 * 24 * HOUR, 1e9))
    assert prices.starts == (NOON,)


def test_nothing_around_now_is_no_curve() -> None:
    assert problem((NOON - 25 * HOUR, 40.0)) is Problem.EMPTY
    assert problem() is Problem.EMPTY


def test_too_many_points_are_refused() -> None:
    points = tuple((NOON + n, 40.0) for n in range(MAX_POINTS + 1))
    assert problem(*points) is Problem.TOO_LARGE
    assert len(curve(*points[1:]).starts) == MAX_POINTS


def test_scale_and_unit_apply_to_every_price() -> None:
    assert curve((NOON, 17.43), unit="PencePerKWh").prices == pytest.approx([174.3])
    assert curve((NOON, 41_000.0), scale="0.001").prices == pytest.approx([41.0])


def test_one_price_that_is_not_believed_spoils_the_curve() -> None:
    assert problem((NOON, 40.0), (NOON + HOUR, 41_000.0)) is Problem.OUT_OF_RANGE
    assert problem((NOON, 1.0), (NOON + HOUR, 1e308), scale="1000") is Problem.INFINITE


def test_a_part_begins_with_the_price_that_holds_there() -> None:
    prices = curve(*((NOON + n * HOUR, float(n)) for n in range(6)))
    part = prices.between(NOON + 1.5 * HOUR, NOON + 3 * HOUR)
    assert part is not None
    assert (part.prices, part.step_seconds) == ((1.0, 2.0, 3.0), HOUR)
    assert prices.between(NOON - 2 * HOUR, NOON - HOUR) is None
    whole = prices.between(NOON - HOUR, math.inf)
    assert whole == prices
