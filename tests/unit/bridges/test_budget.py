"""What a bridge knows of its budget: how long shedding takes, and that it is missing, told once."""

import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from unit.bridges.doubles import NOON
from unit.bridges.event_store import EventStore
from unit.cluster.api_server import answering
from wattswitch.bridges import Asked, Form, Limit
from wattswitch.bridges.budget import BudgetWatch
from wattswitch.cluster import KubeClient
from wattswitch.cluster.paths import item

ONE = Asked("ers", "1", NOON, None, Limit(Form.ALL))


@pytest.fixture
def store() -> EventStore:
    return EventStore()


@pytest.fixture
async def client(store: EventStore) -> AsyncIterator[KubeClient]:
    async with answering(store) as connected:
        yield connected


def budget(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "west"}, "spec": {}, "status": status}


@pytest.mark.parametrize(
    ("status", "seconds"),
    [({"shedSeconds": 12}, 12.0), ({"shedSeconds": 0}, 0.0), ({}, None), ({"shedSeconds": "1"}, None)],
)
async def test_how_long_shedding_takes_is_what_the_operator_says(
    store: EventStore, client: KubeClient, status: dict[str, Any], seconds: float | None
) -> None:
    store.objects[item("PowerBudget", None, "west")] = budget(**status)
    watch = BudgetWatch(client, "west")
    assert watch.estimate(ONE) is None
    await watch.look()
    assert watch.estimate(ONE) == seconds
    assert watch.estimate(replace(ONE, cancelled=True)) is None


async def test_a_missing_budget_is_told_once_and_so_is_its_return(
    store: EventStore, client: KubeClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    watch = BudgetWatch(client, "west")
    store.objects[item("PowerBudget", None, "west")] = budget(shedSeconds=12)
    for there in (True, False, False, True, True):
        if there:
            store.objects[item("PowerBudget", None, "west")] = budget(shedSeconds=12)
        else:
            store.objects.clear()
        await watch.look()
        assert watch.estimate(ONE) == (12.0 if there else None)
    told = [record.message for record in caplog.records if record.name == "wattswitch.bridges.budget"]
    assert [message.split(",")[0] for message in told] == [
        "PowerBudget west can't be read",
        "PowerBudget west is there",
    ]
