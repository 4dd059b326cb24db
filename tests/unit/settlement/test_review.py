"""Months and events of a record, by the terms of the programmes."""

from dataclasses import replace
from datetime import time

import pytest

from unit.settlement.settled import EVENTS, HOUR, QUARTER, TERMS, ZONE, local, rows
from wattswitch.settlement.calendars import Calendar
from wattswitch.settlement.coincident_peaks import FOUR_CP, ClockWindow, NoPeak, Peak, SystemLoad
from wattswitch.settlement.commitments import ers_30
from wattswitch.settlement.intervals import SITE, Load
from wattswitch.settlement.month import Credit, CreditKind
from wattswitch.settlement.review import Programme, Rules, begun, review, span
from wattswitch.settlement.statement import Rates

JULY = (2026, 7)
UNTIL = float(local(8, 1, 0))
RULES = Rules(QUARTER, UNTIL, UNTIL, Calendar(ZONE), programmes={"ers-30": Programme(TERMS, "5-of-10-adjusted")})
LOAD = Load.of(rows(), QUARTER)


def reviewed(rules: Rules = RULES, events=EVENTS, months=(JULY,)):
    return review(months, events, rows(), LOAD, EVENTS, rules)


def test_the_baseline_of_the_programme_counts_unless_another_is_asked_for():
    own = reviewed()
    asked = reviewed(replace(RULES, baselines=("meter-before", "match-day")))
    assert [each.method for each in own.events] == ["5 of 10 with same-day adjustment"] * 3
    assert own.others == {}
    assert {each.method for each in asked.events} == {"meter before"}
    assert [each.method for each in asked.others[EVENTS[0].key]] == ["match day (3)"]


def test_of_a_programme_without_terms_the_limit_alone_is_asked():
    found = reviewed(replace(RULES, programmes={}))
    assert found.without_terms == ("ers-30",)
    assert {each.committed_kw for each in found.events} == {None}
    assert reviewed().without_terms == ()


def test_an_event_belongs_to_the_month_it_began_in_and_what_never_began_to_none():
    start = EVENTS[0].start
    never = replace(EVENTS[0], uid="n", reference="n", cancelled_at=start - 5.0)
    cut = replace(EVENTS[0], uid="c", reference="c", cancelled_at=start + 5.0)
    ahead = replace(EVENTS[0], uid="a", reference="a", start=UNTIL + 5.0, end=UNTIL + 60.0)
    found = begun([*EVENTS, never, cut, ahead], [JULY, (2026, 8)], RULES)
    assert {event.reference for event in found} == {*(event.reference for event in EVENTS), "c"}
    assert begun(EVENTS, [(2026, 6)], RULES) == []


def test_rows_are_needed_for_the_months_and_around_the_events():
    begin, end = span([], EVENTS[:1], RULES)
    assert (begin, end) == (EVENTS[0].start - 2 * HOUR, EVENTS[0].end + TERMS.snapback_seconds)
    assert span([JULY], EVENTS, RULES) == RULES.calendar.month(*JULY)


@pytest.mark.parametrize("end", [None, UNTIL + 9e6])
def test_what_is_still_on_ends_with_the_record_and_what_is_over_does_not(end):
    recorded = EVENTS[2].start + HOUR
    rules = replace(RULES, until=recorded + 900, recorded_until=recorded)
    assert rules.window(replace(EVENTS[2], end=end)).end == recorded
    lost = replace(RULES, recorded_until=recorded)
    assert lost.window(EVENTS[2]).end == EVENTS[2].end, "what was not recorded of it is missing, not over"
    assert len(reviewed(rules, [replace(EVENTS[2], end=end)]).events[0].lines) == 4


def test_credits_are_those_of_the_programmes_and_those_that_were_told():
    sold = Credit(CreditKind.POWER, "sold back", 9_400.0)
    (june, july) = reviewed(replace(RULES, credited={JULY: (sold,)}), months=((2026, 6), JULY)).months
    assert [credit.label for credit in june.credits] == ["ers-30: capacity"]
    assert [credit.label for credit in july.credits] == ["sold back", "ers-30: capacity", "ers-30: energy of events"]


def test_availability_is_paid_for_the_hours_of_every_commitment():
    """220 kW at 0.01: 31 days of 2 h, less the 5 h of events between 15 and 17 h, plus 31 of the hour from midnight."""
    terms = replace(TERMS, rates=Rates(per_kw_hour_available=0.01))
    both = tuple(
        replace(ers_30(name, 220.0), windows=(ClockWindow(time(first), time(past)),))
        for name, first, past in (("day", 15, 17), ("night", 0, 1))
    )
    found = reviewed(replace(RULES, programmes={"ers-30": Programme(terms, commitments=both)}))
    (availability,) = found.months[0].credits
    assert availability.amount == pytest.approx(220 * 0.01 * (31 * 2 - 5 + 31))


def test_the_peaks_of_the_grid_are_those_of_its_own_load():
    system = SystemLoad(
        QUARTER, {row.start: 5.0 + (row.start == local(7, 22, 16.5)) for row in rows() if row.workload == SITE}
    )
    assert reviewed(replace(RULES, peak_rules=(FOUR_CP,))).peaks == ()
    june, july = reviewed(replace(RULES, peak_rules=(FOUR_CP,), system=system), months=((2026, 6), JULY)).peaks
    assert isinstance(june, Peak)
    assert isinstance(july, Peak)
    assert (july.start, july.site_kw) == (local(7, 22, 16.5), pytest.approx(170.9, abs=0.1))
    (none,) = reviewed(replace(RULES, peak_rules=(FOUR_CP,), system=SystemLoad(7200, {}))).peaks
    assert isinstance(none, NoPeak)
