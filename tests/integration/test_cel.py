"""Every rule of the custom resources on a real API server: one example that it accepts, one that it refuses for it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

import example_files as examples
from local.cluster import Kubectl

DUPLICATE = "Duplicate value"
_complaints: dict[tuple[str, str], str] = {}


def _rules(schema: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """Each rule as the path that it is on and the message of who breaks it."""
    for rule in schema.get("x-kubernetes-validations", ()):
        yield path, rule["message"]
    if schema.get("x-kubernetes-list-type") in {"map", "set"}:
        yield path, DUPLICATE
    for name, child in schema.get("properties", {}).items():
        yield from _rules(child, f"{path}.{name}")
    if "items" in schema:
        yield from _rules(schema["items"], f"{path}[]")


RULES = [
    (kind, path, message)
    for kind, definition in examples.definitions().items()
    for path, message in _rules(examples.schema(definition)["properties"]["spec"], "spec")
]


@pytest.fixture
def complaint(kubectl: Kubectl, request: pytest.FixtureRequest) -> dict[tuple[str, str], str]:
    """What the API server says to each example by folder and name, empty where it accepts it; asked once."""
    if not _complaints:
        request.getfixturevalue("crds")
        for folder in ("valid", "refused"):
            _complaints.update({(folder, name): _ask(kubectl, folder, name) for name in examples.names(folder)})
    return _complaints


def _ask(kubectl: Kubectl, folder: str, name: str) -> str:
    if len(examples.documents(folder, name)) == 1:
        return _said(kubectl, "create", "--dry-run=server", "-f", str(examples.file(folder, name)))
    old, new = examples.file(folder, name).read_text().split("---\n")
    kubectl("create", "-f", "-", given=old)
    try:
        return _said(kubectl, "replace", "--dry-run=server", "-f", "-", given=new)
    finally:
        kubectl("delete", "-f", "-", given=old)


def _said(kubectl: Kubectl, *arguments: str, given: str | None = None) -> str:
    try:
        kubectl(*arguments, given=given)
    except RuntimeError as refusal:
        return str(refusal)
    return ""


def _broken(complaint: str) -> set[tuple[str, str]]:
    """The rules that a complaint names, as path and message."""
    broken = set()
    for path, message in re.findall(r"(spec\S*): (?:Invalid value: )?(.+)", complaint):
        place = re.sub(r"\[\d+\]", "[]", path)
        is_duplicate = message.startswith(DUPLICATE)
        broken.add((place.removesuffix("[]"), DUPLICATE) if is_duplicate else (place, message))
    return broken


def _pair(kind: str, message: str) -> str:
    named = [
        name
        for name in examples.names("refused")
        if examples.title("refused", name) == message and examples.documents("refused", name)[0]["kind"] == kind
    ]
    assert len(named) == 1, f"tests/examples/refused needs one {kind} whose first line is: # {message}"
    assert examples.file("valid", named[0]).exists(), f"tests/examples/valid/{named[0]}.yaml is missing"
    return named[0]


@pytest.mark.parametrize(("kind", "path", "message"), RULES)
def test_a_rule_accepts_its_valid_example_and_refuses_the_other(
    kind: str, path: str, message: str, complaint: dict[tuple[str, str], str]
) -> None:
    name = _pair(kind, message)
    assert complaint["valid", name] == ""
    assert (path, message) in _broken(complaint["refused", name])


def test_a_refused_example_breaks_the_rule_it_is_about_and_no_other(
    complaint: dict[tuple[str, str], str],
) -> None:
    for name in examples.names("refused"):
        messages = {message for _, message in _broken(complaint["refused", name])}
        assert messages == {examples.title("refused", name)}, name


def test_every_example_has_its_counterpart_about_the_same_rule() -> None:
    assert examples.names("valid") == examples.names("refused")
    for name in examples.names("valid"):
        assert examples.title("valid", name) == examples.title("refused", name)
        assert name in {_pair(kind, message) for kind, _, message in RULES}
