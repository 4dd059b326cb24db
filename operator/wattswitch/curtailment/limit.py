"""What an event leaves to a site. `byWatts` and `toPercent` are of the cap; nobody can shed what is always there."""

import math

from wattswitch.curtailment.event import Amount, Form, GridEvent, SiteFacts, Urgency


def limit_watts(event: GridEvent, site: SiteFacts) -> int:
    """The most that the site may draw at the meter while the event is in force."""
    least = site.fixed_watts
    if event.urgency is Urgency.BEST_EFFORT:
        least = max(least, site.floor_watts)
    return min(site.cap_watts, max(least, _asked_watts(event.amount, site.cap_watts)))


def _asked_watts(amount: Amount, cap_watts: int) -> int:
    match amount.form:
        case Form.TO_WATTS:
            return math.floor(amount.value)
        case Form.BY_WATTS:
            return cap_watts - math.ceil(amount.value)
        case Form.TO_PERCENT:
            return math.floor(cap_watts * amount.value / 100)
        case Form.ALL:
            return 0
