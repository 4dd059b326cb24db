"""What a signal may still be used for: fresh values as they are, stale ones as their policy says."""

from collections.abc import Callable
from typing import NamedTuple

from wattswitch.planner.model import OnStale, Signal


class Usable(NamedTuple):
    """A value to decide with. `value` is None where dependants must go to their floor; `raisable` allows raises."""

    value: float | None
    raisable: bool


SHED = Usable(value=None, raisable=False)


def usable(signal: Signal, worse: Callable[[float, float], float]) -> Usable:
    """Apply the staleness policy of `signal`; `worse` picks the value that leads to less power."""
    if signal.fresh:
        return Usable(signal.value, raisable=True)
    match signal.on_stale:
        case OnStale.HOLD if signal.value is not None:
            return Usable(signal.value, raisable=False)
        case OnStale.ASSUME if signal.assume is not None:
            last = signal.assume if signal.value is None else signal.value
            return Usable(worse(last, signal.assume), raisable=False)
        case _:
            return SHED
