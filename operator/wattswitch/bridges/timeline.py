"""Windows of time, and which of several overlapping claims holds when. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import Final

from wattswitch.bridges.asked import Asked, Limit
from wattswitch.curtailment import Form

FOREVER: Final = float("inf")
"""The end of a window that is open."""

LOWEST_PRIORITY: Final = 2**31
"""What a missing priority counts as: any number that is given is higher in rank."""

Window = tuple[float, float]
"""From a time until another, half open; Unix seconds."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A limit among others of its kind: of overlapping ones with different `priority` the lower number holds."""

    asked: Asked
    kind: str
    priority: int = LOWEST_PRIORITY

    @property
    def window(self) -> Window:
        """When it claims to hold."""
        end = self.asked.end
        return self.asked.start, FOREVER if end is None else end


def without(window: Window, others: Iterable[Window]) -> list[Window]:
    """What is left of a window, in order."""
    left = [window]
    for first, last in others:
        left = [
            piece
            for start, end in left
            for piece in ((start, min(end, first)), (max(start, last), end))
            if piece[0] < piece[1]
        ]
    return sorted(left)


def prevailing(claims: Iterable[Claim]) -> list[Asked]:
    """What of each claim is not overruled by a claim of its kind with a lower number.

    Claims of equal priority all stay: of limits the lowest holds anyway.
    """
    by_kind: dict[str, list[Claim]] = {}
    for claim in claims:
        by_kind.setdefault(claim.kind, []).append(claim)
    return [asked for alike in by_kind.values() for asked in _prevailing(alike)]


def _prevailing(alike: Sequence[Claim]) -> list[Asked]:
    kept: list[Asked] = []
    taken: list[Window] = []
    for _, equals in groupby(sorted(alike, key=_priority), key=_priority):
        rank = list(equals)
        starts = [start for start, _ in taken]
        for claim in rank:
            first, last = claim.window
            low, high = max(0, bisect_right(starts, first) - 1), bisect_left(starts, last)
            kept += _pieces(claim.asked, without(claim.window, taken[low:high]), whole=claim.window)
        taken = union([*taken, *(claim.window for claim in rank)])
    return kept


def _priority(claim: Claim) -> int:
    return claim.priority


def union(windows: Iterable[Window]) -> list[Window]:
    """The same time as windows that neither overlap nor touch, in order."""
    joined: list[Window] = []
    for start, end in sorted(windows):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _pieces(asked: Asked, windows: Sequence[Window], whole: Window) -> list[Asked]:
    if list(windows) == [whole]:
        return [asked]
    return [cut(asked, window, f".{place}") for place, window in enumerate(windows)]


def cut(asked: Asked, window: Window, suffix: str) -> Asked:
    """The same limit over another window, as another part."""
    start, end = window
    return replace(
        asked, start=start, duration_seconds=None if end == FOREVER else end - start, part=asked.part + suffix
    )


def with_reservations(subscribed: Iterable[Claim], reserved: Iterable[Claim]) -> list[Asked]:
    """Import capacity: what is subscribed to, and what is reserved above it while that holds.

    Of several reservations at one time the smallest counts. A reservation without a subscription limits nothing.
    """
    extra = prevailing(reserved)
    return [piece for base in prevailing(subscribed) for piece in _raised(base, extra)]


def _raised(base: Asked, extra: Sequence[Asked]) -> list[Asked]:
    first, last = base.start, FOREVER if base.end is None else base.end
    edges = {first, last}
    for asked in extra:
        edges |= {edge for edge in (asked.start, FOREVER if asked.end is None else asked.end) if first < edge < last}
    times = sorted(edges)
    pieces = []
    for place, (start, end) in enumerate(pairwise(times)):
        amounts = [asked.limit.amount for asked in extra if asked.holds_at(start)]
        watts = base.limit.amount + (min(amounts) if amounts else 0)
        piece = base if len(times) == 2 else cut(base, (start, end), f".{place}")
        pieces.append(replace(piece, limit=Limit(Form.TO_WATTS, watts)))
    return pieces


def lowest_watts(asked: Iterable[Asked], at: float) -> int | None:
    """The lowest limit in watts that holds at a time; None where none does. Limits in other forms are left out."""
    amounts = [one.limit.amount for one in asked if one.limit.form is Form.TO_WATTS and one.holds_at(at)]
    return min(amounts) if amounts else None
