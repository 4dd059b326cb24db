"""Whether a promise could be kept now."""

from dataclasses import replace
from datetime import UTC, date, datetime, time

import pytest

from wattswitch.settlement.coincident_peaks import ClockWindow
from wattswitch.settlement.commitments import (
    Word,
    available_hours,
    could_meet,
    ers_10,
    ers_30,
    load_reduction_agreement,
    overlaps,
)
from wattswitch.settlement.intervals import Load

NOW = datetime(2026, 7, 1, 20, tzinfo=UTC).timestamp()  # a Wednesday, 15:00 in Texas
PROMISE = ers_10("summer", 300.0)


def asked(commitment=PROMISE, at=NOW, **changed):
    facts = {"shed_seconds": 240.0, "drawn_watts": 400_000.0, "floor_watts": 50_000.0} | changed
    return could_meet(commitment, at, **facts)


def test_enough_that_goes_in_time_is_ready():
    told = asked()
    assert (told.ok, told.word, told.reason) == (True, Word.READY, "350.0 kW could go within 240 s")


@pytest.mark.parametrize(("seconds", "ok"), [(600.0, True), (600.5, False)])
def test_ten_minutes_are_ten_minutes(seconds, ok):
    told = asked(shed_seconds=seconds)
    assert told.ok is ok
    assert asked(ers_30("summer", 300.0), shed_seconds=seconds).ok
    if not ok:
        assert told.word is Word.TOO_SLOW
        assert told.reason == "shedding takes up to 600 s, 0 s more than the notice of 600 s"


def test_floors_and_what_is_held_may_not_go():
    short = asked(floor_watts=150_000.0)
    assert (short.ok, short.word) == (False, Word.TOO_LITTLE)
    assert short.reason == (
        "250.0 kW could go, 50.0 kW less than the 300.0 kW promised (400.0 kW drawn, 150.0 kW of floors)"
    )
    assert asked(sheddable_watts=299_000.0).word is Word.TOO_LITTLE
    assert asked(sheddable_watts=900_000.0).ok, "no more than what is drawn"
    assert asked(floor_watts=500_000.0).reason.startswith("0.0 kW could go")
    assert asked(floor_watts=100_000.0).ok, "exactly enough"


@pytest.mark.parametrize("unknown", ["shed_seconds", "drawn_watts"])
def test_what_is_not_known_is_not_ready(unknown):
    told = asked(**{unknown: None})
    assert (told.ok, told.word) == (False, Word.UNKNOWN)
    assert "not known" in told.reason


def test_outside_its_hours_nothing_is_owed():
    afternoon = replace(PROMISE, windows=(ClockWindow(time(16), time(19)),))
    assert (asked(afternoon).ok, asked(afternoon).word) == (True, Word.NOT_NOW)
    assert asked(afternoon, NOW + 3600, drawn_watts=0.0).word is Word.TOO_LITTLE
    assert asked(replace(PROMISE, months=frozenset({1})), drawn_watts=0.0).word is Word.NOT_NOW
    assert asked(replace(PROMISE, weekdays=frozenset({5, 6})), drawn_watts=0.0).word is Word.NOT_NOW
    assert asked(replace(PROMISE, first=date(2026, 7, 2)), drawn_watts=0.0).word is Word.NOT_NOW
    twice = replace(PROMISE, windows=(ClockWindow(time(6), time(9)), ClockWindow(time(15), time(19))))
    assert asked(twice, drawn_watts=0.0).word is Word.TOO_LITTLE
    assert asked(replace(PROMISE, first=date(2026, 7, 1)), drawn_watts=0.0).word is Word.TOO_LITTLE
    assert asked(replace(PROMISE, last=date(2026, 6, 30)), drawn_watts=0.0).word is Word.NOT_NOW
    assert asked(replace(PROMISE, last=date(2026, 7, 1)), drawn_watts=0.0).word is Word.TOO_LITTLE


def test_an_agreement_to_reduce_has_its_own_notice_and_its_years():
    agreement = load_reduction_agreement("colocation", 200.0, 3600.0)
    assert asked(agreement, shed_seconds=3000.0).ok
    assert asked(agreement, datetime(2024, 10, 31, 20, tzinfo=UTC).timestamp(), drawn_watts=0.0).word is Word.NOT_NOW


def test_watts_of_one_programme_are_sold_once():
    noon = replace(PROMISE, name="noon", windows=(ClockWindow(time(12), time(14)),))
    late = replace(PROMISE, name="late", windows=(ClockWindow(time(14), time(20)),))
    wide = replace(PROMISE, name="wide", windows=(ClockWindow(time(13), time(15)),))
    assert overlaps([noon, late], 2026) == []
    assert overlaps([noon, late, wide], 2026) == [("noon", "wide"), ("late", "wide")]
    assert overlaps([noon, replace(wide, programme="other")], 2026) == []
    assert overlaps([noon, replace(noon, name="winter", months=frozenset({1})), late], 2026) == [("noon", "winter")]


def test_hours_in_which_the_load_was_there():
    # 300 kW promised above floors of 50: quarters at 350 and 400 count, 349 does not, nor what is outside its hours.
    afternoon = replace(PROMISE, windows=(ClockWindow(time(15), time(16)),))
    start = int(NOW)
    load = Load(900, {start: 350.0, start + 900: 400.0, start + 1800: 349.0, start + 3600: 400.0})
    assert available_hours(afternoon, load, 50.0, start, start + 7200) == 0.5
    assert available_hours(afternoon, load, 50.0, start + 900, start + 7200) == 0.25


def test_a_window_may_be_of_some_days_alone():
    """It is a Wednesday; the hours that pass midnight are two windows, the second one on the days after."""
    weekend = replace(PROMISE, windows=(ClockWindow(time(13), time(19), frozenset({5, 6})),))
    midweek = replace(PROMISE, windows=(ClockWindow(time(13), time(19), frozenset({2})),))
    assert (weekend.holds(NOW), midweek.holds(NOW)) == (False, True)
    assert [midweek.holds(NOW + days * 86_400) for days in range(1, 8)] == [False] * 6 + [True]
