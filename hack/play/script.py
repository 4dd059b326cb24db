"""What is played: prices and demand from files or from the generator, and the feeds that they become."""

from collections.abc import Callable
from dataclasses import dataclass

from play import series, synthetic
from play.series import Day
from play.site import Filling, unit_of

HASHPRICE = 38.2
"""Per PH/s and day, in the currency of the prices."""
GPU_HOUR = 2.35
"""Per busy GPU and hour, in the currency of the prices."""
FROM_FILE = "chat"
"""The service that a demand file is played to; the other one keeps its synthetic demand."""
FROM_FILE_REPLICAS = 25
"""How many replicas the peak of a demand file keeps busy."""
KILOWATT_HOURS = 1000


@dataclass(frozen=True)
class Script:
    """A day of prices and of each service's demand, and how to fill in the site for it."""

    prices: Day
    demand: dict[str, Day]
    per_replica: dict[str, float]
    price_unit: str

    @property
    def title(self) -> str:
        """Where the day comes from."""
        services = sorted({f"{day.title}" for day in self.demand.values()})
        return f"{self.prices.title} from {series.stamp(self.prices.start)}, {', '.join(services)}"

    @property
    def currency(self) -> str:
        """ISO 4217 code of the money of the day."""
        return self.price_unit[:3]

    @property
    def prices_per_mwh(self) -> tuple[float, ...]:
        """Prices in money per MWh."""
        factor = KILOWATT_HOURS if self.price_unit.endswith("PerKWh") else 1
        return tuple(price * factor for price in self.prices.values)

    def feeds(self, step: Callable[[], int]) -> dict[str, Callable[[], float]]:
        """Every feed's name with what it says in the current step."""
        return {
            "price": lambda: self.prices.values[step()],
            "hashprice": lambda: HASHPRICE,
            "gpu-hour": lambda: GPU_HOUR,
            **{f"demand/{name}": _reader(day, step) for name, day in self.demand.items()},
        }

    def filling(self, feeds: str) -> Filling:
        """What the site's templates leave open."""
        return Filling(feeds, self.price_unit, tuple(self.per_replica.items()))


def write(prices: str | None, start: str | None, demand: str | None) -> Script:
    """Put a day together from FILE:COLUMN references and a first moment. Raises SeriesError."""
    begins = series.moment(start) if start else None
    priced = series.read(prices) if prices else None
    if priced:
        day = priced.day(priced.rows[0][0] if begins is None else begins)
    else:
        day = synthetic.price_day(synthetic.START if begins is None else begins)
    script = Script(
        prices=day,
        demand={name: synthetic.demand_day(name, day.start) for name in synthetic.SERVICES},
        per_replica=dict.fromkeys(synthetic.SERVICES, float(synthetic.REQUESTS_PER_REPLICA)),
        price_unit=unit_of(prices.rpartition(":")[2]) if prices else "USDPerMWh",
    )
    if demand:
        recorded = series.read(demand).day_like(day.start)
        peak = max(recorded.values)
        if peak <= 0:
            raise series.SeriesError(f"{recorded.title} has no demand on the day from {series.stamp(recorded.start)}")
        script.demand[FROM_FILE] = recorded
        script.per_replica[FROM_FILE] = peak / FROM_FILE_REPLICAS
    return script


def _reader(day: Day, step: Callable[[], int]) -> Callable[[], float]:
    return lambda: day.values[step()]
