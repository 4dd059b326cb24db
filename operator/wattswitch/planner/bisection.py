"""The largest number that fits, for sums that surge makes uneven."""

from collections.abc import Callable


def largest(low: int, high: int, fits: Callable[[int], bool]) -> int:
    """The largest number up to `high` that fits, `low` where none above it does.

    Whatever is smaller than a number that fits must fit as well.
    """
    if high <= low or fits(high):
        return max(low, high)
    while high - low > 1:
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return low
