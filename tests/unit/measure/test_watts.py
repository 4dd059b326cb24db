from typing import Any

import pytest

from measure.watts import Watts


def pod(target: str, uid: str, *, dying: bool = False) -> dict[str, Any]:
    meta: dict[str, Any] = {"uid": uid, "labels": {"app": target}}
    return {"metadata": meta | ({"deletionTimestamp": "2026-01-01T00:00:00Z"} if dying else {})}


def deployment(name: str, size: int) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"replicas": size}}


@pytest.fixture
def watts() -> Watts:
    """Two pods of a miner and one of a service, 8,000 W together."""
    watts = Watts({"miner": 3000, "chat": 2000})
    for name, size in (("miner", 2), ("chat", 1)):
        watts.on_deployment("ADDED", deployment(name, size), 1.0)
    for target, uid in (("miner", "m1"), ("miner", "m2"), ("chat", "c1")):
        watts.on_pod("ADDED", pod(target, uid), 1.0)
    return watts


def test_a_pod_counts_once_however_often_it_is_told(watts: Watts) -> None:
    watts.on_pod("ADDED", pod("miner", "m1"), 2.0)
    watts.on_pod("MODIFIED", pod("miner", "m1"), 3.0)
    assert watts.drawn_watts == 8000


async def test_a_dying_pod_draws_until_it_is_gone(watts: Watts) -> None:
    watts.expect(5000)
    watts.on_pod("MODIFIED", pod("miner", "m1", dying=True), 4.0)
    assert (watts.drawn_watts, watts.under_at) == (8000, None)
    assert not await watts.under(0.01)
    watts.on_pod("DELETED", pod("miner", "m1", dying=True), 6.0)
    assert (watts.drawn_watts, watts.under_at) == (5000, 6.0)
    assert await watts.under(1)


def test_falling_further_changes_nothing(watts: Watts) -> None:
    watts.expect(5000)
    watts.on_pod("DELETED", pod("miner", "m1"), 6.0)
    watts.on_pod("DELETED", pod("miner", "m2"), 7.0)
    assert watts.under_at == 6.0


async def test_what_passes_over_the_limit_again_counts_when_it_is_under_it_again(watts: Watts) -> None:
    watts.expect(5000)
    watts.on_pod("DELETED", pod("miner", "m1"), 6.0)
    watts.on_pod("ADDED", pod("miner", "m3"), 7.0)
    assert watts.under_at is None
    assert not await watts.under(0.01)
    watts.on_pod("DELETED", pod("miner", "m3"), 9.0)
    assert watts.under_at == 9.0


def test_the_last_write_is_the_last_change_of_a_size(watts: Watts) -> None:
    watts.expect(5000)
    assert watts.written_at is None
    watts.on_deployment("MODIFIED", deployment("miner", 1), 5.0)
    watts.on_deployment("MODIFIED", deployment("chat", 0), 6.0)
    watts.on_deployment("MODIFIED", deployment("miner", 1), 7.0)
    assert (watts.sizes, watts.written_at) == ({"miner": 1, "chat": 0}, 6.0)


def test_an_expectation_forgets_the_last_one(watts: Watts) -> None:
    watts.expect(5000)
    watts.on_deployment("MODIFIED", deployment("miner", 1), 5.0)
    watts.on_pod("DELETED", pod("miner", "m1"), 6.0)
    watts.on_pod("ADDED", pod("miner", "m3"), 7.0)
    watts.expect(6000)
    assert (watts.written_at, watts.under_at) == (None, None)
    watts.on_pod("DELETED", pod("chat", "c1"), 8.0)
    assert watts.under_at == 8.0


def test_a_limit_that_lowers_nothing_is_refused(watts: Watts) -> None:
    with pytest.raises(ValueError, match="8000 W are drawn: a limit of 8000 W lowers nothing"):
        watts.expect(8000)
