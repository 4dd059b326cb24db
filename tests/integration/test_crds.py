"""A real API server takes the custom resource definitions, explains them, and refuses what breaks their schemas."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

import example_files as examples
from generators import BadObject, bad_specs, properties, sample
from local.api import Api, ApiError
from local.cluster import Cluster, Kubectl
from wattswitch.api.base import Condition, ConditionStatus, Resource
from wattswitch.api.crd import KINDS
from wattswitch.api.curtailment_event import CurtailmentEventStatus, SkippedWorkload
from wattswitch.api.parse import parse
from wattswitch.api.power_budget import PowerBudgetSpec

BAD_OBJECTS = 600
SEED = 20_260_801

pytestmark = pytest.mark.usefixtures("crds")


@pytest.fixture
def api(cluster: Cluster) -> Iterator[Api]:
    with Api(cluster.server, cluster.token, cluster.ca_file) as connection:
        yield connection


def _kind(body: dict[str, Any]) -> type[Resource]:
    return next(kind for kind in KINDS if kind.__name__ == body["kind"])


def _try_to_create(api: Api, body: dict[str, Any]) -> Any:
    """What the API server would store, or its refusal."""
    names = _kind(body).names
    place = "" if names.scope == "Cluster" else "namespaces/default/"
    path = f"/apis/wattswitch.io/v1alpha1/{place}{names.plural}?dryRun=All&fieldValidation=Strict"
    try:
        return api.post(path, body)
    except ApiError as refusal:
        return refusal


def _full_objects() -> list[dict[str, Any]]:
    return [body for name in examples.names("full") for body in examples.documents("full", name)]


def test_every_definition_is_established_and_structural(kubectl: Kubectl) -> None:
    for kind in KINDS:
        crd = json.loads(kubectl("get", "crd", f"{kind.names.plural}.wattswitch.io", "-o", "json"))
        conditions = {c["type"]: c["status"] for c in crd["status"]["conditions"]}
        assert conditions["Established"] == "True"
        assert conditions["NamesAccepted"] == "True"
        assert conditions.get("NonStructuralSchema", "False") == "False"


def test_explain_prints_the_docstring_of_the_field(kubectl: Kubectl) -> None:
    explained = " ".join(kubectl("explain", "powerbudget.spec.capWatts").split())
    description = PowerBudgetSpec.model_fields["cap_watts"].description
    assert description
    assert description in explained


def test_short_names_and_category_list_the_kinds(kubectl: Kubectl) -> None:
    named = {kind.names.plural: kubectl("get", kind.names.plural, "-A", "-o", "name") for kind in KINDS}
    for kind in KINDS:
        assert kubectl("get", kind.names.short, "-A", "-o", "name") == named[kind.names.plural]
    listed = [each for kind in KINDS if kind.names.categories for each in named[kind.names.plural].split()]
    assert sorted(kubectl("get", "wattswitch", "-A", "-o", "name").split()) == sorted(listed)


def test_the_columns_of_an_event_tell_its_story(kubectl: Kubectl) -> None:
    (asked,) = examples.documents("valid", "event-limit-form")
    status = CurtailmentEventStatus(
        conditions=(Condition(type="Active", status=ConditionStatus.TRUE, reason="Active"),),
        limit_watts=150_000,
        starts_at="2026-08-01T20:00:00Z",
        ends_at="2026-08-01T22:00:00Z",
        target_met_after_seconds=8,
        worst_watts=149_930,
        shed_kilowatt_hours="12.3",
        skipped=(SkippedWorkload(workload="MiningPool/miners/s21", reason="Paused"),),
    ).to_raw()
    kubectl("create", "-f", "-", given=json.dumps(asked))
    try:
        patch = ("--type=merge", "--subresource=status", "-p", json.dumps({"status": status}))
        kubectl("patch", "curt", "example", *patch)
        header, row = kubectl("get", "curt", "example").splitlines()
        stored = json.loads(kubectl("get", "curt", "example", "-o", "json"))["status"]
    finally:
        kubectl("delete", "curt", "example")
    assert re.split(r" {2,}", header.strip()) == [
        "NAME", "BUDGET", "URGENCY", "LIMIT", "START", "ENDS", "ACTIVE", "MET AFTER", "SHED KWH", "AGE",
    ]  # fmt: skip
    assert row.split()[:-1] == [
        "example", "west-texas", "Firm", "150000", "2026-08-01T20:00:00Z", "2026-08-01T22:00:00Z", "True", "8", "12.3",
    ]  # fmt: skip
    assert stored == status


def test_full_objects_are_accepted_and_read_without_a_problem(api: Api) -> None:
    for body in _full_objects():
        stored = _try_to_create(api, body)
        assert isinstance(stored, dict), f"{body['kind']}: {stored}"
        assert parse(_kind(body), stored)[1] == []


def test_defaults_of_the_api_server_are_those_of_the_model(api: Api) -> None:
    for name in examples.names("valid"):
        body = examples.documents("valid", name)[0]
        stored = _try_to_create(api, body)
        model, problems = parse(_kind(body), body)
        assert problems == []
        assert model is not None
        assert _without_empty(model.to_raw()["spec"]) == stored["spec"], name


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_empty(entry) for key, entry in value.items() if entry not in ([], {})}
    return [_without_empty(entry) for entry in value] if isinstance(value, list) else value


def _candidates() -> list[BadObject]:
    schemas = {kind: examples.schema(definition) for kind, definition in examples.definitions().items()}
    return [bad for body in _full_objects() for bad in bad_specs(body, schemas[body["kind"]])]


def test_no_bad_object_is_accepted_and_read_without_a_problem(api: Api) -> None:
    chosen = sample(_candidates(), BAD_OBJECTS, SEED)
    assert len(chosen) == BAD_OBJECTS
    accepted = [bad for bad in chosen if isinstance(_try_to_create(api, bad.body), dict)]
    unnoticed = [f"{bad.kind} {bad.field}: {bad.fault}" for bad in accepted if not parse(_kind(bad.body), bad.body)[1]]
    assert unnoticed == []


def test_the_bad_objects_cover_every_field() -> None:
    covered = {(bad.kind, bad.field) for bad in sample(_candidates(), BAD_OBJECTS, SEED)}
    fields = {
        (kind, path)
        for kind, definition in examples.definitions().items()
        for path, _ in properties(examples.schema(definition)["properties"]["spec"], "spec")
    }
    assert fields - covered == {("PowerBudget", "spec.gridLimit.assume")}, "which no valid object has"
