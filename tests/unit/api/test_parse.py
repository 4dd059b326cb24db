"""Problems name the field as in YAML, what is wrong and what to do; unknown fields alone refuse nothing."""

import copy
from typing import Any

import pytest

import example_files as examples
from generators import bad_specs
from wattswitch.api.base import Resource
from wattswitch.api.crd import KINDS, open_api_schema
from wattswitch.api.mining_pool import MiningPool
from wattswitch.api.parse import SpecError, parse, parse_strict
from wattswitch.api.power_budget import PowerBudget

PERCENT = 'it must be a percentage from 0 to 100 such as "2.5" in quotes'


@pytest.fixture
def pool() -> dict[str, Any]:
    return copy.deepcopy(examples.documents("full", "miningpool")[0])


@pytest.fixture
def budget() -> dict[str, Any]:
    return copy.deepcopy(examples.documents("full", "powerbudget")[0])


def _change(body: dict[str, Any], path: str, value: Any) -> None:
    *way, last = (int(step) if step.isdigit() else step for step in path.split("."))
    block: Any = body
    for step in way:
        block = block[step]
    if value is None:
        del block[last]
    else:
        block[last] = value


@pytest.mark.parametrize("kind", KINDS)
def test_full_objects_are_read_and_written_back_as_they_were(kind: type[Resource]) -> None:
    for body in examples.documents("full", kind.__name__.lower()):
        model, problems = parse(kind, body)
        assert problems == []
        assert model is not None
        assert parse_strict(kind, body) == model
        assert parse_strict(kind, {**body, "spec": model.to_raw()["spec"]}) == model
        assert _contains(model.to_raw()["spec"], body["spec"])


def _contains(whole: Any, part: Any) -> bool:
    if isinstance(part, dict):
        return all(key in whole and _contains(whole[key], value) for key, value in part.items())
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(_contains, whole, part))
    return bool(whole == part)


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("spec.budget", None, "spec.budget: is required: add it"),
        ("spec.budget", 5, "spec.budget: must be text, not 5: put it in quotes"),
        ("spec.replicas.max", "40", 'spec.replicas.max: must be a whole number without quotes, not "40": correct it'),
        ("spec.replicas.max", -1, "spec.replicas.max: -1 is too low: use 0 or more"),
        (
            "spec.targetRef.kind",
            "Pod",
            "spec.targetRef.kind: \"Pod\" is not allowed: use 'Deployment' or 'StatefulSet'",
        ),
        ("spec.switching", [], "spec.switching: must be a block of fields, not []: write its fields below it"),
        ("spec.worth.poolFeePercent", 2, f"spec.worth.poolFeePercent: 2 is not allowed: {PERCENT}"),
    ],
)
def test_a_problem_of_a_pool_says_where_what_and_what_to_do(
    pool: dict[str, Any], path: str, value: Any, problem: str
) -> None:
    _change(pool, path, value)
    assert parse(MiningPool, pool) == (None, [problem])


@pytest.mark.parametrize(
    ("path", "value", "start"),
    [
        (
            "spec.price.sources.0.unit",
            "Dollars",
            "spec.price.sources[0].unit: \"Dollars\" is not allowed: use 'USDPerMWh'",
        ),
        ("spec.price.sources", [], "spec.price.sources: has too few entries: use at least 1"),
        ("spec.feeds", {}, "spec.feeds: must be a list, not {}: start each entry with a dash"),
        ("spec.capWatts", True, "spec.capWatts: must be a whole number without quotes, not true"),
        ("spec.capWatts", 10**11, "spec.capWatts: 100000000000 is too high: use 10000000000 or less"),
        ("spec.hardware.0.joulesPerTerahash", "0.0", 'spec.hardware[0].joulesPerTerahash: "0.0" is not allowed'),
        ("spec.price.assume", "NaN", 'spec.price.assume: "NaN" is not allowed: it must be a decimal number'),
        ("spec.price.assume", "1e3", 'spec.price.assume: "1e3" is not allowed: it must be a decimal number'),
        ("spec.overhead.pue", "0.99", 'spec.overhead.pue: "0.99" is not allowed: it must be a ratio from 1 to 3'),
        ("spec.meter.sources.2.file.path", "/data/../etc/shadow", "spec.meter.sources[2].file.path: "),
        ("spec.tenants.0.namespaceSelector.matchLabels", {"a b": "c"}, "spec.tenants[0].namespaceSelector.matchLabels"),
    ],
)
def test_a_problem_of_a_budget_says_where_what_and_what_to_do(
    budget: dict[str, Any], path: str, value: Any, start: str
) -> None:
    _change(budget, path, value)
    model, problems = parse(PowerBudget, budget)
    assert model is None
    assert len(problems) == 1
    assert problems[0].startswith(start)


