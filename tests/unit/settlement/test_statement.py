"""What an event came to, worked by hand."""

from dataclasses import replace

import pytest

from unit.settlement.histories import at
from wattswitch.settlement.baselines import Baseline, NoBaseline, Window
from wattswitch.settlement.eventrecord import EventRecord, OptOut, Skipped, one_each
from wattswitch.settlement.intervals import FIXED, OVERHEAD, SITE, Interval, Quality
from wattswitch.settlement.statement import Rates, Terms, event_statement, window_of

QUARTER = 900
EVENT = EventRecord(
    "hot-friday", "u1", at(19, 14), at(19, 15), "ERS-30", "0119-1", limit_watts=50_000, target_met_at=at(19, 14) + 240.0
)
TERMS = Terms("ERS-30", committed_kw=40.0, snapback_seconds=1800, rates=Rates(per_kwh=0.5))
BASELINE = Baseline("10 of 10", dict.fromkeys(range(at(19, 13.5), at(19, 15.5), QUARTER), 100.0))
MINER, CHAT = "MiningPool/mining/s21", "InferenceDeployment/ai/chat"


def site(start: int, kw: float, **changed) -> Interval:
    return Interval(start, QUARTER, SITE, kw / 4, QUARTER, meter_kwh=kw / 4, price_per_mwh=200.0, **changed)


def drawn(*kws: float) -> list[Interval]:
    return [site(at(19, 14) + QUARTER * i, kw) for i, kw in enumerate(kws)]


def stated(rows, *, event=EVENT, baseline=BASELINE, terms=TERMS):
    return event_statement(event, window_of(event, 0.0, terms, 1800), baseline, rows, QUARTER, terms)


def test_an_event_that_held_is_met_and_paid():
    # 100 - 40, 100 - 45, 100 - 50, 100 - 45 = 60, 55, 50, 55 kW for a quarter each: 55 kWh, on average 55 of 40 kW.
    # Paid 55 · 0.5 = 27.5; not bought at 200 per MWh: 11.
    told = stated(drawn(40.0, 45.0, 50.0, 45.0))
    assert told.met is True
    assert [line.compliant for line in told.lines] == [True] * 4
    assert told.reduced_kwh == pytest.approx(55.0)
    assert told.performance_percent == pytest.approx(137.5)
    assert told.worst_percent == pytest.approx(125.0)
    assert told.mean_reduction_kw == pytest.approx(55.0)
    assert (told.credit, told.avoided_cost) == (pytest.approx(27.5), pytest.approx(11.0))
    assert told.net == pytest.approx(38.5)
    assert told.target_met_after_seconds == 240
    assert told.worst is not None
    assert (told.worst.start, told.worst.margin_kw) == (at(19, 14.5), 0.0)


def test_the_worst_interval_decides_not_the_mean():
    # On average 42.5 kW, well under 50; the third quarter is at 55.
    told = stated(drawn(30.0, 40.0, 55.0, 45.0))
    assert told.met is False
    assert [line.compliant for line in told.lines] == [True, True, False, True]
    assert told.worst is not None
    assert (told.worst.metered_kw, told.worst.margin_kw) == (55.0, -5.0)


def test_the_reduction_counts_beside_the_limit():
    # At 45 kW the limit of 50 holds, but from a baseline of 80 only 35 of 40 kW are reduced.
    low = Baseline("10 of 10", dict.fromkeys(BASELINE.kw, 80.0))
    told = stated(drawn(45.0, 45.0, 30.0, 30.0), baseline=low)
    assert [line.compliant for line in told.lines] == [False, False, True, True]
    assert stated(drawn(45.0, 45.0, 30.0, 30.0), baseline=low, terms=replace(TERMS, tolerance_kw=5.0)).met is True


def test_an_interval_that_is_not_known_is_no_success():
    gap = [row for row in drawn(40.0, 45.0, 50.0, 45.0) if row.start != at(19, 14.25)]
    missing = [
        replace(row, quality=Quality.MISSING) if row.start == at(19, 14.25) else row for row in drawn(40, 45, 50, 45)
    ]
    for rows in (gap, missing):
        told = stated(rows)
        assert told.met is None
        assert told.lines[1].compliant is None
        assert told.quality(Quality.MISSING) == 1
        assert told.reduced_kwh == pytest.approx(15 + 12.5 + 13.75)
    assert stated([*gap[:-1], site(at(19, 14.75), 60.0)]).met is False


def test_the_ramp_time_is_not_judged_but_counted():
    told = stated(drawn(90.0, 45.0, 50.0, 45.0), terms=replace(TERMS, ramp_seconds=600))
    assert told.met is True
    assert [line.judged for line in told.lines] == [False, True, True, True]
    assert told.reduced_kwh == pytest.approx((10 + 55 + 50 + 55) / 4)
    assert told.performance_percent == pytest.approx(100 * (160 / 3) / 40)


def test_without_a_baseline_the_limit_still_judges_and_no_money_is_claimed():
    none = NoBaseline("10 of 10", "4 of 10 days are missing", 4)
    told = stated(drawn(40.0, 45.0, 50.0, 45.0), baseline=none, terms=replace(TERMS, committed_kw=None))
    assert told.met is True
    assert (told.reduced_kwh, told.credit, told.net, told.performance_percent) == (None, None, None, None)
    assert told.number_refused == "4 of 10 days are missing"
    assert stated(drawn(40.0, 45.0, 50.0, 45.0), baseline=none).met is None, "the promised reduction cannot be judged"
    assert stated(drawn(40.0, 45.0, 51.0, 45.0), baseline=none).met is False, "the limit can"


