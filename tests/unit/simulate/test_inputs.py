"""Series on one grid: units, clocks, holes, late prices, and which option is missing."""

from collections.abc import Iterable
from datetime import time
from decimal import Decimal

import numpy as np
import pytest

from unit.simulate.sites import HOUR, START, inputs_of, series, site_of
from wattswitch.planner.model import Signal
from wattswitch.simulate.grid import Period
from wattswitch.simulate.inputs import FEED, PRICE, Inputs, Recorded, build_inputs, known_from
from wattswitch.simulate.series import InputsError, Series

WORTH_OF_S21 = 1000 * 38.2 * 0.99 / (24 * 17.5 * 1.08)
WORTH_OF_CHAT = 1000 * 2.35 / (1.785 * 1.08)


def signals_of(inputs: Inputs, steps: Iterable[int]) -> list[Signal]:
    """The planner's view of the price at these steps."""
    seen = inputs.seen[PRICE]
    rows = list(zip(seen.values.tolist(), seen.since.tolist(), seen.fresh.tolist(), strict=True))
    return [seen.signal_of(*rows[step]) for step in steps]


def test_numbers_are_in_the_unit_of_their_source(tmp_path):
    inputs = inputs_of(site_of(tmp_path), [40.0, 50.0])
    np.testing.assert_allclose(inputs.price_per_mwh, [42.5, 52.5])
    assert inputs.limit_watts.tolist() == [98_000, 98_000]
    np.testing.assert_allclose(inputs.worth_per_mwh, [[WORTH_OF_CHAT, 48.0, WORTH_OF_S21]] * 2)
    assert inputs.demand_replicas.tolist() == [[5, 10, 20]] * 2
    assert (inputs.steps, inputs.step_seconds, inputs.end) == (2, HOUR, START + 2 * HOUR)
    assert inputs.notes == ()


def test_scale_and_unit_of_the_source_apply(tmp_path):
    def per_kwh(objects):
        objects["PowerBudget/west"]["spec"]["price"]["sources"][0] |= {"unit": "USDPerKWh", "scale": "0.1"}

    np.testing.assert_allclose(inputs_of(site_of(tmp_path, per_kwh), [0.4]).price_per_mwh, [42.5])


def test_a_schedule_follows_the_clock_of_its_place(tmp_path):
    def tariff(objects):
        window = {"from": "08:00", "to": "10:00", "value": "90"}
        schedule = {"timeZone": "America/Chicago", "default": "30", "windows": [window]}
        objects["PowerBudget/west"]["spec"]["price"]["sources"] = [
            {"name": "tariff", "unit": "USDPerMWh", "schedule": schedule}
        ]

    site = site_of(tmp_path, tariff)
    feeds = {"hashprice": series([0.04] * 48), "queue": series([1.0] * 48)}
    inputs = build_inputs(site, Recorded(feeds=feeds), Period(START, START + 48 * HOUR, HOUR))
    dear = (inputs.times[inputs.price_per_mwh > 90] - START) / HOUR
    assert dear.tolist() == [14, 15, 38, 39]
    assert inputs.prices is not None
    assert inputs.prices.at(np.array([START + 14 * HOUR]))[0] == 90


def test_a_feed_of_one_workload_is_its_own(tmp_path):
    def second(objects):
        chat = objects["InferenceDeployment/chat"]
        objects["second"] = {**chat, "metadata": {"name": "code", "namespace": "inference"}}
        objects["second"]["spec"] = {**chat["spec"], "targetRef": {"kind": "Deployment", "name": "code"}}

    site = site_of(tmp_path, second)
    inputs = inputs_of(site, [40.0], feeds={"queue/inference/code": series([17.0])})
    demand = dict(zip((w.name for w in site.workloads), inputs.demand_replicas[0].tolist(), strict=True))
    assert (demand["inference/chat"], demand["inference/code"]) == (5, 3)
    assert {FEED + "queue", FEED + "queue/inference/code"} <= inputs.seen.keys()


def test_holes_are_stale_by_the_feeds_own_time_and_the_last_number_stays(tmp_path):
    prices = [40.0, np.nan, np.nan, 60.0]
    inputs = inputs_of(site_of(tmp_path), prices, step_seconds=600.0)
    assert inputs.price_per_mwh.tolist() == [42.5, 42.5, 42.5, 62.5]
    signals = signals_of(inputs, range(4))
    assert [s.problem for s in signals] == ["", "", "Stale", ""]
    assert [s.at for s in signals] == [START, START, START, START + 1800]
    assert inputs.notes == ("price: stale in 1 steps; the money of these is that of the last known number",)


