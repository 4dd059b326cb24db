"""Asks sources in the background, each in a task of its own, however badly they answer."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from wattswitch.feeds.reading import Problem, Refused


@dataclass(frozen=True)
class Inquiry:
    """One source to ask: `ask` takes in its answer or raises `Refused`, `failed` notes that it gave nothing usable.

    `pause_seconds` is from one beginning to the next.
    """

    name: str
    ask: Callable[[], Awaitable[None]]
    failed: Callable[[Refused], None]
    pause_seconds: Callable[[], float]


class Poller:
    """Asks from `start` to `close`; after each answer, `on_change` is called where `has_changed` says so.

    `on_change` is called on the event loop by itself, so that what it raises does not end the polling.
    """

    def __init__(self, timeout_seconds: float, has_changed: Callable[[], bool], on_change: Callable[[], None]) -> None:
        self._timeout_seconds = timeout_seconds
        self._has_changed, self._on_change = has_changed, on_change
        self._inquiries: list[Inquiry] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._unheard: set[str] = set()

    def add(self, inquiry: Inquiry) -> None:
        """Ask this one too; before `start`."""
        self._inquiries.append(inquiry)
        self._unheard.add(inquiry.name)

    def start(self) -> None:
        """Begin with all of them at once; needs a running event loop."""
        self._tasks = [asyncio.create_task(self._poll(each), name=f"feed-{each.name}") for each in self._inquiries]

    @property
    def heard(self) -> bool:
        """Whether every source has answered or failed at least once."""
        return not self._unheard

    async def close(self) -> None:
        """Stop asking; open connections are closed."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def _poll(self, inquiry: Inquiry) -> None:
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            await self._ask(inquiry)
            self._unheard.discard(inquiry.name)
            if self._may_have_changed():
                loop.call_soon(self._on_change)
            await asyncio.sleep(max(0.0, started + inquiry.pause_seconds() - loop.time()))

    async def _ask(self, inquiry: Inquiry) -> None:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await inquiry.ask()
        except Refused as refusal:
            inquiry.failed(refusal)
        except TimeoutError:
            inquiry.failed(Refused(Problem.TIMED_OUT, f"no answer within {self._timeout_seconds} s"))
        except Exception as error:  # noqa: BLE001  (no feed may ever stop being polled)
            inquiry.failed(unforeseen(error))

    def _may_have_changed(self) -> bool:
        try:
            return self._has_changed()
        except Exception:  # noqa: BLE001  (what can't be compared may have changed)
            return True


def unforeseen(error: Exception) -> Refused:
    """What a mistake of ours makes of a source: a problem of that one, told in its reading."""
    return Refused(Problem.UNEXPECTED, f"{type(error).__name__} in the operator: please report it")
