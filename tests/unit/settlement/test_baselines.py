"""Every baseline over a week or two, worked by hand in its comment."""

from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from unit.settlement.histories import HOUR, at, history, jan, load, window
from wattswitch.settlement.baselines import (
    CURTAILED,
    EVENT_DAY,
    NO_DATA,
    Adjustment,
    Baseline,
    History,
    Left,
    NoBaseline,
    Window,
    centerpoint,
    centerpoint_savings_kw,
    firm_service_level,
    match_day,
    meter_before_after,
    same_day_3_2,
    x_of_y,
)
from wattswitch.settlement.calendars import Calendar
from wattswitch.settlement.intervals import Load

# Ten business days before Friday 19 January, each 10 kW above the one before; 10 kW more from 15:00 on.
LEVELS = {5: 100, 8: 110, 9: 120, 10: 130, 11: 140, 12: 150, 15: 160, 16: 170, 17: 180, 18: 190}
LATER = {(day, 15): level + 10.0 for day, level in LEVELS.items()}
EVENT = window(19, 14, 16)


def fortnight(**changed) -> Load:
    levels = {4: 90.0} | LEVELS | {6: 999.0, 7: 999.0, 13: 999.0, 14: 999.0, 19: 159.5}
    return load(levels, LATER | {(4, 15): 100.0}, **changed)


def test_ten_of_ten_is_the_mean_of_the_last_ten_business_days():
    # 14:00: (100 + 110 + … + 190) / 10 = 145; 15:00: 155. Saturdays and Sundays at 999 do not count.
    found = x_of_y(history(fortnight()), EVENT, 10, 10)
    assert found == Baseline("10 of 10", {at(19, 14): 145.0, at(19, 15): 155.0}, tuple(map(jan, sorted(LEVELS))))


def test_five_of_ten_high_is_the_mean_of_the_five_that_drew_most():
    # The five highest are 150, 160, 170, 180, 190: 170 at 14:00, 180 at 15:00.
    found = x_of_y(history(fortnight()), EVENT, 5, 10)
    assert isinstance(found, Baseline)
    assert found.kw == {at(19, 14): 170.0, at(19, 15): 180.0}
    assert found.days == tuple(map(jan, (12, 15, 16, 17, 18)))


def test_a_holiday_is_no_business_day():
    # Without the 15th at 160, with the 4th at 90: (1450 - 160 + 90) / 10 = 138.
    found = x_of_y(history(fortnight(), holidays=[jan(15)]), EVENT, 10, 10)
    assert isinstance(found, Baseline)
    assert found.kw[at(19, 14)] == pytest.approx(138.0)
    assert found.left_out == ()


def test_a_day_on_which_we_curtailed_is_left_out_and_told():
    # Without the 17th at 180, with the 4th at 90: (1450 - 180 + 90) / 10 = 136.
    found = x_of_y(history(fortnight(curtailed=[(17, 15)])), EVENT, 10, 10)
    assert isinstance(found, Baseline)
    assert found.kw[at(19, 14)] == pytest.approx(136.0)
    assert (found.left_out, found.curtailed_days) == ((Left(jan(17), CURTAILED),), 1)


def test_curtailing_at_another_hour_leaves_the_day_in():
    found = x_of_y(history(fortnight(curtailed=[(17, 13), (17, 16)])), EVENT, 10, 10)
    assert isinstance(found, Baseline)
    assert found.kw[at(19, 14)] == 145.0


def test_our_own_curtailment_never_sinks_a_baseline():
    held = [(day, hour) for day in (9, 11, 16) for hour in (14, 15)]
    whole = dict.fromkeys(range(1, 20), 100.0)
    sunk = load(whole, dict.fromkeys(held, 0.0), held)
    found = x_of_y(history(sunk), EVENT, 10, 10)
    assert isinstance(found, Baseline)
    assert found.kw[at(19, 14)] == 100.0
    assert found.curtailed_days == 3


def test_days_of_events_and_days_without_data_are_left_out():
    known = fortnight()
    known = replace(known, kw={start: kw for start, kw in known.kw.items() if start != at(16, 14)})
    found = x_of_y(history(known, events=(EVENT, window(17, 9, 10))), EVENT, 9, 9)
    assert isinstance(found, Baseline)
    assert found.left_out == (Left(jan(17), EVENT_DAY), Left(jan(16), NO_DATA))


def test_an_event_that_ends_at_midnight_is_none_of_the_next_day():
    found = x_of_y(history(fortnight(), events=(window(16, 20, 24),)), EVENT, 9, 9)
    assert isinstance(found, Baseline)
    assert found.left_out == (Left(jan(16), EVENT_DAY),)


