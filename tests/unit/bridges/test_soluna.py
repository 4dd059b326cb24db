"""On and off by MQTT: 0 curtails at once, 100 lifts only when fresh; silence curtails."""

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.bridges.doubles import NOON
from wattswitch.bridges import Reason, Refused
from wattswitch.bridges.soluna import Message, Moment, Switch, Timing, begin, hear, read_message, tick

TIMING = Timing()


def moment(seconds: float) -> Moment:
    return Moment(NOON + seconds, 1000.0 + seconds)


def heard(*messages: tuple[float, int, float]) -> Switch:
    """After messages of (when it comes, target, its timestamp)."""
    switch = begin(moment(0))
    for at, target, stamp in messages:
        switch = hear(switch, Message(target, NOON + stamp), moment(at), TIMING)
    return switch


LIFTED = (10.0, 100, 10.0)


def refusal(switch: Switch, target: int, stamp: float, at: float) -> Reason:
    with pytest.raises(Refused) as caught:
        hear(switch, Message(target, NOON + stamp), moment(at), TIMING)
    return caught.value.reason


def test_it_starts_curtailed_and_a_fresh_hundred_lifts() -> None:
    assert begin(moment(0)).curtailed
    assert not heard(LIFTED).curtailed
    assert not begin(moment(0), curtailed=False).curtailed


def test_zero_curtails_at_once_even_right_after_a_lift() -> None:
    assert heard(LIFTED, (10.1, 0, 10.1)).curtailed


@pytest.mark.parametrize(("later", "curtailed"), [(14.9, True), (15.0, False)])
def test_a_lift_within_five_seconds_is_ignored(later: float, curtailed: bool) -> None:
    switch = heard(LIFTED, (11.0, 0, 11.0), (later + 1, 100, later + 1))
    assert switch.curtailed is curtailed
    assert switch.reason is (Reason.FLAPPING if curtailed else None)


@pytest.mark.parametrize(("silence", "curtailed"), [(239.9, False), (240.0, True)])
def test_silence_curtails_at_240_seconds(silence: float, curtailed: bool) -> None:
    assert tick(heard(LIFTED), moment(10 + silence), TIMING).curtailed is curtailed


def test_silence_holds_until_a_message_from_after_it() -> None:
    lost = tick(heard(LIFTED), moment(300), TIMING)
    assert refusal(lost, 100, 200, 310) is Reason.OLDER_THAN_LOSS
    assert tick(lost, moment(100_000), TIMING).curtailed
    assert not hear(lost, Message(100, NOON + 301), moment(306), TIMING).curtailed


def test_each_refusal_has_its_word() -> None:
    on = heard(LIFTED)
    assert refusal(on, 100, 16, 10.5) is Reason.FROM_FUTURE
    assert refusal(on, 100, 10, 11) is Reason.REPEATED
    assert refusal(on, 0, 9, 11) is Reason.REORDERED
    off = hear(on, Message(0, NOON + 20), moment(20), TIMING)
    assert refusal(off, 100, 20, 30) is Reason.CONTRADICTING
    assert refusal(replace(off, newest=None), 100, -230, 20) is Reason.TOO_OLD
    assert hear(on, Message(0, NOON + 10), moment(12), TIMING).curtailed, "of one time, the one that curtails counts"


def test_a_frozen_timestamp_is_no_heartbeat() -> None:
    on = heard(LIFTED)
    for at in range(20, 250, 10):
        assert refusal(on, 100, 10, at) in (Reason.REPEATED, Reason.TOO_OLD)
    assert tick(on, moment(250), TIMING).curtailed


def test_a_step_of_the_wall_clock_moves_no_deadline() -> None:
    on = heard(LIFTED)
    assert not tick(on, Moment(NOON + 3600, 1100.0), TIMING).curtailed
    assert tick(on, Moment(NOON - 3600, 1300.0), TIMING).curtailed


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ([], Reason.UNREADABLE),
        ({"timestamp": 1}, Reason.VALUE_MISSING),
        ({"target": 0}, Reason.TIME_MISSING),
        ({"target": 50, "timestamp": 1}, Reason.OUT_OF_RANGE),
        ({"target": True, "timestamp": 1}, Reason.NOT_A_NUMBER),
        ({"target": "100", "timestamp": 1}, Reason.NOT_A_NUMBER),
        ({"target": 100, "timestamp": "now"}, Reason.TIME_UNREADABLE),
        ({"target": 100, "timestamp": 10**400}, Reason.TIME_UNREADABLE),
    ],
)
def test_what_is_no_message_is_refused(raw: object, reason: Reason) -> None:
    with pytest.raises(Refused) as caught:
        read_message(raw)
    assert caught.value.reason is reason


STEPS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.5, 3.0, 20.0, 150.0, 260.0]), st.sampled_from([0, 100]), st.integers(-300, 10)),
    max_size=30,
)


@given(STEPS)
def test_it_is_on_only_while_the_newest_valid_message_says_so_and_is_fresh(steps: list[tuple[float, int, int]]) -> None:
    switch, now = begin(moment(0)), 0.0
    valid: list[tuple[float, Message]] = []
    for wait, target, lead in steps:
        now += wait
        switch = tick(switch, moment(now), TIMING)
        message = Message(target, NOON + now + lead)
        with contextlib.suppress(Refused):
            switch = hear(switch, message, moment(now), TIMING)
        if -TIMING.silent_seconds < lead <= 5:
            valid.append((now, message))
        if not switch.curtailed:
            newest = max(message.at for _, message in valid)
            assert all(message.target == 100 for _, message in valid if message.at == newest)
            came = min(at for at, message in valid if message.at == newest)
            assert now - came < TIMING.silent_seconds
