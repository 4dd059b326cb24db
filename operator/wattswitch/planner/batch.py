"""Work that may wait, but not for ever: it runs in the cheapest hours that suffice before its deadline.

What waits is compared with what the hours until the deadline can finish. Hours that are expected to be cheaper than
now come first; what they cannot finish runs now, whatever the price. Where nothing is known of an hour, it counts as
cheaper while the price is above the strike, and as equal otherwise. Of the time that is left a tenth is kept in
reserve, because neither prices nor the work of a replica nor the limit are known ahead.

An hour ahead is expected to cost what is published for it, else what its time of day usually costs, and never what the
price of now suggests: a higher price now therefore never makes more run now.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

from wattswitch.planner.model import Batch, PriceCurve, PriceOutlook, Reason, SiteState, Workload
from wattswitch.planner.price_ahead import HOUR, published_at, reference
from wattswitch.planner.price_model import Lessons
from wattswitch.planner.worth import switch_costs

RESERVE = 0.1
"""Share of the time until the deadline that is not counted on."""

LEAST_BLOCK_SECONDS = 900.0
"""Less than this of an hour belongs to the next one: it is too short to start for."""

LOOK_SECONDS = 60.0
"""Time passes in steps of this: in between, the same facts give the same decision."""

WARM_SECONDS = 24 * HOUR
"""So much history is asked for before the time of day is trusted."""

HOURS_AHEAD = 7 * 24
"""Nothing is looked at that is further ahead."""

MOST_WORK = 1e12
"""More pieces of work than any site can wait for."""

TOLERANCE = 1e-9
"""What sums and divisions of floats may be off."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Time until the deadline that counts, in hours: now, at other times that are as good, at cheaper ones."""

    now: float
    equal: float
    cheaper: float


def wanted(
    w: Workload, batch: Batch, state: SiteState, price_per_mwh: float, worth_per_mwh: float, waiting: float, pays: int
) -> tuple[int, str]:
    """Replicas and why. `pays` are the replicas that `waiting` asks for where nothing is cheaper than now."""
    floor, worthwhile = min(w.floor_replicas, w.max_replicas), price_per_mwh < worth_per_mwh
    hours = hours_until_deadline(w, batch, state, price_per_mwh, worth_per_mwh)
    size = replicas_due(hours, batch.work_per_replica_hour, w.max_replicas, waiting)
    if not worthwhile:
        return (size, Reason.DEADLINE) if size > floor else (floor, Reason.PRICE_ABOVE_STRIKE)
    if not hours.cheaper:
        size = max(size, pays)
    elif size:  # what runs in an hour that is needed anyway goes on: to stop it would only put the work off
        size = max(size, min(w.spec_replicas, math.ceil(waiting - TOLERANCE), w.max_replicas))
    if size < pays and size <= floor:
        return floor, Reason.CHEAPER_AHEAD
    if size >= w.max_replicas:
        return w.max_replicas, Reason.AT_MAXIMUM
    return max(floor, size), Reason.DEMAND_MET if size >= pays else Reason.CHEAPER_AHEAD


def look_again_at(now: float) -> float:
    """When the time that is left next counts as less: the same up to there, and later than now."""
    return (now // LOOK_SECONDS + 1) * LOOK_SECONDS


def replicas_due(hours: Hours, work_per_replica_hour: float, most: int, waiting: float) -> int:
    """The fewest replicas to run now so that all that waits is finished in time; never fewer for more that waits.

    Only whole pieces of work count: one that a replica does not finish in the cheaper hours is not left to them.
    """
    if waiting <= 0 or most <= 0:
        return 0
    left = waiting - most * _pieces(hours.cheaper, work_per_replica_hour)
    each = max(1, _pieces(hours.now, work_per_replica_hour)) + _pieces(hours.equal, work_per_replica_hour)
    return min(most, max(0, math.ceil(left / each - TOLERANCE)))


def _pieces(hours: float, work_per_replica_hour: float) -> int:
    return math.floor(min(hours * work_per_replica_hour, MOST_WORK) + TOLERANCE)


def hours_until_deadline(
    w: Workload, batch: Batch, state: SiteState, price_per_mwh: float, worth_per_mwh: float
) -> Hours:
    """Sort the time that is left by what it is expected to cost; all-in prices in money per MWh at the meter."""
    now = look_again_at(state.now)
    end = min(batch.oldest_at, state.now) + min(batch.deadline_seconds, HOURS_AHEAD * HOUR)
    left = (1 - RESERVE) * (end - now) - w.start_seconds - w.min_off_seconds
    first = (math.floor((now + LEAST_BLOCK_SECONDS) / HOUR) + 1) * HOUR - now
    if left <= first:
        return Hours(max(0.0, left) / HOUR, 0.0, 0.0)
    below = price_per_mwh - state.budget.adder_per_mwh - _worth_of_waiting(w, worth_per_mwh, state.budget.pue_1e4)
    equal = cheaper = 0.0
    rest = (left - first) / HOUR
    for number, expected in enumerate(expected_by_hour(state.budget.outlook, now + first)):
        hours = min(1.0, rest - number)
        if hours <= 0:
            break
        if expected is None and price_per_mwh < worth_per_mwh:
            equal += hours
        elif expected is None or expected < below:
            cheaper += hours
    return Hours(first / HOUR, equal, cheaper)


def _worth_of_waiting(w: Workload, worth_per_mwh: float, pue_1e4: int) -> float:
    """By how much an hour must be cheaper: who runs already stops and starts once more for it."""
    return sum(switch_costs(w, worth_per_mwh, pue_1e4)) if w.spec_replicas else 0.0


def expected_by_hour(outlook: PriceOutlook | None, first_hour: float) -> tuple[float | None, ...]:
    """Prices without adder that are expected from the start of an hour on, None where nothing is known."""
    if outlook is None:
        return (None,) * HOURS_AHEAD
    lessons = outlook.lessons
    warm = lessons is not None and lessons.last_at - lessons.first_at >= WARM_SECONDS
    return _expected_by_hour(lessons if warm else None, outlook.curve, first_hour)


@lru_cache(maxsize=8)
def _expected_by_hour(lessons: Lessons | None, curve: PriceCurve, first_hour: float) -> tuple[float | None, ...]:
    middles = [first_hour + (n + 0.5) * HOUR for n in range(HOURS_AHEAD)]
    return tuple(published_at(curve, at) if lessons is None else reference(lessons, curve, at) for at in middles)
