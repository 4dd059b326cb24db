"""What a feed says at one moment: a number that was served, or the one word for why it cannot be used."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

Key = tuple[str, str]
"""Namespace and name of the workload that a number is for."""

WHOLE: Final[Key] = ("", "")
"""The key of a feed that is not per workload."""


class Problem(StrEnum):
    """Why a number cannot be used; published, so no word ever changes its meaning."""

    NO_READING = "NoReading"
    STALE = "Stale"
    FROZEN = "Frozen"
    FROM_FUTURE = "FromFuture"
    TIME_UNREADABLE = "TimeUnreadable"
    NOT_A_NUMBER = "NotANumber"
    INFINITE = "Infinite"
    TOO_MANY_DIGITS = "TooManyDigits"
    NOT_NUMERIC = "NotNumeric"
    OUT_OF_RANGE = "OutOfRange"
    WRONG_UNIT = "WrongUnit"
    EMPTY = "Empty"
    NOT_COVERED = "NowNotCovered"
    SEVERAL_SAMPLES = "SeveralSamples"
    NOT_JSON = "NotJSON"
    NOT_PROMETHEUS = "NotPrometheus"
    PATH_MISSING = "PathMissing"
    COLUMN_MISSING = "ColumnMissing"
    UNKNOWN_TIME_ZONE = "UnknownTimeZone"
    SOURCE_UNUSABLE = "SourceUnusable"
    TOO_LARGE = "TooLarge"
    TIMED_OUT = "TimedOut"
    REDIRECTED = "Redirected"
    HTTP_STATUS = "HTTPStatus"
    NOT_HTTP = "NotHTTP"
    UNREACHABLE = "Unreachable"
    TLS_FAILED = "TLSFailed"
    ADDRESS_DENIED = "AddressDenied"
    FILE_MISSING = "FileMissing"
    FILE_UNREADABLE = "FileUnreadable"
    UNEXPECTED = "UnexpectedFailure"


OUTAGES: Final = frozenset(
    {
        Problem.TIMED_OUT,
        Problem.REDIRECTED,
        Problem.HTTP_STATUS,
        Problem.NOT_HTTP,
        Problem.UNREACHABLE,
        Problem.TLS_FAILED,
        Problem.ADDRESS_DENIED,
        Problem.FILE_MISSING,
        Problem.FILE_UNREADABLE,
        Problem.UNEXPECTED,
    }
)
"""Problems with which a source said nothing, so that its last number stands until it is too old.

With every other problem the source did answer, and the answer was wrong: from then on its last number counts no more.
"""

MAX_LEAD_SECONDS: Final = 5.0
"""How far ahead of our clock a source's clock may be; a number from further ahead is refused."""


class Refused(Exception):  # noqa: N818  (it is an answer's fate, not a fault of ours)
    """A source gave no usable number. `message` is for people and never holds what the source answered."""

    def __init__(self, problem: Problem, message: str) -> None:
        super().__init__(f"{problem}: {message}")
        self.problem = problem
        self.message = message


@dataclass(frozen=True, slots=True)
class Reading:
    """One number of a source, or the last good one with what is wrong now.

    `value` is None where there never was a good one. `at` is the source's own time and `fetched_at` the time of the
    request, both in Unix seconds. `problem` is a word of `Problem`, empty while the value is fresh.
    """

    value: float | None
    at: float
    fetched_at: float
    source: str
    problem: str = ""
    message: str = ""

    @property
    def fresh(self) -> bool:
        """Whether the value may justify a raise."""
        return not self.problem and self.value is not None

    def refused(self, problem: Problem, message: str) -> "Reading":
        """The same number, no longer to be trusted."""
        return replace(self, problem=str(problem), message=message)

    def same_as(self, other: "Reading") -> bool:
        """Whether both say the same: time alone makes no difference."""
        return (self.value, self.problem, self.source) == (other.value, other.problem, other.source)


def no_value(refusal: Refused, source: str, fetched_at: float) -> Reading:
    """A reading that has no number, and why."""
    return Reading(None, 0.0, fetched_at, source, str(refusal.problem), refusal.message)
