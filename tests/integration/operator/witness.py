"""An independent count of what a site draws: every version of its budget, Deployments and pods, in the order of etcd.

Resource versions are one sequence for the whole cluster, so that the three watches together are the exact history.
"""

import http.client
import json
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from integration.operator.hand import Hand, Object, path, until
from local.cluster import Cluster

GRACE_SECONDS: Final = 2.0
"""How long after a lower limit was stored a write may still go by the one before it."""
CREATION_SECONDS: Final = 5.0
"""How long after a lower limit was stored pods that were asked for before it may still be created."""
WATCHED: Final = ("PowerBudget", "MiningPool", "Deployment", "Pod")


@dataclass(frozen=True)
class Seen:
    """One version of one object: when it arrived here (Unix seconds), and what it was."""

    version: int
    arrived_at: float
    type: str
    object: Object

    @property
    def name(self) -> str:
        return str(self.object["metadata"]["name"])

    @property
    def kind(self) -> str:
        return str(self.object["kind"])


@dataclass
class _Moment:
    """The site after one version."""

    limit_watts: int = 0
    replicas: dict[str, int] = field(default_factory=dict)
    pods: dict[str, tuple[str, bool]] = field(default_factory=dict)

    def pods_of(self, target: str, *, dying: bool) -> int:
        return sum(1 for owner, is_dying in self.pods.values() if owner == target and is_dying == dying)


