from measure import objects
from wattswitch.api.mining_pool import MiningPool
from wattswitch.api.parse import parse
from wattswitch.api.power_budget import PowerBudget


def test_the_operator_understands_the_measured_site() -> None:
    for model, raw in (
        (PowerBudget, objects.budget("http://127.0.0.1:9", 1000)),
        (MiningPool, objects.pool("rack-0000", 10)),
        (MiningPool, objects.pool("rack-0001", 10)),
    ):
        parsed, problems = parse(model, raw)
        assert parsed is not None
        assert problems == []


def test_nodes_hold_every_pod() -> None:
    for pods in (1, 110, 10_000):
        racks = objects.racks(pods)
        assert sum(rack.nodes * rack.pods_per_node for rack in racks) >= pods


def test_half_of_the_site_follows_the_feed() -> None:
    names = objects.names(1000)
    assert sum(objects.is_fed(name) for name in names) == 500
    assert len(set(names)) == 1000
