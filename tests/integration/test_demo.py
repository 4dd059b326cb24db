"""The demo as its user runs it: whole days that must pass, days that must fail, and a day of kills."""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parent.parent.parent
DEMO = CHECKOUT / "hack" / "demo"
DAY_SECONDS = 420
GONE_SECONDS = 60.0

pytestmark = pytest.mark.timeout(2 * DAY_SECONDS + 60)


def play(folder: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    numbers = folder / "numbers.json"
    command = [sys.executable, str(DEMO), "--json", str(numbers), *arguments]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=DAY_SECONDS, check=False)
    told: dict[str, Any] = json.loads(numbers.read_text()) if numbers.exists() else {}
    return outcome, told


def processes_of(folder: Path) -> list[str]:
    """Every process that names the folder on its command line."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(entry.read_text(errors="replace").replace("\0", " "))
    return [command for command in found if str(folder) in command]


def assert_clean(outcome: subprocess.CompletedProcess[str], told: dict[str, Any]) -> None:
    assert outcome.returncode == 0, outcome.stdout[-3000:] + outcome.stderr[-3000:]
    assert told["violation_seconds"] == 0
    assert told["decisions_that_differ"] == 0
    assert told["rows_that_differ"] == 0
    assert told["switches"] > 0


@pytest.fixture(scope="module")
def whole_day(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    return play(tmp_path_factory.mktemp("whole"))


def test_the_synthetic_day_passes(whole_day: tuple[subprocess.CompletedProcess[str], dict[str, Any]]) -> None:
    outcome, told = whole_day
    assert_clean(outcome, told)
    assert "synthetic prices" in outcome.stdout
    assert "powerbudget.wattswitch.io/west-texas" in outcome.stdout
    assert told["changes_by_others"] == 1
    assert told["profit"] == pytest.approx(told["revenue"] - told["cost"], abs=0.02)


def test_a_real_day_passes(tmp_path: Path) -> None:
    data = os.environ.get("WATTSWITCH_DATA")
    if not data:
        pytest.skip("WATTSWITCH_DATA names no folder with recorded series")
    prices = f"{data}/prices/ercot_rt15_2024h1.csv.gz:hb_west_price_usd_per_mwh"
    outcome, told = play(tmp_path, "--prices", prices, "--from", "2024-05-08T00:00Z", "--speed", "900")
    assert_clean(outcome, told)
    assert told["rows"] == 288


@pytest.mark.parametrize(
    ("fault", "start", "hours"),
    [
        ("raise-first", "2024-06-01T12:00Z", "4"),
        ("ignore-terminating", "2024-06-01T12:00Z", "4"),
        ("forget-deleted", "2024-06-01T12:00Z", "6"),
    ],
)
def test_a_broken_operator_fails(tmp_path: Path, fault: str, start: str, hours: str) -> None:
    outcome, told = play(tmp_path, "--fault", fault, "--from", start, "--hours", hours)
    assert outcome.returncode == 1
    assert told["violation_seconds"] > 0
    assert "a write of ours raised over the limit" in outcome.stdout


def test_the_same_hours_pass_with_an_operator_that_is_not_broken(tmp_path: Path) -> None:
    outcome, told = play(tmp_path, "--fault", "none", "--from", "2024-06-01T12:00Z", "--hours", "6")
    assert_clean(outcome, told)


def test_kills_are_never_seen_in_the_watts_and_the_day_ends_as_without_them(
    tmp_path: Path, whole_day: tuple[subprocess.CompletedProcess[str], dict[str, Any]]
) -> None:
    outcome, told = play(tmp_path, "--kill", "30")
    assert_clean(outcome, told)
    assert (told["kills"], told["came_back"]) == (30, True)
    _, unkilled = whole_day
    assert len(unkilled["end_state"]) == 5
    assert told["end_state"] == unkilled["end_state"]


def test_a_demo_that_is_killed_leaves_no_process(tmp_path: Path) -> None:
    command = [sys.executable, str(DEMO)]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as demo:
        assert demo.stdout is not None
        assert "five minutes in" in demo.stdout.readline()
        assert "00:00" in demo.stdout.readline()
        running = " ".join(processes_of(tmp_path))
        assert "wattswitch run" in running
        assert "play.monitor" in running
        demo.kill()
    deadline = time.monotonic() + GONE_SECONDS
    while left := processes_of(tmp_path):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def test_what_cannot_be_played_is_said_at_once(tmp_path: Path) -> None:
    outcome, _ = play(tmp_path, "--prices", f"{tmp_path}/missing.csv:price")
    assert outcome.returncode == 2
    assert "missing.csv cannot be read" in outcome.stderr
    assert outcome.stdout == ""