def test_a_password_in_a_url_is_refused_and_never_repeated(budget: dict[str, Any]) -> None:
    _change(budget, "spec.price.sources.1.http.url", "https://reader:hunter2@prices.example")
    model, problems = parse(PowerBudget, budget)
    assert model is None
    assert len(problems) == 1
    assert "hunter2" not in problems[0]


def test_a_wrong_entry_does_not_also_make_its_list_too_short(pool: dict[str, Any], budget: dict[str, Any]) -> None:
    budget["spec"]["price"]["sources"] = [{"name": "a", "unit": "Nonsense", "fixed": {"value": "1"}}]
    _, problems = parse(PowerBudget, budget)
    assert [problem.split(":")[0] for problem in problems] == ["spec.price.sources[0].unit"]


def test_unknown_fields_are_reported_and_the_rest_counts(pool: dict[str, Any]) -> None:
    known = parse(MiningPool, pool)[0]
    pool["spec"]["worth"]["fee"] = "1"
    model, problems = parse(MiningPool, pool)
    assert model == known
    assert problems == ["spec.worth.fee: is not a known field: check its spelling, or remove it"]
    with pytest.raises(SpecError, match=r"spec\.worth\.fee: is not a known field"):
        parse_strict(MiningPool, pool)


def test_python_spellings_are_unknown_fields(pool: dict[str, Any]) -> None:
    pool["spec"]["on_delete"] = pool["spec"].pop("onDelete")
    model, problems = parse(MiningPool, pool)
    assert model is not None
    assert model.spec.on_delete == "Keep"
    assert [problem.split(":")[0] for problem in problems] == ["spec.on_delete"]


def test_unknown_status_and_foreign_metadata_are_nobodys_problem(pool: dict[str, Any]) -> None:
    pool["status"] = {"newer": 1, "reason": "AtMaximum"}
    pool["metadata"] |= {"managedFields": [{}], "uid": "u", "finalizers": [], "resourceVersion": "7"}
    model, problems = parse(MiningPool, pool)
    assert problems == []
    assert model is not None
    assert (model.status.reason, model.metadata.uid) == ("AtMaximum", "u")


def test_unknown_and_wrong_fields_are_reported_together(pool: dict[str, Any]) -> None:
    pool["spec"] |= {"priority": "high", "nonsense": 1}
    model, problems = parse(MiningPool, pool)
    assert model is None
    assert {problem.split(":")[0] for problem in problems} == {"spec.priority", "spec.nonsense"}


@pytest.mark.parametrize("raw", [5, None, [], "text"])
def test_what_is_no_object_at_all_is_a_problem_too(raw: Any) -> None:
    model, problems = parse(MiningPool, raw)
    assert model is None
    assert problems[0].startswith("the object: must be a block of fields")


@pytest.mark.parametrize("kind", KINDS)
def test_every_generated_fault_is_noticed(kind: type[Resource]) -> None:
    schema = open_api_schema(kind)
    for body in examples.documents("full", kind.__name__.lower()):
        for bad in bad_specs(body, schema):
            assert parse(kind, bad.body)[1], f"{bad.field} {bad.fault}"
