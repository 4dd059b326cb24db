"""What is reported back of an OpenADR 3 event, and when. Pure."""

import math
from collections.abc import Mapping
from typing import Any, Final

from wattswitch.api.times import format_time
from wattswitch.bridges.openadr3_event import Event, ReportWanted

Value = float | int | str
"""One reported value, in the unit of `UNITS` where its type has one."""

UNITS: Final = {
    "USAGE": "KWH",
    "USAGE_FORECAST": "KWH",
    "BASELINE": "KWH",
    "DEMAND": "KW",
    "READING": "KW",
    "LOAD_SHED_DELTA_AVAILABLE": "KW",
    "UP_REGULATION_AVAILABLE": "KW",
    "DOWN_REGULATION_AVAILABLE": "KW",
}


def due(event: Event, wanted: ReportWanted, now: float) -> int:
    """How many reports of this kind are due in all by now.

    With a frequency, one each so many intervals from the start interval on, as often as `repeat` says; else one at
    the end of the event, and one at once where the event has no end.
    """
    if wanted.frequency > 0 and 0 < event.interval_seconds < math.inf:
        every = wanted.frequency * event.interval_seconds
        first = event.start + max(wanted.start_interval, 0) * event.interval_seconds
        passed = max(0, math.floor((min(now, event.end) - first) / every))
        return passed if wanted.repeat < 0 else min(passed, wanted.repeat)
    return int(now >= event.start) if event.end == math.inf else int(now >= event.end)


def report(
    event: Event, kind: str, value: Value, at: float, *, client: str, resource: str, program_id: str | None
) -> Mapping[str, Any]:
    """The JSON of one report with one value. `program_id` is left out where None, as 3.1 has none."""
    descriptor = {"objectType": "REPORT_PAYLOAD_DESCRIPTOR", "payloadType": kind, "readingType": "DIRECT_READ"}
    if kind in UNITS:
        descriptor["units"] = UNITS[kind]
    interval = {
        "id": 0,
        "intervalPeriod": {"start": format_time(at), "duration": "PT0S"},
        "payloads": [{"type": kind, "values": [value]}],
    }
    return {
        **({} if program_id is None else {"programID": program_id}),
        "eventID": event.id,
        "clientName": client,
        "reportName": f"{kind}-{event.id}"[:128],
        "payloadDescriptors": [descriptor],
        "resources": [{"resourceName": resource, "intervals": [interval]}],
    }
