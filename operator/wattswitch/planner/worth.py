"""Price and worth on one scale: money per MWh at the meter.

Formulas: a miner of e J/TH earns H·(1-fee)/(24·e) per kWh at hashprice H per PH/s and day; a replica that earns r per
hour on k kW earns r/k per kWh. Dividing by PUE moves both from the pod to the meter.
"""

from wattswitch.planner.model import PUE_SCALE, Budget, Workload, WorthUnit
from wattswitch.planner.signals import SHED, Usable, usable

KWH_PER_MWH = 1000
HOURS_PER_DAY = 24


def all_in_price_per_mwh(budget: Budget) -> Usable:
    """The feed's price with the site's adder."""
    price = usable(budget.price, max)
    if price.value is None:
        return SHED
    return Usable(price.value + budget.adder_per_mwh, price.raisable)


def worth_per_mwh(workload: Workload, pue_1e4: int) -> Usable:
    """What one MWh at the meter earns when this workload draws it; for a pool this is its strike price."""
    signal = usable(workload.worth.signal, min)
    if signal.value is None or not _has_scale(workload):
        return SHED
    return Usable(signal.value * _per_mwh_factor(workload, pue_1e4 / PUE_SCALE), signal.raisable)


def _has_scale(workload: Workload) -> bool:
    """Whether the hardware says enough to turn the signal into money per MWh."""
    efficiency_known = workload.worth.unit is not WorthUnit.HASHPRICE or workload.worth.joules_per_terahash > 0
    return efficiency_known and workload.it_watts_per_replica > 0


def _per_mwh_factor(workload: Workload, pue: float) -> float:
    worth = workload.worth
    kilowatts = workload.it_watts_per_replica / 1000
    match worth.unit:
        case WorthUnit.PER_MWH:
            return 1.0
        case WorthUnit.HASHPRICE:
            kept = 1 - worth.pool_fee_percent / 100
            return KWH_PER_MWH * kept / (HOURS_PER_DAY * worth.joules_per_terahash * pue)
        case WorthUnit.PER_GPU_HOUR:
            return KWH_PER_MWH * workload.gpus_per_replica / (kilowatts * pue)
        case WorthUnit.PER_REPLICA_HOUR:
            return KWH_PER_MWH / (kilowatts * pue)
