"""The pure core: `plan(state)` turns what was seen into what should run, and says why."""

from wattswitch.planner.plan import plan

__all__ = ["plan"]
