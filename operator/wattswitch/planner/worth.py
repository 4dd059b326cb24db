"""Price and worth on one scale: money per MWh at the meter.

Formulas: a miner of e J/TH earns H·(1-fee)/(24·e) per kWh at hashprice H per PH/s and day; a replica that earns r per
hour on k kW earns r/k per kWh. Dividing by PUE moves both from the pod to the meter. The pool's fee comes off whatever
a pool earns. What no float can hold is not known.
"""

import math

from wattswitch.planner.model import PUE_SCALE, Budget, Workload, WorthUnit
from wattswitch.planner.signals import SHED, Usable, usable

KWH_PER_MWH = 1000
HOURS_PER_DAY = 24
SECONDS_PER_HOUR = 3600
WATTS_PER_MEGAWATT = 1_000_000


def all_in_price_per_mwh(budget: Budget) -> Usable:
    """The feed's price with the site's adder."""
    price = usable(budget.price, max)
    if price.value is None:
        return SHED
    return _finite(price.value + budget.adder_per_mwh, raisable=price.raisable)


def worth_per_mwh(workload: Workload, pue_1e4: int) -> Usable:
    """What one MWh at the meter earns when this workload draws it; for a pool this is its strike price."""
    value, raisable = usable(workload.worth.signal, min)
    if value is None:
        return SHED
    value *= 1 - workload.worth.pool_fee_percent / 100
    return _finite(value * _per_mwh_factor(workload, pue_1e4 / PUE_SCALE), raisable=raisable)


def switch_costs(workload: Workload, worth_per_mwh: float, pue_1e4: int) -> tuple[float, float]:
    """What a start and a stop cost, in money per MW at the meter: the start itself, and time without income."""
    megawatts = workload.it_watts_per_replica * pue_1e4 / PUE_SCALE / WATTS_PER_MEGAWATT
    earned_per_second = max(0.0, worth_per_mwh) / SECONDS_PER_HOUR
    start = workload.cost_per_start / megawatts + earned_per_second * workload.start_seconds
    return start, earned_per_second * workload.drain_seconds


def _finite(value: float, *, raisable: bool) -> Usable:
    return Usable(value, raisable) if math.isfinite(value) else SHED


def _per_mwh_factor(workload: Workload, pue: float) -> float:
    """Money per MWh at the meter for one unit of the signal."""
    kilowatts = workload.it_watts_per_replica / 1000
    match workload.worth.unit:
        case WorthUnit.PER_MWH:
            return 1.0
        case WorthUnit.HASHPRICE:
            return KWH_PER_MWH / (HOURS_PER_DAY * workload.worth.joules_per_terahash * pue)
        case WorthUnit.PER_GPU_HOUR:
            return KWH_PER_MWH * workload.gpus_per_replica / (kilowatts * pue)
        case WorthUnit.PER_REPLICA_HOUR:
            return KWH_PER_MWH / (kilowatts * pue)
