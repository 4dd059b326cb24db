"""Between worth and allocation: who is to stay on and who is to start, given the prices that may come.

With a published curve, or a price that is of now and a day of history, the value of being on decides
(`switching_value`). Without a curve ahead, regret decides beside it (`regret`): what was learned may be wrong. Regret
alone decides where the price is late and nothing is published, where it is stale, and where too little was learned. A
workload whose switching costs nothing follows its strike price, exactly.
"""

import math
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from wattswitch.planner.idle import idle_cost_per_mwh, kept_idle, need_that_pays, stake_per_mw
from wattswitch.planner.model import Budget, PriceCurve, PriceOutlook, SiteState, Sureness, Workload
from wattswitch.planner.price_ahead import (
    HOUR,
    Grid,
    Sight,
    curve_end,
    grid,
    published_at,
    sight,
    spread_per_mwh,
)
from wattswitch.planner.price_model import Lessons
from wattswitch.planner.regret import Wait, switch_times
from wattswitch.planner.signals import Usable
from wattswitch.planner.switching_value import Stake, advantages, table
from wattswitch.planner.terms import Terms
from wattswitch.planner.worth import switch_costs

STALE_SECONDS = 6 * HOUR
"""An older price says nothing about now."""
WARM_SECONDS = 24 * HOUR
"""So much history is asked for before it is trusted without a curve."""
LARGEST = 1e12
"""Money and times beyond this are no facts that can be reckoned with."""


class Basis(StrEnum):
    """What the prices to come were taken from."""

    CURVE = "Curve"
    LEARNED = "Learned"
    LAST_PRICE = "LastPrice"


class Prospect(NamedTuple):
    """Whether running replicas are to stay on and others are to start, as far as the price goes.

    `idle_replicas` are running ones to keep though demand may need fewer. `need` is the demand that it pays to be ready
    for, None where nothing is foreseen. Times are Unix seconds; `look_again_at` is when the same facts would give
    another prospect.
    """

    worth: Usable
    stay: bool
    start: bool
    look_again_at: float | None
    idle_replicas: int = 0
    need: float | None = None


class Outlook(NamedTuple):
    """What the price to come says of every workload whose switching costs something, by key."""

    sureness: Sureness | None
    prospects: dict[str, Prospect]


NO_OUTLOOK = Outlook(None, {})


class Facts(NamedTuple):
    """The price as it was seen, and what is known of the ones to come. `guide` is None where nothing can be said."""

    now: float
    all_in_per_mwh: float
    per_mwh: float
    at: float
    covered: bool
    guide: "Guide | None"
    opens_at: float | None


class Guide(NamedTuple):
    """Where the price is on the grid of the hours ahead."""

    lessons: Lessons
    grid: Grid
    sight: Sight
    hour_start: float
    step_index: int
    ends_at: float
    spread_per_mwh: float


class Candidate(NamedTuple):
    """A workload for which switching has a cost and everything that its prospect depends on is known."""

    workload: Workload
    worth: Usable
    worth_per_mwh: float
    stake: Stake


Course = tuple[bool, bool, float | None]
"""Whether a workload is to stay on, whether it is to start, and until when that holds."""


def look_ahead(everyone: Sequence[Terms], state: SiteState, price: Usable) -> Outlook:
    """The prospects of every workload at this all-in price; empty where the price of now alone is to decide.

    `everyone` are the terms of the state's workloads.
    """
    known = state.budget.outlook
    if known is None or price.value is None or max(abs(price.value), abs(state.now)) > LARGEST:
        return NO_OUTLOOK
    facts = facts_of(state, known, price.value, fresh=price.raisable)
    candidates = _candidates(everyone, state.budget)
    if facts.guide is not None:
        courses = _guided(facts, facts.guide, known, candidates)
    else:
        courses = _unguided(facts, known, candidates)
    idle_cost = None
    prospects: dict[str, Prospect] = {}
    for c, (stay, start, until) in zip(candidates, courses, strict=True):
        demand = c.workload.demand
        if demand is None or not (demand.needs or len(demand.recent) > 1):
            prospects[c.workload.key] = Prospect(c.worth, stay, start, until)
            continue
        if idle_cost is None:
            idle_cost = idle_cost_per_mwh(everyone, state, price.value)
        need = need_that_pays(demand, idle_cost, c.worth_per_mwh)
        stake = stake_per_mw(c.workload, c.stake.start_cost, c.stake.stop_cost, c.worth_per_mwh)
        idle, idle_until = kept_idle(c.workload, stake, idle_cost, state.now)
        prospects[c.workload.key] = Prospect(c.worth, stay, start, sooner(until, idle_until), idle, need)
    return Outlook(_sureness(facts), prospects)


def sooner(a: float | None, b: float | None) -> float | None:
    """The earlier of two moments, None where there is neither."""
    if a is None or b is None:
        return b if a is None else a
    return min(a, b)


def facts_of(state: SiteState, known: PriceOutlook, all_in_per_mwh: float, *, fresh: bool) -> Facts:
    """What is known of the price now and from now on."""
    now, at = state.now, min(state.budget.price.at, state.now)
    per_mwh = all_in_per_mwh - state.budget.adder_per_mwh
    covered = published_at(known.curve, now) is not None
    guide = _guide(known, now, per_mwh, at, covered=covered) if fresh else None
    begins = known.curve.starts[0] if known.curve.starts else now
    return Facts(now, all_in_per_mwh, per_mwh, at, covered, guide, begins if begins > now else None)


