"""The command line: a recorded decision is decided again, and what cannot be read says what is wrong with it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from builders import inference, miner, site
from wattswitch import __version__
from wattswitch.cli import main
from wattswitch.planner import plan
from wattswitch.planner.model import Signal, SiteState
from wattswitch.planner.record import to_line

CHEAP = site(miner(), inference(), price=40.0)
DEAR = site(miner(spec_replicas=10), inference(), price=200.0)


def run(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(main, list(arguments))


@pytest.fixture
def recorded(tmp_path: Path) -> str:
    file = tmp_path / "decisions.jsonl"
    file.write_text("".join(to_line(state, plan(state)) + "\n" for state in (CHEAP, DEAR)))
    return str(file)


def test_version_and_help() -> None:
    assert __version__ in run("--version").output
    output = run("--help").output
    assert "run" in output
    assert "plan" in output


def test_the_last_decision_without_a_line(recorded: str) -> None:
    result = run("plan", recorded)
    assert result.exit_code == 0
    assert "limit 100.0 kW, committed 35.0 kW, heading for 14.3 kW, price 200.00/MWh" in result.output
    assert "PriceAboveStrike" in result.output
    assert "the price is not below 91.00/MWh" in result.output


def test_the_decision_of_a_line(recorded: str) -> None:
    result = run("plan", recorded, "--line", "1")
    assert result.exit_code == 0
    assert "price 40.00/MWh" in result.output


def test_json_is_the_plan(recorded: str) -> None:
    result = run("plan", recorded, "--line", "1", "-o", "json")
    decision = json.loads(result.output)
    assert decision["limit_watts"] == 100_000
    assert {target["key"]: target["replicas"] for target in decision["targets"]} == {
        "MiningPool/ns/s21": 10,
        "InferenceDeployment/ns/llama": 8,
    }


def test_an_unknown_price_is_told(tmp_path: Path) -> None:
    state: SiteState = site(miner(), price=Signal(None, "NoReading"))
    file = tmp_path / "one.jsonl"
    file.write_text(to_line(state, plan(state)) + "\n")
    assert "price unknown" in run("plan", str(file)).output


def test_a_decision_that_another_version_made_is_told(tmp_path: Path) -> None:
    file = tmp_path / "old.jsonl"
    file.write_text(to_line(CHEAP, replace(plan(CHEAP), limit_watts=1)) + "\n")
    result = run("plan", str(file))
    assert result.exit_code == 1
    assert "this is not what was recorded: another version of wattswitch decided then" in result.output


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        ("", [], "has 0 lines"),
        ("{}\n", ["--line", "2"], "has 1 lines"),
        ("{}\n", ["--line", "0"], "x>=1"),
        ("{}\n", [], "state must be an object"),
        ("nonsense\n", [], "not a recorded decision"),
        ('{"state": NaN}\n', [], "NaN is no number"),
    ],
)
def test_what_can_not_be_read_says_why(tmp_path: Path, content: str, arguments: list[str], message: str) -> None:
    file = tmp_path / "file.jsonl"
    file.write_text(content)
    result = run("plan", str(file), *arguments)
    assert result.exit_code != 0
    assert message in result.output
    assert "Traceback" not in result.output


def test_a_file_that_is_not_text_says_so(tmp_path: Path) -> None:
    file = tmp_path / "file.jsonl"
    file.write_bytes(b"\xff\xfe\x00")
    result = run("plan", str(file))
    assert result.exit_code != 0
    assert not isinstance(result.exception, UnicodeDecodeError)


def test_a_file_that_is_missing() -> None:
    result = run("plan", "/nowhere/at/all.jsonl")
    assert result.exit_code == 2
    assert "does not exist" in result.output


KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: none, user: nobody}}]
clusters: [{name: none, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: nobody, user: {}}]
"""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file; pass --kubeconfig or set KUBECONFIG"),
        ("a: [", "no usable cluster credentials"),
        ("apiVersion: v1", "no usable cluster credentials"),
        (KUBECONFIG, "the API server does not answer"),
    ],
    ids=["missing", "no-yaml", "empty", "nobody-there"],
)
def test_run_without_a_cluster_says_so_in_a_line(tmp_path: Path, content: str | None, message: str) -> None:
    file = tmp_path / "kubeconfig"
    if content is not None:
        file.write_text(content)
    result = run("run", "--kubeconfig", str(file), "--metrics-port", "0")
    assert (result.exit_code, len(result.output.splitlines())) == (2, 1)
    assert message in result.output


@pytest.mark.parametrize("arguments", [["--metrics-port", "70000"], ["--log-format", "xml"], ["--colour"]])
def test_run_refuses_what_makes_no_sense(arguments: list[str]) -> None:
    assert run("run", *arguments).exit_code == 2
