"""The feeds of one budget under the names that the loop uses."""

import logging
from collections.abc import Iterable, Mapping

from wattswitch.api.feed import Feed
from wattswitch.api.power_budget import PowerBudgetSpec
from wattswitch.api.times import format_time, parse_time
from wattswitch.engine import clock
from wattswitch.feeds import WHOLE, CurveReading, FeedSet, Key, Reading

logger = logging.getLogger(__name__)

PRICE = "price"
METER = "meter"
GRID_LIMIT = "gridLimit"
NAMED = "feed:"
"""Goes before the names of named feeds, so that one called `price` is not the price."""

FORGET_SECONDS = 60.0
"""How long a reading of one workload is kept that no decision asks for any more; decisions come every few seconds."""

_Place = tuple[str, Key]


class SiteFeeds:
    """Reads a budget's price, meter and named feeds; the readers follow its spec.

    What single workloads ask for is forgotten when they ask no more, so that dead ones never crowd out the living.
    """

    def __init__(self, feeds: FeedSet, uid: str) -> None:
        self._feeds = feeds
        self._uid = uid
        self._per_workload: frozenset[str] = frozenset()
        self._asked_at: dict[_Place, float] = {}
        self._seeded_at: dict[_Place, float] = {}
        """Monotonic times at which readings were last asked for, and taken over from an earlier process."""
        self._kept: dict[_Place, dict[str, str]] = {}
        self._grid_limit = False

    async def follow(self, spec: PowerBudgetSpec) -> None:
        """Read what `spec` says from now on."""
        specs: dict[str, Feed] = {PRICE: spec.price}
        if spec.meter is not None:
            specs[METER] = spec.meter
        if spec.grid_limit is not None:
            specs[GRID_LIMIT] = spec.grid_limit
        self._grid_limit = spec.grid_limit is not None
        specs |= {NAMED + feed.name: feed for feed in spec.feeds}
        self._per_workload = frozenset(NAMED + feed.name for feed in spec.feeds if feed.per_workload is not None)
        self._keep_only({place for place in {*self._asked_at, *self._kept} if self._fits(place, specs)})
        await self._feeds.apply(self._uid, specs)

    @property
    def heard(self) -> bool:
        """Whether every source has answered or failed at least once."""
        return self._feeds.heard(self._uid)

    def price(self) -> Reading:
        """The price, without adder, per MWh."""
        return self._read(PRICE, WHOLE)

    def curve(self) -> CurveReading | None:
        """What is published of the price ahead, without adder; None where the price has no outlook."""
        return self._feeds.curve(self._uid, clock.now())

    def meter(self) -> Reading:
        """What the site draws as measured, in watts."""
        return self._read(METER, WHOLE)

    def grid_limit(self) -> Reading | None:
        """What the grid lets the site draw, in watts; None where nothing says so."""
        return self._read(GRID_LIMIT, WHOLE) if self._grid_limit else None

    def named(self, name: str, namespace: str, workload: str) -> Reading:
        """The number of a named feed for one workload."""
        return self._read(NAMED + name, (namespace, workload) if NAMED + name in self._per_workload else WHOLE)

    def deadline(self, now: float) -> float | None:
        """The first moment at which a reading changes by time alone."""
        return self._feeds.deadline(self._uid, now)

    def current(self) -> dict[str, Reading]:
        """The readings that are not per workload, by name without prefix; the price and the meter keep theirs."""
        return {name: self._look((name, key)) for name, key in sorted(self._asked_at) if key == WHOLE}

    def seed(self, kept: Iterable[Mapping[str, str]]) -> None:
        """Take over the last good readings that an earlier process wrote down; what cannot be read is left out."""
        for last in kept:
            try:
                feed, value, at = last["feed"], float(last["value"]), parse_time(last["at"])
            except (KeyError, TypeError, ValueError) as problem:
                logger.warning("a reading of an earlier process cannot be read and is left out: %r", problem)
                continue
            namespace, _, workload = last.get("key", "").partition("/")
            key = (namespace, workload) if workload else WHOLE
            self._kept[(feed, key)], self._seeded_at[(feed, key)] = dict(last), clock.monotonic()
            self._feeds.seed(self._uid, feed, value, at, key)

    def last_readings(self, most: int = 256) -> list[dict[str, str]]:
        """The last good readings, to be written down; an entry changes with its value only, so that it rests.

        Where there are too many, those of single workloads are left out first.
        """
        self._forget_unasked()
        for name, key in self._asked_at:
            reading = self._look((name, key))
            value = "" if reading.value is None else f"{reading.value:.6g}"
            if value and self._kept.get((name, key), {}).get("value") != value:
                entry = {"feed": name, "value": value, "at": format_time(int(reading.at))}
                self._kept[(name, key)] = entry if key == WHOLE else {**entry, "key": "/".join(key)}
        places = sorted(self._kept, key=lambda place: (place[1] != WHOLE, place))
        return [self._kept[place] for place in places[:most]]

    async def close(self) -> None:
        """Stop reading."""
        await self._feeds.apply(self._uid, {})

    def _read(self, name: str, key: Key) -> Reading:
        self._asked_at[(name, key)] = clock.monotonic()
        return self._look((name, key))

    def _look(self, place: _Place) -> Reading:
        """The reading, without having asked for it."""
        name, key = place
        return self._feeds.reading(self._uid, name, clock.now(), key)

    def _fits(self, place: _Place, specs: Mapping[str, Feed]) -> bool:
        """Whether a reading is one that the spec has: of a feed that it names, per workload or not as it says."""
        name, key = place
        return name in specs and (key != WHOLE) == (name in self._per_workload)

    def _forget_unasked(self) -> None:
        """Forget what no workload asked for lately, as of the last question: one that stood still forgets nothing."""
        newest = max(self._asked_at.values(), default=0.0)
        old = {place for place, at in {**self._seeded_at, **self._asked_at}.items() if at < newest - FORGET_SECONDS}
        self._keep_only({*self._asked_at, *self._kept} - {place for place in old if place[1] != WHOLE})

    def _keep_only(self, places: set[_Place]) -> None:
        self._asked_at = {place: at for place, at in self._asked_at.items() if place in places}
        self._seeded_at = {place: at for place, at in self._seeded_at.items() if place in places}
        self._kept = {place: last for place, last in self._kept.items() if place in places}
