"""From the spec of a source to the source: the one table of families."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from wattswitch.api.feed import Feed, Meter, NamedFeed, PerWorkload, PriceFeed
from wattswitch.api.source import FAMILIES, Source
from wattswitch.api.units import Quantity
from wattswitch.feeds.file import FileSource
from wattswitch.feeds.fixed import FixedSource
from wattswitch.feeds.http import HttpSource
from wattswitch.feeds.prometheus import PrometheusSource
from wattswitch.feeds.reading import Problem, Refused
from wattswitch.feeds.schedule import ScheduleSource
from wattswitch.feeds.source import ClockSource, PolledSource


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the sources of a feed share: our clock (Unix seconds), the feed, and where they may connect to."""

    now: Callable[[], float]
    feed: Feed
    allow_private: bool = True

    @property
    def per_workload(self) -> PerWorkload | None:
        """The labels that tell workloads apart, None for a feed with one number."""
        return self.feed.per_workload if isinstance(self.feed, NamedFeed) else None

    @property
    def quantity(self) -> Quantity:
        """What every source of the feed must measure."""
        wanted: dict[type[Feed], Quantity] = {PriceFeed: Quantity.PRICE, Meter: Quantity.POWER}
        return wanted.get(type(self.feed), self.feed.sources[0].unit.quantity)


def _fixed(name: str, spec: Any, around: Surroundings) -> ClockSource:
    return FixedSource(name, spec)


def _schedule(name: str, spec: Any, around: Surroundings) -> ClockSource:
    return ScheduleSource(name, spec)


def _file(name: str, spec: Any, around: Surroundings) -> PolledSource:
    return FileSource(name, spec, around.now)


def _http(name: str, spec: Any, around: Surroundings) -> PolledSource:
    return HttpSource(name, spec, around.now, allow_private=around.allow_private)


def _prometheus(name: str, spec: Any, around: Surroundings) -> PolledSource:
    return PrometheusSource(
        name,
        spec,
        around.now,
        timeout_seconds=around.feed.timeout_seconds,
        per_workload=around.per_workload,
        allow_private=around.allow_private,
    )


FAMILY: Final[Mapping[str, Callable[[str, Any, Surroundings], ClockSource | PolledSource]]] = {
    "fixed": _fixed,
    "schedule": _schedule,
    "file": _file,
    "http": _http,
    "prometheus": _prometheus,
}
"""How to build the source of each family from its block of the spec."""


def build_source(spec: Source, around: Surroundings) -> ClockSource | PolledSource:
    """The source that `spec` describes. Raises Refused where it can't be one of its feed."""
    families = [family for family in FAMILIES if getattr(spec, family) is not None]
    if len(families) != 1:
        raise Refused(Problem.SOURCE_UNUSABLE, f"set exactly one of {', '.join(FAMILIES)}")
    _check_unit(spec, around)
    return FAMILY[families[0]](spec.name, getattr(spec, families[0]), around)


def _check_unit(spec: Source, around: Surroundings) -> None:
    if spec.unit.quantity is not around.quantity:
        message = f"unit {spec.unit} measures {spec.unit.quantity}, the feed needs {around.quantity}"
        raise Refused(Problem.WRONG_UNIT, message)
    first = around.feed.sources[0]
    if spec.unit.currency != first.unit.currency:
        message = f"unit {spec.unit} is in {spec.unit.currency}, source {first.name} in {first.unit.currency}"
        raise Refused(Problem.WRONG_UNIT, message)
