"""A decision as a table: how many, where that is heading, and why."""

import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table

from wattswitch.planner.explain import explain, money, power
from wattswitch.planner.model import Plan, SiteState

PLAIN_WIDTH = 160
"""Characters a line where the output is no terminal, so that no sentence is cut to ribbons."""

WIDE: Final = 120
"""Characters a line from which on there is room for words beside the numbers."""


def console() -> Console:
    """Where tables go."""
    return Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False)


def show(state: SiteState, decision: Plan, currency: str = "") -> None:
    """Print a decision with the sentence behind every reason; `currency` is left out where nobody knows it."""
    price = money(decision.price_per_mwh, "MWh", currency)
    out = console()
    out.print(
        f"limit {power(decision.limit_watts)}, committed {power(decision.committed_watts)},"
        f" heading for {power(decision.planned_watts)}, price {price}"
    )
    workloads = {workload.key: workload for workload in state.workloads}
    names, rows = short_names(workloads), []
    for target in decision.targets:
        worth = "" if target.worth_per_mwh is None else f"{target.worth_per_mwh:.2f}"
        sizes = (target.from_replicas, target.replicas, target.goal_replicas, target.wanted_replicas)
        why = explain(target, workloads[target.key], decision, state, currency)
        rows.append((names[target.key], *(str(size) for size in sizes), worth, target.reason, why))
    titles = ("now", "ask for", "goal", "wanted", per_mwh("worth", currency))
    out.print(Workloads(titles, tuple(rows)))


@dataclass(frozen=True, slots=True)
class Workloads:
    """A line for each workload: its name, numbers under `titles`, its reason, and why in words.

    Where the terminal is narrow the words stand below, so that no name and no number is cut.
    """

    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        """What fits into this width."""
        wide = options.max_width >= WIDE
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
        table.add_column("workload", no_wrap=wide, overflow="fold")
        for title in self.titles:
            table.add_column(title, justify="right", no_wrap=True)
        table.add_column("reason", no_wrap=True)
        if wide:
            table.add_column("why")
        for row in self.rows:
            table.add_row(*(row if wide else row[:-1]))
        yield table
        if not wide:
            yield ""
            yield from (f"{row[0]}: {row[-1]}" for row in self.rows if row[-1])


def per_mwh(what: str, currency: str) -> str:
    """The title of a column with money per MWh."""
    return f"{what}\n{currency}/MWh" if currency else f"{what}/MWh"


def short_names(keys: Iterable[str]) -> dict[str, str]:
    """Namespace and name of each workload by its key; with its kind where another one has the same."""
    names = {key: key.partition("/")[2] for key in keys}
    count = Counter(names.values())
    return {key: name if count[name] == 1 else key for key, name in names.items()}
