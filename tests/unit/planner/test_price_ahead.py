"""Until when a published price holds."""

import pytest

from builders import NOW
from wattswitch.planner.model import PriceCurve
from wattswitch.planner.price_ahead import curve_end, published_at

HOUR = 3600.0
START = NOW // HOUR * HOUR


def curve(*starts: float) -> PriceCurve:
    return PriceCurve(tuple(START + start for start in starts), tuple(float(n) for n in range(len(starts))))


def test_a_hole_in_the_published_curve_is_not_published() -> None:
    """Half a day, a day without, half a day."""
    holed = curve(*(HOUR * n for n in (*range(12), *range(36, 48))))
    assert published_at(holed, START + 11.4 * HOUR) == 11
    assert published_at(holed, START + 20 * HOUR) is None
    assert published_at(holed, START + 36 * HOUR) == 12
    assert curve_end(holed) == START + 48 * HOUR


@pytest.mark.parametrize(
    ("at", "price"), [(-1, None), (0, 0), (HOUR - 1, 0), (HOUR, 1), (2 * HOUR - 1, 1), (7200, None)]
)
def test_each_price_holds_until_the_next_and_the_last_for_one_step(at: float, price: float | None) -> None:
    assert published_at(curve(0, HOUR), START + at) == price


def test_an_hour_is_no_hole_among_changes_by_the_minute() -> None:
    """What follows the clock is published every hour and at each change between."""
    assert published_at(curve(*range(0, 3600, 60), 3600, 7200, 10_800), START + 3600 + 3599) == 60


def test_nothing_is_published_without_a_price() -> None:
    assert published_at(curve(), START) is None
    assert curve_end(curve()) == float("-inf")
