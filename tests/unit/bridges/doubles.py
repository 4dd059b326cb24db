"""A publisher in memory, clocks that a test turns, and what holds at a time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from wattswitch.bridges import Asked
from wattswitch.bridges.soluna import Moment
from wattswitch.errors import ApiUnreachable

NOON = 1_785_585_600.0
"""2026-08-01T12:00:00Z."""

CAP_WATTS = 1_000_000


@dataclass
class MemoryPublisher:
    """Keeps what is put; `broken` lets every call fail, `log` tells the calls that did not."""

    kept: dict[str, Asked] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    broken: bool = False

    async def put(self, asked: Asked) -> None:
        self._check()
        self.log.append(f"put {asked.name}")
        self.kept[asked.name] = asked

    async def withdraw(self, program: str, reference: str) -> None:
        self._check()
        self.log.append(f"withdraw {reference}")
        for name, asked in self.kept.items():
            if (asked.program, asked.reference) == (program, reference):
                self.kept[name] = replace(asked, cancelled=True)

    async def current(self) -> Sequence[Asked]:
        self._check()
        return tuple(self.kept.values())

    @property
    def open(self) -> list[Asked]:
        """What is not cancelled."""
        return [asked for asked in self.kept.values() if not asked.cancelled]

    def _check(self) -> None:
        if self.broken:
            raise ApiUnreachable("broken by the test")


@dataclass
class Clock:
    """Both clocks, moved together."""

    at: float = NOON

    def __call__(self) -> float:
        return self.at

    def moment(self) -> Moment:
        return Moment(self.at, self.at - 1e9)


def limit_watts(asked: Iterable[Asked], at: float, cap_watts: int = CAP_WATTS) -> int:
    """The lowest limit that holds."""
    return min([one.limit.watts(cap_watts) for one in asked if one.holds_at(at)], default=cap_watts)
