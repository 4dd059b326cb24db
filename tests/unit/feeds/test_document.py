"""JSON documents and paths into them."""

from typing import Any

import pytest

from wattswitch.feeds.document import find, find_all, parse_document, parse_list_path, parse_path
from wattswitch.feeds.reading import Problem, Refused


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("price", ("price",)),
        ("data[0].price", ("data", 0, "price")),
        ("[2][1]", (2, 1)),
        ("a.b-c.d e".replace(" ", "_"), ("a", "b-c", "d_e")),
    ],
)
def test_paths_are_keys_and_places(path: str, steps: tuple[object, ...]) -> None:
    assert parse_path(path) == steps


@pytest.mark.parametrize("path", ["", "a..b", "a[", "a[x]", "a[-1]", "a b", "a."])
def test_malformed_paths_are_refused(path: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_path(path)
    assert refused.value.problem is Problem.PATH_MISSING


def test_a_number_is_found_by_its_path() -> None:
    document = parse_document(b'{"data": [{"price": 1}, {"price": 41.19}]}')
    assert find(document, parse_path("data[1].price")) == 41.19


@pytest.mark.parametrize("path", ["dat", "data[2]", "data.price", "data[0][0]", "data[0].price.deeper"])
def test_a_path_that_leads_nowhere_says_where_it_ends(path: str) -> None:
    with pytest.raises(Refused) as refused:
        find(parse_document(b'{"data": [{"price": 1}]}'), parse_path(path))
    assert refused.value.problem is Problem.PATH_MISSING
    assert "no " in refused.value.message


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"<html>41.19</html>", Problem.NOT_JSON),
        (b"", Problem.NOT_JSON),
        (b"\xff\xfe\x00", Problem.NOT_JSON),
        (b"[" * 100_000, Problem.NOT_JSON),
        (b'{"price": NaN}', Problem.NOT_A_NUMBER),
        (b'{"price": -Infinity}', Problem.INFINITE),
        (b'{"price": ' + b"9" * 5000 + b"}", Problem.TOO_MANY_DIGITS),
    ],
)
def test_what_is_no_plain_json_is_refused(body: bytes, problem: Problem) -> None:
    with pytest.raises(Refused) as refused:
        parse_document(body)
    assert refused.value.problem is problem


DAY = {"data": [{"price": {"nl": 41}, "at": 1}, {"price": {"nl": None}, "at": 2}], "at": [1, 2], "one": 5}


@pytest.mark.parametrize(
    ("path", "found"),
    [("data[].price.nl", [41, None]), ("at[]", [1, 2]), ("data[].at", [1, 2])],
)
def test_a_list_path_finds_one_thing_in_every_entry(path: str, found: list[Any]) -> None:
    assert find_all(DAY, parse_list_path(path), 2) == found


def test_a_list_path_may_begin_and_end_with_the_list() -> None:
    assert find_all([[1, 2], [3, 4]], parse_list_path("[][1]"), 2) == [2, 4]
    assert find_all([1, 2], parse_list_path("[]"), 2) == [1, 2]


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("one[]", Problem.PATH_MISSING),
        ("none[]", Problem.PATH_MISSING),
        ("data[].cost", Problem.PATH_MISSING),
        ("data[].price[].x", Problem.PATH_MISSING),
        ("data", Problem.PATH_MISSING),
        ("a b[]", Problem.PATH_MISSING),
    ],
)
def test_a_list_path_that_leads_nowhere_is_refused(path: str, problem: Problem) -> None:
    with pytest.raises(Refused) as refused:
        find_all(DAY, parse_list_path(path), 2)
    assert refused.value.problem is problem


def test_a_list_without_end_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        find_all([1, 2, 3], parse_list_path("[]"), 2)
    assert refused.value.problem is Problem.TOO_LARGE
