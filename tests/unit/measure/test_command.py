import argparse
import json
import sys
from pathlib import Path

import pytest

from measure import command, machine
from measure.figures import Figure, Report


@pytest.fixture
def missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the decision benchmark miss its target at once."""

    def measure(chosen: argparse.Namespace) -> Report:
        return Report("decision", {"seed": chosen.seed}, [Figure("p99", 2.0, "s", 1.0, "at most 1 s")])

    monkeypatch.setattr(machine, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(command, "_decision", measure)
    monkeypatch.setattr(command, "_end_in_order", lambda: None)


@pytest.mark.usefixtures("missed")
def test_a_missed_target_is_told_and_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "figures.json"
    monkeypatch.setattr(sys, "argv", ["hack/bench", "decision", "--seed", "7", "--json", str(file)])
    assert command.main() == 0
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads(file.read_text())
    assert (document["met"], document["figures"][0]["met"]) == (False, False)
    assert document["settings"] == {"seed": 7}
    assert {"cores", "load_before", "load_after", "busy_cores_before"} <= document["machine"].keys()


@pytest.mark.parametrize("arguments", [[], ["idle", "--targets", "0"], ["shed", "--miners", "1"], ["speed"]])
def test_wrong_use_is_refused(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["hack/bench", *arguments])
    with pytest.raises(SystemExit, match="2"):
        command.main()


def test_one_target_is_too_few_for_a_flip_of_two_halves(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["hack/bench", "reaction", "--targets", "1"])
    with pytest.raises(SystemExit, match="2"):
        command.main()
    assert "--targets: 1 is not at least 2" in capsys.readouterr().err
