from typing import Any

import pytest

from unit.cluster.objects import deployment
from wattswitch.cluster import target_facts
from wattswitch.cluster.trim import trimmed


@pytest.mark.parametrize(
    ("strategy", "surge"),
    [
        (None, (0, 25)),
        ({"type": "RollingUpdate"}, (0, 25)),
        ({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "10%"}}, (0, 10)),
        ({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3}}, (3, 0)),
        ({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0}}, (0, 0)),
        ({"type": "Recreate"}, (0, 0)),
    ],
)
def test_surge(strategy: dict[str, Any] | None, surge: tuple[int, int]) -> None:
    facts = target_facts(deployment(strategy=strategy) if strategy else deployment())
    assert (facts.surge_pods, facts.surge_percent) == surge


def test_defaults_of_a_target_that_says_nothing() -> None:
    facts = target_facts({"kind": "Deployment", "metadata": {"uid": "u", "name": "n", "resourceVersion": "1"}})
    assert facts.spec_replicas == 1, "what apps/v1 puts in"
    assert facts.terminating_replicas is None
    assert facts.replicas_manager == ""
    assert facts.grace_seconds == 30, "what core/v1 puts in"


def test_a_stateful_set_never_surges_and_says_whether_it_is_parallel() -> None:
    raw = deployment(podManagementPolicy="Parallel") | {"kind": "StatefulSet"}
    facts = target_facts(raw)
    assert (facts.surge_pods, facts.surge_percent, facts.parallel) == (0, 0, True)
    assert not target_facts(deployment() | {"kind": "StatefulSet"}).parallel


def test_gpus_of_containers_and_native_sidecars_count_those_of_init_containers_do_not() -> None:
    def holding(gpus: Any, **more: Any) -> dict[str, Any]:
        return {"resources": {"limits": {"nvidia.com/gpu": gpus}}, **more}

    pod = {
        "containers": [holding("2"), holding(1), {"name": "plain"}],
        "initContainers": [holding("8"), holding("1", restartPolicy="Always")],
    }
    assert target_facts(deployment(template={"spec": pod})).gpus_per_pod == 4


@pytest.mark.parametrize(("named", "seconds"), [({}, 30), ({"terminationGracePeriodSeconds": 0}, 0)])
def test_the_grace_of_a_pod_is_what_its_template_names(named: dict[str, int], seconds: int) -> None:
    raw = deployment(template={"spec": {"containers": [], **named}})
    assert target_facts(raw).grace_seconds == target_facts(trimmed(raw)).grace_seconds == seconds


def test_selector_text_is_what_list_calls_take() -> None:
    selector = {
        "matchLabels": {"b": "2", "a": "1"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["y", "x"]},
            {"key": "old", "operator": "DoesNotExist"},
            {"key": "kept", "operator": "Exists"},
            {"key": "zone", "operator": "NotIn", "values": ["q"]},
        ],
    }
    facts = target_facts(deployment(selector=selector))
    assert facts.selector == "a=1,b=2,!old,kept,tier in (x,y),zone notin (q)"


def test_the_last_writer_is_the_latest_where_nobody_used_the_scale_subresource() -> None:
    raw = deployment()
    raw["metadata"]["managedFields"] = [
        {"manager": "argocd", "time": "2026-01-02T00:00:00Z", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
        {"manager": "helm", "time": "2026-01-01T00:00:00Z", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
        {"manager": "controller", "time": "2026-01-03T00:00:00Z", "fieldsV1": {"f:status": {}}},
    ]
    assert target_facts(raw).replicas_manager == "argocd"
