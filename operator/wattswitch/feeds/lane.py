"""One thread for the calls of one source that block: files, DNS, blocking libraries."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from wattswitch.feeds.reading import Problem, Refused

T = TypeVar("T")


class Lane:
    """Runs one blocking call at a time, each on a daemon thread, and refuses a second one until the first is over.

    A call that hangs therefore holds one thread, however often its source is polled, and never stops the process
    from ending.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._last: Future[Any] | None = None

    @property
    def busy(self) -> bool:
        """Whether a call is still running."""
        return self._last is not None and not self._last.done()

    async def run(self, call: Callable[[], T]) -> T:
        """The result of `call`, or what it raised. Raises Refused while an earlier call is still running."""
        if self.busy:
            raise Refused(Problem.TIMED_OUT, "the request before is still hanging")
        outcome: Future[T] = Future()
        self._last = outcome
        threading.Thread(target=_fill, args=(outcome, call), name=self._name, daemon=True).start()
        return await asyncio.wrap_future(outcome)


def _fill(outcome: "Future[T]", call: Callable[[], T]) -> None:
    if not outcome.set_running_or_notify_cancel():
        return
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001  (handed to whoever waits)
        outcome.set_exception(error)
    else:
        outcome.set_result(result)
