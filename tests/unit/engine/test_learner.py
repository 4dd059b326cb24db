"""What is learned of a price, once each; what survives the process; what never teaches anything."""

import json
import math
from typing import Any

import pytest

from unit.engine.site_objects import HOUR_OF_NOW, NOW, hourly, reading
from wattswitch.api.power_budget import MEMORY_LENGTH, PriceMemory
from wattswitch.engine.learner import MOST_PER_MWH, DemandLearner, Learner
from wattswitch.feeds import Curve
from wattswitch.planner.model import Demand, PriceCurve, Signal
from wattswitch.planner.price_model import PriceModel

STEP, HOUR, DAY = 300.0, 3600.0, 86_400.0


def tell(learner: Learner, price: float | None, at: float, **more: Any) -> None:
    told = reading(price, more.get("problem", ""), at)
    learner.learn(told, more.get("curve"), more.get("currency", "USD"), more.get("now", at))


def taught(hours: int = 2) -> Learner:
    """A learner of so many hours of five-minute prices that end before `NOW`."""
    learner = Learner()
    for n in range(int(hours * HOUR / STEP)):
        tell(learner, 40.0 + n % 7, NOW - hours * HOUR + n * STEP)
    return learner


def samples(learner: Learner) -> int:
    return learner._model.samples


def recent(learner: Learner) -> tuple[tuple[float, float], ...]:
    return learner.outlook(None, NOW).recent


# ---- what is learned -------------------------------------------------------------------------------------------------


def test_a_price_that_changed_between_two_samples_is_known_from_its_first_reading_on() -> None:
    """The model takes a price every few minutes; what it costs to wait is counted by the second."""
    learner = Learner()
    for n, price in enumerate((40.0, 40.0, 1400.0, 1400.0, 200.0)):
        tell(learner, price, NOW + n)
    assert samples(learner) == 1
    assert recent(learner) == ((NOW, 40.0), (NOW + 2, 1400.0), (NOW + 4, 200.0))
    for n in range(1, 40):
        tell(learner, 200.0 + n % 2, NOW + n * STEP)
    assert len(recent(learner)) == len({at for at, _ in recent(learner)})
    assert recent(learner) == tuple(sorted(recent(learner)))
    assert recent(learner)[0] == (NOW, 40.0)


def test_a_price_that_never_stands_still_does_not_fill_the_memory() -> None:
    learner = Learner()
    for n in range(5000):
        tell(learner, float(n % 7), NOW + n)
    assert len(recent(learner)) < 300
    assert recent(learner)[-1] == (NOW + 4999, float(4999 % 7))


def test_nothing_is_known_before_the_first_price() -> None:
    outlook = Learner().outlook(None, NOW)
    assert (outlook.lessons, outlook.curve, outlook.recent) == (None, PriceCurve(), ())


def test_each_reading_teaches_once_however_often_it_is_told() -> None:
    learner = Learner()
    for at in (NOW, NOW, NOW + STEP, NOW, NOW + STEP):
        tell(learner, 40.0, at)
    assert learner._model.recent == ((NOW, 40.0), (NOW + STEP, 40.0))


def test_equal_prices_of_different_times_teach_that_the_price_stands_still() -> None:
    learner = Learner()
    for n in range(5):
        tell(learner, 40.0, NOW + n * STEP)
    assert samples(learner) == 5


def test_a_price_is_learned_together_with_what_was_published_for_its_time() -> None:
    """The model's own result for the same two numbers says that they arrived."""
    published = hourly(20, 90).curve
    learner, model = Learner(), PriceModel()
    for n, curve_price in enumerate((20, 20, 90)):
        at = HOUR_OF_NOW + n * HOUR / 2
        tell(learner, 40.0, at, curve=published)
        model = model.update(at, 40.0, float(curve_price))
    assert learner.outlook(None, NOW).lessons == model.lessons


@pytest.mark.parametrize("problem", ["OutOfRange", "FromFuture", "Stale", "NotANumber"])
def test_what_is_not_fresh_teaches_nothing(problem: str) -> None:
    learner = Learner()
    tell(learner, 40.0, NOW, problem=problem)
    tell(learner, None, NOW, problem=problem)
    assert samples(learner) == 0


