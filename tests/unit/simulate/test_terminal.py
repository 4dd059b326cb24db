"""The comparison in the terminal: what it says at which width."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from unit.simulate.sites import inputs_of, site_of
from wattswitch.simulate.account import account
from wattswitch.simulate.run import run
from wattswitch.simulate.summary import STATIC, Result, report_data, summary
from wattswitch.simulate.terminal import Comparison


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Two days beside a split that keeps the first sizes; perfect foresight is made up."""
    site = site_of(tmp_path_factory.mktemp("site"))
    inputs = inputs_of(site, [20.0, 90.0] * 24)
    played = run(site, inputs)
    own = account(site, inputs, played.spells)
    static = account(site, inputs, played.replicas[:1].repeat(inputs.steps, axis=0))
    most = own.profit + 10.0
    captured = (own.profit - static.profit) / (most - static.profit)
    return Result(site, inputs, played, own, {STATIC: static}, own, most, captured)


def told(result: Result, width: int) -> list[str]:
    file = io.StringIO()
    Console(width=width, file=file).print(Comparison(result))
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_a_wide_terminal_shows_what_the_profit_is_made_of(result: Result) -> None:
    lines = told(result, 160)
    assert lines[2].split("  ")[0] == "policy"
    for title in ("profit", "captured", "revenue", "energy cost", "start cost", "switches", "over limit"):
        assert title in lines[2]
    assert any(line.startswith("start cost: costPerStart of each pod started") for line in lines)


def test_a_narrow_one_keeps_every_number_on_one_line(result: Result) -> None:
    lines = told(result, 80)
    table = lines[2 : lines.index("", 2)]
    assert len(table) == 2 + 4, "a title, a rule, four policies"
    assert "revenue" not in table[0]
    assert not any(line.startswith("start cost") for line in lines)


def test_money_that_is_large_and_apart_has_no_cents(result: Result) -> None:
    rows = [line.split() for line in told(replace(result, foresight_bound=5e6), 160)]
    assert ["perfect", "foresight", "5,000,000"] in [row[:3] for row in rows]


def test_where_nothing_was_to_be_captured_that_is_said(result: Result) -> None:
    lines = told(replace(result, captured=None, verdict="nothing to capture: all earn the same"), 160)
    assert "captured switching value: nothing to capture: all earn the same" in lines
    assert "captured" not in lines[2]


def test_a_run_alone_is_a_line(result: Result) -> None:
    alone = replace(result, policies={}, foresight=None, foresight_bound=None, captured=None)
    text = "\n".join(told(alone, 160))
    assert "Wattswitch" in text
    assert "foresight" not in text
    assert summary(alone)["foresight_in_whole_pods"] is None


def test_a_service_that_has_all_that_it_asks_for_is_not_off_for_a_switch(result: Result) -> None:
    place = next(i for i, w in enumerate(result.site.workloads) if w.demand is not None)
    words = (*result.run.words, "SwitchCost")
    reasons = result.run.reasons.copy()
    reasons[:, place] = len(words) - 1
    shown = report_data(replace(result, run=replace(result.run, reasons=reasons, words=words))).workloads[place]
    assert result.run.spells.mean[:, place].min() >= result.inputs.demand_replicas[:, place].min() > 0
    assert shown.off_shares["DemandMet"] == pytest.approx(1 - 5 / 12)
    assert "SwitchCost" not in shown.off_shares
