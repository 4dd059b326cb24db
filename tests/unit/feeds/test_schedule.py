"""Tariffs by the wall clock, over the days when that clock jumps."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from wattswitch.api.source import Schedule
from wattswitch.feeds.reading import Problem, Refused
from wattswitch.feeds.schedule import ScheduleSource

HOUR = 3600.0


def tariff(zone: str, *windows: dict[str, Any]) -> ScheduleSource:
    return ScheduleSource(
        "tariff", Schedule.model_validate({"timeZone": zone, "default": "45", "windows": list(windows)})
    )


def window(start: str, end: str, value: str = "90", **more: Any) -> dict[str, Any]:
    return {"from": start, "to": end, "value": value, **more}


def at(zone: str, text: str, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


def open_seconds(source: ScheduleSource, start: float, hours: int) -> int:
    """For how long the value is not the default, to the minute."""
    return sum(60 for minute in range(hours * 60) if source.read(start + minute * 60).value != 45.0)


def test_a_reading_is_as_of_now() -> None:
    reading = tariff("Europe/Berlin").read(1000.0)
    assert (reading.value, reading.at, reading.fresh) == (45.0, 1000.0, True)


@pytest.mark.parametrize(
    ("moment", "value"),
    [("17:59:59", 45.0), ("18:00:00", 90.0), ("20:59:59", 90.0), ("21:00:00", 45.0)],
)
def test_a_window_opens_at_from_and_closes_at_to(moment: str, value: float) -> None:
    source = tariff("America/Chicago", window("18:00", "21:00"))
    assert source.read(at("America/Chicago", f"2026-07-06T{moment}")).value == value


@pytest.mark.parametrize(
    ("moment", "value"),
    [
        ("2026-07-06T21:59", 45.0),  # Monday
        ("2026-07-06T22:00", 90.0),
        ("2026-07-07T05:59", 90.0),  # Tuesday morning belongs to Monday's window
        ("2026-07-07T06:00", 45.0),
        ("2026-07-07T22:00", 45.0),
        ("2026-07-06T05:00", 45.0),  # Monday morning belongs to Sunday
    ],
)
def test_a_window_over_midnight_belongs_to_the_day_on_which_it_opens(moment: str, value: float) -> None:
    source = tariff("Europe/Berlin", window("22:00", "06:00", days=["Mon"]))
    assert source.read(at("Europe/Berlin", moment)).value == value


def test_a_window_over_midnight_belongs_to_the_month_in_which_it_opens() -> None:
    source = tariff("Europe/Berlin", window("22:00", "06:00", months=[6]))
    assert source.read(at("Europe/Berlin", "2026-07-01T05:00")).value == 90.0
    assert source.read(at("Europe/Berlin", "2026-06-01T05:00")).value == 45.0


def test_the_first_open_window_counts_and_a_day_may_be_whole() -> None:
    source = tariff("Europe/Berlin", window("12:00", "13:00", "1"), window("00:00", "24:00", "2", days=["Sat"]))
    assert source.read(at("Europe/Berlin", "2026-08-01T12:30")).value == 1.0
    assert source.read(at("Europe/Berlin", "2026-08-01T23:59")).value == 2.0
    assert source.read(at("Europe/Berlin", "2026-08-02T00:00")).value == 45.0


@pytest.mark.parametrize(
    ("zone", "midnight", "hours_open"),
    [
        ("Europe/Berlin", "2026-03-29T00:00", 1),  # 02:00 jumps to 03:00
        ("America/Chicago", "2026-03-08T00:00", 1),
        ("Europe/Berlin", "2026-10-25T00:00", 3),  # 02:00 to 03:00 comes twice
        ("America/Chicago", "2026-11-01T00:00", 3),  # 01:00 to 02:00 comes twice
        ("Europe/Berlin", "2026-07-06T00:00", 2),
    ],
)
def test_windows_follow_the_wall_clock_when_it_jumps(zone: str, midnight: str, hours_open: int) -> None:
    source = tariff(zone, window("01:00", "03:00"))
    assert open_seconds(source, at(zone, midnight), 12) == hours_open * HOUR


def test_a_window_inside_the_spring_gap_never_opens() -> None:
    source = tariff("Europe/Berlin", window("02:15", "02:45"))
    assert open_seconds(source, at("Europe/Berlin", "2026-03-29T00:00"), 12) == 0


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Chicago"])
@pytest.mark.parametrize("day", ["2026-03-07", "2026-03-28", "2026-10-24", "2026-10-31", "2026-07-31"])
def test_the_next_change_is_the_first_minute_with_another_value(zone: str, day: str) -> None:
    source = tariff(
        zone,
        window("02:30", "04:00", "60", days=["Sat", "Sun"]),
        window("01:15", "02:45", "70"),
        window("22:30", "00:45", "80", months=[7, 10, 11]),
    )
    now = first = at(zone, f"{day}T12:00")
    found = []
    while now < first + 30 * HOUR:
        change = source.next_change(now)
        assert change is not None
        value, minute = source.read(now).value, now
        while source.read(minute).value == value:
            minute += 60
        assert change == minute
        found.append(change)
        now = change
    assert source.changes(first, now + 1) == found
    assert source.changes(first, now) == found[:-1]
    assert source.changes(found[0], now + 1) == found[1:]


def test_nothing_changes_without_windows() -> None:
    assert tariff("Europe/Berlin").next_change(0.0) is None
    assert tariff("Europe/Berlin").changes(0.0, 48 * HOUR) == []


@pytest.mark.parametrize("zone", ["Europe/Berln", "Mars/Olympus", "UTC/"])
def test_an_unknown_time_zone_is_refused_by_name(zone: str) -> None:
    source = ScheduleSource("tariff", Schedule.model_construct(time_zone=zone, default=45, windows=()))  # type: ignore[arg-type]
    with pytest.raises(Refused) as refused:
        source.read(0.0)
    assert refused.value.problem is Problem.UNKNOWN_TIME_ZONE
