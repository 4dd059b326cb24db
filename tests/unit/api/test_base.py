"""Bounded types, conditions, times and the small things that models do."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from wattswitch.api.base import (
    MESSAGE_LENGTH,
    CalendarDay,
    Condition,
    ConditionStatus,
    DecimalString,
    FilePath,
    HttpUrl,
    JsonPath,
    ListPath,
    Moment,
    NonNegativeDecimal,
    NonZeroDecimal,
    Percent,
    PositiveDecimal,
    Pue,
    is_paused,
    set_condition,
)
from wattswitch.api.times import format_time, parse_time


def _accepts(wanted: Any, text: object) -> bool:
    try:
        TypeAdapter(wanted).validate_python(text)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("wanted", "good", "bad"),
    [
        (DecimalString, ["0", "-12.50", "999999999.999999"], ["1e3", "NaN", "Inf", "", "1.", ".5", "1" * 10, 5, 1.5]),
        (NonNegativeDecimal, ["0", "12.5"], ["-0", "-1", "+1", " 1"]),
        (PositiveDecimal, ["1", "0.000001", "00.5", "10", "100.0"], ["0", "0.0", "000", "-1", "0.0000000"]),
        (NonZeroDecimal, ["-1", "0.001", "-0.5"], ["0", "-0", "-0.000"]),
        (Percent, ["0", "2.5", "99.999999", "100", "100.0"], ["100.1", "101", "-1"]),
        (Pue, ["1", "1.08", "2.9999", "3", "3.0000"], ["0.99", "3.0001", "1.00001", "4"]),
        (FilePath, ["/a", "/a/..data/b.csv", "/a/.b", "/a/..."], ["a", "/", "/a/", "/a/..", "/../a", "/./a", "/a\0"]),
        (
            HttpUrl,
            ["http://a", "https://[::1]:90/x?y=@#z", "http://a/b@c"],
            ["ftp://a", "http://", "http://u@h", "http://u:p@h/x", "HTTP://a", "http://a b", "http://a\\@b", "file:///x"],
        ),
        (JsonPath, ["price", "a.b", "a[0].b", "[0]", "[0][1].x", "$x-y"], ["", ".", "a.", "a..b", "a[x]", "a b"]),
        (
            Moment,
            ["2026-08-01T20:00:00Z", "2026-08-01T15:00:00.123456789-05:00", "2028-02-29T00:00:00+05:30"],
            ["2026-08-01", "2026-08-01T20:00:00", "2026-08-01T20:00:00z", "2026-08-01T24:00:00Z", "2026-08-01 20:00Z",
             "2026-02-29T00:00:00Z", "0001-01-01T00:00:00Z", "1999-12-31T23:59:59Z", "2026-08-01T20:00:60Z", 5],
        ),
        (CalendarDay, ["2026-08-01", "2028-02-29"], ["2026-02-29", "2026-04-31", "2026-13-01", "2026-8-1", "1999-1-1"]),
        (ListPath, ["[]", "a[]", "a.b[].c", "a[0][][1].x"], ["", "a", "a[0]", "a[].b[]", "[].", "[]a", "a []"]),
    ],
)  # fmt: skip
def test_bounded_texts(wanted: Any, good: list[str], bad: list[object]) -> None:
    assert [text for text in good if not _accepts(wanted, text)] == []
    assert [text for text in bad if _accepts(wanted, text)] == []


def test_a_decimal_is_exact_in_python_and_a_string_in_yaml() -> None:
    adapter = TypeAdapter(DecimalString)
    number = adapter.validate_python("-12.50")
    assert number == Decimal("-12.5")
    assert adapter.dump_python(number, mode="json") == "-12.50"
    assert adapter.validate_python(Decimal("0.000001")) == Decimal("0.000001")
    assert not _accepts(DecimalString, Decimal("NaN"))


def _condition(status: ConditionStatus, reason: str, type_: str = "Ready", since: str | None = None) -> Condition:
    return Condition(type=type_, status=status, reason=reason, last_transition_time=since)


def test_a_new_condition_goes_to_the_end_with_the_time() -> None:
    first = set_condition((), _condition(ConditionStatus.TRUE, "Works"), now=0.0)
    both = set_condition(first, _condition(ConditionStatus.FALSE, "TooMuch", "WithinLimit"), now=60.0)
    assert [(c.type, c.last_transition_time) for c in both] == [
        ("Ready", "1970-01-01T00:00:00Z"),
        ("WithinLimit", "1970-01-01T00:01:00Z"),
    ]


def test_the_time_stays_while_the_status_does_and_all_else_is_new() -> None:
    old = set_condition((), _condition(ConditionStatus.FALSE, "PriceStale"), now=0.0)
    given = Condition(type="Ready", status="False", reason="MeterStale", message="m", observed_generation=3)
    (same,) = set_condition(old, given, now=60.0)
    assert same == given.model_copy(update={"last_transition_time": "1970-01-01T00:00:00Z"})


def test_the_time_moves_with_the_status_and_the_order_stays() -> None:
    old = set_condition((), _condition(ConditionStatus.FALSE, "PriceStale"), now=0.0)
    old = set_condition(old, _condition(ConditionStatus.TRUE, "Fits", "WithinLimit"), now=0.0)
    new = set_condition(old, _condition(ConditionStatus.TRUE, "Works", since="2000-01-01T00:00:00Z"), now=60.0)
    assert [(c.type, c.status, c.last_transition_time) for c in new] == [
        ("Ready", "True", "1970-01-01T00:01:00Z"),
        ("WithinLimit", "True", "1970-01-01T00:00:00Z"),
    ]


def test_a_message_that_is_too_long_is_cut() -> None:
    message = Condition(type="Ready", status="True", reason="Works", message="x" * 5000).message
    assert len(message) == MESSAGE_LENGTH
    assert message.endswith("x…")


@pytest.mark.parametrize(
    ("at", "text"),
    [(0.0, "1970-01-01T00:00:00Z"), (1785614400.0, "2026-08-01T20:00:00Z"), (1.25, "1970-01-01T00:00:01.250Z")],
)
def test_times_go_to_text_and_back(at: float, text: str) -> None:
    assert format_time(at) == text
    assert parse_time(text) == at


def test_a_time_with_another_offset_is_the_same_moment_and_one_without_is_refused() -> None:
    assert parse_time("2026-08-01T22:00:00+02:00") == parse_time("2026-08-01T20:00:00Z")
    with pytest.raises(ValueError, match="no time zone"):
        parse_time("2026-08-01T20:00:00")


@pytest.mark.parametrize(
    ("value", "paused"), [(None, False), ("true", True), ("", True), ("false", False), ("False", False)]
)
def test_the_paused_annotation(value: str | None, paused: bool) -> None:
    assert is_paused({} if value is None else {"wattswitch.io/paused": value}) is paused
