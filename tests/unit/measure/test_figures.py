import json
import math

import pytest

from measure.figures import UNFINISHED, Figure, Report, Spread


@pytest.mark.parametrize(
    ("values", "median", "p99", "worst"),
    [([3.0], 3.0, 3.0, 3.0), ([4.0, 1.0], 2.5, 4.0, 4.0), ([3.0, 1.0, 2.0], 2.0, 3.0, 3.0)],
)
def test_spread_of_few_values(values: list[float], median: float, p99: float, worst: float) -> None:
    spread = Spread.of(values)
    assert (spread.median, spread.percentile(99), spread.worst) == (median, p99, worst)


def test_percentile_is_the_nearest_rank() -> None:
    spread = Spread.of(range(1, 201))
    assert (spread.percentile(50), spread.percentile(99), spread.percentile(100)) == (100, 198, 200)


def test_spread_needs_a_value() -> None:
    with pytest.raises(ValueError, match="at least one value"):
        Spread.of([])


def test_an_unfinished_run_is_slower_than_any_other_and_null_in_json() -> None:
    told = Spread.of([1.0, UNFINISHED, 2.0]).document()
    assert told == {
        "count": 3,
        "unfinished": 1,
        "least": 1.0,
        "median": 2.0,
        "p99": None,
        "worst": None,
        "values": [1.0, 2.0, None],
    }


def test_many_values_are_not_listed() -> None:
    assert "values" not in Spread.of(range(21)).document()


def test_a_target_stands_beside_its_figure() -> None:
    document = Figure("p99", 0.0400001234, "s", 0.05, "p99 at most 50 ms").document()
    assert document == {
        "name": "p99",
        "value": 0.0400001,
        "unit": "s",
        "target": {"at_most": 0.05, "rule": "p99 at most 50 ms"},
        "met": True,
    }


def test_a_figure_without_target_has_no_verdict() -> None:
    assert Figure("floor", 1.0, "s").document() == {"name": "floor", "value": 1.0, "unit": "s"}


@pytest.mark.parametrize(("value", "met"), [(1.0, True), (1.01, False), (UNFINISHED, False), (math.nan, False)])
def test_met_includes_the_target_itself(value: float, *, met: bool) -> None:
    assert Figure("figure", value, "s", 1.0).met is met


@pytest.mark.parametrize(
    ("figures", "met"),
    [
        ([Figure("a", 1, "s", 1), Figure("b", 9, "s")], True),
        ([Figure("a", 1, "s", 1), Figure("b", 2, "s", 1)], False),
        ([Figure("a", 1, "s")], None),
    ],
)
def test_a_report_meets_what_all_its_figures_meet(figures: list[Figure], *, met: bool | None) -> None:
    assert Report("idle", {}, figures).document()["met"] is met


def test_a_report_is_strict_json() -> None:
    report = Report("reaction", {"targets": 2}, [Figure("a", UNFINISHED, "s", 1, spread=Spread.of([UNFINISHED]))])
    document = json.loads(json.dumps(report.document(), allow_nan=False))
    assert list(document) == ["benchmark", "settings", "machine", "met", "figures", "details"]
    assert document["figures"][0]["value"] is None
