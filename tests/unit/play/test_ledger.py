"""The bill of a day, by hand."""

import json
from pathlib import Path

import pytest

from play.ledger import DayClock, Earner, Span, earners, read_timeline, settle
from play.series import STEPS

SPEED = 480.0
STARTED = 1_000_000.0
CLOCK = DayClock(STARTED, SPEED)
FLAT = (50.0,) * STEPS


def test_a_constant_day_costs_its_watts_times_the_price() -> None:
    account = settle([Span(STARTED - 10, 100_000, {})], CLOCK, FLAT, {})
    assert account.energy_kwh == pytest.approx(2400)
    assert account.cost == pytest.approx(120)
    assert account.profit == pytest.approx(-120)


def test_each_step_costs_its_own_price() -> None:
    prices = (-20.0, 100.0) + (0.0,) * (STEPS - 2)
    account = settle([Span(STARTED, 120_000, {})], CLOCK, prices, {})
    assert account.cost == pytest.approx(0.010 * (-20 + 100))  # 120 kW for 5 minutes are 10 kWh


def test_what_lies_outside_the_day_does_not_count() -> None:
    spans = [Span(STARTED - 50, 1_000_000, {}), Span(STARTED, 0, {}), Span(CLOCK.ended, 1_000_000, {})]
    assert settle(spans, CLOCK, FLAT, {}).energy_kwh == 0


def test_a_change_within_a_step_counts_from_its_own_moment() -> None:
    spans = [Span(STARTED, 120_000, {}), Span(STARTED + CLOCK.step_seconds / 4, 0, {})]
    assert settle(spans, CLOCK, FLAT, {}).energy_kwh == pytest.approx(2.5)


def test_ready_miners_earn_and_idle_replicas_do_not() -> None:
    rates = {
        "MiningPool/mining/s21": Earner(0.3),
        "InferenceDeployment/inference/chat": Earner(2.0, (3,) * STEPS),
    }
    ready = {"MiningPool/mining/s21": 10, "InferenceDeployment/inference/chat": 5}
    account = settle([Span(STARTED, 0, ready)], CLOCK, FLAT, rates)
    assert account.mining_revenue == pytest.approx(10 * 0.3 * 24)
    assert account.inference_revenue == pytest.approx(3 * 2.0 * 24)
    assert account.revenue == pytest.approx(account.mining_revenue + account.inference_revenue)


def test_rates_follow_from_the_manifests() -> None:
    hardware = [
        {"name": "s21", "watts": 3500, "joulesPerTerahash": "17.5"},
        {"name": "h100", "watts": 1275, "gpus": 1},
    ]
    pool = {"hardware": "s21", "worth": {"feed": "hashprice", "poolFeePercent": "1"}}
    service = {"hardware": "h100", "devicesPerReplica": 2, "worth": {"feed": "gpu"}, "demand": {"perReplica": "8"}}
    found = earners(
        [
            {"kind": "PowerBudget", "metadata": {"name": "b"}, "spec": {"hardware": hardware}},
            {"kind": "MiningPool", "metadata": {"namespace": "m", "name": "s21"}, "spec": pool},
            {"kind": "InferenceDeployment", "metadata": {"namespace": "i", "name": "chat"}, "spec": service},
        ],
        hashprice_per_ph_day=38.2,
        per_gpu_hour=2.35,
        demand={"chat": (0.0, 1.0, 8.0, 8.5)},
    )
    # 200 TH/s at 38.2 $/PH/day are $7.64 a day, before the fee (energy-mining field figures for an S21).
    assert found["MiningPool/m/s21"].per_pod_hour == pytest.approx(7.64 / 24 * 0.99)
    assert found["InferenceDeployment/i/chat"] == Earner(4.70, (0, 1, 1, 2))


def test_the_monitors_timeline_is_read_and_a_half_line_left_out(tmp_path: Path) -> None:
    line = {"at": 5.0, "watts": {"west": 7}, "limit_watts": {"west": 9}, "ready": {"a": 1}}
    path = tmp_path / "timeline.jsonl"
    path.write_text(json.dumps(line) + "\n" + '{"at": 6.0, "wat')
    assert list(read_timeline(path, "west")) == [Span(5.0, 7, {"a": 1})]
