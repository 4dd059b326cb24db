"""The record on disk: intervals and events in one SQLite file, written by one process at a time.

Nothing here raises for what a disk can do. A file that is locked, full, read-only or damaged is a `Problem`; rows wait
in memory, as many as there is room for, and are written with the next ones. A damaged file is moved aside and a new one
begun. A batch is written whole or not at all, and a row that is written twice is one row.
"""

import errno
import fcntl
import json
import math
import os
import re
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple

from wattswitch.settlement.eventrecord import EventRecord, OptOut, Skipped
from wattswitch.settlement.intervals import Interval, Quality

VERSION: Final = 1
_APPLICATION: Final = 0x57415454
"""SQLite's application_id of our files: "WATT"."""

_PAGE_BYTES: Final = 4096
_LEAST_BYTES: Final = 512
"""SQLite's smallest page."""

_FULLEST: Final = 0.9
"""The part of the room for the file that may be taken when a day begins."""
_DAYS_AT_ONCE: Final = 10
_MOST_ASIDE: Final = 5
_SECONDS_TO_WAIT: Final = 5.0
_DAY: Final = 86_400

_SCHEMA: Final = """
CREATE TABLE intervals (
  start INTEGER NOT NULL, seconds INTEGER NOT NULL, workload TEXT NOT NULL,
  energy_kwh REAL NOT NULL, known_seconds REAL NOT NULL, meter_kwh REAL, price_per_mwh REAL, cost REAL,
  revenue REAL NOT NULL, wanted_kwh REAL NOT NULL, worth_per_mwh REAL,
  by_price INTEGER NOT NULL, by_event INTEGER NOT NULL, quality TEXT NOT NULL,
  PRIMARY KEY (start, seconds, workload)
) STRICT, WITHOUT ROWID;
CREATE TABLE events (key TEXT PRIMARY KEY, start REAL NOT NULL, over_at REAL, record TEXT NOT NULL) STRICT;
CREATE TABLE open_book (one INTEGER PRIMARY KEY CHECK (one = 1), text TEXT NOT NULL) STRICT;
CREATE TABLE money (since REAL PRIMARY KEY, currency TEXT NOT NULL) STRICT;
"""
_COLUMNS: Final = tuple(field.name for field in fields(Interval))
_PUT_INTERVAL: Final = (
    f"INSERT INTO intervals ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) "  # noqa: S608 - constants
    f"ON CONFLICT DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _COLUMNS[3:])} "
    "WHERE excluded.known_seconds > known_seconds"
)
"""What was recorded once stays, unless more of the same interval is known now."""
_PUT_EVENT: Final = "INSERT OR REPLACE INTO events (key, start, over_at, record) VALUES (?, ?, ?, ?)"
_PUT_BOOK: Final = "INSERT OR REPLACE INTO open_book (one, text) VALUES (1, ?)"
_PUT_MONEY: Final = (
    "INSERT OR REPLACE INTO money (since, currency) SELECT :since, :currency "
    "WHERE :currency IS NOT (SELECT currency FROM money ORDER BY since DESC LIMIT 1)"
)
"""A line for each change of currency."""

_SUFFIX: Final = ".sqlite"
_BUDGET: Final = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


def path_of(folder: Path, budget: str) -> Path:
    """The record of a budget: a file for each, so that none waits for another. Raises ValueError for no such name."""
    if not _BUDGET.fullmatch(budget):
        raise ValueError(f"{budget!r} is no name of a PowerBudget")
    return folder / f"{budget}{_SUFFIX}"


def budgets_in(folder: Path) -> list[str]:
    """The budgets that have a record there, by name."""
    return sorted(path.name.removesuffix(_SUFFIX) for path in folder.glob(f"*{_SUFFIX}"))


