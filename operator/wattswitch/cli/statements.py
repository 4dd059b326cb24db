"""Months and grid events as tables for the terminal."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markup import escape
from rich.table import Table

from wattswitch.pages import amounts
from wattswitch.planner.model import Kind
from wattswitch.settlement import words
from wattswitch.settlement.month import MonthStatement
from wattswitch.settlement.page import PageData
from wattswitch.settlement.statement import EventStatement

WIDE: Final = 150
"""Characters a line from which on there is room for everything."""

_KWH_PER_MWH = 1e3
_MINING = f"{Kind.MINING}/"


class _Cell(NamedTuple):
    """A number under its title; what is not `always` is left out where the terminal is narrow."""

    title: str
    text: str
    always: bool = True


class Statements:
    """A line for each month and for each event, and under the events who did not take part and what is not known."""

    def __init__(self, page: PageData) -> None:
        self._page = page

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        """What fits into this width, one table under the other."""
        page, wide = self._page, options.max_width >= WIDE
        yield escape(f"{page.site}, times of {amounts.zone_name(page.zone)}, money in {page.currency or '?'}")
        if page.months:
            yield ""
            named = [(f"{each.year}-{each.month:02}", list(self._month(each))) for each in page.months]
            yield _table("month", named, wide=wide)
        if page.events:
            yield ""
            yield _table("event", [(each.event.name, list(self._event(each))) for each in page.events], wide=wide)
            yield ""
            yield from (escape(amounts.plain(said)) for event in page.events for said in _said(event))

    def _month(self, month: MonthStatement) -> Iterator[_Cell]:
        yield _Cell("energy", amounts.energy(month.kwh / _KWH_PER_MWH))
        yield _Cell("cost", self._money(month.cost))
        yield _Cell("power credits", self._money(month.power_credits), always=False)
        yield _Cell("response credits", self._money(month.demand_response_credits), always=False)
        yield _Cell("all-in c/kWh", words.number(month.all_in_cents_per_kwh, 2))
        yield _Cell("income", self._money(month.revenue), always=False)
        yield _Cell("net", self._money(month.net))
        yield _Cell("missing", amounts.number(month.missing))

    def _event(self, each: EventStatement) -> Iterator[_Cell]:
        start, worst, zone = each.event.start, each.worst, self._page.zone
        mining = sum(money for key, money in each.lost_by_workload.items() if key.startswith(_MINING))
        limit = each.lines[0].limit_kw if each.lines else None
        drawn = None if worst is None else worst.metered_kw
        yield _Cell("start", f"{amounts.short_day(start, zone)} {amounts.clock(start, zone)}")
        yield _Cell("at most", _power(limit), always=False)
        yield _Cell("at least less", _power(each.committed_kw), always=False)
        yield _Cell("met", {True: "yes", False: "no", None: "?"}[each.met])
        yield _Cell("worst", _power(drawn), always=False)
        yield _Cell("reduced", words.energy(each.reduced_kwh))
        yield _Cell("credit", words.money(each.credit, self._page.currency))
        yield _Cell("avoided", words.money(each.avoided_cost, self._page.currency), always=False)
        yield _Cell("lost income", self._money(each.lost_income))
        yield _Cell("of miners", self._money(mining), always=False)
        yield _Cell("net", words.money(each.net, self._page.currency))

    def _money(self, amount: float) -> str:
        return amounts.money(amount, self._page.currency)


def _power(kw: float | None) -> str:
    return amounts.NONE if kw is None else words.power(kw)


def _said(statement: EventStatement) -> Iterable[str]:
    event, name = statement.event, statement.event.name
    if statement.number_refused:
        yield f"{name}: no baseline ({statement.method}): {statement.number_refused}"
    yield from (f"{name}: {item.workload} was not lowered: {item.reason}" for item in event.skipped)
    yield from (f"{name}: {item.who} opted out: {item.reason}" for item in event.opt_outs)
    if event.excused:
        yield f"{name}: excused {event.excused}"


def _table(first: str, named: Sequence[tuple[str, list[_Cell]]], *, wide: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(first, no_wrap=wide, overflow="fold")
    for cell in named[0][1]:
        if wide or cell.always:
            table.add_column(cell.title, justify="right", no_wrap=True)
    for name, cells in named:
        told = [amounts.plain(cell.text) for cell in cells if wide or cell.always]
        table.add_row(escape(name), *("-" if text == amounts.NONE else escape(text) for text in told))
    return table
