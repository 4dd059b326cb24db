"""What a peer asked for, as plain data: the contents of one grid event, and why a message did not become one.

Pure. Forms and urgencies are those of a grid event. Times are Unix seconds, power is in watts.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, Protocol

from wattswitch.curtailment import Form, Urgency, asked_watts

MAX_WATTS: Final = 10_000_000_000
"""10 GW: a limit above it limits nothing."""

MAX_TEXT: Final = 128
"""The longest program or reference; longer ones are refused, never cut."""

_NAME_PIECE: Final = 24
_NOT_IN_A_NAME: Final = re.compile(r"[^a-z0-9]+")


class Reason(StrEnum):
    """Why a message, or a part of it, did not change what is asked for; published, so no word changes its meaning."""

    REPEATED = "Repeated"
    REORDERED = "Reordered"
    CONTRADICTING = "Contradicting"
    REPLAYED = "Replayed"
    TOO_OLD = "TooOld"
    OLDER_THAN_LOSS = "OlderThanLoss"
    FROM_FUTURE = "FromFuture"
    TIME_MISSING = "TimeMissing"
    TIME_UNREADABLE = "TimeUnreadable"
    FLAPPING = "Flapping"
    SILENT = "Silent"
    NOT_JSON = "NotJSON"
    UNREADABLE = "Unreadable"
    NOT_A_NUMBER = "NotANumber"
    NEGATIVE = "Negative"
    OUT_OF_RANGE = "OutOfRange"
    VALUE_MISSING = "ValueMissing"
    WRONG_UNIT = "WrongUnit"
    WRONG_CURRENCY = "WrongCurrency"
    WRONG_PROGRAM = "WrongProgram"
    NOT_TARGETED = "NotTargeted"
    UNSUPPORTED_TYPE = "UnsupportedType"
    NO_ACTION_CONFIGURED = "NoActionConfigured"
    ASKS_FOR_MORE = "AsksForMore"
    SUBSCRIPTION_MISSING = "SubscriptionMissing"
    TEST_EVENT = "TestEvent"
    TOO_LARGE = "TooLarge"
    TOO_MANY = "TooMany"
    INCOMPLETE = "Incomplete"
    SIGNATURE_MISSING = "SignatureMissing"
    SIGNATURE_WRONG = "SignatureWrong"
    SECRET_UNREADABLE = "SecretUnreadable"  # noqa: S105  (a reason, not a secret)
    HTTP_STATUS = "HTTPStatus"
    REDIRECTED = "Redirected"
    UNREACHABLE = "Unreachable"
    TIMED_OUT = "TimedOut"
    NOT_REGISTERED = "NotRegistered"
    NOT_PUBLISHED = "NotPublished"


class Refused(Exception):  # noqa: N818  (it is a message's fate, not a fault of ours)
    """A message, or a part of it, is not taken. `message` is for people and never holds what the peer sent."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message


_HARDNESS: Final = {urgency: place for place, urgency in enumerate(Urgency)}
"""Urgencies are in order: the later, the harder."""


@dataclass(frozen=True, slots=True)
class Limit:
    """An amount in watts (toWatts, byWatts) or percent of the cap (toPercent); 0 for all. Raises ValueError."""

    form: Form
    amount: int = 0

    def __post_init__(self) -> None:
        most = {Form.TO_PERCENT: 100, Form.ALL: 0}.get(self.form, MAX_WATTS)
        if not 0 <= self.amount <= most:
            raise ValueError(f"{self.form} takes an amount from 0 to {most}")

    def watts(self, cap_watts: int, fixed_watts: int = 0) -> int:
        """What it leaves of a cap, never below what is always drawn."""
        return max(fixed_watts, min(cap_watts, asked_watts(self.form, self.amount, cap_watts)))


ALL: Final = Limit(Form.ALL)