class Word(StrEnum):
    """What is wrong, in words that never change."""

    LOCKED = "Locked"
    FULL = "Full"
    READ_ONLY = "ReadOnly"
    UNREADABLE = "Unreadable"
    DAMAGED = "Damaged"
    NEWER = "NewerVersion"
    FOREIGN = "ForeignFile"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the record cannot be written or read, and what to do about it."""

    word: Word
    reason: str


class _Stop(Exception):  # noqa: N818 - it ends an attempt, with its reason
    def __init__(self, word: Word, reason: str) -> None:
        super().__init__(reason)
        self.problem = Problem(word, reason)


class Money(NamedTuple):
    """The currency of everything that is recorded from a moment on."""

    since: float
    currency: str


@dataclass(frozen=True, slots=True)
class Record:
    """What was read. `problem` is None where all of it could be.

    `money` has every change of currency, whenever it was. `cut_short` says that the newest rows may be missing: they
    stand in a file of SQLite's that cannot be used where nothing may be written.
    """

    intervals: tuple[Interval, ...] = ()
    events: tuple[EventRecord, ...] = ()
    problem: Problem | None = None
    money: tuple[Money, ...] = ()
    cut_short: bool = False


class Store:
    """The one writer. Every call tries again whatever failed before; calls may come from any thread.

    `keep_days` and `most_bytes` bound the file, `most_waiting` the rows that wait for it. `lost_rows` counts those that
    there was no room for, `moved_aside` names the damaged file that the last call set aside, and why. `vanished` says
    that the last call found the open file deleted or replaced; `problem` is what the last call ran into.
    """

    def __init__(
        self, path: Path, *, keep_days: int = 800, most_bytes: int = 2 * 1024**3, most_waiting: int = 100_000
    ) -> None:
        self.path = path
        self.moved_aside = ""
        self.vanished = False
        self.problem: Problem | None = None
        self.lost_rows = 0
        self._keep_seconds = keep_days * _DAY
        self._most_bytes = most_bytes
        self._most_waiting = most_waiting
        self._rows: dict[tuple[int, int, str], tuple[object, ...]] = {}
        self._events: dict[str, tuple[object, ...]] = {}
        self._book: str | None = None
        self._money: Money | None = None
        self._database: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._beside: dict[Path, tuple[int, int] | None] = {}
        self._lock_file: int | None = None
        self._mutex = threading.Lock()

    @property
    def waiting_rows(self) -> int:
        """Rows that are not on disk yet."""
        return len(self._rows)

    def put(
        self,
        rows: Iterable[Interval] = (),
        events: Iterable[EventRecord] = (),
        open_book: str | None = None,
        money: Money | None = None,
    ) -> Problem | None:
        """Write these, and what waits, in one batch. `open_book` is the text of the interval that is not over yet.

        Raises ValueError for a number that is not finite, before anything is taken.
        """
        with self._mutex:
            self._take(rows, events, open_book)
            self._money = money or self._money
            return self._attempt(self._write)

    def open_book(self) -> str:
        """The text that was put last, empty where there is none or it cannot be read."""
        with self._mutex:
            found: list[tuple[str]] = []
            self._attempt(lambda database: found.extend(database.execute("SELECT text FROM open_book")))
            return found[0][0] if found else ""

    def prune(self, now: float) -> Problem | None:
        """Forget what is older than `keep_days`, give its space back to the volume, and look through the whole file.

        Where the file is nearly as large as it may be, more of the oldest goes. A file that was damaged while it was
        open shows only here.
        """
        before = now - self._keep_seconds

        def forget(database: sqlite3.Connection) -> None:
            with _batch(database):
                database.execute("DELETE FROM intervals WHERE start < ?", (before,))
                database.execute("DELETE FROM events WHERE over_at < ?", (before,))
            _make_room(database)
            database.executescript("PRAGMA incremental_vacuum;")  # execute() would give back one page of it
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

        with self._mutex:
            self._let_go(unlock=False)
            return self._attempt(forget)

    def close(self) -> None:
        """Let go of the file and of the lock."""
        with self._mutex:
            self._let_go()

    def _take(self, rows: Iterable[Interval], events: Iterable[EventRecord], open_book: str | None) -> None:
        new_rows = {(row.start, row.seconds, row.workload): _interval_values(row) for row in rows}
        new_events = {event.key: _event_values(event) for event in events}
        self._rows |= new_rows
        self._events |= new_events
        self._book = open_book if open_book is not None else self._book
        while len(self._rows) > self._most_waiting:
            del self._rows[next(iter(self._rows))]
            self.lost_rows += 1

    def _write(self, database: sqlite3.Connection) -> None:
        with _batch(database):
            database.executemany(_PUT_INTERVAL, self._rows.values())
            database.executemany(_PUT_EVENT, self._events.values())
            if self._book is not None:
                database.execute(_PUT_BOOK, (self._book,))
            if self._money is not None:
                database.execute(_PUT_MONEY, self._money._asdict())
        self._rows.clear()
        self._events.clear()
        self._book = None

    def _attempt(self, work: Callable[[sqlite3.Connection], None]) -> Problem | None:
        """Do it on the open file; once more on a new one where the file turns out to be damaged."""
        self.moved_aside, self.vanished = "", False
        self.problem = self._once(work)
        if self.problem is not None and self.problem.word is Word.DAMAGED:
            try:
                self.moved_aside = f"{_aside(self.path)}: {self.problem.reason}"
                self.problem = self._once(work)
            except OSError as failure:
                self.problem = _of_os(failure)
        return self.problem

    def _once(self, work: Callable[[sqlite3.Connection], None]) -> Problem | None:
        try:
            if self._database is not None and _identity(self.path) != self._identity:
                self.vanished = True
                self._let_go()
                self._drop_beside()
            if self._database is None:
                self._open()
            if self._database is not None:
                work(self._database)
        except _Stop as stop:
            problem = stop.problem
        except sqlite3.Error as failure:
            problem = _of_sqlite(failure)
        except OSError as failure:
            problem = _of_os(failure)
        else:
            return None
        if problem.word is not Word.FULL:
            self._let_go(unlock=problem.word is not Word.DAMAGED)
        return problem

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self._lock_file is None:
            self._lock_file = _locked(self.path.with_name(f"{self.path.name}.lock"))
        self._database = sqlite3.connect(
            self.path, timeout=_SECONDS_TO_WAIT, isolation_level=None, check_same_thread=False
        )
        if 0 < self.path.stat().st_size < _LEAST_BYTES:
            raise _Stop(Word.DAMAGED, "the file is shorter than any database")
        _check(self._database)
        _prepare(self._database, self._most_bytes)
        self._identity = _identity(self.path)
        self._beside = {path: _identity(path) for path in _beside(self.path)}

    def _drop_beside(self) -> None:
        """Delete what SQLite kept beside a file that is gone: it would be read into the one that stands there now."""
        for path, identity in self._beside.items():
            if identity is not None and _identity(path) == identity:
                path.unlink()

    def _let_go(self, *, unlock: bool = True) -> None:
        if self._database is not None:
            with suppress(sqlite3.Error):
                self._database.close()
            self._database = None
        if unlock and self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None


def read(path: Path, start: float, end: float, workload: str | None = None) -> Record:
    """The intervals and events that start in [start, end), while another process may be writing; changes nothing.

    With a `workload` only the intervals of that one.
    """
    if not path.exists():
        return Record(problem=Problem(Word.UNREADABLE, f"there is no file {path}"))
    record = _read(path, "mode=ro", start, end, workload)
    if record.problem is None or record.problem.word not in {Word.UNREADABLE, Word.READ_ONLY}:
        return record
    # A volume on which SQLite cannot write its own files.
    record = _read(path, "mode=ro&immutable=1", start, end, workload)
    ahead = path.with_name(f"{path.name}-wal")
    return replace(record, cut_short=ahead.exists() and ahead.stat().st_size > 0)


def _read(path: Path, mode: str, start: float, end: float, workload: str | None) -> Record:
    try:
        uri = f"{path.absolute().as_uri()}?{mode}"
        with closing(sqlite3.connect(uri, uri=True, timeout=_SECONDS_TO_WAIT)) as database:
            _check(database, whole=False)
            found = _intervals(database, start, end, workload)
            return Record(found, _events(database, start, end), money=_money(database))
    except _Stop as stop:
        return Record(problem=stop.problem)
    except sqlite3.Error as failure:
        return Record(problem=_of_sqlite(failure))
    except (ValueError, TypeError, KeyError) as failure:
        return Record(problem=Problem(Word.DAMAGED, f"a row cannot be read: {failure}"))


@contextmanager
def _batch(database: sqlite3.Connection) -> Iterator[None]:
    """All of it, or nothing."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            database.execute("ROLLBACK")
        raise


