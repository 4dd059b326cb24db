"""The curve of a price: its sources polled side by side, and the first heard that has a fresh one for now.

A curve never takes the place of a price, and a late or lying one is only ever missing.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from wattswitch.api.curve import CurveSource
from wattswitch.api.feed import PriceFeed
from wattswitch.api.times import format_time
from wattswitch.feeds.curve import Curve, CurveReading, Point, curve_of, no_curve
from wattswitch.feeds.curvesource import ClockCurve, build_curve_source
from wattswitch.feeds.polling import Inquiry, Poller, unforeseen
from wattswitch.feeds.reading import OUTAGES, Problem, Refused

RETRY_SECONDS: Final = 60.0
MOST_DOUBLINGS: Final = 16

NOT_ASKED: Final = Refused(Problem.NO_READING, "not asked yet")


@dataclass
class _Memory:
    """The last curve of a source, and what went wrong since.

    After an outage the curve stands until it is too old; after a wrong answer it counts no more.
    """

    spec: CurveSource
    curve: Curve | None = None
    fetched_at: float = 0.0
    fault: Refused | None = NOT_ASKED
    failures: int = 0
    points: tuple[Point, ...] = ()
    """What the curve of a source that follows the clock was made from."""

    def answered(self, curve: Curve, now: float) -> None:
        """Take a curve."""
        self.curve, self.fetched_at, self.fault, self.failures = curve, now, None, 0

    def failed(self, refusal: Refused) -> None:
        """Note that a request gave nothing usable."""
        self.fault, self.failures = refusal, self.failures + 1
        if refusal.problem not in OUTAGES:
            self.curve = None

    def pause_seconds(self, poll_seconds: int) -> float:
        """How long to wait before asking again: after a failure a minute first, then ever longer."""
        if not self.failures:
            return poll_seconds
        return min(poll_seconds, RETRY_SECONDS * 2.0 ** min(self.failures - 1, MOST_DOUBLINGS))


class CurveReader:
    """Reads the outlook of one price in the background from `start` to `close`.

    `now` gives Unix seconds. `on_change` is called, on the event loop, whenever the curve, its source or its problem
    changes; changes that come by time alone are foretold by `deadline` instead.
    """

    def __init__(
        self,
        price: PriceFeed,
        now: Callable[[], float],
        on_change: Callable[[], None] = lambda: None,
        *,
        allow_private: bool = True,
    ) -> None:
        if price.outlook is None:
            raise ValueError("a price without an outlook has no curve to read")
        self.spec, self.believed = price.outlook, price.range
        self._now = now
        self._poller = Poller(self.spec.timeout_seconds, self._tells_anew, on_change)
        self._memories = [_Memory(source) for source in self.spec.sources]
        self._clocks: dict[str, ClockCurve] = {}
        for memory in self._memories:
            self._wire(memory, allow_private=allow_private)
        self._told = self.reading(now())

    def start(self) -> None:
        """Begin to poll every source, all at once; needs a running event loop."""
        self._poller.start()

    @property
    def heard(self) -> bool:
        """Whether every source has answered or failed at least once."""
        return self._poller.heard

    async def close(self) -> None:
        """Stop polling; open connections are closed."""
        await self._poller.close()

    def reading(self, now: float) -> CurveReading:
        """The curve at `now`: of the first source with a fresh one that covers now, else the first one's problem."""
        problems = []
        for memory in self._memories:
            self._follow_clock(memory, now)
            reading = self._judge(memory, now)
            if reading.curve is not None:
                return reading
            problems.append(reading)
        return problems[0]

    def deadline(self, now: float) -> float | None:
        """When the reading may change by the passing of time alone: a price ends, or the curve is too old."""
        reading = self.reading(now)
        until = reading.curve.until(now) if reading.curve is not None else None
        return None if until is None else min(until, reading.fetched_at + self.spec.stale_after_seconds)

    def take_over(self, other: "CurveReader") -> None:
        """Know what the reader of an earlier spec knew, where it still means the same."""
        if self.believed != other.believed:
            return
        for memory in self._memories:
            for before in other._memories:
                if memory.spec == before.spec:
                    memory.curve, memory.fetched_at, memory.fault = before.curve, before.fetched_at, before.fault

    def _wire(self, memory: _Memory, *, allow_private: bool) -> None:
        try:
            source = build_curve_source(memory.spec, self.spec, self._now, allow_private=allow_private)
        except Refused as refusal:
            memory.failed(refusal)
            return
        if isinstance(source, ClockCurve):
            self._clocks[memory.spec.name] = source
            return

        async def ask() -> None:
            memory.answered(curve_of(await source.fetch(), memory.spec, self.believed, self._now()), self._now())

        pause = functools.partial(memory.pause_seconds, self.spec.poll_seconds)
        self._poller.add(Inquiry(source.name, ask, memory.failed, pause))

    def _follow_clock(self, memory: _Memory, now: float) -> None:
        """Bring the curve of a source that follows the clock up to date."""
        source = self._clocks.get(memory.spec.name)
        if source is None:
            return
        try:
            points = source.points(now)
            if memory.curve is None or points != memory.points:
                memory.points, memory.curve = points, curve_of(points, memory.spec, self.believed, now)
            memory.answered(memory.curve, now)
        except Refused as refusal:
            memory.failed(refusal)
        except Exception as error:  # noqa: BLE001  (one source may never end every step of the operator)
            memory.failed(unforeseen(error))

    def _judge(self, memory: _Memory, now: float) -> CurveReading:
        name, curve, fault = memory.spec.name, memory.curve, memory.fault
        if curve is None:
            return no_curve(fault or NOT_ASKED, name, memory.fetched_at)
        if now - memory.fetched_at >= self.spec.stale_after_seconds:
            age = f"the curve was last read at {format_time(memory.fetched_at)}"
            found = Refused(fault.problem, f"{fault.message}; {age}") if fault else Refused(Problem.STALE, age)
            return no_curve(found, name, memory.fetched_at)
        if curve.until(now) is None:
            return no_curve(_not_covered(curve, now), name, memory.fetched_at)
        return CurveReading(curve, memory.fetched_at, name)

    def _tells_anew(self) -> bool:
        """Whether the reading is another than the last that was told; from here on it counts as told."""
        before, self._told = self._told, self.reading(self._now())
        return not self._told.same_as(before)


def _not_covered(curve: Curve, now: float) -> Refused:
    """That no price of the curve holds now; the message stays the same for as long as that is so."""
    if curve.end <= now:
        why = f"the curve ended at {format_time(curve.end)}"
    elif curve.starts[0] > now:
        why = f"the curve begins at {format_time(curve.starts[0])}"
    else:
        why = "the curve has a hole here"
    return Refused(Problem.NOT_COVERED, f"{why}: no price of it is for now")