def test_a_firm_service_level_is_judged_by_its_level():
    # Peak load 500 kW, level 45: 455 kW promised. The limit of the event, 50 kW, is looser.
    level = Baseline("firm service level", dict.fromkeys(BASELINE.kw, 500.0), level_kw=45.0)
    told = stated(drawn(40.0, 45.0, 46.0, 45.0), baseline=level, terms=replace(TERMS, committed_kw=None))
    assert [line.compliant for line in told.lines] == [True, True, False, True]
    assert told.committed_kw == 455.0
    assert told.worst_percent == pytest.approx(100 * 454 / 455)


def test_load_above_the_baseline_afterwards_is_snapback():
    # 120 and 90 kW in the half hour after it, from a baseline of 100: 20 kW for a quarter of an hour.
    told = stated([*drawn(40.0, 45.0, 50.0, 45.0), site(at(19, 15), 120.0), site(at(19, 15.25), 90.0)])
    assert told.snapback_kwh == pytest.approx(5.0)
    assert stated(drawn(40.0, 45.0, 50.0, 45.0)).snapback_kwh is None


def rows_of(start: int, miner: float, chat: float, *, wanted: float) -> list[Interval]:
    """A quarter of an hour with a PUE of 1.25 and 4 kW of its own; kW."""
    workloads = [
        Interval(start, QUARTER, MINER, miner / 4, QUARTER, wanted_kwh=wanted / 4, worth_per_mwh=90.0, by_event=True),
        Interval(start, QUARTER, CHAT, chat / 4, QUARTER, wanted_kwh=chat / 4 + 5, worth_per_mwh=1e3),
    ]
    it = miner + chat
    rest = [
        Interval(start, QUARTER, FIXED, 1.0, QUARTER, wanted_kwh=1.0),
        Interval(start, QUARTER, OVERHEAD, it / 16, QUARTER, wanted_kwh=(wanted + chat + 20) / 16),
    ]
    return [*workloads, *rest, site(start, it * 1.25 + 4, by_event=True)]


def test_lost_income_is_what_those_held_back_would_have_earned():
    # The miner wanted 60 kW and drew none: 60 · 1.25 = 75 kW at the meter, 75 kWh in the hour, at 90 per MWh: 6.75.
    # Chat was not held back by the event, whatever it wanted.
    rows = [row for i in range(4) for row in rows_of(at(19, 14) + QUARTER * i, 0.0, 16.0, wanted=60.0)]
    told = stated(rows)
    assert told.lost_by_workload == {MINER: pytest.approx(6.75)}
    assert told.net == pytest.approx((told.credit or 0) + (told.avoided_cost or 0) - 6.75)


def test_what_still_ran_lost_nothing():
    # Of 60 kW it drew 24: 36 · 1.25 = 45 kWh in the hour, at 90 per MWh.
    rows = [row for i in range(4) for row in rows_of(at(19, 14) + QUARTER * i, 24.0, 16.0, wanted=60.0)]
    assert stated(rows).lost_income == pytest.approx(45 * 0.09)


def test_no_more_income_is_lost_than_energy_was_reduced():
    # It wanted 160 kW, 200 at the meter, but the baseline says that only 100 - 24 = 76 kW went: 76 kWh at 90 per MWh.
    rows = [row for i in range(4) for row in rows_of(at(19, 14) + QUARTER * i, 0.0, 16.0, wanted=160.0)]
    assert stated(rows).lost_income == pytest.approx(76 * 0.09)


def test_an_open_event_is_judged_up_to_now_and_a_cancelled_one_up_to_then():
    still_on, cancelled = replace(EVENT, end=None), replace(EVENT, cancelled_at=at(19, 14.5))
    assert window_of(still_on, at(19, 14.75), TERMS) == Window(at(19, 14), at(19, 14.75), 7200, 1800)
    assert len(stated(drawn(40.0, 45.0, 90.0, 90.0), event=cancelled).lines) == 2
    assert stated(drawn(40.0, 45.0, 90.0, 90.0), event=cancelled).met is True
    assert replace(EVENT, cancelled_at=at(19, 9)).over_at == EVENT.start, "it never was"


def test_one_reference_is_one_event_and_the_lowest_limit_counts():
    again = replace(
        EVENT, name="repeat", uid="u2", limit_watts=40_000.0, target_met_at=at(19, 14.1), start=at(19, 14) + 1
    )
    other = replace(EVENT, name="other", uid="u3", reference="", skipped=(Skipped(CHAT, "Floor"),))
    found = one_each([again, other, EVENT])
    assert [event.uid for event in found] == ["u1", "u3"]
    assert (found[0].name, found[0].limit_watts, found[0].target_met_at) == ("hot-friday", 40_000.0, at(19, 14.1))
    assert found[0].end == EVENT.end
    assert one_each([EVENT, replace(again, end=None)])[0].end is None
    assert one_each([EVENT, replace(again, target_met_at=None)])[0].target_met_at is None
    longer = one_each([EVENT, replace(again, end=at(19, 16), excused="by the utility")])[0]
    assert (longer.end, longer.excused) == (at(19, 16), "by the utility")
    twice = replace(again, opt_outs=(OptOut("tenant a", "maintenance"),))
    assert one_each([twice, twice, EVENT])[0].opt_outs == (OptOut("tenant a", "maintenance"),)
