"""What the past of one price says about its future: a small model that learns with every new price.

The price is described by one number, its deviation `u` from a reference price `c` (the published one where there is
one, else the learned price of that hour of the day):

    u = GAIN · (asinh(price / scale) − asinh(c / scale))

It adds for small and negative prices and is a logarithm of a ratio for large ones, so that neither −1,000 nor +16,600
needs a case of its own. `u` moves as a Markov chain over ordered bins whose moves are counted as they are seen, older
ones counting less, on top of a weak prior. Prices are money per MWh without the site's adder, times are Unix seconds.
"""

import json
import math
from bisect import bisect_left
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

EDGES = (-4.0, -2.0, -1.0, -0.4, 0.0, 0.4, 1.0, 2.0, 3.0, 4.2, 5.6)
"""Where one bin of `u` ends and the next begins."""
CENTRES = (-5.0, *((a + b) / 2 for a, b in pairwise(EDGES)), 6.6)
BINS = len(CENTRES)
GAIN = 3.0
"""Steps of `u` for a price that is e times the reference."""

HALF_LIFE_DAYS = 45.0
PRIOR_MOVES = 4.0
PRIOR_MEMORY_HOURS = 3.0
SHAPE_DAYS = 5.0
SCALE_DAYS = 5.0
SCALE_WARM_SECONDS = 2 * 86400.0
SCALE_RANGE = (1.0, 200.0)
"""How fast the past is forgotten, and what is believed before there is one. Results on seven markets barely depend on
these: halving or doubling any of them moves what is captured by about a point."""

STEPS_SECONDS = (300.0, 600.0, 900.0, 1200.0, 1800.0, 3600.0)
"""Steps that a market may have; a gap between prices counts as the nearest of them, by ratio."""
NEAREST_SECONDS = 240.0
"""A price nearer to the last one than this is the same price polled again."""
STEP_AGREES = 6
"""So many gaps of another length in a row mean that the market has changed its step."""

RECENT_SECONDS = 48 * 3600.0
KEPT_PRICES = 64
"""How many of the recent prices `to_json` keeps."""
HOURS = 24
"""Hours of a day."""
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Lessons:
    """What deciding needs of what was learned.

    `tails[i][j]` is the chance that a price of bin i is of bin j or above one step later; it never falls with i, and
    never rises with j. `bin_u` stands for the mean price of each bin, never falling. `shape_per_mwh` is the price
    by hour of the day in UTC.
    """

    step_seconds: float
    scale: float
    tails: tuple[tuple[float, ...], ...]
    bin_u: tuple[float, ...]
    shape_per_mwh: tuple[float, ...]
    first_at: float
    last_at: float
    samples: int

    def __hash__(self) -> int:
        """Of what tells one from the next: kept results are looked up by it at every decision."""
        return hash((self.first_at, self.last_at, self.samples, self.scale))


def to_u(price: float, reference: float, scale: float) -> float:
    """The deviation of a price from its reference."""
    return GAIN * (math.asinh(price / scale) - math.asinh(reference / scale))


def bin_of(u: float) -> int:
    """The bin that a deviation is in."""
    return bisect_left(EDGES, u)