@pytest.mark.parametrize("price", [MOST_PER_MWH * 2, -MOST_PER_MWH * 2, 1e300, -1.7e308])
def test_a_price_beyond_all_prices_teaches_nothing(price: float) -> None:
    learner = Learner()
    tell(learner, price, NOW)
    tell(learner, 40.0, NOW + STEP)
    assert recent(learner) == ((NOW + STEP, 40.0),)


def test_extreme_prices_gaps_and_times_break_nothing() -> None:
    learner = Learner()
    at = NOW
    for n, gap in enumerate((0.001, 1, STEP, 1e5, 3e8, STEP, STEP, 60, 7, 1e4)):
        at += gap
        tell(learner, (-1) ** n * MOST_PER_MWH, at)
    outlook = learner.outlook(None, at)
    assert outlook.lessons is not None
    assert all(math.isfinite(number) for row in outlook.lessons.tails for number in row)
    assert learner.memory(last=True) is not None


def test_times_that_go_backwards_teach_nothing() -> None:
    learner = taught()
    before = recent(learner)
    tell(learner, 99.0, NOW - 5 * HOUR, now=NOW)
    assert recent(learner) == before


def test_what_a_clock_that_was_wrong_taught_is_forgotten() -> None:
    learner = Learner()
    tell(learner, 40.0, NOW + 10 * DAY)
    tell(learner, 41.0, NOW)
    assert recent(learner) == ((NOW, 41.0),)


def test_another_currency_begins_anew() -> None:
    learner = taught()
    tell(learner, 40.0, NOW, currency="EUR")
    assert recent(learner) == ((NOW, 40.0),)
    assert learner.memory(last=False) is None


def test_an_error_of_the_model_costs_the_reading_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def overflow(*_: object) -> None:
        raise OverflowError("math range error")

    learner = taught()
    before = samples(learner)
    with monkeypatch.context() as broken:
        broken.setattr(PriceModel, "update", overflow)
        tell(learner, 40.0, NOW)
    assert samples(learner) == before
    tell(learner, 41.0, NOW + STEP)
    assert samples(learner) == before + 1


# ---- what a decision sees --------------------------------------------------------------------------------------------


def test_a_decision_sees_a_curve_from_some_hours_back_to_two_days_ahead() -> None:
    curve = hourly(*(float(n) for n in range(120)), start=HOUR_OF_NOW - 24 * HOUR).curve
    seen = Learner().outlook(curve, NOW).curve
    assert seen.starts == tuple(HOUR_OF_NOW + n * HOUR for n in range(-6, 49))
    assert seen.prices_per_mwh == tuple(float(n) for n in range(18, 73))


def test_the_outlook_is_the_same_object_until_something_is_new() -> None:
    learner, curve = taught(), hourly(40, 41).curve
    first = learner.outlook(curve, NOW)
    assert learner.outlook(curve, NOW + 60) is first
    tell(learner, 46.0, NOW - STEP)
    assert learner.outlook(curve, NOW + 60) is first, "it knew that one"
    assert learner.outlook(hourly(40, 42).curve, NOW + 60) is not first
    tell(learner, 46.0, NOW)
    assert learner.outlook(curve, NOW + 60) is not first
    assert learner.outlook(curve, NOW + HOUR) is not learner.outlook(curve, NOW + 60)


# ---- what outlives the process ---------------------------------------------------------------------------------------


def test_what_was_learned_is_written_down_once_an_hour_of_price_time() -> None:
    learner, texts = Learner(), []
    for n in range(int(3 * HOUR / STEP)):
        tell(learner, 40.0 + n % 5, NOW + n * STEP)
        texts.append(json.dumps(learner.memory()))
    assert texts[:12] == ["null"] * 12
    assert len(set(texts)) == 3, "none, after one hour, after two"
    assert learner.memory() == learner.memory()


def test_the_last_memory_holds_what_came_since_and_is_written_once() -> None:
    learner = taught()
    reported = learner.memory()
    tell(learner, 40.0, NOW)
    assert learner.memory() == reported
    last = learner.memory(last=True)
    assert last != reported
    assert learner.memory(last=True) == learner.memory() == last


