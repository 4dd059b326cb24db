"""Scales, ticks and columns of the report's plots."""

import itertools
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattswitch.pages.frame import apart
from wattswitch.pages.scale import Bent, Linear, nice_ticks, price_scale, time_ticks
from wattswitch.pages.svg import band_path, line_path, steps_path
from wattswitch.simulate.report.columns import gather

CHICAGO = ZoneInfo("America/Chicago")


def at(text: str, zone: ZoneInfo | None = None) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone or UTC).timestamp()


def test_linear_puts_low_at_start_and_high_at_end() -> None:
    scale = Linear(0.0, 10.0, 200.0, 100.0)
    assert scale(np.array([0.0, 5.0, 10.0])).tolist() == [200.0, 150.0, 100.0]
    assert np.isnan(scale(np.array([np.nan]))[0])


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(1, 12))
def test_ticks_are_inside_round_and_not_too_many(low: float, span: float, count: int) -> None:
    ticks = nice_ticks(low, low + span, count)
    assert len(ticks) <= count + 1
    assert all(low - 1e-6 * span <= tick <= low + span * (1 + 1e-6) for tick in ticks)


def test_prices_with_rare_spikes_are_bent_and_ordered() -> None:
    prices = np.concatenate((np.linspace(-20, 90, 1_000), [5_000.0, -900.0]))
    scale = price_scale(prices, 200.0, 0.0)
    assert isinstance(scale, Bent)
    assert scale.at(-900.0) == pytest.approx(200.0)
    assert scale.at(5_000.0) == pytest.approx(0.0)
    pixels = scale(np.sort(prices))
    assert (np.diff(pixels) < 0).all()
    assert abs(scale.at(scale.knee) - scale.at(0.0)) > 40, "usual prices keep room"


def test_bent_ticks_keep_their_distance_and_reach_the_spike() -> None:
    scale = Bent(-900.0, 5_000.0, 100.0, 200.0, 0.0)
    ticks = scale.ticks(20)
    pixels = sorted(scale.at(tick) for tick in ticks)
    assert min(b - a for a, b in itertools.pairwise(pixels)) >= 19
    assert max(ticks) >= 1_000
    assert 0.0 in ticks


def test_ordinary_prices_are_straight_and_hold_zero() -> None:
    scale = price_scale(np.array([30.0, 60.0, 45.0]), 200.0, 0.0)
    assert isinstance(scale, Linear)
    assert scale.low == 0.0


@given(st.lists(st.floats(-1e4, 2e4), min_size=1, max_size=50))
def test_any_prices_stay_on_the_panel(prices: list[float]) -> None:
    pixels = price_scale(np.array(prices), 200.0, 0.0)(np.array(prices))
    assert ((pixels >= -1e-6) & (pixels <= 200 + 1e-6)).all()


def test_a_day_is_ticked_in_local_hours() -> None:
    ticks = time_ticks(at("2024-01-15", CHICAGO), at("2024-01-16", CHICAGO), CHICAGO, 8)
    assert [tick.label for tick in ticks] == [
        "00:00",
        "03:00",
        "06:00",
        "09:00",
        "12:00",
        "15:00",
        "18:00",
        "21:00",
        "00:00",
    ]
    assert ticks[0].below.replace("\N{NO-BREAK SPACE}", " ") == "Mon 15 Jan 2024"
    assert [bool(tick.below) for tick in ticks] == [True, *[False] * 7, True]


def test_a_year_is_ticked_in_months_and_names_years() -> None:
    ticks = time_ticks(at("2024-03-10", CHICAGO), at("2025-03-10", CHICAGO), CHICAGO, 13)
    assert [tick.label for tick in ticks][:3] == ["Apr", "May", "Jun"]
    assert [tick.below for tick in ticks if tick.below] == ["2024", "2025"]
    assert [datetime.fromtimestamp(tick.at, CHICAGO).hour for tick in ticks] == [0] * len(ticks), "also in summer time"


