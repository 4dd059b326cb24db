"""What a simulation came to, for the terminal: the comparison as a table, and what it says."""

from collections.abc import Iterator
from typing import Final

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table

from wattswitch.pages import amounts
from wattswitch.simulate.account import Account
from wattswitch.simulate.report import wording
from wattswitch.simulate.run import NAME
from wattswitch.simulate.series import write_moment
from wattswitch.simulate.summary import FORESIGHT, STATIC, Result

WIDE: Final = 112
"""Characters a line from which on there is room for what the profit is made of."""

_NONE: Final = "-"
"""Stands where a number does not apply."""

Row = tuple[str, float, Account | None, float]
"""Name, profit, account and seconds over the limit; perfect foresight has no account."""


class Comparison:
    """A line for each policy. Where the terminal is narrow, what the profit is made of is left out."""

    def __init__(self, result: Result) -> None:
        self._result = result
        self._rows = tuple(_rows(result))
        self._cents = amounts.cents([profit for _, profit, _, _ in self._rows])

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        """What fits into this width."""
        wide = options.max_width >= WIDE
        yield self._head()
        yield ""
        yield self._table(wide=wide)
        yield ""
        yield from self._said()
        if wide:
            yield f"start cost: {wording.START_COST_RULE}"

    def _head(self) -> str:
        inputs, site = self._result.inputs, self._result.site
        span = f"{write_moment(float(inputs.times[0]))} to {write_moment(inputs.end)}"
        steps = f"{inputs.steps} steps of {inputs.step_seconds:g} s"
        return f"{site.name}, {span}, {steps}, money in {site.currency or '?'}"

    def _table(self, *, wide: bool) -> Table:
        parts = ("revenue", "energy cost", "start cost") if wide else ()
        shares = ("captured",) if self._result.captured is not None else ()
        accounts = [account for _, _, account, _ in self._rows if account is not None]
        unit, unit_name = amounts.energy_unit(max(account.energy_mwh for account in accounts))
        energy = iter(amounts.column([account.energy_mwh for account in accounts], unit))
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("policy", no_wrap=wide, overflow="fold")
        for title in ("profit", *shares, *parts, unit_name, "switches", "over limit"):
            table.add_column(title, justify="right", no_wrap=True)
        for name, profit, account, over in self._rows:
            cells = [name, self._money(profit)]
            cells += [_percent(self._result.captured_by(profit)) for _ in shares]
            if account is None:
                cells += [_NONE] * (len(parts) + 3)
            else:
                made_of = (account.total_revenue, account.total_cost, account.total_start_cost)
                cells += [self._money(amount) for amount in made_of[: len(parts)]]
                cells += [next(energy), f"{account.switches:,.0f}", f"{over:.0f} s"]
            table.add_row(*cells, style="bold" if name == wording.policy(NAME) else None)
        return table

    def _money(self, amount: float) -> str:
        return amounts.plain(amounts.number(amount, self._cents))

    def _said(self) -> Iterator[str]:
        result = self._result
        own, bound = self._money(result.account.profit), result.foresight_bound
        if result.captured is not None and bound is not None:
            static, most = self._money(result.policies[STATIC].profit), self._money(bound)
            quotient = f"({own} - {static}) / ({most} - {static})"
            yield f"captured switching value: {_percent(result.captured)} = {quotient}"
        elif result.verdict:
            yield f"captured switching value: {result.verdict}"
        if bound is not None and result.share_of_foresight is not None:
            share = amounts.plain(amounts.percent(result.share_of_foresight, digits=2))
            yield f"profit as a share of {wording.FORESIGHT}: {share} = {own} / {self._money(bound)}"
        if bound is not None:
            yield f"{wording.FORESIGHT}: {wording.FORESIGHT_RULE}"
            yield f"{wording.policy(FORESIGHT)}: {wording.rule(FORESIGHT)}"


def _rows(result: Result) -> Iterator[Row]:
    yield wording.policy(NAME), result.account.profit, result.account, result.run.violation_seconds
    for name, account in result.policies.items():
        yield wording.policy(name), account.profit, account, account.violation_seconds
    if result.foresight is not None:
        known = result.foresight
        yield wording.policy(FORESIGHT), known.profit, known, known.violation_seconds
    if result.foresight_bound is not None:
        yield wording.FORESIGHT, result.foresight_bound, None, 0.0


def _percent(share: float | None) -> str:
    return _NONE if share is None else amounts.plain(amounts.percent(share))