class Witness:
    """Watches one namespace and one budget from `with` to its end; `watts` are those of one pod by Deployment.

    For sites without reserve, overhead, surge and meter; pods carry the label `app` with their Deployment's name.
    """

    def __init__(self, cluster: Cluster, budget: str, namespace: str, watts: Mapping[str, int]) -> None:
        self._cluster, self._budget, self._namespace = cluster, budget, namespace
        self._watts = dict(watts)
        self._seen: list[Seen] = []
        self._connections: list[http.client.HTTPSConnection] = []
        self._threads: list[threading.Thread] = []
        self._closing = False

    def __enter__(self) -> Self:
        with Hand(self._cluster.server, self._cluster.token, self._cluster.ca_file) as hand:
            for kind in WATCHED:
                listed = hand.list(kind, "" if kind == "PowerBudget" else self._namespace)
                for item in listed["items"]:
                    self._note("LISTED", {**item, "kind": kind})
                watch = self._watch(kind, listed["metadata"]["resourceVersion"])
                self._threads.append(threading.Thread(target=self._follow, args=(watch,), daemon=True))
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing = True
        for connection in self._connections:
            if connection.sock:
                connection.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for connection in self._connections:
            connection.close()

    def history(self, hand: Hand) -> list[Seen]:
        """All versions in order, complete up to now."""
        for kind in WATCHED:
            for item in hand.list(kind, "" if kind == "PowerBudget" else self._namespace)["items"]:
                meta = item["metadata"]
                if kind == "PowerBudget" and meta["name"] != self._budget:
                    continue
                version = int(meta["resourceVersion"])
                until(lambda version=version: any(seen.version >= version for seen in self._seen), True)
        assert all(thread.is_alive() for thread in self._threads), "a watch of the test's own ended"
        return sorted(self._seen, key=lambda seen: (seen.type != "LISTED", seen.version))

    def sizes(self) -> dict[str, int]:
        """The size of each Deployment that arrived last."""
        deployments = [seen for seen in list(self._seen) if seen.kind == "Deployment"]
        return {seen.name: seen.object["spec"]["replicas"] for seen in deployments}

    def sizes_written(self, hand: Hand, target: str) -> list[tuple[float, int]]:
        """Every size of a Deployment with the time of its arrival, the first included."""
        found: list[tuple[float, int]] = []
        for seen in self.history(hand):
            if seen.kind == "Deployment" and seen.name == target and seen.type != "DELETED":
                size = seen.object["spec"]["replicas"]
                if not found or found[-1][1] != size:
                    found.append((seen.arrived_at, size))
        return found

    def most_alive(self, hand: Hand, target: str) -> int:
        """The most pods of a Deployment that were there at once, dying ones apart."""
        now, most = _Moment(), 0
        for seen in self.history(hand):
            self._apply(now, seen)
            most = max(most, now.pods_of(target, dying=False))
        return most

    def conditions(self, hand: Hand, pool: str, type_: str) -> list[str]:
        """Every status that a condition of a MiningPool had, in order and without repetition."""
        found: list[str] = []
        for seen in self.history(hand):
            if seen.kind == "MiningPool" and seen.name == pool:
                conditions = seen.object.get("status", {}).get("conditions", ())
                statuses = [each["status"] for each in conditions if each["type"] == type_]
                found += statuses if found[-1:] != statuses else []
        return found

    def raises_before_the_ledger(self, hand: Hand) -> list[str]:
        """Each raise to a size that no book in the budget's status held at that moment."""
        found, booked, sizes = [], {}, {}
        for seen in self.history(hand):
            if seen.kind == "PowerBudget":
                books = seen.object.get("status", {}).get("targets", ())
                booked = {book["name"]: book["replicas"] for book in books}
            elif seen.kind == "Deployment" and seen.type != "DELETED":
                size, before = seen.object["spec"]["replicas"], sizes.get(seen.name, 0)
                sizes[seen.name] = size
                if seen.type != "LISTED" and size > max(before, booked.get(seen.name, 0)):
                    found.append(f"{seen.name} {before} → {size} with {booked} in the ledger")
        return found

    def violations(self, hand: Hand) -> list[str]:
        """Each raise that took the count over the limit, and each pod that came while the count was over it."""
        return list(self._violations(self.history(hand)))

    def _violations(self, history: list[Seen]) -> Iterator[str]:
        now, limits = _Moment(), [(0.0, 0)]
        for seen in history:
            before = now.replicas.get(seen.name, 0)
            self._apply(now, seen)
            if seen.kind == "PowerBudget":
                limits.append((seen.arrived_at, now.limit_watts))
            elif seen.type == "LISTED":
                continue
            elif seen.kind == "Deployment" and now.replicas.get(seen.name, 0) > before:
                asked = self._asked_watts(now)
                if asked > (allowed := _allowed(limits, seen.arrived_at, GRACE_SECONDS)):
                    yield f"{seen.name} {before} → {now.replicas[seen.name]} makes {asked} W of {allowed} W: {now}"
            elif seen.kind == "Pod" and seen.type == "ADDED":
                drawn = sum(self._watts[owner] for owner, _ in now.pods.values())
                if drawn > (allowed := _allowed(limits, seen.arrived_at, CREATION_SECONDS)):
                    yield f"pod {seen.name} makes {drawn} W of {allowed} W: {now.replicas}"

    def _apply(self, now: _Moment, seen: Seen) -> None:
        gone = seen.type == "DELETED"
        if seen.kind == "PowerBudget":
            now.limit_watts = now.limit_watts if gone else seen.object["spec"]["capWatts"]
        elif seen.kind == "Deployment":
            now.replicas[seen.name] = 0 if gone else seen.object["spec"]["replicas"]
        elif seen.kind == "MiningPool":
            return
        elif gone:
            now.pods.pop(seen.name, None)
        else:
            meta = seen.object["metadata"]
            now.pods[seen.name] = (meta["labels"]["app"], "deletionTimestamp" in meta)

    def _asked_watts(self, now: _Moment) -> int:
        """Every dying pod, and of each target the larger of what is asked for and what is there."""
        return sum(
            watts * (max(now.replicas.get(name, 0), now.pods_of(name, dying=False)) + now.pods_of(name, dying=True))
            for name, watts in self._watts.items()
        )

    def _watch(self, kind: str, version: str) -> http.client.HTTPResponse:
        trust = ssl.create_default_context(cafile=str(self._cluster.ca_file))
        trust.verify_flags &= ~ssl.VERIFY_X509_STRICT  # kube-apiserver's own certificate has no key identifiers
        address = urllib.parse.urlsplit(self._cluster.server)
        connection = http.client.HTTPSConnection(address.hostname or "", address.port, context=trust)
        self._connections.append(connection)
        where = path(kind, "" if kind == "PowerBudget" else self._namespace)
        headers = {"Authorization": f"Bearer {self._cluster.token}"}
        connection.request("GET", f"{where}?watch=true&resourceVersion={version}", headers=headers)
        answer = connection.getresponse()
        assert answer.status == http.HTTPStatus.OK, answer.read()
        return answer

    def _follow(self, answer: http.client.HTTPResponse) -> None:
        try:
            while line := answer.readline():
                event = json.loads(line)
                self._note(event["type"], event["object"])
        except (OSError, http.client.HTTPException, ValueError):
            if not self._closing:
                raise

    def _note(self, type_: str, found: dict[str, Any]) -> None:
        if found["kind"] == "PowerBudget" and found["metadata"]["name"] != self._budget:
            return
        self._seen.append(Seen(int(found["metadata"]["resourceVersion"]), time.time(), type_, found))


def _allowed(limits: list[tuple[float, int]], at: float, grace_seconds: float) -> int:
    """The highest limit that was in force at some moment of the last `grace_seconds`."""
    later = [limits[index + 1][0] if index + 1 < len(limits) else at for index in range(len(limits))]
    return max(watts for (_, watts), until_at in zip(limits, later, strict=True) if until_at >= at - grace_seconds)
