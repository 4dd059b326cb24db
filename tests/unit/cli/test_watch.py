"""`wattswitch plan --watch`: what is read of a cluster, and what is shown of it."""

import asyncio
import io
from typing import Any

import click
import pytest
from rich.console import Console

from wattswitch.cli import watch
from wattswitch.errors import ApiUnreachable, Forbidden

BUDGET = {
    "kind": "PowerBudget",
    "metadata": {"name": "west"},
    "spec": {"mode": "Enforce", "price": {"sources": [{"unit": "EURPerKWh"}]}},
    "status": {"limitWatts": 98000, "committedWatts": 60000, "pricePerMWh": "45.00", "within": "True"},
}
POOL = {
    "kind": "MiningPool",
    "metadata": {"name": "s21", "namespace": "mining"},
    "spec": {"budget": "west"},
    "status": {
        "replicas": 12,
        "goalReplicas": 20,
        "wantedReplicas": 20,
        "readyReplicas": 11,
        "kilowatts": "42.0",
        "strike": "84.22",
        "reason": "RampUp",
        "message": "the ramp [100 kW] lets no more",
    },
}
ELSEWHERE = {"kind": "MiningPool", "metadata": {"name": "far", "namespace": "x"}, "spec": {"budget": "east"}}


class Client:
    """An API server that shows these objects, or fails."""

    def __init__(self, *objects: dict[str, Any], problem: Exception | None = None) -> None:
        self._objects, self._problem = objects, problem

    async def list(self, path: str) -> tuple[list[dict[str, Any]], str]:
        if self._problem:
            raise self._problem
        plural = path.rpartition("/")[2]
        return [each for each in self._objects if plural == f"{each['kind'].lower()}s"], "1"


def shown(client: Client, budget: str | None = None, *, again: bool = False, width: int = 200) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    look = watch._look_again if again else watch.look
    console.print(asyncio.run(look(client, budget)))  # type: ignore[arg-type]
    return console.export_text()


def test_a_budget_and_its_workloads() -> None:
    text = shown(Client(BUDGET, POOL, ELSEWHERE))
    assert "west (Enforce): limit 98.0 kW, committed 60.0 kW, price 45.00 EUR/MWh, within the limit: True" in text
    for cell in (
        "mining/s21",
        "12",
        "20",
        "11",
        "42.0",
        "84.22",
        "RampUp",
        "the ramp [100 kW] lets no more",
    ):
        assert cell in text
    assert "far" not in text


def test_in_advise_mode_what_is_advised_stands_beside_what_is_committed() -> None:
    status = {**BUDGET["status"], "plannedWatts": 97_000, "within": "True"}
    advised = {**BUDGET, "spec": {"mode": "Advise"}, "status": status}
    assert "committed 60.0 kW, as advised 97.0 kW, price 45.00/MWh, within" in shown(Client(advised))
    assert "committed 60.0 kW, heading for 97.0 kW, price" in shown(Client({**BUDGET, "status": status}))


def test_of_two_kinds_with_the_same_name_each_is_told_with_its_kind() -> None:
    service = {**POOL, "kind": "InferenceDeployment"}
    text = shown(Client(BUDGET, POOL, service))
    assert "MiningPool/mining/s21" in text
    assert "InferenceDeployment/mining/s21" in text


def test_a_narrow_terminal_costs_words_and_no_name() -> None:
    other = {**POOL, "metadata": {"name": "s21-in-the-second-row", "namespace": "mining"}}
    text = shown(Client(BUDGET, POOL, other), width=100)
    assert "mining/s21-in-the-second-row" in text
    assert "RampUp" in text


def test_one_that_no_operator_has_seen_yet() -> None:
    assert "no operator has written a status yet" in shown(Client({**BUDGET, "status": {}}))


def test_which_budget() -> None:
    other = {**BUDGET, "metadata": {"name": "east"}}
    assert "far" in shown(Client(BUDGET, other, POOL, ELSEWHERE), "east")
    with pytest.raises(click.ClickException, match=r"several PowerBudgets \(west, east\): name one with --budget"):
        shown(Client(BUDGET, other))
    with pytest.raises(click.ClickException, match=r"there is no PowerBudget north \(known: west\)"):
        shown(Client(BUDGET), "north")
    with pytest.raises(click.ClickException, match="there is no PowerBudget"):
        shown(Client())


def test_while_the_api_server_does_not_answer_that_is_shown() -> None:
    assert "does not answer: GET /x" in shown(Client(problem=ApiUnreachable("GET /x")), again=True)
    with pytest.raises(Forbidden):
        shown(Client(problem=Forbidden(403, "Forbidden", "no")), again=True)
