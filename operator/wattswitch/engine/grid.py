"""What the grid lets one budget draw now: its events, its own number, and how each event goes."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from wattswitch.api.power_budget import PowerBudgetSpec
from wattswitch.curtailment import Phase, SiteFacts, Urgency, Window, window_of
from wattswitch.engine.course import Course, Drawn
from wattswitch.engine.eventbook import EventBook, made_at
from wattswitch.engine.gridlimit import FailsafeLimit
from wattswitch.engine.peaks import Peaks
from wattswitch.engine.sitefeeds import GRID_LIMIT
from wattswitch.feeds import Reading

Raw = Mapping[str, Any]

FAILSAFE: Final = f"the failsafe of {GRID_LIMIT}"
SHED_STEP_SECONDS: Final = 5
"""The worst case is told in steps of so long, rounded up: it moves with every pod."""


@dataclass(frozen=True, slots=True)
class GridNow:
    """What holds at one moment.

    `limited_by` names what set the lowest of `limits_watts`, `event_uid` is its uid where that is an event.
    """

    limits_watts: tuple[int, ...] = ()
    limited_by: str = ""
    event_uid: str = ""
    emergency: bool = False
    look_again_at: float | None = None


@dataclass
class Grid:
    """The events of one budget and where each of them is; `windows` are those of the last look."""

    book: EventBook = field(default_factory=EventBook)
    failsafe: FailsafeLimit = field(default_factory=FailsafeLimit)
    peaks: Peaks = field(default_factory=Peaks)
    courses: dict[str, Course] = field(default_factory=dict)
    windows: dict[str, Window] = field(default_factory=dict)
    now: GridNow = GridNow()
    shed_seconds: int = 0

    def look(
        self,
        raws: Iterable[Raw],
        spec: PowerBudgetSpec,
        site: SiteFacts,
        reading: Reading | None,
        at: float,
        *,
        starting: bool,
        read: Callable[[str], Reading],
    ) -> GridNow:
        """Which limits hold at this time.

        `reading` is that of the grid limit, None where there is none; `read` gives that of a named feed.
        """
        self.shed_seconds = -(-int(site.shed_seconds) // SHED_STEP_SECONDS) * SHED_STEP_SECONDS
        mine = {str(raw["metadata"]["uid"]): raw for raw in raws}
        self.book.follow(mine.values(), at)
        self.windows = {uid: window_of(event, site, at) for uid, event in self.book.events.items()}
        self._open_courses(mine, at)
        self._forget(mine)
        limits = [
            (window.limit_watts, f"CurtailmentEvent {self.book.events[uid].name}", uid)
            for uid, window in self.windows.items()
            if window.limit_watts is not None
        ]
        if spec.grid_limit is not None and reading is not None:
            watts = self.failsafe.watts(reading, spec.grid_limit.failsafe_watts, at, starting=starting)
            limits.append((watts, GRID_LIMIT if self.failsafe.lost_at is None else FAILSAFE, ""))
        peaks = self.peaks.look(spec, read, at)
        limits += [(watts, f"coincident peak {name}", "") for name, watts in peaks.items()]
        lowest = min(limits, default=(spec.cap_watts, "", ""))
        untils = [window.until for window in self.windows.values() if window.until is not None]
        self.now = GridNow(
            limits_watts=tuple(sorted(watts for watts, _, _ in limits)),
            limited_by=lowest[1] if lowest[0] < spec.cap_watts else "",
            event_uid=lowest[2],
            emergency=any(self._is_emergency(uid) for uid in self.windows),
            look_again_at=min([*untils, *self.peaks.near_until.values()], default=None),
        )
        return self.now

    def note(self, drawn: Drawn) -> None:
        """Have every event's course follow what is drawn."""
        for uid, window in self.windows.items():
            self.courses[uid].note(self.book.events[uid], window, drawn)

    @property
    def met(self) -> dict[str, bool]:
        """Whether the target is met of each event in force, by its name."""
        active = [uid for uid, window in self.windows.items() if window.phase is Phase.ACTIVE]
        return {self.book.events[uid].name: self.courses[uid].is_met for uid in active}

    def kept(self) -> list[dict[str, str]]:
        """The events that set a limit now, for the next process, the lowest ones first where there are too many."""
        limits = {uid: window.limit_watts for uid, window in self.windows.items() if window.limit_watts is not None}
        return self.book.kept(sorted(limits, key=lambda uid: (limits[uid], uid)))

    def _is_emergency(self, uid: str) -> bool:
        event, window = self.book.events[uid], self.windows[uid]
        return event.urgency is Urgency.EMERGENCY and window.phase is Phase.ACTIVE

    def _open_courses(self, mine: Mapping[str, Raw], at: float) -> None:
        for uid in self.windows.keys() - self.courses.keys():
            status = (mine[uid].get("status") if uid in mine else None) or {}
            since = made_at(mine[uid], at) if uid in mine else self.book.events[uid].start
            self.courses[uid] = Course.of_status(status, since)

    def _forget(self, mine: Mapping[str, Raw]) -> None:
        """Drop events that are over and whose object is gone."""
        gone = [uid for uid, window in self.windows.items() if uid not in mine and window.phase is Phase.OVER]
        for uid in gone:
            self.book.drop(uid)
            del self.windows[uid]
        for uid in self.courses.keys() - self.windows.keys():
            del self.courses[uid]
