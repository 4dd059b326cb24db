"""`wattswitch simulate` on a week that is made up: what it writes, and what it says of bad input."""

import csv
import io
import json
import math
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from unit.simulate.sites import WEST, Documents, written
from wattswitch.cli import main
from wattswitch.simulate.report import wording
from wattswitch.simulate.session import MOST_STEPS_EXPLAINED, NAMES

HOURS = 7 * 24


def run(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(main, ["simulate", *arguments])


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prices that swing about the strike, with a spike and a hole; demand by the time of day."""
    path = tmp_path_factory.mktemp("week") / "week.csv"
    lines = ["time,price,ahead,hashprice,queue"]
    for hour in range(HOURS):
        swing = 60 + 45 * math.sin((hour % 24 - 9) / 24 * 2 * math.pi)
        price = "" if hour == 100 else f"{900 if hour == 66 else swing + 7 * math.sin(hour * 1.7):.2f}"
        queue = 45 + 40 * math.sin((hour % 24 - 8) / 24 * 2 * math.pi)
        lines.append(f"{1704067200 + 3600 * hour},{price},{swing:.2f},0.0382,{queue:.1f}")
    path.write_text("\n".join(lines) + "\n")
    return path


def arguments(week: Path, out: Path) -> list[str]:
    feeds = [f"--feed={name}={week}:{name}" for name in ("hashprice", "queue")]
    return [str(WEST), f"--prices={week}:price", *feeds, f"--out={out}"]


@pytest.fixture(scope="module")
def results(week: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    out = tmp_path_factory.mktemp("results") / "deep" / "out"
    return out, run(
        *arguments(week, out),
        f"--outlook={week}:ahead",
        "--time-zone=UTC",
        f"--record={out.parent.parent / 'states.jsonl'}",
    )


def test_it_tells_how_it_compares(results: tuple[Path, Result]) -> None:
    out, result = results
    assert result.exit_code == 0, result.output
    labels = [wording.policy(name) for name in ("wattswitch", *NAMES)]
    for word in (*labels, "perfect foresight", "captured switching value", "start cost: ", str(out / "report.html")):
        assert word in result.output
    assert "note: price: stale in 1 steps" in result.output


def test_the_captured_part_follows_from_the_table(results: tuple[Path, Result]) -> None:
    told = re.search(
        r"captured switching value: ([\d.]+) % = \(([\d.,]+) - ([\d.,]+)\) / \(([\d.,]+) - ", results[1].output
    )
    assert told, results[1].output
    percent, own, static, most = (float(number.replace(",", "")) for number in told.groups())
    assert percent == pytest.approx(100 * (own - static) / (most - static), abs=0.1)
    rows = {line[:26].strip(): line[26:].split() for line in results[1].output.splitlines()}
    assert float(rows["Wattswitch"][0].replace(",", "")) == own
    assert float(rows["best static split"][0].replace(",", "")) == static
    assert float(rows["perfect foresight"][0].replace(",", "")) == most
    assert set(rows["perfect foresight"][3:]) == {"-"}, "nothing but its profit is known"


def test_work_that_could_have_waited_is_told_to_be_played_as_recorded(week: Path, tmp_path: Path) -> None:
    def batch(objects: Documents) -> None:
        objects["InferenceDeployment/chat"]["spec"]["serviceClass"] = "Batch"

    note = "inference/chat (serviceClass Batch): the recorded backlog is played as it was"
    more = ["--policy=none", "--to=2024-01-02"]
    site, out = written(tmp_path, batch), tmp_path / "out"
    assert note in run(*[str(site), *arguments(week, out)[1:], *more]).output
    assert any(told.startswith(note) for told in json.loads((out / "summary.json").read_text())["notes"])
    assert note in (out / "report.html").read_text()
    assert "Batch" not in run(*arguments(week, out), *more).output


def test_every_step_of_every_workload_is_a_row(results: tuple[Path, Result]) -> None:
    rows = list(csv.DictReader(io.StringIO((results[0] / "steps.csv").read_text())))
    assert list(rows[0]) == [
        *("time", "price_per_mwh", "limit_watts", "committed_watts", "workload", "replicas", "reason"),
    ]
    assert len(rows) == 3 * HOURS
    assert rows[0]["time"] == "2024-01-01T00:00Z"
    assert all(float(row["committed_watts"]) <= float(row["limit_watts"]) == 98_000 for row in rows)
    dear = [row for row in rows if row["workload"] == "MiningPool/mining/s21" and float(row["price_per_mwh"]) > 500]
    assert [(row["replicas"], row["reason"]) for row in dear] == [("0", "PriceAboveStrike")]
    assert all(float(row["replicas"]) >= 1 for row in rows if row["workload"].endswith("chat"))


def test_the_summary_adds_up(results: tuple[Path, Result]) -> None:
    numbers = json.loads((results[0] / "summary.json").read_text())
    assert (numbers["site"], numbers["currency"], numbers["steps"]) == ("west", "USD", HOURS)
    assert (numbers["violation_seconds"], numbers["floor_misses"]) == (0, 0)
    assert numbers["profit"] == pytest.approx(numbers["revenue"] - numbers["cost"] - numbers["start_cost"])
    assert set(numbers["baselines"]) == set(NAMES[:-1])
    best = max(each["profit"] for each in numbers["baselines"].values())
    most = numbers["foresight_profit"]
    assert best <= most + 1e-6
    assert numbers["profit"] <= most + 1e-6
    assert numbers["foresight_in_whole_pods"]["profit"] <= most + 1e-6
    assert sum(numbers["losses"].values()) == pytest.approx(most - numbers["profit"], abs=1e-4)
    assert numbers["share_of_foresight"] == pytest.approx(numbers["profit"] / most)
    static = numbers["baselines"]["static"]["profit"]
    for run in (numbers, numbers["foresight_in_whole_pods"], *numbers["baselines"].values()):
        assert run["captured_switching_value"] == pytest.approx((run["profit"] - static) / (most - static), abs=1e-6)
    assert sum(numbers["outlook_basis"].values()) == pytest.approx(1)
    for workload in numbers["workloads"]:
        assert sum(workload["reasons"].values()) == pytest.approx(1)


def test_the_report_is_one_page(results: tuple[Path, Result]) -> None:
    page = (results[0] / "report.html").read_text()
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert "mining/s21" in page
    assert "week.csv:price" in page
    assert str(results[0]) not in page


def test_what_was_recorded_is_decided_again(results: tuple[Path, Result]) -> None:
    states = results[0].parent.parent / "states.jsonl"
    result = run("--replay", str(states))
    assert (result.exit_code, "decisions, every one as recorded" in result.output) == (0, True)
    lines = states.read_text().splitlines()
    broken = states.with_name("broken.jsonl")
    broken.write_text("\n".join([lines[0], lines[1].replace('"from_replicas":', '"from_replicas":1'), lines[2]]) + "\n")
    result = run("--replay", str(broken))
    assert result.exit_code == 1
    assert f"{broken} line 2: " in result.output


def test_only_the_baselines_that_are_asked_for(week: Path, tmp_path: Path) -> None:
    result = run(*arguments(week, tmp_path), "--policy=threshold", "--to=2024-01-02", "--step=1800")
    assert result.exit_code == 0, result.output
    numbers = json.loads((tmp_path / "summary.json").read_text())
    assert (list(numbers["baselines"]), numbers["foresight_in_whole_pods"], numbers["steps"]) == (
        ["threshold"],
        None,
        48,
    )
    assert run(*arguments(week, tmp_path), "--policy=none", "--to=2024-01-02").exit_code == 0
    assert json.loads((tmp_path / "summary.json").read_text())["baselines"] == {}


def test_a_price_that_is_late_earns_no_more(week: Path, tmp_path: Path) -> None:
    profits = []
    for delay in ("0", "7200"):
        assert run(*arguments(week, tmp_path), "--policy=none", f"--price-delay={delay}").exit_code == 0
        profits.append(json.loads((tmp_path / "summary.json").read_text())["profit"])
    assert profits[1] < profits[0]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (["--prices=none.csv:price"], "none.csv does not exist: correct its name"),
        (["--prices=none.csv"], "'none.csv' is not FILE:COLUMN"),
        (
            ["--outlook={week}:cost", "--time-zone=UTC"],
            "has no column 'cost': name one of those that it has (time, price, ahead",
        ),
        (["--feed=nope={week}:price"], "PowerBudget west has no feed 'nope' (known: "),
        (["--feed=nope"], "'nope' is not NAME=FILE:COLUMN"),
        (["--from=yesterday"], "'yesterday' is not a time: write it as 2024-05-08T00:00Z"),
        (["--from=2025-01-01"], "change --from and --to"),
        (["--time-zone=Mars/Base", "--outlook={week}:ahead"], "--time-zone 'Mars/Base' is not in the IANA database"),
        (["--time-zone=Mars/Base"], "--time-zone 'Mars/Base' is not in the IANA database"),
        (["--outlook={week}:ahead"], "add --time-zone, such as America/Chicago"),
        (["--record=/nowhere/states.jsonl"], "/nowhere/states.jsonl: No such file or directory"),
        (["--out={week}/out"], "Not a directory"),
        (["--outlook-known=noon"], "'noon' is no time of day: write it as 13:00"),
        (["--policy=luck"], "--policy luck: there is none of this name: use always-on, static"),
        (["--step=0"], "0.0 is not in the range x>=1"),
        (["--jobs=/nowhere.csv"], "does not exist"),
    ],
)
def test_bad_input_says_what_to_do(week: Path, tmp_path: Path, change: list[str], told: str) -> None:
    result = run(*arguments(week, tmp_path), *(argument.format(week=week) for argument in change))
    assert result.exit_code != 0
    assert told in result.output
    assert "Traceback" not in result.output


def test_what_goes_with_what(week: Path, tmp_path: Path) -> None:
    assert "name the YAML files of a site" in run("--out", str(tmp_path)).output
    assert "add --out DIR" in run(str(WEST)).output
    assert "leave out SITE.yaml, --out" in run(str(WEST), "--out", str(tmp_path), "--replay", str(week)).output
    without_price = [each for each in arguments(week, tmp_path) if not each.startswith("--prices")]
    assert "spec.price has to be given: add --prices FILE:COLUMN" in run(*without_price).output
    assert MOST_STEPS_EXPLAINED > HOURS


def test_counts_are_whole_and_what_is_known_when_is_told(results: tuple[Path, Result]) -> None:
    text = (results[0] / "summary.json").read_text()
    assert isinstance(json.loads(text)["switches"], int)
    assert all(isinstance(each["switches"], int) for each in json.loads(text)["baselines"].values())
    assert "13:00 the day before, UTC" in (results[0] / "report.html").read_text()
