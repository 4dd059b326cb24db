"""Label selectors match as the API server's do."""

from typing import Any

import pytest

from wattswitch.api.selector import LabelSelector

LABELS = {"site": "west", "team": "miners"}


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ({}, True),
        ({"matchLabels": {"site": "west"}}, True),
        ({"matchLabels": {"site": "west", "team": "models"}}, False),
        ({"matchLabels": {"zone": ""}}, False),
        ({"matchExpressions": [{"key": "team", "operator": "In", "values": ["models", "miners"]}]}, True),
        ({"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}, False),
        ({"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["miners"]}]}, False),
        ({"matchExpressions": [{"key": "zone", "operator": "NotIn", "values": ["a"]}]}, True),
        ({"matchExpressions": [{"key": "team", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "zone", "operator": "DoesNotExist"}]}, True),
        (
            {"matchLabels": {"site": "west"}, "matchExpressions": [{"key": "zone", "operator": "Exists"}]},
            False,
        ),
    ],
)
def test_a_selector_matches_labels(selector: dict[str, Any], matches: bool) -> None:
    assert LabelSelector.model_validate(selector).matches(LABELS) is matches
