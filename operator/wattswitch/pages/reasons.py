"""Why something is not on, as a person reads it."""

import re

_REASONS = {
    "AtMaximum": "turned on within the step",
    "DemandMet": "no demand for more",
    "PriceAboveStrike": "power cost more than it earns",
    "SwitchCost": "too short to pay for a switch",
    "Deadline": "just enough for the deadline",
    "PowerLimit": "site limit reached",
    "GPULimit": "no GPU free",
    "FloorUnmet": "limit below the floors",
    "MinRun": "minimum time on",
    "MinOff": "minimum time off",
    "RampUp": "ramp up limit",
    "RampDown": "ramp down limit",
    "WaitingForWatts": "waiting for watts to come free",
    "WaitingForGPUs": "waiting for GPUs to come free",
    "Settling": "waiting for the last change to show",
    "Starting": "starting",
    "Stopping": "stopping",
    "PriceStale": "price feed late",
    "WorthStale": "worth feed late",
    "DemandStale": "demand feed late",
    "MeterStale": "meter late",
    "Paused": "paused by hand",
}


def in_words(word: str) -> str:
    """A `Reason` in plain words; one that is new is taken apart at its capitals."""
    return _REASONS.get(word) or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", word).lower() or "no reason given"
