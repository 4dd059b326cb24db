"""In an emergency, the pods of targets at size 0 are deleted at once where the admin grants it.

A controller deletes 20 pods a second at its default rates. Without the right to delete pods everything goes on as
without an emergency: the size is written already, and the controller follows it.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable

from wattswitch.cluster import KubeClient, TargetFacts, delete_pods
from wattswitch.engine import clock
from wattswitch.engine.books import Book
from wattswitch.errors import Forbidden, WattswitchError

logger = logging.getLogger(__name__)

DENIED_SECONDS = 300.0
"""How long a namespace is left alone in which pods may not be deleted."""
NEIGHBOURS_SECONDS = 1.0
"""How long the targets of a namespace are remembered: to read them for each of 1,000 writes takes half a second."""
AGAIN_SECONDS = 10.0
"""How long after pods were told to go their target is not looked at again: its status takes a while to show it."""


class Haste:
    """Deletes the pods of one site's targets; `living` gives the targets that a namespace has."""

    def __init__(self, client: KubeClient, living: Callable[[str], Iterable[TargetFacts]]) -> None:
        self._client = client
        self._living = living
        self._denied_until: dict[str, float] = {}
        self._neighbours: dict[str, tuple[float, list[TargetFacts]]] = {}
        self._told_until: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def hasten(self, book: Book) -> None:
        """Have the pods of a target deleted whose size is 0 now, where no other target can have any of them."""
        now = clock.monotonic()
        if now < max(self._denied_until.get(book.namespace, 0.0), self._told_until.get(book.uid, 0.0)):
            return
        others = (each for each in self._near(book.namespace) if each.uid != book.uid)
        if not all(disjoint(book.selector, each.selector) for each in others) or not _labels(book.selector):
            return
        self._told_until = {uid: until for uid, until in self._told_until.items() if until > now}
        self._told_until[book.uid] = now + AGAIN_SECONDS
        task = asyncio.create_task(self._delete(book))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop waiting for answers."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _near(self, namespace: str) -> list[TargetFacts]:
        now = clock.monotonic()
        read_at, targets = self._neighbours.get(namespace, (-NEIGHBOURS_SECONDS, []))
        if now >= read_at + NEIGHBOURS_SECONDS:
            targets = list(self._living(namespace))
            self._neighbours[namespace] = (now, targets)
        return targets

    async def _delete(self, book: Book) -> None:
        try:
            await delete_pods(self._client, book.namespace, book.selector)
        except Forbidden:
            self._denied_until[book.namespace] = clock.monotonic() + DENIED_SECONDS
            logger.info("pods of namespace %s may not be deleted at once: their controllers do it", book.namespace)
        except WattswitchError as problem:
            logger.warning("pods of %s were not deleted at once, their controller does it: %s", book.key, problem)


def disjoint(selector: str, other: str) -> bool:
    """Whether no pod can have the labels of both: they ask for different values of one label."""
    mine, theirs = _labels(selector), _labels(other)
    return any(theirs.get(name, value) != value for name, value in mine.items())


def _labels(selector: str) -> dict[str, str]:
    """The labels of a selector that asks for values and nothing else; none where it asks for more than that."""
    pairs = [term.partition("=") for term in selector.split(",")]
    plain = all(sign and "=" not in value and not set(name + value) & set(" !()") for name, sign, value in pairs)
    return {name: value for name, _, value in pairs} if plain else {}
