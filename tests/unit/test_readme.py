"""The README's YAML is what the operator reads, its commands run, and its tables are complete."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from wattswitch.api.crd import KINDS
from wattswitch.api.parse import parse_strict
from wattswitch.cli import main
from wattswitch.feeds.reading import Problem
from wattswitch.planner.model import Reason

CHECKOUT = Path(__file__).parents[2]
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
REASONS = (CHECKOUT / "docs" / "reasons.md").read_text(encoding="utf-8")
MODELS = {kind.__name__: kind for kind in KINDS}
WORD = re.compile(r"`([A-Z][A-Za-z]+)`")


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("| `")]


def named(table_rows: list[str]) -> list[str]:
    """The words that rows are about: those of their first cell."""
    return [word for row in table_rows for word in WORD.findall(row.split("|")[1])]


def commands() -> list[list[str]]:
    """What the README's shell blocks run of `wattswitch` without a cluster."""
    blocks = re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    words = [shlex.split(line, comments=True) for line in lines]
    return [each for each in words if each[:2] in (["wattswitch", "simulate"], ["wattswitch", "plan"])]


def test_every_object_on_the_page_of_grid_events_is_read_strictly():
    page = (CHECKOUT / "docs" / "grid-events.md").read_text(encoding="utf-8")
    objects = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)]
    assert [each["kind"] for each in objects] == ["CurtailmentEvent", "PowerBudget"]
    for each in objects:
        parse_strict(MODELS[each["kind"]], each)


def test_every_object_in_the_readme_is_read_strictly():
    blocks = re.findall(r"```yaml\n(.*?)```", README, flags=re.DOTALL)
    objects = [each for block in blocks for each in yaml.safe_load_all(block)]
    assert {each["kind"] for each in objects} == {"PowerBudget", "MiningPool", "InferenceDeployment"}
    for each in objects:
        parse_strict(MODELS[each["kind"]], each)


@pytest.mark.parametrize("file", sorted((CHECKOUT / "examples").glob("*.yaml")), ids=lambda file: file.name)
def test_every_object_in_the_examples_is_read_strictly(file: Path):
    ours = [each for each in yaml.safe_load_all(file.read_text(encoding="utf-8")) if each["kind"] in MODELS]
    assert ours
    for each in ours:
        parse_strict(MODELS[each["kind"]], each)


def test_the_first_site_labels_its_namespaces_and_has_every_target():
    objects = list(yaml.safe_load_all((CHECKOUT / "examples" / "first-site.yaml").read_text(encoding="utf-8")))
    budget = next(each for each in objects if each["kind"] == "PowerBudget")
    wanted = budget["spec"]["tenants"][0]["namespaceSelector"]["matchLabels"]
    labels = {each["metadata"]["name"]: each["metadata"]["labels"] for each in objects if each["kind"] == "Namespace"}
    targets = {
        (each["metadata"]["namespace"], each["metadata"]["name"]) for each in objects if each["kind"] == "Deployment"
    }
    workloads = [each for each in objects if "targetRef" in each.get("spec", {})]
    assert len(workloads) == len(targets) == 2
    for each in workloads:
        namespace = each["metadata"]["namespace"]
        assert wanted.items() <= labels[namespace].items()
        assert (namespace, each["spec"]["targetRef"]["name"]) in targets


def test_the_readme_and_the_page_on_reasons_name_every_reason_once():
    table = README.split("## Why is this pod off?")[1].split("##")[0]
    page = [row for row in rows(REASONS) if row.count("|") == 4]
    every = sorted(str(reason) for reason in Reason)
    assert sorted(named(rows(table))) == every
    assert sorted(named(page)) == every
    assert all(cell.strip() for row in page for cell in row.split("|")[1:4])


def test_the_page_on_reasons_names_every_problem_of_a_feed_once():
    problems = [row for row in rows(REASONS) if row.count("|") == 3]
    assert sorted(named(problems)) == sorted(str(problem) for problem in Problem)


def test_every_link_of_the_documents_leads_somewhere():
    documents = [CHECKOUT / "README.md", CHECKOUT / "operator" / "ARCHITECTURE.md", *(CHECKOUT / "docs").glob("*.md")]
    for document in documents:
        for link in re.findall(r"\]\(([^)#]+)", document.read_text(encoding="utf-8")):
            assert (document.parent / link).exists(), f"{document.name}: {link}"


@pytest.mark.parametrize(
    "command", [each for each in commands() if "--replay" not in each], ids=lambda command: command[1]
)
def test_every_command_of_the_readme_runs(command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(CHECKOUT)
    given = [str(tmp_path / "results") if word == "results" else word for word in command[1:]]
    outcome = CliRunner().invoke(main, given)
    assert outcome.exit_code == 0, outcome.output
    if command[1] == "simulate":
        assert {file.name for file in (tmp_path / "results").iterdir()} == {"report.html", "steps.csv", "summary.json"}
