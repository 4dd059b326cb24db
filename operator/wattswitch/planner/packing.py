"""The last pods of a limit: whole pods that together earn nearly the most that watts and shared GPUs can carry.

Best first is right but for its last pods: where GPUs run out before watts, what counts is money for a GPU, and where
pods are large, what they leave free. So the limit and each group of GPUs are given the price at which a share of
fractions would just use them up. What such a share earns is what no share of whole pods can pass. The share that takes
the pods that earn most above these prices is nearly always near enough to it. Where not, only a few numbers of pods
can be part of a better one; all of these are tried where they are not too many, else a bounded search tries some.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate, chain, product, repeat
from typing import NamedTuple

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

MOST_COUNTED = 2_000
"""Shares that may be tried one by one: some milliseconds."""

NOTHING = 1e-9
"""Part of what a pod earns that is no more than the error of a sum of floats."""

MOST_CUTS = 60
"""Steps to the price of a watt; a handful is enough where items are not made to need more."""


class Item(NamedTuple):
    """A workload that may have up to `pods` more: what one of them earns above its power, draws, and holds of `group`.

    `gain` is above zero; its unit is anything that is the same for all.
    """

    pods: int
    gain: float
    it_watts: int
    gpus: int = 0
    group: str = ""


class Free(NamedTuple):
    """What may be given out."""

    it_watts: int
    gpus: Mapping[str, int]


def pack(items: Sequence[Item], free: Free) -> list[int]:
    """Pods for each item, within what is free, such that no further pod fits.

    `items` come best first. The same items and room give the same pods.
    """
    best = _fill(items, free, range(len(items)))
    if best == [item.pods for item in items]:
        return best
    kinds = _kinds(items)
    if len(kinds) == 1:
        return best
    prices, gain = _prices(items, free), _gain(items, best)
    if prices.lacks(gain) <= NEAR_ENOUGH * prices.bound:
        return best
    other = _fill(items, free, prices.order)
    other_gain = _gain(items, other)
    if other_gain > gain:
        best, gain = other, other_gain
    if prices.lacks(gain) <= NEAR_ENOUGH * prices.bound:
        return best
    counted = _counted_out(items, free, prices, kinds, best, gain)
    if counted is not None:
        return counted
    return _Search(items, free, prices, best).run()


def _kinds(items: Sequence[Item]) -> list[list[int]]:
    """The items whose pods draw and hold the same; of these, best first is always right."""
    kinds: dict[tuple[int, int, str], list[int]] = {}
    for i, item in enumerate(items):
        holds = (item.gpus, item.group) if item.gpus and item.group else (0, "")
        kinds.setdefault((item.it_watts, *holds), []).append(i)
    return list(kinds.values())


def _counted_out(
    items: Sequence[Item], free: Free, prices: "_Prices", kinds: list[list[int]], best: list[int], gain: float
) -> list[int] | None:
    """The best share of all, `best` where its `gain` is near enough to that, or None where there are too many to try.

    All numbers of pods of every kind but one are tried that can be part of a better share; that one fills up.
    """
    lack = prices.lacks(gain)
    spans = [_span(items, prices.above, kind, lack) for kind in kinds]
    last = max(range(len(kinds)), key=lambda k: (spans[k][1] - spans[k][0], k))
    order = [*(k for k in range(len(kinds)) if k != last), last]
    if math.prod([spans[k][1] - spans[k][0] + 1 for k in order[:-1]]) > MOST_COUNTED:
        return None
    found = _best_numbers(items, free, [kinds[k] for k in order], [spans[k] for k in order])
    if found is None:
        return best
    share = [0] * len(items)
    for k, pods in zip(order, found, strict=True):
        left = pods
        for i in kinds[k]:
            share[i] = min(items[i].pods, left)
            left -= share[i]
    counted = _fill(items, _after(items, free, share), range(len(items)), share)
    return best if gain >= (1 - NEAR_ENOUGH) * _gain(items, counted) else counted


def _best_numbers(
    items: Sequence[Item], free: Free, kinds: list[list[int]], spans: list[tuple[int, int]]
) -> tuple[int, ...] | None:
    """How many pods of each kind earn the most together, each within its span, the last as many as fit."""
    pods, (least, most) = [items[kind[0]] for kind in kinds], spans[-1]
    shares = []
    for numbers in product(*[range(first, last + 1) for first, last in spans[:-1]]):
        more = _beside(numbers, pods, free, most)
        if more >= least:
            shares.append((*numbers, more))
    if len(shares) <= 1:
        return shares[0] if shares else None
    gains = [
        list(accumulate(chain.from_iterable(repeat(items[i].gain, items[i].pods) for i in kind), initial=0.0))
        for kind in kinds
    ]

    def gain(share: tuple[int, ...]) -> float:
        return gains[-1][share[-1]] + sum([by_pods[n] for by_pods, n in zip(gains, share[:-1], strict=False)])

    return max(shares, key=gain)


def _beside(numbers: tuple[int, ...], pods: list[Item], free: Free, most: int) -> int:
    """How many of the last pod fit beside so many of the others; below zero where these do not fit themselves."""
    watts = free.it_watts
    held: dict[str, int] = {}
    for n, pod in zip(numbers, pods, strict=False):
        watts -= n * pod.it_watts
        if pod.gpus and pod.group:
            held[pod.group] = held.get(pod.group, 0) + n * pod.gpus
    if watts < 0 or (held and any(gpus > free.gpus.get(name, 0) for name, gpus in held.items())):
        return -1
    last = pods[-1]
    most = min(most, watts // last.it_watts)
    if last.gpus and last.group:
        left = free.gpus.get(last.group, 0) - held.get(last.group, 0)
        most = min(most, left // last.gpus)
    return most


def _span(items: Sequence[Item], above: Sequence[float], kind: list[int], lack: float) -> tuple[int, int]:
    """The fewest and the most pods of a kind that a share may have which lacks less than this."""
    paying = [i for i in kind if above[i] > 0]
    fewest = most = sum(items[i].pods for i in paying)
    left = lack
    for i in reversed(paying):
        pods = min(items[i].pods, int(left / above[i]))
        fewest, left = fewest - pods, left - pods * above[i]
        if pods < items[i].pods:
            break
    left = lack
    for i in kind[len(paying) :]:
        pods = items[i].pods if not above[i] else min(items[i].pods, int(left / -above[i]))
        most, left = most + pods, left + pods * above[i]
        if pods < items[i].pods:
            break
    return fewest, most


def _gain(items: Sequence[Item], pods: Sequence[int]) -> float:
    return sum([item.gain * n for item, n in zip(items, pods, strict=True)])


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


class _Prices(NamedTuple):
    """The price of a watt, what each item's pod earns above it and its GPUs' price, and what no share can pass."""

    watt: float
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

    def cut_at(self, price: float) -> "_Cut":
        """The best share of fractions where a watt has this price, the limit aside."""
        above = self.gain - price * self.watts
        mine = np.maximum(above[self.alone], 0.0)
        drawn = float((self.pods * self.watts)[self.alone][mine > 0].sum())
        rent = price * self.free_watts + float(self.pods[self.alone] @ mine)
        gpu: dict[str, float] = {}
        for name, (members, count) in self.groups.items():
            gpu[name], more = self._group(members, count, above)
            drawn += more
            over = np.maximum(above[members] - gpu[name] * self.gpus[members], 0.0)
            rent += gpu[name] * count + float(self.pods[members] @ over)
        return _Cut(price, drawn, gpu, rent)

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


class _Cut(NamedTuple):
    """What a price of a watt comes to: watts drawn, the prices of the GPUs, and what no share can pass."""

    price: float
    drawn: float
    gpu: Mapping[str, float]
    bound: float


def _prices(items: Sequence[Item], free: Free) -> _Prices:
    """The prices at which the bound is lowest."""
    asked: dict[str, int] = {}
    for item in items:
        if item.gpus and item.group:
            asked[item.group] = asked.get(item.group, 0) + item.pods * item.gpus
    if all(gpus <= free.gpus.get(name, 0) for name, gpus in asked.items()):
        return _watt_price(items, free)
    arrays = _Arrays(items, free)
    cut = _lowest(arrays)
    per_gpu = np.zeros(len(items))
    for name, (members, _) in arrays.groups.items():
        per_gpu[members] = cut.gpu[name]
    above = arrays.gain - cut.price * arrays.watts - per_gpu * arrays.gpus
    above[np.abs(above) <= NOTHING * arrays.gain] = 0.0
    return _Prices(cut.price, above.tolist(), cut.bound)


def _watt_price(items: Sequence[Item], free: Free) -> _Prices:
    """Where no GPUs bind: what the first pod earns for a watt that does not fit whole."""
    left, price = max(0, free.it_watts), 0.0
    for item in sorted(items, key=lambda item: -item.gain / item.it_watts):
        left -= item.pods * item.it_watts
        if left < 0:
            price = item.gain / item.it_watts
            break
    above = [item.gain - price * item.it_watts for item in items]
    above = [each if abs(each) > NOTHING * item.gain else 0.0 for each, item in zip(above, items, strict=True)]
    earned = sum([each * item.pods for each, item in zip(above, items, strict=True) if each > 0])
    return _Prices(price, above, price * max(0, free.it_watts) + earned)


def _lowest(arrays: _Arrays) -> _Cut:
    """The price of a watt at which the bound is lowest.

    The bound is straight between the prices at which a choice changes, and bends up: where the lines through two of its
    points meet is nearer to the lowest one than both, until nothing lies between them.
    """
    low, high = arrays.cut_at(0.0), arrays.cut_at(float(np.max(arrays.gain / arrays.watts)))
    if low.drawn <= arrays.free_watts:
        return low
    for _ in range(MOST_CUTS):
        falls, rises = low.drawn - arrays.free_watts, arrays.free_watts - high.drawn
        price = (low.bound - high.bound + falls * low.price + rises * high.price) / (falls + rises)
        if not low.price < price < high.price:
            break
        cut = arrays.cut_at(price)
        if cut.drawn > arrays.free_watts:
            low = cut
        else:
            high = cut
    return arrays.cut_at(min(low, high, key=lambda cut: cut.bound).price * (1 + NOTHING))


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
