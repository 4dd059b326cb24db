"""Statements as CSV and JSON."""

import csv
import io
import json
from dataclasses import replace

import pytest

from unit.settlement.settled import QUARTER, ZONE, local, page, rows_of, statements
from wattswitch.settlement.coincident_peaks import NoPeak, Peak
from wattswitch.settlement.eventrecord import OptOut
from wattswitch.settlement.tables import event_csv, event_table_csv, intervals_csv, month_csv, month_json, report_json


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


def test_events_are_a_row_each():
    met, missed, unknown = parsed(event_table_csv(statements(), ZONE))
    assert (met["met"], missed["met"], unknown["met"]) == ("yes", "no", "")
    assert (met["limit_kw"], met["target_met_after_seconds"]) == ("120", "412")
    assert missed["worst_start"] == "2026-07-22T16:30:00-05:00"
    assert float(missed["worst_margin_kw"]) < 0
    assert missed["skipped"] == "InferenceDeployment/serving/llama-70b: Paused"
    assert missed["opt_outs"] == "tenant b: a launch"
    assert unknown["number_refused"].startswith("4 of 10 days are missing")


def test_the_words_of_others_are_no_formula():
    met = statements()[0]
    wicked = replace(met, event=replace(met.event, program="=1+1", reference="@x", opt_outs=(OptOut("-a", "b"),)))
    (told,) = parsed(event_table_csv([wicked]))
    assert (told["program"], told["reference"], told["opt_outs"]) == ("'=1+1", "'@x", "'-a: b")
    assert float(parsed(event_csv(statements()[1]))[2]["margin_kw"]) < 0, "numbers stay numbers"


def test_the_json_of_a_report_has_months_lone_events_other_baselines_and_peaks():
    met, missed, unknown = statements()
    peaks = (Peak("4CP", local(7, 22, 16.5), 900, 80_123.0, None, complete=True), NoPeak("12CP", "nothing is known"))
    text = report_json("west", page().months, (met,), {missed.event.key: (unknown,)}, peaks, ["a note"], "USD", ZONE)
    told = json.loads(text)
    assert told["months"][1] | {"events": []} == json.loads(month_json(page().months[1], "USD", ZONE)) | {"events": []}
    assert [event["name"] for event in told["events"]] == ["ercot-0716"]
    (other,) = told["months"][1]["events"][1]["by_other_baselines"]
    assert (other["baseline"]["missing_days"], other["reduced_kwh"]) == (4, None)
    assert [(peak["rule"], peak.get("start"), peak.get("refused")) for peak in told["coincident_peaks"]] == [
        ("4CP", "2026-07-22T16:30:00-05:00", None), ("12CP", None, "nothing is known"),
    ]  # fmt: skip
    assert (told["budget"], told["notes"]) == ("west", ["a note"])