def test_too_few_days_give_no_number_but_the_reason():
    # From the 9th to the 18th there are eight business days; two of them we curtailed, so four of ten are missing.
    known = fortnight(curtailed=[(10, 14), (11, 15)])
    known = replace(known, kw={start: kw for start, kw in known.kw.items() if start >= at(9, 0)})
    found = x_of_y(history(known, look_back_days=10), EVENT, 5, 10)
    assert found == NoBaseline(
        "5 of 10",
        "4 of 10 days are missing: 6 eligible days in the last 10; left out: 2 because we curtailed",
        4,
        (Left(jan(11), CURTAILED), Left(jan(10), CURTAILED)),
    )


@pytest.mark.parametrize(
    ("own", "kw", "ratio"),
    [
        (159.5, (159.5, 170.5), 1.1),  # 159.5 / 145 = 1.1, so 145 · 1.1 and 155 · 1.1
        (290.0, (174.0, 186.0), 1.2),  # twice as much, held at 1.2
        (72.5, (116.0, 124.0), 0.8),  # half as much, held at 0.8
    ],
)
def test_the_day_itself_adjusts_its_baseline_within_a_cap(own, kw, ratio):
    # The adjustment looks at 10:00 to 13:00; 13:00, the hour just before the event, is full of something else.
    hours = LATER | {(19, hour): own for hour in (10, 11, 12)} | {(19, 13): 5_000.0}
    found = x_of_y(history(load(LEVELS | {19: 0.0}, hours)), EVENT, 10, 10, Adjustment())
    assert isinstance(found, Baseline)
    assert found.ratio == pytest.approx(ratio)
    assert (found.kw[at(19, 14)], found.kw[at(19, 15)]) == (pytest.approx(kw[0]), pytest.approx(kw[1]))


def test_no_adjustment_by_hours_in_which_we_curtailed():
    known = fortnight(curtailed=[(19, 10), (19, 11), (19, 12)])
    found = x_of_y(history(known), EVENT, 10, 10, Adjustment())
    assert isinstance(found, NoBaseline)
    assert "same-day adjustment" in found.reason
    partly = x_of_y(history(fortnight(curtailed=[(19, 10)])), EVENT, 10, 10, Adjustment())
    assert isinstance(partly, Baseline)
    assert partly.ratio == pytest.approx(1.1)


def test_a_weekend_event_is_measured_by_weekends():
    known = load({6: 40.0, 7: 60.0, 8: 999.0, 12: 999.0, 13: 0.0})
    found = x_of_y(history(known), window(13, 14, 15), 2, 2)
    assert isinstance(found, Baseline)
    assert found.kw == {at(13, 14): 50.0}


def test_local_hours_count_across_a_change_of_the_clock():
    # Chicago goes to summer time on Sunday 10 March 2024. 14:00 there is 20:00 UTC on Friday and 19:00 UTC on Monday.
    zone = ZoneInfo("America/Chicago")
    kw = {at(8, 20, month=3): 70.0, at(8, 19, month=3): 10.0, at(11, 19, month=3): 1.0}
    found = x_of_y(History(Load(HOUR, kw), Calendar(zone)), Window(at(11, 19, month=3), at(11, 20, month=3)), 1, 1)
    assert isinstance(found, Baseline)
    assert found.kw == {at(11, 19, month=3): 70.0}
    assert found.days == (date(2024, 3, 8),)


def test_an_event_over_midnight_takes_the_night_of_other_days():
    known = load(dict.fromkeys((8, 9, 10, 11), 10.0), {(9, 23): 50.0, (10, 0): 70.0})
    found = x_of_y(history(known), window(10, 23, 25), 1, 1)
    assert isinstance(found, Baseline)
    assert found.kw == {at(10, 23): 50.0, at(11, 0): 70.0}


def test_a_baseline_is_told_before_and_after_the_event_too():
    found = x_of_y(history(fortnight()), replace(EVENT, lead_seconds=HOUR, tail_seconds=HOUR), 10, 10)
    assert isinstance(found, Baseline)
    assert found.kw == {at(19, 13): 145.0, at(19, 14): 145.0, at(19, 15): 155.0, at(19, 16): 145.0}


