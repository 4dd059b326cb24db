"""The live table: what the custom resources' status says, one row for each step."""

import sys
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.table import Table
from rich.text import Text

from local.api import ApiServer
from play.monitor import PATHS

ROWS_ON_SCREEN = 14
LEAST_ROWS = 3
STEPS_PER_PLAIN_ROW = 6
UNKNOWN = "–"

GAP = 2
"""Blanks between columns."""
CLOCK, PRICE, WATTS, COMMITTED = 5, 8, 7, 9
PODS, LEAST_REASON, REASON = 5, 9, 16
"""Characters of "40/40", of the shortest reason that says something, and of the longest one."""
LINES_AROUND = 7
"""Headings, rules and blank lines around the rows, and one for the cursor."""
LEGEND = (
    "a/b: pods asked for / wanted by the demand; of miners, all that there are.",
    "Committed counts a pod until it is gone: red while those of a cut still stop.",
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One workload: how many pods of how many, and why. `goal` and `wanted` are checked against the record."""

    key: str
    pods: str
    reason: str
    goal: int | None
    wanted: int | None
    kilowatts: str = UNKNOWN
    why: str = ""

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


def display(currency: str) -> Display:
    """A live table on a terminal, plain lines elsewhere. `currency` is that of the prices, an ISO 4217 code."""
    return LiveDisplay(currency) if sys.stdout.isatty() else PlainDisplay()


class LiveDisplay:
    """The last rows in a table that redraws itself; notes stay above it."""

    def __init__(self, currency: str) -> None:
        self._currency = currency
        self._rows: deque[Row] = deque(maxlen=ROWS_ON_SCREEN)
        self._live = Live(console=Console(highlight=False), refresh_per_second=4, transient=False)
        self._live.start()

    def row(self, row: Row) -> None:
        """Show one step."""
        self._rows.append(row)
        self._live.update(Board(self._currency, tuple(self._rows)))

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
        kilowatts=status.get("kilowatts", UNKNOWN),
        why=status.get("message", ""),
    )


@dataclass(frozen=True, slots=True)
class Board:
    """The rows so far, the newest last and in words below. Fits the terminal: columns keep their place and width."""

    currency: str
    rows: Sequence[Row]

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        """What fits into this width and height."""
        yield Group(*self._parts(options.max_width, options.height or options.size.height))

    def _parts(self, width: int, height: int) -> Iterable[RenderableType]:
        last = self.rows[-1]
        count = height - LINES_AROUND - len(last.cells) - len(LEGEND)
        rows = self.rows[-max(LEAST_ROWS, count) :]
        yield _history(rows, Layout.of(last.cells, width), self.currency)
        yield ""
        yield _now(last, width)
        yield from (Text(line, style="dim", overflow="ellipsis", no_wrap=True) for line in LEGEND)


@dataclass(frozen=True, slots=True)
class Layout:
    """Characters for the name or pods of each workload that fits, and for a reason beside its pods; 0 for none."""

    names: tuple[int, ...]
    reason: int

    @classmethod
    def of(cls, cells: Sequence[Cell], width: int) -> "Layout":
        """Share what time, price, limit and committed leave: pods first, then names, then reasons."""
        room = width - CLOCK - PRICE - WATTS - COMMITTED - 3 * GAP
        least = [max(PODS, len(cell.pods)) for cell in cells]
        while least and sum(least) + GAP * len(least) > room:
            least.pop()
        room -= GAP * len(least)
        full = [max(pods, len(cell.name)) for pods, cell in zip(least, cells, strict=False)]
        if not full or sum(full) > room:
            return cls(_shrunk(full, least, room), 0)
        reason = min(room // len(full) - PODS - 1, REASON)
        return cls(tuple(full), reason if reason >= LEAST_REASON else 0)

    @property
    def widths(self) -> tuple[int, ...]:
        """Characters of each workload's column."""
        if not self.reason:
            return self.names
        return tuple(max(name, PODS + 1 + self.reason) for name in self.names)


def _shrunk(full: Sequence[int], least: Sequence[int], room: int) -> tuple[int, ...]:
    """Cut the longest names first until all columns fit; never the pods."""
    longest = max(full, default=0)
    while longest > 1 and sum(_capped(full, least, longest)) > room:
        longest -= 1
    return _capped(full, least, longest)


def _capped(full: Sequence[int], least: Sequence[int], longest: int) -> tuple[int, ...]:
    return tuple(max(pods, min(name, longest)) for name, pods in zip(full, least, strict=True))


def _history(rows: Sequence[Row], layout: Layout, currency: str) -> Table:
    table = _plain_table()
    for title, width in (
        ("Time", CLOCK),
        (f"Price\n{currency}/MWh"[: PRICE + len("Price\n")], PRICE),
        ("Limit\nkW", WATTS),
        ("Committed\nkW", COMMITTED),
    ):
        table.add_column(title, justify="right", **_fixed(width))
    for cell, width in zip(rows[-1].cells, layout.widths, strict=False):
        table.add_column(cell.name, justify="left" if layout.reason else "right", **_fixed(width))
    for row in rows:
        cells = [_told(cell, layout.reason) for cell in row.cells[: len(layout.names)]]
        table.add_row(row.clock, row.price or UNKNOWN, _kilowatts(row.limit_watts), _committed(row), *cells)
    return table


def _now(row: Row, width: int) -> Table:
    """The newest row in words, a line for each workload."""
    name = max((len(cell.name) for cell in row.cells), default=0)
    name = min(name, max(PODS, width - PODS - WATTS - REASON - 3 * GAP))
    table = _plain_table(expand=True)
    table.add_column(row.clock, **_fixed(name))
    table.add_column("pods", justify="right", **_fixed(max((len(cell.pods) for cell in row.cells), default=PODS)))
    table.add_column("kW", justify="right", **_fixed(WATTS))
    table.add_column("why", **_fixed(REASON))
    table.add_column("", ratio=1, no_wrap=True, overflow="ellipsis")
    for cell in row.cells:
        table.add_row(cell.name, cell.pods, cell.kilowatts, cell.reason, Text(cell.why, style="dim"))
    return table


def _plain_table(*, expand: bool = False) -> Table:
    # the box puts one blank of the gap between columns
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0), expand=expand)


def _fixed(width: int) -> dict[str, Any]:
    return {"width": width, "no_wrap": True, "overflow": "ellipsis"}


def _told(cell: Cell, reason: int) -> Text:
    if not reason:
        return Text(cell.pods)
    return Text.assemble(f"{cell.pods:>{PODS}} ", (cell.reason, "dim"))


def _committed(row: Row) -> Text:
    over = (row.committed_watts or 0) > (row.limit_watts or 0)
    return Text(_kilowatts(row.committed_watts), style="red" if over else "")


def _kilowatts(watts: int | None) -> str:
    return UNKNOWN if watts is None else f"{watts / 1000:.1f}"
