"""How many replicas a demand needs."""

import math

from wattswitch.planner.model import Workload

TOLERANCE_REPLICAS = 1e-9
"""What a division of decimals held as floats may be off: 0.14 / 0.02 is 7.000000000000001."""


def replicas_for(w: Workload, demand: float) -> int:
    """The fewest replicas that serve this demand, at most `max_replicas`; never more for less demand."""
    if w.demand is None or demand >= w.max_replicas * w.demand.per_replica:
        return w.max_replicas
    if demand <= 0:
        return 0
    return max(0, math.ceil(demand / w.demand.per_replica - TOLERANCE_REPLICAS))
