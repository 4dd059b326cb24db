"""Grid events on a real API server: who gives way, when, what is told of it, and how power comes back."""

import secrets
import time
from collections.abc import Iterator

import pytest

from integration.operator.hand import Object, until
from integration.operator.operator_process import OperatorProcess
from integration.operator.site import API_VERSION, Site
from wattswitch.api.times import format_time

LATEST_SECONDS = 2.0
AT_ONCE = {"cooldownSeconds": 0}


class Grid:
    """Makes grid events for one site, and deletes them with it."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._names: list[str] = []

    def asks(self, limit: Object, **spec: object) -> str:
        """Create an event; its name."""
        name = f"event-{secrets.token_hex(4)}"
        body = {"apiVersion": API_VERSION, "kind": "CurtailmentEvent", "metadata": {"name": name}}
        self.site.hand.create({**body, "spec": {"budget": self.site.name, "limit": limit} | spec})
        self._names.append(name)
        return name

    def changes(self, name: str, **spec: object) -> None:
        """Patch an event's spec."""
        self.site.hand.patch("CurtailmentEvent", "", name, {"spec": spec})

    def deletes(self, name: str) -> None:
        """Delete an event."""
        self.site.hand.delete("CurtailmentEvent", "", name)

    def status(self, name: str) -> Object:
        """The status of an event."""
        found = self.site.hand.read("CurtailmentEvent", "", name)
        status: Object = (found or {}).get("status") or {}
        return status

    def condition(self, name: str, type_: str) -> tuple[str, str]:
        """Status and reason of one of its conditions."""
        for each in self.status(name).get("conditions", ()):
            if each["type"] == type_:
                return each["status"], each["reason"]
        return "", ""

    def close(self) -> None:
        """Delete every event."""
        for name in self._names:
            self.deletes(name)


@pytest.fixture
def grid(site: Site) -> Iterator[Grid]:
    """The grid, as far as it speaks to the site."""
    speaks = Grid(site)
    yield speaks
    speaks.close()


def test_a_firm_event_takes_the_least_worth_within_two_seconds_and_says_so(site: Site, grid: Grid) -> None:
    site.budget(20_000, curtailment=AT_ONCE)
    site.mine("rich", worth={"perMWh": "100"}, gone_after="2s")
    site.mine("poor", worth={"perMWh": "50"}, gone_after="2s")
    site.becomes(rich=10, poor=10)
    with site.witness(rich=1000, poor=1000) as witness:
        asked_at = time.time()
        event = grid.asks({"toWatts": 8_000}, durationSeconds=3600, source={"program": "ers-10", "reference": "1"})
        until(site.sizes, {"rich": 8, "poor": 0})
        assert witness.sizes_written(site.hand, "rich")[-1][0] - asked_at < LATEST_SECONDS
        until(lambda: grid.condition(event, "Active"), ("True", "Active"))
        until(lambda: grid.condition(event, "TargetMet"), ("True", "Met"))
    status = grid.status(event)
    assert status["limitWatts"] == 8_000
    assert 1 <= status["targetMetAfterSeconds"] < 10
    assert status["worstWatts"] <= 8_000
    until(lambda: site.condition("Curtailed"), ("True", "Active"))
    site.shows(limitWatts=8_000, committedWatts=8_000)
    message = site.status("MiningPool", "poor")["message"]
    assert event in message
    assert "8000 W" in message
    until(
        lambda: [word for _, word, _ in site.events("CurtailmentEvent", event, "default")], lambda w: "TargetMet" in w
    )
    grid.changes(event, cancelled=True)
    site.becomes(rich=10, poor=10)
    until(lambda: grid.condition(event, "Restored"), ("True", "Over"))
    until(lambda: site.condition("Curtailed"), ("False", "NotCurtailed"))
    assert float(grid.status(event)["shedKilowattHours"]) >= 0


def test_best_effort_keeps_the_floors_and_firm_does_not(site: Site, grid: Grid) -> None:
    site.budget(20_000, curtailment=AT_ONCE)
    site.mine("miners", 10, least=2)
    site.mine("others", 10, least=3, priority=10)
    site.becomes(miners=10, others=10)
    soft = grid.asks({"all": True}, urgency="BestEffort")
    site.becomes(miners=2, others=3)
    until(lambda: grid.status(soft).get("limitWatts"), 5_000)
    until(lambda: {each["reason"] for each in grid.status(soft).get("skipped", ())}, {"Floor"})
    grid.asks({"toWatts": 3_000}, urgency="Firm")
    site.becomes(miners=0, others=3)
    until(lambda: site.condition("Infeasible"), ("True", "FloorUnmet"))


