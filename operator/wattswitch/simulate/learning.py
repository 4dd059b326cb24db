"""What the operator would have learned of prices and demand by each moment, from what it could see by then."""

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wattswitch.planner.backlog import Backlog
from wattswitch.planner.forecast import DemandModel, Expected
from wattswitch.planner.model import PriceCurve, PriceOutlook
from wattswitch.planner.price_model import PriceModel
from wattswitch.simulate.inputs import CURVE_AHEAD_SECONDS, HOUR_SECONDS, WARM_SECONDS, Inputs
from wattswitch.simulate.series import Series

CURVE_BEHIND_SECONDS: Final = 6 * HOUR_SECONDS
"""How far back a decision sees a curve, as in the operator."""

_NO_CURVE: Final = PriceCurve()


class PriceLearner:
    """Learns each price as it becomes known, together with what was published for it."""

    def __init__(self, inputs: Inputs) -> None:
        self._model = PriceModel()
        self._delay_seconds = inputs.price_delay_seconds
        self._rows = _prices(inputs)
        self._next = next(self._rows, None)
        self._curve = _Curve(inputs)
        self._outlook: PriceOutlook | None = None

    def outlook(self, now: float) -> PriceOutlook:
        """What is known at `now`; the same object while nothing new is known."""
        model = self._model
        while self._next is not None and self._next[0] + self._delay_seconds <= now:
            model = model.update(*self._next)
            self._next = next(self._rows, None)
        curve = self._curve.at(now)
        if self._outlook is None or model is not self._model or curve is not self._outlook.curve:
            self._outlook = PriceOutlook(model.lessons if model.samples else None, curve, model.recent)
        self._model = model
        return self._outlook


def _prices(inputs: Inputs) -> Iterator[tuple[float, float, float | None]]:
    """Start, price and published price of each row that is learned from, in order."""
    if inputs.prices is None:
        return
    starts = inputs.prices.starts
    published = np.full(starts.size, np.nan) if inputs.curve is None else inputs.curve.at(starts)
    first = int(np.searchsorted(starts, inputs.times[0] - WARM_SECONDS))
    rows = zip(starts[first:].tolist(), inputs.prices.values[first:].tolist(), published[first:].tolist(), strict=True)
    for start, price, curve in rows:
        yield start, price, None if math.isnan(curve) else curve


class _Curve:
    """The part of the published curve that is known and not over."""

    def __init__(self, inputs: Inputs) -> None:
        self._series, self._known_from = inputs.curve, inputs.curve_known_from
        self._place = (-1, -1)
        self._current = _NO_CURVE
        self._same_until = self._covered_from = self._covered_until = -math.inf

    def at(self, now: float) -> PriceCurve:
        """The curve around this hour, empty where nothing is known of now; the same object within an hour."""
        if self._series is None or self._known_from is None:
            return self._current
        if now >= self._same_until:
            self._move_to(now, self._series, self._known_from)
        return self._current if self._covered_from <= now < self._covered_until else _NO_CURVE

    def _move_to(self, now: float, series: Series, known_from: NDArray[np.float64]) -> None:
        """Take what is known from now until the hour is over or more is published."""
        hour = now - now % HOUR_SECONDS
        known = int(np.searchsorted(known_from, now, side="right"))
        more = float(known_from[known]) if known < known_from.size else math.inf
        self._same_until = min(hour + HOUR_SECONDS, more)
        first = max(0, int(np.searchsorted(series.starts, hour - CURVE_BEHIND_SECONDS, side="right")) - 1)
        last = min(known, int(np.searchsorted(series.starts, hour + CURVE_AHEAD_SECONDS)))
        self._covered_from = float(series.starts[first]) if last > first else math.inf
        self._covered_until = float(series.ends[last - 1]) if last > first else -math.inf
        if (first, last) != self._place:
            self._place = (first, last)
            starts = tuple(series.starts[first:last].tolist())
            self._current = PriceCurve(starts, tuple(series.values[first:last].tolist()))


class DemandLearner:
    """Learns one demand for the workloads that share it and whose replicas take so long to start."""

    def __init__(self, lead_seconds: float) -> None:
        self._model = DemandModel(float(lead_seconds))
        self._asked: tuple[float, float, float] | None = None
        self._expected: Expected | None = None

    @property
    def recent(self) -> tuple[tuple[float, float], ...]:
        """What demand has been lately, as `Demand.recent` has it."""
        return self._model.recent

    def ahead(self, now: float, at: float, value: float) -> Expected | None:
        """What to be ready for one start time from now, given the newest reading; None where it can't be foretold."""
        if self._asked != (now, at, value):
            self._asked, self._model = (now, at, value), self._model.update(at, value)
            self._expected = self._model.ahead(now)
        return self._expected


class BacklogLearner:
    """Learns how old the oldest of the waiting work is."""

    def __init__(self, *, in_order: bool) -> None:
        self._backlog = Backlog(in_order)

    def oldest_at(self, now: float, at: float, waiting: float) -> float:
        """When the oldest work came at the earliest, given the newest reading."""
        self._backlog = self._backlog.update(at, waiting)
        return now if self._backlog.oldest_at is None else self._backlog.oldest_at
