"""What the grid asks for, as a limit at every moment: pure functions of events, the site and the time."""

from wattswitch.curtailment.event import Amount, Form, GridEvent, Restoration, SiteFacts, Urgency
from wattswitch.curtailment.limit import asked_watts, limit_watts
from wattswitch.curtailment.window import Phase, Window, window_of

__all__ = [
    "Amount",
    "Form",
    "GridEvent",
    "Phase",
    "Restoration",
    "SiteFacts",
    "Urgency",
    "Window",
    "asked_watts",
    "limit_watts",
    "window_of",
]
