"""The books on paper: written before a raise, read at the start, kept in the API server.

The first books stand in `PowerBudget.status.targets`; the others in PowerLedger objects of `CHUNK` books each, so that
no object passes 10 kB. A book stays in its chunk, so a raise rewrites only the chunks that it touches.

A PowerLedger goes when the budget goes that it was made for. One of an earlier budget of the same name is read and
never written, and what it holds is written to one of our own: the garbage collector may take it at any moment.
"""

import asyncio
import dataclasses
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple

from wattswitch.api.base import API_VERSION
from wattswitch.api.ledger import BUDGET_UID_LABEL, TargetBook
from wattswitch.api.times import format_time, parse_time
from wattswitch.cluster import KubeClient, patch_status, paths
from wattswitch.engine import clock
from wattswitch.engine.books import Book
from wattswitch.errors import Conflict, WattswitchError

logger = logging.getLogger(__name__)

CHUNK = 24
"""A book of ordinary names takes 250 to 400 bytes."""

MOST_PODS = 1_000_000
"""The most that a book may say; another hand may ask for more."""

BEFORE_ALL_TAILS = float("-inf")
"""A moment at which every tail still runs: what is written outlives the moment."""


def to_raw(book: Book) -> dict[str, Any]:
    """One book as the API server keeps it: `largest` counts every pod that draws, may yet draw, or is reserved for."""
    return _raw(_fields(book))


def _fields(book: Book) -> dict[str, Any]:
    """What is written of a book, as the book has it: equal fields are written equally."""
    return {
        "uid": book.uid,
        "namespace": book.namespace,
        "kind": book.kind,
        "name": book.name,
        "workload": book.workload,
        "selector": book.selector,
        "watts": book.watts,
        "gpus": book.gpus,
        "gpu_group": book.gpu_group,
        "stop_seconds": book.stop_seconds,
        "replicas": max(book.replicas, book.reserved, book.spec_replicas),
        "largest": _largest(book),
        "original_replicas": book.original_replicas,
        "on_delete": book.on_delete,
        "raised_at": book.raised_at,
        "lowered_at": book.lowered_at,
    }


def _raw(fields: Mapping[str, Any]) -> dict[str, Any]:
    counts = {name: min(MOST_PODS, fields[name]) for name in ("replicas", "largest", "original_replicas")}
    times = {name: fields[name] for name in ("raised_at", "lowered_at")}
    stamps = {name: None if at is None else format_time(at) for name, at in times.items()}
    return TargetBook(**{**fields, **counts, **stamps}).to_raw()


def _largest(book: Book) -> int:
    """The most pods that there may be, with those that a raise is about to add to them.

    Dying pods and tails count: a book that is read again takes those that it does not find for stopped unseen.
    """
    to_come = book.size(book.reserved) - max(book.asked_pods, book.pods.alive)
    return book.booked_pods(BEFORE_ALL_TAILS) + max(0, to_come)


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


_marks = attrgetter(*(field.name for field in dataclasses.fields(Book) if field.name != "tails"))
"""Every field of a book but `tails`, which is the only one that may be changed in place."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """What was last written down of a book, None where it cannot be, and the fields that it was made from."""

    marks: tuple[Any, ...]
    fields: dict[str, Any]
    raw: dict[str, Any] | None


class _Allowed(NamedTuple):
    """What one written book allows: a size in its target's spec, and pods."""

    replicas: int
    largest: int

    def least(self, other: "_Allowed") -> "_Allowed":
        """What both allow."""
        return _Allowed(min(self.replicas, other.replicas), min(self.largest, other.largest))


def _allowed(raws: Iterable[Mapping[str, Any]]) -> dict[str, _Allowed]:
    return {raw["uid"]: _Allowed(raw["replicas"], raw.get("largest", 0)) for raw in raws}


