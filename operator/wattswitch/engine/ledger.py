"""The books on paper: written before a raise, read at the start, kept in the API server.

The first books stand in `PowerBudget.status.targets`; the others in PowerLedger objects of `CHUNK` books each, so that
no object passes 10 kB. A book stays in its chunk, so a raise rewrites only the chunks that it touches.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from wattswitch.api.base import API_VERSION
from wattswitch.api.ledger import TargetBook
from wattswitch.api.times import format_time, parse_time
from wattswitch.cluster import KubeClient, patch_status, paths
from wattswitch.engine.books import Book
from wattswitch.errors import Conflict, WattswitchError

logger = logging.getLogger(__name__)

CHUNK = 24
"""A book of ordinary names takes 250 to 400 bytes."""

MOST_PODS = 1_000_000
"""The most that a book may say; another hand may ask for more."""


def to_raw(book: Book) -> dict[str, Any]:
    """One book as the API server keeps it."""
    times = {"raised_at": book.raised_at, "lowered_at": book.lowered_at}
    stamped = {name: format_time(at) for name, at in times.items() if at is not None}
    return TargetBook(
        uid=book.uid,
        namespace=book.namespace,
        kind=book.kind,
        name=book.name,
        workload=book.workload,
        selector=book.selector,
        watts=book.watts,
        gpus=book.gpus,
        gpu_group=book.gpu_group,
        stop_seconds=book.stop_seconds,
        replicas=min(MOST_PODS, max(book.replicas, book.reserved, book.spec_replicas)),
        largest=min(MOST_PODS, max(book.largest, book.size(book.reserved), book.asked_pods)),
        original_replicas=min(MOST_PODS, book.original_replicas),
        on_delete=book.on_delete,
        **stamped,
    ).to_raw()


def from_raw(raw: Mapping[str, Any]) -> Book:
    """A book as it was written, with everything still counted that was asked for then.

    A field that a newer operator added is left out. Raises ValueError where a known one cannot be read.
    """
    kept = TargetBook.model_validate(dict(raw), extra="ignore")
    book = Book(
        uid=kept.uid,
        namespace=kept.namespace,
        kind=kept.kind,
        name=kept.name,
        workload=kept.workload,
        selector=kept.selector,
        watts=kept.watts,
        gpus=kept.gpus,
        gpu_group=kept.gpu_group,
        stop_seconds=kept.stop_seconds,
        on_delete=str(kept.on_delete),
        original_replicas=kept.original_replicas,
        replicas=kept.replicas,
        largest=kept.largest,
        raised_at=parse_time(kept.raised_at) if kept.raised_at else None,
        lowered_at=parse_time(kept.lowered_at) if kept.lowered_at else None,
    )
    book.restored()
    return book


class Ledger:
    """Keeps the books of one budget in the API server."""

    def __init__(self, client: KubeClient, budget: str, uid: str) -> None:
        self._client = client
        self._budget = budget
        self._uid = uid
        self._chunk_of: dict[str, int] = {}
        self._written: dict[int, list[dict[str, Any]] | None] = {}
        """What the API server has by chunk, None from a write that failed until one succeeds: it may have arrived."""
        self._uids: dict[int, str] = {0: uid}
        self._lock = asyncio.Lock()
        self.failed = False
        """Whether the last write failed: until one succeeds, nothing may be raised."""

    def read(self, budget: Mapping[str, Any], ledgers: Iterable[Mapping[str, Any]]) -> dict[str, Book]:
        """The books as they stand in the API server, by the target's uid."""
        chunks = {0: (budget.get("status") or {}).get("targets") or []}
        for raw in ledgers:
            number = self._number(raw)
            if number is not None:
                chunks[number] = (raw.get("status") or {}).get("targets") or []
                self._uids[number] = raw["metadata"]["uid"]
        books: dict[str, Book] = {}
        for number, raws in chunks.items():
            self._written[number] = list(raws)
            for raw_book in raws:
                book = from_raw(raw_book)
                books[book.uid] = book
                self._chunk_of[book.uid] = number
        return books

    async def write(self, books: Mapping[str, Book]) -> bool:
        """Bring the API server's copy up to date; True when every chunk that differs was written.

        One that fails stops no other.
        """
        async with self._lock:
            changed = {
                number: raws for number, raws in self._chunks(books).items() if raws != self._written.get(number, [])
            }
            done = await asyncio.gather(*(self._write_chunk(number, raws) for number, raws in changed.items()))
            self.failed = not all(done)
            return not self.failed

    def missing(self, books: Mapping[str, Book]) -> bool:
        """Whether a book is not written at all, or one is written that is closed."""
        written = {raw["uid"] for raws in self._written.values() for raw in raws or ()}
        return None in self._written.values() or written != books.keys()

    def covers(self, book: Book, replicas: int) -> bool:
        """Whether what is written allows asking for this size."""
        raws = self._written.get(self._chunk_of.get(book.uid, -1)) or ()
        kept = next((raw for raw in raws if raw["uid"] == book.uid), None)
        return kept is not None and kept["replicas"] >= replicas and kept.get("largest", 0) >= book.size(replicas)

    def _number(self, raw: Mapping[str, Any]) -> int | None:
        """The chunk that a PowerLedger holds; None where it is another budget's or nothing that we made."""
        budget, _, number = str(raw["metadata"]["name"]).rpartition("-")
        ours = raw.get("spec", {}).get("budget") == budget == self._budget
        return int(number) if ours and number.isdecimal() and int(number) > 0 else None

    def _chunks(self, books: Mapping[str, Book]) -> dict[int, list[dict[str, Any]]]:
        for uid in [uid for uid in self._chunk_of if uid not in books]:
            del self._chunk_of[uid]
        sizes: dict[int, int] = {}
        for number in self._chunk_of.values():
            sizes[number] = sizes.get(number, 0) + 1
        chunks: dict[int, list[dict[str, Any]]] = {number: [] for number in self._written}
        free = 0
        for uid, book in sorted(books.items()):
            if uid not in self._chunk_of:
                while sizes.get(free, 0) >= CHUNK:
                    free += 1
                self._chunk_of[uid] = free
                sizes[free] = sizes.get(free, 0) + 1
            self._enter(chunks.setdefault(self._chunk_of[uid], []), book)
        return chunks

    @staticmethod
    def _enter(raws: list[dict[str, Any]], book: Book) -> None:
        """Write one book down; one that cannot be written is not covered, so it is never raised."""
        try:
            raws.append(to_raw(book))
        except ValueError as problem:
            logger.warning("the book of %s cannot be written down: %s", book.key, problem)

    async def _write_chunk(self, number: int, raws: list[dict[str, Any]]) -> bool:
        plural, name = ("powerbudgets", self._budget) if number == 0 else ("powerledgers", f"{self._budget}-{number}")
        self._written[number] = None
        try:
            if number not in self._uids:
                self._uids[number] = await self._create(name)
            answer = await patch_status(self._client, plural, None, name, self._uids[number], {"targets": raws})
        except WattswitchError as problem:
            logger.warning("ledger %s not written: %s", name, problem)
            return False
        if answer is None:
            if number > 0:  # somebody deleted it; the budget itself is never created anew
                self._uids.pop(number, None)
            return False
        self._written[number] = raws
        return True

    async def _create(self, name: str) -> str:
        """Create an empty PowerLedger, which goes when the budget goes; its uid."""
        owner = {"apiVersion": API_VERSION, "kind": "PowerBudget", "name": self._budget, "uid": self._uid}
        body = {
            "apiVersion": API_VERSION,
            "kind": "PowerLedger",
            "metadata": {"name": name, "ownerReferences": [owner]},
            "spec": {"budget": self._budget},
        }
        try:
            created = await self._client.request("POST", paths.collection("PowerLedger"), body=body)
        except Conflict:
            created = await self._client.request("GET", paths.item("PowerLedger", None, name))
        return str(created["metadata"]["uid"])
