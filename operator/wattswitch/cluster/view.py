"""What the cluster looked like last: one store, fed by watch events and repaired by lists.

Guarantee: an object never goes back to an older version, and after `replace` the store holds what the list held plus
what is known to have changed since: an event that is older than the list brings nothing back. Versions are compared
as numbers, which Kubernetes promises for one cluster.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from wattswitch.cluster.target import TargetFacts, target_facts
from wattswitch.cluster.trim import trimmed

VIEWED_KINDS = (
    "Deployment",
    "StatefulSet",
    "PowerBudget",
    "PowerLedger",
    "MiningPool",
    "InferenceDeployment",
    "CurtailmentEvent",
    "Namespace",
    "HorizontalPodAutoscaler",
    "ScaledObject",
)
"""Every kind that the view holds."""

EventType = Literal["ADDED", "MODIFIED", "DELETED"] | None
"""The type of a watch event; None is an object of the list that opens a watch."""

_OWN_KINDS = frozenset({"PowerBudget", "PowerLedger", "MiningPool", "InferenceDeployment", "CurtailmentEvent"})
"""Their statuses are ours: what we wrote ourselves is no news."""

_Place = tuple[str, str]


@dataclass(slots=True)
class _Shelf:
    """All objects of one kind by namespace and name, and the versions at which some were seen to go."""

    objects: dict[_Place, dict[str, Any]] = field(default_factory=dict)
    gone: dict[_Place, int] = field(default_factory=dict)
    listed: dict[str | None, int] = field(default_factory=dict)

    def listed_at(self, namespace: str) -> int:
        """The version of the newest list that would have shown an object of this namespace, -1 before the first."""
        return max(self.listed.get(None, -1), self.listed.get(namespace, -1))


class View:
    """An in-memory store of trimmed objects; `on_change` is called when something that decisions read changed."""

    def __init__(self, on_change: Callable[[], object] = lambda: None) -> None:
        self.relisting = asyncio.Lock()
        """Held by a re-list, so that two of them can't finish in the wrong order."""
        self._on_change = on_change
        self._shelves = {kind: _Shelf() for kind in VIEWED_KINDS}
        self._targets: dict[tuple[str, str, str], tuple[dict[str, Any], TargetFacts]] = {}
        self._relisted_at: float | None = None

    @property
    def relisted_at(self) -> float | None:
        """Monotonic time at which the last complete re-list began, None before the first."""
        return self._relisted_at

    def relisted(self, began_at: float) -> None:
        """Note a complete re-list by the monotonic time at which it began."""
        self._relisted_at = began_at

    def fresh(self, now_monotonic: float, limit: float) -> bool:
        """Whether the last complete re-list began at most `limit` seconds ago."""
        return self._relisted_at is not None and now_monotonic - self._relisted_at <= limit

    def get(self, kind: str, namespace: str | None, name: str) -> dict[str, Any] | None:
        """One object, None where there is none. Not a copy: do not change it."""
        return self._shelves[kind].objects.get((namespace or "", name))

    def target(self, kind: str, namespace: str, name: str) -> TargetFacts | None:
        """Facts of a Deployment or StatefulSet, read once for each version of it; None where there is none."""
        obj = self.get(kind, namespace, name)
        if obj is None:
            self._targets.pop((kind, namespace, name), None)
            return None
        known = self._targets.get((kind, namespace, name))
        if known is None or known[0] is not obj:
            known = self._targets[(kind, namespace, name)] = (obj, target_facts(obj))
        return known[1]

    def all(self, kind: str) -> list[dict[str, Any]]:
        """Every object of a kind, in the order of namespace and name."""
        objects = self._shelves[kind].objects
        return [objects[place] for place in sorted(objects)]

    def apply(self, event_type: EventType, obj: Mapping[str, Any]) -> None:
        """Take one watch event. Kinds that are not viewed are ignored."""
        shelf = self._shelves.get(str(obj.get("kind")))
        if shelf is None:
            return
        place = _place(obj)
        if place not in shelf.objects and _version(obj) <= shelf.listed_at(place[0]):
            return  # a list that is as new did not show it: it was deleted before that
        if _remove(shelf, obj) if event_type == "DELETED" else _put(shelf, obj):
            self._on_change()

    def replace(
        self,
        kind: str,
        items: Iterable[Mapping[str, Any]],
        list_resource_version: str,
        namespace: str | None = None,
    ) -> None:
        """Take a list of a kind (of one namespace, or of all).

        Objects that the list lacks are removed, save those that a watch event brought after the list was taken. A
        list older than the last one means that the cluster was restored from a backup: then only the list counts.
        """
        shelf, version = self._shelves[kind], _number(list_resource_version)
        within = {place: obj for place, obj in shelf.objects.items() if namespace in {None, place[0]}}
        changed = False
        if version < shelf.listed.get(namespace, 0):
            within, changed = {}, self._emptied(shelf, namespace)
        shelf.listed[namespace] = version
        listed = set()
        for item in items:
            listed.add(_place(item))
            changed |= _put(shelf, item)
        for place, obj in within.items():
            if place not in listed and _version(obj) <= version:
                del shelf.objects[place]
                changed = True
        self._prune(shelf, version, namespace)
        if changed:
            self._on_change()

    def clear(self, kind: str, namespace: str | None = None) -> None:
        """Forget a kind that is not installed any more."""
        if self._emptied(self._shelves[kind], namespace):
            self._on_change()

    @staticmethod
    def _emptied(shelf: _Shelf, namespace: str | None) -> bool:
        """Drop every object and every deletion of a namespace, or of all; True when there was an object."""
        places = [place for place in shelf.objects if namespace in {None, place[0]}]
        for place in places:
            del shelf.objects[place]
        for place in [place for place in shelf.gone if namespace in {None, place[0]}]:
            del shelf.gone[place]
        return bool(places)

    @staticmethod
    def _prune(shelf: _Shelf, version: int, namespace: str | None) -> None:
        """Forget deletions that the list already shows."""
        for place in [p for p, at in shelf.gone.items() if at <= version and namespace in {None, p[0]}]:
            del shelf.gone[place]


def _put(shelf: _Shelf, obj: Mapping[str, Any]) -> bool:
    place, version = _place(obj), _version(obj)
    if version <= shelf.gone.get(place, -1):
        return False
    before = shelf.objects.get(place)
    if before is not None and version <= _version(before):
        return False
    shelf.gone.pop(place, None)
    shelf.objects[place] = after = trimmed(obj)
    return before is None or not _alike(before, after)


def _remove(shelf: _Shelf, obj: Mapping[str, Any]) -> bool:
    place, version = _place(obj), _version(obj)
    before = shelf.objects.get(place)
    if before is not None and version < _version(before):
        return False
    shelf.gone[place] = max(version, shelf.gone.get(place, -1))
    return shelf.objects.pop(place, None) is not None


def _alike(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether two versions of an object differ in nothing that decisions read."""
    return _news(before) == _news(after)


def _news(obj: Mapping[str, Any]) -> dict[str, Any]:
    news = {**obj, "metadata": {**obj["metadata"], "resourceVersion": ""}}
    if obj["kind"] in _OWN_KINDS:
        news.pop("status", None)
    return news


def _place(obj: Mapping[str, Any]) -> _Place:
    return obj["metadata"].get("namespace") or "", obj["metadata"]["name"]


def _version(obj: Mapping[str, Any]) -> int:
    return _number(obj["metadata"].get("resourceVersion", ""))


def _number(resource_version: str) -> int:
    return int(resource_version) if resource_version.isdecimal() else 0
