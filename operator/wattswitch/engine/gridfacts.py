"""What of a site the limits of grid events depend on: what must go on, and how long the rest takes to be gone."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from wattswitch.api.power_budget import PowerBudgetSpec
from wattswitch.curtailment import SiteFacts
from wattswitch.engine.books import Book
from wattswitch.engine.course import Drawn, Skip
from wattswitch.engine.forest import ALONE, Place
from wattswitch.mapping import restoration_of
from wattswitch.planner.model import Budget, Plan, SiteState, Workload

FLOOR: Final = "Floor"
NOT_CONTROLLED: Final = "NotControlled"
"""Why pods draw on while an event is in force, beside the reasons for which a workload is held."""
MOST_GRACE_SECONDS: Final = 3600
"""A tenant's pods that ask for a longer grace period must not have the whole site come down hours before an event."""
WRITES_PER_SECOND: Final = 200
"""Sizes that are written at least, all targets together; 1,000 were measured to take 2 to 4 s."""
DELETIONS_PER_SECOND: Final = 20
"""Pods that kube-controller-manager deletes at its default rates, for all targets together."""


def site_facts(
    budget: Budget,
    spec: PowerBudgetSpec,
    workloads: Iterable[Workload],
    shed_seconds: float,
    place: Place = ALONE,
) -> SiteFacts:
    """The facts of one site and all below it; `budget` is the planner's, before any limit of grid or tree."""
    floors = sum(w.it_watts(min(w.floor_replicas, w.max_replicas)) for w in workloads)
    return SiteFacts(
        cap_watts=budget.cap_watts,
        fixed_watts=allowing(budget, budget.fixed_watts + place.fixed_watts),
        floor_watts=allowing(budget, budget.committed_watts(floors) + place.floor_watts),
        shed_seconds=shed_seconds + place.shed_seconds,
        ramp_watts_per_minute=budget.ramp_down_watts_per_minute,
        restoration=restoration_of(spec),
    )


def allowing(budget: Budget, watts: int) -> int:
    """What must be allowed so that this much may be drawn, reserve and correction taken off."""
    return math.ceil((watts + budget.correction_watts) * 100 / (100 - budget.reserve_percent))


def shed_seconds(books: Iterable[Book], now: float, it_limit_watts: int = 0) -> int:
    """How long it takes at worst until nothing is left that can go, if everything had to go.

    What is not there counts where it may be started within `it_limit_watts`: else what has gone for an event that is
    to start would shorten the way down, and be started anew, and not be gone in time.
    """
    drawing = list(_most_pods(books, now, it_limit_watts))
    if not drawing:
        return 0
    grace = max(min(book.grace_seconds, MOST_GRACE_SECONDS) for book, _ in drawing)
    dying = max(grace, *(max(book.stop_seconds, book.drain_seconds) for book, _ in drawing))
    writes = len(drawing) / WRITES_PER_SECOND
    deletions = sum(pods for _, pods in drawing) / DELETIONS_PER_SECOND
    return math.ceil(writes + deletions + dying)


def drawn(state: SiteState, plan: Plan) -> Drawn:
    """What the books hold now, or the meter shows beyond them, and what would run if the grid asked for nothing."""
    free = replace(state.budget, event_limits_watts=())
    workloads = {w.key: w for w in state.workloads}
    wanted = sum(workloads[target.key].it_watts(target.wanted_replicas) for target in plan.targets)
    unlimited = state.budget.committed_watts(wanted + state.staying_it_watts)
    committed = plan.committed_watts + state.budget.correction_watts
    return Drawn(state.now, committed, min(unlimited, free.limit_watts), tuple(_skipped(state, plan)))


def _most_pods(books: Iterable[Book], now: float, it_limit_watts: int) -> Iterator[tuple[Book, int]]:
    """Books with the most pods that there may be of each, less those with none; the smallest fill the limit."""
    room = it_limit_watts
    for book in sorted(books, key=lambda book: (book.watts, book.uid)):
        more = min(book.size(book.most_replicas), max(0, room) // max(1, book.watts))
        room -= more * book.watts
        if pods := max(more, book.booked_pods(now)):
            yield book, pods


def _skipped(state: SiteState, plan: Plan) -> Iterator[Skip]:
    """Who draws on for another reason than that the limit carries it."""
    workloads = {w.key: w for w in state.workloads}
    for target in plan.targets:
        w = workloads[target.key]
        if target.goal_replicas and w.held:
            yield Skip(w.key, w.held)
        elif target.goal_replicas and target.goal_replicas == w.floor_replicas:
            yield Skip(w.key, FLOOR)
    for draw in state.draws:
        if draw.staying_pods:
            yield Skip(draw.key, NOT_CONTROLLED)
