"""A CSV file of times and numbers: the last row that is not in the future counts, and its time is the number's."""

from bisect import bisect_right
from collections.abc import Callable, Mapping

from wattswitch.api.source import CsvFile
from wattswitch.api.times import format_time
from wattswitch.feeds.csvtable import FILE_LIMIT_BYTES, CsvTable, Rows
from wattswitch.feeds.reading import WHOLE, Key, Problem, Reading, Refused, no_value


class FileSource:
    """Says the number of the last row that is not in the future."""

    def __init__(self, name: str, spec: CsvFile, now: Callable[[], float], limit: int = FILE_LIMIT_BYTES) -> None:
        self.name = name
        self._spec = spec
        self._now = now
        self._table = CsvTable(name, spec, limit)

    async def fetch(self) -> Mapping[Key, Reading]:
        """The number of the last row whose time is not after now. Raises Refused."""
        rows = await self._table.rows()
        return {WHOLE: self._current(rows, self._now())}

    def _current(self, rows: Rows, now: float) -> Reading:
        place = bisect_right(rows.times, now) - 1
        if place < 0 and self._table.withheld:
            raise self._table.unreadable("its last row has no line end yet")
        if place < 0:
            raise Refused(Problem.EMPTY, f"{self._spec.path} has no row up to now")
        at, problem = rows.times[place], rows.problem(place)
        if problem is not None:
            message = f"column {self._spec.column!r} has no usable number in the row of {format_time(at)}"
            return no_value(Refused(problem, message), self.name, now)
        return Reading(rows.numbers[place], at, now, self.name)
