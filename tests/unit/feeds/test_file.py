"""CSV files: which row counts, when the file is read again, what is refused."""

import errno
import gzip
import os
from pathlib import Path

import pytest

from unit.feeds.servers import ABSURD_TIMES, NOON, TurnableClock
from wattswitch.api.source import CsvFile
from wattswitch.feeds import WHOLE, Problem, Reading
from wattswitch.feeds.csvtable import _Capped
from wattswitch.feeds.file import FileSource
from wattswitch.feeds.reading import Refused

DAY = """time,price,demand
2026-08-01T11:00:00Z,41.19,7
2026-08-01T12:00:00Z,-30.5,
2026-08-01T13:00:00Z,4965,9
"""


def source(path: Path, clock: TurnableClock, column: str = "price", limit: int = 1_000_000) -> FileSource:
    return FileSource("file", CsvFile.model_validate({"path": str(path), "column": column}), clock, limit)


async def read(file: FileSource) -> Reading:
    return (await file.fetch())[WHOLE]


async def problem(file: FileSource) -> Problem:
    with pytest.raises(Refused) as refused:
        await file.fetch()
    return refused.value.problem


@pytest.mark.parametrize("name", ["day.csv", "day.csv.gz"])
async def test_the_last_row_that_is_not_in_the_future_counts(tmp_path: Path, clock: TurnableClock, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(DAY.encode()) if name.endswith(".gz") else DAY.encode())
    file = source(path, clock)
    clock.at = NOON - 1
    assert (await read(file)).value == 41.19
    clock.at = NOON
    reading = await read(file)
    assert (reading.value, reading.at) == (-30.5, NOON)
    clock.at = NOON + 86_400
    reading = await read(file)
    assert (reading.value, reading.at) == (4965.0, NOON + 3600)


async def test_before_the_first_row_there_is_nothing(tmp_path: Path, clock: TurnableClock) -> None:
    path = tmp_path / "day.csv"
    path.write_text(DAY)
    clock.at = NOON - 7200
    assert await problem(source(path, clock)) is Problem.EMPTY


async def test_a_blank_cell_is_unknown_and_never_zero(tmp_path: Path, clock: TurnableClock) -> None:
    path = tmp_path / "day.csv"
    path.write_text(DAY)
    reading = await read(source(path, clock, "demand"))
    assert (reading.value, reading.problem) == (None, Problem.EMPTY)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("NaN", Problem.NOT_A_NUMBER),
        ("inf", Problem.INFINITE),
        ("dear", Problem.NOT_NUMERIC),
        ("1e400", Problem.INFINITE),
    ],
)
async def test_a_bad_cell_is_refused_by_name(
    tmp_path: Path, clock: TurnableClock, cell: str, expected: Problem
) -> None:
    path = tmp_path / "day.csv"
    path.write_text(f"time,price\n{int(NOON)},{cell}\n")
    reading = await read(source(path, clock))
    assert (reading.value, reading.problem) == (None, expected)


async def test_a_changed_file_is_read_again_and_an_unchanged_one_is_not(tmp_path: Path, clock: TurnableClock) -> None:
    path = tmp_path / "day.csv"
    path.write_text("time,price\n1785585600,10\n")
    file = source(path, clock)
    assert (await read(file)).value == 10.0
    status = path.stat()
    path.write_text("time,price\n1785585600,20\n")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (await read(file)).value == 10.0
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert (await read(file)).value == 20.0


