import pytest

from measure.bed import APPS, POOLS, SERVICES
from measure.curtailed import Curtailed, event, service
from wattswitch.api.curtailment_event import CurtailmentEvent
from wattswitch.api.inference_deployment import InferenceDeployment
from wattswitch.api.parse import parse
from wattswitch.api.power_budget import PowerBudget

URL = "http://127.0.0.1:9"


def test_the_operator_understands_the_curtailed_site() -> None:
    for model, raw in (
        (PowerBudget, Curtailed(500, 40).budget(URL)),
        (InferenceDeployment, service("chat-0000", 10)),
        (CurtailmentEvent, event("bench-0000", "Firm", 1000)),
    ):
        parsed, problems = parse(model, raw)
        assert parsed is not None
        assert problems == []


@pytest.mark.parametrize(("miners", "services", "targets"), [(500, 40, 14), (2, 1, 2), (101, 11, 5)])
def test_every_pod_has_a_target_a_workload_and_a_node(miners: int, services: int, targets: int) -> None:
    site = Curtailed(miners, services)
    plot = site.plot()
    made = plot.manifests(URL)
    assert {each["metadata"]["name"]: each["spec"]["replicas"] for each in made[APPS]} == site.sizes
    assert len(made[POOLS]) + len(made[SERVICES]) == targets
    assert sum(site.sizes.values()) == plot.pods == miners + services
    assert sum(rack.nodes * rack.pods_per_node for rack in plot.racks if rack.name == "miner") >= miners
    assert sum(rack.nodes * rack.gpus_per_node for rack in plot.racks) >= services


def test_watts_are_those_of_the_devices() -> None:
    site = Curtailed(500, 40)
    assert sum(site.watts[name] * size for name, size in site.sizes.items()) == site.drawn_watts == 1_816_000
    devices = {each["name"]: each["watts"] for each in site.budget(URL)["spec"]["hardware"]}
    assert set(site.watts.values()) == set(devices.values())
    assert site.budget(URL)["spec"]["capWatts"] >= site.drawn_watts
