"""`wattswitch report` on records that are made up: what it writes, known answers, and what it says of bad input."""

import csv
import io
import json
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from unit.settlement.settled import EVENTS, page, rows
from wattswitch.cli import main
from wattswitch.cli.statements import Statements
from wattswitch.settlement.eventrecord import EventRecord, OptOut, Skipped
from wattswitch.settlement.intervals import FIXED, SITE, Interval
from wattswitch.settlement.store import Money, Store, path_of

QUARTER = 900
MINER = "MiningPool/mining/s21"
TERMS = """
programs:
- program: ers-30
  committedWatts: 220000
  rampSeconds: 900
  baseline: 5-of-10-adjusted
  rates: {perKWh: "0.40", perKWMonth: "6"}
credits:
- {month: "2026-07", kind: Power, label: sold back, amount: "9400"}
"""


def at(day: int, hour: float = 0.0) -> int:
    """A moment of August 2024, UTC."""
    return int(datetime(2024, 8, day, tzinfo=UTC).timestamp() + hour * 3600)


def recorded(folder: Path, intervals: Iterable[Interval], events: Iterable[EventRecord] = (), **more: Any) -> Path:
    store = Store(path_of(folder, "west"))
    assert store.put(intervals, events, **{"money": Money(0.0, "USD")} | more) is None
    store.close()
    return folder


def run(folder: Path, out: Path, *arguments: str) -> Result:
    known = ["report", f"--store={folder}", "--budget=west", f"--out={out}"]
    return CliRunner().invoke(main, [*known, *arguments])


def loaded(out: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((out / "report.json").read_text())
    return told


def table(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.read_text())))


def hour_of(day: int, hour: int, kw: float, wanted_kw: float, price: float, **changed: Any) -> list[Interval]:
    """An hour of a site that is one miner worth 91 per MWh."""
    told = []
    for start in range(at(day, hour), at(day, hour + 1), QUARTER):
        kwh, wanted, cost = kw / 4, wanted_kw / 4, kw / 4e3 * price
        known = Interval(start, QUARTER, SITE, kwh, 900.0, None, price, cost, wanted_kwh=wanted, **changed)
        told += [known, replace(known, workload=MINER, worth_per_mwh=91.0, revenue=kwh * 0.091)]
    return told


EVENT = EventRecord(
    "hot-friday",
    "u1",
    at(16, 15),
    at(16, 16),
    "ers-30",
    "r-1",
    at(16, 14.5),
    "toWatts",
    10_000,
    "Firm",
    limit_watts=10_000.0,
    target_met_at=at(16, 15) + 40.0,
    skipped=(Skipped("InferenceDeployment/serving/chat", "Paused"),),
    opt_outs=(OptOut("tenant b", "a launch"),),
)


@pytest.fixture
def one_event(tmp_path: Path) -> Path:
    """100 kW, none of them in the hour of the event, at a price of 40 and of 200 then."""
    calm = [row for hour in (13, 14, 16, 17) for row in hour_of(16, hour, 100.0, 100.0, 40.0)]
    held = hour_of(16, 15, 0.0, 100.0, 200.0, by_event=True)
    return recorded(tmp_path / "store", [*calm, *held], [EVENT])


