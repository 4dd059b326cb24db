"""A site small enough to decide by hand: 100 kW, one inference service, three generations of miners."""

import pytest

from builders import demand, hashprice, inference, miner, site, sizes
from wattswitch.planner import plan
from wattswitch.planner.model import Signal, SiteState, Worth, WorthUnit

H100 = Worth(Signal(2.35), WorthUnit.PER_GPU_HOUR)


def sample(price: float, event_limits_watts: tuple[int, ...] = ()) -> SiteState:
    """Inference at 1.275 kW · 1.4 a GPU, 5 of 8 replicas demanded; miners by efficiency at 38.2 $/PH/day."""
    return site(
        inference("llama", floor_replicas=2, worth=H100, gpus_per_replica=1, demand=demand(5)),
        miner("s23", max_replicas=4, it_watts_per_replica=10_000, worth=hashprice(9.5)),
        miner("s21", max_replicas=10, it_watts_per_replica=3_500, worth=hashprice(17.5)),
        miner("s19j", max_replicas=10, it_watts_per_replica=3_050, worth=hashprice(30.5)),
        price=price,
        event_limits_watts=event_limits_watts,
    )


@pytest.mark.parametrize(
    ("price", "event", "llama", "s23", "s21", "s19j", "kilowatts"),
    [
        (-20, None, 5, 4, 10, 5, 99.175),
        (40, None, 5, 4, 10, 5, 99.175),
        (60, None, 5, 4, 10, 0, 83.925),
        (100, None, 5, 4, 0, 0, 48.925),
        (200, None, 5, 0, 0, 0, 8.925),
        (1400, None, 2, 0, 0, 0, 3.57),
        (60, 50_000, 5, 4, 0, 0, 48.925),
    ],
)
def test_the_sample_is_decided_as_by_hand(
    price: float, event: int | None, llama: int, s23: int, s21: int, s19j: int, kilowatts: float
) -> None:
    decision = plan(sample(price, () if event is None else (event,)))
    assert sizes(decision) == {"llama": llama, "s23": s23, "s21": s21, "s19j": s19j}
    assert decision.planned_watts == round(kilowatts * 1000)


def test_the_sample_s_worths_are_those_of_the_formulas() -> None:
    worths = {target.key: target.worth_per_mwh for target in plan(sample(40)).targets}
    assert worths == pytest.approx({"llama": 1317, "s23": 167.5, "s21": 91.0, "s19j": 52.2}, abs=0.5)


def test_the_sample_says_what_binds_each_target() -> None:
    reasons = {target.key: target.reason for target in plan(sample(60)).targets}
    assert reasons == {"llama": "DemandMet", "s23": "AtMaximum", "s21": "AtMaximum", "s19j": "PriceAboveStrike"}
    assert {t.key: t.reason for t in plan(sample(40)).targets}["s19j"] == "PowerLimit"
