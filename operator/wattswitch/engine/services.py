"""What every site's loop shares: the client, the view, the feeds, the Lease, the writers."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from wattswitch.cluster import EventRecorder, KubeClient, LeaderLease, StatusWriter, View
from wattswitch.feeds import FeedSet
from wattswitch.metrics import Metrics
from wattswitch.settings import Settings


class Recorder:
    """Appends decisions to a file, a line each."""

    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("a", encoding="utf-8", buffering=1)

    def write(self, line: str) -> None:
        """Append one line."""
        self._file.write(line + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@dataclass
class Services:
    """Shared by all loops of one process."""

    settings: Settings
    client: KubeClient
    view: View
    feeds: FeedSet
    lease: LeaderLease
    status: StatusWriter
    events: EventRecorder
    metrics: Metrics
    request_relist: Callable[[], None]
    recorder: Recorder | None = None

    @property
    def leading(self) -> bool:
        """Whether this process may raise."""
        return self.lease.leading

    @property
    def standby(self) -> bool:
        """Whether another process holds the Lease: then this one lowers for the limit, and does nothing else."""
        return not self.lease.leading and self.lease.holder not in {"", self.lease.identity}
