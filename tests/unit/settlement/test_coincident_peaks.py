"""Peaks of the grid as data, and what the site drew in them."""

from dataclasses import replace
from datetime import UTC, datetime, time

import pytest

from wattswitch.settlement.coincident_peaks import (
    FOUR_CP,
    TWELVE_CP,
    ClockWindow,
    NoPeak,
    Peak,
    PeakRule,
    SystemLoad,
    WindowDemand,
    peak,
    window_demand,
)
from wattswitch.settlement.intervals import Load

QUARTER, HALF = 900, 1800


def utc(month: int, day: int, hour: int, minute: int = 0) -> int:
    return int(datetime(2024, month, day, hour, minute, tzinfo=UTC).timestamp())


def test_the_peak_counts_whenever_it_comes():
    # Sunday 30 June 2024, 18:00 in Texas (23:00 UTC): after the hours in which one was expected.
    system = SystemLoad(QUARTER, {utc(6, 28, 21): 80.0, utc(6, 30, 23): 82.0, utc(6, 30, 23, 15): 81.0})
    site = Load(QUARTER, {utc(6, 30, 23): 350.0, utc(6, 28, 21): 6.0})
    assert peak(FOUR_CP, system, site, 2024, 6) == Peak("4CP", utc(6, 30, 23), QUARTER, 82.0, 350.0, complete=False)
    assert not FOUR_CP.expects(utc(6, 30, 23))


def test_a_month_is_that_of_the_grid():
    # 04:45 UTC on 1 July is 23:45 on 30 June in Texas, and 05:00 UTC is the first quarter of July.
    system = SystemLoad(QUARTER, {utc(7, 1, 4, 45): 90.0, utc(7, 1, 5): 70.0})
    june, july = (peak(FOUR_CP, system, Load(QUARTER, {}), 2024, month) for month in (6, 7))
    assert isinstance(june, Peak)
    assert isinstance(july, Peak)
    assert (june.start, july.start) == (utc(7, 1, 4, 45), utc(7, 1, 5))
    assert june.site_kw is None


def test_the_earliest_of_equal_peaks_and_a_whole_month():
    flat = dict.fromkeys(range(utc(6, 1, 5), utc(7, 1, 5), QUARTER), 50.0)
    found = peak(FOUR_CP, SystemLoad(QUARTER, flat), Load(QUARTER, {}), 2024, 6)
    assert found == Peak("4CP", utc(6, 1, 5), QUARTER, 50.0, None, complete=True)


def test_half_hours_are_means_of_whole_quarters():
    # 12CP: 60 and 70 are 65 over half an hour; the 90 beside an unknown quarter makes none. The site: (10 + 30) / 2.
    system = SystemLoad(QUARTER, {utc(1, 16, 13): 60.0, utc(1, 16, 13, 15): 70.0, utc(1, 16, 14): 90.0})
    site = Load(QUARTER, {utc(1, 16, 13): 10.0, utc(1, 16, 13, 15): 30.0})
    assert peak(TWELVE_CP, system, site, 2024, 1) == Peak("12CP", utc(1, 16, 13), HALF, 65.0, 20.0, complete=False)


@pytest.mark.parametrize(
    ("rule", "system", "month", "word"),
    [
        (FOUR_CP, SystemLoad(QUARTER, {utc(5, 1, 20): 1.0}), 5, "no peak in this month"),
        (FOUR_CP, SystemLoad(3600, {utc(6, 1, 20): 1.0}), 6, "cannot be made of 3600 s"),
        (FOUR_CP, SystemLoad(QUARTER, {utc(7, 9, 20): 1.0}), 6, "not known"),
    ],
)
def test_no_peak_says_why(rule, system, month, word):
    found = peak(rule, system, Load(QUARTER, {}), 2024, month)
    assert isinstance(found, NoPeak)
    assert word in found.reason


def test_hours_in_which_a_peak_is_expected_are_local():
    # 15:00 to 18:00 in a Texan summer are 20:00 to 23:00 UTC.
    expected = [hour for hour in range(24) if FOUR_CP.expects(utc(7, 10, hour))]
    assert expected == [20, 21, 22]
    assert not FOUR_CP.expects(utc(5, 10, 21))
    assert not replace(FOUR_CP, weekdays=frozenset(range(5))).expects(utc(7, 13, 21)), "a Saturday"
    windows = (ClockWindow(time(22), time(0)), ClockWindow(time(6), time(8)))
    ends = PeakRule("both ends", frozenset({7}), "UTC", QUARTER, windows)
    assert [hour for hour in range(24) if ends.expects(utc(7, 10, hour))] == [6, 7, 22, 23]


def test_demand_in_those_hours():
    site = Load(QUARTER, {utc(7, 10, 20): 40.0, utc(7, 11, 22, 45): 60.0, utc(7, 11, 23): 500.0})
    assert window_demand(FOUR_CP, site, 2024, 7) == WindowDemand("4CP", utc(7, 11, 22, 45), 60.0, 50.0)
    assert window_demand(FOUR_CP, site, 2024, 8) is None
    assert window_demand(FOUR_CP, site, 2024, 5) is None
