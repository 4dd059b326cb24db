"""A CSV file of times and numbers, read again only where it changed."""

import csv
import gzip
import io
import stat
import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from wattswitch.api.source import CsvFile
from wattswitch.feeds.lane import Lane
from wattswitch.feeds.numeric import read_number, read_unix_seconds
from wattswitch.feeds.reading import Problem, Refused

FILE_LIMIT_BYTES: Final = 32 * 1024 * 1024
"""The most that a file may have, after decompression: years of five-minute rows."""

_PROBLEMS: Final = tuple(Problem)
_Version = tuple[int, int, int]


@dataclass(slots=True)
class Rows:
    """Rows in order of time, packed: Unix seconds, number, and the place in `_PROBLEMS` of what is wrong, or -1."""

    times: "array[float]" = field(default_factory=lambda: array("d"))
    numbers: "array[float]" = field(default_factory=lambda: array("d"))
    problems: "array[int]" = field(default_factory=lambda: array("b"))

    def add(self, at: float, cell: str) -> None:
        """Append a row; rows of one time replace each other."""
        try:
            number, problem = read_number(cell), -1
        except Refused as refusal:
            number, problem = 0.0, _PROBLEMS.index(refusal.problem)
        self.times.append(at)
        self.numbers.append(number)
        self.problems.append(problem)

    def places(self, first: float, last: float) -> range:
        """Places of the rows from one time to another, both included."""
        return range(bisect_left(self.times, first), bisect_right(self.times, last))

    def problem(self, place: int) -> Problem | None:
        """What is wrong with the number of a row."""
        return None if self.problems[place] < 0 else _PROBLEMS[self.problems[place]]


class CsvTable:
    """Reads a CSV file with a header line (gzipped where its name ends in .gz), again only when the file changed.

    A last row without a line end may be half written ("…,19" of "…,1900.00"): it counts only once the file was found
    unchanged at the next poll. A file that could not be read is tried again at every poll.
    """

    def __init__(self, name: str, spec: CsvFile, limit: int = FILE_LIMIT_BYTES) -> None:
        self.withheld = False
        """Whether the last row is left out, because it has no line end yet."""
        self._spec = spec
        self._limit = limit
        self._lane = Lane(f"feed-{name}")
        self._version: _Version | None = None
        self._rows = Rows()
        self._refusal: Refused | None = None

    async def rows(self) -> Rows:
        """The rows of the file as it is now; not to be changed. Raises Refused."""
        await self._lane.run(self._refresh)
        if self._refusal is not None:
            raise Refused(self._refusal.problem, self._refusal.message)
        return self._rows

    def unreadable(self, why: str) -> Refused:
        """That the file can't be read."""
        return Refused(Problem.FILE_UNREADABLE, f"{self._spec.path} can't be read: {why}")

    def _refresh(self) -> None:
        """Bring rows and refusal up to date with the file. Blocks on it; raises Refused while it isn't there."""
        try:
            status = Path(self._spec.path).stat()
        except FileNotFoundError:
            self._version = None
            raise Refused(Problem.FILE_MISSING, f"{self._spec.path} does not exist: mount it") from None
        except OSError as error:
            raise self.unreadable(type(error).__name__) from None
        version = (status.st_mtime_ns, status.st_size, status.st_ino)
        settled = version == self._version
        if settled and not self.withheld:
            return
        self._version, self.withheld = None, False
        try:
            self._rows, self._refusal = self._read(status.st_mode, settled=settled), None
        except Refused as refusal:
            self._refusal = refusal
        except OSError as error:
            raise self.unreadable(type(error).__name__) from None
        self._version = version

    def _read(self, mode: int, *, settled: bool) -> Rows:
        """The rows of the file. Raises Refused for what it holds, and OSError where it can't be read."""
        if not stat.S_ISREG(mode):
            raise self.unreadable("not a regular file")
        try:
            with Path(self._spec.path).open("rb") as raw:
                content: _Bytes = gzip.GzipFile(fileobj=raw) if self._spec.path.endswith(".gz") else raw
                capped = io.BufferedReader(_Capped(content, self._limit))
                with io.TextIOWrapper(capped, "utf-8-sig", newline="") as text:
                    return self._parse(self._lines(text, settled=settled))
        except (gzip.BadGzipFile, EOFError, ValueError, zlib.error, csv.Error) as error:
            raise self.unreadable(type(error).__name__) from None

    def _parse(self, lines: Iterator[list[str]]) -> Rows:
        header = [name.strip() for name in next(lines, [])]
        time_place, place = self._place(header, self._spec.time_column), self._place(header, self._spec.column)
        rows = Rows()
        for number, line in enumerate(lines, start=2):
            if not line:
                continue
            at = read_unix_seconds(line[time_place] if time_place < len(line) else "")
            if rows.times and at < rows.times[-1]:
                raise self.unreadable(f"the times are not in order at row {number}")
            rows.add(at, line[place] if place < len(line) else "")
        return rows

    def _lines(self, text: Iterator[str], *, settled: bool) -> Iterator[list[str]]:
        """The cells of each line; without a last one that has no line end, unless the file has settled."""
        whole = _WholeLines(text)
        for line in csv.reader(whole):
            if whole.ended or settled:
                yield line
            else:
                self.withheld = True

    def _place(self, header: list[str], column: str) -> int:
        if column not in header:
            message = f"{self._spec.path} has no column {column!r} among its {len(header)}"
            raise Refused(Problem.COLUMN_MISSING, message)
        return header.index(column)


class _WholeLines:
    """Lines of a text. `ended` is whether the last one that was asked for is there to its line end.

    csv asks no further than the row that it gives, so a row that it gives while `ended` is False is cut short: its line
    is, or a quoted cell of it.
    """

    def __init__(self, text: Iterator[str]) -> None:
        self._text = text
        self.ended = True

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self.ended = False
        line = next(self._text)
        self.ended = line.endswith(("\n", "\r"))
        return line


class _Bytes(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Capped(io.RawIOBase):
    """Bytes of another stream, refused beyond a limit."""

    def __init__(self, content: _Bytes, limit: int) -> None:
        super().__init__()
        self._content = content
        self._limit = limit
        self._left = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int] | bytearray") -> int:  # type: ignore[override]
        piece = self._content.read(len(buffer))
        self._left -= len(piece)
        if self._left < 0:
            raise Refused(Problem.TOO_LARGE, f"the file has more than {self._limit} bytes")
        buffer[: len(piece)] = piece
        return len(piece)
