"""What the operator asks of the API server and of the processor while nothing happens.

The API server counts its requests without saying whose they are. So every other client is suspended for the window,
and the same window without the operator is taken first: what is in that one is not the operator's. Objects are
compared by resourceVersion too, which no write can avoid.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from local.cluster import Cluster
from measure import machine, objects
from measure.api import Call, writes
from measure.bed import APPS, BUDGETS, OWN, PODS, POOLS, Bed, bed
from measure.figures import Figure, Report, number
from measure.progress import say
from measure.reaction import PODS_SECONDS
from measure.subject import Subject

OTHER_CLIENTS = ("kube-controller-manager", "kube-scheduler", "kwok")
COLLECTIONS = (
    APPS,
    PODS,
    POOLS,
    BUDGETS,
    f"{OWN}/curtailmentevents",
    f"{OWN}/powerledgers",
    f"/api/v1/namespaces/{objects.NAMESPACE}/events",
)
LEASES = "leases"
QUIET_SECONDS = 10.0
PATIENCE_SECONDS = 600.0


@dataclass(frozen=True)
class Window:
    """What happened in one window. `changed` are collections with the number of objects that are not as they were."""

    calls: Mapping[Call, int]
    changed: Mapping[str, int]
    cpu_seconds: float


async def measure(targets: int, seconds: int) -> Report:
    """Watch one window without the operator and one with it, at rest."""
    async with bed(targets) as place:
        await place.board.finished(PODS_SECONDS)
        await place.rest()
        say(f"idle: {seconds} s without the operator")
        without = await _window(place, seconds, None)
        async with place.operator() as operator:
            waited = await _until_at_rest(place)
            say(f"idle: {seconds} s with the operator")
            with_it = await _window(place, seconds, operator)
            resident = operator.resident
    report = Report("idle", {"targets": targets, "seconds": seconds}, list(figures(without, with_it)))
    report.details = {
        "calls_without_operator": _told(without.calls),
        "calls_with_operator": _told(with_it.calls),
        "objects_changed": dict(with_it.changed),
        "seconds_until_at_rest": number(waited),
        "resident_mib": number(resident.now_mib),
        "load": machine.load(),
    }
    return report


def figures(without: Window, with_it: Window) -> Iterable[Figure]:
    """The operator's share of the second window."""
    extra = Counter(dict(with_it.calls))
    extra.subtract(without.calls)
    written = writes(+extra)
    leases = sum(count for call, count in written.items() if call.resource == LEASES)
    rule = "no write but the Lease"
    yield Figure("writes_without_lease", sum(written.values()) - leases, "requests", 0, rule)
    yield Figure("objects_changed", sum(with_it.changed.values()), "objects", 0, rule)
    yield Figure("lease_writes", leases, "requests")
    yield Figure("requests", sum((+extra).values()), "requests")
    yield Figure("cpu_seconds", with_it.cpu_seconds, "s")
    yield Figure("writes_without_operator", sum(writes(without.calls).values()), "requests")


async def _window(place: Bed, seconds: int, operator: Subject | None) -> Window:
    with _suspended(place.cluster):
        before, cpu_before = await place.client.calls(), operator.cpu_seconds if operator else 0.0
        versions = await _versions(place)
        await asyncio.sleep(seconds)
        after, cpu_after = await place.client.calls(), operator.cpu_seconds if operator else 0.0
        changed = await _versions(place)
    after.subtract(before)
    calls = {call: count for call, count in after.items() if count}
    for collection in COLLECTIONS:  # our own lists, between the two counts
        calls = _less_one_list(calls, collection)
    return Window(calls, differences(versions, changed), cpu_after - cpu_before)


@contextmanager
def _suspended(cluster: Cluster) -> Iterator[None]:
    processes = [cluster.process(name) for name in OTHER_CLIENTS]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


async def _versions(place: Bed) -> dict[str, dict[str, str]]:
    """The resourceVersion of every object that the operator could write, by collection and uid."""
    listed = {collection: await place.client.get(collection) for collection in COLLECTIONS}
    return {
        collection: {item["metadata"]["uid"]: item["metadata"]["resourceVersion"] for item in answer["items"]}
        for collection, answer in listed.items()
    }


def differences(before: Mapping[str, Mapping[str, str]], after: Mapping[str, Mapping[str, str]]) -> dict[str, int]:
    """How many objects of each collection came, went or changed."""
    return {
        collection: len({uid for uid, _ in objects_before.items() ^ after[collection].items()})
        for collection, objects_before in before.items()
    }


def _less_one_list(calls: dict[Call, int], collection: str) -> dict[Call, int]:
    """The calls without one list of this collection."""
    resource = collection.rsplit("/", 1)[1]
    found = next((call for call in calls if call.verb == "LIST" and call.resource == resource), None)
    return calls if found is None else {**calls, found: calls[found] - 1}


async def _until_at_rest(place: Bed) -> float:
    """Wait until no write but Leases comes for a while, Events of the start included; the seconds that this took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    before = await place.client.calls()
    while loop.time() < began + PATIENCE_SECONDS:
        await asyncio.sleep(QUIET_SECONDS)
        after = await place.client.calls()
        now = Counter(after)
        now.subtract(before)
        if not any(call.resource != LEASES for call in writes(+now)):
            return loop.time() - began
        before = after
    say("idle: the operator never came to rest")
    return PATIENCE_SECONDS


def _told(calls: Mapping[Call, int]) -> dict[str, int]:
    return {str(call): count for call, count in sorted(calls.items()) if count}
