import json
import tracemalloc
from typing import Any

import pytest

from unit.cluster.objects import deployment
from wattswitch.cluster import View, target_facts


def names(view: View) -> list[str]:
    return [obj["metadata"]["name"] for obj in view.all("Deployment")]


def test_an_older_version_of_an_object_is_ignored() -> None:
    view = View()
    view.apply("ADDED", deployment(version=10, replicas=4))
    view.apply("MODIFIED", deployment(version=9, replicas=1))
    view.apply("DELETED", deployment(version=9))
    held = view.get("Deployment", "texas", "s21")
    assert held is not None
    assert held["spec"]["replicas"] == 4


def test_versions_are_compared_as_numbers() -> None:
    view = View()
    view.apply("ADDED", deployment(version=99, replicas=1))
    view.apply("MODIFIED", deployment(version=100, replicas=2))
    held = view.get("Deployment", "texas", "s21")
    assert held is not None
    assert held["spec"]["replicas"] == 2


def test_a_namesake_with_a_new_uid_takes_the_place() -> None:
    view = View()
    view.apply("ADDED", deployment(version=10, uid="old"))
    view.apply("ADDED", deployment(version=12, uid="new"))
    view.apply("DELETED", deployment(version=11, uid="old"))  # the late end of the first one
    held = view.get("Deployment", "texas", "s21")
    assert held is not None
    assert held["metadata"]["uid"] == "new"


def test_a_deletion_that_the_watch_missed_is_repaired_by_a_list() -> None:
    view = View()
    view.apply("ADDED", deployment("a", version=10))
    view.apply("ADDED", deployment("b", version=11, uid="u2"))
    view.replace("Deployment", [deployment("a", version=10)], "20")
    assert names(view) == ["a"]


def test_an_object_added_after_the_list_was_taken_is_kept() -> None:
    view = View()
    view.apply("ADDED", deployment("late", version=21))
    view.replace("Deployment", [], "20")
    assert names(view) == ["late"]
    view.replace("Deployment", [], "22")
    assert names(view) == []


def test_a_list_does_not_bring_back_what_was_deleted_after_it_was_taken() -> None:
    view = View()
    view.apply("ADDED", deployment(version=10))
    view.apply("DELETED", deployment(version=15))
    view.replace("Deployment", [deployment(version=10)], "12")
    assert names(view) == []
    view.apply("ADDED", deployment(version=30, uid="u9"))
    assert names(view) == ["s21"], "a namesake made later is another object"


@pytest.mark.parametrize("namespace", [None, "texas"])
def test_a_late_event_does_not_bring_back_what_a_list_has_removed(namespace: str | None) -> None:
    view = View()
    view.apply("ADDED", deployment(version=10))
    view.replace("Deployment", [], "20", namespace)
    view.apply("MODIFIED", deployment(version=15))
    view.apply("ADDED", deployment(version=20))
    assert names(view) == []
    view.apply("ADDED", deployment("other", namespace="ohio", version=21))
    view.apply("ADDED", deployment(version=22))
    assert names(view) == ["other", "s21"]


def test_a_list_of_one_namespace_says_nothing_of_events_in_another() -> None:
    view = View()
    view.replace("Deployment", [], "20", "texas")
    view.apply("ADDED", deployment(namespace="ohio", version=15))
    assert names(view) == ["s21"]


def test_a_list_does_not_take_an_object_back_to_an_older_version() -> None:
    view = View()
    view.apply("MODIFIED", deployment(version=25, replicas=0))
    view.replace("Deployment", [deployment(version=20, replicas=8)], "24")
    held = view.get("Deployment", "texas", "s21")
    assert held is not None
    assert held["spec"]["replicas"] == 0


def test_a_cluster_restored_from_a_backup_is_taken_as_it_is() -> None:
    view = View()
    view.replace("Deployment", [deployment("a", version=90), deployment("b", version=91)], "100")
    view.apply("DELETED", deployment("b", version=95))
    view.replace("Deployment", [deployment("b", version=40)], "50")
    assert names(view) == ["b"]


def test_a_list_of_one_namespace_leaves_the_others_alone() -> None:
    view = View()
    view.apply("ADDED", deployment("a", namespace="one", version=5))
    view.apply("ADDED", deployment("a", namespace="two", version=6))
    view.replace("Deployment", [], "50", "one")
    assert [obj["metadata"]["namespace"] for obj in view.all("Deployment")] == ["two"]


def test_only_what_decisions_read_makes_it_dirty() -> None:
    calls: list[int] = []
    view = View(on_change=lambda: calls.append(1))
    view.apply(None, deployment(version=10))
    churned = deployment(version=11)
    churned["status"]["conditions"][0]["message"] = "other"
    view.apply("MODIFIED", churned)
    assert len(calls) == 1
    held = view.get("Deployment", "texas", "s21")
    assert held is not None
    assert held["metadata"]["resourceVersion"] == "11", "the version moves on all the same"
    shrunk = deployment(version=12)
    shrunk["status"]["replicas"] = 2
    view.apply("MODIFIED", shrunk)
    assert len(calls) == 2


