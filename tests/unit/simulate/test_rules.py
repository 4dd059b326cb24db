"""What the API server would refuse is refused without one: the examples of every rule, and the field that is told."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

import example_files as examples
from wattswitch.api.base import ApiModel, Resource, Rule
from wattswitch.api.crd import KINDS
from wattswitch.api.parse import parse_strict
from wattswitch.simulate.rules import broken_rules

MODELS: dict[str, type[Resource]] = {kind.__name__: kind for kind in KINDS}


def broken(raw: dict[str, Any]) -> list[str]:
    return list(broken_rules(parse_strict(MODELS[raw["kind"]], raw).spec))


def rules(schema: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """Each rule in a part of a definition, as the field that it is on and what is told of it."""
    for rule in schema.get("x-kubernetes-validations", ()):
        if "oldSelf" not in rule["rule"]:
            yield path, rule["message"]
    if schema.get("x-kubernetes-list-type") in {"map", "set"}:
        yield f"{path}[]", "Duplicate value"
    for name, child in schema.get("properties", {}).items():
        yield from rules(child, f"{path}.{name}")
    if "items" in schema:
        yield from rules(schema["items"], f"{path}[]")


RULES = [
    (kind, path, message)
    for kind, definition in examples.definitions().items()
    for path, message in rules(examples.schema(definition)["properties"]["spec"], "spec")
]


@pytest.fixture(scope="module")
def refusals() -> set[tuple[str, str]]:
    """What is told of all refused examples, by kind, list places left out."""
    documents = [raw for name in examples.names("refused") for raw in examples.documents("refused", name)]
    return {(raw["kind"], re.sub(r"\[[0-9]+\]", "[]", problem)) for raw in documents for problem in broken(raw)}


@pytest.mark.parametrize(("kind", "path", "message"), RULES)
def test_each_rule_of_the_cluster_is_told_where_it_is_broken(refusals, kind, path, message):
    assert any(of == kind and told.startswith(f"{path}: {message}") for of, told in refusals)


@pytest.mark.parametrize(("folder", "name"), [(f, n) for f in ("valid", "full") for n in examples.names(f)])
def test_what_the_cluster_takes_is_taken(folder, name):
    for raw in examples.documents(folder, name):
        assert broken(raw) == []


def test_a_rule_about_a_change_is_no_matter_of_a_file():
    for name in ("pool-budget", "inference-target"):
        assert [broken(raw) for raw in examples.documents("refused", name)] == [[], []]


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("batch-deadline-work", ["spec.batch"]),
        ("credentials", ["spec.price.sources[0].http.credentials"]),
        ("curve-source-one-family", ["spec.price.outlook.sources[0]"]),
        ("selector-values", ["spec.tenants[0].namespaceSelector.matchExpressions[0]"]),
        ("window-from-to", ["spec.price.sources[0].schedule.windows[0]"]),
    ],
)
def test_the_field_is_told_where_it_is_in_the_file(name, places):
    told = [problem.partition(": ")[0] for raw in examples.documents("refused", name) for problem in broken(raw)]
    assert set(places) <= set(told), told


def test_every_entry_of_a_list_that_is_there_twice_is_told():
    told = {problem.partition(": ")[0] for problem in broken(examples.documents("refused", "duplicates")[0])}
    assert {
        "spec.hardware[1]",
        "spec.gpuGroups[1]",
        "spec.feeds[1]",
        "spec.price.sources[0].schedule.windows[0].days[1]",
        "spec.price.outlook.sources[0].schedule.windows[0].months[1]",
    } <= told


class Sized(ApiModel):
    """A block whose rule fails rather than being false where nothing is said."""

    rules = (Rule("self.size > 1", "too small"),)

    size: int | None = None


def test_a_rule_that_cannot_be_evaluated_is_broken():
    assert list(broken_rules(Sized(size=2))) == []
    assert list(broken_rules(Sized())) == ["spec: too small"]


def curve(**change: Any) -> dict[str, Any]:
    """A valid budget with an outlook, changed."""
    (raw,) = examples.documents("valid", "curve-source-one-family")[:1]
    price = raw["spec"]["price"]
    outlook = {**price["outlook"], **change}
    return {**raw, "spec": {**raw["spec"], "price": {**price, "outlook": outlook}}}


def test_an_outlook_has_the_rules_of_a_feed():
    source = curve()["spec"]["price"]["outlook"]["sources"][0]
    other = {**source, "name": "other"}
    assert broken(curve(sources=[source, other])) == []
    for change, told in (
        ({"sources": [source, source]}, "names of sources must be unique"),
        ({"sources": [{**source, "unit": "Watts"}]}, "sources of a price need a unit of money"),
        ({"sources": [{**source, "unit": "GBPPerMWh"}]}, "must all be in one currency"),
        ({"staleAfterSeconds": 900, "pollSeconds": 900}, "staleAfterSeconds must be above pollSeconds"),
    ):
        assert [told in problem for problem in broken(curve(**change))] == [True], change
