"""When a remembered number still counts: age by the source's own time, outages and lies told apart."""

from typing import Any

import pytest

from unit.feeds.servers import NOON
from unit.feeds.specs import http_source, price
from wattswitch.feeds import WHOLE, Problem, Reading
from wattswitch.feeds.freshness import Remembered, convert
from wattswitch.feeds.reading import OUTAGES, Refused

STALE_AFTER = 900


def memory() -> Remembered:
    return Remembered(price(http_source("http://feed.example")).sources[0], None, STALE_AFTER)


def served(value: float, at: float, fetched_at: float) -> dict[tuple[str, str], Reading]:
    return {WHOLE: Reading(value, at, fetched_at, "api")}


def problem_at(source: Remembered, now: float) -> str:
    return source.judge(WHOLE, now).problem


def test_nothing_is_known_at_first() -> None:
    assert problem_at(memory(), NOON) == Problem.NO_READING


def test_a_number_is_fresh_until_its_own_time_is_too_old() -> None:
    source = memory()
    source.answered(served(41.19, NOON - 60, NOON))
    end = source.until(WHOLE, NOON)
    assert end == NOON - 60 + STALE_AFTER
    assert problem_at(source, end - 0.001) == ""
    assert problem_at(source, end) == Problem.STALE


def test_an_equal_value_with_advancing_time_stays_fresh() -> None:
    source = memory()
    for poll in range(200):
        now = NOON + 15 * poll
        source.answered(served(41.19, now, now))
        assert problem_at(source, now) == ""


def test_a_time_that_stands_still_is_frozen_however_the_value_moves() -> None:
    source, problems = memory(), []
    for poll in range(61):
        now = NOON + 15 * poll
        source.answered(served(41.19 + poll, NOON, now))
        problems.append(problem_at(source, now))
    assert problems[:60] == [""] * 60
    assert problems[60] == Problem.FROZEN


def test_a_source_that_was_always_late_is_stale_and_not_frozen() -> None:
    source = memory()
    for poll in range(3):
        now = NOON + 15 * poll
        source.answered(served(41.19, NOON - 3600, now))
        assert problem_at(source, now) == Problem.STALE


def test_a_clock_that_steps_makes_numbers_stale_or_early_until_the_next_answer() -> None:
    source = memory()
    source.answered(served(41.19, NOON, NOON))
    assert problem_at(source, NOON + 3600) == Problem.STALE
    assert problem_at(source, NOON - 3600) == Problem.FROM_FUTURE
    source.answered(served(41.19, NOON - 3600, NOON - 3600))
    assert problem_at(source, NOON - 3600) == ""


@pytest.mark.parametrize("problem", sorted(OUTAGES))
def test_after_an_outage_the_last_number_stands_until_it_is_too_old(problem: Problem) -> None:
    source = memory()
    source.answered(served(41.19, NOON, NOON))
    source.failed(Refused(problem, "gone"))
    assert source.judge(WHOLE, NOON + STALE_AFTER - 1).fresh
    assert problem_at(source, NOON + STALE_AFTER) == problem


@pytest.mark.parametrize("problem", sorted(set(Problem) - OUTAGES))
def test_after_a_wrong_answer_the_last_number_counts_no_more(problem: Problem) -> None:
    source = memory()
    source.answered(served(41.19, NOON, NOON))
    source.failed(Refused(problem, "wrong"))
    assert (problem_at(source, NOON), source.judge(WHOLE, NOON).value) == (problem, None)
    source.failed(Refused(Problem.TIMED_OUT, "gone"))
    assert source.judge(WHOLE, NOON).value is None


def test_an_answer_after_an_outage_is_fresh() -> None:
    source = memory()
    source.failed(Refused(Problem.TIMED_OUT, "gone"))
    source.answered(served(41.19, NOON, NOON))
    assert source.judge(WHOLE, NOON).fresh
    assert problem_at(source, NOON + STALE_AFTER) == Problem.STALE, "the outage is forgotten"


@pytest.mark.parametrize(
    ("unit", "scale", "raw", "base"),
    [
        ("USDPerMWh", "1", 41.19, 41.19),
        ("USDPerKWh", "1", 0.04119, 41.19),
        ("PencePerKWh", "1", 4.119, 41.19),
        ("Kilowatts", "1", 250.0, 250_000.0),
        ("Watts", "-1", 250.0, -250.0),
        ("USDPerTHPerDay", "0.5", 0.08, 40.0),
        ("Count", "1", 12.0, 12.0),
    ],
)
def test_numbers_are_scaled_and_turned_into_base_units(unit: str, scale: str, raw: float, base: float) -> None:
    spec = price({**http_source("http://feed.example"), "unit": unit, "scale": scale}).sources[0]
    converted = convert(Reading(raw, NOON, NOON, "api"), spec, None)
    assert converted.value == pytest.approx(base)


@pytest.mark.parametrize(
    ("raw", "problem"), [(1.0, ""), (2.0, ""), (0.999, Problem.OUT_OF_RANGE), (2.001, Problem.OUT_OF_RANGE)]
)
def test_the_range_is_in_base_units_and_holds_both_ends(raw: float, problem: str) -> None:
    feed = price({**http_source("http://feed.example"), "unit": "USDPerKWh"}, range={"min": "1000", "max": "2000"})
    converted = convert(Reading(raw, NOON, NOON, "api"), feed.sources[0], feed.range)
    assert (converted.problem, converted.value is None) == (problem, bool(problem))


def test_a_number_that_scaling_makes_infinite_is_refused() -> None:
    spec = price({**http_source("http://feed.example"), "unit": "USDPerKWh"}).sources[0]
    converted = convert(Reading(1.7e308, NOON, NOON, "api"), spec, None)
    assert (converted.problem, converted.value) == (Problem.INFINITE, None)


def test_a_reading_with_a_problem_passes_conversion_unchanged() -> None:
    refused: Any = Reading(None, NOON, NOON, "api", Problem.EMPTY)
    assert convert(refused, price(http_source("http://feed.example")).sources[0], None) is refused
