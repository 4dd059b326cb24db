import asyncio
from typing import Any

import pytest

from measure.board import Board


def deployment(name: str, size: int) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"replicas": size}}


def pod(target: str, *, ready: bool = True, dying: bool = False) -> dict[str, Any]:
    meta: dict[str, Any] = {"name": f"{target}-pod", "labels": {"app": target}}
    if dying:
        meta["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {"metadata": meta, "status": {"conditions": [{"type": "Ready", "status": str(ready)}]}}


@pytest.fixture
def board() -> Board:
    """Two targets, each with a ready pod."""
    board = Board()
    for name in ("a", "b"):
        board.on_deployment("ADDED", deployment(name, 1), 1.0)
        board.on_pod("ADDED", pod(name), 1.0)
    return board


async def test_only_targets_that_move_count(board: Board) -> None:
    board.expect({"a": 0, "b": 1})
    board.on_deployment("MODIFIED", deployment("a", 0), 5.0)
    spread = await board.sized(1)
    assert spread is not None
    assert spread.values == (5.0,)


async def test_the_last_write_is_when_the_last_target_has_its_size(board: Board) -> None:
    board.expect({"a": 0, "b": 0})
    board.on_deployment("MODIFIED", deployment("a", 0), 5.0)
    assert await board.sized(0.01) is None
    board.on_deployment("MODIFIED", deployment("b", 0), 7.0)
    board.on_deployment("MODIFIED", deployment("b", 0), 9.0)
    spread = await board.sized(1)
    assert spread is not None
    assert spread.values == (5.0, 7.0)


async def test_a_write_that_is_undone_counts_when_it_is_made_again(board: Board) -> None:
    board.expect({"a": 0})
    for size, at in ((0, 5.0), (1, 6.0)):
        board.on_deployment("MODIFIED", deployment("a", size), at)
    assert await board.sized(0.01) is None
    board.on_deployment("MODIFIED", deployment("a", 0), 8.0)
    spread = await board.sized(1)
    assert spread is not None
    assert spread.values == (8.0,)


async def test_a_pod_that_dies_is_not_gone_yet(board: Board) -> None:
    board.expect({"a": 0, "b": 1})
    board.on_pod("MODIFIED", pod("a", dying=True), 5.0)
    assert await board.finished(0.01) is None
    board.on_pod("DELETED", pod("a", dying=True), 7.0)
    assert await board.finished(1) == 7.0
    assert (board.pods, board.ready_pods) == (1, 1)


async def test_a_pod_counts_when_it_is_ready(board: Board) -> None:
    board.on_pod("DELETED", pod("a"), 2.0)
    board.expect({"a": 1, "b": 1})
    board.on_pod("ADDED", pod("a", ready=False), 5.0)
    assert await board.finished(0.01) is None
    assert board.unfinished == 1
    board.on_pod("MODIFIED", pod("a"), 6.0)
    assert await board.finished(1) == 6.0


async def test_a_pod_of_an_earlier_size_keeps_its_target_unfinished(board: Board) -> None:
    board.on_pod("MODIFIED", pod("a", dying=True), 2.0)
    board.expect({"a": 1})
    assert await board.finished(0.01) is None


async def test_what_holds_already_is_not_waited_for(board: Board) -> None:
    board.expect({"a": 1, "b": 1})
    async with asyncio.timeout(1):
        await board.finished(10)
    assert board.unfinished == 0
