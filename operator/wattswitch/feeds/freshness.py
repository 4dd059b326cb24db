"""What each source last said, judged at the moment of asking: fresh, or the word for why it is not."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from wattswitch.api.feed import Range
from wattswitch.api.source import Source
from wattswitch.api.times import format_time
from wattswitch.feeds.reading import MAX_LEAD_SECONDS, OUTAGES, Key, Problem, Reading, Refused, no_value
from wattswitch.feeds.source import ClockSource


class Judged(Protocol):
    """A source as its feed sees it: one reading for each key and moment."""

    spec: Source

    def judge(self, key: Key, now: float) -> Reading:
        """The reading in base units, with its problem if it has one; never raises."""

    def until(self, key: Key, now: float) -> float | None:
        """When the reading changes by the passing of time alone; None where it never does."""


def believes(value: float, believed: Range | None) -> bool:
    """Whether a number in base units is finite and in the range."""
    return math.isfinite(value) and (believed is None or float(believed.min) <= value <= float(believed.max))


def convert(reading: Reading, spec: Source, believed: Range | None) -> Reading:
    """The reading in base units: raw number times scale times unit, refused where the range does not hold it."""
    if reading.value is None or reading.problem:
        return reading
    value = reading.value * float(spec.scale) * spec.unit.to_base
    if not math.isfinite(value):
        return replace(reading, value=None).refused(Problem.INFINITE, "the value is too large for its unit")
    if believed is not None and not believes(value, believed):
        message = f"{value:.10g} is outside the range {believed.min} to {believed.max}"
        return replace(reading, value=None).refused(Problem.OUT_OF_RANGE, message)
    return replace(reading, value=value)


class Clocked:
    """A source that follows the clock."""

    def __init__(self, spec: Source, source: ClockSource, believed: Range | None) -> None:
        self.spec = spec
        self._source = source
        self._believed = believed

    def judge(self, key: Key, now: float) -> Reading:
        """The same number for every key."""
        try:
            return convert(self._source.read(now), self.spec, self._believed)
        except Refused as refusal:
            return no_value(refusal, self.spec.name, now)

    def until(self, key: Key, now: float) -> float | None:
        """When the number may change."""
        return self._source.next_change(now)


class Refusing:
    """A source that can't be asked at all, because its spec makes no sense."""

    def __init__(self, spec: Source, refusal: Refused) -> None:
        self.spec = spec
        self._refusal = refusal

    def judge(self, key: Key, now: float) -> Reading:
        """Always the same problem."""
        return no_value(self._refusal, self.spec.name, now)

    def until(self, key: Key, now: float) -> float | None:
        """Never."""
        return None


class Remembered:
    """The last answer of a polled source.

    After an outage its numbers stand until they are too old; after a wrong answer they count no more.
    """

    def __init__(self, spec: Source, believed: Range | None, stale_after_seconds: float) -> None:
        self.spec = spec
        self._believed = believed
        self._stale_after_seconds = stale_after_seconds
        self._answers: Mapping[Key, Reading] = {}
        self._first_fetched_at: dict[Key, float] = {}
        self._fault: Refused | None = None
        self._answered = False

    def answered(self, answers: Mapping[Key, Reading]) -> None:
        """Take the answer of a request, numbers in the source's unit."""
        self._first_fetched_at = {key: self._since(key, reading) for key, reading in answers.items()}
        self._answers = answers
        self._answered = True
        self._fault = None

    def failed(self, refusal: Refused) -> None:
        """Take note of a request that gave nothing usable."""
        self._fault = refusal
        if refusal.problem not in OUTAGES:
            self._answers, self._first_fetched_at = {}, {}

    def take_over(self, other: "Remembered") -> None:
        """Know what another memory of the very same source knows."""
        self._answers, self._first_fetched_at = other._answers, dict(other._first_fetched_at)
        self._fault, self._answered = other._fault, other._answered

    def judge(self, key: Key, now: float) -> Reading:
        """The last number of this key, or what is wrong with it at `now`."""
        answer = self._answers.get(key)
        if answer is None:
            return no_value(self._fault or self._nothing(), self.spec.name, now)
        reading = convert(answer, self.spec, self._believed)
        if reading.problem:
            return reading
        if reading.at > now + MAX_LEAD_SECONDS:
            return reading.refused(Problem.FROM_FUTURE, f"its time {format_time(reading.at)} is ahead of our clock")
        if now - reading.at >= self._stale_after_seconds:
            return self._too_old(key, reading)
        return reading

    def until(self, key: Key, now: float) -> float | None:
        """When the number goes stale."""
        answer = self._answers.get(key)
        return None if answer is None else answer.at + self._stale_after_seconds

    def _since(self, key: Key, reading: Reading) -> float:
        """When this very time was first fetched."""
        before = self._answers.get(key)
        unchanged = before is not None and not before.problem and before.at == reading.at
        return self._first_fetched_at[key] if unchanged else reading.fetched_at

    def _nothing(self) -> Refused:
        if self._answered:
            return Refused(Problem.EMPTY, "the answer has no series for this workload")
        return Refused(Problem.NO_READING, "not asked yet")

    def _too_old(self, key: Key, reading: Reading) -> Reading:
        # Its time rather than its age: a message that moves would be written again and again.
        age = f"of {format_time(reading.at)}, stale after {self._stale_after_seconds:.0f} s"
        if self._fault is not None:
            return reading.refused(self._fault.problem, f"{self._fault.message}; the last number is {age}")
        since = self._first_fetched_at[key]
        was_fresh = since - reading.at < self._stale_after_seconds
        if was_fresh and reading.fetched_at > since:
            return reading.refused(Problem.FROZEN, f"answers keep coming, but their time stands still: {age}")
        return reading.refused(Problem.STALE, f"the number is {age}")
