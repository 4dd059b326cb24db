"""The last pods of a limit by hand, and against every share that there is."""

from itertools import product
from random import Random

import pytest

from wattswitch.planner import packing
from wattswitch.planner.packing import NEAR_ENOUGH, Free, Item, pack


def gain(items: list[Item], pods: tuple[int, ...] | list[int]) -> float:
    return sum(item.gain * n for item, n in zip(items, pods, strict=True))


def fits(items: list[Item], free: Free, pods: tuple[int, ...] | list[int]) -> bool:
    if sum(item.it_watts * n for item, n in zip(items, pods, strict=True)) > free.it_watts:
        return False
    held = dict.fromkeys(free.gpus, 0)
    for item, n in zip(items, pods, strict=True):
        if item.group and item.gpus:
            held[item.group] += item.gpus * n
    return all(held[name] <= count for name, count in free.gpus.items())


def best(items: list[Item], free: Free) -> float:
    every = product(*(range(item.pods + 1) for item in items))
    return max(gain(items, pods) for pods in every if fits(items, free, pods))


def test_all_that_fits_is_given() -> None:
    assert pack([Item(3, 9.0, 10), Item(2, 4.0, 5)], Free(40, {})) == [3, 2]


def test_the_best_for_a_watt_comes_first() -> None:
    assert pack([Item(3, 9.0, 3), Item(9, 2.0, 1)], Free(7, {})) == [2, 1]


def test_a_large_pod_gives_way_to_two_that_fill_the_limit() -> None:
    """One pod of 6 earns 6.1 and leaves 4 of 10 unused; two of 5 earn 10."""
    assert pack([Item(1, 6.1, 6), Item(2, 5.0, 5)], Free(10, {})) == [0, 2]


def test_where_gpus_run_out_money_for_a_gpu_counts() -> None:
    """The first earns most for a watt, and holds all GPUs; eight of the second earn seven times as much."""
    first, second = Item(1, 1.0, 1000, 8, "hopper"), Item(8, 0.891, 900, 1, "hopper")
    assert pack([first, second], Free(100_000, {"hopper": 8})) == [0, 8]


def test_a_group_that_nobody_has_gives_nothing() -> None:
    assert pack([Item(2, 1.0, 10, 1, "ada"), Item(2, 0.5, 10)], Free(100, {})) == [0, 2]


def test_nothing_free_gives_nothing() -> None:
    assert pack([Item(2, 1.0, 10)], Free(-5, {})) == [0]
    assert pack([], Free(5, {})) == []


def test_of_pods_that_are_alike_the_best_come_first_and_nothing_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "_prices", None)
    assert pack([Item(3, 9.0, 10), Item(3, 8.0, 10), Item(3, 7.0, 10)], Free(45, {})) == [3, 1, 0]


def test_a_better_share_that_is_hardly_better_moves_no_pod() -> None:
    """Two pods of 5 would earn a twentieth of a percent more than one of 6 and one of 4."""
    assert pack([Item(1, 6.0, 6), Item(2, 4.9995, 5), Item(1, 3.995, 4)], Free(10, {})) == [1, 0, 1]
    assert pack([Item(1, 6.0, 6), Item(2, 4.9995, 5), Item(1, 3.9, 4)], Free(10, {})) == [0, 2, 0]


@pytest.mark.parametrize("seed", range(200))
def test_small_shares_are_as_good_as_the_best_and_full(seed: int) -> None:
    random = Random(seed)
    groups = ("ada", "hopper")
    items = []
    for _ in range(random.randint(1, 5)):
        pods, money, watts = random.randint(1, 4), random.uniform(1, 9), random.randint(1, 9)
        gpus = (random.randint(1, 4), random.choice(groups)) if random.random() < 0.5 else (0, "")
        items.append(Item(pods, money, watts, *gpus))
    items.sort(key=lambda item: -item.gain / item.it_watts)
    free = Free(random.randint(0, 60), {name: random.randint(0, 12) for name in groups})
    pods = pack(items, free)
    assert fits(items, free, pods)
    assert gain(items, pods) >= (1 - 2 * NEAR_ENOUGH) * best(items, free)
    for i in range(len(items)):
        more = [n + (k == i) for k, n in enumerate(pods)]
        assert more[i] > items[i].pods or not fits(items, free, more)
