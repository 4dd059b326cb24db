"""Objects that cannot be served: each says why in a condition and an Event, and the others go on."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from integration.operator.fake_feeds import FakeFeeds
from integration.operator.hand import Hand, Object, until
from integration.operator.operator_process import OperatorProcess
from integration.operator.site import API_VERSION, MINER, Site
from local.cluster import Cluster


@dataclass(frozen=True)
class Bad:
    """A workload that is bad in one way, and the word for it."""

    name: str
    reason: str
    kind: str = "MiningPool"


BAD = (
    Bad("without-target", "TargetMissing"),
    Bad("autoscaled", "AutoscalerOwned"),
    Bad("second-claim", "TargetClaimed"),
    Bad("stranger", "NamespaceNotAdmitted"),
    Bad("two-gpus", "GPUCountMismatch", "InferenceDeployment"),
    Bad("unknown-machine", "HardwareUnknown"),
    Bad("unknown-feed", "FeedUnknown"),
    Bad("too-loud", "PriorityNotAllowed"),
    Bad("one-by-one", "TargetUnsupported"),
    Bad("unknown-budget", "BudgetMissing"),
)


@pytest.fixture(scope="module")
def crowd(_prepared_cluster: Cluster, _operator: OperatorProcess, feeds: FakeFeeds) -> Iterator[Site]:
    """One site with every bad object and a good one; its price makes all of them want to run."""
    with Hand(_prepared_cluster.server, _prepared_cluster.token, _prepared_cluster.ca_file) as hand:
        site = Site(_prepared_cluster, hand, feeds, "crowd")
        site.budget(100_000, price=40)
        site.mine("good", 5)
        until(site.sizes, {"good": 5})
        _open_bad(site)
        yield site
        site.close()


def _open_bad(site: Site) -> None:
    site.pool("without-target")
    site.mine("autoscaled")
    site.hand.create(_autoscaler(site.namespace, "autoscaled"))
    until(lambda: site.condition("Ready", "MiningPool", "good")[0], "True")
    site.pool("second-claim", target="good")
    elsewhere = site.add_namespace(f"{site.name}-elsewhere", site="another")
    site.deployment("stranger", namespace=elsewhere)
    site.pool("stranger", namespace=elsewhere)
    site.deployment("two-gpus", gpus=2)
    site.service("two-gpus")
    site.mine("unknown-machine", hardware="abacus")
    site.mine("unknown-feed", worth={"feed": "tea-leaves"})
    site.mine("too-loud", priority=101)
    site.stateful_set("one-by-one", policy="OrderedReady")
    site.pool("one-by-one", target_kind="StatefulSet")
    site.mine("unknown-budget", budget="nowhere")


def _autoscaler(namespace: str, name: str) -> Object:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
    }
    spec = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 3, "metrics": [metric]}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec}


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_a_bad_object_says_why_in_a_condition_and_an_event(crowd: Site, bad: Bad) -> None:
    namespace = f"{crowd.name}-elsewhere" if bad.name == "stranger" else crowd.namespace
    until(lambda: crowd.condition("Ready", bad.kind, bad.name, namespace), ("False", bad.reason), 15)
    assert crowd.status(bad.kind, bad.name, namespace)["reason"] == bad.reason
    until(lambda: {each[:2] for each in crowd.events(bad.kind, bad.name, namespace)}, {("Warning", bad.reason)}, 15)
    for _, _, message in crowd.events(bad.kind, bad.name, namespace):
        assert len(message) > len(bad.reason), "the Event must say in words what to do"


def test_no_bad_object_is_raised_and_the_good_one_goes_on(crowd: Site) -> None:
    for bad in BAD:
        if bad.name not in {"stranger", "unknown-feed"}:
            until(lambda bad=bad: crowd.condition("Ready", bad.kind, bad.name)[0], "False", 15)
    until(lambda: crowd.condition("SignalsFresh", "MiningPool", "unknown-feed")[0], "False")
    crowd.price(200)
    until(lambda: crowd.sizes()["good"], 0)
    crowd.price(40)
    until(lambda: crowd.sizes()["good"], 5)
    sizes = crowd.sizes() | crowd.sizes("StatefulSet")
    allowed = {"good": {5}, "autoscaled": {0, 1}}  # the autoscaler's own minimum is 1
    assert {name: size for name, size in sizes.items() if size not in allowed.get(name, {0})} == {}


def test_a_bad_object_that_is_repaired_runs(crowd: Site) -> None:
    crowd.deployment("without-target")
    until(lambda: crowd.sizes()["without-target"], 10)
    until(lambda: crowd.condition("Ready", "MiningPool", "without-target"), ("True", "Controlled"))
    crowd.change(hardware=[MINER, {"name": "h100", "watts": 1275, "gpus": 2}, {"name": "abacus", "watts": 1}])
    until(lambda: crowd.sizes()["unknown-machine"], 10)
    until(lambda: crowd.sizes()["two-gpus"], 8)
    metadata = {"name": "nowhere"}
    body = {"apiVersion": API_VERSION, "kind": "PowerBudget", "metadata": metadata}
    spec = crowd.hand.read("PowerBudget", "", crowd.name)["spec"]
    crowd.hand.create({**body, "spec": spec})
    try:
        until(lambda: crowd.sizes()["unknown-budget"], 10)
    finally:
        crowd.hand.delete("PowerBudget", "", "nowhere")


def test_watts_below_the_nameplate_are_told_and_not_believed(site: Site) -> None:
    site.budget(10_000)
    site.mine("miners", 10, wattsPerReplica=500)
    site.becomes(miners=10)
    site.shows("MiningPool", "miners", kilowatts="10.0")
    found = site.hand.read("MiningPool", site.namespace, "miners")
    assert found is not None
    (accepted,) = [each for each in found["status"]["conditions"] if each["type"] == "Accepted"]
    assert "nameplate" in accepted["message"]
