"""At rest nothing is written but the Lease; what the process shows to machines; what it logs."""

import json
import re
import time

from integration.operator.conftest import LEASES
from integration.operator.hand import Hand, until
from integration.operator.operator_process import OperatorProcess
from integration.operator.site import Site

REST_SECONDS = 20.0
WRITE = re.compile(r"apiserver_request_total\{([^}]*)\} (\S+)")
GAUGES = (
    *("limit_watts", "committed_watts", "planned_watts", "measured_watts", "correction_watts", "unmet_floor_watts"),
    "price_per_mwh",
)
PER_WORKLOAD = (
    *("workload_replicas", "workload_goal_replicas", "workload_wanted_replicas"),
    *("workload_watts", "workload_worth_per_mwh"),
)


def open_full_site(site: Site) -> None:
    """Both kinds, a meter, a worth and a demand from feeds."""
    site.mine("miners", 4, worth={"feed": "hashprice"})
    site.deployment("chat", gpus=1)
    site.service("chat", demand={"feed": "requests", "perReplica": "1"})
    feeds = [site.named_feed("hashprice", "38.2", "USDPerPHPerDay"), site.named_feed("requests", 3, "Count")]
    site.budget(10_000, feeds=feeds, meter=site.feed("meter", 2, "Kilowatts"))
    site.becomes(miners=4, chat=3)
    site.shows("MiningPool", "miners", readyReplicas=4)
    site.shows("InferenceDeployment", "chat", readyReplicas=3)


def writes(hand: Hand) -> dict[str, float]:
    """Writes that the API server has served, no-ops included, of what only the operator writes at rest."""
    found = {}
    for labels, value in WRITE.findall(hand.send("GET", "/metrics").decode()):
        label = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        if label["resource"] == "events" and label["code"] == "404":
            continue  # an Event about what another test left, whose namespace is gone
        ours = label["group"] == "wattswitch.io" or label["subresource"] == "scale" or label["resource"] == "events"
        if ours and label["verb"] in {"POST", "PUT", "PATCH", "APPLY"}:
            found[labels] = float(value)
    return found


def renewals(hand: Hand) -> set[str]:
    """When each Lease of the operators was renewed last."""
    return {each["spec"]["renewTime"] for each in hand.list("Lease", LEASES)["items"]}


def test_at_rest_nothing_is_written_but_the_lease(site: Site, operator: OperatorProcess) -> None:
    open_full_site(site)
    feeds = {"price", "meter", "feed:hashprice", "feed:requests"}
    until(lambda: {each["feed"] for each in site.status().get("readings", ())} >= feeds, True, 60)
    until(lambda: len(site.status().get("targets", ())), 2)
    site.shows(limitWatts=10_000, correctionWatts=0)
    until(lambda: _others(site), [])
    _await_calm_hour()
    before, asked = writes(site.hand), dict(site.feeds.asked)
    lease = renewals(site.hand)
    until_at = time.monotonic() + REST_SECONDS
    while time.monotonic() < until_at:
        time.sleep(1)
        after = writes(site.hand)
        assert after == before, {labels: value for labels, value in after.items() if before.get(labels) != value}
    path = f"{site.name}/price"
    assert site.feeds.asked[path] >= asked[path] + REST_SECONDS / 2, "the feeds must have been read all the while"
    assert renewals(site.hand) != lease, "the Lease must have been renewed all the while"
    assert operator.get("/healthz") == (200, "ok")


def _await_calm_hour() -> None:
    """The outlook of the next hours is told anew when an hour begins."""
    left = 3600 - time.time() % 3600
    if left < REST_SECONDS + 5:
        time.sleep(left + 5)


def _others(site: Site) -> list[str]:
    """Workloads that other tests left and that are still being deleted."""
    kinds = ("MiningPool", "InferenceDeployment")
    found = [each["metadata"] for kind in kinds for each in site.hand.list(kind)["items"]]
    return [meta["name"] for meta in found if meta["namespace"] != site.namespace]


def test_metrics_show_the_site_its_workloads_and_its_feeds(site: Site, operator: OperatorProcess) -> None:
    open_full_site(site)
    until(lambda: operator.series("wattswitch_committed_watts", budget=site.name), {(): 7_825.0})
    # Lower for a moment: the meter measured more than was committed before the first raise.
    until(lambda: operator.series("wattswitch_limit_watts", budget=site.name), {(): 10_000.0})
    for name in GAUGES:
        assert operator.series(f"wattswitch_{name}", budget=site.name).keys() == {()}, name
    assert operator.series("wattswitch_measured_watts", budget=site.name) == {(): 2_000.0}
    assert operator.series("wattswitch_price_per_mwh", budget=site.name) == {(): 40.0}
    workloads = {("MiningPool", "miners", site.namespace), ("InferenceDeployment", "chat", site.namespace)}
    for name in PER_WORKLOAD:
        assert operator.series(f"wattswitch_{name}", budget=site.name).keys() == workloads, name
    miners = {"budget": site.name, "name": "miners"}
    assert list(operator.series("wattswitch_workload_replicas", **miners).values()) == [4.0]
    assert list(operator.series("wattswitch_workload_watts", **miners).values()) == [4_000.0]
    reasons = operator.series("wattswitch_workload_reason", **miners)
    assert reasons == {("MiningPool", site.namespace, "AtMaximum"): 1.0}
    feeds = {("price",), ("meter",), ("feed:hashprice",), ("feed:requests",)}
    until(lambda: operator.series("wattswitch_feed_age_seconds", budget=site.name).keys(), feeds)
    assert max(operator.series("wattswitch_feed_age_seconds", budget=site.name).values()) < 10
    assert set(operator.series("wattswitch_feed_fresh", budget=site.name).values()) == {1.0}
    assert operator.series("wattswitch_decision_seconds_count", budget=site.name)[()] > 0
    assert operator.series("wattswitch_decision_failures_total") == {}
    assert operator.series("wattswitch_leading") == {(): 1.0}
    written = operator.series("wattswitch_scale_writes_total", budget=site.name)
    assert written.keys() == {("up", "Applied")}


def test_seconds_over_the_limit_are_counted(site: Site, operator: OperatorProcess) -> None:
    site.budget(10_000)
    site.mine("miners", 10, gone_after="3s")
    site.becomes(miners=10)
    before = operator.series("wattswitch_over_limit_seconds_total", budget=site.name).get((), 0.0)
    site.change(capWatts=5_000)
    site.becomes(miners=5)
    site.shows(committedWatts=5_000)
    seconds = operator.series("wattswitch_over_limit_seconds_total", budget=site.name)[()] - before
    assert 2 < seconds < 10


def test_health_and_readiness_answer(operator: OperatorProcess) -> None:
    assert operator.get("/healthz") == (200, "ok")
    assert operator.get("/readyz") == (200, "ok")


def test_every_decision_that_was_recorded_can_be_replayed(site: Site, operator: OperatorProcess) -> None:
    from wattswitch.planner import plan
    from wattswitch.planner.record import from_line

    site.budget(10_000)
    site.mine("miners", 10)
    site.becomes(miners=10)
    site.price(200)
    site.becomes(miners=0)
    lines = operator.decisions(site.name)
    assert lines[-1]["plan"]["price_per_mwh"] == 200
    for line in lines:
        state, decided = from_line(json.dumps(line))
        assert plan(state) == decided


def test_logs_are_json_a_line_each_and_have_a_level_and_a_message(operator: OperatorProcess) -> None:
    lines = [json.loads(line) for line in operator.log.read_text().splitlines()]
    assert lines
    assert all({"message", "severity", "timestamp"} <= line.keys() for line in lines)
