"""A synthetic summer at a site in Texas, settled: every number follows from a few rules below."""

import math
from dataclasses import replace
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

from wattswitch.settlement.baselines import Adjustment, History, NoBaseline, x_of_y
from wattswitch.settlement.calendars import Calendar
from wattswitch.settlement.coincident_peaks import FOUR_CP
from wattswitch.settlement.commitments import could_meet, ers_10, load_reduction_agreement
from wattswitch.settlement.eventrecord import EventRecord, OptOut, Skipped
from wattswitch.settlement.intervals import FIXED, OVERHEAD, SITE, Interval, Load, Quality
from wattswitch.settlement.month import Credit, CreditKind, month_statement, programme_credits
from wattswitch.settlement.page import PageData
from wattswitch.settlement.statement import EventStatement, Rates, Terms, event_statement, window_of

ZONE = ZoneInfo("America/Chicago")
QUARTER, HOUR = 900, 3600
S21, CHAT = "MiningPool/mining/s21-row-4", "InferenceDeployment/serving/llama-70b"
TERMS = Terms("ers-30", committed_kw=220.0, ramp_seconds=900, rates=Rates(per_kwh=0.4, per_kw_month=6.0))


def local(month: int, day: int, hour: float) -> int:
    return int(datetime(2026, month, day, tzinfo=ZONE).timestamp() + hour * HOUR)


def event(name: str, day: int, first: float, last: float, **changed) -> EventRecord:
    start = local(7, day, first)
    known = EventRecord(
        name, name, start, local(7, day, last), "ers-30", name, start - 1800.0, "toWatts", 120e3, "Firm"
    )
    return replace(known, limit_watts=120_000.0, target_met_at=start + 412.0, causes=("event", "price"), **changed)


EVENTS = (
    event("ercot-0716", 16, 15, 18),
    event("ercot-0722", 22, 16, 18, skipped=(Skipped(CHAT, "Paused"),), opt_outs=(OptOut("tenant b", "a launch"),)),
    event("ercot-0729", 29, 15, 17),
)


def rows_of(start: int) -> list[Interval]:
    """The rows of one interval: mining stops at high prices and in events, chat follows the time of day."""
    hour = (start - local(7, 1, 0)) / HOUR % 24
    during = next((e for e in EVENTS if e.start <= start < (e.over_at or 0)), None)
    price = 34.0 + 22 * math.sin((hour - 9) / 24 * 2 * math.pi) + (900.0 if during and hour < 17.5 else 0.0)
    wanted = 300.0 + 4 * math.sin(start / 7e4)
    mining = 0.0 if during or price > 91 else wanted
    if during is EVENTS[1] and 16.5 <= hour < 17:
        mining = 90.0
    chat = 50.0 + 12 * math.sin((hour - 8) / 24 * 2 * math.pi)
    gap = during is EVENTS[2] and hour == 16.25

    def one(key: str, kw: float, wanted_kw: float | None = None, worth: float | None = None, **changed) -> Interval:
        kwh = kw / 4
        asked = kwh if wanted_kw is None else wanted_kw / 4
        quality = Quality.MISSING if gap else Quality.OK
        known = Interval(
            start, QUARTER, key, kwh, QUARTER - 400.0 * gap, None, price, kwh * price / 1e3, quality=quality
        )
        return replace(known, wanted_kwh=asked, worth_per_mwh=worth, revenue=kwh * (worth or 0) / 1e3, **changed)

    it, asked = mining + chat, wanted + chat
    site = 6 + 1.08 * it
    metered = site * (1.01 + 0.02 * math.sin(start / 9e3))
    ours = {"by_event": during is not None, "by_price": price > 91}
    return [
        one(S21, mining, wanted, 91.0, **ours),
        one(CHAT, chat, None, 1_317.0),
        one(FIXED, 6.0),
        one(OVERHEAD, 0.08 * it, 0.08 * asked),
        replace(
            one(SITE, site, 6 + 1.08 * asked, None, meter_kwh=metered / 4, **ours),
            cost=metered / 4 * price / 1e3,
            revenue=(mining * 91.0 + chat * 1_317.0) / 4 / 1e3,
        ),
    ]


@cache
def rows() -> tuple[Interval, ...]:
    return tuple(row for at in range(local(6, 1, 0), local(8, 1, 0), QUARTER) for row in rows_of(at))


def statements() -> list[EventStatement]:
    site = [row for row in rows() if row.workload == SITE]
    load = Load.of(site, QUARTER)
    windows = [window_of(each, 0.0, TERMS) for each in EVENTS]
    history = History(load, Calendar(ZONE), tuple(windows))
    told = []
    for each, window in zip(EVENTS, windows, strict=True):
        baseline = x_of_y(history, window, 5, 10, Adjustment())
        if each is EVENTS[2]:
            baseline = NoBaseline("5 of 10", "4 of 10 days are missing: 6 eligible days in the last 12", 4)
        near = [row for row in rows() if window.start - 4 * HOUR <= row.start < window.end + 4 * HOUR]
        told.append(event_statement(each, window, baseline, near, QUARTER, TERMS))
    return told


def page(**changed) -> PageData:
    told = statements()
    sold = [Credit(CreditKind.POWER, "sold back", 9_400.0)]
    months = [
        month_statement(
            2026,
            month,
            rows(),
            calendar=Calendar(ZONE),
            seconds=QUARTER,
            events=told,
            credited=[
                *(sold if month == 7 else []),
                *programme_credits(TERMS, told if month == 7 else [], month=month),
            ],
            peak_rules=[FOUR_CP],
            carbon_kg_per_mwh={row.start: 380.0 for row in rows()},
        )
        for month in (6, 7)
    ]
    now = local(7, 31, 16)
    asked = {"shed_seconds": 312.0, "drawn_watts": 390e3, "floor_watts": 70e3}
    promised = (ers_10("ers-10 summer", 400.0), load_reduction_agreement("colocation agreement", 250.0, 3600.0))
    ready = tuple(could_meet(commitment, now, **asked) for commitment in promised)
    facts = (
        ("Record", "settlement.sqlite, intervals of 15 minutes"),
        ("Meter", "power meter of the feeder, by Prometheus"),
    )
    return replace(PageData("west-texas", "USD", tuple(months), ZONE, ready, facts), **changed)
