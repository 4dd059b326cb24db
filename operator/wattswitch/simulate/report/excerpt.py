"""Which stretch of the run is worth showing in full."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from wattswitch.pages import amounts
from wattswitch.pages.scale import Floats
from wattswitch.simulate.report import wording
from wattswitch.simulate.report.columns import MOST_COLUMNS
from wattswitch.simulate.report.data import Excerpt, ReportData, Role

_WEEK_STEP = 1800.0
"""From this step on a day has too few steps to be worth a plot: a week is shown."""


def excerpt(data: ReportData) -> Excerpt | None:
    """The one that the data names, else the local day or week that lost most to foresight, else that moved most.

    None where the whole run is short enough to be drawn in full anyway.
    """
    if data.excerpt is not None or len(data.times) <= MOST_COLUMNS:
        return data.excerpt
    starts = _midnights(data, 7 if data.step_seconds >= _WEEK_STEP else 1)
    which = np.searchsorted(starts, data.times, side="right") - 1
    lost = _lost(data)
    if lost is not None and lost.sum() > 0:
        most, part = _most(data, starts, which, lost)
        return replace(
            part, why=f"that lost most to {wording.policy('foresight')}: {amounts.money(most, data.currency)}"
        )
    return _most(data, starts, which, _moved(data))[1]


def _most(data: ReportData, starts: Floats, which: NDArray[np.intp], values: Floats) -> tuple[float, Excerpt]:
    """The stretch with the highest sum, and that sum."""
    inside = which >= 0
    sums = np.bincount(which[inside], weights=values[inside], minlength=len(starts))
    best = int(np.argmax(sums))
    end = float(starts[best + 1]) if best + 1 < len(starts) else data.end
    return float(sums[best]), Excerpt(float(starts[best]), end, "with the most switching")


def _lost(data: ReportData) -> Floats | None:
    """What foresight in whole pods earned more in each step, (T,); None where one of the two is not known."""
    ours, oracle = data.policy(Role.WATTSWITCH), data.policy(Role.FORESIGHT)
    if ours is None or oracle is None or ours.cumulative_profit is None or oracle.cumulative_profit is None:
        return None
    lost: Floats = np.diff(np.nan_to_num(oracle.cumulative_profit - ours.cumulative_profit), prepend=0.0)
    return lost


def _moved(data: ReportData) -> Floats:
    """Watts that came or went at the start of each step, all workloads together, (T,)."""
    moved = np.zeros(len(data.times))
    for workload in data.workloads:
        moved[1:] += np.nan_to_num(np.abs(np.diff(workload.watts)))
    return moved


def _midnights(data: ReportData, days: int) -> Floats:
    """Local midnights within the run, that many days apart."""
    midnight = amounts.local(float(data.times[0]), data.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    starts = []
    while midnight.timestamp() < data.end:
        if midnight.timestamp() >= data.times[0]:
            starts.append(midnight.timestamp())
        midnight += timedelta(days=1)
    return np.array(starts[::days] or [float(data.times[0])])
