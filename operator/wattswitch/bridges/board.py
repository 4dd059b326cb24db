"""The numbers that a bridge serves: the newest of each kind, with the peer's own time, and nothing made up."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wattswitch.api.times import format_time, is_writable
from wattswitch.bridges.asked import Reason

MAX_CURVE_POINTS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Served:
    """A JSON object to be served; `time` in it is when the peer said so."""

    document: Mapping[str, Any]
    time: float


@dataclass(frozen=True, slots=True)
class Absent:
    """Why there is no number."""

    reason: Reason
    message: str


NOTHING_YET: Final = Absent(Reason.SILENT, "the peer has said nothing yet")

_PATHS: Final = ("limit", "price", "curve")


class Board:
    """What each path shows. Times are the peer's own, in Unix seconds; an older one never replaces a newer one."""

    def __init__(self) -> None:
        self._shown: dict[str, Served | Absent] = dict.fromkeys(_PATHS, NOTHING_YET)
        self._problems: dict[str, str] = {}

    def shown(self, path: str) -> Served | Absent:
        """What `limit`, `price` or `curve` shows."""
        return self._shown[path]

    def show_limit(self, watts: int, at: float) -> None:
        """What may be drawn now, in watts."""
        self._show("limit", {"watts": watts}, at)

    def show_lowest(self, watts: int | None, full_watts: int | None, at: float) -> None:
        """The lowest limit of all events; without one, `full_watts` where that is configured."""
        allowed = full_watts if watts is None else watts
        if allowed is None:
            self.hide("limit", Reason.VALUE_MISSING, "no event gives watts now, and fullWatts is not configured")
        else:
            self.show_limit(allowed, at)

    def show_price(self, price_per_mwh: float, at: float) -> None:
        """The price that holds now, in the bridge's own currency per MWh."""
        self._show("price", {"price_per_mwh": price_per_mwh}, at)

    def show_curve(self, points: Mapping[float, float | None], at: float) -> None:
        """Prices per MWh by the start of each, None where none is known.

        The operator reads them with path `data[].price_per_mwh` and timePath `data[].start`.
        """
        data = [
            {"start": format_time(start), "price_per_mwh": price}
            for start, price in sorted(points.items())[:MAX_CURVE_POINTS]
            if is_writable(start)
        ]
        self._show("curve", {"data": data}, at)

    def hide(self, path: str, reason: Reason, message: str) -> None:
        """There is no number from now on."""
        self._shown[path] = Absent(reason, message)

    def report(self, what: str, problem: str | None) -> None:
        """Say or take back what is wrong with one part of the bridge, for `/healthz` and `/readyz`."""
        if problem is None:
            self._problems.pop(what, None)
        else:
            self._problems[what] = problem

    def problems(self) -> list[str]:
        """What is wrong now, a line each."""
        return [f"{what}: {problem}" for what, problem in sorted(self._problems.items())]

    def _show(self, path: str, document: Mapping[str, Any], at: float) -> None:
        if not is_writable(at):
            self.hide(path, Reason.TIME_UNREADABLE, "the peer's time is not from 1970 to 9999")
            return
        held = self._shown[path]
        if isinstance(held, Served) and at < held.time:
            return
        self._shown[path] = Served({**document, "time": format_time(at)}, at)
