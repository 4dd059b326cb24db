"""Two operators and one Lease: the next holder raises from what the first one wrote, and not before it has read it."""

import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.operator.conftest import LEASES
from integration.operator.hand import until
from integration.operator.operator_process import OperatorProcess
from integration.operator.site import Site
from local.cluster import Cluster

TAKEOVER_SECONDS = 60.0
POOLS = 26
"""More than the budget's own status holds, so that some books stand in a PowerLedger, which nobody watches."""


@pytest.fixture
def pair(operator: OperatorProcess, cluster: Cluster, tmp_path: Path) -> Iterator[list[OperatorProcess]]:
    """Give two operators on one Lease, the first of which leads; the one of all tests stands still meanwhile."""
    operator.stop()
    name = f"handover-{secrets.token_hex(4)}"
    both = [OperatorProcess(cluster.kubeconfig, tmp_path / which, LEASES, name) for which in ("first", "second")]
    for which, process in zip(("first", "second"), both, strict=True):
        (tmp_path / which).mkdir()
        process.start()
        until(lambda process=process: process.get("/readyz")[0], 200, 30)
        if which == "first":
            process.await_leading()
    yield both
    for process in both:
        process.stop()


def leads(process: OperatorProcess) -> bool:
    return process.series("wattswitch_leading") == {(): 1.0}


def test_the_next_holder_goes_on_from_the_ledgers_of_the_first(site: Site, pair: list[OperatorProcess]) -> None:
    first, second = pair
    names = [f"m{n:02}" for n in range(POOLS)]
    site.budget(POOLS * 1_000)
    for name in names:
        site.mine(name, 2)
    until(lambda: sum(site.sizes().values()), POOLS, 60)
    until(lambda: len(site.hand.read("PowerLedger", "", f"{site.name}-1") or {}) > 0, True)
    with site.witness(**dict.fromkeys(names, 1000)) as witness:
        site.change(capWatts=POOLS * 1_000 // 2)
        until(lambda: sum(site.sizes().values()), POOLS // 2, 30)
        first.kill()
        killed_at = time.time()
        site.change(capWatts=2 * POOLS * 1_000)
        until(lambda: sum(site.sizes().values()), 2 * POOLS, TAKEOVER_SECONDS)
        assert leads(second)
        raises = [at for name in names for at, _ in witness.sizes_written(site.hand, name) if at > killed_at]
        assert min(raises) - killed_at > 10, "a raise must wait until the first must have stopped"
        assert witness.violations(site.hand) == []
        elsewhere = {line.split()[0] for line in witness.raises_before_the_ledger(site.hand)}
    ledger = site.hand.read("PowerLedger", "", f"{site.name}-1")
    assert ledger is not None
    assert {book["name"]: book["replicas"] for book in ledger["status"]["targets"]} == dict.fromkeys(elsewhere, 2)
    second.check()
