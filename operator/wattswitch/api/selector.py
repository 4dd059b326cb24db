"""Label selectors, as everywhere in Kubernetes."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from wattswitch.api.base import ATOMIC, ApiModel, LabelKey, LabelValue, Rule


class Operator(StrEnum):
    """How a label is compared."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


class LabelRequirement(ApiModel):
    """A test of one label."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
            "set values with In and NotIn, and only then",
        ),
    )

    key: LabelKey
    """Key of the label."""
    operator: Operator
    """In, NotIn, Exists or DoesNotExist."""
    values: Annotated[tuple[LabelValue, ...], Field(max_length=32, json_schema_extra=ATOMIC)] = ()
    """Values for In and NotIn."""

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the test holds for these labels; a missing label satisfies NotIn, as in Kubernetes."""
        match self.operator:
            case Operator.IN:
                return labels.get(self.key) in self.values
            case Operator.NOT_IN:
                return labels.get(self.key) not in self.values
            case Operator.EXISTS:
                return self.key in labels
            case Operator.DOES_NOT_EXIST:
                return self.key not in labels


class LabelSelector(ApiModel):
    """All of its tests must hold; an empty selector matches everything."""

    match_labels: Annotated[dict[LabelKey, LabelValue], Field(default_factory=dict, max_length=32)]
    """Labels with exactly these values."""
    match_expressions: Annotated[tuple[LabelRequirement, ...], Field(max_length=32, json_schema_extra=ATOMIC)] = ()
    """Further tests."""

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether every test holds for these labels."""
        exact = all(labels.get(key) == value for key, value in self.match_labels.items())
        return exact and all(requirement.matches(labels) for requirement in self.match_expressions)
