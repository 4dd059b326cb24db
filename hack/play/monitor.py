"""The monitor as a process of its own: it watches the API server and writes what it saw when it is told to stop.

    python -m play.monitor --kubeconfig FILE --result FILE [--timeline FILE] [--operator FILE]

It shares no code with the operator and reads no status that the operator writes. Changes of all kinds are put into
the order of their resourceVersions, which one etcd counts for all of them, so a verdict does not depend on which
watch was faster.
"""

import argparse
import contextlib
import heapq
import http.client
import itertools
import json
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

from local.api import Access, ApiServer
from play.monitor_rules import Monitor
from play.watch import ExpiredError, watch

PATHS = {
    "Pod": "/api/v1/pods",
    "Deployment": "/apis/apps/v1/deployments",
    "StatefulSet": "/apis/apps/v1/statefulsets",
    "PowerBudget": "/apis/wattswitch.io/v1alpha1/powerbudgets",
    "MiningPool": "/apis/wattswitch.io/v1alpha1/miningpools",
    "InferenceDeployment": "/apis/wattswitch.io/v1alpha1/inferencedeployments",
}
HOLD_SECONDS = 0.3
"""How long a change waits for an earlier one that another watch has yet to deliver."""
BEAT_SECONDS = 0.05
RETRY_SECONDS = 0.2


@dataclass(order=True, frozen=True)
class Change:
    """One change of one object; `number` keeps equal versions in the order of their arrival."""

    version: int
    number: int
    at: float = field(compare=False)
    kind: str = field(compare=False)
    gone: bool = field(compare=False)
    raw: Any = field(compare=False)


class Stream:
    """Follows one kind of object for ever: a list, then a watch, then again where the watch broke."""

    def __init__(self, access: Access, kind: str, changes: "queue.SimpleQueue[Change | Exception]") -> None:
        self._access, self._kind, self._changes = access, kind, changes
        self._server = ApiServer(access)
        self._known: dict[str, Any] = {}
        self._version = ""
        self._numbers = itertools.count()

    def begin(self) -> list[Any]:
        """Return what there is, and follow it from there in a thread."""
        listed = self._server.get(PATHS[self._kind])
        self._version = listed["metadata"]["resourceVersion"]
        self._known = {raw["metadata"]["uid"]: raw for raw in listed["items"]}
        threading.Thread(target=self._follow, daemon=True, name=f"watch {self._kind}").start()
        return list(listed["items"])

    def _follow(self) -> None:
        try:
            while True:
                self._watch()
        except Exception as problem:  # noqa: BLE001 - the main thread ends the monitor with it
            self._changes.put(problem)

    def _watch(self) -> None:
        try:
            for happened, raw in watch(self._access, PATHS[self._kind], self._version):
                self._version = raw["metadata"]["resourceVersion"]
                if happened != "BOOKMARK":
                    self._tell(raw, gone=happened == "DELETED")
        except ExpiredError:
            self._list_again()
        except (OSError, http.client.HTTPException):
            time.sleep(RETRY_SECONDS)

    def _list_again(self) -> None:
        listed = self._server.get(PATHS[self._kind])
        self._version = listed["metadata"]["resourceVersion"]
        there = {raw["metadata"]["uid"] for raw in listed["items"]}
        for uid in set(self._known) - there:
            lost = self._known[uid]
            self._tell({**lost, "metadata": {**lost["metadata"], "resourceVersion": self._version}}, gone=True)
        for raw in listed["items"]:
            self._tell(raw, gone=False)

    def _tell(self, raw: Any, *, gone: bool) -> None:
        metadata = raw["metadata"]
        if gone:
            self._known.pop(metadata["uid"], None)
        else:
            self._known[metadata["uid"]] = raw
        version = int(metadata["resourceVersion"])
        self._changes.put(Change(version, next(self._numbers), time.time(), self._kind, gone, raw))


