"""How long the oldest work of each workload waits, for those whose work is to be done by a deadline.

It is kept in this process alone: after a restart, work that waits counts as if it had just come, so its deadline may
be met later by the age that it had.
"""

from collections.abc import Set as AbstractSet

from wattswitch.planner.backlog import Backlog
from wattswitch.planner.model import Signal


class Backlogs:
    """Follows what waits for each workload from every new reading, by the source's own time."""

    def __init__(self) -> None:
        self._backlogs: dict[str, Backlog] = {}

    def oldest_at(self, key: str, signal: Signal, now: float, *, in_order: bool) -> float:
        """When the oldest waiting work came at the earliest, in Unix seconds; now where nothing is known yet."""
        backlog = self._backlogs.get(key)
        if backlog is None or backlog.in_order != in_order:
            backlog = Backlog(in_order)
        if signal.fresh and signal.value is not None and signal.at <= now:
            backlog = self._backlogs[key] = backlog.update(signal.at, signal.value)
        return now if backlog.oldest_at is None else backlog.oldest_at

    def keep_only(self, keys: AbstractSet[str]) -> None:
        """Forget every other workload."""
        for key in self._backlogs.keys() - keys:
            del self._backlogs[key]
