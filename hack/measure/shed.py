"""From the grid's event to the last write and to the moment when no more is drawn than it lets, beside a bare scale."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from measure import machine, objects
from measure.bare import BareClient
from measure.bed import EVENTS, Bed, laid_out
from measure.curtailed import Curtailed, event
from measure.figures import UNFINISHED, Figure, Report, Spread, number
from measure.progress import say
from measure.subject import Subject
from measure.watts import Watts

FIRM, EMERGENCY = "Firm", "Emergency"
RAISED, DEFAULT = "raised", "default"
CONTROLLER_QPS = {RAISED: 500, DEFAULT: None}
"""API rates of kube-controller-manager; None is its own default, 20 requests a second."""
LAST_WRITE_SECONDS = 2.0
MOST_OF_BARE = {FIRM: 1.1, EMERGENCY: 0.2}
"""The most of a bare scale's time that may pass until no more is drawn than the event lets."""
LITTLE = 100
"""One part of so many is left by the events that take nearly everything."""
UNDER_SECONDS = 180.0
BACK_SECONDS = 300.0
BARE_AT_ONCE = 16
CATCH_UP_SECONDS = 1.0
"""For the operator to read what it missed, before it may write again."""


class Ask(NamedTuple):
    """What the grid asks for."""

    urgency: str
    to_watts: int


@dataclass(frozen=True)
class Drop:
    """Once down: by an event, and by a bare scale of the same targets to the same sizes. Seconds from their starts.

    The event's start is when the request that makes it leaves, the bare scale's when its first one does. UNFINISHED
    where the watch saw no write, or more than the limit to the end.
    """

    rates: str
    urgency: str
    to_watts: int
    write_seconds: float
    under_seconds: float
    bare_write_seconds: float
    bare_under_seconds: float
    load: Sequence[float] = ()

    @property
    def part_of_bare(self) -> float:
        """The event's time until the watts are under the limit as a part of the bare scale's."""
        if UNFINISHED in {self.under_seconds, self.bare_under_seconds}:
            return UNFINISHED
        return self.under_seconds / self.bare_under_seconds

    def document(self) -> dict[str, Any]:
        """The drop as JSON takes it."""
        return {name: number(value) if isinstance(value, float) else value for name, value in asdict(self).items()}


async def measure(miners: int, services: int, repeats: int, slow_repeats: int) -> Report:
    """Curtail the site at raised rates, then at default rates, where it is hurried too."""
    site = Curtailed(miners, services)
    drops = await _dropped(site, RAISED, firm(site, repeats))
    drops += await _dropped(site, DEFAULT, firm(site, slow_repeats) + hurried(site, slow_repeats))
    settings = {"miners": miners, "services": services, "repeats": repeats, "slow_repeats": slow_repeats}
    return Report("shed", settings, list(figures(drops)), {"drops": [drop.document() for drop in drops]})


async def _dropped(site: Curtailed, rates: str, asks: Iterable[Ask]) -> list[Drop]:
    """Each ask in turn, on a cluster of its own at these rates."""
    watts = Watts(site.watts)
    async with laid_out(site.plot(), objects.ALL_ON, controller_qps=CONTROLLER_QPS[rates], observers=[watts]) as place:
        await place.board.finished(BACK_SECONDS)
        async with BareClient(place.cluster.kubeconfig) as bare, place.operator() as operator:
            bench = _Bench(rates, site, place, watts, bare, operator)
            return [await bench.drop(ask) for ask in asks]