def test_what_the_range_does_not_hold_is_not_believed(tmp_path):
    inputs = inputs_of(site_of(tmp_path), [40.0, 50_000.0, 60.0])
    assert inputs.price_per_mwh.tolist() == [42.5, 42.5, 62.5]
    assert inputs.seen[PRICE].fresh.tolist() == [True, False, True]


def test_a_fallback_that_follows_the_clock_stands_in(tmp_path):
    def fallback(objects):
        contract = {"name": "contract", "unit": "USDPerMWh", "fixed": {"value": "45"}}
        objects["PowerBudget/west"]["spec"]["price"]["sources"].append(contract)

    inputs = inputs_of(site_of(tmp_path, fallback), [40.0, np.nan, 60.0])
    assert inputs.price_per_mwh.tolist() == [42.5, 47.5, 62.5]
    assert inputs.seen[PRICE].fresh.all()


def test_a_late_price_is_seen_late_and_paid_at_once(tmp_path):
    def patient(objects):
        objects["PowerBudget/west"]["spec"]["price"]["staleAfterSeconds"] = 7200

    site = site_of(tmp_path, patient)
    inputs = inputs_of(site, [10.0, 20.0, 30.0], price_delay_seconds=HOUR)
    assert inputs.price_per_mwh.tolist() == [12.5, 22.5, 32.5]
    signals = signals_of(inputs, range(3))
    assert [s.value for s in signals] == [None, 10.0, 20.0]
    assert [s.problem for s in signals] == ["NoReading", "", ""]


def test_a_late_price_that_is_too_old_is_stale(tmp_path):
    inputs = inputs_of(site_of(tmp_path), [10.0, 20.0, 30.0], price_delay_seconds=HOUR)
    assert signals_of(inputs, [1])[0].problem == "Stale"


def test_the_curve_of_a_day_is_known_from_the_afternoon_before(tmp_path):
    hours = Series(START + HOUR * np.arange(72), np.arange(72.0))
    known = known_from(hours, "America/Chicago", time(13, 0))
    # 2024-01-02 of Chicago begins at 06:00Z of the 2nd (hour 30), known from 19:00Z of the 1st (hour 19).
    assert ((known[30] - START) / HOUR, (known[53] - START) / HOUR, (known[54] - START) / HOUR) == (19, 19, 43)
    assert (known[29] - START) / HOUR == -5
    with pytest.raises(InputsError, match="--time-zone 'Mars/Base' is not in the IANA database"):
        known_from(hours, "Mars/Base")


def test_a_curve_that_the_budget_has_on_a_schedule_is_always_known(tmp_path):
    def outlook(objects):
        window = {"from": "08:00", "to": "10:00", "value": "90"}
        schedule = {"timeZone": "UTC", "default": "30", "windows": [window]}
        source = {"name": "tariff", "unit": "USDPerMWh", "schedule": schedule}
        objects["PowerBudget/west"]["spec"]["price"]["outlook"] = {"sources": [source]}

    inputs = inputs_of(site_of(tmp_path, outlook), [40.0])
    assert inputs.curve is not None
    assert inputs.curve.at(START + HOUR * np.array([1.0, 8.0, 9.5, 10.0, 32.0])).tolist() == [30, 90, 90, 30, 90]
    assert (inputs.curve_known_from == 0).all()


def test_the_period_is_what_all_series_cover_unless_told(tmp_path):
    site = site_of(tmp_path)
    inputs = inputs_of(site, [40.0] * 4, feeds={"queue": series([8.0] * 9, start=START + HOUR)})
    assert (inputs.times[0], inputs.steps) == (START + HOUR, 3)
    inputs = inputs_of(site, [40.0] * 4, period=Period(START + 900, START + 5400, 900.0))
    assert (inputs.times[0], inputs.steps) == (START + 900, 5)


