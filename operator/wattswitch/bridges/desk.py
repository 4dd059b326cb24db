"""Brings what is published to what is asked for, and tries again until it is."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from wattswitch.bridges.asked import Asked, Publisher, Reason, Refused
from wattswitch.errors import WattswitchError

FORGET_AFTER_SECONDS: Final = 86_400.0
"""How long an event that is over is still remembered."""


class Desk:
    """The events of one program. What was published before the process started stays until a message ends it."""

    def __init__(self, publisher: Publisher, program: str) -> None:
        self._publisher = publisher
        self._program = program
        self._wanted: dict[str, Asked] = {}
        self._published: dict[str, Asked] = {}
        self._loaded = False
        self._lock = asyncio.Lock()

    @property
    def wanted(self) -> tuple[Asked, ...]:
        """What is asked for, whether it is published yet or not."""
        return tuple(self._wanted.values())

    @property
    def settled(self) -> bool:
        """Whether all that is asked for is published."""
        return self._loaded and not self._owed()

    async def load(self) -> None:
        """Learn what is published. Raises Refused; until it succeeded nothing is ended."""
        async with self._lock:
            await self._load()

    async def _load(self) -> None:
        if self._loaded:
            return
        try:
            found = [asked for asked in await self._publisher.current() if asked.program == self._program]
        except WattswitchError as error:
            raise _not_published(error) from error
        self._published = {asked.name: asked for asked in found}
        self._wanted = {name: asked for name, asked in self._published.items() if not asked.cancelled} | self._wanted
        self._loaded = True

    def want(self, asked: Asked) -> None:
        """Ask for this; `settle` publishes it. When it was first announced, and by whom, is kept."""
        known = self._wanted.get(asked.name) or self._published.get(asked.name)
        self._wanted[asked.name] = replace(asked, announced_at=known.announced_at) if known else asked

    def replace_parts(self, reference: str, parts: Iterable[Asked], now: float) -> None:
        """Ask for these parts of an event and for no others of it; what is over by now stays as it was."""
        self.replace_all({reference: parts}, now)

    def replace_all(self, parts: Mapping[str, Iterable[Asked]], now: float) -> None:
        """Ask for these parts of each of these events, by reference; other events stay."""
        wanted = [asked for of_one in parts.values() for asked in of_one]
        names = {asked.name for asked in wanted}
        for name, asked in tuple(self._wanted.items()):
            if asked.reference in parts and name not in names and not asked.over_at(now):
                self._wanted[name] = replace(asked, cancelled=True)
        for asked in wanted:
            self.want(asked)

    def announced_at(self, reference: str) -> float | None:
        """When this event was first announced; None where it is not known."""
        times = [asked.announced_at for asked in self._wanted.values() if asked.reference == reference]
        return min(times) if times else None

    async def settle(self, now: float) -> None:
        """Publish what is owed: limits first, ends last. Raises Refused; what failed is owed still."""
        async with self._lock:
            await self._load()
            failure: WattswitchError | None = None
            for asked in sorted(self._owed(), key=lambda asked: asked.cancelled):
                try:
                    await self._publish(asked)
                except WattswitchError as error:
                    failure = error
            self._forget(lambda asked: asked.cancelled or _ended(asked, now - FORGET_AFTER_SECONDS))
            if failure is not None:
                raise _not_published(failure) from failure

    def _owed(self) -> list[Asked]:
        owed = []
        for name, asked in self._wanted.items():
            known = self._published.get(name)
            if known is None:
                if not asked.cancelled:
                    owed.append(asked)
            elif not known.same_as(asked) and not (known.cancelled and asked.cancelled):
                owed.append(asked)
        return owed

    async def _publish(self, asked: Asked) -> None:
        siblings = [other for other in self._wanted.values() if other.reference == asked.reference]
        if asked.cancelled and all(other.cancelled for other in siblings):
            await self._publisher.withdraw(asked.program, asked.reference)
        else:
            await self._publisher.put(asked)
        self._published[asked.name] = asked

    def _forget(self, done: Callable[[Asked], bool]) -> None:
        for name, asked in tuple(self._wanted.items()):
            known = self._published.get(name)
            if done(asked) and (known is None or known.same_as(asked) or known.cancelled):
                del self._wanted[name]
                self._published.pop(name, None)


def _ended(asked: Asked, before: float) -> bool:
    end = asked.end
    return end is not None and end < before


def _not_published(error: WattswitchError) -> Refused:
    return Refused(Reason.NOT_PUBLISHED, f"the event could not be published ({type(error).__name__})")
