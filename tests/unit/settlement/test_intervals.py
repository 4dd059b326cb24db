"""Intervals from observations, worked by hand."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattswitch.settlement.intervalbook import IntervalBook, Observation, Part, Rules, settle
from wattswitch.settlement.intervals import FIXED, OVERHEAD, SITE, Interval, Load, Quality, aligned, starts_within

T0 = 1_704_067_200  # 2024-01-01T00:00:00Z, the start of an interval
RULES = Rules(seconds=900, fresh_seconds=120, hold_seconds=400)
MINER = Part("MiningPool/mining/s21", 100_000.0, worth_per_mwh=91.0)
CHAT = Part("InferenceDeployment/ai/chat", 20_000.0, worth_per_mwh=1_000.0)


def seen(at: float, *, miner: float = 100_000.0, meter: float | None = None, price: float | None = 40.0) -> Observation:
    return Observation(at, (replace(MINER, watts=miner), CHAT), 6_000.0, 1.1, meter, price)


def by_key(rows: list[Interval], start: int = T0) -> dict[str, Interval]:
    return {row.workload: row for row in rows if row.start == start}


def every_minute(until: float, **changed) -> list[Observation]:
    return [seen(T0 + 60 * i, **changed) for i in range(int((until - T0) // 60) + 1)]


def test_watts_are_weighted_by_time_and_rows_add_up_to_the_site():
    # 5 minutes of 100 kW, 10 minutes of 40 kW: 100/12 + 40/6 = 15 kWh. Chat: 20/4 = 5. Fixed: 6/4 = 1.5.
    # Overhead: a tenth of 20 kWh = 2. Site: 23.5 kWh, at 40 per MWh 0.94. Miner earns 91 · 15 kWh · 1.1 = 1.5015.
    seen_ = [seen(T0 + 60 * i, miner=100_000.0 if i < 5 else 40_000.0) for i in range(16)]
    rows = by_key(settle(seen_, T0 + 900, RULES))
    assert rows[MINER.workload].energy_kwh == pytest.approx(15.0)
    assert rows[CHAT.workload].energy_kwh == pytest.approx(5.0)
    assert rows[FIXED].energy_kwh == pytest.approx(1.5)
    assert rows[OVERHEAD].energy_kwh == pytest.approx(2.0)
    assert rows[SITE].energy_kwh == pytest.approx(23.5)
    assert rows[SITE].cost == pytest.approx(0.94)
    assert rows[MINER.workload].revenue == pytest.approx(1.5015)
    assert rows[SITE].revenue == pytest.approx(1.5015 + 1_000 * 0.005 * 1.1)
    assert rows[SITE].quality is Quality.OK
    assert rows[SITE].kw == pytest.approx(94.0)


def test_an_observation_between_intervals_is_split_at_the_border_half_open():
    rules = replace(RULES, fresh_seconds=1_000, hold_seconds=2_000)
    rows = settle([seen(T0 + 600), seen(T0 + 1_200, miner=0.0), seen(T0 + 1_800)], T0 + 1_800, rules)
    assert [row.start for row in rows if row.workload == SITE] == [T0, T0 + 900]
    assert by_key(rows)[MINER.workload].energy_kwh == pytest.approx(100 * 300 / 3600)
    assert by_key(rows)[SITE].quality is Quality.MISSING, "nothing is known of its first ten minutes"
    assert by_key(rows)[SITE].known_seconds == pytest.approx(300)
    assert by_key(rows, T0 + 900)[MINER.workload].energy_kwh == pytest.approx(100 * 300 / 3600)
    assert by_key(rows, T0 + 900)[SITE].quality is Quality.OK


def test_a_short_silence_is_estimated_and_a_long_one_is_a_gap():
    minutes = every_minute(T0 + 900)
    short = [o for o in minutes if not T0 + 300 < o.at < T0 + 600]
    long = [o for o in minutes if not T0 + 200 < o.at < T0 + 700]
    assert by_key(settle(short, T0 + 900, RULES))[SITE].quality is Quality.ESTIMATED
    gap = by_key(settle(long, T0 + 900, RULES))[SITE]
    assert gap.quality is Quality.MISSING
    assert gap.known_seconds == pytest.approx(900 - (720 - 180 - 400))
    assert gap.kw == pytest.approx(138.0), "the mean of what is known"


def test_an_interval_without_any_observation_is_not_told():
    rows = settle([*every_minute(T0 + 900), seen(T0 + 7 * 900), seen(T0 + 7 * 900 + 60)], T0 + 9 * 900, RULES)
    assert sorted({row.start for row in rows}) == [T0, T0 + 900, T0 + 7 * 900]


def test_years_of_silence_take_no_time():
    assert settle([seen(T0), seen(T0 + 40 * 365 * 86_400)], T0 + 80 * 365 * 86_400, RULES)[0].start == T0


def test_the_meter_counts_where_it_is_read_throughout():
    rows = by_key(settle(every_minute(T0 + 900, meter=150_000.0), T0 + 900, RULES))
    assert rows[SITE].meter_kwh == pytest.approx(37.5)
    assert rows[SITE].kwh == pytest.approx(37.5)
    assert rows[SITE].cost == pytest.approx(37.5 * 0.04)
    assert rows[SITE].energy_kwh == pytest.approx(138 / 4)
    assert rows[MINER.workload].meter_kwh is None


def test_a_meter_that_falls_silent_is_held_and_then_given_up():
    minutes = every_minute(T0 + 900, meter=150_000.0)
    held = [replace(o, meter_watts=None) if 200 < o.at - T0 < 500 else o for o in minutes]
    gone = [replace(o, meter_watts=None) if o.at - T0 > 200 else o for o in minutes]
    row = by_key(settle(held, T0 + 900, RULES))[SITE]
    assert (row.meter_kwh, row.quality) == (pytest.approx(37.5), Quality.ESTIMATED)
    row = by_key(settle(gone, T0 + 900, RULES))[SITE]
    assert (row.meter_kwh, row.quality) == (None, Quality.ESTIMATED)
    assert row.cost == pytest.approx(138 / 4 * 0.04), "of the energy that is told, not of half a meter"


def test_without_the_meter_that_it_had_all_is_an_estimate_until_it_is_back():
    minutes = every_minute(T0 + 3_600, meter=150_000.0)
    gone = [replace(o, meter_watts=None) if 200 < o.at - T0 < 2_650 else o for o in minutes]
    rows = [row for row in settle(gone, T0 + 3_600, RULES) if row.workload == SITE]
    assert [row.quality for row in rows] == [Quality.ESTIMATED] * 3 + [Quality.OK]
    assert [row.meter_kwh for row in rows] == [None, None, None, pytest.approx(37.5)]


def test_a_price_that_was_never_known_leaves_no_cost():
    row = by_key(settle(every_minute(T0 + 900, price=None), T0 + 900, RULES))[SITE]
    assert (row.price_per_mwh, row.cost, row.quality) == (None, None, Quality.OK)
    assert row.energy_kwh == pytest.approx(34.5)


def test_a_negative_price_pays():
    row = by_key(settle(every_minute(T0 + 900, price=-20.0), T0 + 900, RULES))[SITE]
    assert row.cost == pytest.approx(-0.69)


def test_a_price_that_moves_within_an_interval_is_paid_when_it_holds():
    # 100 kW at 100 for 5 minutes, then 0 kW at 10 for 10 minutes; both rows draw 0 but for the miner's 100/12 kWh.
    first = Observation(T0, (replace(MINER, watts=100_000.0),), price_per_mwh=100.0)
    then = Observation(T0 + 300, (replace(MINER, watts=0.0),), price_per_mwh=10.0)
    rules = Rules(hold_seconds=900, fresh_seconds=900)
    row = by_key(settle([first, then], T0 + 900, rules))[SITE]
    assert row.cost == pytest.approx(100 / 12 / 1000 * 100)
    assert row.price_per_mwh == pytest.approx((100 * 5 + 10 * 10) / 15)


def test_what_holds_a_workload_down_is_told_of_it_and_of_the_site():
    held = Observation(T0, (replace(MINER, watts=0.0, wanted_watts=100_000.0, by_event=True), CHAT), 6_000.0, 1.1)
    rules = Rules(hold_seconds=900, fresh_seconds=900)
    rows = by_key(settle([held], T0 + 900, rules))
    assert (rows[MINER.workload].by_event, rows[CHAT.workload].by_event, rows[SITE].by_event) == (True, False, True)
    assert rows[MINER.workload].wanted_kwh == pytest.approx(25.0)
    assert rows[SITE].wanted_kwh == pytest.approx((120 * 1.1 + 6) / 4)
    assert not rows[SITE].by_price


def test_work_that_nobody_asked_for_earns_nothing():
    idle = Observation(T0, (replace(CHAT, earning_watts=5_000.0),), pue=1.0)
    row = by_key(settle([idle], T0 + 900, Rules(hold_seconds=900)))[CHAT.workload]
    assert row.revenue == pytest.approx(1.25)


def test_a_book_goes_on_in_the_next_process():
    minutes = every_minute(T0 + 1_800, meter=150_000.0)
    whole = settle(minutes, T0 + 1_800, RULES)
    book = IntervalBook(RULES)
    done = [row for o in minutes[:20] for row in book.add(o)]
    book = IntervalBook.resume(book.text(), RULES)
    done += [row for o in minutes[20:] for row in book.add(o)]
    assert done + book.advance(T0 + 1_800) == whole


@pytest.mark.parametrize("text", ["", "{}", "null", "[]", '{"rules": {}}', "{", '{"rules":1,"last":{"at":1}}'])
def test_a_text_that_cannot_be_read_begins_a_new_book(text):
    assert IntervalBook.resume(text, RULES).text() == IntervalBook(RULES).text()


def test_a_book_kept_under_other_rules_is_not_gone_on_with():
    book = IntervalBook(RULES)
    book.add(seen(T0))
    assert IntervalBook.resume(book.text(), Rules(seconds=300)).text() == IntervalBook(Rules(seconds=300)).text()


def test_no_second_counts_twice_and_an_older_observation_is_left_out():
    book = IntervalBook(RULES)
    done = book.add(seen(T0)) + book.advance(T0 + 100) + book.add(seen(T0 + 60)) + book.add(seen(T0 + 50, miner=1e9))
    done += [row for i in range(2, 16) for row in book.add(seen(T0 + 60 * i))]
    assert by_key(done)[MINER.workload].energy_kwh == pytest.approx(25.0)


def test_a_clock_that_was_put_right_does_not_stop_the_record():
    book = IntervalBook(RULES)
    book.add(seen(T0 + 50 * 365 * 86_400))
    rows = [row for o in every_minute(T0 + 900) for row in book.add(o)]
    assert by_key(rows)[SITE].quality is Quality.OK


@pytest.mark.parametrize(
    "bad", [{"fixed_watts": math.nan}, {"pue": math.inf}, {"parts": (MINER, MINER)}, {"parts": (Part(SITE, 1.0),)}]
)
def test_what_cannot_be_added_up_is_refused(bad):
    with pytest.raises(ValueError, match=r"an observation|each workload"):
        replace(seen(T0), **bad)


_MOMENTS = st.lists(
    st.tuples(st.floats(1, 500), st.floats(0, 1e6), st.floats(0, 1e5), st.one_of(st.none(), st.floats(0, 2e6))),
    min_size=1,
    max_size=40,
)


@given(_MOMENTS, st.floats(1.0, 2.0), st.floats(0, 1e5))
def test_rows_add_up_whatever_was_seen(moments, pue, fixed):
    at, told = float(T0) + 17.3, []
    for wait, miner, chat, meter in moments:
        at += wait
        parts = (replace(MINER, watts=miner), replace(CHAT, watts=chat))
        told.append(Observation(at, parts, fixed, pue, meter, 35.0))
    rows = settle(told, at + 2_000, RULES)
    for start in {row.start for row in rows}:
        found = by_key(rows, start)
        site = found.pop(SITE)
        assert sum(row.energy_kwh for row in found.values()) == pytest.approx(site.energy_kwh, rel=1e-3, abs=1e-9)
        assert sum(row.wanted_kwh for row in found.values()) == pytest.approx(site.wanted_kwh, rel=1e-3, abs=1e-9)
        assert 0 < site.known_seconds <= 900
        assert (site.quality is Quality.MISSING) == (site.known_seconds < 900 - 1e-3)
        assert start % 900 == 0
        assert site.cost == pytest.approx(site.kwh * 0.035, abs=1e-9)


@given(_MOMENTS, st.integers(0, 39))
def test_a_crash_and_a_resume_change_nothing(moments, crash):
    at, told = float(T0), []
    for wait, miner, chat, meter in moments:
        at += wait
        told.append(seen(at, miner=miner, meter=meter, price=chat / 1000 if chat > 1 else None))
    book, rows = IntervalBook(RULES), []
    for i, observation in enumerate(told):
        rows += book.add(observation)
        if i == crash:
            book = IntervalBook.resume(book.text(), RULES)
    assert rows + book.advance(at + 900) == settle(told, at + 900, RULES)


def test_a_load_knows_what_is_free():
    rows = [
        Interval(T0, 900, SITE, 25.0, 900),
        Interval(T0 + 900, 900, SITE, 25.0, 900, meter_kwh=30.0, by_price=True),
        Interval(T0 + 1_800, 900, SITE, 1.0, 60, quality=Quality.MISSING),
        Interval(T0 + 2_700, 300, SITE, 25.0, 300),
        Interval(T0, 900, "MiningPool/m/a", 10.0, 900),
    ]
    load = Load.of(rows, 900)
    assert load.kw == {T0: 100.0, T0 + 900: 120.0}
    assert load.free(T0) == 100.0
    assert load.free(T0 + 900) is None
    assert load.mean([T0, T0 + 900, T0 + 1_800]) == 100.0
    assert load.mean([T0 + 900]) is None
    assert Load.of(rows, 900, "MiningPool/m/a").kw == {T0: 40.0}


def test_intervals_that_lie_within():
    assert aligned(T0 + 899.9, 900) == T0
    assert list(starts_within(T0 + 0.5, T0 + 2_700, 900)) == [T0 + 900, T0 + 1_800]
    assert list(starts_within(T0 + 1, T0 + 900, 900)) == []
