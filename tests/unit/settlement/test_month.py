"""What a month came to, worked by hand."""

from dataclasses import replace
from datetime import UTC, time
from zoneinfo import ZoneInfo

import pytest

from unit.settlement.histories import HOUR, at
from unit.settlement.test_statement import BASELINE, EVENT, TERMS, drawn, stated
from wattswitch.settlement.calendars import Calendar
from wattswitch.settlement.coincident_peaks import ClockWindow, PeakRule
from wattswitch.settlement.intervals import FIXED, OVERHEAD, SITE, Interval, Quality
from wattswitch.settlement.month import (
    UNMODELLED,
    Credit,
    CreditKind,
    MonthStatement,
    month_statement,
    programme_credits,
)
from wattswitch.settlement.statement import Rates

MINER, CHAT = "MiningPool/mining/s21", "InferenceDeployment/ai/chat"


def hour(start: int, workload: str, kwh: float, **changed) -> Interval:
    return Interval(start, HOUR, workload, kwh, HOUR, **{"price_per_mwh": 100.0, "cost": kwh * 0.1} | changed)


def stating(rows, **changed) -> MonthStatement:
    return month_statement(2024, 1, rows, **{"calendar": Calendar(UTC), "seconds": HOUR} | changed)


def test_credits_above_the_cost_make_the_all_in_price_negative():
    # Cost 100, credits 150, 1,000 kWh: (100 - 150) / 1,000 · 100 = -5.0 cents.
    told = stating(
        [hour(at(3, 0), SITE, 1_000.0)],
        credited=[Credit(CreditKind.POWER, "sold back", 90.0), Credit(CreditKind.DEMAND_RESPONSE, "ERS-30", 60.0)],
    )
    assert (told.cost, told.power_credits, told.demand_response_credits, told.kwh) == (100.0, 90.0, 60.0, 1_000.0)
    assert told.all_in_cents_per_kwh == pytest.approx(-5.0)
    assert told.net == pytest.approx(50.0)


def test_no_energy_has_no_price():
    assert stating([]).all_in_cents_per_kwh is None
    assert stating([hour(at(3, 0), SITE, 0.0)]).all_in_cents_per_kwh is None


def test_energy_without_a_price_is_told_and_does_not_cheapen_the_rest():
    # 500 kWh cost 50, 500 have no price; credits of 20 are for all 1,000: 10 - 2 = 8 cents.
    rows = [hour(at(3, 0), SITE, 500.0), hour(at(3, 1), SITE, 500.0, price_per_mwh=None, cost=None)]
    told = stating(rows, credited=[Credit(CreditKind.POWER, "", 20.0)])
    assert (told.unpriced_kwh, told.all_in_cents_per_kwh) == (500.0, pytest.approx(8.0))
    assert stating(rows[1:]).all_in_cents_per_kwh is None


def test_lines_add_up_to_the_meter():
    # Modelled 60 + 20 + 2 + 8 = 90 kWh, metered 95: 5 kWh that no model knows of.
    rows = [
        hour(at(3, 0), MINER, 60.0, revenue=5.4),
        hour(at(3, 0), CHAT, 20.0, revenue=20.0),
        hour(at(3, 0), FIXED, 2.0),
        hour(at(3, 0), OVERHEAD, 8.0),
        hour(at(3, 0), SITE, 90.0, meter_kwh=95.0, cost=9.5, revenue=25.4),
    ]
    told = stating(rows)
    assert [line.workload for line in told.lines] == [MINER, CHAT, OVERHEAD, FIXED, UNMODELLED]
    assert told.lines[-1].kwh == pytest.approx(5.0)
    assert told.lines[-1].cost == pytest.approx(0.5)
    assert sum(line.kwh for line in told.lines) == pytest.approx(told.kwh) == pytest.approx(95.0)
    assert sum(line.cost for line in told.lines) == pytest.approx(told.cost)
    assert told.net == pytest.approx(25.4 - 9.5)


def test_a_month_is_that_of_the_zone():
    # Chicago is 6 hours behind: its January is from 6:00 UTC on the 1st to 6:00 UTC on 1 February.
    rows = [hour(at(1, h), SITE, 1.0) for h in (5, 6)] + [hour(at(1, h, month=2), SITE, 1.0) for h in (5, 6)]
    told = stating(rows, calendar=Calendar(ZoneInfo("America/Chicago")))
    assert (told.kwh, told.ok, told.missing) == (2.0, 2, 31 * 24 - 2)


def test_what_was_never_recorded_is_missing():
    rows = [
        hour(at(1, 0), SITE, 1.0),
        hour(at(1, 1), SITE, 1.0, quality=Quality.ESTIMATED),
        hour(at(1, 2), SITE, 1.0, quality=Quality.MISSING),
    ]
    told = stating(rows, until=at(1, 5))
    assert (told.ok, told.estimated, told.missing) == (1, 1, 3)
    assert stating([], until=at(1, 0) - 5).missing == 0


def test_carbon_is_of_what_the_series_covers():
    # 10 kWh at 400 kg per MWh are 4 kg, 20 at 100 are 2; 30 kWh are not covered.
    rows = [hour(at(3, h), SITE, kwh) for h, kwh in enumerate((10.0, 20.0, 30.0))]
    told = stating(rows, carbon_kg_per_mwh={at(3, 0): 400.0, at(3, 1): 100.0})
    assert (told.carbon_kg, told.carbon_unknown_kwh) == (pytest.approx(6.0), 30.0)
    assert stating(rows).carbon_kg is None


def test_demand_in_the_hours_of_a_peak():
    rule = PeakRule("1CP", frozenset({1}), "UTC", HOUR, (ClockWindow(time(15), time(17)),))
    rows = [hour(at(3, h), SITE, kwh) for h, kwh in ((14, 999.0), (15, 80.0), (16, 120.0), (17, 999.0))]
    (demand,) = stating(rows, peak_rules=[rule, replace(rule, months=frozenset({2}))]).peaks
    assert (demand.start, demand.kw, demand.mean_kw) == (at(3, 16), 120.0, 100.0)


def test_a_programme_pays_for_capacity_availability_and_energy():
    # 40 kW at 6 per kW-month: 240. 40 kW · 20 h at 0.01: 8. 55 kWh at 0.5: 27.5.
    terms = replace(TERMS, rates=Rates(per_kwh=0.5, per_kw_month=6.0, per_kw_hour_available=0.01))
    event = stated(drawn(40.0, 45.0, 50.0, 45.0), terms=terms)
    paid = programme_credits(terms, [event], month=1, available_hours=20.0)
    assert [credit.amount for credit in paid] == [240.0, pytest.approx(8.0), pytest.approx(27.5)]
    out_of_season = replace(terms, months=frozenset({7}))
    assert [credit.amount for credit in programme_credits(out_of_season, [event], month=1)] == [pytest.approx(27.5)]
    assert programme_credits(replace(terms, programme="other", committed_kw=None), [event], month=1) == ()


def test_an_event_belongs_to_the_month_in_which_it_starts():
    event = stated(drawn(40.0, 45.0, 50.0, 45.0))
    late = replace(event, event=replace(EVENT, start=at(1, 0, month=2)))
    assert stating([], events=[event, late]).events == (event,)
    assert BASELINE.kw
