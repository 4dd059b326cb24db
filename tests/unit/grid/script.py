"""What happens to a site in a month: the grid's events and what becomes of them, prices, and kills; all from a seed."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from unit.grid.virtual_site import CAP_WATTS
from wattswitch.api.times import format_time

HOUR = 3600
DAY = 24 * HOUR


@dataclass(frozen=True)
class Change:
    """One event's object as somebody leaves it at a moment; `spec` is None where it is deleted. Seconds are whole."""

    at: int
    uid: str
    spec: dict[str, Any] | None


@dataclass(frozen=True)
class Kill:
    """The operator's process dies, and another one is there so much later."""

    at: float
    down_seconds: float


@dataclass
class Script:
    """Everything in the order of time."""

    start: int
    end: int
    changes: list[Change] = field(default_factory=list)
    kills: list[Kill] = field(default_factory=list)
    prices: list[tuple[int, float]] = field(default_factory=list)


def month_of(seed: int, start: int, days: int = 30, events: int = 200, kills: int = 25) -> Script:
    """A script with so many events and kills."""
    random = Random(seed)
    script = Script(start, start + days * DAY)
    references: list[tuple[int, dict[str, str]]] = []
    begins = 0
    for number in range(events):
        begins = _next_start(random, script, begins)
        script.changes += _course(random, f"e{number}", begins, _source(random, number, begins, references))
    script.changes.sort(key=lambda change: change.at)
    script.changes = [change for change in script.changes if change.at < script.end - HOUR]
    script.kills = _kills(random, script, kills)
    script.prices = _prices(random, script)
    return script


def _next_start(random: Random, script: Script, before: int) -> int:
    """Anywhere in the month, or soon after the one before, so that events overlap."""
    if before and random.random() < 0.4 and before < script.end - 12 * HOUR:
        return before + random.randrange(0, 2 * HOUR)
    return random.randrange(script.start + 3 * HOUR, script.end - 6 * HOUR)


def _source(random: Random, number: int, begins: int, known: list[tuple[int, dict[str, str]]]) -> dict[str, str] | None:
    """A reference of its own, that of an event of these hours, or none."""
    near = [source for at, source in known if abs(at - begins) < 3 * HOUR]
    if near and random.random() < 0.5:
        return random.choice(near)
    if random.random() < 0.1:
        return None
    source = {"program": random.choice(["ers-10", "dso"]), "reference": f"call-{number}"}
    known.append((begins, source))
    return source


def _limit(random: Random) -> dict[str, Any]:
    return random.choice(
        [
            {"toWatts": random.randrange(0, CAP_WATTS)},
            {"byWatts": random.randrange(1, CAP_WATTS)},
            {"toPercent": f"{random.uniform(0, 100):.3f}"},
            {"all": True},
        ]
    )


def _course(random: Random, uid: str, start: int, source: dict[str, str] | None) -> list[Change]:
    """One event from its announcement to when its object is tidied away."""
    notice = random.choice([0, 0, 30, 600, 3600])
    duration = random.choice([60, 900, HOUR, 3 * HOUR, None])
    urgency = random.choice(["BestEffort", "Firm", "Firm", "Emergency"])
    spec: dict[str, Any] = {"budget": "west", "limit": _limit(random), "urgency": urgency}
    if notice:
        spec["start"] = format_time(start)
    if duration is not None:
        spec["durationSeconds"] = duration
    if source is not None:
        spec["source"] = source
    changes = [Change(start - notice, uid, spec)]
    length = duration or 2 * HOUR
    at = random.randrange(start - notice + 1, start + length)
    fate = random.choice(["none", "cancel", "delete", "extend", "shorten", "cut", "amount", "revive"])
    if duration is None and fate in {"none", "extend", "shorten", "cut", "amount"}:
        fate = random.choice(["cancel", "delete"])
    if fate == "delete":
        return [*changes, Change(at, uid, None)]
    changes += [Change(when, uid, edited) for when, edited in _edits(random, fate, spec, at, start, length)]
    if fate == "revive" and duration is None:
        return [*changes, Change(max(changes[-1].at, start + length) + 1, uid, None)]
    return [*changes, Change(max(changes[-1].at, start + 3 * length) + random.randrange(HOUR, 9 * HOUR), uid, None)]


def _edits(
    random: Random, fate: str, spec: dict[str, Any], at: int, start: int, length: int
) -> list[tuple[int, dict[str, Any]]]:
    """What somebody makes of the event at that moment, and maybe once more."""
    if fate == "cancel":
        return [(at, spec | {"cancelled": True})]
    if fate == "revive":
        return [(at, spec | {"cancelled": True}), (at + random.randrange(1, 900), spec)]
    if fate == "amount":
        return [(at, spec | {"limit": _limit(random)})]
    seconds = {
        "extend": 2 * length,
        "shorten": max(at - start, 0) + max(1, (start + length - at) // 2),
        "cut": max(1, (at - start) // 2),
    }.get(fate)
    return [] if seconds is None else [(at, spec | {"durationSeconds": seconds})]


def _kills(random: Random, script: Script, count: int) -> list[Kill]:
    """At any moment, and most of all just before and after something was changed."""
    kills = []
    for _ in range(count):
        near = random.choice(script.changes).at
        at = random.choice(
            [
                near + random.uniform(-40, -1),
                near + random.uniform(0.5, 250),
                random.uniform(script.start + HOUR, script.end - 2 * HOUR),
            ]
        )
        kills.append(Kill(at, random.choice([1.0, 3.0, 20.0, 120.0])))
    return sorted(kills, key=lambda kill: kill.at)


def _prices(random: Random, script: Script) -> list[tuple[int, float]]:
    """A walk with scarcity now and then: from below zero to what no miner pays."""
    prices, at = [], script.start
    while at < script.end:
        spike = random.random() < 0.08
        prices.append((at, round(random.uniform(150, 900) if spike else random.uniform(-10, 100), 2)))
        at += random.choice([HOUR, 2 * HOUR, 4 * HOUR])
    return prices
