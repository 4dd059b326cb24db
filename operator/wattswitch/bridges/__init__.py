"""Bridges: what a peer outside says (OpenADR, MQTT, a webhook), as grid events and as numbers over HTTP, nothing else.

Guarantee: no message that is old, repeated, reordered, contradicting, unreadable or missing ever raises a limit; each
such message has its own word of `Reason`. A bridge decides nothing: it publishes what was asked, and serves numbers
with the peer's own times.
"""

from wattswitch.bridges.asked import Asked, Limit, Publisher, Reason, Refused
from wattswitch.curtailment import Form, Urgency

__all__ = ["Asked", "Form", "Limit", "Publisher", "Reason", "Refused", "Urgency"]
