"""The steps that are played: what was asked for, as far as the recorded series go."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wattswitch.simulate.series import InputsError, Series, write_moment

MOST_STEPS: Final = 20_000_000
"""Steps of one simulation: 190 years at five minutes. More is a slip of the finger."""

LONGEST_HOLE_HOURS: Final = 24
"""The longest time without a price in which the last one is taken to hold for the money."""


@dataclass(frozen=True, slots=True)
class Period:
    """From when to when and how fine; None is as far and as fine as the series go."""

    start: float | None = None
    end: float | None = None
    step_seconds: float | None = None


AS_RECORDED: Final = Period()
"""As far and as fine as the series go."""

Grid = tuple[NDArray[np.float64], float, tuple[str, ...]]
"""When each step begins, Unix seconds; the length of one; and what to say where less is played than was asked for."""


def grid_of(polled: list[Series], period: Period, *, covers: bool) -> Grid:
    """The steps that are played. Raises InputsError where there is none.

    With `covers` the first series is all that is known of the price: what it does not cover is not played.
    """
    start = period.start if period.start is not None else max((s.first for s in polled), default=None)
    end = period.end if period.end is not None else min((s.end for s in polled), default=None)
    if start is None or end is None:
        raise InputsError("no series says from when to when: add --from and --to")
    step = period.step_seconds if period.step_seconds is not None else (polled[0].step_seconds if polled else 300.0)
    if step <= 0:
        raise InputsError(f"--step {step:g} must be above 0")
    if end <= start and period.start is None and period.end is None:
        raise InputsError(f"the series have no time in common ({_covered(polled)}): name files of the same time")
    if end - start < step:
        raise InputsError(_nothing_covered(polled, start, end, step))
    count = int((end - start) // step)
    if count > MOST_STEPS:
        raise InputsError(f"{count} steps are more than {MOST_STEPS}: shorten --from … --to or lengthen --step")
    if polled and (start >= polled[0].end or end <= polled[0].first):
        raise InputsError(_nothing_covered(polled, start, end, step))
    first, last = 0, count
    if covers:
        first = max(0, math.ceil((polled[0].first - start) / step))
        last = min(count, int((polled[0].end - start) // step))
    if last <= first:
        raise InputsError(_nothing_covered(polled, start, end, step))
    times = start + step * np.arange(first, last, dtype=np.float64)
    return times, step, tuple(_cut(polled, times, step)) if last - first < count else ()


def _cut(polled: list[Series], times: NDArray[np.float64], step: float) -> Iterator[str]:
    covered = f"{write_moment(polled[0].first)} to {write_moment(polled[0].end)}"
    played = f"{write_moment(float(times[0]))} to {write_moment(float(times[-1]) + step)}"
    yield f"{polled[0].name} covers {covered}: what was asked for beyond it is left out, and {played} is played"


def refuse_long_holes(price: Series, times: NDArray[np.float64], step: float) -> None:
    """Refuse to judge days by a price of long before."""
    begins, ends = price.ends, np.append(price.starts[1:], np.inf)
    played = (ends > times[0]) & (begins < times[-1] + step) & (ends < np.inf)
    long = np.flatnonzero(played & (ends - begins > LONGEST_HOLE_HOURS * 3600))
    if long.size:
        hole = f"{write_moment(float(begins[long[0]]))} to {write_moment(float(ends[long[0]]))}"
        raise InputsError(
            f"{price.name} has no number from {hole}, and no run is judged over more than"
            f" {LONGEST_HOLE_HOURS} h without a price: play what is before and after apart, with"
            " --from and --to"
        )


def refuse_outside(option: str, known: Series, since: float, until: float) -> None:
    """Refuse a series that says nothing between two moments. Raises InputsError with `option`, the file and both."""
    if ((known.starts < until) & (known.ends > since)).any():
        return
    asked = f"{write_moment(since)} to {write_moment(until)}"
    covered = (
        f"it covers {write_moment(known.first)} to {write_moment(known.end)}" if known.starts.size else "or at all"
    )
    what = f"{option}: {known.name} has no number that is believed for {asked} ({covered})"
    raise InputsError(f"{what}: name another file, or change --from and --to")


def _nothing_covered(polled: list[Series], start: float, end: float, step: float) -> str:
    asked = f"{write_moment(start)} to {write_moment(end)}"
    return f"no step of {step:g} s from {asked} can be played ({_covered(polled)}): change --from and --to"


def _covered(polled: list[Series]) -> str:
    return "; ".join(f"{s.name} covers {write_moment(s.first)} to {write_moment(s.end)}" for s in polled)