def test_more_credits_than_cost_are_a_price_below_zero(tmp_path: Path) -> None:
    """Cost 100, credits 150, 1,000 kWh: (100 - 150) / 1,000 are -5 cents."""
    site = [Interval(at(3, hour), QUARTER, SITE, 250.0, 900.0, price_per_mwh=100.0, cost=25.0) for hour in range(4)]
    folder = recorded(tmp_path / "store", [*site, *(replace(row, workload=FIXED) for row in site)])
    terms = tmp_path / "terms.yaml"
    terms.write_text(
        'credits:\n- {month: "2024-08", kind: Power, label: sold back, amount: "100"}\n'
        '- {month: "2024-08", kind: DemandResponse, label: season, amount: "70.5"}\n'
        '- {month: "2024-08", kind: DemandResponse, label: penalty, amount: "-20.5"}\n'
        '- {month: "2024-09", kind: Power, label: of another month, amount: "7"}\n'
    )
    result = run(folder, tmp_path / "out", "--month=2024-08", f"--terms={terms}")
    assert result.exit_code == 0, result.output
    assert re.search(r"2024-08\s+1\.00 MWh\s+\$100\s+\$100\s+\$50\.00\s+-5\.00\s", result.output)
    (month,) = loaded(tmp_path / "out")["months"]
    assert month["all_in_cents_per_kwh"] == pytest.approx(-5.0)
    assert (month["kwh"], month["cost"], month["power_credits"]) == (1_000.0, 100.0, 100.0)
    assert "All in, a kWh cost −5.00\N{NO-BREAK SPACE}cents" in (tmp_path / "out" / "report.html").read_text()
    (line,) = table(tmp_path / "out" / "months.csv")
    assert (line["all_in_cents_per_kwh"], line["demand_response_credits"]) == ("-5", "50")


def test_an_event_comes_to_known_numbers(one_event: Path, tmp_path: Path) -> None:
    """100 kWh below the baseline: credit 50 at 0.50, 20 avoided at 200 per MWh, 9.10 not mined at 91: net 60.90."""
    terms = tmp_path / "terms.yaml"
    terms.write_text('programs: [{program: ers-30, committedWatts: 80000, rates: {perKWh: "0.5"}}]')
    out = tmp_path / "out"
    result = run(one_event, out, "--event=hot-friday", "--baseline=meter-before", f"--terms={terms}")
    assert result.exit_code == 0, result.output
    sizes, money = ("10.0 kW", "80.0 kW", "yes", "0 W", "100 kWh"), ("$50.00", "$20.00", "$9.10", "$9.10", "$60.90")
    told = r"\s+".join(map(re.escape, ("hot-friday", "16 Aug 15:00", *sizes, *money)))
    assert re.search(told, result.output), result.output
    assert "hot-friday: InferenceDeployment/serving/chat was not lowered: Paused" in result.output
    assert "hot-friday: tenant b opted out: a launch" in result.output
    report = loaded(out)
    (event,) = report["events"]
    assert report["months"] == []
    assert (event["met"], event["reduced_kwh"], event["credit"]) == (True, pytest.approx(100), pytest.approx(50))
    assert (event["avoided_cost"], event["net"]) == (pytest.approx(20), pytest.approx(60.9))
    assert event["lost_by_workload"] == {MINER: pytest.approx(9.1)}
    assert event["performance_percent"] == pytest.approx(125)
    assert (event["worst"]["limit_kw"], event["worst"]["metered_kw"]) == (10.0, 0.0)
    assert event["opt_outs"] == [{"who": "tenant b", "reason": "a launch"}]
    (line,) = table(out / "events.csv")
    assert (line["met"], line["credit"], line["opt_outs"]) == ("yes", "50", "tenant b: a launch")
    assert len((out / "event-hot-friday.csv").read_text().splitlines()) == 1 + 4


def test_an_event_is_found_by_its_reference_and_by_both_of_its_months(one_event: Path, tmp_path: Path) -> None:
    for asked in ("--event=r-1", "--month=2024-08"):
        assert run(one_event, tmp_path / "out", asked, "--baseline=meter-before").exit_code == 0
        report = loaded(tmp_path / "out")
        (event,) = [*report["events"], *(each for month in report["months"] for each in month["events"])]
        assert (event["name"], event["met"]) == ("hot-friday", True)


def test_what_nobody_gave_terms_for_is_paid_nothing_and_said_to_be(one_event: Path, tmp_path: Path) -> None:
    result = run(one_event, tmp_path / "out", "--event=r-1", "--baseline=meter-before")
    assert "note: nobody said what ers-30 pays" in result.output
    assert loaded(tmp_path / "out")["events"][0]["credit"] == 0
    assert "nobody said what ers-30 pays" in (tmp_path / "out" / "report.html").read_text()


