"""Many steps drawn as few columns, so that no spike is lost: each column knows its lowest, mean and highest value."""

from dataclasses import dataclass
from datetime import tzinfo

import numpy as np
from numpy.typing import NDArray

from wattswitch.pages import amounts
from wattswitch.pages.scale import Floats

MOST_COLUMNS = 400
_MOST_WITHIN_DAYS = 256
"""Columns shorter than a day draw every night; more of them than this read as noise."""

_DAY = 86_400.0
_WIDTHS = (3600.0, 2 * 3600.0, 3 * 3600.0, _DAY, 7 * _DAY, 28 * _DAY)


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """The lowest, mean and highest known value in each column, (C,) each; NaN where none is known."""

    low: Floats
    mean: Floats
    high: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Steps gathered into columns.

    `firsts` (C,) are indexes of the first step of each column, `edges` (C + 1,) are Unix seconds.
    """

    firsts: NDArray[np.int64]
    edges: Floats

    @property
    def exact(self) -> bool:
        """Whether every column is one step."""
        return bool(np.array_equal(self.firsts, np.arange(len(self.firsts))))

    @property
    def seconds(self) -> float:
        """The usual width of a column."""
        return float(np.median(np.diff(self.edges)))

    def spread(self, values: Floats) -> Spread:
        """The spread of a series (T,) in each column."""
        values = np.asarray(values, dtype=float)
        known = np.isfinite(values)
        count = np.add.reduceat(known, self.firsts, dtype=float)
        total = np.add.reduceat(np.where(known, values, 0.0), self.firsts)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = total / count
        values = np.where(known, values, np.nan)
        return Spread(np.fmin.reduceat(values, self.firsts), mean, np.fmax.reduceat(values, self.firsts))

    def last(self, values: Floats) -> Floats:
        """The value of the last step of each column."""
        found: Floats = np.asarray(values, dtype=float)[np.append(self.firsts[1:], len(values)) - 1]
        return found


def gather(times: Floats, step_seconds: float, zone: tzinfo, most: int = MOST_COLUMNS) -> Columns:
    """Columns over steps that start at `times` (T,), T above zero.

    One a step where `most` allows, else whole hours, days or weeks, which begin at round local times (as the clock
    was at the start).
    """
    end = float(times[-1]) + step_seconds
    if len(times) <= most:
        return Columns(np.arange(len(times)), np.append(times, end))
    offset = amounts.local(float(times[0]), zone).utcoffset()
    shifted = times + (offset.total_seconds() if offset else 0.0)
    width = _width(end - float(times[0]), step_seconds, most)
    which = np.floor(shifted / width)
    firsts = np.append(0, np.flatnonzero(np.diff(which)) + 1)
    return Columns(firsts, np.append(times[firsts], end))


def _width(span: float, step_seconds: float, most: int) -> float:
    """Seconds of a column: the shortest that keeps to `most`."""
    for width in _WIDTHS:
        allowed = most if width >= _DAY else min(most, _MOST_WITHIN_DAYS)
        if width > step_seconds and span / width <= allowed:
            return width
    return span / most
