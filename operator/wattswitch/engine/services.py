"""What every site's loop shares: the client, the view, the feeds, the Lease, the writers."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from wattswitch.cluster import EventRecorder, KubeClient, LeaderLease, StatusWriter, View
from wattswitch.engine.accounts import Accounts
from wattswitch.engine.forest import Forest
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
    """Shared by all loops of one process.

    `served_term` is the last term of the Lease for which the loops were built from ledgers that were listed in it.
    """

    settings: Settings
    client: KubeClient
    view: View
    feeds: FeedSet
    lease: LeaderLease
    status: StatusWriter
    events: EventRecorder
    metrics: Metrics
    request_relist: Callable[[], None]
    forest: Forest
    recorder: Recorder | None = None
    accounts: Accounts | None = None
    served_term: int = 0

    @property
    def leading(self) -> bool:
        """Whether this process may raise: it holds the Lease, and its books are those that the last holder left."""
        return self.lease.leading and self.serving

    @property
    def standby(self) -> bool:
        """Whether this process lowers for the limit and does nothing else.

        So it is while another process holds the Lease, and until the books which that one left have been read.
        """
        return not self.serving or (not self.lease.leading and self.lease.holder not in {"", self.lease.identity})

    @property
    def serving(self) -> bool:
        """Whether the loops were built in the newest term of ours, or there was none yet."""
        return self.served_term == self.lease.term

    @property
    def listed_in_term(self) -> bool:
        """Whether a complete re-list has ended that began in the newest term of ours, ledgers and all."""
        listed_at = self.view.relisted_at
        return listed_at is not None and self.lease.term > 0 and listed_at > self.lease.term_began_at