class Watcher:
    """Feeds the rules with changes by rising version, and keeps a timeline of what it saw."""

    def __init__(self, access: Access, timeline: TextIO | None, operator: Path | None) -> None:
        self.monitor = Monitor()
        self._timeline = timeline
        self._operator = _lines(operator) if operator else iter(())
        self._changes: queue.SimpleQueue[Change | Exception] = queue.SimpleQueue()
        self._held: list[Change] = []
        self._now = 0.0
        streams = {kind: Stream(access, kind, self._changes) for kind in PATHS}
        found = [(kind, raw) for kind, stream in streams.items() for raw in stream.begin()]
        self._now = time.time()
        self.monitor.load(self._now, found)
        self._note()

    def beat(self) -> None:
        """Take in what has waited long enough. Raises what ended a stream."""
        self._receive()
        due = time.time() - HOLD_SECONDS
        changed = False
        while self._held and self._held[0].at <= due:
            changed = self._take(heapq.heappop(self._held)) or changed
        self._now = max(self._now, due)
        self._hear_of_the_operator()
        self.monitor.advance(self._now)
        if changed:
            self._note()

    def finish(self) -> dict[str, Any]:
        """Take in all that has come by now and return the result."""
        end = time.time()
        while time.time() < end + 2 * HOLD_SECONDS:
            self.beat()
            time.sleep(BEAT_SECONDS)
        self._note()
        return result(self.monitor)

    def _receive(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                change = self._changes.get_nowait()
                if isinstance(change, Exception):
                    raise change
                heapq.heappush(self._held, change)

    def _take(self, change: Change) -> bool:
        self._now = max(self._now, change.at)
        if change.gone:
            self.monitor.drop(self._now, change.kind, change.raw)
        else:
            self.monitor.put(self._now, change.kind, change.raw)
        return True

    def _hear_of_the_operator(self) -> None:
        for line in self._operator:
            if line is None:
                return
            if line["running"]:
                self.monitor.operator_returned(self._now)
            else:
                self.monitor.operator_went(self._now)

    def _note(self) -> None:
        if self._timeline is None:
            return
        judges = self.monitor.judges.values()
        note = {
            "at": round(self._now, 3),
            "watts": {judge.budget: judge.existing_watts for judge in judges},
            "limit_watts": {judge.budget: judge.limit_watts for judge in judges},
            "ready": self.monitor.world.ready(),
        }
        self._timeline.write(json.dumps(note, separators=(",", ":")) + "\n")
        self._timeline.flush()


def result(monitor: Monitor) -> dict[str, Any]:
    """What the monitor has found, as JSON is written from it."""
    judges = monitor.judges.values()
    over = sorted((s for judge in judges for s in judge.seconds.values()), key=lambda s: (s.second, s.budget))
    return {
        "violation_seconds": len({second.second for second in monitor.violations()}),
        "over_seconds": len({second.second for second in over}),
        "max_over_watts": max((second.over_watts for second in over), default=0),
        "peak_watts": max((judge.peak_watts for judge in judges), default=0),
        "energy_kwh": round(sum(judge.watt_seconds for judge in judges) / 3_600_000, 3),
        "switches": sum(resize.ours for resize in monitor.resizes),
        "changes_by_others": sum(not resize.ours for resize in monitor.resizes),
        "raises_in_flight": sum(judge.in_flight_raises for judge in judges),
        "seconds": [asdict(second) for second in over],
        "resizes": [asdict(resize) for resize in monitor.resizes],
    }


def _lines(path: Path) -> Iterator[dict[str, Any] | None]:
    """Yield the JSON lines of a file that is being written, None whenever there is no whole one yet."""
    while not path.exists():
        yield None
    with path.open() as growing:
        rest = ""
        while True:
            rest += growing.readline()
            if rest.endswith("\n"):
                yield json.loads(rest)
                rest = ""
            else:
                yield None


def main() -> int:
    """Watch until SIGTERM or SIGINT, then write the result."""
    parser = argparse.ArgumentParser(prog="play.monitor", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--result", type=Path, required=True, help="JSON file, written at the end")
    parser.add_argument("--timeline", type=Path, help="JSON lines: watts and ready pods at every change")
    parser.add_argument("--operator", type=Path, help='JSON lines {"running": bool}: when no operator can act')
    chosen = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with contextlib.ExitStack() as stack:
        timeline = stack.enter_context(chosen.timeline.open("w")) if chosen.timeline else None
        watcher = Watcher(Access.from_kubeconfig(chosen.kubeconfig), timeline, chosen.operator)
        print("ready", flush=True)
        while not stop.wait(BEAT_SECONDS):
            watcher.beat()
        unfinished = chosen.result.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(watcher.finish(), indent=1) + "\n")
        unfinished.rename(chosen.result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