def _guide(known: PriceOutlook, now: float, per_mwh: float, at: float, *, covered: bool) -> Guide | None:
    lessons = known.lessons
    if lessons is None or not lessons.samples:
        return None
    if not covered and lessons.last_at - lessons.first_at < WARM_SECONDS:
        return None
    step = lessons.step_seconds
    late_seconds = (now // step - at // step) * step
    if late_seconds > STALE_SECONDS or (late_seconds > 0 and not covered):
        return None
    return _guide_in_step(lessons, known.curve, now // step, per_mwh, at, covered=covered)


@lru_cache(maxsize=4)
def _guide_in_step(
    lessons: Lessons, curve: PriceCurve, step_number: float, per_mwh: float, at: float, *, covered: bool
) -> Guide:
    """One for the whole of a market's step: kept while nothing else is known of the price, four sites at a time."""
    step = lessons.step_seconds
    begin, ends_at = step_number * step, (step_number + 1) * step
    hour_start = begin // HOUR * HOUR
    steps = grid(lessons, curve, hour_start)
    seen = sight(lessons, curve, steps, begin, per_mwh, at)
    index = int((begin - hour_start) // step)
    if covered:
        ends_at = min(ends_at, curve_end(curve))
    return Guide(lessons, steps, seen, hour_start, index, ends_at, round(spread_per_mwh(seen, steps, index), 2))


def _sureness(facts: Facts) -> Sureness:
    if facts.guide is None:
        return Sureness(Basis.LAST_PRICE, None)
    return Sureness(Basis.CURVE if facts.covered else Basis.LEARNED, facts.guide.spread_per_mwh)


def _candidates(everyone: Sequence[Terms], budget: Budget) -> list[Candidate]:
    pue_1e4, adder, found = budget.pue_1e4, budget.adder_per_mwh, []
    for w, worth, _, _, _ in everyone:
        value = worth.value
        if value is None or w.leaving or not (w.cost_per_start or w.start_seconds or w.drain_seconds):
            continue
        start_cost, stop_cost = switch_costs(w, value, pue_1e4)
        if 0 < start_cost + stop_cost <= LARGEST and abs(value - adder) <= LARGEST:
            found.append(Candidate(w, worth, value, Stake(value - adder, start_cost, stop_cost)))
    return found


def _guided(facts: Facts, guide: Guide, known: PriceOutlook, candidates: list[Candidate]) -> list[Course]:
    """The value of being on decides, and where nothing is published, regret too."""
    stakes = tuple(dict.fromkeys([c.stake for c in candidates]))
    solved = table(guide.lessons, known.curve, guide.hour_start, stakes)
    gains = np.array([stake.margin_per_mwh for stake in stakes]) - facts.per_mwh
    values = advantages(solved, guide.grid, guide.sight, guide.step_index, stakes, gains).tolist()
    value_of = dict(zip(stakes, values, strict=True))
    switches = [math.inf] * len(candidates) if facts.covered else _switch_times(facts, known, candidates)
    courses: list[Course] = []
    for c, switch_at in zip(candidates, switches, strict=True):
        value, pays, due = value_of[c.stake], facts.all_in_per_mwh < c.worth_per_mwh, facts.now >= switch_at
        stay = value > -c.stake.stop_cost and (pays or not due)
        start = pays and (value > c.stake.start_cost or due)
        courses.append((stay, start, guide.ends_at if due else min(guide.ends_at, switch_at)))
    return courses


def _unguided(facts: Facts, known: PriceOutlook, candidates: list[Candidate]) -> list[Course]:
    """Regret alone decides, and for who never moved, the price of now."""
    courses: list[Course] = []
    for c, switch_at in zip(candidates, _switch_times(facts, known, candidates), strict=True):
        pays, due = facts.all_in_per_mwh < c.worth_per_mwh, facts.now >= switch_at
        if c.workload.raised_at is None and c.workload.lowered_at is None:
            courses.append((pays, pays, facts.opens_at))
            continue
        times = [at for at in (switch_at, facts.opens_at) if at is not None and facts.now < at < math.inf]
        courses.append((pays or not due, pays and due, min(times, default=None)))
    return courses


def _switch_times(facts: Facts, known: PriceOutlook, candidates: list[Candidate]) -> list[float]:
    """When regret is due; infinity for who never moved, or has nothing that could."""
    waits = [_wait(facts, c) for c in candidates]
    times = iter(switch_times([wait for wait in waits if wait], known.recent, facts.at, facts.per_mwh))
    return [math.inf if wait is None else next(times) for wait in waits]


def _wait(facts: Facts, c: Candidate) -> Wait | None:
    w, pays = c.workload, facts.all_in_per_mwh < c.worth_per_mwh
    since = w.lowered_at if pays else w.raised_at
    if w.raised_at is None and w.lowered_at is None:
        return None
    if w.spec_replicas >= w.max_replicas if pays else w.spec_replicas <= w.floor_replicas:
        return None
    return Wait(-math.inf if since is None else since, c.stake.margin_per_mwh, c.stake.start_cost + c.stake.stop_cost)
