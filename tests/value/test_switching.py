"""Mine or idle on recorded prices through the real plan(): how much of what perfect foresight could earn is earned.

Needs the recorded prices: WATTSWITCH_DATA names the folder that holds `prices/`.
"""

import csv
import gzip
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from builders import miner, per_mwh
from wattswitch.planner import plan
from wattswitch.planner.model import Budget, PriceCurve, PriceOutlook, Signal, SiteState, Workload
from wattswitch.planner.price_model import Array, PriceModel

DATA = os.environ.get("WATTSWITCH_DATA", "")
pytestmark = [
    pytest.mark.skipif(not DATA, reason="WATTSWITCH_DATA is not set: it names the folder with recorded prices"),
    pytest.mark.timeout(900),
]

WORTHS = (60.0, 90.0, 110.0)
COSTS = (10.0, 25.0, 100.0)
KNOWN_FROM_HOUR = 13
TEXAS = ZoneInfo("America/Chicago")
MEGAWATT = 1_000_000


class Series(NamedTuple):
    """Prices of equal steps, and hourly published ones with how many are known at each step."""

    starts: Array
    prices: Array
    curve_starts: Array
    curve_prices: Array
    known: Sequence[int]

    @property
    def hours(self) -> float:
        return float(np.median(np.diff(self.starts))) / 3600


def column(file: str, name: str) -> tuple[Array, Array]:
    path = Path(DATA) / "prices" / file
    with gzip.open(path, "rt") as lines:
        rows = [(row["time"], row[name]) for row in csv.DictReader(lines)]
    known = [(datetime.fromisoformat(time).timestamp(), float(value)) for time, value in rows if value]
    starts, values = np.array(known).T
    return starts, values


def ercot(point: str) -> Series:
    name = f"hb_{point}_price_usd_per_mwh"
    starts, prices = column("ercot_rt15_2024h1.csv.gz", name)
    curve_starts, curve_prices = column("ercot_da_hourly_2024h1.csv.gz", name)
    known = np.searchsorted(curve_starts, [published_until(at) for at in starts])
    return Series(starts, prices, curve_starts, curve_prices, known.tolist())


def published_until(at: float) -> float:
    """The prices of a local day are known from 13:00 of the day before."""
    local = datetime.fromtimestamp(at, UTC).astimezone(TEXAS)
    days = 2 if local.hour >= KNOWN_FROM_HOUR else 1
    day = local.date() + timedelta(days=days)
    return datetime(day.year, day.month, day.day, tzinfo=TEXAS).timestamp()


def victoria() -> Series:
    starts, prices = column("aemo_vic1_5min_2024q1.csv.gz", "price_aud_per_mwh")
    return Series(starts, prices, np.array([]), np.array([]), [0] * len(starts))


class Known(NamedTuple):
    """What is known at the start of a step."""

    at: float
    seen: int
    outlook: PriceOutlook


