"""Every feed of every budget, one reader each, kept in step with the specs."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

from wattswitch.api.feed import Feed, PriceFeed
from wattswitch.feeds.curve import CurveReading
from wattswitch.feeds.curvefeed import CurveReader
from wattswitch.feeds.feed import FeedReader
from wattswitch.feeds.reading import WHOLE, Key, Problem, Reading, Refused, no_value


class FeedSet:
    """Readers by budget (its uid) and feed (its name, as the caller spells it), the outlook of a price with the price.

    `now` gives Unix seconds; `on_change` is called with the uid of the budget one of whose readings changed.
    """

    def __init__(
        self, now: Callable[[], float], on_change: Callable[[str], None], *, allow_private: bool = True
    ) -> None:
        self._now = now
        self._on_change = on_change
        self._allow_private = allow_private
        self._readers: dict[str, dict[str, FeedReader]] = {}
        self._curves: dict[str, CurveReader] = {}

    async def apply(self, budget_uid: str, specs: Mapping[str, Feed]) -> None:
        """Read exactly these feeds for the budget; no feeds where it is gone. Equal specs keep their reader.

        A reader whose spec changed is replaced by one that takes over what it knows.
        """
        readers = self._readers.setdefault(budget_uid, {})
        replaced = [readers.pop(name) for name in readers.keys() - specs.keys()]
        for name, spec in specs.items():
            current = readers.get(name)
            if current is not None and current.spec == spec:
                continue
            readers[name] = self._begin(budget_uid, spec, current)
            if current is not None:
                replaced.append(current)
        if not readers:
            del self._readers[budget_uid]
        await asyncio.gather(self._apply_outlook(budget_uid, specs), *(reader.close() for reader in replaced))

    async def _apply_outlook(self, budget_uid: str, specs: Mapping[str, Feed]) -> None:
        """Read the outlook of the price among `specs`, if there is one with an outlook."""
        prices = (spec for spec in specs.values() if isinstance(spec, PriceFeed))
        price, current = next(prices, None), self._curves.get(budget_uid)
        if price is None or price.outlook is None:
            self._curves.pop(budget_uid, None)
        elif current is not None and (current.spec, current.believed) == (price.outlook, price.range):
            return
        else:
            changed = partial(self._on_change, budget_uid)
            reader = CurveReader(price, self._now, changed, allow_private=self._allow_private)
            if current is not None:
                reader.take_over(current)
            reader.start()
            self._curves[budget_uid] = reader
        if current is not None:
            await current.close()

    def reading(self, budget_uid: str, feed: str, now: float, key: Key = WHOLE) -> Reading:
        """A feed's reading at `now`; `key` is (namespace, name) where the feed is per workload."""
        reader = self._find(budget_uid, feed)
        if reader is None:
            return no_value(Refused(Problem.NO_READING, f"the budget has no feed {feed!r}"), "", now)
        return reader.signal_reading(now, key)

    def curve(self, budget_uid: str, now: float) -> CurveReading | None:
        """The curve of the budget's price at `now`; None where the price has no outlook."""
        reader = self._curves.get(budget_uid)
        return None if reader is None else reader.reading(now)

    def seed(self, budget_uid: str, feed: str, value: float, at: float, key: Key = WHOLE) -> None:
        """Give a feed its last good number from the ledger."""
        reader = self._find(budget_uid, feed)
        if reader is not None:
            reader.seed(value, at, key)

    def deadline(self, budget_uid: str, now: float) -> float | None:
        """The first moment at which any reading of the budget changes by time alone; None where none does."""
        times = [reader.earliest_deadline(now) for reader in self._readers.get(budget_uid, {}).values()]
        if curve := self._curves.get(budget_uid):
            times.append(curve.deadline(now))
        return min((at for at in times if at is not None), default=None)

    def heard(self, budget_uid: str) -> bool:
        """Whether every source of the budget has answered or failed at least once."""
        curve = self._curves.get(budget_uid)
        known = all(reader.heard for reader in self._readers.get(budget_uid, {}).values())
        return known and (curve is None or curve.heard)

    async def close(self) -> None:
        """Stop every reader."""
        readers: list[FeedReader | CurveReader] = [
            *(reader for feeds in self._readers.values() for reader in feeds.values()),
            *self._curves.values(),
        ]
        self._readers, self._curves = {}, {}
        await asyncio.gather(*(reader.close() for reader in readers))

    def _find(self, budget_uid: str, feed: str) -> FeedReader | None:
        return self._readers.get(budget_uid, {}).get(feed)

    def _begin(self, budget_uid: str, spec: Feed, before: FeedReader | None) -> FeedReader:
        changed = partial(self._on_change, budget_uid)
        reader = FeedReader(spec, self._now, changed, allow_private=self._allow_private)
        if before is not None:
            reader.take_over(before)
        reader.start()
        return reader
