"""Models become structural schemas, and nothing that a structural schema cannot say is lost in silence."""

from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import Field

import example_files as examples
from generators import properties
from wattswitch.api.base import ApiModel, Resource, Rule
from wattswitch.api.crd import KINDS, definition, open_api_schema, structural


class Inner(ApiModel):
    """The inner block."""

    rules: ClassVar[tuple[Rule, ...]] = (Rule("self.size > 1", "too small"),)

    size: int = 2
    """How large it is."""


class Derived(Inner):
    """A block with the rules of another."""

    rules: ClassVar[tuple[Rule, ...]] = (Rule("self.size < 9", "too large"),)


class Outer(ApiModel):
    """The outer
    block."""

    inner: Inner
    """The first."""
    maybe: Inner | None = None
    """The second."""
    version: Literal["v1"] = "v1"
    above: Annotated[int, Field(gt=0)]
    below: Annotated[int, Field(lt=9)] = 8
    kinds: frozenset[Literal["a", "b"]] = frozenset()
    labels: dict[Annotated[str, Field(pattern="^a$")], Annotated[str, Field(max_length=5)]]
    default: Inner = Inner()


def _structural(model: type[ApiModel]) -> dict[str, Any]:
    emitted = model.model_json_schema()
    return structural(emitted, emitted.get("$defs", {}))


@pytest.fixture
def outer() -> dict[str, Any]:
    return dict(_structural(Outer)["properties"])


def test_references_are_inlined_and_the_text_of_the_field_wins(outer: dict[str, Any]) -> None:
    assert outer["inner"] == {
        "description": "The first.",
        "type": "object",
        "properties": {"size": {"description": "How large it is.", "type": "integer", "default": 2}},
        "x-kubernetes-validations": [{"rule": "self.size > 1", "message": "too small"}],
    }


def test_an_optional_block_is_the_block_without_null_and_not_required(outer: dict[str, Any]) -> None:
    assert outer["maybe"] == {**outer["inner"], "description": "The second."}
    assert _structural(Outer)["required"] == ["inner", "above", "labels"]


def test_one_constant_is_an_enum_of_one(outer: dict[str, Any]) -> None:
    assert outer["version"] == {"type": "string", "enum": ["v1"], "default": "v1"}


def test_exclusive_bounds_take_their_older_form(outer: dict[str, Any]) -> None:
    assert outer["above"] == {"type": "integer", "minimum": 0, "exclusiveMinimum": True}
    assert outer["below"] == {"type": "integer", "maximum": 9, "exclusiveMaximum": True, "default": 8}


def test_a_set_is_a_list_of_type_set(outer: dict[str, Any]) -> None:
    assert outer["kinds"] == {
        "type": "array",
        "items": {"type": "string", "enum": ["a", "b"]},
        "x-kubernetes-list-type": "set",
    }


def test_a_map_keeps_the_schema_of_its_values(outer: dict[str, Any]) -> None:
    assert outer["labels"] == {
        "type": "object",
        "additionalProperties": {"type": "string", "maxLength": 5},
    }


def test_the_default_of_a_block_is_left_to_its_fields(outer: dict[str, Any]) -> None:
    assert outer["default"]["default"] == {}


def test_descriptions_are_one_line() -> None:
    assert _structural(Outer)["description"] == "The outer block."


def test_rules_are_inherited_before_own_ones() -> None:
    messages = [rule["message"] for rule in _structural(Derived)["x-kubernetes-validations"]]
    assert messages == ["too small", "too large"]


@pytest.mark.parametrize("node", [{"anyOf": [{"type": "string"}, {"type": "integer"}]}, {"oneOf": []}, {"not": {}}])
def test_what_has_no_place_in_a_structural_schema_is_an_error(node: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no place in a structural schema"):
        structural(node, {})


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_bounded_and_every_spec_field_explained(kind: type[Resource]) -> None:
    schema = open_api_schema(kind)
    for part in ("spec", "status"):
        for path, node in properties(schema["properties"][part], part):
            assert _bound(node) is None, f"{kind.__name__} {path} needs {_bound(node)}"
            if not path.endswith(("[]", ".*")):
                assert node.get("description"), f"{kind.__name__} {path} needs a docstring"


def _bound(node: dict[str, Any]) -> str | None:
    """The bound that a schema lacks."""
    if "enum" in node or "properties" in node or node["type"] == "boolean":
        return None
    needed = {"string": "maxLength", "array": "maxItems", "object": "maxProperties", "integer": "minimum"}
    missing = needed[node["type"]]
    return None if missing in node else missing


@pytest.mark.parametrize("kind", KINDS)
def test_columns_read_fields_that_are_there(kind: type[Resource]) -> None:
    schema = open_api_schema(kind)
    fields = {path for part in ("spec", "status") for path, _ in properties(schema["properties"][part], part)}
    for column in kind.names.columns:
        path = column.json_path.removeprefix(".").split("[?")[0]
        assert path in fields | {"metadata.creationTimestamp"}


def test_names_clash_with_nothing() -> None:
    names = [definition(kind)["spec"]["names"] for kind in KINDS]
    assert [n["shortNames"] for n in names] == [["pwb"], ["mpool"], ["infd"], ["curt"], ["pwl"]]
    assert [n.get("categories") for n in names] == [["wattswitch"]] * 4 + [None]


@pytest.mark.parametrize("kind", KINDS)
def test_defaults_of_the_schema_are_those_of_the_model(kind: type[Resource]) -> None:
    schema = open_api_schema(kind)
    for body in examples.documents("full", kind.__name__.lower()):
        minimal = {**body, "spec": _required_only(body["spec"], schema["properties"]["spec"])}
        model = kind.model_validate(minimal)
        defaulted = _with_defaults(minimal["spec"], schema["properties"]["spec"])
        assert kind.model_validate({**minimal, "spec": defaulted}) == model
        assert _without_empty(model.to_raw()["spec"]) == _without_empty(defaulted)


def _required_only(value: Any, schema: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_required_only(entry, schema["items"]) for entry in value[:1]]
    if not isinstance(value, dict) or "properties" not in schema:
        return value
    kept = schema.get("required", ())
    return {name: _required_only(value[name], schema["properties"][name]) for name in value if name in kept}


def _with_defaults(value: Any, schema: dict[str, Any]) -> Any:
    """The value as the API server stores it: absent fields with a default are filled in, outside first."""
    if isinstance(value, list):
        return [_with_defaults(entry, schema["items"]) for entry in value]
    if not isinstance(value, dict) or "properties" not in schema:
        return value
    filled = {name: node["default"] for name, node in schema["properties"].items() if "default" in node} | value
    return {name: _with_defaults(entry, schema["properties"][name]) for name, entry in filled.items()}


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_empty(entry) for key, entry in value.items() if entry not in ([], {})}
    return [_without_empty(entry) for entry in value] if isinstance(value, list) else value
