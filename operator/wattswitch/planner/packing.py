"""The last pods of a limit: whole pods that together earn nearly the most that watts and shared GPUs can carry.

Best first is right but for its last pods: where GPUs run out before watts, what counts is money for a GPU, and where
pods are large, what they leave free. So the limit and each group of GPUs are given the price at which a share of
fractions would just use them up. What such a share earns is what no share of whole pods can pass. The share that takes
the pods that earn most above these prices is nearly always near enough to it; where not, a bounded search tries others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NEAR_ENOUGH = 0.001
"""A share that lacks no more than this part of the bound is taken: for less, no pod should move."""

MOST_TRIALS = 2_000
"""Choices that a search may make: some ten milliseconds."""

ITEMS_PER_TRIAL = 10
"""Items whose pods are filled up in the time of one choice."""

MOST_OPEN = 40
"""Items that a search may change, those whose pods earn about what they cost first."""

HALVINGS = 60
"""Steps to the price of a watt, each of which halves where it can be."""


@dataclass(frozen=True, slots=True)
class Item:
    """A workload that may have up to `pods` more: what one of them earns above its power, draws, and holds of `group`.

    `gain` is above zero; its unit is anything that is the same for all.
    """

    pods: int
    gain: float
    it_watts: int
    gpus: int = 0
    group: str = ""


@dataclass(frozen=True, slots=True)
class Free:
    """What may be given out."""

    it_watts: int
    gpus: Mapping[str, int]


def pack(items: Sequence[Item], free: Free) -> list[int]:
    """Pods for each item, within what is free, such that no further pod fits.

    `items` come best first. The same items and room give the same pods.
    """
    best = _fill(items, free, range(len(items)))
    if all(pods == item.pods for pods, item in zip(best, items, strict=True)):
        return best
    prices = _prices(items, free)
    if prices.lacks(_gain(items, best)) <= NEAR_ENOUGH * prices.bound:
        return best
    best = max(best, _fill(items, free, prices.order), key=lambda pods: _gain(items, pods))
    if prices.lacks(_gain(items, best)) <= NEAR_ENOUGH * prices.bound:
        return best
    return _Search(items, free, prices, best).run()


def _gain(items: Sequence[Item], pods: Sequence[int]) -> float:
    return sum(item.gain * n for item, n in zip(items, pods, strict=True))


def _fill(items: Sequence[Item], free: Free, order: Sequence[int], have: Sequence[int] = ()) -> list[int]:
    """As many pods of each item as fit beside those that it has already, in this order."""
    pods = list(have) or [0] * len(items)
    watts, gpus = free.it_watts, dict(free.gpus)
    for i in order:
        item = items[i]
        more = min(item.pods - pods[i], watts // item.it_watts)
        if more > 0 and item.gpus and item.group:
            more = min(more, gpus.get(item.group, 0) // item.gpus)
            gpus[item.group] = gpus.get(item.group, 0) - max(0, more) * item.gpus
        if more > 0:
            pods[i] += more
            watts -= more * item.it_watts
    return pods


@dataclass(frozen=True)
class _Prices:
    """Prices of a watt and of a GPU, what each item's pod earns above them, and what no share can pass."""

    watt: float
    gpu: Mapping[str, float]
    above: list[float]
    bound: float

    def lacks(self, gain: float) -> float:
        """By how much a share falls short of the bound."""
        return self.bound - gain

    @property
    def order(self) -> list[int]:
        """The items that earn most above the prices first; those that just pay follow in their own order."""
        return sorted(range(len(self.above)), key=lambda i: (-self.above[i], i))


class _Arrays:
    """The items as arrays, those of each group together."""

    def __init__(self, items: Sequence[Item], free: Free) -> None:
        self.pods = np.array([item.pods for item in items], dtype=np.float64)
        self.gain = np.array([item.gain for item in items])
        self.watts = np.array([item.it_watts for item in items], dtype=np.float64)
        self.gpus = np.array([item.gpus if item.group else 0 for item in items], dtype=np.float64)
        names = [item.group if item.gpus else "" for item in items]
        self.groups = {
            name: (np.flatnonzero([each == name for each in names]), float(max(0, free.gpus.get(name, 0))))
            for name in sorted(set(names) - {""})
        }
        self.alone = np.flatnonzero([name == "" for name in names])
        self.free_watts = float(max(0, free.it_watts))

    def watts_at(self, price: float) -> tuple[float, dict[str, float]]:
        """Watts that the best share of fractions draws where a watt has this price, and the prices of the GPUs."""
        above = self.gain - price * self.watts
        drawn = float((self.pods * self.watts)[self.alone][above[self.alone] > 0].sum())
        gpu: dict[str, float] = {}
        for name, (members, count) in self.groups.items():
            gpu[name], more = self._group(members, count, above)
            drawn += more
        return drawn, gpu

    def _group(self, members: NDArray[np.intp], count: float, above: NDArray[np.float64]) -> tuple[float, float]:
        """The price of a GPU of one group, and the watts of its best share."""
        order = members[np.argsort(-above[members] / self.gpus[members], kind="stable")]
        order = order[above[order] > 0]
        held = np.cumsum(self.pods[order] * self.gpus[order])
        last = int(np.searchsorted(held, count))
        drawn = float((self.pods * self.watts)[order[:last]].sum())
        if last == order.size:
            return 0.0, drawn
        marginal = order[last]
        left = count - (held[last - 1] if last else 0.0)
        return float(above[marginal] / self.gpus[marginal]), drawn + left / self.gpus[marginal] * self.watts[marginal]


