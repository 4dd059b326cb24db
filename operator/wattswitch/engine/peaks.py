"""Whether a peak of the whole grid may be near now, and what the site may draw then.

A signal that is not fresh counts as one that says so. What began in an interval holds to the interval's end, because
the whole of it counts.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from wattswitch.api.commitment import CoincidentPeak
from wattswitch.api.power_budget import PowerBudgetSpec
from wattswitch.feeds import Reading
from wattswitch.mapping import peak_rules_of
from wattswitch.settlement.intervals import aligned


@dataclass
class Peaks:
    """The peaks of one budget that are near, by name; values are Unix seconds until which that holds."""

    near_until: dict[str, float] = field(default_factory=dict)

    def look(self, spec: PowerBudgetSpec, read: Callable[[str], Reading], now: float) -> dict[str, int]:
        """Limits in watts of the peaks that are near and have one, by name; `read` gives the reading of a feed."""
        rules, before = {rule.name: rule for rule in peak_rules_of(spec)}, self.near_until
        self.near_until = {}
        for peak in spec.coincident_peaks:
            if peak.name not in rules:
                continue  # its time zone is not known, which a condition tells
            until = before.get(peak.name, now)
            if rules[peak.name].expects(now) and _signalled(peak, read):
                until = aligned(now, peak.interval_seconds) + peak.interval_seconds
            if until > now:
                self.near_until[peak.name] = until
        return {
            peak.name: peak.limit_watts
            for peak in spec.coincident_peaks
            if peak.name in self.near_until and peak.limit_watts is not None
        }


def _signalled(peak: CoincidentPeak, read: Callable[[str], Reading]) -> bool:
    if peak.signal is None:
        return True
    reading = read(peak.signal.feed)
    return not reading.fresh or reading.value is None or reading.value >= float(peak.signal.at_least)