def test_a_baseline_that_there_are_too_few_days_for_says_so_everywhere(one_event: Path, tmp_path: Path) -> None:
    result = run(one_event, tmp_path / "out", "--event=r-1", "--baseline=10-of-10")
    assert "no baseline (10 of 10): 10 of 10 days are missing" in result.output
    event = loaded(tmp_path / "out")["events"][0]
    assert (event["reduced_kwh"], event["baseline"]["missing_days"], event["met"]) == (None, 10, True)


def test_further_baselines_are_told_beside_the_first(one_event: Path, tmp_path: Path) -> None:
    baselines = ("meter-before", "meter-before-after", "5-of-10", "firm-service-level")
    run(one_event, tmp_path / "out", "--event=r-1", *(f"--baseline={name}" for name in baselines))
    event = loaded(tmp_path / "out")["events"][0]
    others = [(each["baseline"]["method"], each["reduced_kwh"]) for each in event["by_other_baselines"]]
    assert event["baseline"]["method"] == "meter before"
    assert others == [("meter before/after", pytest.approx(100)), ("5 of 10", None), ("firm service level", None)]
    assert "By every baseline that was asked for" in (tmp_path / "out" / "report.html").read_text()


def test_a_firm_service_level_is_that_of_the_terms(one_event: Path, tmp_path: Path) -> None:
    terms = tmp_path / "terms.yaml"
    terms.write_text(
        "programs: [{program: ers-30, baseline: firm-service-level,"
        " firmServiceLevel: {watts: 5000, peakLoadWatts: 120000}}]"
    )
    assert run(one_event, tmp_path / "out", "--event=r-1", f"--terms={terms}").exit_code == 0
    event = loaded(tmp_path / "out")["events"][0]
    assert (event["baseline"]["level_kw"], event["reduced_kwh"]) == (5.0, pytest.approx(120))
    assert event["worst"]["limit_kw"] == 5.0


def test_two_months_and_their_events_in_the_zone_of_the_site(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "store", rows(), EVENTS)
    terms = tmp_path / "terms.yaml"
    terms.write_text(TERMS)
    asked = ["--month=2026-07", "--month=2026-06", "--time-zone=America/Chicago", f"--terms={terms}"]
    result = run(folder, tmp_path / "out", *asked)
    assert result.exit_code == 0, result.output
    report = loaded(tmp_path / "out")
    assert [month["month"] for month in report["months"]] == ["2026-06", "2026-07"]
    june, july = report["months"]
    assert [event["met"] for event in july["events"]] == [True, False, None]
    assert june["start"] == "2026-06-01T00:00:00-05:00"
    assert (june["demand_response_credits"], july["power_credits"]) == (1_320.0, 9_400.0)
    lines = table(tmp_path / "out" / "intervals.csv")
    assert len({line["start"] for line in lines}) == (30 + 31) * 96, "whole months"
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names >= {"report.html", "event-ercot-0716.csv", "event-ercot-0722.csv", "event-ercot-0729.csv"}
    assert str(tmp_path) not in (tmp_path / "out" / "report.html").read_text(), "no path of the machine"


@pytest.mark.parametrize(("width", "everything"), [(80, False), (150, True)])
def test_a_terminal_that_is_narrow_gets_fewer_numbers_and_none_is_cut(width: int, *, everything: bool) -> None:
    console = Console(width=width, file=io.StringIO(), highlight=False)
    console.print(Statements(page()))
    told = console.file.getvalue()  # type: ignore[attr-defined]
    assert ("power credits" in told, "avoided" in told) == (everything, everything)
    assert "…" not in told
    assert re.search(r"2026-07 .+ -0\.39 ", told)
    assert "ercot-0722: tenant b opted out: a launch" in told


