"""A linear program with or without whole numbers, built by ranges of columns and blocks of rows, solved by HiGHS."""

import os
import sys
from pathlib import Path
from typing import Any, Final

import highspy
import numpy as np

from wattswitch.errors import WattswitchError
from wattswitch.simulate.problem import Floats, Ints

INFINITY: Final = highspy.kHighsInf
STANDARD_OUTPUT: Final = 1

GAP: Final = 1e-9
"""How near to the optimum a program with whole numbers is solved, as a part of it."""


class SolverError(WattswitchError):
    """HiGHS found no optimum; the text says of what. Remedy: none by hand; report it with the files."""


class Program:
    """What earns the most: columns have bounds and a gain for each unit, rows are sums with an upper bound."""

    def __init__(self, *, whole: bool = False) -> None:
        self.columns = 0
        self._whole = whole
        self._gain: list[Floats] = []
        self._low: list[Floats] = []
        self._high: list[Floats] = []
        self._index: list[Ints] = []
        self._value: list[Floats] = []
        self._length: list[Ints] = []
        self._least: list[Floats] = []
        self._most: list[Floats] = []

    def add(self, gain: Floats, low: Floats | float, high: Floats | float) -> Ints:
        """Add columns, and say where they are."""
        size = gain.size
        self._gain.append(np.asarray(gain, dtype=np.float64))
        self._low.append(_spread(low, size))
        self._high.append(_spread(high, size))
        self.columns += size
        return np.arange(self.columns - size, self.columns, dtype=np.int64)

    def at_most(self, most: Floats | float, *terms: tuple[Ints, Floats | float]) -> None:
        """Add rows side by side: terms are (columns, coefficient), one column of each term for each row."""
        rows = len(terms[0][0])
        if rows:
            self._index.append(np.stack([columns for columns, _ in terms], axis=1).ravel())
            self._value.append(np.stack([_spread(by, rows) for _, by in terms], axis=1).ravel())
            self._close(np.full(rows, len(terms), dtype=np.int64), _spread(-INFINITY, rows), _spread(most, rows))

    def row(self, least: float, most: float, columns: Ints, by: Floats | float) -> None:
        """Add one row over many columns."""
        self._index.append(columns)
        self._value.append(_spread(by, columns.size))
        self._close(np.array([columns.size], dtype=np.int64), _spread(least, 1), _spread(most, 1))

    def maximize(self, what: str) -> tuple[Floats, float]:
        """The columns at the optimum, and what it earns.

        Raises:
            SolverError: there is none.
        """
        if not self.columns:
            return np.empty(0), 0.0
        highs = _solver()
        highs.setOptionValue("mip_rel_gap", GAP)
        if not self._whole:
            highs.setOptionValue("presolve", "off")  # takes longer than it saves where most rows bind
        self._pass_to(highs)
        highs.run()
        status = highs.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            raise SolverError(f"{what}: HiGHS says {highs.modelStatusToString(status)}")
        return np.array(highs.getSolution().col_value), float(highs.getInfo().objective_function_value)

    def _close(self, length: Ints, least: Floats, most: Floats) -> None:
        self._length.append(length)
        self._least.append(least)
        self._most.append(most)

    def _pass_to(self, highs: highspy.Highs) -> None:
        starts = np.concatenate([[0], np.cumsum(_all(self._length))]).astype(np.int32)
        index = _all(self._index).astype(np.int32)
        kind = highspy.HighsVarType.kInteger if self._whole else highspy.HighsVarType.kContinuous
        highs.passModel(
            self.columns,
            starts.size - 1,
            index.size,
            int(highspy.MatrixFormat.kRowwise),
            int(highspy.ObjSense.kMaximize),
            0.0,
            _all(self._gain),
            _all(self._low),
            _all(self._high),
            _all(self._least),
            _all(self._most),
            starts[:-1],
            index,
            _all(self._value),
            np.full(self.columns, int(kind), dtype=np.int32),
        )


def _solver() -> highspy.Highs:
    """A solver that prints nothing.

    HiGHS 1.16 greets on standard output when the first solver of a process is made, before any option can be set.
    """
    sys.stdout.flush()
    with Path(os.devnull).open("wb") as nowhere:
        kept = os.dup(STANDARD_OUTPUT)
        try:
            os.dup2(nowhere.fileno(), STANDARD_OUTPUT)
            highs = highspy.Highs()  # type: ignore[no-untyped-call]
        finally:
            os.dup2(kept, STANDARD_OUTPUT)
            os.close(kept)
    highs.silent()
    return highs


def _spread(value: Floats | float, size: int) -> Floats:
    return np.broadcast_to(np.asarray(value, dtype=np.float64), size)


def _all(parts: list[Any]) -> Any:
    return np.concatenate(parts) if parts else np.empty(0)