@pytest.mark.parametrize(
    ("recorded", "period", "told"),
    [
        (Recorded(), Period(), "PowerBudget west: spec.price has to be given: add --prices FILE:COLUMN"),
        (Recorded(), Period(), "InferenceDeployment/inference/chat: feed 'queue' has to be given: add --feed queue="),
        (Recorded(feeds={"que": series([1.0])}), Period(), "--feed que: PowerBudget west has no feed 'que' (known: "),
        (Recorded(feeds={"queue/inference/chap": series([1.0])}), Period(), "there is no workload 'inference/chap'"),
        (None, Period(START + 9 * HOUR), "can be played (test covers 2024-01-01T00:00Z to 2024-01-01T02:00Z; "),
        (None, Period(START - 9 * HOUR, START - 5 * HOUR), "can be played"),
        (None, Period(START, START + 600.0), "can be played"),
        (None, Period(START, START + 1e9, 1.0), "steps are more than 20000000: shorten --from"),
        (None, Period(step_seconds=0.0), "--step 0 must be above 0"),
    ],
)
def test_what_is_missing_names_the_option(tmp_path, recorded, period, told):
    feeds = {"hashprice": series([0.04] * 2), "queue": series([1.0] * 2)}
    with pytest.raises(InputsError) as error:
        build_inputs(site_of(tmp_path), recorded or Recorded(series([1.0, 2.0]), feeds=feeds), period)
    assert told in str(error.value)


def test_a_feed_that_says_nothing_of_what_is_played_is_refused(tmp_path):
    site = site_of(tmp_path)
    period = Period(START, START + 10 * HOUR, HOUR)
    for queue in (series([8.0] * 5, start=START - 700 * HOUR), series([8.0] * 5, start=START + 10 * HOUR)):
        with pytest.raises(
            InputsError, match=r"--feed queue: test has no number .* for 2024-01-01T00:00Z to 2024-01-01"
        ):
            inputs_of(site, [40.0] * 10, period=period, feeds={"queue": queue})
    hole = series([8.0] * 5 + [np.nan] * 10 + [8.0] * 5, start=START - 5 * HOUR)
    with pytest.raises(InputsError, match=r"\(it covers 2023-12-31T19:00Z to 2024-01-01T15:00Z\)"):
        inputs_of(site, [40.0] * 10, period=period, feeds={"queue/inference/chat": hole})
    last = series([8.0], start=START + 9.5 * HOUR)
    assert (
        "queue: not known yet in the first 9 steps"
        in inputs_of(site, [40.0] * 10, period=period, feeds={"queue": last}).notes
    )


def test_series_of_different_times_are_refused(tmp_path):
    told = r"no time in common \(test covers 2024-01-01T00:00Z to .*test covers 2023-12-01T20:00Z to 2023-12-02T00:00Z"
    with pytest.raises(InputsError, match=told):
        inputs_of(site_of(tmp_path), [40.0] * 4, feeds={"queue": series([8.0] * 4, start=START - 724 * HOUR)})


def test_a_curve_that_says_nothing_of_what_is_played_or_comes_soon_is_refused(tmp_path):
    site = site_of(tmp_path)
    soon, late, before = (series([30.0] * 24, start=START + hours * HOUR) for hours in (40, 60, -24))
    assert inputs_of(site, [40.0] * 4, outlook=soon).curve is not None
    for outlook in (late, before):
        with pytest.raises(InputsError, match="--outlook: test has no number that is believed for 2024-01-01T00:00Z"):
            inputs_of(site, [40.0] * 4, outlook=outlook)


def test_a_zone_that_is_none_in_a_schedule_is_told(tmp_path):
    def tariff(objects):
        schedule = {"timeZone": "Mars/Base", "default": "30"}
        objects["PowerBudget/west"]["spec"]["price"]["sources"] = [
            {"name": "tariff", "unit": "USDPerMWh", "schedule": schedule}
        ]

    site, feeds = site_of(tmp_path, tariff), {"hashprice": series([0.04]), "queue": series([1.0])}
    with pytest.raises(InputsError, match="source 'tariff': timeZone 'Mars/Base'"):
        build_inputs(site, Recorded(feeds=feeds), Period(START, START + HOUR, HOUR))


def test_demand_is_rounded_as_the_planner_does(tmp_path):
    inputs = inputs_of(site_of(tmp_path), [40.0] * 4, feeds={"queue": series([0.0, 8.0, 8.0 + 1e-12, 1e9])})
    assert inputs.demand_replicas[:, 0].tolist() == [0, 1, 1, 12]
    assert Decimal("2.5") == site_of(tmp_path).spec.price.adder_per_mwh