def test_it_reads_beside_the_operator_that_writes(one_event: Path, tmp_path: Path) -> None:
    writer = Store(path_of(one_event, "west"))
    assert writer.put(hour_of(17, 0, 50.0, 50.0, 40.0)) is None
    assert path_of(one_event, "west").with_name("west.sqlite-wal").stat().st_size > 0
    assert run(one_event, tmp_path / "out", "--month=2024-08").exit_code == 0
    assert loaded(tmp_path / "out")["months"][0]["kwh"] == pytest.approx(400 + 50)
    assert writer.put(hour_of(17, 1, 50.0, 50.0, 40.0)) is None, "the reader holds nothing"
    writer.close()


def test_two_records_of_one_reference_are_one_event_and_names_may_repeat(tmp_path: Path) -> None:
    twins = [EVENT, replace(EVENT, uid="u2", reference="r-2", start=at(16, 17), end=at(16, 18))]
    calm = [row for hour in range(12, 20) for row in hour_of(16, hour, 5.0, 5.0, 40.0)]
    folder = recorded(tmp_path / "store", calm, twins)
    assert run(folder, tmp_path / "out", "--month=2024-08").exit_code == 0
    names = {path.name for path in (tmp_path / "out").glob("event-*")}
    assert names == {"event-hot-friday.csv", "event-hot-friday-2.csv"}


def test_what_was_taken_back_before_it_began_is_no_event_of_the_month(one_event: Path, tmp_path: Path) -> None:
    recorded(one_event, (), [replace(EVENT, reference="r-2", uid="u2", cancelled_at=EVENT.start - 60)])
    assert run(one_event, tmp_path / "out", "--month=2024-08").exit_code == 0
    assert [event["reference"] for event in loaded(tmp_path / "out")["months"][0]["events"]] == ["r-1"]


@pytest.mark.parametrize("end", [None, 4e9], ids=["open", "years to go"])
def test_an_event_that_is_still_on_is_settled_as_far_as_it_went(tmp_path: Path, end: float | None) -> None:
    held = [row for hour in (15, 16) for row in hour_of(16, hour, 0.0, 100.0, 40.0, by_event=True)]
    calm = hour_of(16, 14, 100.0, 100.0, 40.0)
    still_on = replace(EVENT, end=end)
    folder = recorded(tmp_path / "store", [*calm, *held], [still_on])
    result = run(folder, tmp_path / "out", "--event=r-1", "--baseline=meter-before")
    assert result.exit_code == 0, result.output
    assert "note: still in force, and settled as far as they went: hot-friday" in result.output
    assert loaded(tmp_path / "out")["events"][0]["reduced_kwh"] == pytest.approx(200)


BUDGET = """
apiVersion: wattswitch.io/v1alpha1
kind: PowerBudget
metadata: {name: west, uid: u, resourceVersion: "7"}
spec:
  mode: Enforce
  capWatts: 400000
  hardware: [{name: s21, watts: 3500}]
  tenants: [{namespaceSelector: {}, maxPriority: 100}]
  price: {sources: [{name: contract, unit: USDPerMWh, fixed: {value: "45"}}]}
  commitments:
  - {name: summer, program: ers-30, watts: 60000, noticeSeconds: 1800, rampSeconds: 600,
     windows: [{start: "13:00", end: "19:00"}]}
  coincidentPeaks:
  - {name: 1cp, months: [8], intervalSeconds: 900, windows: [{start: "15:00", end: "18:00"}]}
status: {limitWatts: 1}
"""


