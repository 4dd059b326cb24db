"""One day of a recorded series, in steps of five minutes."""

import csv
import gzip
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

STEP_SECONDS = 300
STEPS = 288
DAY_SECONDS = STEP_SECONDS * STEPS


class SeriesError(ValueError):
    """A series that cannot be played; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Day:
    """288 values from `start` (Unix seconds), each valid for five minutes, and where they come from."""

    title: str
    start: float
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """A column of a file: (Unix seconds, value) by rising time; blank cells are left out."""

    title: str
    rows: tuple[tuple[float, float], ...]

    def day(self, start: float) -> Day:
        """Return the day from `start`, every step with the last value known by then.

        Raises SeriesError where the series does not cover the day.
        """
        first, last = self.rows[0][0], self.rows[-1][0]
        covered_until = last + (last - self.rows[-2][0] if len(self.rows) > 1 else STEP_SECONDS)
        if start < first or start + DAY_SECONDS > covered_until:
            raise SeriesError(
                f"{self.title} covers {stamp(first)} to {stamp(covered_until)}, which has no whole day from"
                f" {stamp(start)}: choose another --from"
            )
        return Day(self.title, start, tuple(self._values(start)))

    def day_like(self, start: float) -> Day:
        """Return the day from `start` where the series has it, else its first whole day from that time of day."""
        first = self.rows[0][0]
        later = first + (start - first) % DAY_SECONDS
        try:
            return self.day(start)
        except SeriesError:
            return self.day(later)

    def _values(self, start: float) -> Iterator[float]:
        index = 0
        for step in range(STEPS):
            now = start + step * STEP_SECONDS
            while index + 1 < len(self.rows) and self.rows[index + 1][0] <= now:
                index += 1
            yield self.rows[index][1]


def read(reference: str) -> Series:
    """Read FILE:COLUMN, a CSV file (gzipped where its name ends in .gz) with a `time` column of ISO-8601 stamps.

    A time without a zone is UTC, rows may come in any order. Raises SeriesError.
    """
    name, _, column = reference.rpartition(":")
    if not name or not column:
        raise SeriesError(f"{reference!r} is not FILE:COLUMN")
    path = Path(name)
    rows = sorted(_rows(path, column))
    if not rows:
        raise SeriesError(f"{path}: column {column!r} holds no number")
    return Series(f"{path.name}:{column}", tuple(rows))


def moment(text: str) -> float:
    """Unix seconds of an ISO-8601 time; without a zone it is UTC. Raises SeriesError."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as problem:
        raise SeriesError(f"{text!r} is not a time such as 2024-05-08T00:00Z") from problem
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def stamp(at: float) -> str:
    """Write Unix seconds the way --from takes them."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%MZ")


def _rows(path: Path, column: str) -> Iterator[tuple[float, float]]:
    reader = csv.DictReader(io.StringIO(_text(path), newline=""))
    columns = reader.fieldnames or []
    for needed in ("time", column):
        if needed not in columns:
            raise SeriesError(f"{path}: no column {needed!r}; there are {', '.join(columns)}")
    for row in reader:
        cell = (row[column] or "").strip()
        if cell:
            yield _checked(path, reader.line_num, column, row["time"], cell)


def _checked(path: Path, line: int, column: str, time: str, cell: str) -> tuple[float, float]:
    try:
        at, value = moment(time or ""), float(cell)
    except ValueError as problem:
        raise SeriesError(f"{path} line {line}: {problem}") from problem
    if not math.isfinite(value):
        raise SeriesError(f"{path} line {line}: {column} is {cell}; leave the cell blank where it is unknown")
    return at, value


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        return content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError, EOFError) as problem:
        raise SeriesError(f"{path} cannot be read: {problem}") from problem
