"""Budgets in a tree on a real API server."""

import secrets
from collections.abc import Iterator

import pytest

from integration.operator.hand import until
from integration.operator.site import API_VERSION, Site


@pytest.fixture
def feeder(site: Site) -> Iterator[str]:
    """A budget above the site's own, of 12 kW."""
    name = f"feeder-{secrets.token_hex(4)}"
    price = {"sources": [{"name": "contract", "unit": "USDPerMWh", "fixed": {"value": "40"}}]}
    body = {"apiVersion": API_VERSION, "kind": "PowerBudget", "metadata": {"name": name}}
    site.hand.create({**body, "spec": {"mode": "Enforce", "capWatts": 12_000, "price": price}})
    yield name
    site.hand.delete("PowerBudget", "", name)


def test_siblings_share_what_their_parent_may_draw_and_the_better_worth_gets_it(site: Site, feeder: str) -> None:
    sibling = Site(site.cluster, site.hand, site.feeds, f"{site.name}-b")
    try:
        site.budget(20_000, parent=feeder)
        sibling.budget(20_000, parent=feeder)
        site.mine("poor", 10, worth={"perMWh": "60"}, gone_after="2s")
        site.becomes(poor=10)
        with site.witness(poor=1000), sibling.witness(rich=1000):
            sibling.mine("rich", 8, worth={"perMWh": "90"})
            sibling.becomes(rich=8)
            site.becomes(poor=4)
        until(lambda: site.status("PowerBudget", feeder).get("committedWatts"), 12_000)
        message = site.status("MiningPool", "poor")["message"]
        assert feeder in message
        name = f"event-{secrets.token_hex(4)}"
        event = {"apiVersion": API_VERSION, "kind": "CurtailmentEvent", "metadata": {"name": name}}
        site.hand.create({**event, "spec": {"budget": feeder, "limit": {"toWatts": 5_000}}})
        sibling.becomes(rich=5)
        site.becomes(poor=0)
        site.hand.delete("CurtailmentEvent", "", name)
    finally:
        sibling.close()


def test_a_parent_that_does_not_exist_means_that_nothing_is_raised(site: Site) -> None:
    site.budget(20_000, parent="nobody")
    site.mine("miners", 10, replicas=3)
    site.shows("MiningPool", "miners", reason="ParentUnknown")
    assert site.sizes() == {"miners": 3}
    site.change(capWatts=2_000)
    site.becomes(miners=2)
    site.change(parent=None, capWatts=20_000)
    site.becomes(miners=10)
