import json
from dataclasses import replace

import pytest

from measure import objects
from measure.figures import UNFINISHED
from measure.reaction import DIRECTIONS, DOWN, MIXED, PREPARATION, UP, Flip, allowance, best, figures, legs


def flip(who: str, direction: str, seconds: float, **fields: object) -> Flip:
    made = Flip(who, direction, seconds / 4, seconds / 2, seconds, 2 * seconds)
    return replace(made, **fields)  # type: ignore[arg-type]


def flips(operator_seconds: float, bare_seconds: float) -> list[Flip]:
    pairs = (("operator", operator_seconds), ("bare", bare_seconds))
    return [flip(who, direction, seconds) for direction in DIRECTIONS for who, seconds in pairs]


@pytest.mark.parametrize("targets", [2, 10])
def test_every_leg_starts_where_the_last_one_ended(targets: int) -> None:
    before = objects.sizes(objects.ALL_ON, targets)
    for leg in legs(3):
        after = objects.sizes(leg.numbers, targets)
        moves = {(before[name], after[name]) for name in before if before[name] != after[name]}
        expected = {DOWN: {(1, 0)}, UP: {(0, 1)}, MIXED: {(0, 1), (1, 0)}}
        if leg.direction in expected:
            assert moves == expected[leg.direction]
            assert before.keys() == {name for name in before if before[name] != after[name]}
        else:
            assert moves
        before = after
    assert before == objects.sizes(objects.ALL_ON, targets)


@pytest.mark.parametrize("repeats", [0, 1, 4])
def test_each_direction_is_repeated(repeats: int) -> None:
    directions = [leg.direction for leg in legs(repeats)]
    assert [directions.count(each) for each in DIRECTIONS] == [repeats] * 3
    assert directions.count(PREPARATION) == (2 if repeats else 0)


def test_the_best_concurrency_is_the_fastest_over_both_directions() -> None:
    tried = [flip("bare", DOWN, 1.0, at_once=8), flip("bare", UP, 1.0, at_once=8)]
    tried += [flip("bare", DOWN, 0.5, at_once=16), flip("bare", UP, 2.0, at_once=16)]
    assert best(tried) == 8


def test_what_the_client_heard_itself_is_its_time() -> None:
    assert flip("bare", DOWN, 1.0, answered_seconds=0.9).write_seconds == 0.9
    assert flip("operator", DOWN, 1.0).write_seconds == 1.0


@pytest.mark.parametrize(
    ("targets", "operator", "met"), [(200, 2.0, True), (200, 2.01, False), (1000, 2.0, True), (1000, 2.01, False)]
)
def test_the_target_is_relative_to_the_floor(targets: int, operator: float, *, met: bool) -> None:
    found = {figure.name: figure for figure in figures(flips(operator, 1.0), targets)}
    for direction in DIRECTIONS:
        assert found[f"{direction}_last_write"].met is met
        assert found[f"{direction}_last_write_ratio_of_medians"].value == operator
        assert found[f"{direction}_last_pod"].value == 2 * operator


def test_medians_and_the_worst() -> None:
    several = [flip("operator", DOWN, seconds) for seconds in (1.0, 9.0, 2.0)]
    found = {figure.name: figure for figure in figures(flips(2.0, 1.0) + several, 200)}
    spread = found["down_last_write"].spread
    assert found["down_last_write"].value == 2.0
    assert spread is not None
    assert spread.worst == 9.0
    assert found["down_last_write_ratio_of_worst"].value == 9.0


def test_a_flip_that_nobody_saw_end_misses_the_target() -> None:
    found = {figure.name: figure for figure in figures(flips(UNFINISHED, 1.0), 200)}
    assert found["up_last_write"].met is False


def test_allowances_are_told_in_words() -> None:
    assert (str(allowance(200)), str(allowance(1000))) == ("1.5 × the bare client + 0.5 s", "2 × the bare client")


def test_a_flip_is_strict_json() -> None:
    document = flip("operator", DOWN, UNFINISHED, load=[1.0, 2.0, 3.0]).document()
    assert json.loads(json.dumps(document, allow_nan=False))["seen_seconds"] is None
    assert "at_once" not in document
