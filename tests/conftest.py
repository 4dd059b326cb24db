"""Fixtures of the tests that need a real API server; nothing here starts one before a test asks for it."""

import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import programs
from local.cluster import Cluster, Kubectl
from local.nodes import racks_for
from local.prometheus import Prometheus, PrometheusFactory

CHECKOUT = Path(__file__).parent.parent
NODES = 20
SERVED_SECONDS = 30.0


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests by their folder, so that `-m "not integration"` never needs a cluster."""
    for item in items:
        if CHECKOUT / "tests" / "integration" in item.path.parents:
            item.add_marker(pytest.mark.integration)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build what is missing before the first test, outside its time limit."""
    if session.config.option.collectonly:
        return
    if any(item.get_closest_marker("integration") for item in session.items):
        programs.ensure_all()


@pytest.fixture(scope="session")
def _shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster")) as started:
        started.add_nodes(racks_for(NODES))
        yield started


@pytest.fixture
def cluster(_shared_cluster: Cluster) -> Iterator[Cluster]:
    """Give the session's cluster: 5 miner nodes and 15 nodes with 8 GPUs; a program that died fails the test."""
    _shared_cluster.check()
    yield _shared_cluster
    _shared_cluster.check()


@pytest.fixture
def kubectl(cluster: Cluster) -> Kubectl:
    """Give a callable that returns what kubectl prints and raises with what it complains of."""
    return cluster.kubectl


@pytest.fixture
def crds(cluster: Cluster) -> None:
    """Apply the project's custom resource definitions and wait until they are served."""
    folder = str(CHECKOUT / "crds")
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", folder)
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", folder)
    _await_served(cluster)


def _await_served(cluster: Cluster) -> None:
    """An established kind still answers 429 for a moment, until its storage is there."""
    deadline = time.monotonic() + SERVED_SECONDS
    while True:
        try:
            cluster.kubectl(
                "get",
                "powerbudgets,powerledgers,miningpools,inferencedeployments,curtailmentevents",
                "--all-namespaces",
            )
        except RuntimeError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give a namespace of the test's own; its pods go with it, without waiting."""
    name = f"{_label(request.node.name)}-{secrets.token_hex(3)}"
    cluster.kubectl("create", "namespace", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def prometheus_factory(tmp_path: Path) -> Iterator[PrometheusFactory]:
    """Give a callable that starts a Prometheus from a list of scrape configs."""
    started: list[Prometheus] = []

    def start(scrape_configs: list[dict[str, Any]], *, scrape_interval_seconds: int = 1) -> Prometheus:
        directory = tmp_path / f"prometheus-{len(started)}"
        server = Prometheus(directory, scrape_configs, scrape_interval_seconds=scrape_interval_seconds)
        started.append(server)
        return server.start()

    yield start
    for server in started:
        server.stop()


def _label(text: str) -> str:
    """Shorten a test's name to what a namespace may be called."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-")
