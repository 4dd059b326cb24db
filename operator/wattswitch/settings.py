"""Settings of one process, from the command line; what belongs to a site is in its PowerBudget instead."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """How this process runs. `namespaces` empty means all; `record` is a file that every decision is appended to.

    `store` is the folder of the accounts, a volume that outlives the process; without it none are kept.

    `identity` is the name under which the Lease is held: two processes that run at once must differ in it.
    """

    kubeconfig: str | None = None
    namespaces: tuple[str, ...] = ()
    lease_namespace: str = "wattswitch-system"
    lease_name: str = "wattswitch"
    identity: str = ""
    metrics_address: str = "127.0.0.1"
    metrics_port: int = 8080
    record: Path | None = None
    store: Path | None = None
    relist_seconds: float = 30.0
    view_stale_seconds: float = 90.0
    heartbeat_seconds: float = 5.0
