"""A small run to make report pages from, with every number known."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, tzinfo
from typing import Any

import numpy as np

from wattswitch.simulate.report import Loss, PolicyReport, ReportData, Role, WorkloadReport

START = 1_704_067_200.0  # 2024-01-01T00:00:00Z, a Monday


def workload(
    name: str, watts: np.ndarray, full: float, *, kind: str = "MiningPool", off: Mapping[str, float] | None = None
) -> WorkloadReport:
    return WorkloadReport(name, kind, full, watts, off if off is not None else {"PriceAboveStrike": 0.25})


def policy(name: str, role: Role, profit: float, steps: int, **changed: Any) -> PolicyReport:
    line = np.linspace(0.0, profit, steps) if role is not Role.BASELINE else None
    return replace(
        PolicyReport(name, role, 120.0, 4_000.0, profit + 4_100.0, 100.0, profit, 44, 0.0, 0, line), **changed
    )


def site(steps: int = 288, step_seconds: float = 300.0, *, zone: tzinfo = UTC, **changed: Any) -> ReportData:
    """A day of two workloads; the price has one spike."""
    times = START + step_seconds * np.arange(steps)
    price = 40.0 + 10 * np.sin(np.arange(steps) / 20)
    price[steps // 2] = 3_000.0
    miner = np.where(price < 60, 200e3, 0.0)
    model = np.full(steps, 100e3)
    filled = ReportData(
        site="west-texas",
        currency="USD",
        step_seconds=step_seconds,
        times=times,
        price_per_mwh=price,
        limit_watts=np.full(steps, 392e3),
        workloads=(
            workload("mining/s21", miner, 200e3),
            workload("ai/llama", model, 150e3, kind="InferenceDeployment", off={"DemandMet": 1 / 3}),
        ),
        policies=(
            policy("wattswitch", Role.WATTSWITCH, 9_730.0, steps),
            policy("static", Role.BEST_STATIC, 9_000.0, steps),
            policy("always-on", Role.BASELINE, 7_000.0, steps, violation_seconds=300.0, floor_misses=12),
            policy("foresight", Role.FORESIGHT, 9_990.0, steps),
        ),
        zone=zone,
        fixed_watts=6_000.0,
        foresight_profit=10_000.0,
        captured=0.73,
        losses=(Loss("price not known", 200.0), Loss("switch cost and dwell", 80.0), Loss("integer pods", -10.0)),
        basis_shares={"Curve": 0.9, "Learned": 0.1},
    )
    return replace(filled, **changed)