def test_what_the_budget_promised_is_settled_and_the_grid_has_its_peak(one_event: Path, tmp_path: Path) -> None:
    """60 kW at 0.01 for the 4 hours between 13 and 18 h in which 60 kW were drawn: 2.40."""
    budget, terms, grid = tmp_path / "budget.yaml", tmp_path / "terms.yaml", tmp_path / "grid.csv"
    budget.write_text(BUDGET)
    terms.write_text('programs: [{program: ers-30, rates: {perKWHourAvailable: "0.01"}}]')
    lines = [f"{start},{70_000 + (9_000 if start == at(16, 16.25) else 0)}" for start in range(at(1), at(31, 24), 900)]
    grid.write_text("time,load\n" + "\n".join(lines))
    asked = [f"--budget-file={budget}", f"--terms={terms}", f"--system-load={grid}:load", "--baseline=meter-before"]
    result = run(one_event, tmp_path / "out", "--month=2024-08", *asked)
    assert result.exit_code == 0, result.output
    report = loaded(tmp_path / "out")
    (month,) = report["months"]
    assert month["credits"] == [
        {"kind": "demand response", "label": "ers-30: availability", "amount": pytest.approx(2.4)}
    ]
    assert month["events"][0]["committed_kw"] == 60.0
    assert month["events"][0]["ramp_seconds_allowed"] == 600.0
    (peak,) = report["coincident_peaks"]
    assert (peak["start"], peak["site_kw"], peak["complete"]) == ("2024-08-16T16:15:00+00:00", 100.0, True)
    assert month["peak_demand"][0]["kw"] == 100.0
    assert "Coincident peaks" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "either --month, such as --month 2026-08, or --event NAME"),
        (["--month=2024-08", "--event=r-1"], 2, "either --month"),
        (["--month=2024-8"], 2, "--month: '2024-8' is no month: write it as 2026-08"),
        (["--month=2024-13"], 2, "--month: '2024-13' is no month"),
        (["--month=2023-01"], 1, "--month: nothing is recorded in it; the record goes from 16 Aug 2024"),
        (["--event=cold"], 1, "--event: there is no event 'cold' on record (the latest: hot-friday): name another"),
        (["--month=2024-08", "--baseline=9-of-5"], 1, "--baseline: '9-of-5' is no baseline: use one of X-of-Y"),
        (["--month=2024-08", "--time-zone=Mars/Base"], 2, "--time-zone: 'Mars/Base' is no zone"),
        (["--month=2024-08", "--time-zone=../etc"], 2, "--time-zone: '../etc' is no zone"),
        (["--month=2024-08", "--system-load=x.csv:load"], 1, "--system-load needs the rules of the peaks"),
        (["--month=2024-08", "--terms=/nowhere.yaml"], 2, "does not exist"),
        (["--month=2024-08", "--budget=east"], 1, "no record of PowerBudget east in"),
        (["--month=2024-08", "--budget=../west"], 1, "--budget: '../west' is no name of a PowerBudget"),
        (["--month=2024-08", "--store=/nowhere"], 2, "does not exist"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_do(
    one_event: Path, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    result = run(one_event, tmp_path / "out", *arguments)
    assert result.exit_code == code, result.output
    assert message in " ".join(result.output.split())
    assert "Traceback" not in result.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("programs: [{program: a, rates: {perKwh: '1'}}]", "programs[0].rates.perKwh: is not a known field"),
        ("programs: [{program: a, rates: {perKWh: 1}}]", "programs[0].rates.perKWh: 1 is not allowed"),
        ("programs: [{program: a}, {program: a}]", "programs[1].program: 'a' is there twice: leave one"),
        ("programs: [{program: a, baseline: mine}]", "programs[0].baseline: 'mine' is no baseline"),
        ("credits: [{month: '2024-13', kind: Power, label: x, amount: '1'}]", "credits[0].month:"),
        ("holidays: ['2024-02-30']", "holidays[0]:"),
        ("- a", "must be a block of fields"),
        ("a: [", "is not YAML"),
        ("a: 1\n---\nb: 2", "has 2 documents: write all terms into one"),
        ("", "has 0 documents"),
    ],
)
def test_terms_that_cannot_be_read_name_the_field(one_event: Path, tmp_path: Path, text: str, message: str) -> None:
    terms = tmp_path / "terms.yaml"
    terms.write_text(text)
    result = run(one_event, tmp_path / "out", "--month=2024-08", f"--terms={terms}")
    assert (result.exit_code, "Traceback" in result.output) == (1, False), result.output
    assert message in result.output
    assert "terms.yaml" in result.output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BUDGET.replace("name: west,", "name: east,"), "there is no PowerBudget west in it: name the file that has it"),
        (BUDGET.replace("capWatts: 400000", "capWatts: many"), "spec.capWatts: "),
        ("just text", "there is no PowerBudget west in it"),
        (
            BUDGET.replace(
                "  coincidentPeaks",
                "  - {name: winter, program: ers-30, watts: 1, noticeSeconds: 600}\n  coincidentPeaks",
            ),
            "programs[0].committedWatts: PowerBudget west has commitments with different watts for it",
        ),
    ],
    ids=["another", "wrong", "text", "two promises"],
)
def test_a_budget_file_that_cannot_be_used_says_why(one_event: Path, tmp_path: Path, text: str, message: str) -> None:
    budget, terms = tmp_path / "budget.yaml", tmp_path / "terms.yaml"
    budget.write_text(text)
    terms.write_text("programs: [{program: ers-30}]")
    result = run(one_event, tmp_path / "out", "--month=2024-08", f"--budget-file={budget}", f"--terms={terms}")
    assert result.exit_code == 1, result.output
    assert message in result.output


