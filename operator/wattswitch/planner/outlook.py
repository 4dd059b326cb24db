"""Between worth and allocation: who is to stay on and who is to start, given the prices that may come.

With a published curve, or a price that is of now and a day of history, the value of being on decides
(`switching_value`). Without a curve ahead, regret decides beside it (`regret`): what was learned may be wrong. Regret
alone decides where the price is late and nothing is published, where it is stale, and where too little was learned. A
workload whose switching costs nothing follows its strike price, exactly.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from wattswitch.planner.idle import idle_cost_per_mwh, kept_idle, need_that_pays, stake_per_mw
from wattswitch.planner.model import Demand, PriceOutlook, SiteState, Sureness, Workload
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
from wattswitch.planner.worth import switch_costs, worth_per_mwh

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


@dataclass(frozen=True)
class Outlook:
    """What the price to come says of every workload whose switching costs something, by key."""

    sureness: Sureness | None = None
    prospects: dict[str, Prospect] = field(default_factory=dict)


@dataclass(frozen=True)
class Facts:
    """The price as it was seen, and what is known of the ones to come. `guide` is None where nothing can be said."""

    now: float
    all_in_per_mwh: float
    per_mwh: float
    at: float
    covered: bool
    guide: "Guide | None"
    opens_at: float | None


@dataclass(frozen=True)
class Guide:
    """Where the price is on the grid of the hours ahead."""

    lessons: Lessons
    grid: Grid
    sight: Sight
    hour_start: float
    step_index: int
    ends_at: float


class Candidate(NamedTuple):
    """A workload for which switching has a cost and everything that its prospect depends on is known."""

    workload: Workload
    worth: Usable
    worth_per_mwh: float
    stake: Stake


def look_ahead(state: SiteState, price: Usable) -> Outlook:
    """The prospects of every workload at this all-in price; empty where the price of now alone is to decide."""
    known = state.budget.outlook
    if known is None or price.value is None or max(abs(price.value), abs(state.now)) > LARGEST:
        return Outlook()
    facts = facts_of(state, known, price.value, fresh=price.raisable)
    candidates = list(_candidates(state))
    if facts.guide is not None:
        decided = _guided(facts, facts.guide, known, candidates)
    else:
        decided = _unguided(facts, known, candidates)
    prospects = {c.workload.key: p for c, p in zip(candidates, decided, strict=True)}
    idling = [(c, c.workload.demand) for c in candidates if c.workload.demand]
    idling = [(c, demand) for c, demand in idling if demand.needs or len(demand.recent) > 1]
    if idling:
        cost_per_mwh = idle_cost_per_mwh(state, price.value)
        for c, demand in idling:
            prospects[c.workload.key] = _with_idle(prospects[c.workload.key], c, demand, cost_per_mwh, state.now)
    return Outlook(_sureness(facts), prospects)


def _with_idle(prospect: Prospect, c: Candidate, demand: Demand, cost_per_mwh: float, now: float) -> Prospect:
    """The same prospect with the demand to be ready for, and the replicas that wait for it to come back."""
    need = need_that_pays(demand, cost_per_mwh, c.worth_per_mwh)
    stake = stake_per_mw(c.workload, c.stake.start_cost, c.stake.stop_cost, c.worth_per_mwh)
    replicas, until = kept_idle(c.workload, stake, cost_per_mwh, now)
    times = [at for at in (prospect.look_again_at, until) if at is not None]
    return Prospect(prospect.worth, prospect.stay, prospect.start, min(times, default=None), replicas, need)


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
    hour_start = now // HOUR * HOUR
    steps = grid(lessons, known.curve, hour_start)
    seen = sight(lessons, known.curve, steps, now, per_mwh, at)
    ends_at = (now // step + 1) * step
    if covered:
        ends_at = min(ends_at, curve_end(known.curve))
    return Guide(lessons, steps, seen, hour_start, int((now - hour_start) // step), ends_at)


def _sureness(facts: Facts) -> Sureness:
    guide = facts.guide
    if guide is None:
        return Sureness(Basis.LAST_PRICE, None)
    basis = Basis.CURVE if facts.covered else Basis.LEARNED
    return Sureness(basis, round(spread_per_mwh(guide.sight, guide.grid, guide.step_index), 2))


def _candidates(state: SiteState) -> Iterator[Candidate]:
    pue_1e4, adder = state.budget.pue_1e4, state.budget.adder_per_mwh
    for w in state.workloads:
        if w.leaving or not (w.cost_per_start or w.start_seconds or w.drain_seconds):
            continue
        worth = worth_per_mwh(w, pue_1e4)
        if worth.value is None:
            continue
        stake = Stake(worth.value - adder, *switch_costs(w, worth.value, pue_1e4))
        if 0 < stake.start_cost + stake.stop_cost <= LARGEST and abs(stake.margin_per_mwh) <= LARGEST:
            yield Candidate(w, worth, worth.value, stake)


def _guided(facts: Facts, guide: Guide, known: PriceOutlook, candidates: list[Candidate]) -> Iterator[Prospect]:
    """The value of being on decides, and where nothing is published, regret too."""
    rows = {c.stake: i for i, c in enumerate({c.stake: c for c in candidates}.values())}
    solved = table(guide.lessons, known.curve, guide.hour_start, tuple(rows))
    gains = np.array([stake.margin_per_mwh for stake in rows]) - facts.per_mwh
    values = advantages(solved, guide.grid, guide.sight, guide.step_index, tuple(rows), gains).tolist()
    switches = [math.inf] * len(candidates) if facts.covered else _switch_times(facts, known, candidates)
    for c, switch_at in zip(candidates, switches, strict=True):
        value, pays = values[rows[c.stake]], facts.all_in_per_mwh < c.worth_per_mwh
        due = facts.now >= switch_at
        yield Prospect(
            c.worth,
            stay=value > -c.stake.stop_cost and (pays or not due),
            start=pays and (value > c.stake.start_cost or due),
            look_again_at=guide.ends_at if due else min(guide.ends_at, switch_at),
        )


def _unguided(facts: Facts, known: PriceOutlook, candidates: list[Candidate]) -> Iterator[Prospect]:
    """Regret alone decides, and for who never moved, the price of now."""
    for c, switch_at in zip(candidates, _switch_times(facts, known, candidates), strict=True):
        pays, due = facts.all_in_per_mwh < c.worth_per_mwh, facts.now >= switch_at
        if c.workload.raised_at is None and c.workload.lowered_at is None:
            yield Prospect(c.worth, pays, pays, facts.opens_at)
            continue
        times = [at for at in (switch_at, facts.opens_at) if at is not None and facts.now < at < math.inf]
        yield Prospect(c.worth, stay=pays or not due, start=pays and due, look_again_at=min(times, default=None))


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