class Ledger:
    """Keeps the books of one budget in the API server."""

    def __init__(self, client: KubeClient, budget: str, uid: str) -> None:
        self._client = client
        self._budget = budget
        self._uid = uid
        self._entries: dict[str, _Entry] = {}
        self._chunk_of: dict[str, int] = {}
        self._written: dict[int, list[dict[str, Any]] | None] = {}
        """What the API server has by chunk, None from the start of a write until one succeeds: it may have arrived."""
        self._allowed: dict[str, _Allowed] = {}
        """What surely stands in the API server, by the target's uid: while a write is under way, the less of two."""
        self._uids: dict[int, str] = {0: uid}
        self._seen_at: dict[int, float] = {}
        """Monotonic time at which an object of ours last answered, by chunk."""
        self._taken: set[int] = set()
        """Numbers whose name an object of another owner has."""
        self._inherited: dict[int, str] = {}
        """Uids of objects of another owner, by number, whose books were read and are not all written to ours yet."""
        self._confirmed_at = float("-inf")
        self._lock = asyncio.Lock()
        self.failed = False
        """Whether the last write failed: until one succeeds, nothing may be raised."""

    def read(self, budget: Mapping[str, Any], ledgers: Iterable[Mapping[str, Any]]) -> dict[str, Book]:
        """The books as they stand in the API server, by the target's uid; ours before those of an earlier budget."""
        chunks, inherited = {0: _targets(budget)}, []
        for raw in ledgers:
            number = self._number(raw)
            if number is None:
                continue
            if self._owns(raw):
                chunks[number], self._uids[number] = _targets(raw), raw["metadata"]["uid"]
                continue
            self._taken.add(number)
            if targets := _targets(raw):
                inherited += targets
                self._inherited[number] = raw["metadata"]["uid"]
        books = {book.uid: book for book in map(from_raw, inherited)}
        for number, raws in chunks.items():
            self._written[number] = list(raws)
            self._allowed |= _allowed(raws)
            for raw_book in raws:
                book = from_raw(raw_book)
                books[book.uid] = book
                self._chunk_of[book.uid] = number
        return books

    async def write(self, books: Mapping[str, Book], on_chunk: Callable[[], None] = lambda: None) -> bool:
        """Bring the API server's copy up to date; True when every chunk that differs was written.

        One that fails stops no other. `on_chunk` is called whenever one is written: what it holds is covered then.
        """
        async with self._lock:
            changed = {
                number: raws for number, raws in self._chunks(books).items() if raws != self._written.get(number, [])
            }
            writes = (self._write_chunk(number, raws, on_chunk) for number, raws in changed.items())
            done = await asyncio.gather(*writes)
            self.failed = not all(done)
            if not self.failed:
                await self._empty_inherited()
            return not self.failed

    def missing(self, books: Mapping[str, Book]) -> bool:
        """Whether the ledger is to be written though nothing was moved.

        So it is while a book is not written at all, or a closed one is, and while that of a target at rest says other
        than what is written: pods that were written as dying would be taken for stopped unseen after a restart.
        """
        if None in self._written.values():
            return True
        written = {raw["uid"]: raw for raws in self._written.values() for raw in raws or ()}
        if written.keys() != books.keys():
            return True
        return any(_at_rest(book) and self._raw_of(book) != written[uid] for uid, book in books.items())

    def covers(self, book: Book, replicas: int) -> bool:
        """Whether what is written allows asking for this size."""
        allowed = self._allowed.get(book.uid)
        return allowed is not None and allowed.replicas >= replicas and allowed.largest >= book.size(replicas)

    def confirm(self, ledgers: Iterable[Mapping[str, Any]], listed_at: float) -> None:
        """Take in which PowerLedgers a list found that began at this monotonic time.

        What stood in one that is gone covers nothing and is written again. Each list is taken once.
        """
        if listed_at <= self._confirmed_at:
            return
        self._confirmed_at = listed_at
        standing = {raw["metadata"]["uid"] for raw in ledgers}
        for number, uid in list(self._uids.items()):
            if number > 0 and uid not in standing and self._seen_at.get(number, float("-inf")) < listed_at:
                logger.warning("ledger %s is gone", self._name(number))
                del self._uids[number]
                self._unwritten(number)

    def _unwritten(self, number: int) -> None:
        """Take in that nothing of a chunk stands; one without books need not be written again."""
        self._disallow(uid for uid, chunk in self._chunk_of.items() if chunk == number)
        if number in self._chunk_of.values():
            self._written[number] = None
        else:
            self._written.pop(number, None)

    def _name(self, number: int) -> str:
        return f"{self._budget}-{number}" if number else self._budget

    def _number(self, raw: Mapping[str, Any]) -> int | None:
        """The chunk that a PowerLedger holds; None where it is another budget's or nothing that we made."""
        budget, _, number = str(raw["metadata"]["name"]).rpartition("-")
        ours = raw.get("spec", {}).get("budget") == budget == self._budget
        return int(number) if ours and number.isdecimal() and int(number) > 0 else None

    def _owns(self, raw: Mapping[str, Any]) -> bool:
        """Whether an object goes with this budget, and not with an earlier one of its name.

        The view shows labels only; an object that was asked for has its owners too.
        """
        meta = raw["metadata"]
        owners = {owner.get("uid") for owner in meta.get("ownerReferences") or ()}
        return self._uid in {(meta.get("labels") or {}).get(BUDGET_UID_LABEL), *owners}

    def _chunks(self, books: Mapping[str, Book]) -> dict[int, list[dict[str, Any]]]:
        closed = [uid for uid in self._chunk_of if uid not in books]
        self._disallow(closed)
        for uid in closed:
            del self._chunk_of[uid]
            self._entries.pop(uid, None)
        sizes: dict[int, int] = {}
        for number in self._chunk_of.values():
            sizes[number] = sizes.get(number, 0) + 1
        chunks: dict[int, list[dict[str, Any]]] = {number: [] for number in self._written}
        free = 0
        for uid, book in sorted(books.items()):
            if uid not in self._chunk_of:
                while free in self._taken or sizes.get(free, 0) >= CHUNK:
                    free += 1
                self._chunk_of[uid] = free
                sizes[free] = sizes.get(free, 0) + 1
            entries = chunks.setdefault(self._chunk_of[uid], [])
            if (raw := self._raw_of(book)) is not None:
                entries.append(raw)
        return chunks

    def _raw_of(self, book: Book) -> dict[str, Any] | None:
        """One book as it is to be written, made anew only where it changed.

        None for one that cannot be written: it is not covered, so it is never raised.
        """
        known, marks = self._entries.get(book.uid), (*_marks(book), *book.tails)
        if known is not None and known.marks == marks:
            return known.raw
        fields = _fields(book)
        raw = known.raw if known is not None and known.fields == fields else self._try_raw(book.key, fields)
        self._entries[book.uid] = _Entry(marks, fields, raw)
        return raw

    @staticmethod
    def _try_raw(key: str, fields: Mapping[str, Any]) -> dict[str, Any] | None:
        try:
            return _raw(fields)
        except ValueError as problem:
            logger.warning("the book of %s cannot be written down: %s", key, problem)
            return None

    async def _write_chunk(self, number: int, raws: list[dict[str, Any]], on_written: Callable[[], None]) -> bool:
        """Write one chunk. Until it is answered either copy may stand, and after a failure too: then nothing counts."""
        asked, before = _allowed(raws), _allowed(self._written.get(number) or ())
        standing = {uid: self._allowed[uid] for uid in before if uid in self._allowed}
        self._written[number] = None
        self._disallow(before)
        self._allowed |= {uid: standing[uid].least(asked[uid]) for uid in standing if uid in asked}
        done = await self._send_chunk(number, raws)
        self._disallow(asked)
        if done:
            self._seen_at[number], self._written[number] = clock.monotonic(), raws
            self._allowed |= asked
            on_written()
        return done

    async def _send_chunk(self, number: int, raws: list[dict[str, Any]]) -> bool:
        plural, name = "powerledgers" if number else "powerbudgets", self._name(number)
        try:
            if number not in self._uids and not await self._create(number):
                return False
            answer = await patch_status(self._client, plural, None, name, self._uids[number], {"targets": raws})
        except WattswitchError as problem:
            logger.warning("ledger %s not written: %s", name, problem)
            return False
        if answer is None:
            if number > 0:  # somebody deleted it; the budget itself is never created anew
                self._uids.pop(number, None)
            return False
        return True

    def _disallow(self, uids: Iterable[str]) -> None:
        for uid in uids:
            self._allowed.pop(uid, None)

    async def _create(self, number: int) -> bool:
        """Create an empty PowerLedger, which goes when the budget goes; False where another owner has its name.

        Then the books of this chunk go to other chunks with the next write.
        """
        name = self._name(number)
        owner = {"apiVersion": API_VERSION, "kind": "PowerBudget", "name": self._budget, "uid": self._uid}
        body = {
            "apiVersion": API_VERSION,
            "kind": "PowerLedger",
            "metadata": {"name": name, "labels": {BUDGET_UID_LABEL: self._uid}, "ownerReferences": [owner]},
            "spec": {"budget": self._budget},
        }
        try:
            found = await self._client.request("POST", paths.collection("PowerLedger"), body=body)
        except Conflict:
            found = await self._client.request("GET", paths.item("PowerLedger", None, name))
        if not self._owns(found):
            logger.warning("ledger %s belongs to another budget of this name: another number is used", name)
            self._taken.add(number)
            self._written.pop(number, None)
            self._chunk_of = {uid: chunk for uid, chunk in self._chunk_of.items() if chunk != number}
            return False
        self._uids[number], self._seen_at[number] = str(found["metadata"]["uid"]), clock.monotonic()
        return True

    async def _empty_inherited(self) -> None:
        """Empty the objects of an earlier budget, now that ours hold their books, so that none is read once more."""
        for number, uid in list(self._inherited.items()):
            try:
                await patch_status(self._client, "powerledgers", None, self._name(number), uid, {"targets": []})
            except WattswitchError as problem:
                logger.warning("ledger %s of an earlier budget not emptied: %s", self._name(number), problem)
            else:
                del self._inherited[number]


def _targets(raw: Mapping[str, Any]) -> list[dict[str, Any]]:
    return (raw.get("status") or {}).get("targets") or []


def _at_rest(book: Book) -> bool:
    """Whether a book will say the same until somebody moves its target."""
    return book.settled and not book.reserved and not book.tails and not book.pods.terminating