def test_a_restored_learner_goes_on_where_the_other_was() -> None:
    learner, again = taught(26), Learner()
    kept = learner.memory(last=True)
    assert kept is not None
    assert PriceMemory.model_validate(kept).to_raw() == kept
    again.restore(kept)
    assert again.memory() == kept, "the same text, so that a start writes nothing"
    tell(again, 99.0, NOW - STEP)
    for each in (learner, again):
        for n in range(20):
            tell(each, 50.0 + n, NOW + n * STEP)
    assert recent(again)[-40:] == recent(learner)[-40:], "and nothing was learned twice"
    here, there = learner.outlook(None, NOW).lessons, again.outlook(None, NOW).lessons
    assert here is not None
    assert there is not None
    assert sum(there.tails, ()) == pytest.approx(sum(here.tails, ()), abs=1e-4)


@pytest.mark.parametrize(
    "kept",
    [
        None,
        {},
        "text",
        {"currency": "USD"},
        {"currency": "USD", "learned": ""},
        {"currency": "USD", "learned": "{"},
        {"currency": "USD", "learned": "[" * 100_000},
        {"currency": "USD", "learned": '{"version": 99}'},
        {"currency": "USD", "learned": None},
        {"currency": "USD", "learned": 5},
    ],
)
def test_what_cannot_be_read_is_as_good_as_nothing(kept: Any) -> None:
    learner = Learner()
    learner.restore(kept)
    assert samples(learner) == 0
    tell(learner, 40.0, NOW)
    assert samples(learner) == 1


def test_a_month_of_five_minute_prices_fits_into_the_status() -> None:
    learner = Learner()
    for n in range(int(30 * DAY / STEP)):
        tell(learner, 40.123456789 + 1000 * math.sin(n), NOW + n * STEP)
    kept = learner.memory(last=True)
    assert kept is not None
    assert len(kept["learned"]) < MEMORY_LENGTH / 2


def test_a_memory_that_is_too_long_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    learner = taught()
    monkeypatch.setattr("wattswitch.engine.learner.MEMORY_LENGTH", 10)
    assert learner.memory(last=True) is None


def test_a_curve_is_never_learned_as_a_price() -> None:
    learner = Learner()
    learner.outlook(Curve((HOUR_OF_NOW,), (40.0,), HOUR), NOW)
    assert samples(learner) == 0


# ---- demand ----------------------------------------------------------------------------------------------------------


def need(demands: DemandLearner, key: str, value: float, at: float, lead: int = 180, problem: str = "") -> Demand:
    return demands.foreseen(key, Demand(Signal(value, problem, at), 1.0), lead, at)


def test_each_workload_has_a_demand_of_its_own() -> None:
    demands = DemandLearner()
    for n in range(60):
        at = NOW + 60 * n
        low, high = need(demands, "a", 5.0, at), need(demands, "b", 50.0, at)
    assert (low.forecast, high.forecast) == (pytest.approx(5.0), pytest.approx(50.0))
    assert low.recent[-1] == (at, 5.0)
    demands.keep_only({"a"})
    assert need(demands, "b", 50.0, at).forecast is None
    assert need(demands, "a", 5.0, at).forecast == pytest.approx(5.0)
    assert need(demands, "a", 5.0, at, lead=60).forecast is None, "another start time is another question"


def test_demand_that_is_stale_or_of_a_wrong_clock_teaches_nothing() -> None:
    demands = DemandLearner()
    for n in range(60):
        assert need(demands, "a", 5.0, NOW + 60 * n, problem="Stale").forecast is None
    demands.foreseen("a", Demand(Signal(5.0, at=NOW + 10 * DAY), 1.0), 180, NOW)
    for n in range(60):
        demand = need(demands, "a", 5.0, NOW + 60 * n)
    assert demand.forecast == pytest.approx(5.0)


def test_an_error_of_the_forecast_leaves_the_demand_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def overflow(*_: object) -> None:
        raise OverflowError("math range error")

    monkeypatch.setattr("wattswitch.engine.learner.DemandModel.update", overflow)
    assert need(DemandLearner(), "a", 5.0, NOW) == Demand(Signal(5.0, at=NOW), 1.0)
