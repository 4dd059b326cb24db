"""The monitor's verdict on made-up histories: what violates, what does not, and who is blamed."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from play.monitor_rules import Monitor

MINER_WATTS, SERVER_WATTS = 1000, 500
T0 = 1_000_000.0


def budget(cap_watts: int, **overhead: Any) -> dict[str, Any]:
    hardware = [{"name": "miner", "watts": MINER_WATTS}, {"name": "server", "watts": SERVER_WATTS}]
    spec = {"capWatts": cap_watts, "hardware": hardware, "overhead": overhead}
    return {"metadata": {"name": "site"}, "spec": spec}


def born(at: float) -> str:
    return datetime.fromtimestamp(T0 + at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def deployment(name: str, replicas: int, manager: str = "somebody", uid: str = "", at: float = -100) -> dict[str, Any]:
    fields = {"manager": manager, "subresource": "scale", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    return {
        "metadata": {
            "name": name,
            "namespace": "ns",
            "uid": uid or name,
            "creationTimestamp": born(at),
            "managedFields": [fields],
        },
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}},
    }


def pool(name: str, hardware: str = "miner", **spec: Any) -> dict[str, Any]:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    return {
        "metadata": {"name": name, "namespace": "ns"},
        "spec": {"budget": "site", "targetRef": reference, "hardware": hardware, **spec},
    }


def pod(
    name: str, number: int, *, terminating: bool = False, phase: str = "Running", at: float = -50
) -> dict[str, Any]:
    metadata = {
        "uid": f"{name}-{number}",
        "name": f"{name}-{number}",
        "namespace": "ns",
        "creationTimestamp": born(at),
        "labels": {"app": name},
    }
    if terminating:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    status = {"phase": phase, "conditions": [{"type": "Ready", "status": "True"}]}
    return {"metadata": metadata, "status": status}


def pods(name: str, numbers: Iterable[int], *, terminating: bool = False) -> list[tuple[str, dict[str, Any]]]:
    return [("Pod", pod(name, number, terminating=terminating)) for number in numbers]


class Story:
    """A site with two pools of which the first one runs; times are seconds after the start."""

    def __init__(self, cap_watts: int = 5000, first: int = 5, **overhead: Any) -> None:
        self.monitor = Monitor()
        objects = [
            ("PowerBudget", budget(cap_watts, **overhead)),
            *(("Deployment", deployment(name, size)) for name, size in (("a", first), ("b", 0))),
            *(("MiningPool", pool(name)) for name in ("a", "b")),
            *pods("a", range(first)),
        ]
        self.monitor.load(T0, objects)

    def scale(self, at: float, name: str, replicas: int, manager: str = "wattswitch") -> None:
        self.monitor.put(T0 + at, "Deployment", deployment(name, replicas, manager))

    def run(self, at: float, name: str, numbers: Iterable[int]) -> None:
        for kind, raw in pods(name, numbers):
            self.monitor.put(T0 + at, kind, raw)

    def dying(self, at: float, name: str, numbers: Iterable[int]) -> None:
        for kind, raw in pods(name, numbers, terminating=True):
            self.monitor.put(T0 + at, kind, raw)

    def gone(self, at: float, name: str, numbers: Iterable[int]) -> None:
        for kind, raw in pods(name, numbers):
            self.monitor.drop(T0 + at, kind, raw)

    def cap(self, at: float, watts: int) -> None:
        self.monitor.put(T0 + at, "PowerBudget", budget(watts))

    def violations(self, until: float = 20) -> list[int]:
        self.monitor.advance(T0 + until)
        return [int(second.second - T0) for second in self.monitor.violations()]

    def over(self) -> list[int]:
        return sorted(int(second - T0) for judge in self.monitor.judges.values() for second in judge.seconds)


def test_a_full_site_that_rests_is_within_its_limit() -> None:
    story = Story()
    assert story.violations() == []
    assert story.monitor.judges["site"].peak_watts == 5000
    assert story.monitor.judges["site"].watt_seconds == pytest.approx(5000 * 20)


def test_shed_first_raise_last_never_violates() -> None:
    story = Story()
    story.scale(1, "a", 3)
    story.dying(1.1, "a", [3, 4])
    story.gone(3, "a", [3, 4])
    story.scale(3.1, "b", 2)
    story.run(3.2, "b", range(2))
    assert story.violations() == []
    assert story.over() == []


def test_raising_while_others_still_terminate_violates_until_they_are_gone() -> None:
    story = Story()
    story.scale(1, "a", 3)
    story.dying(1.1, "a", [3, 4])
    story.scale(1.2, "b", 2)
    story.run(1.3, "b", range(2))
    story.gone(3.5, "a", [3, 4])
    assert story.violations() == [1, 2, 3]
    assert story.monitor.violations()[0].over_watts == 2000


def test_raising_before_the_lowering_violates_even_where_the_pods_come_in_the_next_second() -> None:
    story = Story()
    story.scale(1.98, "b", 2)
    story.scale(1.99, "a", 3)
    story.run(2.05, "b", range(2))
    story.dying(2.06, "a", [3, 4])
    story.gone(2.5, "a", [3, 4])
    assert story.violations() == [2]


def test_a_deployment_that_is_deleted_counts_until_its_pods_are_gone() -> None:
    story = Story()
    story.monitor.drop(T0 + 1, "Deployment", deployment("a", 5))
    story.dying(1.1, "a", range(5))
    story.scale(1.5, "b", 5)
    story.run(1.6, "b", range(5))
    story.gone(4.2, "a", range(5))
    assert story.violations() == [1, 2, 3, 4]
    assert story.monitor.world.claims.keys() == {("MiningPool/ns/b", "b")}


def test_a_pool_whose_own_object_is_deleted_counts_as_long_as_its_pods_run() -> None:
    story = Story()
    story.monitor.drop(T0 + 1, "MiningPool", pool("a"))
    story.scale(2, "b", 1)
    story.run(2.1, "b", [0])
    assert story.violations(4.5) == [2, 3, 4]


def test_a_cut_gives_two_seconds_to_ask_for_less() -> None:
    story = Story()
    story.cap(1, 3000)
    story.scale(2.9, "a", 3)
    story.dying(3, "a", [3, 4])
    story.gone(8.9, "a", [3, 4])
    assert story.violations() == []
    assert story.over() == list(range(1, 9))


def test_asking_for_too_much_two_seconds_after_a_cut_violates() -> None:
    story = Story()
    story.cap(1, 3000)
    story.scale(5.5, "a", 3)
    story.dying(5.6, "a", [3, 4])
    story.gone(9, "a", [3, 4])
    assert story.violations() == [3, 4, 5]


def test_a_stranger_is_not_our_violation_as_long_as_it_is_taken_back_in_two_seconds() -> None:
    story = Story()
    story.scale(1, "b", 3, manager="kubectl")
    story.run(1.2, "b", range(3))
    story.scale(2.5, "b", 0)
    story.dying(2.6, "b", range(3))
    story.gone(5.9, "b", range(3))
    assert story.violations() == []
    assert story.over() == [1, 2, 3, 4, 5]
    assert [(r.before, r.after, r.ours) for r in story.monitor.resizes] == [(0, 3, False), (3, 0, True)]


def test_a_stranger_that_is_left_alone_is() -> None:
    story = Story()
    story.scale(1, "b", 3, manager="kubectl")
    story.run(1.2, "b", range(3))
    assert story.violations(5) == [3, 4]


def test_raising_under_a_strangers_excess_violates() -> None:
    story = Story(first=4)
    story.scale(1, "b", 3, manager="kubectl")
    story.run(1.2, "b", range(3))
    story.scale(2.2, "a", 5)
    story.scale(2.3, "b", 0)
    story.gone(2.9, "b", range(3))
    assert story.violations() == [2]


def test_a_raise_that_was_on_its_way_when_the_cap_fell_is_counted_apart() -> None:
    story = Story(first=4)
    story.cap(1, 3000)
    story.scale(1.1, "a", 5)
    story.scale(1.5, "a", 3)
    story.dying(1.6, "a", [3])
    story.gone(4, "a", [3])
    assert story.violations() == []
    assert story.monitor.judges["site"].in_flight_raises == 1


def test_a_raise_just_before_a_cut_is_no_fault() -> None:
    story = Story(first=4)
    story.scale(1.1, "a", 5)
    story.run(1.2, "a", [4])
    story.cap(1.3, 4000)
    story.scale(1.6, "a", 4)
    story.gone(1.8, "a", [4])
    assert story.over() == [1]
    assert story.violations() == []


def test_while_no_operator_runs_nobody_is_late() -> None:
    story = Story()
    story.monitor.operator_went(T0 + 0.5)
    story.cap(1, 3000)
    story.monitor.operator_returned(T0 + 4)
    story.scale(5.9, "a", 3)
    story.dying(6, "a", [3, 4])
    story.gone(7, "a", [3, 4])
    assert story.violations() == []


def test_an_operator_that_is_back_has_two_seconds() -> None:
    story = Story()
    story.monitor.operator_went(T0 + 0.5)
    story.cap(1, 3000)
    story.monitor.operator_returned(T0 + 4)
    assert story.violations(8) == [6, 7]


def test_a_write_that_nobody_is_named_for_counts_as_ours() -> None:
    story = Story()
    anonymous = deployment("b", 3)
    anonymous["metadata"]["managedFields"] = []
    story.monitor.put(T0 + 1, "Deployment", anonymous)
    story.run(1.2, "b", range(3))
    assert story.monitor.resizes[-1].ours
    assert story.violations(2.5) == [1, 2]


def test_overhead_and_pue_count_and_reserve_is_kept_free() -> None:
    story = Story(cap_watts=10_000, first=5, fixedWatts=1000, pue="1.1")
    assert story.monitor.judges["site"].existing_watts == 6500
    reserved = budget(10_000, fixedWatts=1000, pue="1.1")
    reserved["spec"]["reservePercent"] = 40
    story.monitor.put(T0 + 1, "PowerBudget", reserved)
    assert story.monitor.judges["site"].limit_watts == 6000


def test_a_tenant_may_declare_more_watts_than_nameplate_and_not_less() -> None:
    for declared, counted in ((1500, 7500), (500, 5000)):
        story = Story(cap_watts=10_000)
        story.monitor.put(T0 + 1, "MiningPool", pool("a", wattsPerReplica=declared))
        assert story.monitor.judges["site"].existing_watts == counted


def test_a_pod_that_ended_by_itself_draws_nothing() -> None:
    story = Story()
    story.monitor.put(T0 + 1, "Pod", pod("a", 0, phase="Failed"))
    assert story.monitor.judges["site"].existing_watts == 4000


def test_only_ready_pods_that_stay_count_as_working() -> None:
    story = Story()
    story.dying(1, "a", [0])
    assert story.monitor.world.ready() == {"MiningPool/ns/a": 4, "MiningPool/ns/b": 0}


def test_a_namesake_of_a_deleted_deployment_is_another_one() -> None:
    story = Story()
    story.monitor.drop(T0 + 1, "Deployment", deployment("a", 5))
    story.monitor.put(T0 + 2, "Deployment", deployment("a", 2, uid="reborn"))
    last = story.monitor.resizes[-1]
    assert (last.before, last.after, last.ours) == (0, 2, False)


def test_a_namesake_and_what_is_left_of_its_predecessor_are_told_apart() -> None:
    story = Story(cap_watts=6000)
    story.monitor.drop(T0 + 1, "Deployment", deployment("a", 5))
    story.dying(1.1, "a", range(5))
    story.monitor.put(T0 + 2, "Deployment", deployment("a", 0, uid="reborn", at=2))
    story.monitor.put(T0 + 3, "Deployment", deployment("a", 1, "wattswitch", uid="reborn", at=2))
    story.monitor.put(T0 + 3.1, "Pod", pod("a", 9, at=3))
    assert story.monitor.judges["site"].promised_watts == 6000
    story.gone(4, "a", range(5))
    assert story.monitor.world.claims.keys() == {("MiningPool/ns/a", "reborn"), ("MiningPool/ns/b", "b")}
    assert story.monitor.judges["site"].promised_watts == 1000
    assert story.violations() == []


@pytest.mark.parametrize(
    ("expression", "matches"),
    [
        ({"key": "app", "operator": "In", "values": ["a", "z"]}, True),
        ({"key": "app", "operator": "NotIn", "values": ["a"]}, False),
        ({"key": "app", "operator": "Exists"}, True),
        ({"key": "tier", "operator": "DoesNotExist"}, True),
        ({"key": "tier", "operator": "Exists"}, False),
        ({"key": "tier", "operator": "NotIn", "values": ["x"]}, True),
    ],
)
def test_selectors_with_expressions_find_their_pods(expression: dict[str, Any], matches: bool) -> None:
    story = Story()
    changed = deployment("a", 5)
    changed["spec"]["selector"] = {"matchExpressions": [expression]}
    story.monitor.put(T0 + 1, "Deployment", changed)
    assert story.monitor.judges["site"].existing_watts == (5000 if matches else 0)