@dataclass(frozen=True, slots=True)
class PriceModel:
    """What was learned from one price series; `update` returns the next one, nothing is changed in place.

    `counts` and `weight` belong together: a move counted now weighs `weight`, an old one what it weighed then.
    `shape` holds None for an hour of the day that was never seen. A step of 0 is one that is not known yet.
    """

    scale: float = 10.0
    samples: int = 0
    first_at: float = 0.0
    last_at: float = -math.inf
    last_bin: int = -1
    step_seconds: float = 0.0
    odd_gap_seconds: float = 0.0
    odd_gaps: int = 0
    weight: float = 1.0
    shape: tuple[float | None, ...] = (None,) * HOURS
    bin_mean: tuple[float, ...] = tuple(math.sinh(u / GAIN) for u in CENTRES)
    bin_seen: tuple[int, ...] = (0,) * BINS
    counts: tuple[tuple[float, ...], ...] = ((0.0,) * BINS,) * BINS
    recent: tuple[tuple[float, float], ...] = ()
    _lessons: Lessons | None = field(default=None, compare=False)

    @property
    def lessons(self) -> Lessons:
        """What deciding needs. It changes once an hour of price time, so that what is derived may be kept."""
        return self._lessons or _lessons(self)

    def update(self, at: float, price_per_mwh: float, curve_per_mwh: float | None = None) -> "PriceModel":
        """Learn one price: the start of its interval, and what was published for it where anything was.

        What is not finite, out of order, or less than 240 s newer than the last one is ignored.
        """
        if not (math.isfinite(at) and math.isfinite(price_per_mwh)) or at < self.last_at + NEAREST_SECONDS:
            return self
        model = _with_gap(self, at - self.last_at) if self.samples else self
        learned = _learn(model, float(at), float(price_per_mwh), self._reference(at, price_per_mwh, curve_per_mwh))
        new_step = learned.step_seconds != self.step_seconds
        if new_step or self._lessons is None or at // 3600 != self.last_at // 3600:
            learned = replace(learned, _lessons=_lessons(learned))
        return learned

    def _reference(self, at: float, price: float, curve: float | None) -> float:
        if curve is not None and math.isfinite(curve):
            return float(curve)
        return shape_at(_whole_shape(self), at) if self.samples else price

    def to_json(self) -> str:
        """One line that `from_json` continues from; about 3 kB. Of the recent prices it keeps the last few hours."""
        kept = self.recent[-KEPT_PRICES:]
        starts = [start for start, _ in kept]
        out = {
            "version": _VERSION,
            "scale": _short(self.scale),
            "samples": self.samples,
            "firstAt": self.first_at,
            "lastAt": self.last_at if self.samples else None,
            "lastBin": self.last_bin,
            "stepSeconds": self.step_seconds,
            "shape": [None if price is None else _short(price) for price in self.shape],
            "binMean": [_short(mean) for mean in self.bin_mean],
            "binSeen": self.bin_seen,
            "counts": [_short(count / self.weight) for row in self.counts for count in row],
            "recentGaps": [later - start for start, later in pairwise(starts)],
            "recent": [_short(price) for _, price in kept],
        }
        return json.dumps(out, separators=(",", ":"), allow_nan=False)

    @staticmethod
    def from_json(text: str) -> "PriceModel":
        """Continue from `to_json`.

        Raises:
            ValueError: it is no such text.
        """
        try:
            model = _read(json.loads(text))
        except (AttributeError, IndexError, KeyError, OverflowError, RecursionError, TypeError, ValueError) as error:
            raise ValueError(f"not a learned price model: {error}") from error
        return replace(model, _lessons=_lessons(model)) if model.samples else model


def _learn(model: PriceModel, at: float, price: float, reference: float) -> PriceModel:
    step = model.step_seconds or STEPS_SECONDS[0]
    scale = _next_scale(model, abs(price - reference), step)
    u = to_u(price, reference, scale)
    bin_ = bin_of(u)
    seen = model.bin_seen[bin_] + 1
    mean = model.bin_mean[bin_]
    mean += (math.sinh(u / GAIN) - mean) / min(seen + 5.0, 300.0)
    weight = model.weight * 2 ** (step / 86400.0 / HALF_LIFE_DAYS)
    counts = model.counts
    if model.last_bin >= 0 and abs(at - model.last_at - step) < 0.5 * step:
        row = counts[model.last_bin]
        counts = _put(counts, model.last_bin, _put(row, bin_, row[bin_] + weight))
    recent = model.recent
    dropped = next((i for i, (start, _) in enumerate(recent) if start >= at - RECENT_SECONDS), len(recent))
    return PriceModel(
        scale=scale,
        samples=model.samples + 1,
        first_at=model.first_at if model.samples else at,
        last_at=at,
        last_bin=bin_,
        step_seconds=model.step_seconds,
        odd_gap_seconds=model.odd_gap_seconds,
        odd_gaps=model.odd_gaps,
        weight=weight,
        shape=_next_shape(model, at, price, scale, step),
        bin_mean=_put(model.bin_mean, bin_, mean),
        bin_seen=_put(model.bin_seen, bin_, seen),
        counts=counts,
        recent=(*recent[dropped:], (at, price)),
        _lessons=model._lessons,
    )


