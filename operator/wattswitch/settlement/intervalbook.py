"""From observations at any moments to whole intervals: no clock, no I/O, and no second is ever counted twice.

What is seen holds until the next observation. It counts as seen for `fresh_seconds`, as an estimate up to
`hold_seconds`, and not at all after that: then the interval has a gap, and an interval of which nothing is known is
not told at all. A reading of the meter, or a price, that an observation lacks is carried on in the same way.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from typing import Any, NamedTuple

from wattswitch.settlement.intervals import FIXED, OVERHEAD, SECONDS_TOLERANCE, SITE, Interval, Quality, aligned

_JOULES_PER_KWH = 3.6e6
_KWH_PER_MWH = 1000.0


@dataclass(frozen=True, slots=True)
class Rules:
    """How long an interval is, and how long a silence may last before it is an estimate, and before it is a gap."""

    seconds: int = 900
    fresh_seconds: float = 90.0
    hold_seconds: float = 600.0


@dataclass(frozen=True, slots=True)
class Part:
    """One workload at one moment; watts are its own, before PUE.

    `wanted_watts` is what price and demand alone would run, None for what it draws; `earning_watts` what of its draw
    is in demand, None for all of it. `worth_per_mwh` is per MWh at the meter.
    """

    workload: str
    watts: float
    wanted_watts: float | None = None
    earning_watts: float | None = None
    worth_per_mwh: float | None = None
    by_price: bool = False
    by_event: bool = False


@dataclass(frozen=True, slots=True)
class Observation:
    """The site at one moment. `estimated` says that some of its numbers are held from before.

    `meter_watts` and `price_per_mwh` (with all adders) are None where nothing fresh is known. Raises ValueError where
    a number is not finite or a workload is told twice.
    """

    at: float
    parts: tuple[Part, ...]
    fixed_watts: float = 0.0
    pue: float = 1.0
    meter_watts: float | None = None
    price_per_mwh: float | None = None
    estimated: bool = False

    def __post_init__(self) -> None:
        numbers = [self.at, self.fixed_watts, self.pue, self.meter_watts, self.price_per_mwh]
        for part in self.parts:
            numbers += [part.watts, part.wanted_watts, part.earning_watts, part.worth_per_mwh]
        if not all(math.isfinite(number) for number in numbers if number is not None):
            raise ValueError("an observation has a number that is not finite")
        keys = [part.workload for part in self.parts]
        if len(keys) != len(set(keys)) or {SITE, FIXED, OVERHEAD} & set(keys):
            raise ValueError("each workload of an observation needs a key of its own")


class Seen(NamedTuple):
    """A number and the moment of the observation that brought it."""

    at: float
    value: float


@dataclass(slots=True)
class _Sums:
    """What adds up of one row. Joules, seconds, and money times joules per MWh."""

    joules: float = 0.0
    wanted: float = 0.0
    cost: float = 0.0
    revenue: float = 0.0
    worth: float = 0.0
    worth_seconds: float = 0.0
    by_price: bool = False
    by_event: bool = False


@dataclass(slots=True)
class _Open:
    """An interval that is not over yet."""

    start: int
    known_seconds: float = 0.0
    fresh_seconds: float = 0.0
    meter_seconds: float = 0.0
    meter_joules: float = 0.0
    metered_cost: float = 0.0
    price_seconds: float = 0.0
    price: float = 0.0
    rows: dict[str, _Sums] = field(default_factory=dict)


class IntervalBook:
    """Takes observations in the order of time, gives the intervals that are over.

    One that is older than the last is left out; older by more than an interval, the clock was put right: what was
    open is dropped, and time counts from there.
    """

    def __init__(self, rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self._forget()

    def _forget(self) -> None:
        self._last: Observation | None = None
        self._meter: Seen | None = None
        self._price: Seen | None = None
        self._counted = -math.inf
        self._open: _Open | None = None

    def add(self, seen: Observation) -> list[Interval]:
        """Take an observation; the rows of all intervals that ended by its moment."""
        if self._last is not None and seen.at < self._last.at:
            if seen.at >= self._last.at - self.rules.seconds:
                return []
            self._forget()
        done = self.advance(seen.at)
        self._counted = max(self._counted, seen.at)
        self._last = seen
        if seen.meter_watts is not None:
            self._meter = Seen(seen.at, seen.meter_watts)
        if seen.price_per_mwh is not None:
            self._price = Seen(seen.at, seen.price_per_mwh)
        return done

    def advance(self, at: float) -> list[Interval]:
        """Count the time up to this moment by what was seen last; the rows of all intervals that ended by it."""
        done: list[Interval] = []
        if self._last is not None and at > self._counted:
            until = min(at, self._last.at + self.rules.hold_seconds)
            for start, end in self._stretches(self._last, self._counted, until):
                done += self._settle(start)
                self._count(self._last, start, end)
            self._counted = at
        return done + self._settle(at)

    def text(self) -> str:
        """Everything that is not in a finished interval yet, for the next process; see `resume`."""
        return json.dumps(
            {
                "rules": asdict(self.rules),
                "last": self._last and _shallow(self._last) | {"parts": [_shallow(part) for part in self._last.parts]},
                "meter": self._meter,
                "price": self._price,
                "counted": None if self._last is None else self._counted,
                "open": self._open
                and _shallow(self._open) | {"rows": {key: _shallow(sums) for key, sums in self._open.rows.items()}},
            }
        )

    @classmethod
    def resume(cls, text: str, rules: Rules | None = None) -> "IntervalBook":
        """Go on from `text`; a new book where it cannot be read or was kept under other rules."""
        book = cls(rules)
        try:
            book._take(json.loads(text))
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls(rules)
        return book

    def _take(self, told: Mapping[str, Any]) -> None:
        if told["rules"] != asdict(self.rules):
            raise ValueError("kept under other rules")
        if (last := told["last"]) is None:
            return
        self._last = Observation(**last | {"parts": tuple(Part(**part) for part in last["parts"])})
        self._meter = Seen(*told["meter"]) if told["meter"] else None
        self._price = Seen(*told["price"]) if told["price"] else None
        self._counted = float(told["counted"])
        if (partly := told["open"]) is not None:
            rows = {key: _Sums(**sums) for key, sums in partly["rows"].items()}
            self._open = _Open(**partly | {"rows": rows})

    def _stretches(self, seen: Observation, start: float, end: float) -> Iterator[tuple[float, float]]:
        """[start, end) cut where an interval ends and where something ceases to be fresh or to hold."""
        rules = self.rules
        ages = (rules.fresh_seconds, rules.hold_seconds)
        since = [seen.at, *(known.at for known in (self._meter, self._price) if known)]
        cuts = {at + age for at in since for age in ages}
        cuts |= {float(at) for at in range(aligned(start, rules.seconds), int(end) + 1, rules.seconds)}
        edges = [start, *sorted(at for at in cuts if start < at < end), end]
        return ((a, b) for a, b in pairwise(edges) if b > a)

    def _count(self, seen: Observation, start: float, end: float) -> None:
        rules, seconds = self.rules, end - start
        begin = aligned(start, rules.seconds)
        if self._open is None:
            self._open = _Open(begin)
        partly = self._open
        meter, price = self._known(self._meter, start), self._known(self._price, start)
        fresh = not seen.estimated and all(
            known is None or start - known.at < rules.fresh_seconds for known in (Seen(seen.at, 0.0), meter, price)
        )
        lost = (self._meter is not None and meter is None) or (self._price is not None and price is None)
        partly.known_seconds += seconds
        partly.fresh_seconds += seconds if fresh and not lost else 0.0
        rate = price.value if price else 0.0
        if price:
            partly.price_seconds += seconds
            partly.price += rate * seconds
        if meter:
            partly.meter_seconds += seconds
            partly.meter_joules += meter.value * seconds
            partly.metered_cost += meter.value * seconds * rate
        for part in _rows(seen):
            _add(partly.rows.setdefault(part.workload, _Sums()), part, seconds, rate, seen.pue)

    def _known(self, seen: Seen | None, at: float) -> Seen | None:
        return seen if seen and at - seen.at < self.rules.hold_seconds else None

    def _settle(self, at: float) -> list[Interval]:
        """The rows of the open interval if it is over by this moment."""
        partly = self._open
        if partly is None or at < partly.start + self.rules.seconds:
            return []
        self._open = None
        return [_interval(partly, key, sums, self.rules.seconds) for key, sums in sorted(partly.rows.items())]


def settle(seen: Iterable[Observation], until: float, rules: Rules | None = None) -> list[Interval]:
    """All whole intervals of these observations, in order, up to a moment."""
    book = IntervalBook(rules)
    done = [row for observation in seen for row in book.add(observation)]
    return done + book.advance(until)


def _shallow(known: Observation | Part | _Open | _Sums) -> dict[str, Any]:
    """Its fields; `asdict` copies what is within as well, and takes several times as long."""
    return {name: getattr(known, name) for name in known.__slots__}


def _rows(seen: Observation) -> Iterator[Part]:
    """The rows of an observation; those of the site come from the others, so that they always add up."""
    wanted = [part.watts if part.wanted_watts is None else part.wanted_watts for part in seen.parts]
    it_watts = sum(part.watts for part in seen.parts)
    rest = [
        *(replace(part, wanted_watts=watts) for part, watts in zip(seen.parts, wanted, strict=True)),
        Part(FIXED, seen.fixed_watts, seen.fixed_watts),
        Part(OVERHEAD, (seen.pue - 1.0) * it_watts, (seen.pue - 1.0) * sum(wanted)),
    ]
    yield from rest
    yield Part(
        SITE,
        sum(part.watts for part in rest),
        sum(part.wanted_watts or 0.0 for part in rest),
        by_price=any(part.by_price for part in seen.parts),
        by_event=any(part.by_event for part in seen.parts),
    )


def _add(sums: _Sums, part: Part, seconds: float, price: float, pue: float) -> None:
    joules = part.watts * seconds
    sums.joules += joules
    sums.wanted += (part.wanted_watts or 0.0) * seconds
    sums.cost += joules * price
    if part.worth_per_mwh is not None:
        earning = part.watts if part.earning_watts is None else part.earning_watts
        sums.revenue += part.worth_per_mwh * earning * seconds * pue
        sums.worth += part.worth_per_mwh * seconds
        sums.worth_seconds += seconds
    sums.by_price |= part.by_price
    sums.by_event |= part.by_event


def _interval(partly: _Open, key: str, sums: _Sums, seconds: int) -> Interval:
    known = partly.known_seconds
    metered = key == SITE and partly.meter_seconds >= known - SECONDS_TOLERANCE
    priced = partly.price_seconds >= known - SECONDS_TOLERANCE
    cost = partly.metered_cost if metered else sums.cost
    revenue = sum(row.revenue for row in partly.rows.values()) if key == SITE else sums.revenue
    return Interval(
        start=partly.start,
        seconds=seconds,
        workload=key,
        energy_kwh=sums.joules / _JOULES_PER_KWH,
        known_seconds=min(known, float(seconds)),
        meter_kwh=partly.meter_joules / _JOULES_PER_KWH if metered else None,
        price_per_mwh=partly.price / known if priced else None,
        cost=cost / _JOULES_PER_KWH / _KWH_PER_MWH if priced else None,
        revenue=revenue / _JOULES_PER_KWH / _KWH_PER_MWH,
        wanted_kwh=sums.wanted / _JOULES_PER_KWH,
        worth_per_mwh=sums.worth / sums.worth_seconds if sums.worth_seconds else None,
        by_price=sums.by_price,
        by_event=sums.by_event,
        quality=_quality(partly, seconds),
    )


def _quality(partly: _Open, seconds: int) -> Quality:
    if partly.known_seconds < seconds - SECONDS_TOLERANCE:
        return Quality.MISSING
    return Quality.OK if partly.fresh_seconds >= seconds - SECONDS_TOLERANCE else Quality.ESTIMATED
