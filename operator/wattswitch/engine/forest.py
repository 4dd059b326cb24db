"""Budgets that draw through one another: what each leaves to the others, at one moment, in one process.

Guarantee: a step of a budget sees the books of all others of its tree as they were left by their last step, with what
that one raises, so that siblings never raise into the same watts; and nothing that waits to be sent is sent after
another of the tree has changed. A parent that does not exist, a cycle, or a budget of the tree of which nothing is
known yet means that nothing of the tree is raised; the limits that are known hold all the same.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from wattswitch.cluster import View
from wattswitch.planner import plan
from wattswitch.planner.model import Budget, Plan, Reason, SiteState
from wattswitch.planner.shares import Branch, Lines, Own, bound_watts, branch_of


@dataclass(frozen=True, slots=True)
class Place:
    """What its tree means for one budget, but for what it may draw.

    `lines` are those of every budget of the tree that is known, this one included; `below` are the budgets that draw
    through it; `emergency` tells whether one of those above has one; `gate` names why nothing may be raised.
    """

    lines: Lines
    below: tuple[Branch, ...] = ()
    emergency: bool = False
    gate: str = ""

    @property
    def committed_watts(self) -> int:
        """Watts in the books of the budgets below."""
        return sum(branch.committed_watts for branch in self.below)

    @property
    def fixed_watts(self) -> int:
        """Watts that the budgets below always draw."""
        return sum(branch.own.fixed_watts for branch in self.below)

    @property
    def floor_watts(self) -> int:
        """The same, and their floors."""
        return sum(branch.floor_watts for branch in self.below)

    @property
    def shed_seconds(self) -> float:
        """How long it takes at worst until all that is below is gone, one after the other."""
        return sum(branch.own.shed_seconds for branch in self.below)


ALONE = Place({})


class Forest:
    """The trees of all budgets of this process. `wake` is called when a budget of a tree changed what others see."""

    def __init__(self, view: View, wake: Callable[[], None]) -> None:
        self._view = view
        self._wake = wake
        self._branches: dict[str, Branch] = {}
        self.version = 0
        """Rises with every change of what others see."""

    def place(self, name: str) -> Place:
        """Where a budget stands now."""
        parents = self._parents()
        found = {each: _line(each, parents) for each in parents}
        mine = found[name]
        tree = {each: line for each, line in found.items() if not set(line.names).isdisjoint(mine.names)}
        if len(tree) == 1 and mine.ends_well:
            self.forget(name)
            return ALONE
        known = {each: self._branches[each] for each in tree if each in self._branches}
        above = [known[each] for each in mine.names[1:] if each in known]
        sure = mine.ends_well and known.keys() | {name} == tree.keys() and all(each.sure for each in above)
        return Place(
            lines={
                each: tuple(up for up in line.names if up in known or up == name)
                for each, line in tree.items()
                if each in known or each == name
            },
            below=tuple(known[each] for each, line in tree.items() if name in line.names[1:] and each in known),
            emergency=any(each.emergency for each in above),
            gate="" if sure else Reason.PARENT_UNKNOWN,
        )

    def decide(self, name: str, state: SiteState, alone: Plan, own: Own, place: Place) -> tuple[SiteState, Plan]:
        """The state and the decision within what the tree leaves; the others see it before it is acted on.

        `alone` is what would be decided without the limits of the tree: what the budget claims of them. What meters
        show beyond the books is in all watts here, so `own` has the limit without the correction.
        """
        claimed = branch_of(state, alone, own)
        if claimed.claims:
            branches = {each: self._branches[each] for each in place.lines if each != name} | {name: claimed}
            watts, above = bound_watts(name, branches, place.lines)
            state = replace(state, budget=_bounded(state.budget, watts + place.committed_watts, above))
        decision = plan(state)
        self._note(name, replace(branch_of(state, decision, own), claims=claimed.claims))
        return state, decision

    def _note(self, name: str, branch: Branch) -> None:
        if self._branches.get(name) != branch:
            self._branches[name] = branch
            self.version += 1
            self._wake()

    def doubt(self, name: str) -> None:
        """Have nothing of the tree raised until this budget is noted again: its last decision failed."""
        if (known := self._branches.get(name)) is not None:
            self._note(name, replace(known, sure=False))

    def forget(self, name: str) -> None:
        """Drop what is known of a budget whose loop ends, or that has no tree."""
        self._branches.pop(name, None)

    def _parents(self) -> dict[str, str]:
        """The parent of every budget, empty where it has none."""
        return {raw["metadata"]["name"]: _parent_of(raw) for raw in self._view.all("PowerBudget")}


def _bounded(budget: Budget, watts: int, above: str) -> Budget:
    """The budget with a limit of its tree, which neither its reserve nor its correction makes smaller again."""
    allowed = math.ceil(watts * 100 / (100 - budget.reserve_percent))
    named = allowed < min((budget.cap_watts, *budget.event_limits_watts))
    limited_by = f"PowerBudget {above}" if named else budget.limited_by
    return replace(budget, upstream_limits_watts=(allowed,), limited_by=limited_by)


@dataclass(frozen=True, slots=True)
class _Line:
    """A budget and those above it, the nearest first, as far as they exist and form no cycle."""

    names: tuple[str, ...]
    ends_well: bool


def _line(name: str, parents: Mapping[str, str]) -> _Line:
    names = [name]
    while above := parents.get(names[-1], ""):
        if above in names or above not in parents:
            return _Line(tuple(names), ends_well=False)
        names.append(above)
    return _Line(tuple(names), ends_well=True)


def _parent_of(raw: Mapping[str, Any]) -> str:
    return str((raw.get("spec") or {}).get("parent") or "")