def test_money_of_two_currencies_is_not_added_up(one_event: Path, tmp_path: Path) -> None:
    recorded(one_event, (), money=Money(at(16, 14), "EUR"))
    result = run(one_event, tmp_path / "out", "--month=2024-08")
    assert result.exit_code == 1
    assert "several currencies (EUR from 16\N{NO-BREAK SPACE}Aug\N{NO-BREAK SPACE}2024 on)" in result.output


def test_a_record_without_an_interval_yet_says_so(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "store", ())
    result = run(folder, tmp_path / "out", "--month=2024-08")
    assert "nothing is recorded yet: wait for the first interval" in result.output


def test_a_file_that_is_no_record_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    path_of(folder, "west").write_text("not a database, whatever its name says" * 50)
    result = run(folder, tmp_path / "out", "--month=2024-08")
    assert (result.exit_code, "can't be read (Damaged)" in result.output) == (1, True), result.output


def test_the_store_may_come_from_the_environment(
    one_event: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["report", "--budget=west", "--month=2024-08", f"--out={tmp_path / 'out'}"]
    monkeypatch.delenv("WATTSWITCH_STORE", raising=False)
    missing = CliRunner().invoke(main, arguments)
    assert (missing.exit_code, "--store" in missing.output) == (2, True)
    given = CliRunner(env={"WATTSWITCH_STORE": str(one_event)}).invoke(main, arguments)
    assert given.exit_code == 0, given.output


def test_a_folder_that_cannot_be_written_is_told(one_event: Path, tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    result = run(one_event, tmp_path / "out", "--month=2024-08")
    assert result.exit_code == 2
    assert "is a file" in result.output


def test_the_terms_of_the_documentation_can_be_read(one_event: Path, tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "settlement.md").read_text()
    (sample,) = re.findall(r"<!-- terms: .*? -->\n```yaml\n(.*?)```", text, flags=re.DOTALL)
    terms = tmp_path / "terms.yaml"
    terms.write_text(sample.replace("2026-08", "2024-08"))
    result = run(one_event, tmp_path / "out", "--month=2024-08", f"--terms={terms}")
    assert result.exit_code == 0, result.output
    (month,) = loaded(tmp_path / "out")["months"]
    assert month["power_credits"] == 9_400.0
    assert month["demand_response_credits"] == pytest.approx(220 * 6 - 120.5)
