"""Recorded GPU jobs: when each was handed in, how long it ran, on how many GPUs, and whose it was."""

import csv
import io
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wattswitch.errors import SpecInvalid
from wattswitch.feeds.numeric import read_number, read_unix_seconds
from wattswitch.feeds.reading import Refused
from wattswitch.simulate.csvtext import csv_text

DAY_SECONDS: Final = 86_400

NO_GPU: Final = "asked for no GPU"
NO_TIME: Final = "no known run time"
"""Why rows of a file are left out."""

SUBMITTED: Final = ("time", "created_offset_s")
RUN: Final = "duration_s"
RUN_BETWEEN: Final = ("scheduled_offset_s", "deleted_offset_s")
GPUS: Final = "gpus"
OWNER: Final = ("virtual_cluster", "qos")


class JobsError(SpecInvalid):
    """Jobs that cannot be read; the text names file, column and line, and says what to do."""


@dataclass(frozen=True, eq=False)
class Jobs:
    """N jobs in the order in which they were handed in.

    `submitted` are seconds, (N,) ascending, from whatever moment the file counts; `run_seconds` (N,) is above zero,
    `gpus` (N,) at least 1. `owners` are N names, empty where the file has none. `left_out` counts rows by reason.
    """

    submitted: NDArray[np.float64]
    run_seconds: NDArray[np.float64]
    gpus: NDArray[np.int64]
    owners: tuple[str, ...] = ()
    title: str = ""
    left_out: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.submitted)

    @property
    def begin(self) -> float:
        """The midnight before the first job."""
        return math.floor(float(self.submitted[0]) / DAY_SECONDS) * DAY_SECONDS

    @property
    def period_seconds(self) -> float:
        """Whole days that the jobs were handed in over."""
        return (math.floor((float(self.submitted[-1]) - self.begin) / DAY_SECONDS) + 1) * DAY_SECONDS

    @property
    def busy_gpus(self) -> float:
        """GPUs that the jobs would keep busy for ever if they came at this pace."""
        return float((self.run_seconds * self.gpus).sum()) / self.period_seconds

    def of(self, owner: str) -> "Jobs":
        """The jobs of one owner."""
        mine = np.array([each == owner for each in self.owners], dtype=bool)
        kept = tuple(each for each in self.owners if each == owner)
        title = f"{self.title}, {owner}"
        return replace(
            self,
            submitted=self.submitted[mine],
            run_seconds=self.run_seconds[mine],
            gpus=self.gpus[mine],
            owners=kept,
            title=title,
        )


class _Row(NamedTuple):
    submitted: float
    run_seconds: float
    gpus: int
    owner: str


def read_jobs(path: Path) -> Jobs:
    """Read a CSV file (gzipped where its name ends in .gz) with a header and one row for each job.

    Columns: `time` (RFC 3339 or Unix seconds) or `created_offset_s`; `duration_s`, or `scheduled_offset_s` and
    `deleted_offset_s`; `gpus`; and, where there is one, `virtual_cluster` or `qos` as the owner. A pod that was never
    scheduled, a run of no time and one that only the end of the record ended (the latest `deleted_offset_s`) have no
    known run time: left out and counted, as are those without a GPU. A part of a GPU counts as one. Raises JobsError.
    """
    left_out: Counter[str] = Counter()
    rows = sorted(_rows(path, left_out), key=lambda row: row.submitted)
    if not rows:
        raise JobsError(f"{path} holds no job with a GPU and a known run time: name another file")
    return Jobs(
        submitted=np.array([row.submitted for row in rows], dtype=np.float64),
        run_seconds=np.array([row.run_seconds for row in rows], dtype=np.float64),
        gpus=np.array([row.gpus for row in rows], dtype=np.int64),
        owners=tuple(row.owner for row in rows),
        title=path.name,
        left_out=dict(left_out),
    )


def _rows(path: Path, left_out: Counter[str]) -> Iterator[_Row]:
    reader = csv.DictReader(io.StringIO(csv_text(path, JobsError), newline=""), restval="")
    try:
        records = [(reader.line_num, record) for record in reader]
    except csv.Error as problem:
        raise JobsError(f"{path} line {reader.line_num}: {problem}: correct the file") from problem
    columns = _columns(path, tuple(reader.fieldnames or ()))
    lasts = (_number(path, line, record, RUN_BETWEEN[1]) for line, record in records if columns.run is None)
    end = max((at for at in lasts if at is not None), default=math.inf)
    for line, record in records:
        gpus = _number(path, line, record, GPUS)
        run_seconds = _run_seconds(path, line, record, columns.run, end)
        if not gpus:
            left_out[NO_GPU] += 1
        elif not run_seconds:
            left_out[NO_TIME] += 1
        else:
            submitted = _cell(path, line, record, columns.submitted, read_unix_seconds)
            yield _Row(submitted, run_seconds, math.ceil(gpus), record[columns.owner] if columns.owner else "")


class _Columns(NamedTuple):
    submitted: str
    run: str | None
    owner: str | None


def _columns(path: Path, there: tuple[str, ...]) -> _Columns:
    submitted = next((name for name in SUBMITTED if name in there), None)
    timed = RUN in there or all(name in there for name in RUN_BETWEEN)
    wanted = (
        (" or ".join(SUBMITTED), submitted is not None),
        (f"{RUN} (or {' and '.join(RUN_BETWEEN)})", timed),
        (GPUS, GPUS in there),
    )
    missing = [name for name, present in wanted if not present]
    if missing or submitted is None:
        raise JobsError(f"{path} has no column {', '.join(missing)}: it has {', '.join(there) or 'none'}")
    return _Columns(submitted, RUN if RUN in there else None, next((name for name in OWNER if name in there), None))


def _run_seconds(path: Path, line: int, record: dict[str, str], column: str | None, end: float) -> float | None:
    """How long the job ran; None where that is not known."""
    if column is not None:
        return _number(path, line, record, column)
    began, ended = (_number(path, line, record, name) for name in RUN_BETWEEN)
    if began is None or ended is None or ended >= end:
        return None
    if ended < began:
        raise JobsError(f"{path} line {line}: {RUN_BETWEEN[1]} lies before {RUN_BETWEEN[0]}: correct the row")
    return ended - began


def _number(path: Path, line: int, record: dict[str, str], column: str) -> float | None:
    """A number that is not below zero, None for a blank cell."""
    if not record[column].strip():
        return None
    value = _cell(path, line, record, column, read_number)
    if value < 0:
        raise JobsError(f"{path} line {line}, column {column!r}: {record[column]} is below zero: correct it")
    return value


def _cell(path: Path, line: int, record: dict[str, str], column: str, read: Callable[[str], float]) -> float:
    try:
        return read(record[column].strip())
    except Refused as refusal:
        raise JobsError(f"{path} line {line}, column {column!r}: {refusal.message}: correct it") from None
