"""The table of levels and alerts: its defaults, the site's own, and what it refuses."""

from typing import Any

import pytest
from pydantic import ValidationError

from wattswitch.bridges import Form, Limit, Reason, Refused, Urgency
from wattswitch.bridges.levels import Action, Levels, watts


def test_the_sites_own_table_counts() -> None:
    own = Levels.model_validate(
        {
            "simple": {1: {"toWatts": 90_000}},
            "offsets": {2: {"byWatts": 500}},
            "alerts": {"ALERT_FIRE": {"all": True, "urgency": "Emergency"}},
        }
    )
    assert own.of_simple(1) == (Limit(Form.TO_WATTS, 90_000), Urgency.FIRM)
    assert own.of_offset(2) == (Limit(Form.BY_WATTS, 500), Urgency.FIRM)
    assert own.of_alert("ALERT_FIRE") == (Limit(Form.ALL), Urgency.EMERGENCY)
    for ask in (lambda: own.of_simple(2), lambda: own.of_alert("ALERT_GRID_EMERGENCY")):
        with pytest.raises(Refused) as caught:
            ask()
        assert caught.value.reason is Reason.NO_ACTION_CONFIGURED


@pytest.mark.parametrize(
    "raw", [{}, {"toWatts": 1, "all": True}, {"all": False}, {"toPercent": 101}, {"toWatts": -1}, {"toWatts": 1.5}]
)
def test_an_action_says_exactly_one_limit(raw: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Action.model_validate(raw)


def test_every_level_of_the_default_limits_no_less_than_the_one_below() -> None:
    levels = Levels()
    for rows in (
        [levels.of_simple(level) for level in (1, 2, 3)],
        [levels.of_offset(level) for level in range(1, 11)],
        [levels.of_offset_share(level / 100) for level in range(1, 101)],
    ):
        left = [row[0].watts(1_000_000) for row in rows if row is not None]
        assert left == sorted(left, reverse=True)
        assert len(left) == len(rows)


@pytest.mark.parametrize(("raw", "expected"), [(0, 0), (0.0019, 1), (150.1, 150_100), (1e300, 10_000_000_000)])
def test_watts_are_rounded_down_and_bounded(raw: float, expected: int) -> None:
    assert watts(raw) == expected
