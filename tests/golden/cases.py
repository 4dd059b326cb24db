"""One site for each reason that the planner gives; recorded by `accept.py`, replayed by `test_golden.py`."""

from builders import NOW, demand, hashprice, inference, learned_prices, miner, per_mwh, site
from wattswitch.planner.model import (
    Batch,
    Demand,
    Draw,
    GpuGroup,
    Move,
    OnStale,
    PriceCurve,
    PriceOutlook,
    Reason,
    Signal,
    SiteState,
)

HOPPER = (GpuGroup("hopper", 8),)
STALE = Signal(40.0, problem="Stale")

CASES: dict[Reason, SiteState] = {
    Reason.AT_MAXIMUM: site(miner("told", worth=hashprice(17.5, fee_percent=1.0)), pue_1e4=10_800, reserve_percent=2),
    Reason.DEMAND_MET: site(inference("told", floor_replicas=2, demand=demand(33.0, 8.0)), miner("s21")),
    Reason.PRICE_ABOVE_STRIKE: site(miner("told", spec_replicas=10, floor_replicas=1), price=85.0, adder_per_mwh=12.5),
    Reason.SWITCH_COST: site(
        miner("told", spec_replicas=10, worth=per_mwh(60.0), cost_per_start=0.07),
        inference("llama", spec_replicas=2, start_seconds=180, drain_seconds=60),
        price=Signal(75.0, at=NOW),
        outlook=PriceOutlook(
            learned_prices().lessons,
            PriceCurve(tuple(NOW // 3600 * 3600 + 3600.0 * hour for hour in range(24)), (30.0,) * 24),
            recent=((NOW - 600, 31.0), (NOW - 300, 29.5)),
        ),
    ),
    Reason.CHEAPER_AHEAD: site(
        inference("told", demand=demand(60.0, 8.0), batch=Batch(4 * 3600, 10.0, NOW - 600), start_seconds=180),
        outlook=PriceOutlook(curve=PriceCurve((NOW - 800, NOW + 2800, NOW + 6400), (40.0, 25.0, 60.0))),
    ),
    Reason.DEADLINE: site(
        inference("told", demand=demand(60.0, 8.0), batch=Batch(7200, 10.0, NOW - 3600), worth=per_mwh(60.0)),
        price=85.0,
    ),
    Reason.POWER_LIMIT: site(
        miner("told", spec_replicas=10), inference("llama", spec_replicas=2), event_limits_watts=(80_000, 30_000)
    ),
    Reason.GPU_LIMIT: site(
        inference("told", gpus_per_replica=3, gpu_group="hopper"), miner("s21", max_replicas=40), gpu_groups=HOPPER
    ),
    Reason.FLOOR_UNMET: site(
        inference("told", floor_replicas=8, spec_replicas=8), fixed_watts=6_000, event_limits_watts=(15_000,)
    ),
    Reason.MIN_RUN: site(miner("told", spec_replicas=4, raised_at=NOW - 60, min_run_seconds=600), price=150.0),
    Reason.MIN_OFF: site(miner("told", spec_replicas=4, lowered_at=NOW - 60, min_off_seconds=600)),
    Reason.RAMP_UP: site(
        miner("told"), ramp_up_watts_per_minute=20_000, pue_1e4=11_000, moves=(Move(NOW - 30, 7_000),)
    ),
    Reason.RAMP_DOWN: site(
        miner("told", spec_replicas=10), price=500.0, ramp_down_watts_per_minute=20_000, moves=(Move(NOW - 30, -7_000),)
    ),
    Reason.WAITING_FOR_WATTS: site(
        inference("told", max_replicas=12), miner("s21", spec_replicas=10), cap_watts=40_000, correction_watts=500
    ),
    Reason.WAITING_FOR_GPUS: site(
        inference("told", gpus_per_replica=1, gpu_group="hopper"),
        draws=(Draw("StatefulSet/ns/gone", 6, 0, 1_275, 1, "hopper"),),
        gpu_groups=HOPPER,
    ),
    Reason.SETTLING: site(miner("told", spec_replicas=0, booked_pods=10, settled=False)),
    Reason.PRICE_STALE: site(miner("told", spec_replicas=3), price=STALE),
    Reason.WORTH_STALE: site(
        miner("told", spec_replicas=3, floor_replicas=1, worth=per_mwh(91.0, problem="Frozen", on_stale=OnStale.SHED))
    ),
    Reason.DEMAND_STALE: site(
        inference("told", spec_replicas=3, demand=Demand(Signal(90.0, "Stale", 0.0, OnStale.ASSUME, 100.0), 8.0))
    ),
    Reason.METER_STALE: site(miner("told", spec_replicas=3), meter=STALE),
    Reason.NOT_LEADER: site(miner("told", spec_replicas=3), raise_gate=str(Reason.NOT_LEADER)),
    Reason.PAUSED: site(
        miner("told", spec_replicas=3, held=str(Reason.PAUSED)), miner("s21", spec_replicas=5), cap_watts=21_000
    ),
    Reason.STOPPING: site(miner("told", spec_replicas=3, max_replicas=5, leaving=True), miner("s21"), price=STALE),
    Reason.HARDWARE_UNKNOWN: site(miner("told", spec_replicas=3, blocked=str(Reason.HARDWARE_UNKNOWN)), miner("s21")),
}
