"""Statements as CSV and JSON."""

import csv
import io
import json

import pytest

from unit.settlement.settled import QUARTER, ZONE, local, page, rows_of, statements
from wattswitch.settlement.tables import event_csv, intervals_csv, month_csv, month_json


def parsed(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_every_interval_of_every_workload_is_a_row_with_its_offset():
    at = local(7, 16, 15)
    told = parsed(intervals_csv(rows_of(at), ZONE))
    assert [row["workload"] for row in told] == [
        "MiningPool/mining/s21-row-4", "InferenceDeployment/serving/llama-70b", "fixed", "overhead", "site",
    ]  # fmt: skip
    assert {row["start"] for row in told} == {"2026-07-16T15:00:00-05:00"}
    assert (told[0]["by_event"], told[1]["by_event"], told[1]["quality"]) == ("yes", "no", "OK")
    assert float(told[0]["energy_kwh"]) == 0
    assert told[0]["meter_kwh"] == ""
    assert float(told[4]["meter_kwh"]) == pytest.approx(rows_of(at)[4].kwh, abs=1e-6)


def test_an_event_is_a_row_for_each_interval():
    met, missed, unknown = statements()
    told = parsed(event_csv(missed, ZONE))
    assert [row["compliant"] for row in told] == ["", "yes", "no", "no", "yes", "yes", "yes", "yes"]
    assert [row["judged"] for row in told][:2] == ["no", "yes"]
    assert len(parsed(event_csv(met))) == 3 * 3600 // QUARTER
    assert {row["baseline_kw"] for row in parsed(event_csv(unknown))} == {""}


def test_a_month_is_a_row_and_may_cost_less_than_nothing():
    june, july = parsed(month_csv(page().months))
    assert (june["month"], july["month"], july["missing"]) == ("2026-06", "2026-07", "1")
    assert float(july["all_in_cents_per_kwh"]) < 0 < float(june["all_in_cents_per_kwh"])


def test_the_json_of_a_month_has_everything_and_adds_up():
    month = page().months[1]
    told = json.loads(month_json(month, "USD", ZONE))
    assert (told["month"], told["start"], told["end"]) == (
        "2026-07", "2026-07-01T00:00:00-05:00", "2026-08-01T00:00:00-05:00",
    )  # fmt: skip
    assert sum(line["kwh"] for line in told["energy"]) == pytest.approx(told["kwh"], rel=1e-9)
    assert sum(line["cost"] for line in told["energy"]) == pytest.approx(told["cost"], rel=1e-9)
    expected = 100 * (told["cost"] - told["power_credits"] - told["demand_response_credits"]) / told["kwh"]
    assert told["all_in_cents_per_kwh"] == pytest.approx(expected)
    met, missed, unknown = told["events"]
    assert (met["met"], missed["met"], unknown["met"]) == (True, False, None)
    assert met["baseline"]["days"] == sorted(met["baseline"]["days"])
    assert len(met["baseline"]["days"]) == 5
    assert unknown["baseline"]["missing_days"] == 4
    assert missed["worst"]["start"] == "2026-07-22T16:30:00-05:00"
    assert missed["skipped"] == [{"workload": "InferenceDeployment/serving/llama-70b", "reason": "Paused"}]
    assert met["net"] == pytest.approx(met["credit"] + met["avoided_cost"] - met["lost_income"])
    assert met["target_met_at"] == "2026-07-16T15:06:52-05:00"
