"""The course of one event, by hand: cap 400 kW, an event to 100 kW from second 10,000 to 13,600."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattswitch.curtailment import (
    Amount,
    Form,
    GridEvent,
    Phase,
    Restoration,
    SiteFacts,
    Urgency,
    Window,
    limit_watts,
    window_of,
)

SITE = SiteFacts(cap_watts=400_000, fixed_watts=6_000, floor_watts=150_000)
EVENT = GridEvent("u1", "ers", 10_000.0, Amount(Form.TO_WATTS, 100_000), end=13_600.0)


@pytest.mark.parametrize(
    ("amount", "watts"),
    [
        (Amount(Form.TO_WATTS, 100_000), 100_000),
        (Amount(Form.BY_WATTS, 100_000), 300_000),
        (Amount(Form.TO_PERCENT, 25), 100_000),
        (Amount(Form.ALL), 6_000),
        (Amount(Form.TO_WATTS, 1_000), 6_000),
        (Amount(Form.BY_WATTS, 500_000), 6_000),
        (Amount(Form.TO_WATTS, 900_000), 400_000),
    ],
)
def test_every_form_leaves_what_is_always_there_and_never_more_than_the_cap(amount, watts):
    assert limit_watts(replace(EVENT, amount=amount), SITE) == watts


def test_best_effort_keeps_the_floors_and_a_firm_event_does_not():
    assert limit_watts(replace(EVENT, urgency=Urgency.BEST_EFFORT), SITE) == 150_000
    assert limit_watts(replace(EVENT, urgency=Urgency.FIRM), SITE) == 100_000
    assert limit_watts(replace(EVENT, urgency=Urgency.EMERGENCY), SITE) == 100_000


def test_without_ramp_and_grace_the_limit_holds_from_start_to_end():
    assert window_of(EVENT, SITE, 9_999.0) == Window(Phase.SCHEDULED, None, 10_000.0)
    assert window_of(EVENT, SITE, 10_000.0) == Window(Phase.ACTIVE, 100_000, 13_600.0)
    assert window_of(EVENT, SITE, 13_599.9) == Window(Phase.ACTIVE, 100_000, 13_600.0)
    assert window_of(EVENT, SITE, 13_600.0) == Window(Phase.OVER, None, None)


def test_what_takes_time_to_die_is_told_so_long_before_the_start():
    site = replace(SITE, shed_seconds=40.0)
    assert window_of(EVENT, site, 9_959.9) == Window(Phase.SCHEDULED, None, 9_960.0)
    assert window_of(EVENT, site, 9_960.0) == Window(Phase.APPROACH, 100_000, 10_000.0)


def test_the_approach_comes_down_no_faster_than_the_ramp_and_ends_at_the_start():
    """300 kW at 60 kW a minute take 300 s: 5 kW each 5 s, the first step 295 s before."""
    site = replace(SITE, ramp_watts_per_minute=60_000)
    assert window_of(EVENT, site, 9_700.0) == Window(Phase.SCHEDULED, None, 9_705.0)
    assert window_of(EVENT, site, 9_705.0) == Window(Phase.APPROACH, 395_000, 9_710.0)
    assert window_of(EVENT, site, 9_850.0) == Window(Phase.APPROACH, 250_000, 9_855.0)
    assert window_of(EVENT, site, 9_999.0) == Window(Phase.APPROACH, 105_000, 10_000.0)
    assert window_of(EVENT, site, 10_000.0).limit_watts == 100_000


def test_an_emergency_has_no_approach_and_no_waves():
    back = Restoration(cooldown_seconds=600, wave_watts=50_000, wave_seconds=60)
    site = replace(SITE, ramp_watts_per_minute=60_000, shed_seconds=40, restoration=back)
    event = replace(EVENT, urgency=Urgency.EMERGENCY)
    assert window_of(event, site, 9_999.0) == Window(Phase.SCHEDULED, None, 10_000.0)
    assert window_of(event, site, 13_600.0) == Window(Phase.COOLDOWN, 100_000, 14_200.0)
    assert window_of(event, site, 14_200.0) == Window(Phase.OVER, None, None)


def test_power_comes_back_after_the_cooldown_in_waves():
    site = replace(SITE, restoration=Restoration(cooldown_seconds=600, wave_watts=100_000, wave_seconds=60))
    assert window_of(EVENT, site, 13_600.0) == Window(Phase.COOLDOWN, 100_000, 14_200.0)
    assert window_of(EVENT, site, 14_200.0) == Window(Phase.RESTORING, 200_000, 14_260.0)
    assert window_of(EVENT, site, 14_260.0) == Window(Phase.RESTORING, 300_000, 14_320.0)
    assert window_of(EVENT, site, 14_320.0) == Window(Phase.OVER, None, None)


def test_an_event_without_end_holds_until_it_is_taken_back():
    event = replace(EVENT, end=math.inf)
    assert window_of(event, SITE, 1e9) == Window(Phase.ACTIVE, 100_000, None)
    assert window_of(replace(event, cancelled_at=20_000.0), SITE, 20_000.0).phase is Phase.OVER


def test_what_is_taken_back_before_it_acted_never_was_and_after_that_is_restored_from():
    site = replace(SITE, restoration=Restoration(cooldown_seconds=600))
    assert window_of(replace(EVENT, cancelled_at=9_000.0), site, 9_500.0) == Window(Phase.OVER, None, None)
    assert window_of(replace(EVENT, cancelled_at=11_000.0), site, 11_000.0) == Window(Phase.COOLDOWN, 100_000, 11_600.0)


@st.composite
def courses(draw):
    amount = Amount(draw(st.sampled_from(list(Form))), draw(st.integers(0, 100)) * draw(st.sampled_from([1, 3_000])))
    event = GridEvent(
        "u",
        "e",
        1e6,
        amount,
        draw(st.sampled_from(list(Urgency))),
        1e6 + draw(st.integers(1, 20_000)),
        draw(st.none() | st.integers(990_000, 1_030_000).map(float)),
    )
    back = Restoration(draw(st.integers(0, 900)), draw(st.integers(0, 200_000)), draw(st.integers(0, 600)))
    site = SiteFacts(400_000, 6_000, 150_000, draw(st.integers(0, 120)), draw(st.integers(0, 10**6)), back)
    return event, site


@given(courses(), st.floats(970_000, 1_040_000))
def test_a_window_says_when_it_ends_and_until_then_nothing_changes(course, now):
    event, site = course
    window = window_of(event, site, now)
    if window.until is None:
        assert window_of(event, site, now + 1e6) == window
        return
    assert window.until > now
    for part in (0.25, 0.75):
        between = now + (window.until - now) * part
        if now < between < window.until:
            assert window_of(event, site, between) == window
    after = window_of(event, site, window.until)
    assert after != window or after.until is None


@given(courses())
def test_the_whole_limit_holds_from_the_start_to_the_end_and_only_rises_after(course):
    event, site = course
    if window_of(event, site, event.start).phase is Phase.OVER:
        return
    limit = limit_watts(event, site)
    assert window_of(event, site, event.start).limit_watts == limit
    assert window_of(event, site, math.nextafter(event.ends_at, 0)).limit_watts == limit
    after = [
        window_of(event, site, event.ends_at + seconds).limit_watts or site.cap_watts for seconds in range(0, 2000, 50)
    ]
    assert after == sorted(after)
