"""How long the oldest work of each workload waits, for those whose work is to be done by a deadline.

Each workload's own status tells it to the next process, rounded down: after a restart nothing is finished later than it
would have been.
"""

from collections.abc import Set as AbstractSet

from wattswitch.planner.backlog import Backlog, Mark
from wattswitch.planner.model import Signal


class Backlogs:
    """Follows what waits for each workload from every new reading, by the source's own time."""

    def __init__(self) -> None:
        self._backlogs: dict[str, Backlog] = {}

    def oldest_at(self, key: str, signal: Signal, now: float, *, in_order: bool, kept: float | None = None) -> float:
        """When the oldest waiting work came at the earliest, in Unix seconds; now where nothing is known yet.

        `kept` is what was known of it before this process followed it.
        """
        backlog = self._backlogs.get(key)
        if backlog is None:
            known = () if kept is None else (Mark(min(kept, now), 0.0),)
            backlog = Backlog(in_order, known)
        elif backlog.in_order != in_order:
            backlog = Backlog(in_order, backlog.marks[:1])
        if signal.fresh and signal.value is not None and signal.at <= now:
            backlog = backlog.update(signal.at, signal.value)
        if backlog.marks:
            self._backlogs[key] = backlog
        return now if backlog.oldest_at is None else backlog.oldest_at

    def keep_only(self, keys: AbstractSet[str]) -> None:
        """Forget every other workload."""
        for key in self._backlogs.keys() - keys:
            del self._backlogs[key]
