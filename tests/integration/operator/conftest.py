"""The operator as a real process against a real API server, sites to run it on, and feeds that tests set."""

import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from integration.operator.fake_feeds import FakeFeeds
from integration.operator.hand import Hand
from integration.operator.operator_process import OperatorProcess
from integration.operator.site import Site
from local.cluster import Cluster

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[2]
PROCESS = pytest.StashKey[OperatorProcess]()
LEASES = "operator-tests"

SiteFactory = Callable[[], Site]


@pytest.fixture(scope="session")
def _prepared_cluster(_shared_cluster: Cluster) -> Cluster:
    """The session's cluster with the custom resources, and a namespace for Leases."""
    folder = str(CHECKOUT / "crds")
    _shared_cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", folder)
    _shared_cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", folder)
    with Hand(_shared_cluster.server, _shared_cluster.token, _shared_cluster.ca_file) as hand:
        if hand.read("Namespace", "", LEASES) is None:
            hand.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": LEASES}})
    return _shared_cluster


@pytest.fixture(scope="session")
def feeds() -> Iterator[FakeFeeds]:
    """Feeds on loopback; tests use paths that begin with their site's name."""
    server = FakeFeeds()
    yield server
    server.close()


@pytest.fixture(scope="session")
def _operator(
    _prepared_cluster: Cluster, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """One operator for all tests of this folder; two would fight over the same sites."""
    folder, lease = tmp_path_factory.mktemp("operator"), f"test-{secrets.token_hex(4)}"
    process = OperatorProcess(_prepared_cluster.kubeconfig, folder, LEASES, lease)
    request.session.stash[PROCESS] = process
    process.start()
    yield process
    process.stop()
    lines = [json.loads(line) for log in process.logs for line in log.read_text().splitlines()]
    assert [line for line in lines if line["severity"] == "critical" or "decision failed" in line["message"]] == []


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Stop the operator after the last test of this folder: other tests have objects of its kinds too."""
    process = item.session.stash.get(PROCESS, None)
    if process is not None and (nextitem is None or HERE not in nextitem.path.parents):
        process.stop()


@pytest.fixture
def operator(_operator: OperatorProcess) -> Iterator[OperatorProcess]:
    """A running operator that may raise; it must not end by itself."""
    if not _operator.running:
        _operator.start()
    _operator.await_leading()
    yield _operator
    _operator.check()


@pytest.fixture
def hand(_prepared_cluster: Cluster) -> Iterator[Hand]:
    """The test's own client of the API server."""
    with Hand(_prepared_cluster.server, _prepared_cluster.token, _prepared_cluster.ca_file) as opened:
        yield opened


@pytest.fixture
def new_site(
    _prepared_cluster: Cluster, operator: OperatorProcess, hand: Hand, feeds: FakeFeeds
) -> Iterator[SiteFactory]:
    """Give a callable that opens a site with a budget and a namespace of its own."""
    opened: list[Site] = []

    def open_site() -> Site:
        opened.append(Site(_prepared_cluster, hand, feeds, f"site-{secrets.token_hex(4)}"))
        return opened[-1]

    yield open_site
    for site in opened:
        site.close()


@pytest.fixture
def site(new_site: SiteFactory) -> Site:
    """A site of the test's own."""
    return new_site()
