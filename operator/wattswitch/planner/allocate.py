"""Share the limit: floors first, then priority, then money, in whole pods, watts and GPUs as limits.

Within one priority the best worth per watt comes first, and where that leaves the limit to less than it could earn,
`packing` looks for better. Workloads that are leaving come after all others.
"""

import math
from collections.abc import Iterable, Iterator
from itertools import groupby

from wattswitch.planner.bisection import largest
from wattswitch.planner.model import Reason, SiteState, Workload
from wattswitch.planner.packing import Free, Item, pack
from wattswitch.planner.wish import Wish


class Room:
    """Watts and GPUs that are still free; it only ever hands out what it has."""

    def __init__(self, it_watts: int, gpus: dict[str, int]) -> None:
        self.it_watts = it_watts
        self.gpus = gpus

    def copy(self) -> "Room":
        """The same room, to try something in."""
        return Room(self.it_watts, dict(self.gpus))

    def largest(self, w: Workload, have: int, want: int) -> int:
        """The largest size from `have` to `want` whose growth fits."""
        if want <= have:
            return have
        if w.surges:
            return largest(have, want, lambda size: self._fits(w, have, size))
        return min(want, have + self._pods(w))

    def carries_one_more(self, w: Workload, have: int) -> bool:
        """Whether the next replica fits."""
        return self._fits(w, have, have + 1)

    def take(self, w: Workload, have: int, want: int) -> int:
        """Grow from `have` towards `want` as far as there is room, and book it."""
        size = self.largest(w, have, want)
        if size > have:
            pods = w.pods(size) - w.pods(have)
            self.it_watts -= pods * w.it_watts_per_replica
            if w.gpu_group and w.gpus_per_replica:
                self.gpus[w.gpu_group] = self.gpus.get(w.gpu_group, 0) - pods * w.gpus_per_replica
        return size

    def carries(self, wishes: Iterable[Wish], sizes: dict[str, int]) -> bool:
        """Whether all may keep what they have of what they wish, beyond `sizes` that are booked already."""
        trial = self.copy()
        return all(trial.take(w.workload, sizes[w.workload.key], w.kept) >= w.kept for w in wishes)

    def short_of_gpus(self, w: Workload, have: int) -> bool:
        """Whether one more replica fails for GPUs rather than watts."""
        return w.it_watts(have + 1) - w.it_watts(have) <= self.it_watts

    def _pods(self, w: Workload) -> int:
        """How many more pods fit, where each replica is one pod."""
        pods = self.it_watts // w.it_watts_per_replica
        if w.gpus_per_replica and w.gpu_group:
            pods = min(pods, self.gpus.get(w.gpu_group, 0) // w.gpus_per_replica)
        return max(0, pods)

    def _fits(self, w: Workload, have: int, want: int) -> bool:
        pods = w.pods(want) - w.pods(have)
        if pods * w.it_watts_per_replica > self.it_watts:
            return False
        gpus = pods * w.gpus_per_replica
        return not gpus or not w.gpu_group or gpus <= self.gpus.get(w.gpu_group, 0)


def by_precedence(wishes: Iterable[Wish]) -> list[Wish]:
    """The order in which watts are given: by rank, then the held, then worth per watt, then name."""
    return sorted(wishes, key=_precedence)


def _precedence(wish: Wish) -> tuple[bool, int, bool, float, str]:
    w = wish.workload
    worth = -math.inf if wish.worth_per_mwh is None else wish.worth_per_mwh
    return (w.leaving, -w.priority, not w.held, -worth, w.key)


def allocate(
    state: SiteState, wishes: list[Wish], price_per_mwh: float | None
) -> tuple[dict[str, int], dict[str, str]]:
    """Replicas by workload key, and what keeps the short ones short; `wishes` come in order of precedence."""
    room = _room(state)
    sizes: dict[str, int] = {}
    bound: dict[str, str] = {}
    for wish in wishes:
        w = wish.workload
        sizes[w.key] = room.take(w, 0, wish.floor) if wish.floor else 0
        if sizes[w.key] < wish.floor:
            bound[w.key] = _what_binds(room, w, sizes[w.key])
    for group in _by_rank(wishes):
        _share(group, sizes, room, bound, price_per_mwh)
    return sizes, bound


def _by_rank(wishes: list[Wish]) -> Iterator[list[Wish]]:
    """Those of one priority together, the highest first, and the leaving after all others."""
    for _, group in groupby(wishes, key=lambda wish: (wish.workload.leaving, wish.workload.priority)):
        yield list(group)


def _share(group: list[Wish], sizes: dict[str, int], room: Room, bound: dict[str, str], price: float | None) -> None:
    """Give one priority's workloads what they may keep, then what they wish.

    Nobody grows into what another of the same priority is protected in. Where the limit does not carry what they all
    have, dwell protects no one: worth alone decides who gives, after the held.
    """
    protected = [wish for wish in group if wish.protected]
    if protected:
        for wish in protected if room.carries(group, sizes) else group:
            _grow(wish, wish.kept, sizes, room)
    growing = [wish for wish in group if wish.size > sizes[wish.workload.key]]
    goals = _goals(growing, sizes, room, price)
    for wish in group:
        w = wish.workload
        if w.key in goals:
            _grow(wish, goals[w.key], sizes, room)
        if wish.reason == Reason.MIN_OFF and not room.carries_one_more(w, sizes[w.key]):
            bound.setdefault(w.key, _what_binds(room, w, sizes[w.key]))
    for wish in growing:
        w, size = wish.workload, sizes[wish.workload.key]
        if size < wish.size:
            bound.setdefault(w.key, _what_binds(room, w, size))


def _goals(growing: list[Wish], sizes: dict[str, int], room: Room, price: float | None) -> dict[str, int]:
    """How far to grow each: to what it wishes, where there is room for all, else to what earns the most together.

    Only pods that earn more than their power are weighed against each other, and only where surge does not make a
    size draw more than its pods; all others are given theirs in the order of precedence, before those after them.
    """
    goals = {wish.workload.key: wish.size for wish in growing}
    if price is None or len(growing) <= 1:
        return goals
    weighed = [wish for wish in growing if _earns(wish, price)]
    if not weighed:
        return goals
    free = room
    if len(weighed) < len(growing):
        free, trial = room.copy(), room.copy()
        grown = {wish.workload.key: trial.take(wish.workload, sizes[wish.workload.key], wish.size) for wish in growing}
        if all(grown[wish.workload.key] >= wish.size for wish in weighed):
            return goals
        for w in (wish.workload for wish in growing if not _earns(wish, price)):
            goals[w.key] = free.take(w, sizes[w.key], grown[w.key])
    items = [_item(wish, sizes[wish.workload.key], price) for wish in weighed]
    for wish, pods in zip(weighed, pack(items, Free(free.it_watts, free.gpus)), strict=True):
        goals[wish.workload.key] = sizes[wish.workload.key] + pods
    return goals


def _earns(wish: Wish, price: float) -> bool:
    w = wish.workload
    if wish.worth_per_mwh is None or w.held or w.leaving:
        return False
    return wish.worth_per_mwh > price and not w.surges


def _item(wish: Wish, size: int, price: float) -> Item:
    w = wish.workload
    gain = ((wish.worth_per_mwh or 0.0) - price) * w.it_watts_per_replica
    return Item(wish.size - size, gain, w.it_watts_per_replica, w.gpus_per_replica, w.gpu_group)


def _what_binds(room: Room, w: Workload, size: int) -> str:
    return Reason.GPU_LIMIT if room.short_of_gpus(w, size) else Reason.POWER_LIMIT


def _grow(wish: Wish, to: int, sizes: dict[str, int], room: Room) -> None:
    w = wish.workload
    if to > sizes[w.key]:
        sizes[w.key] = room.take(w, sizes[w.key], to)


def _room(state: SiteState) -> Room:
    """What the controlled pods may draw: the limit less what stays whatever is decided."""
    stuck = sum([w.stuck_pods * w.it_watts_per_replica for w in state.workloads])
    gpus = {group.name: group.gpus for group in state.budget.gpu_groups}
    for draw in state.draws:
        if draw.gpu_group:
            gpus[draw.gpu_group] = gpus.get(draw.gpu_group, 0) - draw.staying_pods * draw.gpus_per_pod
    for w in state.workloads:
        if w.gpu_group and w.stuck_pods:
            gpus[w.gpu_group] = gpus.get(w.gpu_group, 0) - w.stuck_pods * w.gpus_per_replica
    return Room(state.budget.it_limit_watts - state.staying_it_watts - stuck, gpus)


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
