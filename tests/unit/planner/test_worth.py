"""Known answers for what a MWh at the meter earns, and for the all-in price."""

import pytest

from builders import hashprice, inference, miner, site
from wattswitch.planner.model import OnStale, Signal, Worth, WorthUnit
from wattswitch.planner.signals import SHED
from wattswitch.planner.worth import all_in_price_per_mwh, worth_per_mwh

STRIKES = {
    30.5: (41.0, 52.2, 59.2, 82.0),
    21.5: (58.1, 74.0, 84.0, 116.3),
    17.5: (71.4, 91.0, 103.2, 142.9),
    15.0: (83.3, 106.1, 120.4, 166.7),
    9.5: (131.6, 167.5, 190.0, 263.2),
}
HASHPRICES = (30.0, 38.2, 43.33, 60.0)


@pytest.mark.parametrize(
    ("efficiency", "price", "strike"),
    [(e, h, strike) for e, row in STRIKES.items() for h, strike in zip(HASHPRICES, row, strict=True)],
)
def test_strike_of_a_miner(efficiency: float, price: float, strike: float) -> None:
    worth = worth_per_mwh(miner(worth=hashprice(efficiency, price)), 10_000)
    assert worth.value == pytest.approx(strike, abs=0.06)


def test_strike_does_not_depend_on_the_machine_s_size() -> None:
    small, large = (miner(worth=hashprice(17.5), it_watts_per_replica=watts) for watts in (100, 35_000))
    assert worth_per_mwh(small, 10_000) == worth_per_mwh(large, 10_000)


def test_pool_fee_and_pue_lower_the_strike() -> None:
    worth = worth_per_mwh(miner(worth=hashprice(17.5, fee_percent=1.0)), 10_800)
    assert worth.value == pytest.approx(1000 * 38.2 * 0.99 / (24 * 17.5 * 1.08))


@pytest.mark.parametrize(
    ("rate", "watts", "pue_1e4", "value"),
    [
        (2.35, 1275, 11_000, 1676),
        (2.35, 1275, 14_000, 1317),
        (2.35 * 0.6, 1275, 11_000, 1005),
        (2.35 * 0.6, 1275, 14_000, 790),
        (1.99, 1275, 11_000, 1419),
        (1.99, 1275, 14_000, 1115),
        (3.50, 1275, 11_000, 2496),
        (3.50, 1275, 14_000, 1961),
        (6.03, 1790, 11_000, 3067),
        (6.03, 1790, 14_000, 2410),
    ],
)
def test_worth_of_a_gpu_hour(rate: float, watts: int, pue_1e4: int, value: float) -> None:
    worth = Worth(Signal(rate), WorthUnit.PER_GPU_HOUR)
    one = inference(worth=worth, it_watts_per_replica=watts, gpus_per_replica=1)
    eight = inference(worth=worth, it_watts_per_replica=8 * watts, gpus_per_replica=8)
    assert worth_per_mwh(one, pue_1e4).value == pytest.approx(value, abs=5)
    assert worth_per_mwh(eight, pue_1e4).value == pytest.approx(worth_per_mwh(one, pue_1e4).value)


def test_worth_of_a_replica_hour_counts_no_gpus() -> None:
    worth = Worth(Signal(2.0), WorthUnit.PER_REPLICA_HOUR)
    w = inference(worth=worth, it_watts_per_replica=10_000, gpus_per_replica=8)
    assert worth_per_mwh(w, 12_500).value == pytest.approx(160.0)


def test_the_pool_s_fee_comes_off_a_worth_per_mwh() -> None:
    worth = Worth(Signal(100.0), WorthUnit.PER_MWH, pool_fee_percent=2.5)
    assert worth_per_mwh(miner(worth=worth), 10_800).value == pytest.approx(97.5)


@pytest.mark.parametrize("worth", [hashprice(1e-9, 1e300), hashprice(5e-324, 0.0), hashprice(1e-320, -1.0)])
def test_worth_that_no_number_can_hold_is_unknown(worth: Worth) -> None:
    assert worth_per_mwh(miner(worth=worth), 10_000) == SHED


def test_a_price_that_no_number_can_hold_is_unknown() -> None:
    assert all_in_price_per_mwh(site(price=1.7e308, adder_per_mwh=1.7e308).budget) == SHED


def test_all_in_price_adds_the_adder_once() -> None:
    assert all_in_price_per_mwh(site(price=-20.0, adder_per_mwh=12.5).budget).value == -7.5
    stale = Signal(80.0, problem="Stale", on_stale=OnStale.ASSUME, assume=60.0)
    assert all_in_price_per_mwh(site(price=stale, adder_per_mwh=15.0).budget).value == 95.0


def test_all_in_price_that_was_never_known_stays_unknown() -> None:
    price = all_in_price_per_mwh(site(price=Signal(None, problem="Unreachable"), adder_per_mwh=12.5).budget)
    assert price.value is None
    assert not price.raisable