def test_a_clock_change_keeps_days_at_midnight() -> None:
    ticks = time_ticks(at("2024-03-08", CHICAGO), at("2024-03-13", CHICAGO), CHICAGO, 6)
    assert [tick.label.replace("\N{NO-BREAK SPACE}", " ") for tick in ticks] == [f"{day} Mar" for day in range(8, 14)]


@pytest.mark.parametrize("hours", [1, 20, 50, 400, 3_000, 9_000, 90_000])
@pytest.mark.parametrize("count", [3, 5, 18])
def test_ticks_fit(hours: int, count: int) -> None:
    start = at("2024-01-01")
    ticks = time_ticks(start, start + 3600 * hours, UTC, count)
    assert len(ticks) <= count + 2
    assert all(start <= tick.at <= start + 3600 * hours for tick in ticks)


def test_few_steps_are_columns_of_their_own() -> None:
    columns = gather(1e9 + 300.0 * np.arange(10), 300.0, UTC)
    assert columns.exact
    assert columns.edges.tolist() == (1e9 + 300.0 * np.arange(11)).tolist()


def test_many_steps_are_gathered_by_local_day() -> None:
    times = at("2024-01-01", CHICAGO) + 900.0 * np.arange(96 * 100)
    columns = gather(times, 900.0, CHICAGO, most=120)
    assert len(columns.firsts) == 100
    assert columns.seconds == 86_400
    assert [datetime.fromtimestamp(edge, CHICAGO).hour for edge in columns.edges[:60]] == [0] * 60


@given(st.integers(1, 3_000), st.integers(1, 400), st.integers(0, 10_000))
def test_no_extreme_is_lost(steps: int, most: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=steps)
    columns = gather(1.7e9 + 300.0 * np.arange(steps), 300.0, UTC, most)
    spread = columns.spread(values)
    assert len(columns.firsts) <= most + 1
    assert spread.high.max() == values.max()
    assert spread.low.min() == values.min()
    counts = np.diff(np.append(columns.firsts, steps))
    assert (spread.mean * counts).sum() == pytest.approx(values.sum(), abs=1e-9 * steps)
    assert columns.last(values)[-1] == values[-1]


def test_unknown_values_are_left_out_of_a_column() -> None:
    columns = gather(3600.0 * np.arange(4.0), 3600.0, UTC, most=2)
    spread = columns.spread(np.array([1.0, np.nan, np.nan, np.nan]))
    assert spread.mean[0] == 1.0
    assert np.isnan(spread.high[-1])


def test_step_path_leaves_gaps_and_joins_equals() -> None:
    x = np.array([0.0, 10.0, 20.0, 30.0, 40.0])
    assert steps_path(x, np.array([5.0, 5.0, np.nan, 2.0])) == "M0 5H20M30 2H40"
    assert steps_path(x, np.array([5.0, 4.5, 4.5, 4.5])) == "M0 5H10V4.5H40"


def test_band_path_closes_around_the_area() -> None:
    x = np.array([0.0, 10.0, 20.0])
    assert band_path(x, np.array([9.0, 9.0]), np.array([5.0, 9.0])) == "M0 5H10L10 9H0Z"


def test_line_path_goes_from_point_to_point() -> None:
    assert line_path(np.array([0.0, 1.0, 1.01, 2.0]), np.array([3.0, 4.0, 4.0, 5.25])) == "M0 3L1 4L2 5.2"


@given(st.lists(st.floats(0, 100), max_size=6))
def test_labels_are_kept_apart_and_inside(wished: list[float]) -> None:
    placed = apart(wished, 14, 0, 100)
    ordered = sorted(placed)
    assert all(b - a >= 14 - 1e-6 for a, b in itertools.pairwise(ordered))
    assert all(-1e-6 <= y <= 100 + 1e-6 for y in placed)
