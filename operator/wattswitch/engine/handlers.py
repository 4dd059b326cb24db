"""kopf: the process, the watches, the logs. Handlers only hand events on; every decision is the loops'."""

import asyncio
from typing import Any

import kopf

from wattswitch.api.base import GROUP, VERSION
from wattswitch.cluster import KubeClient
from wattswitch.cluster.credentials import load_configuration
from wattswitch.engine.endpoint import Endpoint
from wattswitch.engine.operator import Operator
from wattswitch.metrics import Metrics
from wattswitch.settings import Settings

WATCHED = (
    (GROUP, VERSION, "powerbudgets"),
    (GROUP, VERSION, "miningpools"),
    (GROUP, VERSION, "inferencedeployments"),
    (GROUP, VERSION, "curtailmentevents"),
    ("apps", "v1", "deployments"),
    ("apps", "v1", "statefulsets"),
    ("autoscaling", "v2", "horizontalpodautoscalers"),
    ("", "v1", "namespaces"),
)


class NoDiffBase(kopf.DiffBaseStorage):
    """Keeps no copy of what was last handled: nothing here works by differences, and making them costs most of the
    time that kopf spends on an event."""

    def build(self, **_: Any) -> Any:
        """An essence without content."""
        return {}

    def fetch(self, **_: Any) -> None:
        """Nothing was kept."""

    def store(self, **_: Any) -> None:
        """Keep nothing."""


class NoProgress(kopf.ProgressStorage):
    """Keeps no progress of handlers: they have none."""

    def fetch(self, **_: Any) -> None:
        """Nothing was kept."""

    def store(self, **_: Any) -> None:
        """Keep nothing."""

    def purge(self, **_: Any) -> None:
        """There is nothing to remove."""

    def touch(self, **_: Any) -> None:
        """Write nothing."""

    def clear(self, *, essence: Any) -> Any:
        """There is nothing of ours in it."""
        return essence


def registry_for(settings: Settings) -> kopf.OperatorRegistry:
    """All handlers, bound to one operator of these settings."""
    registry = kopf.OperatorRegistry()
    running: dict[str, Any] = {}

    @kopf.on.startup(registry=registry)
    async def start(settings: kopf.OperatorSettings, **_: Any) -> None:
        configure(settings)
        metrics = Metrics()
        client = await KubeClient.connect(process.kubeconfig, concurrency=64)
        running["operator"] = Operator(process, client, metrics)
        running["endpoint"] = Endpoint(running["operator"], metrics, process)
        await running["endpoint"].start()
        running["operator"].start()

    @kopf.on.cleanup(registry=registry)
    async def stop(**_: Any) -> None:
        if "operator" in running:
            await running["operator"].close()
            await running["endpoint"].close()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        return await connection(process.kubeconfig)

    async def hand_on(event: kopf.RawEvent, **_: Any) -> None:
        running["operator"].observe(event["type"], event["object"])

    process = settings
    for group, version, plural in WATCHED:
        kopf.on.event(group, version, plural, registry=registry)(hand_on)
    return registry


async def connection(kubeconfig: str | None) -> kopf.ConnectionInfo:
    """What our own client connects with, for kopf's."""
    found = await load_configuration(kubeconfig)
    bearer = await found.get_api_key_with_prefix("BearerToken", alias="authorization")
    scheme, _, token = (bearer or "").rpartition(" ")
    return kopf.ConnectionInfo(
        server=found.host,
        ca_path=found.ssl_ca_cert,
        insecure=not found.verify_ssl,
        certificate_path=found.cert_file,
        private_key_path=found.key_file,
        username=found.username or None,
        password=found.password or None,
        scheme=scheme or None,
        token=token or None,
    )


def configure(settings: kopf.OperatorSettings) -> None:
    """kopf's own waits, cut from minutes to seconds: a hung call must not outlive a curtailment."""
    settings.networking.request_timeout = 10
    settings.networking.connect_timeout = 3
    settings.networking.error_backoffs = [0.2, 0.5, 1, 2]
    settings.watching.server_timeout = 240
    settings.watching.chunk_size = 100
    settings.queueing.error_delays = [1, 2, 5, 10]
    settings.execution.default_backoff = 2
    settings.execution.max_workers = 4
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.process.ultimate_exiting_timeout = 20
    settings.persistence.finalizer = f"{GROUP}/unused"
    settings.persistence.diffbase_storage = NoDiffBase()
    settings.persistence.progress_storage = NoProgress()


def run(settings: Settings) -> None:
    """Run the operator until it is told to stop."""
    namespaces = settings.namespaces
    asyncio.run(
        kopf.operator(
            registry=registry_for(settings),
            standalone=True,
            clusterwide=not namespaces,
            namespaces=namespaces,
        )
    )
