"""One leader at a time, by a Lease, measured on monotonic clocks only.

Guarantee: while clocks run at the same rate, two candidates never both lead. A leader counts from *before* the
renewal that succeeded and stops `renew_deadline_seconds` later, hung call or not; a candidate counts from *after* the
read that first showed a record and takes over no sooner than `lease_seconds` later, which must be longer.

A term is one unbroken time as holder by the Lease's own record: within it nobody else has led, however often we were
late. What others wrote before a term began is to be read again in it.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wattswitch.cluster import paths
from wattswitch.cluster.client import KubeClient
from wattswitch.errors import Conflict, NotFound, WattswitchError

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Observed:
    """The record that was seen last, and since when by our own clock it has not changed."""

    record: dict[str, Any]
    since: float

    @property
    def version(self) -> str:
        return str(self.record["metadata"].get("resourceVersion", ""))

    @property
    def spec(self) -> dict[str, Any]:
        return self.record.get("spec") or {}

    @property
    def holder(self) -> str:
        return str(self.spec.get("holderIdentity") or "")

    @property
    def acquisition(self) -> tuple[str, ...]:
        """What changes whenever anybody acquires the Lease, and with nothing else that a candidate writes."""
        of_record = str(self.record["metadata"].get("uid", ""))
        return of_record, str(self.spec.get("leaseTransitions", "")), str(self.spec.get("acquireTime", ""))


class LeaderLease:
    """A candidate for one Lease (coordination.k8s.io/v1).

    `identity` must be new for each process. `timestamp` gives the wall clock as RFC 3339 with microseconds and a Z;
    it is written for people to read and never compared. `on_term` is called when a term of ours has begun; it must
    neither raise nor wait. `run` until cancelled; then the Lease is given back.
    """

    def __init__(
        self,
        client: KubeClient,
        namespace: str,
        name: str,
        identity: str,
        lease_seconds: float = 15.0,
        renew_deadline_seconds: float = 10.0,
        retry_seconds: float = 2.0,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        timestamp: Callable[[], str],
        on_term: Callable[[], object] = lambda: None,
    ) -> None:
        if not retry_seconds < renew_deadline_seconds < lease_seconds:
            msg = "a Lease needs retry_seconds < renew_deadline_seconds < lease_seconds"
            raise ValueError(msg)
        self.identity = identity
        self._client = client
        self._collection = paths.collection("Lease", namespace)
        self._item = paths.item("Lease", namespace, name)
        self._metadata = {"namespace": namespace, "name": name}
        self._lease_seconds = lease_seconds
        self._deadline_seconds = renew_deadline_seconds
        self._retry_seconds = retry_seconds
        self._monotonic = monotonic
        self._timestamp = timestamp
        self._on_term = on_term
        self._observed: _Observed | None = None
        self._renewed_at: float | None = None
        self._acquisition: tuple[str, ...] | None = None
        self.term = 0
        """How many terms of ours have begun, 0 before the first."""
        self.term_began_at = 0.0
        """Monotonic time at which we knew of this term: whoever led before had stopped by then."""
        self.tried = asyncio.Event()
        """Set once the first attempt is over, whatever came of it."""

    @property
    def leading(self) -> bool:
        """Whether we lead: the last renewal that succeeded began less than the deadline ago."""
        return self._renewed_at is not None and self._monotonic() - self._renewed_at < self._deadline_seconds

    @property
    def holder(self) -> str:
        """Who held the Lease when it was last read, empty where nobody did."""
        return self._observed.holder if self._observed else ""

    async def run(self) -> None:
        """Acquire and renew until cancelled, then release."""
        led = False
        try:
            while True:
                await self.attempt()
                if self.leading != led:
                    led = not led
                    logger.info("%s %s", self.identity, "leads" if led else f"follows {self.holder or 'nobody'}")
                await asyncio.sleep(self._retry_seconds)
        finally:
            await self.release()

    async def attempt(self) -> None:
        """Try once to acquire or renew; a failure leaves things as they are, and time does the rest."""
        try:
            async with asyncio.timeout(self._deadline_seconds):
                await self._acquire_or_renew()
        except (WattswitchError, TimeoutError) as problem:
            logger.warning("lease %s: %s", self._metadata["name"], problem or "no answer before the deadline")
        finally:
            self.tried.set()

    async def release(self) -> None:
        """Stop leading, then say so, so that the next leader need not wait. Call it when no write is under way."""
        observed, held = self._observed, self._renewed_at is not None
        self._renewed_at = None
        if not held or observed is None or observed.holder != self.identity:
            return
        try:
            async with asyncio.timeout(self._retry_seconds):
                await self._put({**observed.spec, "holderIdentity": "", "leaseDurationSeconds": 1})
        except (WattswitchError, TimeoutError) as problem:
            logger.warning("lease %s not given back: %s", self._metadata["name"], problem)

    async def _acquire_or_renew(self) -> None:
        began_at = self._monotonic()
        if self._observed is not None and self._observed.holder == self.identity:
            try:
                await self._take(began_at)
            except (Conflict, NotFound):
                self._observed = None  # another hand wrote it: look before anything else
            else:
                return
        await self._look()
        if self._observed is None:
            await self._create(began_at)
        elif self._free():
            await self._take(began_at)

    def _free(self) -> bool:
        """Whether the Lease is ours, nobody's, or unchanged for so long that its holder must have stopped."""
        observed = self._observed
        if observed is None or observed.holder in {"", self.identity}:
            return True
        promised = max(self._lease_seconds, float(observed.spec.get("leaseDurationSeconds") or 0))
        return self._monotonic() - observed.since >= promised

    async def _look(self) -> None:
        """Read the Lease; the time of an unchanged record goes on from when it was first seen."""
        try:
            record = await self._client.request("GET", self._item)
        except NotFound:
            self._observed = None
            return
        seen = _Observed(record, self._monotonic())
        if self._observed is None or self._observed.version != seen.version:
            self._observed = seen

    async def _create(self, began_at: float) -> None:
        body = self._lease(self._spec({}), self._metadata)
        try:
            record = await self._client.request("POST", self._collection, body=body)
        except Conflict:
            return  # another candidate was first: look at the next attempt
        self._won(record, began_at)

    async def _take(self, began_at: float) -> None:
        """Write our name into the record that was seen, refused when it has changed since."""
        if self._observed is None:
            return
        before = self._observed.version
        record = await self._put(self._spec(self._observed.spec))
        if record["metadata"].get("resourceVersion") == before:
            # A write that changes nothing is not stored: with a wall clock that stands still, nobody else saw it.
            logger.warning("lease %s: the wall clock stands still, not renewed", self._metadata["name"])
            return
        self._won(record, began_at)

    def _won(self, record: dict[str, Any], began_at: float) -> None:
        self._observed = _Observed(record, self._monotonic())
        self._renewed_at = began_at
        if self._acquisition != self._observed.acquisition:
            self._acquisition = self._observed.acquisition
            self.term, self.term_began_at = self.term + 1, self._monotonic()
            logger.info("%s: term %d begins", self.identity, self.term)
            self._on_term()

    async def _put(self, spec: dict[str, Any]) -> dict[str, Any]:
        metadata = self._observed.record["metadata"] if self._observed else self._metadata
        return await self._client.request("PUT", self._item, body=self._lease(spec, metadata))

    def _spec(self, before: dict[str, Any]) -> dict[str, Any]:
        now = self._timestamp()
        spec = {
            **before,
            "holderIdentity": self.identity,
            "leaseDurationSeconds": max(1, round(self._lease_seconds)),
            "renewTime": now,
        }
        if before.get("holderIdentity") != self.identity:
            spec["acquireTime"] = now
            spec["leaseTransitions"] = int(before.get("leaseTransitions") or 0) + (1 if before else 0)
        return spec

    @staticmethod
    def _lease(spec: dict[str, Any], metadata: dict[str, Any]) -> dict[str, Any]:
        return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
