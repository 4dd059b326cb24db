"""Whatever the order, repetition and loss of messages: never above what the newest valid one asks for."""

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from unit.bridges.doubles import CAP_WATTS, NOON
from unit.bridges.test_asked import ASKED
from wattswitch.bridges import Asked, Form, Limit, Reason
from wattswitch.bridges.asked import stricter
from wattswitch.bridges.ordering import Ordering


def watts(amount: int) -> Asked:
    return Asked("p", "r", NOON, None, Limit(Form.TO_WATTS, amount))


def ordering(most: int = 10) -> Ordering[Asked]:
    return Ordering(stricter, most)


def test_each_fate_has_its_word() -> None:
    known = ordering()
    assert known.judge("r", 5.0, watts(100)).reason is None
    assert known.judge("r", 5.0, watts(100)).reason is Reason.REPEATED
    assert known.judge("r", 4.0, watts(900)).reason is Reason.REORDERED
    contradicting = known.judge("r", 5.0, watts(50))
    assert (contradicting.reason, contradicting.content) == (Reason.CONTRADICTING, watts(50))
    assert known.content("r") == watts(50)
    assert known.judge("r", 6.0, watts(900)).content == watts(900)


def test_two_messages_of_one_version_both_count_whichever_comes_first() -> None:
    for order in ((100, 50), (50, 100), (100, 50, 100), (50, 100, 70)):
        known = ordering()
        for amount in order:
            known.judge("r", 5.0, watts(amount))
        assert known.content("r") == watts(min(order))


def test_one_reference_too_many_is_refused_and_none_forgotten() -> None:
    known = ordering(most=2)
    for reference in ("a", "b"):
        known.judge(reference, 1.0, watts(1))
    assert known.judge("c", 1.0, watts(1)).reason is Reason.TOO_MANY
    assert known.references() == ("a", "b")
    assert known.judge("a", 0.5, watts(9)).reason is Reason.REORDERED


def test_what_can_not_be_ordered_may_tighten_and_not_loosen() -> None:
    known = ordering()
    known.judge("r", 5.0, watts(100))
    assert known.tighten("r", watts(900)).content == watts(100)
    assert known.tighten("r", watts(50)).content == watts(50)
    assert known.judge("r", 6.0, watts(900)).content == watts(900)


def _cancelled(asked: Asked) -> Asked:
    return replace(asked, cancelled=True)


MESSAGES = st.lists(st.tuples(st.integers(0, 6).map(float), ASKED | ASKED.map(_cancelled)), max_size=25)


@given(MESSAGES, st.integers(0, 220))
def test_the_limit_is_never_above_what_the_newest_message_asks_for(
    messages: list[tuple[float, Asked]], at: int
) -> None:
    known = ordering()
    for place, (version, asked) in enumerate(messages):
        known.judge("r", version, asked)
        seen = messages[: place + 1]
        newest = max(version for version, _ in seen)
        counts = known.content("r")
        assert counts is not None
        allowed = counts.limit.watts(CAP_WATTS) if counts.holds_at(at) else CAP_WATTS
        asking = [one for said, one in seen if said == newest and one.holds_at(at)]
        assert all(allowed <= one.limit.watts(CAP_WATTS) for one in asking)


@given(MESSAGES.filter(bool), st.randoms(use_true_random=False))
def test_with_one_message_for_each_version_the_order_makes_no_difference(
    messages: list[tuple[float, Asked]], random: Random
) -> None:
    by_version = dict(messages)
    shuffled = [*by_version.items(), *by_version.items()]
    random.shuffle(shuffled)
    known = ordering()
    for version, asked in shuffled:
        known.judge("r", version, asked)
    assert known.content("r") == by_version[max(by_version)]
