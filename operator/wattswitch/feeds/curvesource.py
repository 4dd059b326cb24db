"""Where curves come from: files, JSON documents, and sources that follow the clock."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol, runtime_checkable

from wattswitch.api.curve import CURVE_FAMILIES, CurveFeed, CurveSource, HttpCurve
from wattswitch.api.source import CsvFile
from wattswitch.api.times import format_time
from wattswitch.api.units import Quantity
from wattswitch.feeds.csvtable import CsvTable, Rows
from wattswitch.feeds.curve import AHEAD_SECONDS, BEHIND_SECONDS, HOUR_SECONDS, Point
from wattswitch.feeds.document import find_all, parse_document, parse_list_path
from wattswitch.feeds.fixed import FixedSource
from wattswitch.feeds.http import HttpRequest
from wattswitch.feeds.lane import Lane
from wattswitch.feeds.numeric import read_number, read_unix_seconds
from wattswitch.feeds.reading import Problem, Refused
from wattswitch.feeds.schedule import ScheduleSource
from wattswitch.feeds.source import ClockSource

CURVE_BODY_LIMIT_BYTES: Final = 1024 * 1024
MAX_ENTRIES: Final = 10_000
"""The most entries of a list in an answer, or rows around now; those long past or far ahead are then left out."""

CLOCK_AHEAD_SECONDS: Final = 48 * HOUR_SECONDS
"""How far ahead a source that follows the clock is asked."""


@runtime_checkable
class PolledCurve(Protocol):
    """A source that is asked over and over; it may be slow, wrong or gone."""

    name: str

    async def fetch(self) -> Iterable[Point]:
        """Its points, in its own unit, in any order. Raises Refused. May be cancelled at any moment."""


class ClockCurve:
    """What a source that follows the clock will say: a point every hour, and at each change between."""

    def __init__(self, name: str, source: ClockSource) -> None:
        self.name = name
        self._source = source
        self._hour = -1.0
        self._points: tuple[Point, ...] = ()

    def points(self, now: float) -> tuple[Point, ...]:
        """From the start of this hour on. Raises Refused."""
        hour = now // HOUR_SECONDS * HOUR_SECONDS
        if hour != self._hour:
            moments = {hour + n * HOUR_SECONDS for n in range(int(CLOCK_AHEAD_SECONDS // HOUR_SECONDS))}
            moments |= set(self._source.changes(hour, hour + CLOCK_AHEAD_SECONDS))
            self._points = tuple((at, self._value(at)) for at in sorted(moments))
            self._hour = hour
        return self._points

    def _value(self, at: float) -> float:
        value = self._source.read(at).value
        if value is None:
            raise Refused(Problem.EMPTY, f"it has no number for {format_time(at)}")
        return value


class FileCurve:
    """The rows of a CSV file; of rows of one time the last counts, and a blank cell is a price that is not known."""

    def __init__(self, name: str, spec: CsvFile, now: Callable[[], float]) -> None:
        self.name = name
        self._spec = spec
        self._now = now
        self._table = CsvTable(name, spec)

    async def fetch(self) -> Iterable[Point]:
        """The rows around now. Raises Refused."""
        rows, now = await self._table.rows(), self._now()
        return self._known(rows, now - BEHIND_SECONDS, now + AHEAD_SECONDS).items()

    def _known(self, rows: Rows, first: float, last: float) -> dict[float, float]:
        known: dict[float, float] = {}
        places = rows.places(first, last)
        if len(places) > MAX_ENTRIES:
            raise Refused(Problem.TOO_LARGE, f"it has more than {MAX_ENTRIES} rows from a day ago to a week ahead")
        for place in places:
            at, problem = rows.times[place], rows.problem(place)
            if problem is None:
                known[at] = rows.numbers[place]
            elif problem is Problem.EMPTY:
                known.pop(at, None)
            else:
                message = f"column {self._spec.column!r} has no usable number in the row of {format_time(at)}"
                raise Refused(problem, message)
        return known


class HttpCurveSource:
    """A list of prices and their times in a JSON document; a null is a price that is not known."""

    def __init__(
        self, name: str, spec: HttpCurve, *, allow_private: bool = True, limit: int = CURVE_BODY_LIMIT_BYTES
    ) -> None:
        self.name = name
        self._path, self._time_path = spec.path, spec.time_path
        self._request = HttpRequest(name, spec, allow_private=allow_private, limit=limit)
        self._lane = Lane(f"feed-{name}")

    async def fetch(self) -> Iterable[Point]:
        """All that the document has. Raises Refused."""
        body = await self._request.ask()
        return await self._lane.run(lambda: self._read(body))

    def _read(self, body: bytes) -> list[Point]:
        document = parse_document(body)
        prices = find_all(document, parse_list_path(self._path), MAX_ENTRIES)
        times = find_all(document, parse_list_path(self._time_path), MAX_ENTRIES)
        if len(prices) != len(times):
            message = f"the answer has {len(prices)} prices and {len(times)} times"
            raise Refused(Problem.PATH_MISSING, message)
        pairs = zip(times, prices, strict=True)
        return [(read_unix_seconds(at), read_number(price)) for at, price in pairs if price is not None]


def _fixed(spec: CurveSource, block: Any, now: Callable[[], float], allow_private: bool) -> ClockCurve:  # noqa: FBT001
    return ClockCurve(spec.name, FixedSource(spec.name, block))


def _schedule(spec: CurveSource, block: Any, now: Callable[[], float], allow_private: bool) -> ClockCurve:  # noqa: FBT001
    return ClockCurve(spec.name, ScheduleSource(spec.name, block))


def _file(spec: CurveSource, block: Any, now: Callable[[], float], allow_private: bool) -> PolledCurve:  # noqa: FBT001
    return FileCurve(spec.name, block, now)


def _http(spec: CurveSource, block: Any, now: Callable[[], float], allow_private: bool) -> PolledCurve:  # noqa: FBT001
    return HttpCurveSource(spec.name, block, allow_private=allow_private)


_FAMILY: Final[Mapping[str, Callable[[CurveSource, Any, Callable[[], float], bool], ClockCurve | PolledCurve]]] = {
    "fixed": _fixed,
    "schedule": _schedule,
    "file": _file,
    "http": _http,
}
"""How to build the source of each family from its block of the spec."""


def build_curve_source(
    spec: CurveSource, feed: CurveFeed, now: Callable[[], float], *, allow_private: bool
) -> ClockCurve | PolledCurve:
    """The source that `spec` describes. Raises Refused where it can't be one of its feed."""
    families = [family for family in CURVE_FAMILIES if getattr(spec, family) is not None]
    if len(families) != 1:
        raise Refused(Problem.SOURCE_UNUSABLE, f"set exactly one of {', '.join(CURVE_FAMILIES)}")
    first = feed.sources[0]
    if spec.unit.quantity is not Quantity.PRICE or spec.unit.currency != first.unit.currency:
        message = f"unit {spec.unit} is no price in the money of source {first.name}, {first.unit.currency}"
        raise Refused(Problem.WRONG_UNIT, message)
    return _FAMILY[families[0]](spec, getattr(spec, families[0]), now, allow_private)
