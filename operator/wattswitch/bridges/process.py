"""A bridge as a process: it talks to its peer, serves its numbers, and tidies up behind itself."""

import asyncio
import logging
from typing import Final

from wattswitch.bridges.board import Board
from wattswitch.bridges.budget import BudgetWatch
from wattswitch.bridges.kinds import Built
from wattswitch.bridges.publish import EventPublisher
from wattswitch.bridges.serve import Server, routes
from wattswitch.errors import WattswitchError

logger = logging.getLogger(__name__)

TIDY_SECONDS: Final = 600.0


async def run(
    built: Built,
    board: Board,
    address: str,
    port: int,
    *,
    publisher: EventPublisher | None = None,
    watch: BudgetWatch | None = None,
) -> None:
    """Until it is cancelled. Without a publisher of its own nothing is tidied, without a watch no budget looked at.

    Raises OSError where the address can't be listened at, and an ExceptionGroup of what a part of it ended with.
    """
    server = Server(address, port, [*routes(board), *built.routes])
    await server.start()
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(built.bridge.run())
            if watch is not None:
                tasks.create_task(watch.run())
            if publisher is not None:
                tasks.create_task(_tidy(publisher))
    finally:
        await server.close()


async def _tidy(publisher: EventPublisher) -> None:
    while True:
        try:
            await publisher.tidy()
        except WattswitchError as error:
            logger.warning("what is over could not be tidied up, and is tried again: %s", error)
        await asyncio.sleep(TIDY_SECONDS)
