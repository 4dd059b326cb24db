"""What is deleted while it draws: its watts stay in the books until its pods are gone, and no longer."""

import pytest

from integration.operator.conftest import SiteFactory
from integration.operator.hand import until
from integration.operator.operator_process import OperatorProcess
from integration.operator.site import Site


@pytest.mark.parametrize(("on_delete", "left"), [("Keep", 10), ("Stop", 0), ("Restore", 3)])
def test_a_deleted_pools_target_is_kept_stopped_or_restored(site: Site, on_delete: str, left: int) -> None:
    site.budget(20_000)
    site.mine("leaving", 10, replicas=3, onDelete=on_delete)
    site.mine("staying", 10)
    site.becomes(leaving=10, staying=10)
    site.hand.delete("MiningPool", site.namespace, "leaving")
    site.becomes(leaving=left, staying=10)
    site.shows(committedWatts=(left + 10) * 1000)
    if on_delete == "Keep":
        site.change(capWatts=15_000)
        site.becomes(leaving=10, staying=5)


def test_pods_of_a_deleted_deployment_count_until_they_are_gone(site: Site) -> None:
    site.budget(10_000)
    site.mine("leaving", 6, gone_after="6s", worth={"perMWh": "100"})
    site.mine("waiting", 10)
    site.becomes(leaving=6, waiting=4)
    with site.witness(leaving=1000, waiting=1000) as witness:
        site.hand.delete("Deployment", site.namespace, "leaving")
        until(lambda: site.condition("TargetFound", "MiningPool", "leaving")[0], "False")
        until(lambda: site.status("MiningPool", "waiting").get("reason"), "WaitingForWatts")
        assert site.status()["committedWatts"] == 10_000
        assert site.pods()["leaving"] == 6, "this test needs pods that die slowly"
        site.becomes(waiting=10)
        assert witness.violations(site.hand) == []
    site.shows(committedWatts=10_000)


def test_a_deployment_that_returns_under_its_old_name_is_counted_beside_its_dying_pods(site: Site) -> None:
    site.budget(8_000)
    site.mine("miners", 8, gone_after="5s")
    site.becomes(miners=8)
    with site.witness(miners=1000) as witness:
        site.hand.delete("Deployment", site.namespace, "miners")
        until(site.sizes, {})
        site.deployment("miners")
        site.becomes(miners=8)
        assert witness.violations(site.hand) == []
    site.shows(committedWatts=8_000)


def test_a_deleted_budget_freezes_its_workloads(new_site: SiteFactory, operator: OperatorProcess) -> None:
    """Another budget shows that the operator has gone on deciding all the while."""
    frozen, other = new_site(), new_site()
    for site in (frozen, other):
        site.budget(10_000)
        site.mine("miners", 10)
    for site in (frozen, other):
        site.becomes(miners=10)
    before = frozen.hand.read("Deployment", frozen.namespace, "miners")
    frozen.hand.delete("PowerBudget", "", frozen.name)
    until(lambda: frozen.condition("Ready", "MiningPool", "miners"), ("False", "BudgetMissing"))
    for price, size in ((200, 0), (40, 10)):
        frozen.price(price)
        other.price(price)
        other.becomes(miners=size)
    after = frozen.hand.read("Deployment", frozen.namespace, "miners")
    assert before is not None
    assert after is not None
    assert after["spec"] == before["spec"]
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    assert operator.series("wattswitch_limit_watts", budget=frozen.name) == {}


def test_a_budget_that_returns_takes_its_workloads_up_again(site: Site) -> None:
    site.budget(10_000)
    site.mine("miners", 10)
    site.becomes(miners=10)
    site.hand.delete("PowerBudget", "", site.name)
    until(lambda: site.condition("Ready", "MiningPool", "miners"), ("False", "BudgetMissing"))
    site.budget(4_000)
    site.becomes(miners=4)
    until(lambda: site.condition("Ready", "MiningPool", "miners"), ("True", "Controlled"))


def test_a_namespace_that_is_no_longer_admitted_is_counted_and_not_raised(site: Site) -> None:
    site.budget(10_000)
    site.mine("mine", 4)
    inside = site.add_namespace(f"{site.name}-b", site=site.name)
    site.deployment("theirs", namespace=inside)
    site.pool("theirs", 6, namespace=inside)
    size = "Deployment", inside, "theirs"
    until(lambda: (site.hand.read(*size) or {})["spec"]["replicas"], 6)
    site.becomes(mine=4)
    site.hand.patch("Namespace", "", inside, {"metadata": {"labels": {"site": None}}})
    until(lambda: site.condition("Ready", "MiningPool", "theirs", inside), ("False", "NamespaceNotAdmitted"))
    site.shows(committedWatts=10_000)
    site.hand.scale("Deployment", inside, "theirs", 3, "stranger")
    site.shows(committedWatts=7_000)
    site.hand.patch("MiningPool", site.namespace, "mine", {"spec": {"replicas": {"max": 10}}})
    site.becomes(mine=7)
    assert (site.hand.read(*size) or {})["spec"]["replicas"] == 3
