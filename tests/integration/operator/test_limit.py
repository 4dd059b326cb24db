"""The limit: met at once, and nothing is raised into watts that dying pods still draw."""

import pytest

from integration.operator.hand import until
from integration.operator.site import Site

LATEST_SECONDS = 2.0


def test_a_cap_cut_is_written_within_two_seconds_and_a_raise_waits_for_the_dying_pods(site: Site) -> None:
    site.budget(20_000)
    site.mine("rich", worth={"perMWh": "100"}, gone_after="8s")
    site.mine("poor", worth={"perMWh": "50"}, gone_after="8s")
    site.becomes(rich=10, poor=10)
    with site.witness(rich=1000, poor=1000) as witness:
        cut_at = site.change(capWatts=10_000)
        until(site.sizes, {"rich": 10, "poor": 0})
        met_at, _ = witness.sizes_written(site.hand, "poor")[-1]
        assert met_at - cut_at < LATEST_SECONDS
        site.change(capWatts=15_000)
        site.shows("MiningPool", "poor", reason="WaitingForWatts")
        assert site.pods()["poor"] == 10, "this test needs pods that die slowly"
        assert site.status()["committedWatts"] == 20_000
        site.becomes(rich=10, poor=5)
        assert witness.violations(site.hand) == []
        sizes = [size for _, size in witness.sizes_written(site.hand, "poor")]
        assert sizes[:2] == [10, 0]
        assert sizes[1:] == sorted(sizes[1:]), "raised as pods die, and never lowered again"


def test_watts_move_to_a_higher_priority_only_as_fast_as_pods_die(site: Site) -> None:
    site.budget(10_000, feeds=[site.named_feed("requests", 0, "Count")])
    site.mine("miners", 10, gone_after="3s")
    site.deployment("chat", gpus=1)
    demand = {"feed": "requests", "perReplica": "1"}
    site.service("chat", most=4, wattsPerReplica=2000, demand=demand)
    site.becomes(miners=10, chat=0)
    with site.witness(miners=1000, chat=2000) as witness:
        site.feeds.say(f"{site.name}/requests", 4)
        site.becomes(miners=2, chat=4)
        assert witness.violations(site.hand) == []


@pytest.mark.parametrize("surge", [2, "50%"])
def test_a_rollouts_extra_pods_are_booked_before_they_exist(site: Site, surge: int | str) -> None:
    site.budget(6_000)
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": 0}}
    site.deployment("miners", strategy=rolling)
    site.pool("miners")
    site.becomes(miners=4)
    site.shows(committedWatts=6_000)
    with site.witness(miners=1000) as witness:
        template = {"metadata": {"annotations": {"rolled": "out"}}}
        site.hand.patch("Deployment", site.namespace, "miners", {"spec": {"template": template}})
        until(lambda: site.rolled_out("miners"), True)
        assert 4 < witness.most_alive(site.hand, "miners") <= 6
    assert site.sizes() == {"miners": 4}


def test_the_limit_wins_over_floors_lowest_priority_first(site: Site) -> None:
    site.budget(10_000)
    site.mine("first", 5, least=5, priority=10)
    site.mine("second", 5, least=5, priority=0)
    site.becomes(first=5, second=5)
    until(lambda: site.condition("Infeasible"), ("False", "FloorsMet"))
    site.change(capWatts=7_000)
    site.becomes(first=5, second=2)
    until(lambda: site.condition("Infeasible"), ("True", "FloorUnmet"))
    site.shows("MiningPool", "second", reason="FloorUnmet")
    site.change(capWatts=10_000)
    site.becomes(first=5, second=5)
    until(lambda: site.condition("Infeasible"), ("False", "FloorsMet"))


def test_a_meter_above_the_books_lowers_the_limit(site: Site) -> None:
    meter = site.feed("meter", 8, "Kilowatts", staleAfterSeconds=60)
    site.budget(10_000, meter=meter | {"deadbandWatts": 100})
    site.mine("miners", 8)
    site.becomes(miners=8)
    site.shows(measuredWatts=8_000)
    site.feeds.say(f"{site.name}/meter", 11)
    site.becomes(miners=7)
    site.shows(limitWatts=7_000)


def test_a_stale_meter_allows_no_raise(site: Site) -> None:
    site.budget(10_000, meter=site.feed("meter", 2, "Kilowatts", staleAfterSeconds=60))
    site.mine("miners", 2)
    site.becomes(miners=2)
    site.feeds.say(f"{site.name}/meter", "NaN")
    until(lambda: site.condition("MeterFresh"), ("False", "NotANumber"))
    site.hand.patch("MiningPool", site.namespace, "miners", {"spec": {"replicas": {"max": 10}}})
    site.shows("MiningPool", "miners", reason="MeterStale")
    assert site.sizes() == {"miners": 2}
    site.feeds.say(f"{site.name}/meter", 2)
    site.becomes(miners=10)
