"""Tasks without which the operator is half an operator."""

import asyncio
import logging
import os
from collections.abc import Coroutine
from typing import Any

logger = logging.getLogger(__name__)

SOFTWARE_ERROR = 70
"""EX_SOFTWARE of sysexits.h."""


def vital(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Start a task that only ends by being cancelled; should it end by itself, the process ends too.

    A restart is safe at any moment; going on without the task is not.
    """
    task = asyncio.create_task(work)
    task.add_done_callback(_die_with)
    return task


def _die_with(task: asyncio.Task[None]) -> None:
    if task.cancelled():
        return
    logger.critical("a task of the operator ended: %r", task.exception())
    os._exit(SOFTWARE_ERROR)
