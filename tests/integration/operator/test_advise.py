"""Advise mode: everything is decided and told, nothing is written to a target."""

from integration.operator.hand import Object, until
from integration.operator.operator_process import OperatorProcess
from integration.operator.site import Site


def target(site: Site, name: str) -> Object:
    """A Deployment, less what its own controller writes."""
    found = site.hand.read("Deployment", site.namespace, name)
    assert found is not None
    return {"spec": found["spec"], "generation": found["metadata"]["generation"]}


def test_advise_writes_to_no_target_and_its_columns_say_what_it_would_do(site: Site, operator: OperatorProcess) -> None:
    site.budget(10_000, mode="Advise")
    site.mine("idle", 8, worth={"perMWh": "100"})
    site.mine("running", 10, replicas=6, worth={"perMWh": "50"})
    until(lambda: site.rolled_out("running"), True)
    before = {name: target(site, name) for name in ("idle", "running")}
    versions = {name: site.version("Deployment", name) for name in ("idle", "running")}
    site.shows("MiningPool", "running", replicasText="6→2/10", kilowatts="6.0", replicas=6, mode="Advise")
    site.shows("MiningPool", "idle", goalReplicas=8, replicas=0, replicasText="0→8/8", kilowatts="0.0", mode="Advise")
    site.shows(committedWatts=6_000, plannedWatts=10_000)
    site.price(60)
    site.shows("MiningPool", "running", replicasText="6→0/10", goalReplicas=0, reason="PriceAboveStrike")
    site.change(capWatts=5_000)
    site.shows("MiningPool", "idle", goalReplicas=5, reason="WaitingForWatts")
    site.shows(committedWatts=6_000, within="Over by 1000 W")
    assert {name: target(site, name) for name in before} == before
    assert {name: site.version("Deployment", name) for name in versions} == versions
    assert operator.series("wattswitch_scale_writes_total", budget=site.name) == {}
    assert not site.status().get("targets"), "nothing is under control, so no book is kept"


def test_from_advise_to_enforce_and_back_what_was_told_is_done(site: Site) -> None:
    site.budget(10_000, mode="Advise")
    site.mine("miners", 10)
    site.shows("MiningPool", "miners", replicasText="0→10/10", replicas=0)
    site.change(mode="Enforce")
    site.becomes(miners=10)
    site.change(mode="Advise")
    site.price(200)
    site.shows("MiningPool", "miners", replicasText="10→0/10", replicas=10)
    assert site.sizes() == {"miners": 10}
