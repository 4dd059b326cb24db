"""What counts as a number and as a time."""

import pytest

from unit.feeds.servers import ABSURD_TIMES
from wattswitch.api.times import format_time
from wattswitch.feeds.numeric import read_number, read_unix_seconds
from wattswitch.feeds.reading import Problem, Refused


@pytest.mark.parametrize(
    ("raw", "number"),
    [(41.19, 41.19), (0, 0.0), (-30, -30.0), ("41.19", 41.19), (" -0.5 ", -0.5), ("1.7e+09", 1.7e9), (".5", 0.5)],
)
def test_numbers_and_their_text_are_read(raw: object, number: float) -> None:
    assert read_number(raw) == number


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (float("nan"), Problem.NOT_A_NUMBER),
        ("NaN", Problem.NOT_A_NUMBER),
        (float("inf"), Problem.INFINITE),
        ("inf", Problem.INFINITE),
        ("-Infinity", Problem.INFINITE),
        ("1e400", Problem.INFINITE),
        (10**400, Problem.INFINITE),
        ("9" * 5000, Problem.TOO_MANY_DIGITS),
        (True, Problem.NOT_NUMERIC),
        (None, Problem.NOT_NUMERIC),
        ({}, Problem.NOT_NUMERIC),
        ([41.19], Problem.NOT_NUMERIC),
        ("41,19", Problem.NOT_NUMERIC),
        ("1_000", Problem.NOT_NUMERIC),
        ("0x10", Problem.NOT_NUMERIC),
        ("٤١", Problem.NOT_NUMERIC),
        ("$41", Problem.NOT_NUMERIC),
        ("", Problem.EMPTY),
    ],
)
def test_anything_else_is_refused_by_name(raw: object, problem: Problem) -> None:
    with pytest.raises(Refused) as refused:
        read_number(raw)
    assert refused.value.problem is problem


@pytest.mark.parametrize(
    "raw",
    [
        1_785_585_600,
        1_785_585_600.0,
        "1785585600",
        1_785_585_600_000,
        "2026-08-01T12:00:00Z",
        "2026-08-01T14:00:00+02:00",
    ],
)
def test_times_are_unix_seconds_milliseconds_or_rfc_3339(raw: object) -> None:
    assert read_unix_seconds(raw) == 1_785_585_600.0


@pytest.mark.parametrize(
    "raw", [None, True, "noon", "2026-08-01T12:00:00", "2026-13-01T00:00:00Z", float("nan"), "inf"]
)
def test_a_time_without_a_zone_or_sense_is_refused(raw: object) -> None:
    with pytest.raises(Refused) as refused:
        read_unix_seconds(raw)
    assert refused.value.problem is Problem.TIME_UNREADABLE


@pytest.mark.parametrize(
    "raw",
    [
        *ABSURD_TIMES,
        "1e300",
        -1,
        -0.001,
        253_402_300_800_000,
        253_402_300_799_999.9,
        "1969-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-01:00",
        "9999-12-31T23:59:59.999999Z",
    ],
)
def test_a_time_that_is_not_from_1970_to_9999_is_refused(raw: object) -> None:
    with pytest.raises(Refused) as refused:
        read_unix_seconds(raw)
    assert refused.value.problem is Problem.TIME_UNREADABLE


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (99_999_999_999, "5138-11-16T09:46:39Z"),
        (253_402_300_799_000, "9999-12-31T23:59:59Z"),
    ],
)
def test_every_time_that_is_read_can_be_written(raw: object, text: str) -> None:
    assert format_time(read_unix_seconds(raw)) == text
