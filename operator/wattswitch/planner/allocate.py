"""Share the limit: floors first, then priority, then worth per watt, in whole pods, watts and GPUs as limits.

Workloads that are leaving come after all others.
"""

import math
from collections.abc import Iterable
from itertools import groupby

from wattswitch.planner.bisection import largest
from wattswitch.planner.model import Reason, SiteState, Workload
from wattswitch.planner.wish import Wish


class Room:
    """Watts and GPUs that are still free; it only ever hands out what it has."""

    def __init__(self, it_watts: int, gpus: dict[str, int]) -> None:
        self.it_watts = it_watts
        self.gpus = gpus

    def largest(self, w: Workload, have: int, want: int) -> int:
        """The largest size from `have` to `want` whose growth fits."""
        return largest(have, want, lambda size: self._fits(w, have, size))

    def carries_one_more(self, w: Workload, have: int) -> bool:
        """Whether the next replica fits."""
        return self._fits(w, have, have + 1)

    def take(self, w: Workload, have: int, want: int) -> int:
        """Grow from `have` towards `want` as far as there is room, and book it."""
        size = self.largest(w, have, want)
        if size > have:
            self.it_watts -= w.it_watts(size) - w.it_watts(have)
            if w.gpu_group:
                self.gpus[w.gpu_group] = self.gpus.get(w.gpu_group, 0) - (w.gpus(size) - w.gpus(have))
        return size

    def carries(self, wishes: Iterable[Wish], sizes: dict[str, int]) -> bool:
        """Whether all may keep what they have of what they wish, beyond `sizes` that are booked already."""
        trial = Room(self.it_watts, dict(self.gpus))
        return all(trial.take(w.workload, sizes[w.workload.key], w.kept) >= w.kept for w in wishes)

    def short_of_gpus(self, w: Workload, have: int) -> bool:
        """Whether one more replica fails for GPUs rather than watts."""
        return w.it_watts(have + 1) - w.it_watts(have) <= self.it_watts

    def _fits(self, w: Workload, have: int, want: int) -> bool:
        if w.it_watts(want) - w.it_watts(have) > self.it_watts:
            return False
        return not w.gpu_group or w.gpus(want) - w.gpus(have) <= self.gpus.get(w.gpu_group, 0)


def by_precedence(wishes: Iterable[Wish]) -> list[Wish]:
    """The order in which watts are given: by rank, then the held, then worth per watt, then name."""
    return sorted(wishes, key=_precedence)


def _precedence(wish: Wish) -> tuple[tuple[bool, int], bool, float, str]:
    worth = -math.inf if wish.worth_per_mwh is None else wish.worth_per_mwh
    return (_rank(wish), not wish.workload.held, -worth, wish.workload.key)


def _rank(wish: Wish) -> tuple[bool, int]:
    """Highest priority first, the leaving after all others."""
    return (wish.workload.leaving, -wish.workload.priority)


def allocate(state: SiteState, wishes: list[Wish]) -> tuple[dict[str, int], dict[str, str]]:
    """Replicas by workload key, and what keeps the short ones short; `wishes` come in order of precedence."""
    room = _room(state)
    sizes: dict[str, int] = {}
    bound: dict[str, str] = {}
    for wish in wishes:
        w = wish.workload
        sizes[w.key] = room.take(w, 0, wish.floor)
        if sizes[w.key] < wish.floor:
            bound[w.key] = _what_binds(room, w, sizes[w.key])
    for _, group in groupby(wishes, key=_rank):
        _share(list(group), sizes, room, bound)
    return sizes, bound


def _share(group: list[Wish], sizes: dict[str, int], room: Room, bound: dict[str, str]) -> None:
    """Give one priority's workloads what they may keep, then what they wish.

    Nobody grows into what another of the same priority is protected in. Where the limit does not carry what they all
    have, dwell protects no one: worth alone decides who gives, after the held.
    """
    protected = [wish for wish in group if wish.protected]
    if protected:
        for wish in protected if room.carries(group, sizes) else group:
            _grow(wish, wish.kept, sizes, room)
    for wish in group:
        _grow(wish, wish.size, sizes, room)
        w, size = wish.workload, sizes[wish.workload.key]
        if size < wish.size or (wish.reason == Reason.MIN_OFF and not room.carries_one_more(w, size)):
            bound.setdefault(w.key, _what_binds(room, w, size))


def _what_binds(room: Room, w: Workload, size: int) -> str:
    return Reason.GPU_LIMIT if room.short_of_gpus(w, size) else Reason.POWER_LIMIT


def _grow(wish: Wish, to: int, sizes: dict[str, int], room: Room) -> None:
    w = wish.workload
    sizes[w.key] = room.take(w, sizes[w.key], to)


def _room(state: SiteState) -> Room:
    """What the controlled pods may draw: the limit less what stays whatever is decided."""
    staying = sum(d.staying_pods * d.it_watts_per_pod for d in state.draws)
    stuck = sum(w.stuck_pods * w.it_watts_per_replica for w in state.workloads)
    gpus = {group.name: group.gpus for group in state.budget.gpu_groups}
    for draw in state.draws:
        if draw.gpu_group:
            gpus[draw.gpu_group] = gpus.get(draw.gpu_group, 0) - draw.staying_pods * draw.gpus_per_pod
    for w in state.workloads:
        if w.gpu_group and w.stuck_pods:
            gpus[w.gpu_group] = gpus.get(w.gpu_group, 0) - w.stuck_pods * w.gpus_per_replica
    return Room(state.budget.it_limit_watts - staying - stuck, gpus)


def free_now(state: SiteState) -> Room:
    """What is free at this moment: the limit less every pod in the books."""
    gpus = {group.name: group.gpus for group in state.budget.gpu_groups}
    for w in state.workloads:
        if w.gpu_group:
            gpus[w.gpu_group] = gpus.get(w.gpu_group, 0) - w.booked_pods * w.gpus_per_replica
    for draw in state.draws:
        if draw.gpu_group:
            gpus[draw.gpu_group] = gpus.get(draw.gpu_group, 0) - draw.pods * draw.gpus_per_pod
    return Room(state.budget.it_limit_watts - state.booked_it_watts, gpus)