def knowledge(series: Series, late_steps: int) -> list[Known]:
    """What is known step by step: each price when it is there, so many steps late."""
    model, known = PriceModel(), []
    published = dict(zip(series.curve_starts.tolist(), series.curve_prices.tolist(), strict=True))
    curve, reaches = PriceCurve(), (-1, -1)
    for i, at in enumerate(series.starts.tolist()):
        seen = max(0, i - late_steps)
        if i >= late_steps:
            start = float(series.starts[seen])
            model = model.update(start, float(series.prices[seen]), published.get(start // 3600 * 3600))
        first = max(0, int(np.searchsorted(series.curve_starts, at - 86400)) // 24 * 24)
        if (first, series.known[i]) != reaches:
            reaches = (first, series.known[i])
            part = slice(*reaches)
            curve = PriceCurve(tuple(series.curve_starts[part].tolist()), tuple(series.curve_prices[part].tolist()))
        lessons = model.lessons if model.samples else None
        known.append(Known(at, seen, PriceOutlook(lessons, curve, model.recent)))
    return known


class Case(NamedTuple):
    """What a MWh is worth, and what each switch costs."""

    worth: float
    cost: float


CASES = tuple(Case(worth, cost) for cost in COSTS for worth in WORTHS)


@dataclass(slots=True)
class Machine:
    """One MW under `plan()`, with what it did."""

    case: Case
    on: bool = True
    raised_at: float | None = None
    lowered_at: float | None = None
    states: list[bool] = field(default_factory=list)

    def workload(self, key: str) -> Workload:
        """A start costs what start and stop do: up to the end of the run the same."""
        return miner(
            key,
            max_replicas=1,
            it_watts_per_replica=MEGAWATT,
            worth=per_mwh(self.case.worth),
            spec_replicas=int(self.on),
            raised_at=self.raised_at,
            lowered_at=self.lowered_at,
            cost_per_start=2 * self.case.cost,
        )

    def obey(self, at: float, *, on: bool) -> None:
        if on and not self.on:
            self.raised_at = at
        if self.on and not on:
            self.lowered_at = at
        self.on = on
        self.states.append(on)


def decided(series: Series, known: list[Known], cases: Sequence[Case]) -> list[list[bool]]:
    """For each case whether it is on at each step. All are decided at once, below a limit that carries them all."""
    machines = {f"pool-{n}": Machine(case) for n, case in enumerate(cases)}
    cap_watts = 2 * MEGAWATT * len(machines)
    for at, seen, outlook in known:
        price = Signal(float(series.prices[seen]), at=float(series.starts[seen]))
        budget = Budget("value", cap_watts, price, outlook=outlook)
        site = SiteState(at, budget, tuple(machine.workload(key) for key, machine in machines.items()))
        for target in plan(site).targets:
            machines[target.key].obey(at, on=target.replicas > 0)
    return [machine.states for machine in machines.values()]


def profit(series: Series, worth: float, cost: float, on: Sequence[bool]) -> float:
    """What a MW earns; the state before the first step is free."""
    states = np.array(on, dtype=float)
    return float(states @ (worth - series.prices) * series.hours - cost * np.abs(np.diff(states)).sum())


def oracle(series: Series, worth: float, cost: float) -> float:
    """What perfect foresight earns: two states, backwards."""
    on = off = 0.0
    for gain in ((worth - series.prices) * series.hours)[::-1].tolist():
        on, off = max(gain + on, off - cost), max(off, gain + on - cost)
    return max(on, off)


def threshold(series: Series, worth: float) -> list[bool]:
    return [bool(below) for below in series.prices < worth]


def ski_rental(series: Series, worth: float, cost: float) -> list[bool]:
    on, regret, states = True, 0.0, []
    for gain in ((worth - series.prices) * series.hours).tolist():
        regret = max(0.0, regret + (-gain if on else gain))
        if regret >= 2 * cost:
            on, regret = not on, 0.0
        states.append(on)
    return states


def captured(series: Series, worth: float, cost: float, earned: float) -> float:
    """Percent of what switching is worth at most: beyond always on, or always off."""
    static = max(0.0, float((worth - series.prices).sum()) * series.hours)
    return 100 * (earned - static) / (oracle(series, worth, cost) - static)


@pytest.mark.parametrize("point", ["west", "hubavg"])
def test_with_a_day_ahead_curve(point: str) -> None:
    series = ercot(point)
    least = {10.0: 96.0, 25.0: 91.0, 100.0: 80.0}
    for case, states in zip(CASES, decided(series, knowledge(series, late_steps=0), CASES), strict=True):
        assert captured(series, *case, profit(series, *case, states)) >= least[case.cost], (point, case)


@pytest.mark.parametrize("point", ["west", "hubavg"])
def test_with_a_day_ahead_curve_and_every_price_an_hour_late(point: str) -> None:
    series = ercot(point)
    cases = [Case(worth, 25.0) for worth in WORTHS]
    for case, states in zip(cases, decided(series, knowledge(series, late_steps=4), cases), strict=True):
        assert captured(series, *case, profit(series, *case, states)) >= 66.0, (point, case)


def test_without_any_curve_it_is_never_below_the_better_of_the_plain_rules() -> None:
    series = victoria()
    for case, states in zip(CASES, decided(series, knowledge(series, late_steps=0), CASES), strict=True):
        plain = (ski_rental(series, *case), threshold(series, case.worth))
        earned, best = profit(series, *case, states), max(profit(series, *case, each) for each in plain)
        assert earned >= best, (case, captured(series, *case, earned))
