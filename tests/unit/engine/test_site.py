"""What the loop of one budget remembers and survives."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from unit.engine.site_objects import NOW, Stage, pool_raw, target_raw
from wattswitch.engine.site import MOVE_MEMORY_SECONDS, SiteLoop, with_move
from wattswitch.planner import plan
from wattswitch.planner.model import Move


def test_moves_of_one_second_and_direction_are_one() -> None:
    moves = with_move(with_move(with_move([], Move(10.2, 500)), Move(10.7, 300)), Move(10.8, -200))
    assert moves == [Move(11.0, 800), Move(11.0, -200)]


def test_the_last_move_of_each_direction_is_remembered_however_old_it_is() -> None:
    """A pod larger than the ramp may have to wait for longer than other moves matter."""
    moves = [Move(1.0, 500), Move(2.0, 500), Move(3.0, -500)]
    assert with_move(moves, Move(3.0 + 2 * MOVE_MEMORY_SECONDS, -100))[:2] == moves[1:]


class FullDisk:
    def write(self, line: str) -> None:
        raise OSError("no space left on device")


def test_a_decision_that_can_not_be_recorded_is_told_and_costs_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    observation = Stage(pool_raw(), target_raw()).look(NOW)
    loop: Any = SimpleNamespace(name="west", _services=SimpleNamespace(recorder=FullDisk()))
    with caplog.at_level(logging.ERROR):
        SiteLoop._record(loop, observation, plan(observation.state))
    assert "not recorded: no space left on device" in caplog.text
