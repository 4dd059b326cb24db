"""The made-up day: the same every time, and with everything in it that a site must cope with."""

import itertools

import pytest

from play import synthetic
from play.series import STEPS

STRIKE_OF_THE_OLDEST_PER_MWH = 38.2 * 1000 / (24 * 30.5 * 1.08)
STRIKE_OF_THE_BEST_PER_MWH = 38.2 * 1000 / (24 * 9.5 * 1.08)
INFERENCE_WORTH_PER_MWH = 2.35 * 1000 / (1.650 * 1.08)


def test_the_same_seed_gives_the_same_day_and_another_one_does_not() -> None:
    assert synthetic.price_day() == synthetic.price_day()
    assert synthetic.price_day().values != synthetic.price_day(seed=1).values


@pytest.mark.parametrize("seed", [synthetic.SEED, 1, 2])
def test_prices_cross_every_threshold_of_the_sample_site(seed: int) -> None:
    prices = synthetic.price_day(seed=seed).values
    assert len(prices) == STEPS
    assert sum(price < 0 for price in prices) >= 12
    assert sum(STRIKE_OF_THE_OLDEST_PER_MWH < price < STRIKE_OF_THE_BEST_PER_MWH for price in prices) >= 12
    assert sum(price > STRIKE_OF_THE_BEST_PER_MWH for price in prices) == 15
    assert sum(price > INFERENCE_WORTH_PER_MWH for price in prices) == 6


@pytest.mark.parametrize("service", synthetic.SERVICES)
def test_demand_surges_within_one_step_and_stays_above_zero(service: str) -> None:
    demand = synthetic.demand_day(service).values
    jumps = [after - before for before, after in itertools.pairwise(demand)]
    assert max(jumps) > 0.8 * synthetic.SERVICES[service].surge * synthetic.REQUESTS_PER_REPLICA
    assert min(demand) > 0
