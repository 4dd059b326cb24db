"""Brings what is published to what is asked for, and tries again until it is."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from wattswitch.bridges.asked import Asked, Publisher, Reason, Refused
from wattswitch.errors import WattswitchError

logger = logging.getLogger(__name__)

FORGET_AFTER_SECONDS: Final = 86_400.0
"""How long an event that is over is still remembered."""


class Desk:
    """The events of one program. What was published before the process started stays until a message ends it."""

    def __init__(self, publisher: Publisher, program: str) -> None:
        self._publisher = publisher
        self._program = program
        self._wanted: dict[str, Asked] = {}
        self._published: dict[str, Asked] = {}
        self._doubted: set[str] = set()
        self._loaded = False
        self._told: dict[str, str] = {}
        self._lock = asyncio.Lock()

    @property
    def wanted(self) -> tuple[Asked, ...]:
        """What is asked for, whether it is published yet or not."""
        return tuple(self._wanted.values())

    @property
    def settled(self) -> bool:
        """Whether all that is asked for is published."""
        return self._loaded and not self._owed()

    def owes(self, name: str) -> bool:
        """Whether the event of this name is not published as it is asked for."""
        return not self._loaded or any(asked.name == name for asked in self._owed())

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
            self._tell(self._program, error)
            raise _not_published(error) from error
        self._published = {asked.name: asked for asked in found}
        self._wanted = {name: asked for name, asked in self._published.items() if not asked.cancelled} | self._wanted
        self._loaded = True

    def want(self, asked: Asked) -> None:
        """Ask for this; `settle` publishes it. When it was first announced, and by whom, is kept."""
        known = self._wanted.get(asked.name) or self._published.get(asked.name)
        self._wanted[asked.name] = replace(asked, announced_at=known.announced_at) if known else asked

    def doubt(self, name: str) -> None:
        """Have `settle` publish the event of this name anew, should another hand have changed or deleted it."""
        if name in self._wanted:
            self._doubted.add(name)

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
                    self._tell(asked.name, error)
                    self._doubted.add(asked.name)  # it may have been written all the same
                    failure = error
            self._forget(now - FORGET_AFTER_SECONDS)
            if failure is not None:
                raise _not_published(failure) from failure

    def _owed(self) -> list[Asked]:
        return [asked for asked in self._wanted.values() if self._is_owed(asked, self._published.get(asked.name))]

    def _is_owed(self, asked: Asked, known: Asked | None) -> bool:
        in_doubt = asked.name in self._doubted
        if known is None:
            return in_doubt or not asked.cancelled
        return not (known.cancelled and asked.cancelled) and (in_doubt or not known.same_as(asked))

    async def _publish(self, asked: Asked) -> None:
        siblings = [other for other in self._wanted.values() if other.reference == asked.reference]
        if asked.cancelled and all(other.cancelled for other in siblings):
            await self._publisher.withdraw(asked.program, asked.reference)
        else:
            await self._publisher.put(asked)
        self._published[asked.name] = asked
        self._doubted.discard(asked.name)
        self._told.pop(asked.name, None)

    def _tell(self, what: str, error: WattswitchError) -> None:
        """Log what went wrong, once while it stays the same: the peer is told no more than that something did."""
        if self._told.get(what) != str(error):
            self._told[what] = str(error)
            logger.warning("%s is not published: %s", what, error)

    def _forget(self, before: float) -> None:
        for name, asked in tuple(self._wanted.items()):
            known = self._published.get(name)
            called_off = asked.cancelled and name not in self._doubted
            if (called_off or _ended(asked, before)) and (known is None or known.same_as(asked) or known.cancelled):
                del self._wanted[name]
                self._published.pop(name, None)
                self._doubted.discard(name)


def _ended(asked: Asked, before: float) -> bool:
    end = asked.end
    return end is not None and end < before


def _not_published(error: WattswitchError) -> Refused:
    return Refused(Reason.NOT_PUBLISHED, f"the event could not be published ({type(error).__name__})")
