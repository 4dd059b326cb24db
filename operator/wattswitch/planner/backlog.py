"""How long the oldest of the waiting work may have waited, from nothing but how much waits.

In a queue that serves in order, what waited at some moment is gone once as much has left as waited then. What comes
and leaves between two readings is not seen, so the oldest work may be younger than what is said here, never older,
but for what waited already at the first reading: that counts as if it had come then.
"""

from dataclasses import dataclass

MOST_MARKS = 256
"""Moments that are remembered. Where there are more, every second one is forgotten: the oldest may then seem older."""

TOLERANCE = 1e-9
"""What sums of floats may be off, relative to what waits."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment, and how much of what waited then may wait still."""

    at: float
    left: float


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is known of one queue; immutable and bounded. `in_order` says that it serves first in, first out."""

    in_order: bool = True
    marks: tuple[Mark, ...] = ()
    """From the last moment of whose work nothing is left, or from the first reading, to the newest one."""

    @property
    def oldest_at(self) -> float | None:
        """When the oldest waiting work came at the earliest, in Unix seconds; None before the first reading."""
        return self.marks[0].at if self.marks else None

    def update(self, at: float, waiting: float) -> "Backlog":
        """With one more reading of how much waits; one that is not newer than the last changes nothing."""
        waiting = max(0.0, waiting)
        if not self.marks:
            return Backlog(self.in_order, _trimmed((Mark(at, 0.0), Mark(at, waiting))))
        newest = self.marks[-1]
        if at <= newest.at:
            return self
        left = max(0.0, newest.left - waiting)
        earlier = self.marks if waiting > newest.left else self.marks[:-1]
        if self.in_order and left:
            earlier = tuple(Mark(mark.at, max(0.0, mark.left - left)) for mark in earlier)
        return Backlog(self.in_order, _trimmed((*earlier, Mark(at, waiting))))


def _trimmed(marks: tuple[Mark, ...]) -> tuple[Mark, ...]:
    done = [n for n, mark in enumerate(marks) if mark.left <= TOLERANCE * max(1.0, marks[-1].left)]
    marks = marks[done[-1] :] if done else marks
    if len(marks) <= MOST_MARKS:
        return marks
    return (*marks[:-1:2], marks[-1])
