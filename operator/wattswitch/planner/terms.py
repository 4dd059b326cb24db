"""What the signals of a workload come to at a decision, reckoned once for all who ask."""

import math
from typing import NamedTuple

from wattswitch.planner.model import Workload
from wattswitch.planner.need import replicas_for
from wattswitch.planner.signals import Usable, usable
from wattswitch.planner.worth import worth_per_mwh

EVERYTHING = Usable(math.inf, raisable=True)
"""The demand of what takes whatever it can get."""


class Terms(NamedTuple):
    """A workload and what may be reckoned with now: worth in money per MWh at the meter, demand in its own unit.

    `demanded` are the replicas that the demand of now asks for, 0 where it is not known; `floor` those that nothing but
    the limit may take.
    """

    workload: Workload
    worth: Usable
    demand: Usable
    demanded: int
    floor: int


def terms(w: Workload, pue_1e4: int) -> Terms:
    """The terms of a workload on a site of this PUE."""
    floor = min(w.floor_replicas, w.max_replicas)
    worth = worth_per_mwh(w, pue_1e4)
    if w.demand is None:
        return Terms(w, worth, EVERYTHING, w.max_replicas, floor)
    demand = usable(w.demand.signal, min)
    demanded = 0 if demand.value is None else replicas_for(w, demand.value)
    return Terms(w, worth, demand, demanded, floor)
