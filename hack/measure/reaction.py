"""From the answer that carries a new price to the last write and the last pod, beside a client that decides nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from measure import machine, objects
from measure.bare import BareClient
from measure.bed import Bed, bed
from measure.feed import Numbers
from measure.figures import UNFINISHED, Figure, Report, Spread, number
from measure.progress import say
from measure.subject import Subject

AT_ONCE = (8, 16, 32, 64)
WRITES_SECONDS = 120.0
PODS_SECONDS = 300.0
DOWN, UP, MIXED, PREPARATION = "down", "up", "mixed", "preparation"
DIRECTIONS = (DOWN, UP, MIXED)


@dataclass(frozen=True)
class Flip:
    """One flip, in seconds from its start. `seen_seconds` are by the watch; a write that nobody saw is UNFINISHED.

    For the bare client the start is its first request, and `answered_seconds` its last answer; for the operator the
    start is the feed's answer, and what is seen is all there is.
    """

    who: str
    direction: str
    first_seen_seconds: float
    half_seen_seconds: float
    seen_seconds: float
    pods_seconds: float
    at_once: int | None = None
    answered_seconds: float | None = None
    cpu_seconds: float | None = None
    load: Sequence[float] = ()

    @property
    def write_seconds(self) -> float:
        """To the last write: what the client heard itself where it says so, else what the watch saw."""
        return self.seen_seconds if self.answered_seconds is None else self.answered_seconds

    def document(self) -> dict[str, Any]:
        """The flip as JSON takes it."""
        return {
            name: number(value) if isinstance(value, float) else value
            for name, value in asdict(self).items()
            if value is not None
        }


@dataclass(frozen=True)
class Allowance:
    """How long the last write may take: a multiple of the bare client's time and something on top."""

    factor: float
    seconds: float

    def of(self, bare_seconds: float) -> float:
        """The most seconds that are allowed beside this floor."""
        return self.factor * bare_seconds + self.seconds

    def __str__(self) -> str:
        return f"{self.factor:g} × the bare client" + (f" + {self.seconds:g} s" if self.seconds else "")


def allowance(targets: int) -> Allowance:
    """What is promised at this many targets."""
    return Allowance(1.5, 0.5) if targets <= 200 else Allowance(2.0, 0.0)


