import gzip
import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from measure import command, machine, queueing, queueing_plot, queueing_table

HEADER = "time,duration_s,gpus,virtual_cluster\n"


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """Give three days of jobs in bursts, on about four GPUs."""
    rows = [
        f"2024-01-0{1 + day}T{hour:02}:{minute:02}:00Z,{600 + 997 * (hour + minute) % 9000},{1 + minute % 2},all"
        for day in range(3)
        for hour in (8, 9, 13, 20)
        for minute in range(20)
    ]
    file = tmp_path / "jobs.csv"
    file.write_text(HEADER + "\n".join(rows))
    return file


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(command, "_end_in_order", lambda: None)


@pytest.mark.usefixtures("called")
def test_the_bench_runs_every_arm_and_draws(
    trace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plot, told = tmp_path / "curve.svg", tmp_path / "told.json"
    arguments = ["--trace", str(trace), "--loads", "0.7", "0.9", "--repeats", "50"]
    monkeypatch.setattr(sys, "argv", ["bench", "queueing", *arguments, "--plot", str(plot), "--json", str(told)])
    assert command.main() == 0
    output = capsys.readouterr()
    document = json.loads(output.out)
    assert document == json.loads(told.read_text())
    assert document["met"] is None
    points = document["details"]["curve"]["points"]
    assert [point["load"] for point in points] == [0.7, 0.9]
    assert all(set(point["arms"]) == {"A", "B", "C", "D", "E", "A+"} for point in points)
    assert set(points[0]["ratios"]) == {"A/B", "A/C", "A/D", "A/E", "A/A+", "B/D", "A+/C"}
    assert points[1]["arms"]["A"]["mean_wait_seconds"] > points[0]["arms"]["A"]["mean_wait_seconds"]
    assert points[1]["arms"]["C"]["mining_given_up_per_year"] > 0
    assert points[1]["arms"]["A"]["mining_given_up_per_year"] == 0
    assert "| 0.9 | C |" in output.err
    assert root_of(plot.read_text()) == "{http://www.w3.org/2000/svg}svg"


@pytest.mark.usefixtures("called")
def test_recorded_traces_are_found_and_owners_get_sites_of_their_own(
    trace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / queueing.PHILLY).write_bytes(gzip.compress(trace.read_bytes()))
    pods = "".join(f"p{n},be,1,{n * 600},{n * 600},{n * 600 + 900}\n" for n in range(200))
    header = "pod,qos,gpus,created_offset_s,scheduled_offset_s,deleted_offset_s\n"
    (tmp_path / queueing.OPENB).write_bytes(gzip.compress((header + pods).encode()))
    monkeypatch.setenv("WATTSWITCH_DATA", str(tmp_path))
    monkeypatch.setattr(queueing, "FEWEST_JOBS", 100)
    monkeypatch.setattr(sys, "argv", ["bench", "queueing", "--loads", "0.8", "--repeats", "20"])
    assert command.main() == 0
    details = json.loads(capsys.readouterr().out)["details"]
    assert [case["title"] for case in details["smaller_sites"]] == ["virtual cluster all"]
    assert details["second_trace"]["jobs"] == 199
    assert details["second_trace"]["left_out"] == {"no known run time": 1}


def root_of(svg: str) -> str:
    """The name of the root of a well-formed document."""
    return ET.fromstring(svg).tag  # noqa: S314 - our own text


@pytest.mark.usefixtures("called")
def test_missing_data_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WATTSWITCH_DATA", raising=False)
    monkeypatch.setattr(sys, "argv", ["bench", "queueing"])
    with pytest.raises(SystemExit, match="WATTSWITCH_DATA names no folder"):
        command.main()


@pytest.mark.parametrize("arguments", [["--loads", "1.2"], ["--loads", "0"], ["--repeats", "0"], ["--beyond", "-1"]])
def test_wrong_use_is_refused(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "queueing", *arguments])
    with pytest.raises(SystemExit, match="2"):
        command.main()


def test_the_site_is_a_mining_site_that_gpus_were_added_to(trace: Path) -> None:
    jobs = queueing.read_jobs(trace)
    site = queueing.site_for(jobs, 25)
    assert jobs.busy_gpus / site.share_gpus == pytest.approx(0.85, abs=0.1)
    assert site.gpus == -(-site.share_gpus * 5 // 4)
    assert site.cap_watts == 2 * site.share_gpus * site.gpu_watts
    assert site.miners == site.cap_watts // site.miner_watts


def test_infinite_and_unknown_are_left_out_of_the_plot() -> None:
    known = {"value": 2.0, "low": 1.5, "high": None}
    unknown = {"value": None, "low": None, "high": None}
    curve = queueing_plot.Curve("C", ((0.7, unknown, known), (0.9, known, known)))
    text = queueing_plot.draw([curve], 1.53, (27, 33))
    assert "nan" not in text
    assert "inf" not in text
    assert root_of(text).endswith("svg")


@pytest.mark.parametrize(("seconds", "text"), [(None, "-"), (3.2, "3 s"), (300.0, "5.0 min"), (36_000.0, "10.0 h")])
def test_durations_read_well(seconds: float | None, text: str) -> None:
    assert queueing_table.duration(seconds) == text


def test_a_queue_that_grows_is_a_row() -> None:
    curve = {
        "trace": "t",
        "jobs": 1,
        "site": {"share_gpus": 1, "gpus": 2},
        "points": [{"load": 0.9, "arms": {"A": None}, "ratios": {}}],
    }
    assert any("grows for ever" in line for line in queueing_table.curve_lines(curve))