def test_what_we_wrote_into_our_own_statuses_wakes_nobody_and_is_kept() -> None:
    calls: list[int] = []
    view = View(on_change=lambda: calls.append(1))
    pool: dict[str, Any] = {
        "apiVersion": "wattswitch.io/v1alpha1",
        "kind": "MiningPool",
        "metadata": {"name": "s21", "namespace": "texas", "uid": "u", "resourceVersion": "3", "generation": 1},
        "spec": {"budget": "west"},
    }
    view.apply("ADDED", pool)
    told = pool | {"metadata": pool["metadata"] | {"resourceVersion": "4"}, "status": {"reason": "AtMaximum"}}
    view.apply("MODIFIED", told)
    assert len(calls) == 1
    held = view.get("MiningPool", "texas", "s21")
    assert held is not None
    assert held["status"] == {"reason": "AtMaximum"}
    paused = {"annotations": {"wattswitch.io/paused": "true"}, "resourceVersion": "5"}
    view.apply("MODIFIED", told | {"metadata": pool["metadata"] | paused})
    assert len(calls) == 2


def test_an_event_wakes_when_it_is_taken_back_and_not_when_we_tell_how_it_goes() -> None:
    calls: list[int] = []
    view = View(on_change=lambda: calls.append(1))
    asked: dict[str, Any] = {
        "apiVersion": "wattswitch.io/v1alpha1",
        "kind": "CurtailmentEvent",
        "metadata": {"name": "ers-1", "uid": "u", "resourceVersion": "3", "generation": 1},
        "spec": {"budget": "west", "limit": {"all": True}},
    }
    view.apply("ADDED", asked)
    told = asked | {"metadata": asked["metadata"] | {"resourceVersion": "4"}, "status": {"limitWatts": 6000}}
    view.apply("MODIFIED", told)
    assert len(calls) == 1
    taken_back = told | {"metadata": told["metadata"] | {"resourceVersion": "5"}}
    view.apply("MODIFIED", taken_back | {"spec": asked["spec"] | {"cancelled": True}})
    assert len(calls) == 2
    view.apply("DELETED", taken_back | {"metadata": told["metadata"] | {"resourceVersion": "6"}})
    assert len(calls) == 3


def test_kinds_that_are_not_viewed_are_ignored() -> None:
    calls: list[int] = []
    view = View(on_change=lambda: calls.append(1))
    view.apply("ADDED", {"kind": "Secret", "metadata": {"name": "a", "resourceVersion": "1"}})
    assert calls == []


def test_trimming_changes_no_fact() -> None:
    raw = deployment(
        strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "30%", "maxUnavailable": 0}},
        template={
            "spec": {
                "containers": [{"resources": {"limits": {"nvidia.com/gpu": "2", "cpu": "1"}}}],
                "terminationGracePeriodSeconds": 600,
            }
        },
    )
    view = View()
    view.apply("ADDED", raw)
    held = view.get("Deployment", "texas", "s21")
    assert held is not None
    assert target_facts(held) == target_facts(raw)
    assert (target_facts(held).replicas_manager, target_facts(held).grace_seconds) == ("hpa", 600)
    assert held["metadata"]["annotations"] == {"wattswitch.io/paused": "true"}
    assert len(json.dumps(held)) < 900


def test_what_our_own_kinds_say_is_kept_whole() -> None:
    budget: dict[str, Any] = {
        "apiVersion": "wattswitch.io/v1alpha1",
        "kind": "PowerBudget",
        "metadata": {"name": "west", "uid": "u", "resourceVersion": "3", "annotations": {"a": "b"}},
        "spec": {"capWatts": 400000},
        "status": {"targets": [{"uid": "t"}]},
    }
    view = View()
    view.apply("ADDED", budget)
    assert view.get("PowerBudget", None, "west") == budget


def test_a_thousand_targets_take_less_than_4_mb() -> None:
    view = View()
    raws = [json.dumps(deployment(f"d{i}", version=i + 1, uid=f"uid-{i}")) for i in range(1000)]
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for raw in raws:
            view.apply("ADDED", json.loads(raw))
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(view.all("Deployment")) == 1000
    assert after - before < 4_000_000


def test_freshness_ends_with_the_limit() -> None:
    view = View()
    assert not view.fresh(0.0, 60.0)
    view.relisted(100.0)
    assert view.relisted_at == pytest.approx(100.0)
    assert view.fresh(160.0, 60.0)
    assert not view.fresh(160.1, 60.0)
