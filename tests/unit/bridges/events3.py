"""Events of OpenADR 3 as a VTN sends them: those of the standard's guide in form, with numbers of our own."""

from typing import Any

from unit.bridges.doubles import NOON
from wattswitch.api.times import format_time

NOW = "0001-01-01T00:00:00Z"

PRICES: dict[str, Any] = {
    "id": "price-1",
    "programID": "ercot-lz-west",
    "eventName": "rt",
    "priority": 10,
    "payloadDescriptors": [
        {"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": "PRICE", "units": "KWH", "currency": "USD"}
    ],
    "intervalPeriod": {"start": "2026-08-01T20:00:00Z", "duration": "PT5M"},
    "intervals": [
        {"id": 0, "payloads": [{"type": "PRICE", "values": [0.042]}]},
        {"id": 1, "payloads": [{"type": "PRICE", "values": [1.25]}]},
    ],
}


def after(seconds: float) -> str:
    """A time so long after noon."""
    return format_time(NOON + seconds)


def event(kind: str, *values: Any, start: str = NOW, duration: str | None = "PT1H", **more: Any) -> dict[str, Any]:
    """An event with one interval for each value."""
    units = {"PRICE": {"units": "KWH", "currency": "USD"}}.get(kind, {"units": "KW"})
    period = {"start": start} if duration is None else {"start": start, "duration": duration}
    return {
        "id": "event-1",
        "programID": "ercot-lz-west",
        "modificationDateTime": after(-60),
        "payloadDescriptors": [{"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": kind, **units}],
        "intervalPeriod": period,
        "intervals": [{"id": i, "payloads": [{"type": kind, "values": [value]}]} for i, value in enumerate(values)],
        **more,
    }