def _check(database: sqlite3.Connection, *, whole: bool = True) -> None:
    """Raise `_Stop` for a file that is not ours, newer than this program, or not in order."""
    application = _number(database, "application_id")
    version = _number(database, "user_version")
    if application != _APPLICATION and (application or version or _number(database, "schema_version")):
        raise _Stop(Word.FOREIGN, "the file is an SQLite database of something else; give the record a path of its own")
    if version > VERSION:
        told = f"the record has version {version}, this program knows {VERSION}"
        raise _Stop(Word.NEWER, f"{told}; run the newer program or give it another path")
    if whole and (said := database.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        raise _Stop(Word.DAMAGED, f"SQLite says: {said}")


def _prepare(database: sqlite3.Connection, most_bytes: int) -> None:
    database.execute("PRAGMA auto_vacuum = INCREMENTAL")
    database.execute("PRAGMA journal_mode = WAL").fetchall()
    database.execute("PRAGMA synchronous = FULL")
    database.execute(f"PRAGMA max_page_count = {max(1, most_bytes // _PAGE_BYTES)}").fetchall()
    if _number(database, "user_version") == 0:
        with _batch(database):
            for statement in filter(str.strip, _SCHEMA.split(";")):
                database.execute(statement)
            database.execute(f"PRAGMA application_id = {_APPLICATION}")
            database.execute(f"PRAGMA user_version = {VERSION}")


def _make_room(database: sqlite3.Connection) -> None:
    """Forget the oldest intervals, some days at a time, until there is room for the next days."""
    most_pages = _FULLEST * _number(database, "max_page_count")
    while _number(database, "page_count") - _number(database, "freelist_count") > most_pages:
        (oldest,) = database.execute("SELECT min(start) FROM intervals").fetchone()
        if oldest is None:
            return
        with _batch(database):
            database.execute("DELETE FROM intervals WHERE start < ?", (oldest + _DAYS_AT_ONCE * _DAY,))


def _number(database: sqlite3.Connection, pragma: str) -> int:
    return int(database.execute(f"PRAGMA {pragma}").fetchone()[0])


def _locked(path: Path) -> int:
    """The lock of the one writer; it goes with the process. Raises `_Stop` where another holds it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise _Stop(Word.LOCKED, f"another process writes the record and holds {path}") from None
    return file


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file stands there: one that was deleted or replaced under us would take rows that nobody ever reads."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _beside(path: Path) -> tuple[Path, ...]:
    """What SQLite keeps beside the file while it is open."""
    return tuple(path.with_name(f"{path.name}{suffix}") for suffix in ("-wal", "-shm"))


def _aside(path: Path) -> Path:
    """Move a file that is of no use out of the way, with what SQLite keeps beside it; the last name is used again."""
    places = [path.with_name(f"{path.name}.damaged-{i}") for i in range(1, _MOST_ASIDE + 1)]
    place = next((place for place in places if not place.exists()), places[-1])
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).replace(place.with_name(place.name + suffix))
    return place


def _of_sqlite(failure: sqlite3.Error) -> Problem:
    code = getattr(failure, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    words = {
        sqlite3.SQLITE_FULL: (Word.FULL, "the volume or the room given to the record is full; make it larger"),
        sqlite3.SQLITE_READONLY: (Word.READ_ONLY, "the volume is read-only; mount it for writing"),
        sqlite3.SQLITE_BUSY: (Word.LOCKED, "another process holds the file"),
        sqlite3.SQLITE_LOCKED: (Word.LOCKED, "another process holds the file"),
        sqlite3.SQLITE_CORRUPT: (Word.DAMAGED, "the file is damaged"),
        sqlite3.SQLITE_NOTADB: (Word.DAMAGED, "the file is no SQLite database"),
    }
    word, told = words.get(code, (Word.UNREADABLE, "the file cannot be read or written; look at the volume"))
    return Problem(word, f"{told} (SQLite: {failure})")


def _of_os(failure: OSError) -> Problem:
    word = {"EROFS": Word.READ_ONLY, "EACCES": Word.READ_ONLY, "EPERM": Word.READ_ONLY, "ENOSPC": Word.FULL}
    return Problem(word.get(errno.errorcode.get(failure.errno or 0, ""), Word.UNREADABLE), str(failure))


def _interval_values(row: Interval) -> tuple[object, ...]:
    values = tuple(getattr(row, name) for name in _COLUMNS)
    if not all(math.isfinite(value) for value in values if isinstance(value, float)):
        raise ValueError(f"an interval of {row.workload or 'the site'} has a number that is not finite")
    return values


def _money(database: sqlite3.Connection) -> tuple[Money, ...]:
    return tuple(Money(*found) for found in database.execute("SELECT since, currency FROM money ORDER BY since"))


def _intervals(database: sqlite3.Connection, start: float, end: float, workload: str | None) -> tuple[Interval, ...]:
    of = "" if workload is None else "AND workload = :workload "
    asked = (
        f"SELECT {', '.join(_COLUMNS)} FROM intervals "  # noqa: S608 - constants
        f"WHERE start >= :start AND start < :end {of}ORDER BY start, workload"
    )
    named = {"start": start, "end": end, "workload": workload}
    found = (dict(zip(_COLUMNS, values, strict=True)) for values in database.execute(asked, named))
    return tuple(
        Interval(
            **row
            | {"by_price": bool(row["by_price"]), "by_event": bool(row["by_event"]), "quality": Quality(row["quality"])}
        )
        for row in found
    )


def _event_values(event: EventRecord) -> tuple[object, ...]:
    return event.key, event.start, event.over_at, json.dumps(asdict(event), allow_nan=False)


def _events(database: sqlite3.Connection, start: float, end: float) -> tuple[EventRecord, ...]:
    asked = "SELECT record FROM events WHERE start >= ? AND start < ? ORDER BY start, key"
    return tuple(event_of(json.loads(text)) for (text,) in database.execute(asked, (start, end)))


def event_of(told: Mapping[str, Any]) -> EventRecord:
    """An event record from its fields as JSON has them."""
    lists = {
        "causes": tuple(told["causes"]),
        "skipped": tuple(Skipped(*skipped) for skipped in told["skipped"]),
        "opt_outs": tuple(OptOut(*opt_out) for opt_out in told["opt_outs"]),
    }
    return EventRecord(**dict(told) | lists)