async def test_a_file_that_comes_back_is_read_again(tmp_path: Path, clock: TurnableClock) -> None:
    path = tmp_path / "day.csv"
    file = source(path, clock)
    assert await problem(file) is Problem.FILE_MISSING
    path.write_text(DAY)
    assert (await read(file)).value == -30.5
    path.unlink()
    assert await problem(file) is Problem.FILE_MISSING


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", b"time,cost\n1,2\n", Problem.COLUMN_MISSING),
        ("a.csv", b"when,price\n1,2\n", Problem.COLUMN_MISSING),
        ("a.csv", b"", Problem.COLUMN_MISSING),
        ("a.csv", b"time,price\nyesterday,2\n", Problem.TIME_UNREADABLE),
        ("a.csv", b"time,price\n2026-08-01T12:00:00,2\n", Problem.TIME_UNREADABLE),
        ("a.csv", b"time,price\n2,2\n1,2\n", Problem.FILE_UNREADABLE),
        ("a.csv", b"time,price\n1,\xff\n", Problem.FILE_UNREADABLE),
        ("a.csv.gz", b"time,price\n1,2\n", Problem.FILE_UNREADABLE),
        ("a.csv.gz", gzip.compress(b"time,price\n1,2\n", mtime=0)[:-9], Problem.FILE_UNREADABLE),
        ("a.csv", b"time,price\n" + b"1,2\n" * 5000, Problem.TOO_LARGE),
        ("a.csv.gz", gzip.compress(b"time,price\n" + b"1,2\n" * 5000, mtime=0), Problem.TOO_LARGE),
    ],
)
async def test_a_bad_file_is_refused_by_name(
    tmp_path: Path, clock: TurnableClock, name: str, content: bytes, expected: Problem
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    file = source(path, clock, limit=10_000)
    assert await problem(file) is expected
    assert await problem(file) is expected


async def test_a_folder_is_no_file(tmp_path: Path, clock: TurnableClock) -> None:
    assert await problem(source(tmp_path, clock)) is Problem.FILE_UNREADABLE


@pytest.mark.parametrize("at", ABSURD_TIMES)
async def test_a_row_of_an_absurd_time_is_refused(tmp_path: Path, clock: TurnableClock, at: float) -> None:
    path = tmp_path / "day.csv"
    path.write_text(f"time,price\n{at},41.19\n")
    assert await problem(source(path, clock)) is Problem.TIME_UNREADABLE


# ---- files that can't be read for a moment, and files that are being written ---------------------------------------


@pytest.mark.parametrize("call", ["open", "read"])
async def test_a_file_that_could_not_be_read_is_tried_again_at_the_next_poll(
    tmp_path: Path, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "day.csv"
    path.write_text(DAY)
    file = source(path, clock)

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "a disk that is gone for a moment")

    with monkeypatch.context() as broken:
        broken.setattr(*((Path, "open", fail) if call == "open" else (_Capped, "readinto", fail)))
        assert await problem(file) is Problem.FILE_UNREADABLE
    assert (await read(file)).value == -30.5


async def test_a_file_that_could_not_be_read_is_tried_again_after_it_was_read(
    tmp_path: Path, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "day.csv"
    path.write_text(DAY)
    file = source(path, clock)
    assert (await read(file)).value == -30.5
    path.write_text(DAY.replace("-30.5", "52"))
    with monkeypatch.context() as broken:
        broken.setattr(Path, "open", lambda *_: path.joinpath("absent").stat())
        assert await problem(file) is Problem.FILE_UNREADABLE
    assert (await read(file)).value == 52.0


async def test_a_file_of_bad_content_is_not_read_again(
    tmp_path: Path, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "day.csv.gz"
    path.write_bytes(b"no gzip")
    file = source(path, clock)
    assert await problem(file) is Problem.FILE_UNREADABLE
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("it did not change"))
    assert await problem(file) is Problem.FILE_UNREADABLE


WHOLE_ROW = "time,price\n1785582000,10\n1785585600,1900.00\n"


@pytest.mark.parametrize("cut", range(1, len("1785585600,1900.00\n") + 1))
async def test_a_row_that_is_being_written_does_not_count(tmp_path: Path, clock: TurnableClock, cut: int) -> None:
    path = tmp_path / "day.csv"
    path.write_text(WHOLE_ROW[:-cut])
    file = source(path, clock)
    assert (await read(file)).value == 10.0
    path.write_text(WHOLE_ROW)
    assert (await read(file)).value == 1900.0


async def test_a_row_that_is_cut_in_a_quoted_cell_does_not_count(tmp_path: Path, clock: TurnableClock) -> None:
    path = tmp_path / "day.csv"
    whole = 'time,price,note\n1785582000,10,a\n1785585600,20,"two\nlines"\n'
    path.write_text(whole[: whole.index("lines")])
    file = source(path, clock)
    assert (await read(file)).value == 10.0
    path.write_text(whole)
    assert (await read(file)).value == 20.0


async def test_each_longer_piece_of_a_row_is_waited_for_anew(tmp_path: Path, clock: TurnableClock) -> None:
    path = tmp_path / "day.csv"
    file = source(path, clock)
    for end in (-4, -3, -2):
        path.write_text(WHOLE_ROW[:end])
        assert (await read(file)).value == 10.0


@pytest.mark.parametrize("name", ["day.csv", "day.csv.gz"])
async def test_a_file_that_never_ends_its_last_row_counts_one_poll_later(
    tmp_path: Path, clock: TurnableClock, name: str
) -> None:
    path = tmp_path / name
    content = WHOLE_ROW.rstrip().encode()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    file = source(path, clock)
    assert (await read(file)).value == 10.0
    assert (await read(file)).value == 1900.0
    status = path.stat()
    path.write_bytes(b"x" * status.st_size)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (await read(file)).value == 1900.0, "what has settled is not read again"


async def test_an_only_row_without_a_line_end_is_an_outage_for_one_poll(tmp_path: Path, clock: TurnableClock) -> None:
    path = tmp_path / "day.csv"
    path.write_text("time,price\n1785585600,41.19")
    file = source(path, clock)
    assert await problem(file) is Problem.FILE_UNREADABLE
    assert (await read(file)).value == 41.19
