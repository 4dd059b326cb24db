"""A decision as a table: how many, where that is heading, and why."""

import sys

from rich.console import Console
from rich.table import Table

from wattswitch.planner.explain import explain
from wattswitch.planner.model import Plan, SiteState

PLAIN_WIDTH = 160
"""Characters a line where the output is no terminal, so that no sentence is cut to ribbons."""


def console() -> Console:
    """Where tables go."""
    return Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False)


def show(state: SiteState, decision: Plan) -> None:
    """Print a decision with the sentence behind every reason."""
    price = "unknown" if decision.price_per_mwh is None else f"{decision.price_per_mwh:.2f}"
    out = console()
    out.print(
        f"limit {decision.limit_watts} W, committed {decision.committed_watts} W,"
        f" heading for {decision.planned_watts} W, price {price}/MWh"
    )
    table = Table("workload", "now", "ask for", "goal", "wanted", "worth/MWh", "reason", "why")
    workloads = {workload.key: workload for workload in state.workloads}
    for target in decision.targets:
        worth = "" if target.worth_per_mwh is None else f"{target.worth_per_mwh:.2f}"
        sizes = (target.from_replicas, target.replicas, target.goal_replicas, target.wanted_replicas)
        why = explain(target, workloads[target.key], decision, state)
        table.add_row(target.key, *(str(size) for size in sizes), worth, target.reason, why)
    out.print(table)