def _prices(items: Sequence[Item], free: Free) -> _Prices:
    """The prices at which the bound is lowest: halving, for the higher the price of a watt, the fewer are drawn."""
    arrays = _Arrays(items, free)
    low, high = 0.0, max(item.gain / item.it_watts for item in items)
    if arrays.watts_at(0.0)[0] <= arrays.free_watts:
        high = 0.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if arrays.watts_at(middle)[0] > arrays.free_watts:
            low = middle
        else:
            high = middle
    gpu = arrays.watts_at(high)[1]
    per_gpu = np.zeros(len(items))
    for name, (members, _) in arrays.groups.items():
        per_gpu[members] = gpu[name]
    above = arrays.gain - high * arrays.watts - per_gpu * arrays.gpus
    rent = high * arrays.free_watts + sum(gpu[name] * count for name, (_, count) in arrays.groups.items())
    return _Prices(high, gpu, above.tolist(), rent + float((arrays.pods * np.maximum(above, 0)).sum()))


class _Search:
    """Tries shares that differ from the one at hand where that costs least, the largest pods first.

    A share lacks the sum of what it forgoes: pods that earn above the prices and are not in it, pods that earn below
    them and are, and the price of all that stays free. A branch ends where that sum reaches what the best one lacks.
    """

    def __init__(self, items: Sequence[Item], free: Free, prices: _Prices, start: list[int]) -> None:
        self._items, self._prices, self._start = items, prices, start
        self._free = free
        self._best, self._lack = start, prices.lacks(_gain(items, start))
        self._enough = NEAR_ENOUGH * prices.bound
        self._trials = MOST_TRIALS
        open_items = [i for i, above in enumerate(prices.above) if items[i].pods and abs(above) < self._lack]
        open_items = sorted(open_items, key=lambda i: (abs(prices.above[i]), i))[:MOST_OPEN]
        self._order = sorted(open_items, key=lambda i: (-items[i].it_watts, i))
        self._density = sorted(range(len(items)), key=lambda i: (-items[i].gain / items[i].it_watts, i))
        watts = [items[i].pods * items[i].it_watts for i in self._order]
        self._rest = [sum(watts[place:]) for place in range(len(watts) + 1)]

    def run(self) -> list[int]:
        """The best share found. Ends where it is near enough, or when the trials are used up."""
        pods = list(self._start)
        for i in self._order:
            pods[i] = 0
        settled = set(range(len(pods))) - set(self._order)
        lack = sum(_lack_of(self._items[i], self._prices.above[i], pods[i]) for i in sorted(settled))
        free = _after(self._items, self._free, pods)
        for allowed in (0, 1, 2, 3, len(self._items)):
            self._try(0, lack, free, pods, allowed)
            if self._done:
                break
        return self._best

    @property
    def _done(self) -> bool:
        return self._trials <= 0 or self._lack <= self._enough

    def _try(self, place: int, lack: float, free: Free, pods: list[int], allowed: int) -> None:
        """Choose the pods of the items from `place` on, with so many choices `allowed` that are not the first one."""
        if place == len(self._order):
            self._keep(pods, free)
            return
        i = self._order[place]
        item, above = self._items[i], self._prices.above[i]
        for turn, n in enumerate(_choices(item, above, free)):
            total = lack + _lack_of(item, above, n)
            if self._done or total >= self._lack or (turn and not allowed):
                break
            idle = max(0, free.it_watts - n * item.it_watts - self._rest[place + 1])
            if total + self._prices.watt * idle >= self._lack:
                continue
            self._trials -= 1
            pods[i] = n
            self._try(place + 1, total, _less(item, n, free), pods, allowed - (turn > 0))
        pods[i] = 0

    def _keep(self, pods: Sequence[int], free: Free) -> None:
        """Fill what stays free, and keep the share where it is better."""
        self._trials -= len(pods) // ITEMS_PER_TRIAL
        filled = _fill(self._items, free, self._density, pods)
        lack = self._prices.lacks(_gain(self._items, filled))
        if lack < self._lack:
            self._best, self._lack = filled, lack


def _lack_of(item: Item, above: float, pods: int) -> float:
    """What so many pods of an item make a share lack."""
    return above * (item.pods - pods) if above >= 0 else -above * pods


def _choices(item: Item, above: float, free: Free) -> range:
    """Pods that an item may have, the least lack first."""
    most = _fitting(item, free)
    return range(most, -1, -1) if above >= 0 else range(most + 1)


def _fitting(item: Item, free: Free) -> int:
    most = min(item.pods, max(0, free.it_watts) // item.it_watts)
    if item.group and item.gpus:
        most = min(most, max(0, free.gpus.get(item.group, 0)) // item.gpus)
    return most


def _less(item: Item, pods: int, free: Free) -> Free:
    """What is free once an item has these pods."""
    gpus = free.gpus
    if item.group and item.gpus:
        gpus = {**gpus, item.group: gpus.get(item.group, 0) - pods * item.gpus}
    return Free(free.it_watts - pods * item.it_watts, gpus)


def _after(items: Sequence[Item], free: Free, pods: Sequence[int]) -> Free:
    for item, n in zip(items, pods, strict=True):
        if n:
            free = _less(item, n, free)
    return free
