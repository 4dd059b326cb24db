"""Asked: names that follow from what they name, and the stricter of two."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.bridges.doubles import CAP_WATTS, NOON
from wattswitch.bridges import Asked, Form, Limit, Urgency
from wattswitch.bridges.asked import name_of, stricter

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
TEXTS = st.text(min_size=1, max_size=128)

LIMITS = st.one_of(
    st.builds(Limit, st.sampled_from([Form.TO_WATTS, Form.BY_WATTS]), st.integers(0, 2 * CAP_WATTS)),
    st.builds(Limit, st.just(Form.TO_PERCENT), st.integers(0, 100)),
    st.just(Limit(Form.ALL)),
)
ASKED = st.builds(
    Asked,
    program=st.just("ers"),
    reference=st.just("1"),
    start=st.integers(0, 100).map(float),
    duration_seconds=st.none() | st.integers(1, 100).map(float),
    limit=LIMITS,
    urgency=st.sampled_from(Urgency),
)


@given(TEXTS, TEXTS, TEXTS)
def test_a_name_is_a_label_of_kubernetes(program: str, reference: str, part: str) -> None:
    assert LABEL.fullmatch(name_of(program, reference, part))


def test_a_name_follows_from_what_it_names_and_from_nothing_else() -> None:
    one = Asked("ERS 10", "2026-0801/1", NOON, 60.0, Limit(Form.TO_WATTS, 5))
    again = Asked("ERS 10", "2026-0801/1", NOON + 5, None, Limit(Form.ALL), announced_at=9.0)
    assert one.name == again.name
    assert one.name.startswith("ers-10-2026-0801-1-")


@pytest.mark.parametrize(("one", "other"), [("a-b", "a b"), ("a", "A"), ("ä", "ö")])
def test_texts_that_look_alike_have_names_of_their_own(one: str, other: str) -> None:
    assert name_of("p", one) != name_of("p", other)
    assert name_of("p", "a", "b") != name_of("p", "ab")


@given(ASKED, ASKED, st.integers(-5, 250))
def test_the_stricter_of_two_limits_as_much_as_both_at_every_time(one: Asked, other: Asked, at: int) -> None:
    both = stricter(one, other)
    for each in (one, other):
        if each.holds_at(at):
            assert both.holds_at(at)
            assert both.limit.watts(CAP_WATTS) <= each.limit.watts(CAP_WATTS)


@pytest.mark.parametrize(("form", "amount"), [(Form.TO_WATTS, -1), (Form.TO_PERCENT, 101), (Form.ALL, 1)])
def test_an_amount_that_is_none_is_refused(form: Form, amount: int) -> None:
    with pytest.raises(ValueError, match="takes an amount"):
        Limit(form, amount)
