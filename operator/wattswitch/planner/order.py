"""From where the site is to where it should be, without passing over the limit: shed first, raise last.

A lowering frees nothing until its pods are seen gone, so a raise is sized by what is free now and the rest waits.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from wattswitch.planner.allocate import Room, free_now
from wattswitch.planner.bisection import largest
from wattswitch.planner.model import Reason, SiteState, Workload
from wattswitch.planner.ramp import Passage, ramp_down, ramp_up
from wattswitch.planner.wish import Wish, is_mining


@dataclass
class Steps:
    """Sizes to ask for now. `bound` names why a step stops short of its goal, `look_again_at` when it may go on."""

    sizes: dict[str, int] = field(default_factory=dict)
    bound: dict[str, str] = field(default_factory=dict)
    look_again_at: dict[str, float] = field(default_factory=dict)
    lowers: list[str] = field(default_factory=list)
    raises: list[str] = field(default_factory=list)

    def stop_short(self, key: str, reason: str, look_again_at: float | None = None) -> None:
        """Note why `key` stays short of its goal."""
        self.bound[key] = reason
        if look_again_at is not None:
            self.look_again_at[key] = look_again_at


def steps(state: SiteState, wishes: list[Wish], goals: dict[str, int]) -> Steps:
    """The writes that may be made now; `wishes` come in order of precedence."""
    result = Steps(sizes={wish.workload.key: wish.workload.spec_replicas for wish in wishes})
    lower = [w for w in wishes if goals[w.workload.key] < w.workload.spec_replicas]
    higher = [w for w in wishes if goals[w.workload.key] > w.workload.spec_replicas]
    if lower:
        _lower(state, lower, goals, result)
    if higher:
        _raise(state, higher, goals, result)
    return result


def excess_it_watts(state: SiteState) -> int:
    """By how much everything that is asked for passes over the limit; this much ignores ramps."""
    asked = sum([w.it_watts(w.spec_replicas) + w.stuck_pods * w.it_watts_per_replica for w in state.workloads])
    return max(0, asked + state.staying_it_watts - state.budget.it_limit_watts)


def _harm(wish: Wish) -> tuple[bool, bool, bool, int, float, str]:
    """The leaving first and the held last, miners before inference, then the lowest priority and the least worth."""
    w = wish.workload
    worth = -math.inf if wish.worth_per_mwh is None else wish.worth_per_mwh
    return (not w.leaving, bool(w.held), not is_mining(w), w.priority, worth, w.key)


def _order_of(state: SiteState, goals: dict[str, int]) -> Callable[[Wish], tuple[object, ...]]:
    """Who goes first: the least harm, in an emergency the most watts with one write."""
    if not state.budget.emergency:
        return _harm
    return lambda wish: (-_freed_it_watts(wish.workload, goals[wish.workload.key]), *_harm(wish))


def _lower(state: SiteState, wishes: list[Wish], goals: dict[str, int], result: Steps) -> None:
    required, passage = excess_it_watts(state), Passage(ramp_down(state))
    for wish in sorted(wishes, key=_order_of(state, goals)):
        w = wish.workload
        size = _size_to_lower_to(w, goals[w.key], required, passage)
        freed = _freed_it_watts(w, size)
        required = max(0, required - freed)
        passage.move(freed)
        result.sizes[w.key] = size
        if size > goals[w.key]:
            result.stop_short(w.key, Reason.RAMP_DOWN, passage.close(_freed_it_watts(w, w.spec_replicas - 1)))
        if size < w.spec_replicas:
            result.lowers.append(w.key)


def _size_to_lower_to(w: Workload, goal: int, required_it_watts: int, passage: Passage) -> int:
    """Down to the goal as far as the ramp lets go, and further where the limit needs it."""
    for_limit = largest(goal, w.spec_replicas, lambda size: _freed_it_watts(w, size) >= required_it_watts)
    for_money = passage.replicas(w.spec_replicas - goal, lambda n: _freed_it_watts(w, w.spec_replicas - n))
    return min(for_limit, w.spec_replicas - for_money)


def _freed_it_watts(w: Workload, size: int) -> int:
    """Watts that end on the way down to `size`, the share of the surge included."""
    return w.it_watts(w.spec_replicas) - w.it_watts(size)


def _raise(state: SiteState, wishes: list[Wish], goals: dict[str, int], result: Steps) -> None:
    free, passage = free_now(state), Passage(ramp_up(state))
    for wish in sorted(wishes, key=lambda wish: wish.workload.spec_replicas >= wish.floor):
        w = wish.workload
        if not w.settled:
            result.stop_short(w.key, Reason.SETTLING)
            continue
        size = free.take(w, w.spec_replicas, _size_to_raise_to(w, goals[w.key], passage))
        passage.move(_added_it_watts(w, size))
        result.sizes[w.key] = size
        if size < goals[w.key]:
            _stop_short(w, size, free, passage, result)
        if size > w.spec_replicas:
            result.raises.append(w.key)


def _size_to_raise_to(w: Workload, goal: int, passage: Passage) -> int:
    """Up to the goal as far as the ramp lets go."""
    passing = passage.replicas(goal - w.spec_replicas, lambda n: _added_it_watts(w, w.spec_replicas + n))
    return w.spec_replicas + passing


def _added_it_watts(w: Workload, size: int) -> int:
    """Watts that begin on the way up to `size`, the share of the surge included."""
    return w.it_watts(size) - w.it_watts(w.spec_replicas)


def _stop_short(w: Workload, size: int, free: Room, passage: Passage, result: Steps) -> None:
    """Name what stops a raise: watts and GPUs that are not free, and only where they are, the ramp."""
    if free.carries_one_more(w, size):
        result.stop_short(w.key, Reason.RAMP_UP, passage.close(_added_it_watts(w, w.spec_replicas + 1)))
    elif free.short_of_gpus(w, size):
        result.stop_short(w.key, Reason.WAITING_FOR_GPUS)
    else:
        result.stop_short(w.key, Reason.WAITING_FOR_WATTS)
