"""From where the site is to where it should be, without passing over the limit: shed first, raise last.

A lowering frees nothing until its pods are seen gone, so a raise is sized by what is free now and the rest waits.
"""

import math
from dataclasses import dataclass, field

from wattswitch.planner.allocate import Room, free_now
from wattswitch.planner.model import Reason, SiteState, Workload
from wattswitch.planner.ramp import Ramp, ramp_down, ramp_up
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
    _lower(state, [w for w in wishes if goals[w.workload.key] < w.workload.spec_replicas], goals, result)
    _raise(state, [w for w in wishes if goals[w.workload.key] > w.workload.spec_replicas], goals, result)
    return result


def excess_it_watts(state: SiteState) -> int:
    """By how much everything that is asked for passes over the limit; this much ignores ramps."""
    asked = sum(w.it_watts(w.spec_replicas) + w.stuck_pods * w.it_watts_per_replica for w in state.workloads)
    staying = sum(d.staying_pods * d.it_watts_per_pod for d in state.draws)
    return max(0, asked + staying - state.budget.it_limit_watts)


def _harm(wish: Wish) -> tuple[bool, bool, int, float, str]:
    """Held workloads last of all, miners before inference, then the lowest priority and the least worth."""
    w = wish.workload
    worth = -math.inf if wish.worth_per_mwh is None else wish.worth_per_mwh
    return (bool(w.held), not is_mining(w), w.priority, worth, w.key)


def _lower(state: SiteState, wishes: list[Wish], goals: dict[str, int], result: Steps) -> None:
    ramp = ramp_down(state)
    required, room = excess_it_watts(state), ramp.room_it_watts
    for wish in sorted(wishes, key=_harm):
        w = wish.workload
        size = goals[w.key] if ramp.unlimited else _ramped_size(w, goals[w.key], required, room, ramp)
        freed = w.it_watts(w.spec_replicas) - w.it_watts(size)
        required, room = max(0, required - freed), max(0, room - freed)
        result.sizes[w.key] = size
        if size > goals[w.key]:
            result.stop_short(w.key, Reason.RAMP_DOWN, ramp.opens_at(_last_pods_it_watts(w)))
        if size < w.spec_replicas:
            result.lowers.append(w.key)


def _ramped_size(w: Workload, goal: int, required: int, room: int, ramp: Ramp) -> int:
    """Down to the goal as far as the ramp lets go, and further where the limit needs it."""
    for_limit = _pods_freeing(w, goal, required)
    for_money = ramp.pods(_last_pods_it_watts(w), room)
    while for_money > 1 and w.it_watts(w.spec_replicas) - w.it_watts(max(0, w.spec_replicas - for_money)) > room:
        for_money -= 1
    return max(goal, w.spec_replicas - max(for_limit, for_money))


def _last_pods_it_watts(w: Workload) -> int:
    """Watts that end with the last replica, its share of the surge included."""
    return w.it_watts(w.spec_replicas) - w.it_watts(w.spec_replicas - 1)


def _pods_freeing(w: Workload, goal: int, required: int) -> int:
    """The fewest replicas whose end frees `required` watts, or all down to the goal."""
    low, high = 0, w.spec_replicas - goal
    while low < high:
        middle = (low + high) // 2
        if w.it_watts(w.spec_replicas) - w.it_watts(w.spec_replicas - middle) >= required:
            high = middle
        else:
            low = middle + 1
    return low


def _raise(state: SiteState, wishes: list[Wish], goals: dict[str, int], result: Steps) -> None:
    free, ramp = free_now(state), ramp_up(state)
    room = ramp.room_it_watts
    for wish in sorted(wishes, key=lambda wish: wish.workload.spec_replicas >= wish.floor):
        w = wish.workload
        if not w.settled:
            result.stop_short(w.key, Reason.SETTLING)
            continue
        goal = _ramp_bounded(w, goals[w.key], room, ramp, result)
        size = _take(w, goal, free, result)
        room = max(0, room - (w.it_watts(size) - w.it_watts(w.spec_replicas)))
        result.sizes[w.key] = size
        if size > w.spec_replicas:
            result.raises.append(w.key)


def _ramp_bounded(w: Workload, goal: int, room: int, ramp: Ramp, result: Steps) -> int:
    if ramp.unlimited:
        return goal
    each = w.it_watts(w.spec_replicas + 1) - w.it_watts(w.spec_replicas)
    bounded = min(goal, w.spec_replicas + ramp.pods(each, room))
    while bounded > w.spec_replicas + 1 and w.it_watts(bounded) - w.it_watts(w.spec_replicas) > room:
        bounded -= 1
    if bounded < goal:
        result.stop_short(w.key, Reason.RAMP_UP, ramp.opens_at(each))
    return bounded


def _take(w: Workload, goal: int, free: Room, result: Steps) -> int:
    size = free.take(w, w.spec_replicas, goal)
    if size < goal:
        short = Reason.WAITING_FOR_GPUS if free.short_of_gpus(w, size) else Reason.WAITING_FOR_WATTS
        result.stop_short(w.key, short)
    return size