def feeds_of(count: int) -> dict[str, Series]:
    return {"hashprice": series([0.0382] * count), "queue": series([40.0] * count)}


def test_a_step_longer_than_that_of_the_prices_has_their_mean(tmp_path):
    recorded = Recorded(price=series([0.0, 200.0] * 12, HOUR / 2), feeds=feeds_of(12))
    inputs = build_inputs(site_of(tmp_path), recorded, Period(None, None, HOUR))
    assert inputs.price_per_mwh.tolist() == pytest.approx([102.5] * 12)
    assert inputs.seen[PRICE].values.tolist() == pytest.approx([100.0] * 12)
    assert inputs.notes == ("price: changes within 12 steps; each has the mean of its numbers, weighted by time",)


def test_a_step_that_does_not_divide_that_of_the_prices_weighs_them_by_time(tmp_path):
    recorded = Recorded(price=series([0.0, 90.0, 30.0, 60.0]), feeds=feeds_of(4))
    inputs = build_inputs(site_of(tmp_path), recorded, Period(None, None, 1.5 * HOUR))
    assert inputs.price_per_mwh.tolist() == pytest.approx([32.5, (90 / 2 + 30) / 1.5 + 2.5])
    assert inputs.price_per_mwh.mean() == pytest.approx((0 + 90 + 30) / 3 + 2.5)


def test_demand_that_changes_within_a_step_is_its_mean(tmp_path):
    queue = series([8.0, 40.0, 8.0, 8.0], HOUR / 2)
    inputs = inputs_of(site_of(tmp_path), [40.0, 40.0], feeds={"queue": queue})
    assert inputs.demand_replicas[:, 0].tolist() == [3, 1]


def test_what_the_prices_do_not_cover_is_not_played(tmp_path):
    period = Period(START - 5 * HOUR, START + 20 * HOUR, HOUR)
    inputs = inputs_of(site_of(tmp_path), [40.0] * 10, period=period)
    assert (inputs.times[0], inputs.end) == (START, START + 10 * HOUR)
    assert (
        "test covers 2024-01-01T00:00Z to 2024-01-01T10:00Z: what was asked for beyond it is left out"
        in (inputs.notes[0])
    )


def test_a_day_without_prices_is_refused(tmp_path):
    prices = [40.0, *[np.nan] * 25, 40.0]
    with pytest.raises(InputsError, match=r"no number from 2024-01-01T01:00Z to 2024-01-02T02:00Z.*apart"):
        inputs_of(site_of(tmp_path), prices)
    site, ends = site_of(tmp_path), Period(START + 26 * HOUR, None)
    assert inputs_of(site, prices, period=ends).steps == 1
    assert inputs_of(site, [40.0, *[np.nan] * 24, 40.0]).steps == 26


def test_prices_that_the_range_does_not_hold_are_told_in_words(tmp_path):
    with pytest.raises(InputsError, match=r"no number is within the feed's range, .* when read as USDPerMWh"):
        inputs_of(site_of(tmp_path), [1e6] * 3)
    notes = inputs_of(site_of(tmp_path), [40.0, 50_000.0, 60.0]).notes
    assert any("1 numbers are not within the feed's range" in note for note in notes)


def test_a_delay_after_which_no_price_is_fresh_is_told(tmp_path):
    inputs = inputs_of(site_of(tmp_path), [40.0] * 4, price_delay_seconds=HOUR)
    assert any("no price that is seen is ever fresh" in note for note in inputs.notes)
    assert not inputs.seen[PRICE].fresh.any()


def test_where_a_clock_stands_in_for_the_price_holes_and_ends_are_played(tmp_path):
    def fallback(objects):
        contract = {"name": "contract", "unit": "USDPerMWh", "fixed": {"value": "45"}}
        objects["PowerBudget/west"]["spec"]["price"]["sources"].append(contract)

    period = Period(START, START + 40 * HOUR, HOUR)
    inputs = inputs_of(site_of(tmp_path, fallback), [40.0, *[np.nan] * 30, 60.0], period=period)
    assert inputs.price_per_mwh.tolist() == [42.5, *[47.5] * 30, 62.5, *[47.5] * 8]