async def measure(targets: int, repeats: int, controller_qps: int | None) -> Report:
    """Flip the site `repeats` times in each direction, the operator's between two halves of the bare client's."""
    async with bed(targets, controller_qps=controller_qps) as place, BareClient(place.cluster.kubeconfig) as bare:
        await place.board.finished(PODS_SECONDS)
        bench = _Bench(place, bare)
        tried = [await bench.bare_flip(leg, at_once) for at_once in AT_ONCE for leg in legs(1)[:2]]
        at_once = best(tried)
        say(f"the bare client is fastest with {at_once} at once")
        flips = [await bench.bare_flip(leg, at_once) for leg in legs((repeats + 1) // 2)]
        async with place.operator() as operator:
            flips += [await bench.operator_flip(leg, operator) for leg in legs(repeats)]
        flips += [await bench.bare_flip(leg, at_once) for leg in legs(repeats // 2)]
    settings = {"targets": targets, "repeats": repeats, "controller_qps": controller_qps, "bare_at_once": at_once}
    details = {"flips": [flip.document() for flip in flips], "tried": [flip.document() for flip in tried]}
    return Report("reaction", settings, list(figures(flips, targets)), details)


class Leg(NamedTuple):
    """One flip that is to be made: its direction and the numbers that bring it about."""

    direction: str
    numbers: Numbers


def legs(repeats: int) -> list[Leg]:
    """Flips from all on to all on again: down and up in turn, then mixed ones, in which half go down and half up."""
    if not repeats:
        return []
    turns = [Leg(DOWN, objects.ALL_OFF), Leg(UP, objects.ALL_ON)] * repeats
    mixed = [Leg(MIXED, (objects.FED_ON, objects.FIXED_ON)[turn % 2]) for turn in range(repeats)]
    return [*turns, Leg(PREPARATION, objects.FIXED_ON), *mixed, Leg(PREPARATION, objects.ALL_ON)]


def best(tried: Iterable[Flip]) -> int:
    """The concurrency with which the bare client's flips took the least time together."""
    took: dict[int, float] = {}
    for flip in tried:
        took[flip.at_once or 0] = took.get(flip.at_once or 0, 0.0) + flip.write_seconds
    return min(took, key=lambda at_once: took[at_once])


def figures(flips: list[Flip], targets: int) -> Iterable[Figure]:
    """Figures of each direction: medians beside the floor, and the worst."""
    allowed = allowance(targets)
    for direction in DIRECTIONS:
        of_bare = [flip for flip in flips if flip.who == "bare" and flip.direction == direction]
        of_operator = [flip for flip in flips if flip.who == "operator" and flip.direction == direction]
        floor = Spread.of(flip.write_seconds for flip in of_bare)
        writes = Spread.of(flip.write_seconds for flip in of_operator)
        pods_floor = Spread.of(flip.pods_seconds for flip in of_bare)
        pods = Spread.of(flip.pods_seconds for flip in of_operator)
        rule = f"median at most {allowed}"
        yield Figure(f"{direction}_last_write", writes.median, "s", allowed.of(floor.median), rule, writes)
        yield Figure(f"{direction}_last_write_bare", floor.median, "s", spread=floor)
        yield Figure(f"{direction}_last_write_ratio_of_medians", writes.median / floor.median, "ratio")
        yield Figure(f"{direction}_last_write_ratio_of_worst", writes.worst / floor.worst, "ratio")
        yield Figure(f"{direction}_last_pod", pods.median, "s", spread=pods)
        yield Figure(f"{direction}_last_pod_bare", pods_floor.median, "s", spread=pods_floor)


class _Bench:
    """Makes flips on one bed, each from where the last one left the site."""

    def __init__(self, place: Bed, bare: BareClient) -> None:
        self._place = place
        self._bare = bare
        self._sizes = objects.sizes(objects.ALL_ON, place.targets)

    async def bare_flip(self, leg: Leg, at_once: int) -> Flip:
        """Patch every target that the leg moves."""
        moving = await self._begin(leg)
        written = await self._bare.write(moving, at_once)
        flip = await self._watched("bare", leg, written.began)
        return self._told(replace(flip, at_once=at_once, answered_seconds=written.ended - written.began))

    async def operator_flip(self, leg: Leg, operator: Subject) -> Flip:
        """Serve the leg's numbers and watch the operator."""
        await self._begin(leg)
        cpu_before = operator.cpu_seconds
        began = await self._place.feed.flip(leg.numbers)
        flip = await self._watched("operator", leg, began)
        operator.check()
        return self._told(replace(flip, cpu_seconds=operator.cpu_seconds - cpu_before))

    async def _begin(self, leg: Leg) -> dict[str, int]:
        """Wait until the last flip has settled; the targets that this one moves, with their sizes."""
        await self._place.rest()
        before, self._sizes = self._sizes, objects.sizes(leg.numbers, self._place.targets)
        self._place.board.expect(self._sizes)
        return {name: size for name, size in self._sizes.items() if before[name] != size}

    async def _watched(self, who: str, leg: Leg, began: float) -> Flip:
        load = machine.load()
        seen = await self._place.board.sized(WRITES_SECONDS)
        pods_at = await self._place.board.finished(PODS_SECONDS)
        times = (UNFINISHED, UNFINISHED, UNFINISHED)
        if seen is not None:
            times = (seen.values[0] - began, seen.median - began, seen.worst - began)
        return Flip(who, leg.direction, *times, UNFINISHED if pods_at is None else pods_at - began, load=load)

    @staticmethod
    def _told(flip: Flip) -> Flip:
        say(
            f"{flip.who} {flip.direction}: last write {flip.write_seconds:.2f} s, last pod {flip.pods_seconds:.1f} s,"
            f" load {flip.load[0]}"
        )
        return flip