def _next_scale(model: PriceModel, deviation: float, step: float) -> float:
    """The running median of how far prices are from their reference."""
    rate = 0.05 if model.samples * step < SCALE_WARM_SECONDS else step / (86400 * SCALE_DAYS)
    scale = model.scale * math.exp(rate * ((deviation > model.scale) - (deviation < model.scale)))
    return min(max(scale, SCALE_RANGE[0]), SCALE_RANGE[1])


def _next_shape(model: PriceModel, at: float, price: float, scale: float, step: float) -> tuple[float | None, ...]:
    hour = int(at // 3600) % HOURS
    old = model.shape[hour]
    if old is None:
        return _put(model.shape, hour, price)
    share = 1.0 - math.exp(-step / 3600.0 / SHAPE_DAYS)
    level = math.asinh(old / scale)
    return _put(model.shape, hour, scale * math.sinh(level + share * (math.asinh(price / scale) - level)))


def _with_gap(model: PriceModel, gap_seconds: float) -> PriceModel:
    """Follow the market's step; a hole in the prices is no new step."""
    if gap_seconds > STEPS_SECONDS[-1] * 1.5 or (gap_seconds == model.step_seconds and not model.odd_gaps):
        return model
    gap = min(STEPS_SECONDS, key=lambda step: abs(math.log(gap_seconds / step)))
    if not model.step_seconds:
        return replace(model, step_seconds=gap)
    if gap == model.step_seconds:
        return replace(model, odd_gaps=0, odd_gap_seconds=0.0) if model.odd_gaps else model
    run = model.odd_gaps + 1 if gap == model.odd_gap_seconds else 1
    if run < STEP_AGREES:
        return replace(model, odd_gaps=run, odd_gap_seconds=gap)
    counts = np.array(model.counts) / model.weight
    known = np.minimum(counts.sum(1, keepdims=True), 5 * PRIOR_MOVES)
    moved = powered(transitions_of(_tails(model)), gap / model.step_seconds) * known
    return replace(
        model, step_seconds=gap, odd_gaps=0, odd_gap_seconds=0.0, last_bin=-1, weight=1.0, counts=_rows(moved)
    )


def _lessons(model: PriceModel) -> Lessons:
    """Rounded to what can matter, so that a recorded decision stays small; rounding keeps every order."""
    bin_u = GAIN * np.arcsinh(np.maximum.accumulate(np.array(model.bin_mean)))
    return Lessons(
        step_seconds=model.step_seconds or STEPS_SECONDS[0],
        scale=_short(model.scale),
        tails=_rows(np.round(_tails(model), 6)),
        bin_u=tuple(round(float(u), 6) for u in bin_u),
        shape_per_mwh=tuple(_short(price) for price in _whole_shape(model)),
        first_at=model.first_at,
        last_at=model.last_at if model.samples else 0.0,
        samples=model.samples,
    )


def _tails(model: PriceModel) -> Array:
    """P(next bin ≥ j | bin i) of one step, made to rise with i as it must where a high price stays high longer."""
    centres, counts = np.array(CENTRES), np.array(model.counts) / model.weight
    keep = math.exp(-(model.step_seconds or STEPS_SECONDS[0]) / 3600.0 / PRIOR_MEMORY_HOURS)
    prior = np.exp(-((centres[None] - keep * centres[:, None]) ** 2) / (2 * max(0.05, 1 - keep**2))) + 1e-3
    prior /= prior.sum(1, keepdims=True)
    moves = (counts + PRIOR_MOVES * prior) / (counts.sum(1, keepdims=True) + PRIOR_MOVES)
    tails = np.cumsum(moves[:, ::-1], 1)[:, ::-1]
    tails = (np.maximum.accumulate(tails, 0) + np.minimum.accumulate(tails[::-1], 0)[::-1]) / 2
    tails[:, 0] = 1.0
    return np.asarray(np.clip(tails, 0.0, 1.0))


def transitions_of(tails: Array) -> Array:
    """P(next bin = j | bin i) of the chances of j or above."""
    return np.asarray(tails - np.concatenate((tails[:, 1:], np.zeros((len(tails), 1))), 1))


def powered(transitions: Array, steps: float) -> Array:
    """The chain over so many steps; over less than one, a chain that mostly stays. Both keep the order of bins."""
    if steps >= 1:
        return np.asarray(np.linalg.matrix_power(transitions, round(steps)))
    return np.asarray((1 - steps) * np.eye(len(transitions)) + steps * transitions)


def _whole_shape(model: PriceModel) -> tuple[float, ...]:
    """The shape with the mean of the known hours where an hour is not known."""
    if None not in model.shape:
        return model.shape  # type: ignore[return-value]
    known = [math.asinh(price / model.scale) for price in model.shape if price is not None]
    level = model.scale * math.sinh(sum(known) / len(known)) if known else 0.0
    return tuple(level if price is None else price for price in model.shape)


def shape_at(shape: tuple[float, ...], at: float) -> float:
    """The price of the shape at a time, straight between the middles of hours."""
    hours = at / 3600.0 - 0.5
    low = math.floor(hours)
    share = hours - low
    return (1 - share) * shape[low % HOURS] + share * shape[(low + 1) % HOURS]


def _put(row: tuple[Any, ...], at: int, value: Any) -> tuple[Any, ...]:
    return (*row[:at], value, *row[at + 1 :])


def _rows(matrix: Array) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in matrix.tolist())