def test_an_event_within_one_interval_cannot_be_measured():
    short = Window(at(19, 14) + 60, at(19, 15))
    for found in (
        x_of_y(history(fortnight()), short, 10, 10),
        meter_before_after(history(fortnight()), short),
        match_day(history(fortnight()), short),
        firm_service_level(history(fortnight()), short, 50.0, 200.0),
    ):
        assert isinstance(found, NoBaseline)
        assert "shorter than one whole interval" in found.reason


@pytest.mark.parametrize(("x", "y"), [(0, 5), (6, 5)])
def test_x_is_at_most_y(x, y):
    with pytest.raises(ValueError, match="x must be"):
        x_of_y(history(fortnight()), EVENT, x, y)


def test_a_firm_service_level_asks_for_a_level():
    # Peak load contribution 500 kW, firm service level 120 kW: reductions count from 500, the load may be 120.
    found = firm_service_level(history(fortnight()), EVENT, 120.0, 500.0)
    assert isinstance(found, Baseline)
    assert (found.kw, found.level_kw) == ({at(19, 14): 500.0, at(19, 15): 500.0}, 120.0)
    assert isinstance(firm_service_level(history(fortnight()), EVENT, 501.0, 500.0), NoBaseline)


def test_meter_before_is_the_hour_before():
    known = load({19: 100.0}, {(19, 12): 180.0, (19, 13): 200.0, (19, 16): 220.0})
    found = meter_before_after(history(known), EVENT)
    assert isinstance(found, Baseline)
    assert found.kw == {at(19, 14): 200.0, at(19, 15): 200.0}


def test_meter_before_and_after_is_the_mean_of_both():
    # Two hours before, 180 and 200, and one after, 220: 600 / 3 = 200.
    known = load({19: 100.0}, {(19, 12): 180.0, (19, 13): 200.0, (19, 16): 220.0})
    found = meter_before_after(history(known), EVENT, before_seconds=2 * HOUR, after_seconds=HOUR)
    assert isinstance(found, Baseline)
    assert found.kw[at(19, 14)] == 200.0


def test_meter_before_may_skip_what_is_just_beside_the_event():
    # An hour apart from it: 12:00 and 17:00, (180 + 260) / 2 = 220.
    known = load({19: 100.0}, {(19, 12): 180.0, (19, 13): 0.0, (19, 16): 0.0, (19, 17): 260.0})
    found = meter_before_after(history(known), EVENT, after_seconds=HOUR, skip_seconds=HOUR)
    assert isinstance(found, Baseline)
    assert found.kw[at(19, 14)] == 220.0


def test_an_event_that_begins_within_an_interval_is_not_measured_by_itself():
    # It begins at 13:30: the hour that ends before it is that from 12:00 on.
    known = load({19: 100.0}, {(19, 12): 180.0, (19, 13): 40.0})
    found = meter_before_after(history(known), window(19, 13.5, 16))
    assert isinstance(found, Baseline)
    assert found.kw == {at(19, 14): 180.0, at(19, 15): 180.0}


def test_meter_before_leaves_out_the_approach_that_was_ours():
    known = load({19: 100.0}, {(19, 12): 180.0, (19, 13): 20.0}, [(19, 13)])
    found = meter_before_after(history(known), EVENT, before_seconds=2 * HOUR)
    assert isinstance(found, Baseline)
    assert (found.kw[at(19, 14)], found.left_out_intervals) == (180.0, 1)
    assert isinstance(meter_before_after(history(known), EVENT), NoBaseline), "its only hour was ours"


def test_same_day_three_and_two():
    # The event is from the hour ending 13 to that ending 17: hours ending 9, 10, 11 and 19, 20 count.
    # (100 + 110 + 120 + 150 + 170) / 5 = 130.
    hours = {(19, 8): 100.0, (19, 9): 110.0, (19, 10): 120.0, (19, 18): 150.0, (19, 19): 170.0}
    known = load({19: 9_999.0}, hours)
    found = same_day_3_2(history(known), window(19, 12, 17))
    assert isinstance(found, Baseline)
    assert found.kw == {at(19, hour): 130.0 for hour in range(12, 17)}


def test_same_day_needs_half_of_each_side():
    # Without the hour ending 9: (110 + 120 + 150 + 170) / 4 = 137.5; with two of three hours gone there is no number.
    hours = {(19, 8): 100.0, (19, 9): 110.0, (19, 10): 120.0, (19, 18): 150.0, (19, 19): 170.0}
    found = same_day_3_2(history(load({19: 0.0}, hours, [(19, 8)])), window(19, 12, 17))
    assert isinstance(found, Baseline)
    assert (found.kw[at(19, 12)], found.left_out_intervals) == (137.5, 1)
    assert isinstance(same_day_3_2(history(load({19: 0.0}, hours, [(19, 8), (19, 9)])), window(19, 12, 17)), NoBaseline)


