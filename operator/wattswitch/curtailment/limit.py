"""What an event leaves to a site. `byWatts` and `toPercent` are of the cap; nobody can shed what is always there."""

import math

from wattswitch.curtailment.event import Form, GridEvent, SiteFacts, Urgency


def limit_watts(event: GridEvent, site: SiteFacts) -> int:
    """The most that the site may draw at the meter while the event is in force."""
    least = site.fixed_watts
    if event.urgency is Urgency.BEST_EFFORT:
        least = max(least, site.floor_watts)
    return min(site.cap_watts, max(least, asked_watts(event.amount.form, event.amount.value, site.cap_watts)))


def asked_watts(form: Form, value: float, cap_watts: int) -> int:
    """What is asked for, rounded down: above the cap or below zero where the words say so."""
    match form:
        case Form.TO_WATTS:
            return math.floor(value)
        case Form.BY_WATTS:
            return cap_watts - math.ceil(value)
        case Form.TO_PERCENT:
            return math.floor(cap_watts * value / 100)
        case Form.ALL:
            return 0
