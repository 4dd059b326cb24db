"""How old the oldest waiting work may be: never younger than it is."""

from collections import deque
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattswitch.planner.backlog import MOST_MARKS, Backlog


def seen(readings: Iterable[tuple[float, float]], *, in_order: bool = True) -> Backlog:
    backlog = Backlog(in_order)
    for at, waiting in readings:
        backlog = backlog.update(at, waiting)
    return backlog


@pytest.mark.parametrize(
    ("readings", "oldest_at"),
    [
        ([(10, 0)], 10),
        ([(10, 5)], 10),  # what waits at first counts as if it had come then
        ([(10, 0), (20, 0), (30, 5)], 20),  # it came after 20
        ([(10, 0), (20, 5), (30, 9)], 10),
        ([(10, 0), (20, 5), (30, 9), (40, 5)], 10),  # four left: one of the five of 20 may wait still
        ([(10, 0), (20, 5), (30, 9), (40, 4)], 20),  # the five of 20 are gone, the rest came after
        (
            [(10, 0), (20, 5), (30, 9), (40, 4), (50, 8), (60, 4)],
            40,
        ),  # all that waited at 40 is gone, what came later not
        ([(10, 0), (20, 5), (30, 0), (40, 3)], 30),
        ([(10, 0), (20, 5), (20, 9), (15, 2)], 10),  # what is not newer is no news
    ],
)
def test_by_hand(readings: list[tuple[float, float]], oldest_at: float) -> None:
    assert seen(readings).oldest_at == oldest_at


def test_out_of_order_the_oldest_may_wait_until_nothing_does() -> None:
    readings = [(10.0, 0.0), (20.0, 5.0), (30.0, 9.0), (40.0, 4.0), (50.0, 8.0)]
    assert seen(readings, in_order=False).oldest_at == 10
    assert seen([*readings, (60.0, 0.0), (70.0, 1.0)], in_order=False).oldest_at == 60


def test_nothing_is_known_before_the_first_reading() -> None:
    assert Backlog().oldest_at is None


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=120))
def test_it_is_never_younger_than_the_oldest_in_a_queue(steps: list[tuple[int, int]]) -> None:
    queue: deque[float] = deque()
    backlog = seen([(0.0, 0.0)])
    for number, (coming, leaving) in enumerate(steps):
        queue.extend([number + 0.5] * coming)
        for _ in range(min(leaving, len(queue))):
            queue.popleft()
        backlog = backlog.update(number + 1.0, float(len(queue)))
        oldest = backlog.oldest_at
        assert oldest is not None
        assert not queue or oldest <= queue[0]
        assert queue or oldest == number + 1.0


def test_it_is_bounded() -> None:
    readings = ((float(n), 10.0 + n % 3 + n / 4) for n in range(5000))
    assert len(seen(readings).marks) <= MOST_MARKS
