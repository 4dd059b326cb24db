"""Units of feeds, and how each turns into the base unit of its quantity."""

from enum import StrEnum
from typing import Final


class Quantity(StrEnum):
    """What a number measures. The base unit of each is in its value's comment."""

    PRICE = "price"  # currency per MWh
    POWER = "power"  # W
    HASHPRICE = "hashprice"  # currency per PH/s per day
    GPU_RATE = "gpu_rate"  # currency per GPU hour
    REPLICA_RATE = "replica_rate"  # currency per replica hour
    COUNT = "count"  # dimensionless


_PER: Final = {
    "PerMWh": (Quantity.PRICE, 1),
    "PerKWh": (Quantity.PRICE, 1_000),
    "PerPHPerDay": (Quantity.HASHPRICE, 1),
    "PerTHPerDay": (Quantity.HASHPRICE, 1_000),
    "PerGPUHour": (Quantity.GPU_RATE, 1),
    "PerReplicaHour": (Quantity.REPLICA_RATE, 1),
}


class Unit(StrEnum):
    """The unit of a source's number, currency included."""

    USD_PER_MWH = "USDPerMWh"
    USD_PER_KWH = "USDPerKWh"
    USD_PER_PH_PER_DAY = "USDPerPHPerDay"
    USD_PER_TH_PER_DAY = "USDPerTHPerDay"
    USD_PER_GPU_HOUR = "USDPerGPUHour"
    USD_PER_REPLICA_HOUR = "USDPerReplicaHour"
    EUR_PER_MWH = "EURPerMWh"
    EUR_PER_KWH = "EURPerKWh"
    EUR_PER_PH_PER_DAY = "EURPerPHPerDay"
    EUR_PER_TH_PER_DAY = "EURPerTHPerDay"
    EUR_PER_GPU_HOUR = "EURPerGPUHour"
    EUR_PER_REPLICA_HOUR = "EURPerReplicaHour"
    AUD_PER_MWH = "AUDPerMWh"
    AUD_PER_KWH = "AUDPerKWh"
    AUD_PER_PH_PER_DAY = "AUDPerPHPerDay"
    AUD_PER_TH_PER_DAY = "AUDPerTHPerDay"
    AUD_PER_GPU_HOUR = "AUDPerGPUHour"
    AUD_PER_REPLICA_HOUR = "AUDPerReplicaHour"
    GBP_PER_MWH = "GBPPerMWh"
    GBP_PER_KWH = "GBPPerKWh"
    GBP_PER_PH_PER_DAY = "GBPPerPHPerDay"
    GBP_PER_TH_PER_DAY = "GBPPerTHPerDay"
    GBP_PER_GPU_HOUR = "GBPPerGPUHour"
    GBP_PER_REPLICA_HOUR = "GBPPerReplicaHour"
    PENCE_PER_KWH = "PencePerKWh"
    WATTS = "Watts"
    KILOWATTS = "Kilowatts"
    MEGAWATTS = "Megawatts"
    COUNT = "Count"

    @property
    def quantity(self) -> Quantity:
        """What a number in this unit measures."""
        return _TABLE[self][0]

    @property
    def currency(self) -> str | None:
        """ISO 4217 code of the money in it, None where there is none."""
        return _TABLE[self][1]

    @property
    def to_base(self) -> int:
        """What to multiply a number in this unit by to have the base unit of its quantity."""
        return _TABLE[self][2]

    @classmethod
    def of(cls, *quantities: Quantity) -> tuple["Unit", ...]:
        """The units of these quantities."""
        return tuple(unit for unit in cls if unit.quantity in quantities)


def _describe(unit: Unit) -> tuple[Quantity, str | None, int]:
    currency, per = unit.value[:3], unit.value[3:]
    quantity, to_base = _PER[per]
    return quantity, currency, to_base


_WITHOUT_ISO_CURRENCY: Final[dict[Unit, tuple[Quantity, str | None, int]]] = {
    Unit.PENCE_PER_KWH: (Quantity.PRICE, "GBP", 10),
    Unit.WATTS: (Quantity.POWER, None, 1),
    Unit.KILOWATTS: (Quantity.POWER, None, 1_000),
    Unit.MEGAWATTS: (Quantity.POWER, None, 1_000_000),
    Unit.COUNT: (Quantity.COUNT, None, 1),
}
_TABLE: Final = {unit: _WITHOUT_ISO_CURRENCY.get(unit) or _describe(unit) for unit in Unit}
CURRENCIES: Final = tuple(sorted({currency for _, currency, _ in _TABLE.values() if currency}))
