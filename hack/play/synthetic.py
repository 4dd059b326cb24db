"""The day that is played where no file is given. It is made up: no market and no service ever had it.

The price is a duck curve, in $/MWh by hour of day h, where bump(h; centre, width) = exp(-((h - centre)/width)^2):

    34  - 12·bump(3; 2.5)  + 22·bump(7.5; 1.3)  - 58·bump(12.8; 2.6)  + 95·bump(19.2; 1.4)  + noise

Noise is autoregressive (0.8 of the last step plus a normal draw of 1.2). The sun pushes noon below zero and the
evening above the strike of the oldest miners. From 19:15 to 20:30 a scarcity of 420 tops every miner's strike, and
from 19:30 to 20:00 one of 1,900 tops what the sample's inference earns too.

Demand is in requests in flight, eight of which keep one replica busy: a floor, a bump in the day, noise, and a surge
that comes within one step, so that watts must move from miners to inference at once.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from play.series import STEP_SECONDS, STEPS, Day

SEED = 20240508
REQUESTS_PER_REPLICA = 8
START = 1_715_126_400.0  # 2024-05-08T00:00Z
SCARCITY = ((19.25, 20.5, 420.0), (19.5, 20.0, 1900.0))


@dataclass(frozen=True, slots=True)
class Service:
    """The shape of one service's demand, in replicas."""

    floor: float
    swing: float
    peak_hour: float
    surge: float
    surge_from: float
    surge_to: float


SERVICES = {
    "chat": Service(floor=7, swing=9, peak_hour=15.0, surge=9, surge_from=11.0, surge_to=11.75),
    "summaries": Service(floor=9, swing=6, peak_hour=21.0, surge=8, surge_from=16.75, surge_to=17.5),
}


def price_day(start: float = START, seed: int = SEED) -> Day:
    """Return a day of prices, $/MWh."""
    noise = _noise(random.Random(f"price {seed}"), 1.2)
    values = [_price(hour) + noise() for hour in _hours()]
    for begin, end, price in SCARCITY:
        values = [price if begin <= hour < end else value for hour, value in zip(_hours(), values, strict=True)]
    return Day("synthetic prices", start, tuple(round(value, 2) for value in values))


def demand_day(service: str, start: float = START, seed: int = SEED) -> Day:
    """Return a day of demand of one of SERVICES, in requests in flight."""
    shape = SERVICES[service]
    noise = _noise(random.Random(f"{service} {seed}"), 0.25)
    busy = [max(0.0, _demand(shape, hour) + noise()) for hour in _hours()]
    values = tuple(round(REQUESTS_PER_REPLICA * replicas, 1) for replicas in busy)
    return Day("synthetic demand", start, values)


def _hours() -> list[float]:
    return [step * STEP_SECONDS / 3600 for step in range(STEPS)]


def _bump(hour: float, centre: float, width: float) -> float:
    return math.exp(-(((hour - centre) / width) ** 2))


def _price(hour: float) -> float:
    night, morning = -12 * _bump(hour, 3, 2.5), 22 * _bump(hour, 7.5, 1.3)
    sun, evening = -58 * _bump(hour, 12.8, 2.6), 95 * _bump(hour, 19.2, 1.4)
    return 34 + night + morning + sun + evening


def _demand(shape: Service, hour: float) -> float:
    surge = shape.surge if shape.surge_from <= hour < shape.surge_to else 0.0
    return shape.floor + shape.swing * _bump(hour, shape.peak_hour, 5) + surge


def _noise(dice: random.Random, spread: float) -> Callable[[], float]:
    last = 0.0

    def draw() -> float:
        nonlocal last
        last = 0.8 * last + dice.gauss(0, spread)
        return last

    return draw
