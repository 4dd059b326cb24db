"""CustomResourceDefinitions from the models: what pydantic emits, rewritten to structural schemas.

Rewrites: `$ref` inlined; optional `anyOf` collapsed; `const` to `enum`; exclusive bounds to their OpenAPI 3.0 form;
`uniqueItems` to a set list; `patternProperties` of a map to the schema of its values; titles, null and empty
defaults, `additionalProperties: false` and `propertyNames` left out. A key that no rewrite and no structural schema
knows is an error, so that nothing is lost in silence.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from wattswitch.api.base import GROUP, VERSION, Column, Resource
from wattswitch.api.curtailment_event import CurtailmentEvent
from wattswitch.api.inference_deployment import InferenceDeployment
from wattswitch.api.ledger import PowerLedger
from wattswitch.api.mining_pool import MiningPool
from wattswitch.api.power_budget import PowerBudget

Schema = dict[str, Any]

KINDS: Final[tuple[type[Resource], ...]] = (
    PowerBudget,
    MiningPool,
    InferenceDeployment,
    CurtailmentEvent,
    PowerLedger,
)

_KEPT: Final = (
    "description", "type", "format", "enum", "default", "minimum", "maximum", "minLength", "maxLength", "pattern",
    "minItems", "maxItems", "minProperties", "maxProperties", "x-kubernetes-list-type", "x-kubernetes-list-map-keys",
    "required", "x-kubernetes-validations",
)  # fmt: skip
"""Keys that mean the same in JSON schema and in a structural schema, in the order in which they are written."""

_DROPPED: Final = frozenset({"title", "propertyNames", "$defs"})


def structural(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Schema:
    """`node` as a structural schema. Raises ValueError for what has no place in one."""
    schema: Schema = {}
    for key, value in _resolve(node, definitions).items():
        if key in _REWRITES:
            _REWRITES[key](schema, value, definitions)
        elif key in _KEPT:
            schema[key] = value
        elif key not in _DROPPED:
            raise ValueError(f"{key}: {value!r} has no place in a structural schema: model it in another way")
    return {key: schema[key] for key in sorted(schema, key=_place)}


def _place(key: str) -> int:
    return _KEPT.index(key) if key in _KEPT else len(_KEPT)


def _resolve(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """`node` with its reference or its only alternative to null put in place; keys beside those win."""
    if "$ref" in node:
        beside = {key: value for key, value in node.items() if key != "$ref"}
        return _resolve({**definitions[node["$ref"].removeprefix("#/$defs/")], **beside}, definitions)
    if "anyOf" in node:
        beside = {key: value for key, value in node.items() if key != "anyOf"}
        choices = [choice for choice in node["anyOf"] if choice != {"type": "null"}]
        if len(choices) != 1:
            raise ValueError("anyOf of several types has no place in a structural schema: use optional blocks")
        return _resolve({**choices[0], **beside}, definitions)
    return node


def _properties(schema: Schema, value: Any, definitions: Mapping[str, Any]) -> None:
    schema["properties"] = {name: structural(node, definitions) for name, node in value.items()}


def _items(schema: Schema, value: Any, definitions: Mapping[str, Any]) -> None:
    schema["items"] = structural(value, definitions)


def _additional_properties(schema: Schema, value: Any, definitions: Mapping[str, Any]) -> None:
    if value is not False:  # the API server prunes what is not known, and refuses both keys side by side
        schema["additionalProperties"] = structural(value, definitions)


def _pattern_properties(schema: Schema, value: Any, definitions: Mapping[str, Any]) -> None:
    (any_key,) = value.values()  # a map with one type of key; the model checks the keys
    schema["additionalProperties"] = structural(any_key, definitions)


def _const(schema: Schema, value: Any, _: Mapping[str, Any]) -> None:
    schema["enum"] = [value]


def _unique_items(schema: Schema, value: Any, _: Mapping[str, Any]) -> None:
    if value:
        schema["x-kubernetes-list-type"] = "set"


def _exclusive(bound: str, flag: str) -> Callable[[Schema, Any, Mapping[str, Any]], None]:
    def rewrite(schema: Schema, value: Any, _: Mapping[str, Any]) -> None:
        schema.update({bound: value, flag: True})

    return rewrite


def _default(schema: Schema, value: Any, _: Mapping[str, Any]) -> None:
    if isinstance(value, dict):
        schema["default"] = {}  # the fields inside have defaults of their own
    elif value is not None and value not in ([], ""):
        schema["default"] = value


def _description(schema: Schema, value: Any, _: Mapping[str, Any]) -> None:
    schema["description"] = " ".join(value.split())


_REWRITES: Final[dict[str, Callable[[Schema, Any, Mapping[str, Any]], None]]] = {
    "additionalProperties": _additional_properties,
    "const": _const,
    "default": _default,
    "description": _description,
    "exclusiveMaximum": _exclusive("maximum", "exclusiveMaximum"),
    "exclusiveMinimum": _exclusive("minimum", "exclusiveMinimum"),
    "items": _items,
    "patternProperties": _pattern_properties,
    "properties": _properties,
    "uniqueItems": _unique_items,
}


def open_api_schema(kind: type[Resource]) -> Schema:
    """The structural schema of a whole object; metadata is the API server's own business."""
    emitted = kind.model_json_schema(by_alias=True, mode="validation")
    definitions = emitted.get("$defs", {})
    properties = {
        name: structural(emitted["properties"][name], definitions) for name in ("apiVersion", "kind", "spec", "status")
    }
    for name in ("apiVersion", "kind"):
        properties[name] = {"type": "string"}
    properties["status"].pop("default", None)
    return {
        "description": " ".join(emitted["description"].split()),
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": properties["apiVersion"],
            "kind": properties["kind"],
            "metadata": {"type": "object"},
            "spec": properties["spec"],
            "status": properties["status"],
        },
    }


def _column(column: Column) -> Schema:
    return {
        "name": column.name,
        "type": column.type,
        "jsonPath": column.json_path,
        **({"description": column.description} if column.description else {}),
        **({"priority": 1} if column.wide else {}),
    }


def definition(kind: type[Resource]) -> Schema:
    """The CustomResourceDefinition of a kind, ready for the API server."""
    names = kind.names
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": names.scope,
            "names": {
                "kind": kind.__name__,
                "listKind": f"{kind.__name__}List",
                "plural": names.plural,
                "singular": kind.__name__.lower(),
                "shortNames": [names.short],
                **({"categories": list(names.categories)} if names.categories else {}),
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [_column(column) for column in names.columns],
                    "schema": {"openAPIV3Schema": open_api_schema(kind)},
                }
            ],
        },
    }


def file_name(kind: type[Resource]) -> str:
    """The name of the kind's file in `crds/`."""
    return f"{GROUP}_{kind.names.plural}.yaml"
