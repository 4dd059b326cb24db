"""`wattswitch plan` from the resources of a site and what its feeds say."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from unit.simulate.sites import WEST, site_of, written
from wattswitch.cli import main
from wattswitch.simulate.moment import state_at
from wattswitch.simulate.series import InputsError

SIGNALS = ("--price", "45", "--feed", "hashprice=0.0382", "--feed", "queue=40")


def run(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(main, ["plan", *arguments])


def sizes(*arguments: str) -> dict[str, tuple[int, str]]:
    result = run(*arguments, "-o", "json")
    assert result.exit_code == 0, result.output
    return {t["key"].split("/")[2]: (t["replicas"], t["reason"]) for t in json.loads(result.output)["targets"]}


def test_a_decision_from_resources_and_signals() -> None:
    result = run(str(WEST), *SIGNALS)
    assert result.exit_code == 0
    assert "limit 98.0 kW, committed 2000 W" in result.output
    assert "price 47.50 USD/MWh" in result.output
    assert "5 replicas serve the demand" in result.output
    assert sizes(str(WEST), *SIGNALS) == {"chat": (5, "DemandMet"), "s19j": (3, "PowerLimit"), "s21": (20, "AtMaximum")}


def test_a_higher_price_and_what_runs() -> None:
    dear = ("--price", "300", *SIGNALS[2:])
    running = ("--running", "mining/s21=20", "--running", "InferenceDeployment/inference/chat=5")
    assert sizes(str(WEST), *dear, *running)["s21"] == (0, "PriceAboveStrike")
    assert sizes(str(WEST), *dear, *running)["chat"] == (5, "DemandMet")


def test_a_feed_of_one_workload() -> None:
    assert sizes(str(WEST), *SIGNALS, "--feed", "queue/inference/chat=80")["chat"] == (10, "DemandMet")


def test_a_schedule_follows_the_time_that_is_given(tmp_path: Path) -> None:
    def tariff(objects):
        window = {"from": "08:00", "to": "10:00", "value": "300"}
        schedule = {"timeZone": "America/Chicago", "default": "30", "windows": [window]}
        objects["PowerBudget/west"]["spec"]["price"]["sources"] = [
            {"name": "tariff", "unit": "USDPerMWh", "schedule": schedule}
        ]

    path = str(written(tmp_path, tariff))
    assert sizes(path, *SIGNALS[2:], "--at", "2024-01-01T14:30Z")["s21"] == (0, "PriceAboveStrike")
    assert sizes(path, *SIGNALS[2:], "--at", "2024-01-01T16:00Z")["s21"] == (20, "AtMaximum")
    assert sizes(path, *SIGNALS[2:])["chat"] == (5, "DemandMet")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "name the YAML files of a site"),
        ([str(WEST)], "spec.price has to be given: add --price NUMBER"),
        ([str(WEST)], "feed 'queue' has to be given: add --feed queue=NUMBER"),
        ([str(WEST), *SIGNALS, "--price", "nan"], "--price: 'nan' is no number"),
        ([str(WEST), *SIGNALS, "--price", "much"], "is not a valid float"),
        ([str(WEST), *SIGNALS, "--feed", "queue"], "'queue' is not NAME=NUMBER"),
        ([str(WEST), *SIGNALS, "--feed", "queue=1"], "--feed queue is given twice"),
        ([str(WEST), "--feed", "queue=many"], "--feed queue: 'many' is no number"),
        ([str(WEST), *SIGNALS, "--feed", "que=1"], "has no feed 'que'"),
        ([str(WEST), *SIGNALS, "--running", "mining/s21=-1"], "'-1' is no number of replicas"),
        ([str(WEST), *SIGNALS, "--running", "mining/s99=1"], "there is no such workload (known: inference/chat, "),
        ([str(WEST), *SIGNALS, "--at", "noon"], "'noon' is not a time"),
        (["--watch", str(WEST)], "--watch looks at a cluster"),
        (["/nowhere.yaml"], "does not exist"),
    ],
)
def test_bad_input_says_what_to_do(arguments: list[str], told: str) -> None:
    result = run(*arguments)
    assert result.exit_code != 0
    assert told in result.output
    assert "Traceback" not in result.output


def test_a_site_that_is_none_names_file_and_field(tmp_path: Path) -> None:
    path = written(tmp_path, lambda objects: objects["MiningPool/s21"]["spec"].update({"hardware": "s99"}))
    result = run(str(path), *SIGNALS)
    assert result.exit_code == 1
    assert f"{path} MiningPool s21: spec.hardware 's99' is not listed in PowerBudget west" in result.output


def test_two_recorded_files_are_one_too_many(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.jsonl", "b.jsonl")]
    for file in files:
        file.write_text("{}\n")
    assert "one recorded file at a time" in run(*map(str, files)).output


def test_a_name_that_two_workloads_have(tmp_path: Path) -> None:
    def twins(objects):
        twin = objects["InferenceDeployment/chat"]
        objects["twin"] = {**twin, "metadata": {"name": "s21", "namespace": "mining"}}
        objects["twin"]["spec"] = {**twin["spec"], "targetRef": {"kind": "Deployment", "name": "other"}}

    site = site_of(tmp_path, twins)
    numbers = {"hashprice": 0.0382, "queue": 40.0}
    with pytest.raises(InputsError, match="name one of them with its kind"):
        state_at(site, 0.0, 45.0, numbers, {"mining/s21": 3})
    state = state_at(site, 0.0, 45.0, numbers, {"MiningPool/mining/s21": 3})
    assert {w.key: w.spec_replicas for w in state.workloads}["MiningPool/mining/s21"] == 3


def test_a_recorded_run_needs_no_options(tmp_path: Path) -> None:
    file = tmp_path / "states.jsonl"
    file.write_text("{}\n")
    assert "is a recorded run, which says everything itself" in run(str(file), "--price", "4").output