@dataclass(frozen=True, slots=True)
class Asked:
    """One limit over one time, as a peer asked for it.

    The same program and reference are one event in the accounts; `part` tells its pieces apart, such as the
    intervals of one OpenADR event. `duration_seconds` is None where the end is open.
    """

    program: str
    reference: str
    start: float
    duration_seconds: float | None
    limit: Limit
    urgency: Urgency = Urgency.FIRM
    part: str = ""
    announced_at: float = 0.0
    cancelled: bool = False

    @property
    def name(self) -> str:
        """A Kubernetes object name that follows from program, reference and part alone."""
        return name_of(self.program, self.reference, self.part)

    @property
    def end(self) -> float | None:
        """When it ends; None where that is open."""
        return None if self.duration_seconds is None else self.start + self.duration_seconds

    def holds_at(self, at: float) -> bool:
        """Whether it limits at this time."""
        end = self.end
        return not self.cancelled and self.start <= at and (end is None or at < end)

    def over_at(self, at: float) -> bool:
        """Whether it can limit no more from this time on."""
        end = self.end
        return self.cancelled or (end is not None and end <= at)

    def same_as(self, other: "Asked") -> bool:
        """Whether both ask for the same: when it was announced makes no difference."""
        return replace(self, announced_at=0.0) == replace(other, announced_at=0.0)


class Publisher(Protocol):
    """Where grid events are kept. Each call raises a WattswitchError where that failed; it is then tried again."""

    async def put(self, asked: Asked) -> None:
        """Create or replace the event of this name; one that is cancelled ends."""

    async def withdraw(self, program: str, reference: str) -> None:
        """End every part of this event; none is no error."""

    async def current(self) -> Sequence[Asked]:
        """Everything that is kept and was put by a bridge, cancelled or not."""


def name_of(program: str, reference: str, part: str = "") -> str:
    """At most 63 characters of a DNS label: readable pieces, and a digest that tells all apart."""
    digest = hashlib.sha256(f"{program}\0{reference}\0{part}".encode()).hexdigest()[:12]
    pieces = [_readable(program), _readable(reference), digest]
    return "-".join(piece for piece in pieces if piece)


def _readable(text: str) -> str:
    return _NOT_IN_A_NAME.sub("-", text.lower()).strip("-")[:_NAME_PIECE].strip("-")


def stricter(one: Asked, other: Asked) -> Asked:
    """What limits at least as much as either of two that claim to be the same part, at every time.

    Limits that can't be compared without the cap become all.
    """
    if one.cancelled or other.cancelled:
        return other if one.cancelled else one
    start = min(one.start, other.start)
    ends = (one.end, other.end)
    duration = None if ends[0] is None or ends[1] is None else max(ends[0], ends[1]) - start
    urgency = max(one.urgency, other.urgency, key=lambda urgency: _HARDNESS[urgency])
    return replace(
        one, start=start, duration_seconds=duration, limit=stricter_limit(one.limit, other.limit), urgency=urgency
    )


def stricter_limit(one: Limit, other: Limit) -> Limit:
    """The lower of two limits; all where that depends on the cap."""
    if one.form is not other.form:
        return ALL
    pick = max if one.form is Form.BY_WATTS else min
    return Limit(one.form, pick(one.amount, other.amount))


def text_of(raw: object, what: str) -> str:
    """A program or reference of a message. Raises Refused."""
    if not isinstance(raw, str) or not raw or len(raw) > MAX_TEXT or not raw.isprintable():
        raise Refused(Reason.UNREADABLE, f"{what} must be a text of 1 to {MAX_TEXT} printable characters")
    return raw


def to_raw(asked: Asked) -> Mapping[str, Any]:
    """As it appears in answers and logs."""
    return {
        "name": asked.name,
        "program": asked.program,
        "reference": asked.reference,
        "limit": {str(asked.limit.form): True if asked.limit.form is Form.ALL else asked.limit.amount},
        "urgency": str(asked.urgency),
        "cancelled": asked.cancelled,
    }
