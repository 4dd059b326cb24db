"""The on and off of a site by MQTT, as Soluna's MaestroOS writes it: {"target": 0 | 100, "timestamp": Unix seconds}.

Pure. Guarantee: nothing but a fresh message 100, newer than every message before it and than the last loss, lifts the
curtailment; whatever is lost, repeated, late or out of order leaves it where it is, or begins it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from wattswitch.bridges.asked import Reason, Refused
from wattswitch.bridges.levels import number
from wattswitch.bridges.ordering import MAX_LEAD_SECONDS

CURTAIL: Final = 0
FULL: Final = 100


@dataclass(frozen=True, slots=True)
class Moment:
    """Now on two clocks: `unix` for the peer's timestamps, `monotonic` for waiting, which no clock step disturbs."""

    unix: float
    monotonic: float


@dataclass(frozen=True, slots=True)
class Message:
    """What the peer said, and when by its own clock."""

    target: int
    at: float


@dataclass(frozen=True, slots=True)
class Timing:
    """`silent_seconds` without a message begin a curtailment; within `flip_seconds` of its start nothing lifts one."""

    silent_seconds: float = 240.0
    flip_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Switch:
    """Whether the site is curtailed, and what is known of the peer.

    `newest` is the newest message that counted, `heard_at` when it came and `since` when the curtailment began, both
    monotonic; `lost_at` is the Unix time at which the peer was last found silent, infinite below zero for never.
    """

    curtailed: bool
    heard_at: float
    since: float
    lost_at: float = -float("inf")
    newest: Message | None = None
    reason: Reason | None = None


def begin(now: Moment, *, curtailed: bool = True) -> Switch:
    """At the start of the process nothing was heard: curtailed, unless the site chose to wait for the watchdog."""
    lost_at = now.unix if curtailed else -float("inf")
    return Switch(curtailed, now.monotonic, now.monotonic, lost_at, reason=Reason.SILENT if curtailed else None)


def read_message(raw: object) -> Message:
    """A message from its JSON. Raises Refused."""
    if not isinstance(raw, Mapping):
        raise Refused(Reason.UNREADABLE, "a message is a JSON object with target and timestamp")
    if "target" not in raw:
        raise Refused(Reason.VALUE_MISSING, "a message has a target")
    if "timestamp" not in raw:
        raise Refused(Reason.TIME_MISSING, "a message has a timestamp")
    target = number(raw["target"])
    if target not in (CURTAIL, FULL):
        raise Refused(Reason.OUT_OF_RANGE, "a target is 0 or 100")
    try:
        at = number(raw["timestamp"])
    except Refused as refusal:
        raise Refused(Reason.TIME_UNREADABLE, f"the timestamp is unusable: {refusal.message}") from None
    return Message(int(target), at)


def hear(switch: Switch, message: Message, now: Moment, timing: Timing) -> Switch:
    """The switch after a message that counts. Raises Refused with a word of its own for each that does not."""
    switch = tick(switch, now, timing)
    _check_time(switch, message, now, timing)
    heard = replace(switch, newest=message, heard_at=now.monotonic, reason=None)
    if message.target == CURTAIL:
        return heard if switch.curtailed else replace(heard, curtailed=True, since=now.monotonic)
    if switch.curtailed and now.monotonic - switch.since < timing.flip_seconds:
        return replace(heard, reason=Reason.FLAPPING)
    return replace(heard, curtailed=False)


def tick(switch: Switch, now: Moment, timing: Timing) -> Switch:
    """The switch after a while without a message: silence curtails, and ends only with a message from after it."""
    if now.monotonic - switch.heard_at < timing.silent_seconds:
        return switch
    lost_at = switch.lost_at if switch.reason is Reason.SILENT else now.unix
    lost = replace(switch, lost_at=lost_at, reason=Reason.SILENT)
    return lost if switch.curtailed else replace(lost, curtailed=True, since=now.monotonic)


def _check_time(switch: Switch, message: Message, now: Moment, timing: Timing) -> None:
    if message.at > now.unix + MAX_LEAD_SECONDS:
        raise Refused(Reason.FROM_FUTURE, "the timestamp is ahead of our clock")
    if message.at <= now.unix - timing.silent_seconds:
        raise Refused(Reason.TOO_OLD, f"the timestamp is more than {timing.silent_seconds:g} s old")
    newest = switch.newest
    if newest is not None and message.at < newest.at:
        raise Refused(Reason.REORDERED, "a newer message came before")
    if newest is not None and message.at == newest.at:
        _check_same_time(newest, message)
    if message.target == FULL and message.at <= switch.lost_at:
        raise Refused(Reason.OLDER_THAN_LOSS, "it was sent before the peer was found silent")


def _check_same_time(newest: Message, message: Message) -> None:
    if newest.target == message.target:
        raise Refused(Reason.REPEATED, "the same message came before")
    if message.target == FULL:
        raise Refused(Reason.CONTRADICTING, "another message of the same time curtails")
