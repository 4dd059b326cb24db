"""Recorded numbers by time: a column of a CSV file, each number valid until the next one."""

import csv
import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wattswitch.errors import SpecInvalid
from wattswitch.feeds.numeric import read_number, read_unix_seconds
from wattswitch.feeds.reading import Problem, Refused
from wattswitch.simulate.csvtext import csv_text

TIME_COLUMN: Final = "time"

LONE_STEP_SECONDS: Final = 3600.0
"""How long the only number of a series is taken to hold."""

_PLAIN_TIME: Final = re.compile(r"(19[7-9][0-9]|2[0-9]{3})-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?Z")
_PLAIN_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")

LONGEST_STEP: Final = 1.5
"""A number holds until the next one, unless that is more than so many usual steps away: then rows are missing."""


class SeriesError(SpecInvalid):
    """A series that cannot be read; the text names file, column and line, and says what to do."""


class InputsError(SpecInvalid):
    """Series that do not make a simulation of this site; the text says which option to add or change."""


@dataclass(frozen=True, eq=False)
class Series:
    """Numbers with the Unix seconds from which each holds, ascending and distinct; NaN where it is not known.

    `name` is for messages: FILE:COLUMN where it was read from one.
    """

    starts: NDArray[np.float64]
    values: NDArray[np.float64]
    name: str = ""

    @cached_property
    def step_seconds(self) -> float:
        """The usual time from one number to the next."""
        return float(np.median(np.diff(self.starts))) if self.starts.size > 1 else LONE_STEP_SECONDS

    @cached_property
    def ends(self) -> NDArray[np.float64]:
        """When each number stops to hold: at the next one's start, or after one step where the next is missing."""
        after = np.append(self.starts[1:], np.inf)
        return np.where(after - self.starts <= LONGEST_STEP * self.step_seconds, after, self.starts + self.step_seconds)

    @property
    def first(self) -> float:
        """Unix seconds at which the series begins."""
        return float(self.starts[0])

    @property
    def end(self) -> float:
        """Unix seconds at which the series ends."""
        return float(self.ends[-1])

    @cached_property
    def known(self) -> "Series":
        """The series without the numbers that are not known."""
        present = np.isfinite(self.values)
        if present.all():
            return self
        series = Series(self.starts[present], self.values[present], self.name)
        series.__dict__["step_seconds"] = self.step_seconds
        return series

    def at(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """The number that holds at each of `times`, NaN where none does."""
        if not self.starts.size:
            return np.full(np.shape(times), np.nan)
        place = np.searchsorted(self.starts, times, side="right") - 1
        covered = (place >= 0) & (times < self.ends[place])
        return np.where(covered, self.values[place], np.nan)

    def scaled(self, factor: float) -> "Series":
        """The same in another unit."""
        return Series(self.starts, self.values * factor, self.name)


def read_series(reference: str) -> Series:
    """Read FILE:COLUMN: a CSV file (gzipped where its name ends in .gz) with a header and a `time` column.

    Times are RFC 3339 or Unix seconds, in any order; of rows with one time the last counts; a blank cell is a number
    that is not known. Raises SeriesError.
    """
    name, _, column = reference.rpartition(":")
    if not name or not column:
        raise SeriesError(f"{reference!r} is not FILE:COLUMN: write it as prices.csv:price_usd_per_mwh")
    rows = dict(_rows(Path(name), column))
    if not any(math.isfinite(value) for value in rows.values()):
        raise SeriesError(f"{name}: column {column!r} holds no number: name another column")
    starts = np.array(sorted(rows), dtype=np.float64)
    return Series(starts, np.array([rows[at] for at in starts.tolist()], dtype=np.float64), reference)


def read_moment(text: str) -> float:
    """Unix seconds of a time such as 2024-05-08T00:00Z or 2024-05-08; without a zone it is UTC. Raises SeriesError."""
    try:
        parsed = datetime.fromisoformat(text)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as problem:
        raise SeriesError(f"{text!r} is not a time: write it as 2024-05-08T00:00Z") from problem


def write_moment(at: float) -> str:
    """Unix seconds the way that messages and --from have them."""
    moment = datetime.fromtimestamp(at, UTC)
    if moment.microsecond:
        return f"{moment:%Y-%m-%dT%H:%M:%S.%f}".rstrip("0") + "Z"
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ" if moment.second else "%Y-%m-%dT%H:%MZ")


def _rows(path: Path, column: str) -> Iterator[tuple[float, float]]:
    reader = csv.reader(io.StringIO(csv_text(path, SeriesError, " in FILE:COLUMN"), newline=""))
    try:
        header = [name.strip() for name in next(reader, [])]
        for needed in (TIME_COLUMN, column):
            if needed not in header:
                there = ", ".join(header) or "none"
                raise SeriesError(f"{path} has no column {needed!r}: name one of those that it has ({there})")
        time_place, place = header.index(TIME_COLUMN), header.index(column)
        numbered = [(reader.line_num, _cell(row, time_place), _cell(row, place)) for row in reader if row]
    except csv.Error as problem:
        raise SeriesError(f"{path} line {reader.line_num}: {problem}: correct the file") from problem
    plain = _plain([time for _, time, _ in numbered], [cell for _, _, cell in numbered])
    yield from plain or (_row(path, line, column, time, cell) for line, time, cell in numbered)


def _plain(times: list[str], cells: list[str]) -> list[tuple[float, float]]:
    """Rows that are all written in the commonest way, at once; nothing where one is not."""
    if not all(map(_PLAIN_TIME.fullmatch, times)) or not all(map(_PLAIN_NUMBER.fullmatch, cells)):
        return []
    try:
        starts = np.array([time[:-1] for time in times], dtype="datetime64[s]").astype(np.int64)
    except ValueError:
        return []
    return list(zip(starts.astype(np.float64).tolist(), map(float, cells), strict=True))


def _cell(row: list[str], place: int) -> str:
    return row[place].strip() if place < len(row) else ""


def _row(path: Path, line: int, column: str, time: str, cell: str) -> tuple[float, float]:
    try:
        at = read_unix_seconds(time)
    except Refused as refusal:
        raise SeriesError(f"{path} line {line}, column {TIME_COLUMN!r}: {refusal.message}") from None
    try:
        return at, read_number(cell)
    except Refused as refusal:
        if refusal.problem in {Problem.EMPTY, Problem.NOT_A_NUMBER}:
            return at, math.nan
        what = f"{refusal.message}: correct it, or leave the cell blank where the number is not known"
        raise SeriesError(f"{path} line {line}, column {column!r}: {what}") from None
