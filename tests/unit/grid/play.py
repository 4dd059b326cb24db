"""Plays a script: the site, the operator and the judge, in one virtual time."""

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from unit.grid.judge import Judge
from unit.grid.script import Change, Script
from unit.grid.virtual_operator import VirtualOperator
from unit.grid.virtual_site import WORKLOADS, VirtualSite
from wattswitch.api.times import format_time
from wattswitch.settlement.eventrecord import EventRecord
from wattswitch.settlement.intervals import SITE
from wattswitch.settlement.store import read

KWH = 3.6e6
MOST_ENERGY_ERROR = 0.001
FLOORS = {each.place: each.least for each in WORKLOADS}


class Stretch(NamedTuple):
    """A time in which nothing changes: what is drawn at the meter, and the pods alive by namespace and name."""

    start: float
    end: float
    watts: float
    alive: dict[tuple[str, str], int]


@dataclass
class Played:
    """What came of it. `records` counts the accounts' records by program and reference, or by uid."""

    judge: Judge
    metered_kwh: float
    booked_kwh: float
    measured_kwh: float
    records: Counter[str]
    events: tuple[EventRecord, ...]
    steps: int

    @property
    def objections(self) -> list[str]:
        """All that is wrong, in words; nothing where the month went as it should."""
        found = list(self.judge.objections)
        for name, kwh in (("books", self.booked_kwh), ("carried meter", self.measured_kwh)):
            if abs(kwh - self.metered_kwh) > MOST_ENERGY_ERROR * self.metered_kwh:
                found.append(f"energy by the {name}: {kwh:.1f} kWh, by the meter {self.metered_kwh:.1f} kWh")
        found += [f"{key} has {count} records" for key, count in self.records.items() if count != 1]
        found += [f"{key} was in force and has no record" for key in self.judge.in_force - self.records.keys()]
        found += [f"{key} was never in force and has a record" for key in self.records.keys() - self.judge.in_force]
        return found


class Play:
    """The world of one script."""

    def __init__(self, script: Script, folder: Path, seed: int) -> None:
        self.script = script
        self.now = float(script.start)
        self.site = VirtualSite(Random(seed), self.now)
        self.operator = VirtualOperator(self.site, folder / "record.sqlite", self.now)
        self.judge = Judge()
        self.steps = 0
        self.stretches: list[Stretch] = []
        self._changes, self._kills, self._prices = list(script.changes), list(script.kills), list(script.prices)
        self._objects: dict[str, dict[str, Any]] = {}
        self._unheard: dict[str, Change] = {}
        self._down_since = math.inf

    def run(self) -> Played:
        """Play it to its end."""
        self.judge.rise(self.now)
        while self.now < self.script.end:
            self._pass(min(self._next_at(), float(self.script.end)))
            self._happen()
        self.operator.close(self.now)
        return self._played()

    def _next_at(self) -> float:
        due = [self.site.next_at, self.operator.next_at, self.judge.next_at(self.now)]
        due += [float(each[0].at) for each in (self._changes, self._kills) if each]
        due += [float(self._prices[0][0])] if self._prices else []
        return max(self.now, min(due))

    def _pass(self, until: float) -> None:
        if until > self.now:
            up = self.operator.is_up(self.now)
            self.judge.pass_time(self.now, until, self.site.watts, up=up)
            alive = {place: target.alive for place, target in self.site.targets.items()}
            self.stretches.append(Stretch(self.now, until, self.site.watts, alive))
        versions = self._versions()
        self.site.reach(until)
        self.now = until
        if self._versions() != versions:
            self.operator.wake(self.now)

    def _versions(self) -> list[int]:
        return [target.version for target in self.site.targets.values()]

    def _happen(self) -> None:
        """Whatever is due at this moment."""
        while self._prices and self._prices[0][0] <= self.now:
            self.operator.priced_at, self.operator.price = self._prices.pop(0)
            self.operator.wake(self.now)
        while self._changes and self._changes[0].at <= self.now:
            self._change(self._changes.pop(0))
        while self._kills and self._kills[0].at <= self.now:
            kill = self._kills.pop(0)
            if self._down_since == math.inf:
                self.operator.kill(self.now, kill.down_seconds)
                self._down_since = self.now
        if self.now >= self.operator.next_at:
            self._act()

    def _change(self, change: Change) -> None:
        """Have the API server hold it; a process that is not there hears of it later, and of the last of it only."""
        stand = self.operator.stand
        known = self._objects.get(change.uid)
        if change.spec is None:
            if known is not None:
                stand.drop(stand.view.get("CurtailmentEvent", None, change.uid) or known)
                del self._objects[change.uid]
        else:
            made = format_time(change.at) if known is None else known["metadata"]["creationTimestamp"]
            generation = 1 if known is None else known["metadata"]["generation"] + 1
            raw = _event_raw(change.uid, made, generation, change.spec)
            shown = stand.view.get("CurtailmentEvent", None, change.uid) or {}
            self._objects[change.uid] = raw
            stand.keep(raw | {"status": shown.get("status", {})}, generation)
        if self._down_since < math.inf:
            self._unheard[change.uid] = change
        else:
            self.judge.hear(change, self.now)
            self.operator.wake(self.now)

    def _act(self) -> None:
        operator = self.operator
        if self._down_since < math.inf:
            for change in self._unheard.values():
                self.judge.hear(change, self.now, self._down_since)
            self._unheard, self._down_since = {}, math.inf
            self.judge.rise(self.now)
        operator.raised.clear()
        operator.lowered.clear()
        operator.act(self.now)
        self.steps += 1
        for _, key in operator.raised:
            self.judge.see_raise(self.now, key, self.site.watts_to_come)
        for place, _, size in operator.lowered:
            if size < FLOORS[place]:
                self.judge.see_floor(self.now, place[1], size)

    def _played(self) -> Played:
        record = read(self.operator.record, self.script.start, self.script.end)
        assert record.problem is None, record.problem
        rows = [row for row in record.intervals if row.workload == SITE]
        records = Counter(
            f"{event.program}/{event.reference}" if event.reference else event.uid for event in record.events
        )
        return Played(
            judge=self.judge,
            metered_kwh=self.site.joules / KWH,
            booked_kwh=sum(row.energy_kwh for row in rows),
            measured_kwh=sum(row.meter_kwh or 0.0 for row in rows),
            records=records,
            events=record.events,
            steps=self.steps,
        )


def _event_raw(uid: str, made: str, generation: int, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": uid, "uid": uid, "generation": generation, "creationTimestamp": made}
    return {"apiVersion": "wattswitch.io/v1alpha1", "kind": "CurtailmentEvent", "metadata": metadata, "spec": spec}
