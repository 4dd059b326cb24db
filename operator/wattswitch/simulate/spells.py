"""The sizes of a run over time. What moves within a step counts from the moment at which it moves."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Spells:
    """S stretches of time in which nothing moves, in order; every step has at least one.

    `steps` (S,) are the places of the steps that they are in, `seconds` (S,) how long they last: those of one step add
    up to its length. `sizes` (S, N) are replicas.
    """

    steps: NDArray[np.int64]
    seconds: NDArray[np.float64]
    sizes: NDArray[Any]

    @cached_property
    def firsts(self) -> NDArray[np.int64]:
        """(T,) where the spells of each step begin."""
        return np.flatnonzero(np.diff(self.steps, prepend=-1))

    @cached_property
    def mean(self) -> NDArray[np.float64]:
        """(T, N) the mean sizes of each step, weighted by time."""
        seconds = np.add.reduceat(self.seconds, self.firsts)
        return np.asarray(np.add.reduceat(self.sizes * self.seconds[:, None], self.firsts, axis=0) / seconds[:, None])

    @property
    def last(self) -> NDArray[np.int64]:
        """(T, N) the sizes with which each step ends."""
        return np.asarray(self.sizes[np.append(self.firsts[1:], self.steps.size) - 1], dtype=np.int64)

    def joined(self, other: "Spells", step: int) -> "Spells":
        """These up to a step, and the others from there on."""
        mine, theirs = self.steps < step, other.steps >= step
        return Spells(
            np.concatenate((self.steps[mine], other.steps[theirs])),
            np.concatenate((self.seconds[mine], other.seconds[theirs])),
            np.concatenate((self.sizes[mine], other.sizes[theirs])),
        )


class SpellsBook:
    """Spells as they are written: `put` the sizes of a step and when in it they begin."""

    def __init__(self, steps: int, workloads: int, step_seconds: float) -> None:
        self._step_seconds = step_seconds
        self._first = np.zeros((steps, workloads), dtype=np.int64)
        self._later: list[tuple[int, float, list[int]]] = []

    def put(self, step: int, seconds: float, sizes: list[int]) -> None:
        """From so many seconds after the beginning of this step the sizes are these."""
        if seconds <= 0:
            self._first[step] = sizes
        else:
            self._later.append((step, seconds, sizes))

    def spells(self) -> Spells:
        """All of them; sizes of zero where nothing was put."""
        count, workloads = self._first.shape
        steps = np.concatenate((np.arange(count), [step for step, _, _ in self._later])).astype(np.int64)
        begins = np.concatenate((np.zeros(count), [seconds for _, seconds, _ in self._later]))
        later = np.array([sizes for _, _, sizes in self._later], dtype=np.int64).reshape(-1, workloads)
        order = np.lexsort((begins, steps))
        steps, begins, sizes = steps[order], begins[order], np.concatenate((self._first, later))[order]
        ends = np.append(begins[1:], self._step_seconds)
        ends[:-1][steps[1:] != steps[:-1]] = self._step_seconds
        return Spells(steps, ends - begins, sizes)