def test_the_lowest_of_several_counts_and_a_deleted_one_comes_back_in_waves(site: Site, grid: Grid) -> None:
    site.budget(10_000, curtailment={"cooldownSeconds": 2, "waveWatts": 4_000, "waveSeconds": 3})
    site.mine("miners", 10)
    site.becomes(miners=10)
    low = grid.asks({"byWatts": 8_000})
    high = grid.asks({"toPercent": "60"})
    site.becomes(miners=2)
    with site.witness(miners=1000) as witness:
        grid.deletes(low)
        deleted_at = time.time()
        site.becomes(miners=6)
        sizes = witness.sizes_written(site.hand, "miners")
        assert sizes[-1][0] - deleted_at >= 2.0 - 0.1
        grid.changes(high, cancelled=True)
        until(site.sizes, {"miners": 10})
        assert [size for _, size in witness.sizes_written(site.hand, "miners")] == [2, 6, 10]


def test_an_event_ahead_is_met_at_its_start(site: Site, grid: Grid) -> None:
    site.budget(10_000, rampDownWattsPerMinute=60_000, curtailment=AT_ONCE)
    site.mine("miners", 10, gone_after="1s")
    site.becomes(miners=10)
    start = time.time() + 45
    event = grid.asks({"toWatts": 4_000}, start=format_time(int(start)), durationSeconds=600)
    until(lambda: grid.condition(event, "Scheduled")[0], "True")
    assert site.sizes() == {"miners": 10}
    until(site.sizes, {"miners": 4}, seconds=60)
    assert time.time() < start
    until(lambda: grid.condition(event, "TargetMet"), ("True", "Met"), seconds=60)
    assert grid.status(event)["targetMetAfterSeconds"] == 0


def test_an_emergency_deletes_the_pods_of_what_goes_to_zero(site: Site, grid: Grid) -> None:
    site.budget(20_000, curtailment=AT_ONCE)
    site.mine("miners", 20)
    site.becomes(miners=20)
    event = grid.asks({"all": True}, urgency="Emergency")
    until(site.sizes, {"miners": 0})
    until(site.pods, {})
    until(lambda: grid.condition(event, "TargetMet"), ("True", "Met"))
    grid.changes(event, cancelled=True)
    site.becomes(miners=20)


def test_a_restart_in_the_middle_changes_nothing(site: Site, grid: Grid, operator: OperatorProcess) -> None:
    site.budget(10_000, curtailment={"cooldownSeconds": 20})
    site.mine("miners", 10)
    site.becomes(miners=10)
    event = grid.asks({"toWatts": 3_000})
    site.becomes(miners=3)
    until(lambda: bool(site.status().get("events")), True)
    met_at = until(lambda: grid.status(event).get("targetMetAt"), lambda at: at is not None)
    with site.witness(miners=1000) as witness:
        operator.kill()
        grid.deletes(event)
        deleted_at = time.time()
        operator.start()
        site.becomes(miners=10, seconds=60)
        assert [size for _, size in witness.sizes_written(site.hand, "miners")] == [3, 10]
        assert witness.sizes_written(site.hand, "miners")[-1][0] - deleted_at >= 20
    assert met_at


def test_the_failsafe_holds_until_a_number_comes_that_is_newer_than_the_loss(site: Site) -> None:
    limit = site.feed("limit", 8_000, "Watts", staleAfterSeconds=5) | {"failsafeWatts": 3_000}
    site.budget(10_000, gridLimit=limit)
    site.mine("miners", 10)
    site.becomes(miners=8)
    site.feeds.fail(f"{site.name}/limit", 503)
    site.becomes(miners=3)
    until(lambda: site.condition("GridLimitFresh")[0], "False")
    until(lambda: site.condition("Curtailed"), ("True", "GridLimit"))
    site.feeds.say(f"{site.name}/limit", 9_000, age_seconds=30)
    time.sleep(2.5)
    assert site.sizes() == {"miners": 3}
    site.feeds.say(f"{site.name}/limit", 9_000)
    site.becomes(miners=9)


def test_a_lie_about_the_limit_is_the_failsafe_too_and_a_higher_number_never_passes_the_cap(site: Site) -> None:
    limit = site.feed("limit", 50_000, "Watts", staleAfterSeconds=5) | {"failsafeWatts": 3_000}
    site.budget(10_000, gridLimit=limit)
    site.mine("miners", 20)
    site.becomes(miners=10)
    site.feeds.say(f"{site.name}/limit", "NaN")
    site.becomes(miners=3)


def test_an_event_for_a_budget_that_does_not_exist_says_so(site: Site, grid: Grid) -> None:
    name = grid.asks({"all": True}, budget="nobody")
    until(lambda: grid.condition(name, "Accepted"), ("False", "BudgetMissing"))
