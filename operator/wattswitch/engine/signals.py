"""Readings of feeds as the planner's signals: the value with what may be done while it is not fresh."""

from wattswitch.api.feed import Feed
from wattswitch.feeds import Reading
from wattswitch.planner.model import OnStale, Reason, Signal

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
