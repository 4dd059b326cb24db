"""hack/generate writes exactly the committed files, and --check finds any difference."""

from pathlib import Path

import pytest

from local import generated


def test_the_committed_files_are_those_of_the_models() -> None:
    assert generated.differences(generated.CHECKOUT / "crds", generated.render()) == ""


def test_check_prints_a_diff_and_fails_until_the_files_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ["--folder", str(tmp_path)]
    assert generated.main(folder) == 0
    assert generated.main(["--check", *folder]) == 0
    changed = tmp_path / "wattswitch.io_miningpools.yaml"
    changed.write_text(changed.read_text().replace("maximum: 1024", "maximum: 1025"))
    (tmp_path / "stale.yaml").write_text("a: 1\n")
    assert generated.main(["--check", *folder]) == 1
    printed = capsys.readouterr().out
    assert "-                maximum: 1025" in printed
    assert "+                maximum: 1024" in printed
    assert "-a: 1" in printed
    assert generated.main(folder) == 0
    assert generated.main(["--check", *folder]) == 0
    assert not (tmp_path / "stale.yaml").exists()
