"""The meter lowers the limit by what it shows above the books, and by nothing else."""

import pytest

from wattswitch.engine.correction import KEEP_SECONDS, Correction


def books(*entries: tuple[float, int]) -> Correction:
    correction = Correction()
    for at, watts in entries:
        correction.note(at, watts)
    return correction


def test_what_is_measured_above_the_books_lowers_the_limit() -> None:
    correction = books((100.0, 9_000))
    correction.measure(110.0, 10_000.4, 0)
    assert correction.watts == 1_000


def test_what_is_measured_below_the_books_raises_nothing() -> None:
    correction = books((100.0, 9_000))
    correction.measure(110.0, 2_000.0, 0)
    assert correction.watts == 0


@pytest.mark.parametrize(("at", "expected"), [(100.0, 9_000), (149.9, 9_000), (150.0, 4_000), (200.0, 4_000)])
def test_a_reading_is_compared_with_the_books_of_its_own_time(at: float, expected: int) -> None:
    correction = books((100.0, 1_000), (150.0, 6_000))
    correction.measure(at, 10_000.0, 0)
    assert correction.watts == expected


def test_a_reading_from_before_the_books_says_nothing() -> None:
    correction = books((100.0, 1_000))
    correction.measure(99.0, 10_000.0, 0)
    assert correction.watts == 0
    correction.measure(101.0, 10_000.0, 0)
    assert correction.watts == 9_000


def test_only_a_new_reading_changes_it() -> None:
    """A frozen meter says the same number with the same time again and again."""
    correction = books((100.0, 9_000))
    correction.measure(110.0, 10_000.0, 0)
    correction.note(120.0, 1_000)
    correction.measure(110.0, 10_000.0, 0)
    correction.measure(105.0, 20_000.0, 0)
    assert correction.watts == 1_000


@pytest.mark.parametrize(
    ("measured", "expected"), [(10_100.0, 1_000), (10_101.0, 1_101), (9_900.0, 1_000), (9_899.0, 899)]
)
def test_inside_the_deadband_it_stays(measured: float, expected: int) -> None:
    correction = books((100.0, 9_000))
    correction.measure(110.0, 10_000.0, 100)
    correction.measure(120.0, measured, 100)
    assert correction.watts == expected


def test_it_ends_when_the_meter_agrees_again() -> None:
    correction = books((100.0, 9_000))
    correction.measure(110.0, 10_000.0, 100)
    correction.measure(120.0, 9_000.0, 100)
    assert correction.watts == 0


def test_history_holds_changes_only_and_a_quarter_of_an_hour() -> None:
    correction = books(*((float(second), 5_000 + second // 100) for second in range(2_000)))
    assert len(correction.history) == KEEP_SECONDS // 100 + 1
    correction.measure(1_150.0, 10_000.0, 0)
    assert correction.watts == 10_000 - 5_011


def test_the_last_books_are_kept_however_old() -> None:
    correction = books((100.0, 9_000), (100.0 + 10 * KEEP_SECONDS, 9_000))
    correction.measure(200.0, 10_000.0, 0)
    assert correction.watts == 1_000
