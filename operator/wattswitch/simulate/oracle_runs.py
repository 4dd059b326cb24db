"""When each level of one workload runs at best: dynamic programming backwards over the steps, then forward.

A state is on or off with the steps since the last switch, counted up to what dwell needs. `may` and `must` beat dwell,
as the limit does. The state before the first step is free.

The steps are cut into chunks that are reckoned side by side, each from a guess of what the states at its end are worth.
What the next chunk then says of its beginning replaces the guess, and chunks whose guess was wrong are reckoned again
until none is: the same result as in one go, and mostly after two rounds, as what comes a chunk later seldom matters.
"""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

import numpy as np

from wattswitch.simulate.problem import Floats, Ints, Mask

NEVER: Final = -np.inf

CHUNK_STEPS: Final = 256
"""Steps that are reckoned one after another."""

NOTHING: Final = 1e-9
"""Part of a value that is no more than the error of a sum of floats."""


@dataclass(frozen=True)
class Levels:
    """Levels of one workload that face the same: `last` (K,) the highest level of each run of equal ones.

    Arrays are (T, K): what a level earns while it runs, what raising and lowering it cost, whether it may or must run.
    """

    last: Ints
    reward: Floats
    start: Floats
    stop: Floats
    may: Mask
    must: Mask

    @property
    def width(self) -> Ints:
        """(K,) how many levels each column stands for."""
        return np.diff(self.last, prepend=0)


def best_runs(levels: Levels, min_run: int, min_off: int) -> Mask:
    """(T, K) when each column runs."""
    steps, columns = levels.may.shape
    backward = _Backward(levels, min_run, min_off)
    backward.run()
    leave, enter = backward.leave[:steps], backward.enter[:steps]
    forced_off, forced_on = backward.forced_off[:steps], backward.forced_on[:steps]
    result = np.zeros((steps, columns), dtype=np.bool_)
    for k in range(columns):
        on, off = _Turns(leave[:, k], forced_off[:, k], min_run), _Turns(enter[:, k], forced_on[:, k], min_off)
        begins, running, mature = [0], bool(backward.first_on[k]), 0
        while begins[-1] < steps:
            turn = (on if running else off).next(begins[-1], mature)
            begins.append(min(turn + 1, steps))
            running = not running
            mature = begins[-1] + (min_run if running else min_off) - 1
        turned = np.arange(len(begins) - 1) % 2 == 1
        result[:, k] = np.repeat(turned != backward.first_on[k], np.diff(begins))
    return result


class _Turns:
    """The steps after which one state of a level ends: by choice once dwell is over, or forced."""

    def __init__(self, chosen: Mask, forced: Mask, dwell: int) -> None:
        self._chosen: list[int] = np.flatnonzero(chosen).tolist()
        self._forced: list[int] = np.flatnonzero(forced).tolist() if dwell > 1 else []
        self._end = len(chosen)

    def next(self, at: int, mature: int) -> int:
        """The first such step from `at` on, by choice from `mature` on."""
        place = bisect_left(self._chosen, max(at, mature))
        first = self._chosen[place] if place < len(self._chosen) else self._end
        if not self._forced:
            return first
        forced = bisect_left(self._forced, at)
        return min(first, self._forced[forced]) if forced < len(self._forced) else first


class _Backward:
    """What the best is from each step on: (T', K) `leave` and `enter` say where to switch once dwell is over.

    T' is T rounded up to whole chunks; in the steps beyond the last one nothing is earned and nothing costs.
    """

    def __init__(self, levels: Levels, min_run: int, min_off: int) -> None:
        self._steps, self._columns = levels.may.shape
        self._length = min(CHUNK_STEPS, max(1, self._steps))
        self._chunks = -(-self._steps // self._length)
        self._reward = self._padded(levels.reward, 0.0)
        self._never_on, self._never_off = self._padded(~levels.may, False), self._padded(levels.must, False)  # noqa: FBT003
        self._stop, self._start = self._padded(levels.stop[1:], 0.0), self._padded(levels.start[1:], 0.0)
        self.forced_off, self.forced_on = self._padded(~levels.may[1:], False), self._padded(levels.must[1:], False)  # noqa: FBT003
        self.leave, self.enter = np.zeros_like(self.forced_off), np.zeros_like(self.forced_on)
        self._ages = min_run + min_off
        self._young_off = min_run
        self.first_on = np.zeros(self._columns, dtype=np.bool_)

    def run(self) -> None:
        """Reckon chunks until what each takes for granted of the next one is what that says."""
        worth = np.zeros((self._chunks + 1, self._ages, self._columns))
        wrong = np.arange(self._chunks)
        while wrong.size:
            begins = self._chunk(wrong, worth[wrong + 1])
            changed = ~np.isclose(begins, worth[wrong], rtol=NOTHING, atol=NOTHING).all(axis=(1, 2))
            worth[wrong] = begins
            wrong = wrong[changed] - 1
            wrong = wrong[wrong >= 0]
        self.first_on = worth[0, self._young_off - 1] > worth[0, -1]

    def _chunk(self, which: Ints, ends: Floats) -> Floats:
        """What states are worth where these chunks begin, (chunks, ages, K), above the best; those on come first."""
        places = which * self._length
        young_off, last = self._young_off, self._ages - 1
        value = np.ascontiguousarray(ends.transpose(1, 0, 2))
        older = np.empty_like(value)
        for t in range(self._length - 1, -1, -1):
            at = places + t
            left, entered = value[young_off] - self._stop[at], value[0] - self._start[at]
            older[:-1] = value[1:]
            older[young_off - 1], older[last] = value[young_off - 1], value[last]
            leave, enter = left > older[young_off - 1], entered > older[last]
            np.maximum(older[young_off - 1], left, out=older[young_off - 1])
            np.maximum(older[last], entered, out=older[last])
            forced_off, forced_on = self.forced_off[at], self.forced_on[at]
            if forced_off.any():
                older[:young_off] = np.where(forced_off, left, older[:young_off])
                leave |= forced_off
            if forced_on.any():
                older[young_off:] = np.where(forced_on, entered, older[young_off:])
                enter |= forced_on
            self.leave[at], self.enter[at] = leave, enter
            older[:young_off] += self._reward[at]
            if self._never_on[at].any():
                older[:young_off] = np.where(self._never_on[at], NEVER, older[:young_off])
            if self._never_off[at].any():
                older[young_off:] = np.where(self._never_off[at], NEVER, older[young_off:])
            value, older = older, value
        return np.asarray((value - value.max(axis=0)).transpose(1, 0, 2))

    def _padded(self, rows: np.ndarray, with_: float | bool) -> np.ndarray:  # noqa: FBT001
        whole = np.full((self._chunks * self._length, self._columns), with_, dtype=rows.dtype)
        whole[: len(rows)] = rows
        return whole
