"""Feeds that lie, fail or hang: never a reason to raise, and never a reason to be late."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from integration.operator.conftest import SiteFactory
from integration.operator.fake_feeds import FakeFeeds
from integration.operator.hand import until
from integration.operator.operator_process import OperatorProcess
from integration.operator.site import Site

BELIEVED = {"min": "-1000", "max": "20000"}
STALE_SECONDS = 4
LATEST_SECONDS = 2.0


@dataclass(frozen=True)
class Trouble:
    """What a feed does, and the word for it in the condition."""

    reason: str
    begin: Callable[[FakeFeeds, str], None]


TROUBLES = (
    Trouble("NotANumber", lambda feeds, path: feeds.say(path, "NaN")),
    Trouble("OutOfRange", lambda feeds, path: feeds.say(path, -5000)),
    Trouble("FromFuture", lambda feeds, path: feeds.say(path, 10, age_seconds=-600)),
    Trouble("Stale", lambda feeds, path: feeds.say(path, 10, age_seconds=600)),
    Trouble("HTTPStatus", lambda feeds, path: feeds.fail(path, 500)),
    Trouble("TimedOut", lambda feeds, path: feeds.hang(path)),
)
POLICIES = {"Hold": {}, "Shed": {}, "Assume": {"assume": "60"}}


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.reason)
def test_a_price_in_trouble_holds_sheds_or_assumes_and_raises_nothing(new_site: SiteFactory, trouble: Trouble) -> None:
    """Worth 50 and 91, last price 40: Hold keeps both, Shed takes both to the floor, Assume 60 takes the cheap one."""
    sites = {policy: new_site() for policy in POLICIES}
    for policy, site in sites.items():
        feed = {"staleAfterSeconds": STALE_SECONDS, "onStale": policy, "range": BELIEVED} | POLICIES[policy]
        site.budget(20_000, price_feed=feed)
        site.mine("cheap", 2, least=1, worth={"perMWh": "50"})
        site.mine("dear", 2, least=1)
    for site in sites.values():
        site.becomes(cheap=2, dear=2)
    for site in sites.values():
        trouble.begin(site.feeds, f"{site.name}/price")
    for site in sites.values():
        until(lambda site=site: site.condition("PriceFresh"), ("False", trouble.reason))
        assert site.condition("Ready") == ("False", "PriceStale")
        site.hand.patch("MiningPool", site.namespace, "dear", {"spec": {"replicas": {"max": 5}}})
    sites["Hold"].becomes(cheap=2, dear=2)
    sites["Shed"].becomes(cheap=1, dear=1)
    sites["Assume"].becomes(cheap=1, dear=2)
    sites["Hold"].shows("MiningPool", "dear", reason="PriceStale", wantedReplicas=5)
    assert sites["Hold"].sizes() == {"cheap": 2, "dear": 2}
    for site in sites.values():
        site.price(40)
    for site in sites.values():
        site.becomes(cheap=2, dear=5)
        until(lambda site=site: site.condition("PriceFresh"), ("True", "Fresh"))


def test_a_worth_in_trouble_binds_only_those_whose_worth_it_is(site: Site) -> None:
    feed = site.named_feed("hashprice", "38.2", "USDPerPHPerDay", onStale="Shed")
    site.budget(10_000, feeds=[feed])
    site.mine("fed", 2, worth={"feed": "hashprice"})
    site.mine("fixed", 2)
    site.becomes(fed=2, fixed=2)
    site.feeds.say(f"{site.name}/hashprice", "NaN")
    site.becomes(fed=0, fixed=2)
    site.shows("MiningPool", "fed", reason="WorthStale")
    until(lambda: site.condition("SignalsFresh", "MiningPool", "fed")[0], "False")
    site.hand.patch("MiningPool", site.namespace, "fixed", {"spec": {"replicas": {"max": 5}}})
    site.becomes(fed=0, fixed=5)
    site.feeds.say(f"{site.name}/hashprice", "38.2")
    site.becomes(fed=2, fixed=5)


def test_a_demand_in_trouble_holds_what_serves(site: Site) -> None:
    site.budget(20_000, feeds=[site.named_feed("requests", 3, "Count")])
    site.deployment("chat", gpus=1)
    site.service("chat", most=8, least=1, demand={"feed": "requests", "perReplica": "1"})
    site.becomes(chat=3)
    site.feeds.say(f"{site.name}/requests", "NaN")
    until(lambda: site.condition("SignalsFresh", "InferenceDeployment", "chat"), ("False", "DemandStale"))
    assert site.sizes() == {"chat": 3}
    site.feeds.say(f"{site.name}/requests", 6)
    site.becomes(chat=6)


def test_a_cap_cut_is_met_in_time_while_a_feed_hangs(site: Site) -> None:
    site.budget(10_000, price_feed={"timeoutSeconds": 30})
    site.mine("miners", 10)
    site.becomes(miners=10)
    asked = site.feeds.asked[f"{site.name}/price"]
    site.feeds.hang(f"{site.name}/price")
    until(lambda: site.feeds.asked[f"{site.name}/price"] > asked, True)
    with site.witness(miners=1000) as witness:
        cut_at = site.change(capWatts=4_000)
        site.becomes(miners=4)
        met_at, _ = witness.sizes_written(site.hand, "miners")[-1]
        assert met_at - cut_at < LATEST_SECONDS
    site.price(40)


def test_a_start_does_not_wait_for_a_feed_that_hangs_before_it_meets_the_limit(
    site: Site, operator: OperatorProcess
) -> None:
    site.budget(10_000, price_feed={"timeoutSeconds": 30})
    site.mine("miners", 10)
    site.becomes(miners=10)
    site.feeds.hang(f"{site.name}/price")
    operator.kill()
    site.change(capWatts=4_000)
    operator.start()
    operator.await_leading()
    until(site.sizes, {"miners": 4}, seconds=10)
    site.price(40)
