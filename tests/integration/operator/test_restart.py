"""Killed at any moment: the count stays under the limit, and the site ends where it would have ended."""

import random
import time

from integration.operator.hand import MERGE_PATCH, path, until
from integration.operator.operator_process import OperatorProcess
from integration.operator.site import Site
from wattswitch.api.times import format_time, parse_time

KILLS = 10
LONGEST_START_SECONDS = 4.0
WEATHER = ((40, 7_000), (70, 17_000), (40, 12_000), (200, 9_000), (40, 20_000), (70, 6_000)) * 2
"""Prices and caps; every one asks for other sizes than each of the others."""
TAKEOVER_SECONDS = 60.0


def test_killed_at_random_moments_it_never_passes_the_limit_and_ends_in_the_same_state(
    site: Site, operator: OperatorProcess
) -> None:
    """Half of the kills come at any moment of a start, half right after a write, before it is noted anywhere."""
    rng = random.Random(20260801)
    site.budget(20_000)
    site.mine("dear", 10, gone_after="2s", worth={"perMWh": "100"})
    site.mine("cheap", 10, gone_after="2s", worth={"perMWh": "50"})
    site.becomes(dear=10, cheap=10)
    with site.witness(dear=1000, cheap=1000) as witness:
        for price, cap_watts in rng.sample(WEATHER, KILLS):
            before = witness.sizes()
            site.price(price)
            site.change(capWatts=cap_watts)
            if rng.random() < 0.5:
                time.sleep(rng.uniform(0, LONGEST_START_SECONDS))
            else:
                until(lambda before=before: witness.sizes() != before, True)
                time.sleep(rng.uniform(0, 0.2))
            operator.restart()
        site.price(40)
        site.change(capWatts=15_000)
        site.becomes(dear=10, cheap=5, seconds=60)
        assert witness.violations(site.hand) == []
        assert witness.raises_before_the_ledger(site.hand) == []
    site.shows(committedWatts=15_000)


def test_dying_pods_of_lowered_and_of_deleted_targets_are_counted_after_a_kill(
    site: Site, operator: OperatorProcess
) -> None:
    site.budget(10_000)
    site.mine("lowered", 4, gone_after="12s", worth={"perMWh": "100"})
    site.mine("deleted", 4, gone_after="12s", worth={"perMWh": "100"})
    site.mine("waiting", 10, worth={"perMWh": "60"})
    site.becomes(lowered=4, deleted=4, waiting=2)
    with site.witness(lowered=1000, deleted=1000, waiting=1000) as witness:
        site.hand.patch("MiningPool", site.namespace, "lowered", {"spec": {"replicas": {"max": 0}}})
        until(lambda: site.sizes()["lowered"], 0)
        site.hand.delete("Deployment", site.namespace, "deleted")
        operator.restart()
        operator.await_leading()
        site.shows("MiningPool", "waiting", reason="WaitingForWatts", goalReplicas=10)
        assert site.pods() == {"lowered": 4, "deleted": 4, "waiting": 2}, "this test needs pods that die slowly"
        assert site.status()["committedWatts"] == 10_000
        site.becomes(lowered=0, waiting=10)
        assert witness.violations(site.hand) == []
    until(lambda: {book["name"] for book in site.status()["targets"]}, {"lowered", "waiting"})


def test_a_deadline_is_kept_by_the_next_process(site: Site, operator: OperatorProcess) -> None:
    """Work that waited for hours before a restart has waited for hours after it."""
    site.deployment("batch", gpus=1)
    batch = {"deadlineSeconds": 7200, "workPerReplicaHour": "60"}
    site.service("batch", serviceClass="Batch", demand={"feed": "requests", "perReplica": "1"}, batch=batch)
    site.budget(20_000, feeds=[site.named_feed("requests", 3, "Count")])
    site.price(9_000)
    site.shows("InferenceDeployment", "batch", reason="PriceAboveStrike", replicas=0)
    told = until(lambda: site.status("InferenceDeployment", "batch").get("waitingSince"), bool)
    assert 0 <= time.time() - parse_time(str(told)) < 600
    long_ago = format_time(int(time.time()) - 3 * 3600)
    where = f"{path('InferenceDeployment', site.namespace, 'batch')}/status"
    site.hand.send("PATCH", where, {"status": {"waitingSince": long_ago}}, MERGE_PATCH)
    operator.restart()
    site.becomes(batch=3, seconds=60)
    site.shows("InferenceDeployment", "batch", reason="Deadline")
    assert parse_time(site.status("InferenceDeployment", "batch")["waitingSince"]) <= parse_time(long_ago)


def test_books_survive_in_the_budgets_status(site: Site, operator: OperatorProcess) -> None:
    site.budget(10_000)
    site.mine("miners", 6, replicas=2, onDelete="Restore", worth={"perMWh": "100"})
    site.becomes(miners=6)
    until(lambda: [book["replicas"] for book in site.status()["targets"]], [6])
    (book,) = site.status()["targets"]
    found = site.hand.read("Deployment", site.namespace, "miners")
    assert found is not None
    expected = {"uid": found["metadata"]["uid"], "kind": "Deployment", "name": "miners", "watts": 1000}
    assert expected.items() <= book.items()
    operator.restart()
    site.hand.patch("MiningPool", site.namespace, "miners", {"spec": {"replicas": {"max": 5}}})
    site.becomes(miners=5)
    site.hand.delete("MiningPool", site.namespace, "miners")
    site.becomes(miners=2)


def test_a_killed_operators_lease_binds_raises_and_not_the_limit(site: Site, operator: OperatorProcess) -> None:
    site.budget(10_000)
    site.mine("miners", 10)
    site.becomes(miners=10)
    with site.witness(miners=1000) as witness:
        operator.kill()
        killed_at = time.time()
        site.change(capWatts=4_000)
        operator.start(same_lease=True)
        site.becomes(miners=4, seconds=TAKEOVER_SECONDS)
        written_at, _ = witness.sizes_written(site.hand, "miners")[-1]
        assert written_at - killed_at < 10, "the limit waits for no Lease"
        site.change(capWatts=10_000)
        site.becomes(miners=10, seconds=TAKEOVER_SECONDS)
        raised_at, _ = witness.sizes_written(site.hand, "miners")[-1]
        assert raised_at - killed_at > 10, "a raise must wait until the first must have stopped"


def test_an_operator_that_is_told_to_stop_gives_its_lease_back(site: Site, operator: OperatorProcess) -> None:
    site.budget(10_000)
    site.mine("miners", 10)
    site.becomes(miners=10)
    assert operator.stop() == 0
    site.change(capWatts=4_000)
    began = time.monotonic()
    operator.start(same_lease=True)
    site.becomes(miners=4, seconds=TAKEOVER_SECONDS)
    assert time.monotonic() - began < 15, "a Lease that was given back need not be waited for"
