"""The live table: what the custom resources' status says, one row for each step."""

import sys
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from local.api import ApiServer
from play.monitor import PATHS

ROWS_ON_SCREEN = 14
STEPS_PER_PLAIN_ROW = 6
UNKNOWN = "–"


@dataclass(frozen=True, slots=True)
class Cell:
    """One workload: how many pods of how many, and why. `goal` and `wanted` are checked against the record."""

    key: str
    pods: str
    reason: str
    goal: int | None
    wanted: int | None

    @property
    def name(self) -> str:
        """The workload's name without kind and namespace."""
        return self.key.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Row:
    """One step as the API server shows it. Watts are None and the price is empty until the operator has spoken."""

    step: int
    clock: str
    asked_at: float
    read_at: float
    price: str
    limit_watts: int | None
    committed_watts: int | None
    cells: tuple[Cell, ...]


class Display(Protocol):
    """Shows rows as they come."""

    def row(self, row: Row) -> None:
        """Show one step."""

    def note(self, text: str) -> None:
        """Say what happened to the site."""

    def close(self) -> None:
        """Leave the terminal as it was."""


def read_row(server: ApiServer, budget: str, step: int, clock: str, now: Callable[[], float]) -> Row:
    """Read the statuses of a budget and of all workloads."""
    asked_at = now()
    workloads = [
        _cell(kind, raw)
        for kind in ("InferenceDeployment", "MiningPool")
        for raw in server.get(PATHS[kind])["items"]
        if raw["spec"]["budget"] == budget
    ]
    status = server.get(f"{PATHS['PowerBudget']}/{budget}").get("status", {})
    return Row(
        step=step,
        clock=clock,
        asked_at=asked_at,
        read_at=now(),
        price=status.get("pricePerMWh", ""),
        limit_watts=status.get("limitWatts"),
        committed_watts=status.get("committedWatts"),
        cells=tuple(sorted(workloads, key=lambda cell: cell.key)),
    )


def display() -> Display:
    """A live table on a terminal, plain lines elsewhere."""
    return LiveDisplay() if sys.stdout.isatty() else PlainDisplay()


class LiveDisplay:
    """The last rows in a table that redraws itself; notes stay above it."""

    def __init__(self) -> None:
        self._rows: deque[Row] = deque(maxlen=ROWS_ON_SCREEN)
        self._live = Live(console=Console(), refresh_per_second=4, transient=False)
        self._live.start()

    def row(self, row: Row) -> None:
        """Show one step."""
        self._rows.append(row)
        self._live.update(_table(self._rows))

    def note(self, text: str) -> None:
        """Say what happened to the site."""
        self._live.console.print(Text(text, style="bold yellow"))

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._live.stop()


class PlainDisplay:
    """One line for every half hour of the day, and one for everything that happens to the site."""

    def row(self, row: Row) -> None:
        """Show one step."""
        if row.step % STEPS_PER_PLAIN_ROW == 0:
            cells = "  ".join(f"{cell.name} {cell.pods} {cell.reason}" for cell in row.cells)
            watts = f"limit {_kilowatts(row.limit_watts)} kW  committed {_kilowatts(row.committed_watts)} kW"
            print(f"{row.clock}  price {row.price or UNKNOWN:>8}  {watts}  {cells}", flush=True)

    def note(self, text: str) -> None:
        """Say what happened to the site."""
        print(text, flush=True)

    def close(self) -> None:
        """Nothing to undo."""


def _cell(kind: str, raw: dict[str, Any]) -> Cell:
    metadata, status = raw["metadata"], raw.get("status", {})
    text = status.get("replicasText") or status.get("grantedText")
    return Cell(
        key=f"{kind}/{metadata['namespace']}/{metadata['name']}",
        pods=text or UNKNOWN,
        reason=status.get("reason", UNKNOWN),
        goal=status.get("goalReplicas"),
        wanted=status.get("wantedReplicas"),
    )


def _table(rows: Iterable[Row]) -> Table:
    shown = list(rows)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("Time", "Price", "Limit kW", "Committed kW"):
        table.add_column(title, justify="right", no_wrap=True)
    for cell in shown[-1].cells:
        table.add_column(cell.name, no_wrap=True)
    for row in shown:
        over = (row.committed_watts or 0) > (row.limit_watts or 0)
        committed = Text(_kilowatts(row.committed_watts), style="red" if over else "")
        cells = [Text.assemble(f"{cell.pods:>5} ", (cell.reason, "dim")) for cell in row.cells]
        table.add_row(row.clock, row.price or UNKNOWN, _kilowatts(row.limit_watts), committed, *cells)
    return table


def _kilowatts(watts: int | None) -> str:
    return UNKNOWN if watts is None else f"{watts / 1000:.1f}"
