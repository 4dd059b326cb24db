"""What a price series teaches: its step, its moves, its hours; and that it survives being written down."""

import json
import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from builders import NOW, learned_prices
from wattswitch.planner.price_model import BINS, EDGES, PriceModel, bin_of, to_u, transitions_of

START = NOW // 3600 * 3600


def taught(
    prices: list[float], step: float = 300.0, model: PriceModel | None = None, first: float = START
) -> PriceModel:
    model = model or PriceModel()
    for n, price in enumerate(prices):
        model = model.update(first + step * n, price)
    return model


def some_prices(count: int, seed: int = 1) -> list[float]:
    rng = random.Random(seed)
    price, prices = 30.0, []
    for _ in range(count):
        price = 0.9 * price + 3 + rng.gauss(0, 5) + (rng.random() < 0.01) * 300
        prices.append(round(price, 2))
    return prices


def test_an_update_leaves_the_old_model_as_it_was() -> None:
    before = taught([30.0, 31.0])
    text = before.to_json()
    before.update(START + 900, 500.0)
    assert before.to_json() == text


@pytest.mark.parametrize(
    ("at", "price"),
    [(START + 300, 1.0), (START, 1.0), (START + 539, 1.0), (math.nan, 1.0), (START + 600, math.nan), (math.inf, 1.0)],
)
def test_what_is_old_repeated_too_near_or_no_number_is_ignored(at: float, price: float) -> None:
    model = taught([30.0, 31.0])
    assert model.update(at, price) is model
    assert model.update(START + 540, 1.0) is not model


@pytest.mark.parametrize(
    ("step", "known"), [(300.0, 300.0), (255.0, 300.0), (900.0, 900.0), (901.0, 900.0), (3600.0, 3600.0)]
)
def test_the_step_of_the_market_is_the_nearest_that_markets_have(step: float, known: float) -> None:
    assert taught([30.0] * 4, step).lessons.step_seconds == known


def test_a_hole_is_no_new_step_and_six_equal_gaps_are() -> None:
    model = taught(some_prices(100))
    last = model.last_at
    assert model.update(last + 3600, 30.0).step_seconds == 300.0
    five = taught([30.0] * 5, 900.0, model, last + 900)
    assert five.step_seconds == 300.0
    assert five.update(last + 6 * 900, 30.0).step_seconds == 900.0


def test_the_lessons_change_once_an_hour_of_price_time() -> None:
    model = taught(some_prices(24))
    lessons = model.lessons
    for n in range(24, 36):
        model = model.update(START + 300 * n, 30.0)
        if n == 24:
            assert model.lessons is not lessons
            lessons = model.lessons
        assert model.lessons is lessons


def test_the_last_two_days_are_kept() -> None:
    model = taught([float(n) for n in range(700)])
    assert len(model.recent) == 577
    assert model.recent[-1] == (START + 300 * 699, 699.0)
    assert model.recent[0] == (START + 300 * 699 - 48 * 3600, 123.0)


def test_the_chance_of_a_high_price_rises_with_the_price() -> None:
    tails = np.array(taught(some_prices(2000)).lessons.tails)
    assert (np.diff(tails, axis=0) >= 0).all()
    assert (np.diff(tails, axis=1) <= 0).all()
    assert (tails[:, 0] == 1).all()
    assert transitions_of(tails).sum(1) == pytest.approx(np.ones(BINS))
    bins = np.array(taught(some_prices(2000)).lessons.bin_u)
    assert (np.diff(bins) >= 0).all()


def test_what_was_seen_often_becomes_what_is_expected() -> None:
    """Evenings at 150, and else 30: it goes from one to the other, and mostly stays where it is."""
    lessons = learned_prices(10).lessons
    assert lessons.shape_per_mwh[19] == pytest.approx(150.0, abs=1)
    assert lessons.shape_per_mwh[12] == pytest.approx(30.0, abs=1)
    assert transitions_of(np.array(lessons.tails)).diagonal().max() > 0.8


def test_a_published_price_is_what_deviations_are_counted_from() -> None:
    """Prices that follow the curve stay in the middle, whatever the hour."""
    model, plain = PriceModel(), PriceModel()
    for n in range(2000):
        price = 30.0 + 100.0 * (n // 12 % 24 == 19)
        model = model.update(START + 300 * n, price, price)
        plain = plain.update(START + 300 * n, price)
    assert sum(model.bin_seen[i] > 0 for i in range(BINS)) == 1
    assert sum(plain.bin_seen[i] > 0 for i in range(BINS)) > 1


@pytest.mark.parametrize(("price", "reference"), [(0.0, 0.0), (-1000.0, 50.0), (16_600.0, 20.0), (1e6, -1e6)])
def test_any_price_has_a_deviation_and_a_bin(price: float, reference: float) -> None:
    u = to_u(price, reference, 10.0)
    assert math.isfinite(u)
    assert 0 <= bin_of(u) < BINS
    assert [bin_of(edge) for edge in EDGES] == list(range(len(EDGES)))


def test_a_model_that_was_written_down_goes_on_as_it_would_have() -> None:
    model = taught(some_prices(3000))
    text = model.to_json()
    assert len(text) < 4000
    again = PriceModel.from_json(text)
    assert again.to_json() == text
    assert again.recent == model.recent[-64:]
    more = some_prices(50, seed=2)
    kept_on = taught(more, model=model, first=model.last_at + 300).lessons
    restored = taught(more, model=again, first=model.last_at + 300).lessons
    assert restored.tails == pytest.approx(np.array(kept_on.tails), abs=1e-4)
    assert restored.shape_per_mwh == pytest.approx(kept_on.shape_per_mwh, rel=1e-4)
    assert (restored.first_at, restored.last_at, restored.samples) == (
        kept_on.first_at,
        kept_on.last_at,
        kept_on.samples,
    )


def test_an_empty_model_can_be_written_down() -> None:
    again = PriceModel.from_json(PriceModel().to_json())
    assert again.lessons.samples == 0
    assert again.update(START, 30.0).samples == 1


def spoilt(name: str, value: object) -> Callable[[dict[str, Any]], None]:
    return lambda data: data.__setitem__(name, value)


@pytest.mark.parametrize(
    "change",
    [
        spoilt("version", 2),
        spoilt("counts", [0.0]),
        spoilt("counts", [-1.0] * BINS * BINS),
        spoilt("shape", [1.0] * 23),
        spoilt("binMean", ["x"] * BINS),
        spoilt("lastBin", 12),
        spoilt("stepSeconds", 61),
        spoilt("lastAt", None),
        spoilt("samples", -1),
        spoilt("recentGaps", []),
        lambda data: data.pop("scale"),
    ],
)
def test_what_cannot_be_read_is_refused(change: Callable[[dict[str, Any]], None]) -> None:
    data = json.loads(taught(some_prices(10)).to_json())
    change(data)
    with pytest.raises(ValueError, match="not a learned price model"):
        PriceModel.from_json(json.dumps(data))


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", "1", "{", '{"version": 1}', "NaN"])
def test_what_is_no_model_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a learned price model"):
        PriceModel.from_json(text)