def match_week(**changed) -> Load:
    """Outside the event, Friday 12 draws 100 kW; the other days differ from it by 30, 3, 10 and 4 kW."""
    hours = {(8, 14): 500.0, (9, 14): 150.0, (10, 14): 90.0, (11, 14): 120.0, (12, 14): 0.0}
    beside = {(day, hour): 7_000.0 for day in (9, 11) for hour in (13, 16)}
    return load({8: 130.0, 9: 97.0, 10: 90.0, 11: 104.0, 12: 100.0}, hours | beside, **changed)


def test_match_day_takes_the_three_days_most_alike():
    # Tuesday 9 (3 kW apart), Thursday 11 (4) and Wednesday 10 (10); the hours beside the event do not count.
    # 14:00: (150 + 120 + 90) / 3 = 120; 15:00: (97 + 104 + 90) / 3 = 97.
    found = match_day(history(match_week()), window(12, 14, 16))
    assert isinstance(found, Baseline)
    assert found.kw == {at(12, 14): 120.0, at(12, 15): 97.0}
    assert found.days == (jan(9), jan(10), jan(11))


def test_match_day_without_a_day_that_we_curtailed():
    # Without Thursday, Monday 8 comes in: (500 + 150 + 90) / 3 = 246 2/3.
    found = match_day(history(match_week(curtailed=[(11, 15)])), window(12, 14, 16))
    assert isinstance(found, Baseline)
    assert found.kw[at(12, 14)] == pytest.approx(740 / 3)
    assert found.left_out[0] == Left(jan(11), CURTAILED)


def test_match_day_does_not_compare_hours_that_we_curtailed():
    # Wednesday at noon was held at 0 by us, which does not make Wednesday less like Friday.
    known = match_week(curtailed=[(10, hour) for hour in range(10)])
    known = replace(known, kw={**known.kw, **{at(10, hour): 0.0 for hour in range(10)}})
    found = match_day(history(known), window(12, 14, 16))
    assert isinstance(found, Baseline)
    assert found.days == (jan(9), jan(10), jan(11))


def test_match_day_refuses_with_two_days():
    found = match_day(history(match_week(curtailed=[(11, 15), (8, 14)]), look_back_days=7), window(12, 14, 16))
    assert isinstance(found, NoBaseline)
    assert found.missing_days == 1
    assert found.reason.startswith("1 of 3 days is missing: 2 eligible days in the last 7; left out: 2 because we cur")
    assert found.reason.endswith(", 1 because data is missing"), "the Friday before"


def centerpoint_week(**changed) -> Load:
    """Quarter-hours: 13:00 to 14:00 at a level of each day, and the event of Friday 12 from 15:00 to 18:00."""
    levels = {8: 220.0, 9: 180.0, 10: 210.0, 11: 190.0, 12: 200.0}
    hour = {(day, 13 + i / 4): level for day, level in levels.items() for i in range(4)}
    event = (50, 50, 50, 50, 80, 90, 100, 90, 60, 50, 50, 50)
    return load(
        dict.fromkeys(levels, 1.0),
        hour | {(12, 15 + i / 4): float(kw) for i, kw in enumerate(event)},
        seconds=900,
        **changed,
    )


def test_centerpoint_takes_one_hour_of_five_days_and_the_highest_hour_of_the_event():
    # (220 + 180 + 210 + 190 + 200) / 5 = 200; the highest four in a row are 80, 90, 100, 90: 90. Saved: 110 kW.
    event = window(12, 15, 18)
    found = centerpoint(history(centerpoint_week()), event)
    assert isinstance(found, Baseline)
    assert set(found.kw.values()) == {200.0}
    assert found.days == tuple(map(jan, (8, 9, 10, 11, 12)))
    assert centerpoint_savings_kw(found, centerpoint_week(), event) == pytest.approx(110.0)
    assert centerpoint_savings_kw(found, centerpoint_week(), window(12, 15, 15.75)) is None


def test_centerpoint_refuses_without_its_hour_or_its_days():
    event = window(12, 15, 18)
    own = centerpoint(history(centerpoint_week(curtailed=[(12, 13.5)])), event)
    assert isinstance(own, NoBaseline)
    days = centerpoint(history(centerpoint_week(curtailed=[(10, 13.5)]), look_back_days=6), event)
    assert isinstance(days, NoBaseline)
    assert days.missing_days == 1