def firm(site: Curtailed, repeats: int) -> list[Ask]:
    """Firm events to a half of what is drawn and to next to nothing, in turn."""
    limits = itertools.cycle((site.drawn_watts // 2, site.drawn_watts // LITTLE))
    return [Ask(FIRM, limit) for limit in itertools.islice(limits, repeats)]


def hurried(site: Curtailed, repeats: int) -> list[Ask]:
    """Emergencies that leave the services what they draw, and the pools nothing."""
    return [Ask(EMERGENCY, site.services_watts)] * repeats


def figures(drops: Iterable[Drop]) -> Iterable[Figure]:
    """Figures of each urgency at each rate: the last write, and how soon the watts are under the limit."""
    groups: dict[tuple[str, str], list[Drop]] = {}
    for drop in drops:
        groups.setdefault((drop.urgency, drop.rates), []).append(drop)
    for (urgency, rates), of_group in groups.items():
        name, most = f"{urgency.lower()}_{rates}", MOST_OF_BARE[urgency]
        writes = Spread.of(drop.write_seconds for drop in of_group)
        under = Spread.of(drop.under_seconds for drop in of_group)
        bare = Spread.of(drop.bare_under_seconds for drop in of_group)
        parts = Spread.of(drop.part_of_bare for drop in of_group)
        rule = f"p99 at most {LAST_WRITE_SECONDS:g} s"
        yield Figure(f"{name}_last_write", writes.percentile(99), "s", LAST_WRITE_SECONDS, rule, writes)
        yield Figure(f"{name}_last_write_bare", Spread.of(d.bare_write_seconds for d in of_group).median, "s")
        yield Figure(f"{name}_under_limit", under.median, "s", spread=under)
        yield Figure(f"{name}_under_limit_bare", bare.median, "s", spread=bare)
        rule = f"median at most {most:g} × the bare scale to the same sizes right after"
        yield Figure(f"{name}_under_limit_part_of_bare", parts.median, "ratio", most, rule, parts)


class _Seen(NamedTuple):
    """Seconds until the last write, and until the watts were under the limit to stay; the sizes in the end."""

    write_seconds: float
    under_seconds: float
    sizes: Mapping[str, int]


class _Bench:
    """Takes one site down again and again, each time from all on."""

    def __init__(
        self, rates: str, site: Curtailed, place: Bed, watts: Watts, bare: BareClient, operator: Subject
    ) -> None:
        self._rates, self._site, self._place, self._watts = rates, site, place, watts
        self._bare, self._operator = bare, operator
        self._names = (f"bench-{index:04}" for index in itertools.count())

    async def drop(self, ask: Ask) -> Drop:
        """By an event, and then by the bare client while the operator stands still."""
        load = machine.load()
        async with self._back_again():
            by_event = await self._by_event(ask)
        moving = {name: size for name, size in by_event.sizes.items() if size != self._site.sizes[name]}
        await self._place.set_mode("Advise", self._operator)
        with self._operator.suspended():
            async with self._back_again():
                by_bare = await self._by_bare(ask, moving)
        await asyncio.sleep(CATCH_UP_SECONDS)
        await self._place.set_mode("Enforce", self._operator)
        return _told(
            Drop(
                *(self._rates, ask.urgency, ask.to_watts, by_event.write_seconds, by_event.under_seconds),
                *(by_bare.write_seconds, by_bare.under_seconds, load),
            )
        )

    async def _by_event(self, ask: Ask) -> _Seen:
        """Make the event, and take it back when everything has happened."""
        name = next(self._names)
        self._watts.expect(ask.to_watts)
        began = time.monotonic()
        await self._place.client.create(EVENTS, [event(name, ask.urgency, ask.to_watts)])
        seen = await self._watched(began)
        self._operator.check()
        cancel = {"op": "add", "path": "/spec/cancelled", "value": True}
        await self._place.client.patch(f"{EVENTS}/{name}", [cancel])
        return seen

    async def _by_bare(self, ask: Ask, moving: Mapping[str, int]) -> _Seen:
        """Write these sizes, and those of everything on when everything has happened."""
        self._watts.expect(ask.to_watts)
        written = await self._bare.write(moving, BARE_AT_ONCE)
        seen = await self._watched(written.began)
        await self._bare.write(self._site.sizes, BARE_AT_ONCE)
        return seen

    @asynccontextmanager
    async def _back_again(self) -> AsyncIterator[None]:
        """Begin at rest, and go on once everything is on again. Raises RuntimeError where it is not in time."""
        await self._place.rest()
        yield
        self._place.board.expect(self._site.sizes)
        if await self._place.board.finished(BACK_SECONDS) is None:
            raise RuntimeError(f"{self._place.board.unfinished} targets did not come back in {BACK_SECONDS:g} s")

    async def _watched(self, began: float) -> _Seen:
        await self._watts.under(UNDER_SECONDS)
        await self._place.rest()
        times = (self._watts.written_at, self._watts.under_at)
        written, under = (UNFINISHED if at is None else at - began for at in times)
        return _Seen(written, under, dict(self._watts.sizes))


def _told(drop: Drop) -> Drop:
    say(
        f"{drop.urgency} at {drop.rates} rates to {drop.to_watts} W: last write {drop.write_seconds:.2f} s,"
        f" under the limit {drop.under_seconds:.1f} s, bare {drop.bare_under_seconds:.1f} s, load {drop.load[0]}"
    )
    return drop
