"""A day out of a file: steps, gaps, and what is said where it cannot be played."""

import gzip
from pathlib import Path

import pytest

from play import series
from play.series import STEPS, SeriesError

DAY_FROM = series.moment("2024-05-08T00:00Z")


def write(folder: Path, text: str, name: str = "prices.csv") -> str:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return f"{path}:price"


def quarter_hours(first: str, count: int) -> str:
    begin = series.moment(first)
    rows = [f"{series.stamp(begin + 900 * i)},{i}" for i in range(count)]
    return "\n".join(["time,price", *rows]) + "\n"


@pytest.mark.parametrize("name", ["prices.csv", "prices.csv.gz"])
def test_every_step_has_the_last_value_known_by_then(tmp_path: Path, name: str) -> None:
    reference = write(tmp_path, quarter_hours("2024-05-08T00:00Z", 96), name)
    day = series.read(reference).day(DAY_FROM)
    assert len(day.values) == STEPS
    assert day.values[:7] == (0, 0, 0, 1, 1, 1, 2)
    assert day.values[-1] == 95
    assert day.title == f"{name}:price"


def test_a_day_may_begin_anywhere_in_the_file(tmp_path: Path) -> None:
    recorded = series.read(write(tmp_path, quarter_hours("2024-05-07T12:00Z", 4 * 96)))
    assert recorded.day(DAY_FROM).values[0] == 48


def test_a_blank_cell_is_unknown_and_never_zero(tmp_path: Path) -> None:
    text = quarter_hours("2024-05-08T00:00Z", 96).replace(",1\n", ",\n", 1)
    assert series.read(write(tmp_path, text)).day(DAY_FROM).values[:7] == (0, 0, 0, 0, 0, 0, 2)


def test_rows_may_come_in_any_order_and_times_without_a_zone_are_utc(tmp_path: Path) -> None:
    header, *rows = quarter_hours("2024-05-08T00:00Z", 96).replace("Z,", ",").splitlines()
    reference = write(tmp_path, "\n".join([header, *reversed(rows)]))
    assert series.read(reference).day(DAY_FROM).values[3] == 1


@pytest.mark.parametrize("first", ["2024-05-08T00:15Z", "2024-05-07T23:30Z"])
def test_a_day_that_the_file_does_not_cover_is_refused(tmp_path: Path, first: str) -> None:
    recorded = series.read(write(tmp_path, quarter_hours(first, 96)))
    with pytest.raises(SeriesError, match=r"no whole day from 2024-05-08T00:00Z: choose another --from"):
        recorded.day(DAY_FROM)


def test_another_day_of_the_file_stands_in_from_the_same_time_of_day(tmp_path: Path) -> None:
    recorded = series.read(write(tmp_path, quarter_hours("2023-01-01T05:00Z", 300)))
    day = recorded.day_like(series.moment("2024-05-08T06:00Z"))
    assert series.stamp(day.start) == "2023-01-01T06:00Z"
    assert day.values[0] == 4


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("time,other\n", "no column 'price'; there are time, other"),
        ("price\n1\n", "no column 'time'"),
        ("time,price\n", "holds no number"),
        ("time,price\n2024-05-08T00:00Z,dear\n", r"line 2: could not convert string to float: 'dear'"),
        ("time,price\n2024-05-08T00:00Z,nan\n", "line 2: price is nan; leave the cell blank"),
        ("time,price\nyesterday,1\n", "line 2: 'yesterday' is not a time such as 2024-05-08T00:00Z"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(SeriesError, match=complaint):
        series.read(write(tmp_path, text))


@pytest.mark.parametrize("reference", ["prices.csv", ":price", "prices.csv:"])
def test_a_reference_names_a_file_and_a_column(reference: str) -> None:
    with pytest.raises(SeriesError, match="is not FILE:COLUMN"):
        series.read(reference)


def test_a_file_that_is_missing_or_no_gzip_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.csv.gz"
    broken.write_text("time,price\n")
    for path in (tmp_path / "missing.csv", broken):
        with pytest.raises(SeriesError, match=f"{path.name} cannot be read"):
            series.read(f"{path}:price")
