"""How close a run came to perfect foresight, and where the rest went.

The loss is what the bound of perfect foresight earns above the run. Its parts, in money, add up to it by construction,
because each is the difference of two neighbours in one chain:

    bound  →  whole  →  told everything  →  told the price  →  the run

- integer pods: bound less `whole`, the best run of whole pods that was found, so what a better search could still find
  is in it too.
- price not known: what the same rule earns more when it is told all prices ahead.
- demand error: what it earns more when it is told the demand ahead as well.
- What it then still lacks to `whole` it lacks although it knows all. This is split by taking the rules of the site away
  from both, the rule and perfect foresight, and looking how much of that gap goes: first the ramps (ramp), then the
  costs of switching and the dwell (switch cost and dwell). What stays where switching is free comes from the rule
  itself: priority goes before money, and the limit is shared without a search (priority before money).

A part may be below zero: that knowledge or that freedom made the rule earn less.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np

from wattswitch.simulate.account import account
from wattswitch.simulate.inputs import PRICE as PRICE_FEED
from wattswitch.simulate.inputs import Inputs
from wattswitch.simulate.oracle import Oracle, solve
from wattswitch.simulate.policies import POLICIES
from wattswitch.simulate.posing import widest_problem_of
from wattswitch.simulate.problem import Ints, Problem, Tell
from wattswitch.simulate.series import Series
from wattswitch.simulate.site import SiteModel, WorkloadModel
from wattswitch.simulate.spells import Spells

NOTHING_PART: Final = 0.005
"""Where perfect foresight earns less than this part of its profit above the best static split, there is nothing to
capture, and the quotient of two small numbers would say anything."""

PRICE: Final = "price not known"
DEMAND: Final = "demand error"
PODS: Final = "integer pods"
RAMP: Final = "ramp"
SWITCHING: Final = "switch cost and dwell"
RULE: Final = "priority before money"


class Decide(Protocol):
    """Plays `plan()` over inputs; `demand_known` tells it the demand ahead instead of letting it forecast."""

    def __call__(self, site: SiteModel, inputs: Inputs, *, demand_known: bool = False) -> Spells:
        """The sizes over time."""
        ...


@dataclass(frozen=True, slots=True)
class Score:
    """A run beside the best static split and perfect foresight.

    `captured` is (run − static) / (bound − static), None where there is nothing to capture; `of_oracle` is the run's
    profit as a part of the bound, None where the bound is not above zero. Both are 1 at best.
    """

    captured: float | None
    of_oracle: float | None


def score(profit: float, static: float, bound: float) -> Score:
    """Judge a profit. The bound is what nobody can pass, so that no figure flatters."""
    worth_it = bound - static >= NOTHING_PART * abs(bound) and bound > static
    captured = (profit - static) / (bound - static) if worth_it else None
    return Score(captured, profit / bound if bound > 0 else None)


def foresee(
    site: SiteModel, inputs: Inputs, tell: Tell = lambda what: None, known: Mapping[str, Ints] | None = None
) -> Oracle:
    """Perfect foresight of this site over these inputs, no worse than any baseline; `known` are runs of these by name.

    Raises SolverError.
    """
    problem, runs = widest_problem_of(site, inputs), known or {}
    others = (runs[name] if name in runs else policy(site, inputs) for name, policy in POLICIES.items())
    return solve(problem, tell, bounded_by=problem.at_any_moment(), others=others)


def loss_by_cause(
    site: SiteModel,
    inputs: Inputs,
    profit: float,
    oracle: Oracle,
    decide: Decide,
    tell: Tell = lambda what: None,
) -> Mapping[str, float]:
    """The loss of a run that earned `profit`, by cause; the parts add up to `oracle.bound - profit`.

    Takes up to four runs of `decide` and two solutions of perfect foresight, none of them for a rule that the site does
    not have. Raises SolverError.
    """
    told = _Told(site, inputs, decide, tell)
    price = told.profit(site, demand_known=False)
    everything = told.profit(site, demand_known=True) if _has_demand(site) else price
    gap = oracle.profit - everything
    unramped, free = gap, 0.0
    problem = widest_problem_of(site, inputs)
    if problem.ramp.binds:
        unramped = told.gap(without_ramps(site), problem.unramped())
    free = told.gap(without_switching(site), problem.unswitched())
    return {
        PRICE: price - profit,
        DEMAND: everything - price,
        PODS: oracle.bound - oracle.profit,
        RAMP: gap - unramped,
        SWITCHING: unramped - free,
        RULE: free,
    }


@dataclass(frozen=True)
class _Told:
    """Runs of the rule that is told what is to come."""

    site: SiteModel
    inputs: Inputs
    decide: Decide
    tell: Tell

    def profit(self, site: SiteModel, *, demand_known: bool) -> float:
        """What the rule earns when it is told all prices ahead."""
        self.tell("the same rule, told the future")
        known = with_prices_known(site, self.inputs)
        return account(site, self.inputs, self.decide(site, known, demand_known=demand_known)).profit

    def gap(self, site: SiteModel, problem: Problem) -> float:
        """What the rule that is told everything lacks to perfect foresight, both on this other site."""
        return solve(problem, self.tell).profit - self.profit(site, demand_known=_has_demand(site))


def with_prices_known(site: SiteModel, inputs: Inputs) -> Inputs:
    """The same inputs with every price seen at once, and published ahead from before the first step on."""
    feed = inputs.price_per_mwh - site.adder_per_mwh
    prices = Series(inputs.times, feed, "what the price will be").known
    known = ~np.isnan(feed)
    seen = replace(inputs.seen[PRICE_FEED], values=feed, since=inputs.times, fresh=known)
    return replace(
        inputs,
        curve=prices,
        curve_known_from=np.full(prices.starts.size, -np.inf),
        prices=prices,
        seen={**inputs.seen, PRICE_FEED: seen},
        price_delay_seconds=0.0,
    )


def without_ramps(site: SiteModel) -> SiteModel:
    """The same site without a bound on how fast power moves."""
    spec = site.spec.model_copy(update={"ramp_up_watts_per_minute": 0, "ramp_down_watts_per_minute": 0})
    return replace(site, budget=site.budget.model_copy(update={"spec": spec}))


def without_switching(site: SiteModel) -> SiteModel:
    """The same site if switching were free: no start or stop cost, no dwell, no ramp."""
    return replace(without_ramps(site), workloads=tuple(_free(w) for w in site.workloads))


def _free(w: WorkloadModel) -> WorkloadModel:
    times = {"start_seconds": 0, "min_run_seconds": 0, "min_off_seconds": 0}
    switching = w.spec.switching.model_copy(update=times)
    spec = w.spec.model_copy(update={"switching": switching})
    return replace(w, spec=spec, stop_seconds=0, start_seconds=0, drain_seconds=0, cost_per_start=0.0)


def _has_demand(site: SiteModel) -> bool:
    return any(w.demand is not None for w in site.workloads)
