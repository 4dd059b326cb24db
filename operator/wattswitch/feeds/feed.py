"""One feed: its sources polled side by side, and the first fresh one heard.

A feed never says a number that no source served. While no source is fresh it repeats the last good number, together
with what is wrong with the first source.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from wattswitch.api.feed import Feed
from wattswitch.api.source import Source
from wattswitch.api.times import is_writable
from wattswitch.feeds.freshness import Clocked, Judged, Refusing, Remembered, believes
from wattswitch.feeds.polling import Inquiry, Poller, unforeseen
from wattswitch.feeds.reading import WHOLE, Key, Reading, Refused, no_value
from wattswitch.feeds.source import ClockSource
from wattswitch.feeds.wiring import Surroundings, build_source

MAX_WORKLOADS: Final = 10_000
"""How many workloads a feed remembers; beyond them the one that was asked for least recently is forgotten."""


class FeedReader:
    """Reads one feed in the background from `start` to `close`.

    `now` gives Unix seconds. `on_change` is called, on the event loop, whenever an answer changes value, source or
    problem from what was last told; changes that come by time alone are foretold by `deadline` instead.
    """

    def __init__(
        self,
        spec: Feed,
        now: Callable[[], float],
        on_change: Callable[[], None] = lambda: None,
        *,
        allow_private: bool = True,
    ) -> None:
        self.spec = spec
        self._now = now
        self._poller = Poller(spec.timeout_seconds, self._tells_anew, on_change)
        self._around = Surroundings(now, spec, allow_private)
        self._judged: list[Judged] = []
        self._remembered: list[Remembered] = []
        self._last_good: dict[Key, Reading] = {}
        self._told: dict[Key, Reading] = {}
        for source in spec.sources:
            self._judged.append(self._wire(source))
        if self._around.per_workload is None:
            self.signal_reading(now())

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

    def signal_reading(self, now: float, key: Key = WHOLE) -> Reading:
        """The number at `now`, in base units; `key` is (namespace, name) where the feed is per workload.

        Fresh where a source is. Else the last good number, or None, with the first source's problem.
        """
        reading = self._read(now, key)
        self._told.pop(key, None)
        self._told[key] = reading
        if len(self._told) > MAX_WORKLOADS:
            forgotten = next(iter(self._told))
            del self._told[forgotten]
            self._last_good.pop(forgotten, None)
        return reading

    def deadline(self, now: float, key: Key = WHOLE) -> float | None:
        """When the reading changes by the passing of time alone: it goes stale, or a window opens. Unix seconds.

        None where it never does, or where it is stale already.
        """
        fresh = next((judged for judged in self._judged if _judge(judged, key, now).fresh), None)
        return None if fresh is None else fresh.until(key, now)

    def earliest_deadline(self, now: float) -> float | None:
        """The first `deadline` of all that was asked for so far."""
        return min((at for key in self._told if (at := self.deadline(now, key)) is not None), default=None)

    def seed(self, value: float, at: float, key: Key = WHOLE) -> None:
        """Remember the last good number of an earlier process, in base units; it never counts as fresh.

        A number that the feed would not believe is ignored, as is one of a time that no source may give, and one older
        than what is known.
        """
        known = self._last_good.get(key)
        if (known is None or known.at < at) and is_writable(at) and believes(value, self.spec.range):
            self._last_good[key] = Reading(value, at, at, "ledger")

    def take_over(self, other: "FeedReader") -> None:
        """Know what the reader of an earlier spec knew, where it still means the same."""
        unit, other_unit = self.spec.sources[0].unit, other.spec.sources[0].unit
        if (unit.quantity, unit.currency) != (other_unit.quantity, other_unit.currency):
            return
        for key, reading in other._last_good.items():
            if reading.value is not None and believes(reading.value, self.spec.range):
                self._last_good[key] = reading
        for memory in self._remembered:
            for before in other._remembered:
                if memory.spec == before.spec and self._around.per_workload == other._around.per_workload:
                    memory.take_over(before)

    def _wire(self, spec_source: Source) -> Judged:
        try:
            source = build_source(spec_source, self._around)
        except Refused as refusal:
            return Refusing(spec_source, refusal)
        if isinstance(source, ClockSource):
            return Clocked(spec_source, source, self.spec.range)
        memory = Remembered(spec_source, self.spec.range, self.spec.stale_after_seconds)
        self._remembered.append(memory)

        async def ask() -> None:
            memory.answered(await source.fetch())

        self._poller.add(Inquiry(spec_source.name, ask, memory.failed, lambda: self.spec.poll_seconds))
        return memory

    def _read(self, now: float, key: Key) -> Reading:
        problems = []
        for judged in self._judged:
            reading = _judge(judged, key, now)
            if reading.fresh:
                self._last_good[key] = reading
                return reading
            problems.append(reading)
        first = problems[0]
        last = self._last_good.get(key, replace(first, value=None))
        return replace(last, problem=first.problem, message=f"source {first.source}: {first.message}")

    def _tells_anew(self) -> bool:
        """Whether an answer is another than the last that was told; from here on it counts as told."""
        now = self._now()
        current = {key: self._read(now, key) for key in self._told}
        changed = any(not current[key].same_as(told) for key, told in self._told.items())
        self._told.update(current)
        return changed


def _judge(judged: Judged, key: Key, now: float) -> Reading:
    """What a source says; where judging it fails that is its problem, and the other sources are still heard."""
    try:
        return judged.judge(key, now)
    except Exception as error:  # noqa: BLE001  (one source may never end every step of the operator)
        return no_value(unforeseen(error), judged.spec.name, now)
