"""What the past of one budget teaches: its price, and the demand of its workloads.

Nothing here is ever needed to keep the limit. Losing what was learned may cost money, and no error in it costs a
decision.
"""

import logging
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any, Final

from wattswitch.api.power_budget import MEMORY_LENGTH
from wattswitch.feeds import Curve, Reading
from wattswitch.planner.forecast import DemandModel
from wattswitch.planner.model import Demand, PriceCurve, PriceOutlook
from wattswitch.planner.price_model import PriceModel

logger = logging.getLogger(__name__)

HOUR_SECONDS: Final = 3600.0
CURVE_BEHIND_SECONDS: Final = 6 * HOUR_SECONDS
CURVE_AHEAD_SECONDS: Final = 48 * HOUR_SECONDS
"""What a decision sees of a curve; a price that is hours late is still compared with what was published for it."""

MOST_PER_MWH: Final = 1_000_000.0
"""No price is learned from beyond this: it would be all that is remembered."""

MOST_CHANGES: Final = 240
"""Of one hour; a price that changes more often is seen with its newest changes."""

MOST_LEAD_SECONDS: Final = HOUR_SECONDS
"""What was learned from further ahead than this was learned by a clock that was wrong."""


class Learner:
    """Learns the price of one budget from every new reading, each once, by the source's own time.

    A new model begins where the currency changed. What is told as a reading is without adder.
    """

    def __init__(self) -> None:
        self._model = PriceModel()
        self._currency = ""
        self._learned_at = float("-inf")
        self._written: dict[str, str] | None = None
        self._written_at = float("-inf")
        """Price time of what was written down last."""
        self._changes: list[tuple[float, float]] = []
        """When the price changed of late, and to what: the model takes a price every few minutes only."""
        self._outlook: PriceOutlook | None = None
        self._seen: tuple[Curve | None, float] = (None, 0.0)
        """The curve and the hour that the outlook was made for."""

    def restore(self, kept: Mapping[str, Any] | None) -> None:
        """Continue from what an earlier process wrote down; what cannot be read is as good as nothing."""
        if not kept:
            return
        try:
            model, currency = PriceModel.from_json(kept["learned"]), str(kept["currency"])
        except (KeyError, TypeError, ValueError) as problem:
            logger.warning("what was learned of the price cannot be read, learning begins anew: %s", problem)
            return
        self._model, self._outlook, self._currency = model, None, currency
        self._learned_at = self._written_at = model.last_at
        self._written = {"currency": currency, "learned": kept["learned"]}

    def learn(self, reading: Reading, curve: Curve | None, currency: str, now: float) -> None:
        """Learn from a reading of the price, if it is a new one that is to be believed."""
        if currency != self._currency:
            self._begin(currency)
        if not reading.fresh or reading.value is None:
            return
        if self._learned_at > now + MOST_LEAD_SECONDS:
            self._begin(currency)
        if reading.at <= self._learned_at:
            return
        self._learned_at = reading.at
        if abs(reading.value) > MOST_PER_MWH:
            return
        self._note(reading.at, reading.value)
        published = None if curve is None else curve.price_at(reading.at)
        try:
            model = self._model.update(reading.at, reading.value, published)
        except (ArithmeticError, ValueError):
            logger.exception("the price of %s could not be learned from", reading.at)
            return
        if model is not self._model:
            self._model, self._outlook = model, None

    def outlook(self, curve: Curve | None, now: float) -> PriceOutlook:
        """What is known of the price beyond its value of now; the same object while nothing new is."""
        hour = now // HOUR_SECONDS * HOUR_SECONDS
        if self._outlook is None or self._seen[1] != hour or self._seen[0] is not curve:
            self._seen = curve, hour
            lessons = self._model.lessons if self._model.samples else None
            self._outlook = PriceOutlook(lessons, _ahead(curve, hour), self._recent())
        return self._outlook

    def memory(self, *, last: bool = False) -> dict[str, str] | None:
        """What to write down, None where that is nothing; new once an hour of price time, and where it is the last."""
        if not self._model.samples:
            return self._written
        self._written_at = max(self._written_at, self._model.first_at)
        if self._model.last_at > self._written_at + (0.0 if last else HOUR_SECONDS):
            text = self._model.to_json()
            self._written_at = self._model.last_at
            self._written = {"currency": self._currency, "learned": text} if len(text) <= MEMORY_LENGTH else None
        return self._written

    def _note(self, at: float, price: float) -> None:
        """Note the price where it changed, so that what it costs to wait is counted from then on."""
        if self._changes and self._changes[-1][1] == price:
            return
        kept = [change for change in self._changes if change[0] > at - HOUR_SECONDS][-MOST_CHANGES:]
        self._changes, self._outlook = [*kept, (at, price)], None

    def _recent(self) -> tuple[tuple[float, float], ...]:
        """The prices of the last days: those that the model took, and from the first noted change on all changes."""
        if not self._changes:
            return self._model.recent
        first = self._changes[0][0]
        return (*(known for known in self._model.recent if known[0] < first), *self._changes)

    def _begin(self, currency: str) -> None:
        self._model, self._outlook, self._currency, self._written = PriceModel(), None, currency, None
        self._learned_at = self._written_at = float("-inf")
        self._changes = []


def _ahead(curve: Curve | None, hour: float) -> PriceCurve:
    """What a decision in this hour sees of a curve."""
    part = None if curve is None else curve.between(hour - CURVE_BEHIND_SECONDS, hour + CURVE_AHEAD_SECONDS)
    return PriceCurve() if part is None else PriceCurve(part.starts, part.prices)


class DemandLearner:
    """Learns the demand of each workload from every new reading, each once, by the source's own time."""

    def __init__(self) -> None:
        self._models: dict[str, DemandModel] = {}

    def foreseen(self, key: str, demand: Demand, lead_seconds: int, now: float) -> Demand:
        """The demand with what it will be one start time ahead, and what it was of late, as far as that is known.

        It is learned from first, where its signal is fresh and new.
        """
        model, signal = self._models.get(key), demand.signal
        if model is None or model.lead_seconds != lead_seconds or model.newest_at > now + MOST_LEAD_SECONDS:
            model = DemandModel(lead_seconds)
        try:
            if signal.fresh and signal.value is not None:
                model = model.update(signal.at, signal.value)
            expected = model.ahead(now)
        except (ArithmeticError, ValueError):
            logger.exception("the demand of %s could not be learned from", key)
            return demand
        self._models[key] = model
        if expected is None:
            return replace(demand, recent=model.recent)
        return replace(demand, forecast=expected.need, recent=model.recent, needs=expected.needs)

    def keep_only(self, keys: AbstractSet[str]) -> None:
        """Forget every other workload."""
        for key in self._models.keys() - keys:
            del self._models[key]
