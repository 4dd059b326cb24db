"""Columns of files: what holds when, what is unknown, and what is told of a file that cannot be read."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from wattswitch.simulate.series import Series, SeriesError, read_moment, read_series, write_moment

ROWS = (
    "time,price,other\n2024-01-01T00:00Z,10,a\n2024-01-01T00:15Z,,b\n2024-01-01T00:30Z,30,c\n2024-01-01T00:45Z,40,d\n"
)
START = 1_704_067_200.0


def file(folder: Path, text: str, name: str = "prices.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_number_holds_until_the_next_and_a_blank_one_is_unknown(tmp_path):
    series = read_series(f"{file(tmp_path, ROWS)}:price")
    assert series.step_seconds == 900
    times = START + np.array([-1, 0, 899, 900, 1799, 1800, 2700, 3599, 3600])
    expected = [np.nan, 10, 10, np.nan, np.nan, 30, 40, 40, np.nan]
    np.testing.assert_array_equal(series.at(times), expected)
    assert (series.first, series.end) == (START, START + 3600)


def test_without_the_unknown_ones_a_hole_stays_a_hole(tmp_path):
    known = read_series(f"{file(tmp_path, ROWS)}:price").known
    assert known.step_seconds == 900
    assert np.isnan(known.at(np.array([START + 900.0]))[0])
    assert known.at(np.array([START + 1800.0]))[0] == 30


def test_missing_rows_are_a_hole_after_one_step():
    series = Series(START + 900.0 * np.array([0, 1, 2, 6, 7]), np.arange(5.0))
    np.testing.assert_array_equal(series.at(START + 900.0 * np.array([2, 2.99, 3, 5, 6])), [2, 2, np.nan, np.nan, 3])


def test_a_day_of_23_or_25_hours_is_no_hole():
    starts = START + HOURS * np.array([0, 24, 47, 72, 96, 120])
    assert not np.isnan(Series(starts, np.ones(6)).at(starts[0] + HOURS * np.arange(140.0))).any()


HOURS = 3600.0


def test_unix_seconds_any_order_and_the_last_of_twins(tmp_path):
    path = file(tmp_path, "price,time\n2,1704070800\n1,1704067200\n9,1704067200\n")
    series = read_series(f"{path}:price")
    assert series.starts.tolist() == [START, START + 3600]
    assert series.values.tolist() == [9, 2]


def test_a_gzipped_file_and_a_colon_in_its_name(tmp_path):
    path = tmp_path / "a:b.csv.gz"
    path.write_bytes(gzip.compress(ROWS.encode()))
    assert read_series(f"{path}:price").values[0] == 10


@pytest.mark.parametrize(
    ("text", "column", "told"),
    [
        (ROWS, "cost", "has no column 'cost': name one of those that it has (time, price, other)"),
        ("at,price\n1,2\n", "price", "has no column 'time'"),
        (ROWS, "other", "line 2, column 'other': the value is text that is no decimal number: correct it"),
        ("time,price\nyesterday,1\n", "price", "line 2, column 'time': the time is neither Unix seconds nor RFC 3339"),
        ("time,price\n2024-01-01T00:00,1\n", "price", "line 2, column 'time': the time is neither"),
        ("time,price\n2024-01-01T00:00Z,inf\n", "price", "line 2, column 'price': the value is infinite"),
        ("time,price\n2024-01-01T00:00Z,\n", "price", "column 'price' holds no number"),
        ("time,price\n", "price", "column 'price' holds no number"),
        ("", "price", "has no column 'time': name one of those that it has (none)"),
    ],
)
def test_what_cannot_be_read_says_where_and_why(tmp_path, text, column, told):
    path = file(tmp_path, text)
    with pytest.raises(SeriesError) as error:
        read_series(f"{path}:{column}")
    assert told in str(error.value)
    assert str(path) in str(error.value)


def test_files_that_are_none(tmp_path):
    with pytest.raises(SeriesError, match="is not FILE:COLUMN"):
        read_series("prices.csv")
    with pytest.raises(SeriesError, match="does not exist"):
        read_series(f"{tmp_path / 'none.csv'}:price")
    (tmp_path / "bad.csv.gz").write_text("not gzip")
    with pytest.raises(SeriesError, match="can't be read"):
        read_series(f"{tmp_path / 'bad.csv.gz'}:price")


def test_moments():
    assert read_moment("2024-01-01") == read_moment("2024-01-01T00:00Z") == START
    assert read_moment("2024-01-01T01:00+01:00") == START
    assert write_moment(START + 60) == "2024-01-01T00:01Z"
    with pytest.raises(SeriesError, match="is not a time"):
        read_moment("soon")


def test_moments_that_differ_are_written_differently():
    start = read_moment("2024-01-01")
    assert write_moment(start + 1.5) == "2024-01-01T00:00:01.5Z"
    assert write_moment(start + 3.0) == "2024-01-01T00:00:03Z"
    assert read_moment(write_moment(start + 1.5)) == start + 1.5
