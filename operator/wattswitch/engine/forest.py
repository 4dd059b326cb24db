"""Budgets that draw through one another: what each leaves to the others, at one moment, in one process.

Guarantee: a step of a budget sees the books of all others of its tree as they are, sizes on their way included, so
that siblings never raise into the same watts. A parent that does not exist, a cycle, or a budget of the tree of which
nothing is known yet means that nothing of the tree is raised.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wattswitch.cluster import View
from wattswitch.planner.model import Plan, Reason, SiteState
from wattswitch.planner.shares import Branch, Lines, Own, bound_watts, branch_of


@dataclass(frozen=True, slots=True)
class Place:
    """What its tree means for one budget.

    `limits_watts` are (watts, name of the budget above) pairs, `below` the budgets that draw through it, `emergency`
    whether one of those above has one, `gate` names why nothing may be raised.
    """

    limits_watts: tuple[tuple[int, str], ...] = ()
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


ALONE = Place()


class Forest:
    """The trees of all budgets of this process. `wake` is called when a budget of a tree changed what others see."""

    def __init__(self, view: View, wake: Callable[[], None]) -> None:
        self._view = view
        self._wake = wake
        self._branches: dict[str, Branch] = {}

    def place(self, name: str) -> Place:
        """Where a budget stands now."""
        parents = self._parents()
        line = _line(name, parents)
        if line is None:
            return Place(gate=Reason.PARENT_UNKNOWN)
        below = _below(name, parents)
        if not below and len(line) == 1:
            self.forget(name)
            return ALONE
        lines = {each: found for each in parents if (found := _line(each, parents)) and found[-1] == line[-1]}
        known = {each: self._branches[each] for each in lines if each in self._branches}
        sure = known.keys() == lines.keys() and all(known[each].sure for each in line[1:])
        under = tuple(known[each] for each in below if each in known)
        return Place(
            limits_watts=tuple(_limits(name, line, known, lines, sum(each.committed_watts for each in under))),
            below=under,
            emergency=any(known[each].emergency for each in line[1:] if each in known),
            gate="" if sure else Reason.PARENT_UNKNOWN,
        )

    def note(self, name: str, state: SiteState, plan: Plan, own: Own) -> None:
        """Have the others see a decision, before it is acted on."""
        branch = branch_of(state, plan, own)
        if self._branches.get(name) != branch:
            self._branches[name] = branch
            self._wake()

    def forget(self, name: str) -> None:
        """Drop what is known of a budget whose loop ends."""
        self._branches.pop(name, None)

    def _parents(self) -> dict[str, str]:
        """The parent of every budget, empty where it has none."""
        return {raw["metadata"]["name"]: _parent_of(raw) for raw in self._view.all("PowerBudget")}


def _limits(
    name: str, line: list[str], known: Mapping[str, Branch], lines: Lines, below_watts: int
) -> Iterator[tuple[int, str]]:
    """What its tree leaves to a budget and all below it; of budgets that are not known nothing is taken off.

    A budget without workloads of its own has nothing that this could lower.
    """
    if all(each in known for each in line) and known[name].claims:
        watts, above = bound_watts(name, known, lines)
        yield watts + below_watts, above


def _parent_of(raw: Mapping[str, Any]) -> str:
    return str((raw.get("spec") or {}).get("parent") or "")


def _line(name: str, parents: Mapping[str, str]) -> list[str] | None:
    """The budget and those above it, the nearest first; None where one is missing or they form a cycle."""
    line = [name]
    while above := parents.get(line[-1], ""):
        if above in line or above not in parents:
            return None
        line.append(above)
    return line


def _below(name: str, parents: Mapping[str, str]) -> list[str]:
    """Every budget that draws through this one."""
    return [each for each in parents if each != name and name in (_line(each, parents) or ())]
