"""Rules across fields that the API server would enforce: a file that breaks one would be refused by the cluster too."""

from collections.abc import Iterator

from wattswitch.api.feed import Feed, NamedFeed, OnStale
from wattswitch.api.power_budget import PowerBudget, PowerBudgetSpec
from wattswitch.api.source import FAMILIES, Source
from wattswitch.api.units import Quantity
from wattswitch.mapping import AnySpec, fixed_worth

Broken = Iterator[str]
"""Problems, one line each: the field, what is wrong and what to do."""


def broken_by_budget(budget: PowerBudget) -> Broken:
    """What is wrong with a budget whose fields are each right."""
    spec = budget.spec
    usable = spec.cap_watts * (100 - spec.reserve_percent)
    if spec.overhead.fixed_watts * 100 > usable:
        yield "spec.overhead.fixedWatts: must not be above capWatts less reservePercent: lower one or raise the other"
    groups = {group.name for group in spec.gpu_groups}
    for hardware in spec.hardware:
        if hardware.gpu_group is not None and hardware.gpu_group not in groups:
            yield f"spec.hardware {hardware.name!r}: gpuGroup {hardware.gpu_group!r} is not in gpuGroups: add it there"
        if hardware.gpu_group is not None and not hardware.gpus:
            yield f"spec.hardware {hardware.name!r}: hardware in a gpuGroup needs gpus of at least 1"
    yield from _broken_names("spec.hardware", [each.name for each in spec.hardware])
    yield from _broken_names("spec.feeds", [each.name for each in spec.feeds])
    if not spec.tenants:
        yield "spec.tenants: admits nobody: add a namespaceSelector ({} admits every namespace)"
    yield from _broken_by_feeds(spec)


def broken_by_workload(spec: AnySpec) -> Broken:
    """What is wrong with a workload whose fields are each right."""
    if spec.replicas.min > spec.replicas.max:
        yield f"spec.replicas.min: {spec.replicas.min} is above replicas.max {spec.replicas.max}: lower it"
    fixed, _ = fixed_worth(spec)
    if (fixed is None) == (spec.worth.feed is None):
        field = "perMWh" if "per_mwh" in type(spec.worth).model_fields else "perReplicaHour"
        yield f"spec.worth: set exactly one of feed and {field}"


def _broken_by_feeds(spec: PowerBudgetSpec) -> Broken:
    yield from _broken_by_feed("spec.price", spec.price, Quantity.PRICE)
    for feed in spec.feeds:
        yield from _broken_by_feed(f"spec.feeds {feed.name!r}", feed, feed.sources[0].unit.quantity)
    sources = [source for feed in (spec.price, *spec.feeds) for source in feed.sources]
    currencies = sorted({source.unit.currency for source in sources if source.unit.currency})
    if len(currencies) > 1:
        yield f"spec.price, spec.feeds: {' and '.join(currencies)} are mixed: use one currency, none is ever converted"


def _broken_by_feed(path: str, feed: Feed, quantity: Quantity) -> Broken:
    yield from (problem for source in feed.sources for problem in _broken_by_source(path, source, quantity))
    yield from _broken_names(f"{path}.sources", [source.name for source in feed.sources])
    if (feed.assume is not None) != (feed.on_stale is OnStale.ASSUME):
        yield f"{path}: set assume with onStale Assume, and only then"
    if feed.stale_after_seconds <= feed.poll_seconds:
        yield f"{path}.staleAfterSeconds: must be above pollSeconds, else the feed is stale between two polls"
    if feed.range is not None and feed.range.min > feed.range.max:
        yield f"{path}.range: min must not be above max"
    if isinstance(feed, NamedFeed) and quantity is Quantity.POWER:
        yield f"{path}: watts are for the meter: use a unit of money, or Count"


def _broken_by_source(path: str, source: Source, quantity: Quantity) -> Broken:
    where = f"{path}.sources {source.name!r}"
    if sum(getattr(source, family) is not None for family in FAMILIES) != 1:
        yield f"{where}: set exactly one of {', '.join(FAMILIES)}"
    if source.unit.quantity is not quantity:
        yield f"{where}: unit {source.unit} measures {source.unit.quantity}, but {quantity} is needed"


def _broken_names(path: str, names: list[str]) -> Broken:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        yield f"{path}: {twice[0]!r} is there twice: names must be unique"