def _short(value: float) -> float:
    return float(f"{value:.6g}")


def _read(data: dict[str, Any]) -> PriceModel:
    if data["version"] != _VERSION:
        raise ValueError(f"version {data['version']!r}")
    counts = _numbers(data["counts"], BINS * BINS, least=0.0)
    samples = int(data["samples"])
    prices = _numbers(data["recent"], len(data["recent"]))
    gaps = _numbers(data["recentGaps"], max(0, len(prices) - 1), least=NEAREST_SECONDS)
    last_at = float(data["lastAt"]) if samples else -math.inf
    starts = [last_at]
    for gap in reversed(gaps):
        starts.insert(0, starts[0] - gap)
    model = PriceModel(
        scale=min(max(_numbers([data["scale"]], 1)[0], SCALE_RANGE[0]), SCALE_RANGE[1]),
        samples=samples,
        first_at=_numbers([data["firstAt"]], 1)[0],
        last_at=last_at,
        last_bin=int(data["lastBin"]),
        step_seconds=_numbers([data["stepSeconds"]], 1)[0],
        shape=tuple(None if price is None else _numbers([price], 1)[0] for price in data["shape"]),
        bin_mean=_numbers(data["binMean"], BINS),
        bin_seen=tuple(int(seen) for seen in _numbers(data["binSeen"], BINS, least=0.0)),
        counts=tuple(counts[i : i + BINS] for i in range(0, BINS * BINS, BINS)),
        recent=tuple(zip(starts, prices, strict=True)) if prices else (),
    )
    _check(model)
    return model


def _check(model: PriceModel) -> None:
    if model.samples < 0 or (model.samples and not math.isfinite(model.last_at)):
        raise ValueError("samples without a time")
    if len(model.shape) != HOURS or not -1 <= model.last_bin < BINS:
        raise ValueError("a shape or a bin that cannot be")
    if model.step_seconds not in (0.0, *STEPS_SECONDS):
        raise ValueError(f"a step of {model.step_seconds:g} s")


def _numbers(values: Any, length: int, least: float = -math.inf) -> tuple[float, ...]:
    numbers = tuple(float(value) for value in values)
    if len(numbers) != length or not all(math.isfinite(number) and number >= least for number in numbers):
        raise ValueError(f"not {length} finite numbers")
    return numbers
