"""Readings of feeds as the planner's signals: the value with what may be done while it is not fresh."""

from decimal import Decimal

from wattswitch.api.feed import Feed, NamedFeed
from wattswitch.api.inference_deployment import InferenceDeployment
from wattswitch.api.mining_pool import MiningPool
from wattswitch.api.power_budget import PowerBudgetSpec
from wattswitch.api.units import Quantity
from wattswitch.engine.roster import Entry
from wattswitch.engine.sitefeeds import SiteFeeds
from wattswitch.feeds import Reading
from wattswitch.mapping import WORTH_UNITS, fixed_worth, pool_fee_percent
from wattswitch.planner.model import Demand, OnStale, Reason, Signal, Worth, WorthUnit

UNKNOWN_FEED = Signal(None, problem=str(Reason.FEED_UNKNOWN))


def signal(reading: Reading, spec: Feed) -> Signal:
    """The planner's view of a reading of the feed that `spec` describes."""
    return Signal(
        value=reading.value,
        problem=reading.problem,
        at=reading.at,
        on_stale=OnStale(spec.on_stale),
        assume=None if spec.assume is None else float(spec.assume),
    )


class Signals:
    """The named feeds of a site during one step: one that serves every workload is read once."""

    def __init__(self, feeds: SiteFeeds, spec: PowerBudgetSpec) -> None:
        self._feeds = feeds
        self._named = {feed.name: feed for feed in spec.feeds}
        self._shared: dict[str, Signal] = {}
        self._worths: dict[tuple[str, float, Decimal | None], Worth] = {}

    def worth(self, entry: Entry, model: MiningPool | InferenceDeployment) -> Worth:
        """What running this workload is worth."""
        fixed, unit_of_fixed = fixed_worth(model.spec)
        fee = pool_fee_percent(model.spec)
        if fixed is not None:
            return Worth(Signal(float(fixed)), unit_of_fixed, fee)
        return self._worth_of_feed(entry, model.spec.worth.feed or "", fee)

    def demand(self, entry: Entry, model: MiningPool | InferenceDeployment) -> Demand | None:
        """How much work waits for this workload, None where it asks for none."""
        if not isinstance(model, InferenceDeployment) or model.spec.demand is None:
            return None
        per_replica, feed = float(model.spec.demand.per_replica), self._named.get(model.spec.demand.feed)
        if feed is None or feed.sources[0].unit.quantity is not Quantity.COUNT:
            return Demand(UNKNOWN_FEED, per_replica)
        return Demand(self._read(entry, feed), per_replica)

    def _worth_of_feed(self, entry: Entry, name: str, fee: float) -> Worth:
        feed = self._named.get(name)
        if feed is None:
            return Worth(UNKNOWN_FEED, WorthUnit.PER_MWH)
        unit = WORTH_UNITS.get(feed.sources[0].unit.quantity)
        joules = entry.hardware.joules_per_terahash if entry.hardware else None
        if unit is None or (unit is WorthUnit.HASHPRICE and joules is None):
            return Worth(UNKNOWN_FEED, WorthUnit.PER_MWH)
        if feed.per_workload is not None:
            return Worth(self._read(entry, feed), unit, fee, float(joules or 0))
        if (name, fee, joules) not in self._worths:
            self._worths[(name, fee, joules)] = Worth(self._read(entry, feed), unit, fee, float(joules or 0))
        return self._worths[(name, fee, joules)]

    def _read(self, entry: Entry, feed: NamedFeed) -> Signal:
        if feed.per_workload is not None:
            return signal(self._feeds.named(feed.name, entry.namespace, entry.name), feed)
        if feed.name not in self._shared:
            self._shared[feed.name] = signal(self._feeds.named(feed.name, entry.namespace, entry.name), feed)
        return self._shared[feed.name]
