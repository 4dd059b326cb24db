"""The process: kopf watches and wakes, one loop decides for each budget, a re-list repairs what a watch missed.

Guarantee: in each term of the Lease nothing is raised before everything, the ledgers of the last holder included, was
listed anew by a list that began in this term, and before the loops were built from it. Until then the loops of before
go on lowering for the limit.
"""

import asyncio
import contextlib
import gc
import itertools
import logging
import os
import socket
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from wattswitch.api.parse import parse
from wattswitch.api.power_budget import PowerBudget
from wattswitch.api.times import format_time
from wattswitch.cluster import EventRecorder, KubeClient, LeaderLease, StatusWriter, View, relist
from wattswitch.engine import clock
from wattswitch.engine.accounts import Accounts, Duty
from wattswitch.engine.forest import Forest
from wattswitch.engine.orphans import Orphans
from wattswitch.engine.services import Recorder, Services
from wattswitch.engine.site import SiteLoop
from wattswitch.engine.vital import vital
from wattswitch.feeds import FeedSet
from wattswitch.metrics import Metrics
from wattswitch.settings import Settings

logger = logging.getLogger(__name__)

TEND_SECONDS = 1.0
LEAST_TEND_SECONDS = 0.2
SECOND_LIST_SECONDS = 5.0
FIRST_LEASE_SECONDS = 1.0
"""How long the first list waits for the Lease, so that a list which already is of our first term needs no second."""
COLLECT_AFTER = 10_000
"""Objects that are made beyond those that went before the garbage collector looks at the young ones."""
STUCK_STEP_SECONDS = 30.0
LAG_SECONDS = 5.0


class Operator:
    """Everything that runs beside kopf's watches."""

    def __init__(self, settings: Settings, client: KubeClient, metrics: Metrics) -> None:
        identity = settings.identity or _identity()
        self._relist_now = asyncio.Event()
        self._term_began = asyncio.Event()
        self._changed = asyncio.Event()
        self._waking = self._settled = False
        self._loops: dict[str, SiteLoop] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._tended_at = clock.monotonic()
        view = View(self._on_change)
        self.services = Services(
            settings=settings,
            client=client,
            view=view,
            forest=Forest(view, self._on_change),
            feeds=FeedSet(clock.now, self._on_feed),
            lease=LeaderLease(
                client,
                settings.lease_namespace,
                settings.lease_name,
                identity,
                timestamp=_micro_timestamp,
                on_term=self._on_term,
            ),
            status=StatusWriter(client, concurrency=4),
            events=EventRecorder(client, identity, timestamp=lambda: format_time(int(clock.now()))),
            metrics=metrics,
            request_relist=self._relist_now.set,
            recorder=Recorder(settings.record) if settings.record else None,
        )
        if settings.store is not None:
            duty = Duty(lambda: self.services.leading, lambda: self.services.standby)
            self.services.accounts = Accounts(settings.store, duty, metrics)
        self._orphans = Orphans(self.services)

    def start(self) -> None:
        """Begin: the Lease, the first list, and then the loops."""
        self.services.status.start()
        work = (self.services.lease.run(), self.services.events.run(), self._relist(), self._tend())
        self._tasks = [vital(each) for each in work]

    async def close(self) -> None:
        """Stop raising first, finish what is under way, give the Lease back last."""
        lease, *others = self._tasks
        for task in others:
            task.cancel()
        await asyncio.gather(*(loop.close() for loop in self._loops.values()))
        if self.services.accounts is not None:
            await self.services.accounts.close()
        await self.services.feeds.close()
        await self.services.status.close()
        lease.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.services.client.close()
        if self.services.recorder:
            self.services.recorder.close()

    def observe(self, event_type: Any, body: Any) -> None:
        """Take one watch event."""
        self.services.view.apply(event_type, body)

    def problems(self) -> list[str]:
        """Why this process is not healthy, nothing where it is."""
        now = clock.monotonic()
        found = []
        if now - self._tended_at > LAG_SECONDS:
            found.append(f"the event loop is {now - self._tended_at:.0f} s behind")
        if not self.services.view.fresh(now, 2 * self.services.settings.view_stale_seconds) and self._loops:
            found.append("the cluster has not been listed for too long")
        idle = {loop.name: now - loop.stepped_at for loop in self._loops.values()}
        late = {name: seconds for name, seconds in idle.items() if seconds > STUCK_STEP_SECONDS}
        return found + [f"budget {name} has not been decided for {seconds:.0f} s" for name, seconds in late.items()]

    @property
    def ready(self) -> bool:
        """Whether the cluster has been seen once."""
        return self.services.view.relisted_at is not None

    def _on_change(self) -> None:
        """Have all loops woken, once for all changes of one turn of the event loop."""
        self._changed.set()
        if not self._waking:
            self._waking = True
            asyncio.get_running_loop().call_soon(self._wake)

    def _wake(self) -> None:
        self._waking = False
        for loop in self._loops.values():
            loop.wake()

    def _on_term(self) -> None:
        self._term_began.set()
        self._relist_now.set()

    def _on_feed(self, uid: str) -> None:
        if loop := self._loops.get(uid):
            loop.wake()

    async def _relist(self) -> None:
        settings = self.services.settings
        # The second list comes soon: between the first one and the watches something may have gone unseen.
        pauses = itertools.chain([SECOND_LIST_SECONDS], itertools.repeat(settings.relist_seconds))
        await _wait(self.services.lease.tried, FIRST_LEASE_SECONDS)
        while True:
            self._relist_now.clear()
            self._term_began.clear()
            seen = await relist(self.services.client, self.services.view, settings.namespaces or None)
            for kind, message in {**seen.forbidden, **seen.failed}.items():
                logger.warning("%s not listed: %s", kind, message)
            self._changed.set()
            await self._until_next_list(next(pauses) if seen.complete else TEND_SECONDS)

    async def _until_next_list(self, most_seconds: float) -> None:
        """Wait; a new term is listed for at once, what else asks for a list waits until lists are `TEND_SECONDS` apart.

        No view may stay old for longer than `most_seconds`.
        """
        if not await _wait(self._term_began, TEND_SECONDS):
            await _wait(self._relist_now, most_seconds - TEND_SECONDS)

    async def _tend(self) -> None:
        """Keep one loop for every budget, and tell workloads whose budget does not exist."""
        while True:
            self._tended_at = clock.monotonic()
            self._changed.clear()
            if self.ready:
                await self._match_loops()
                self._orphans.tell()
                self._settle_memory()
            self.services.metrics.leading.set(self.services.leading)
            await asyncio.sleep(LEAST_TEND_SECONDS)
            await _wait(self._changed, TEND_SECONDS)

    async def _match_loops(self) -> None:
        if not self.services.serving and self.services.listed_in_term:
            await self._serve(self.services.lease.term)
        raws = {str(raw["metadata"]["uid"]): raw for raw in self.services.view.all("PowerBudget")}
        for uid in [uid for uid in self._loops if uid not in raws]:
            loop = self._loops.pop(uid)
            logger.info("budget %s is gone: its workloads stay as they are", loop.name)
            await loop.close()
            if self.services.accounts is not None:
                self.services.accounts.forget(loop.name)
            self.services.metrics.forget(loop.name)
        for uid, raw in raws.items():
            if uid not in self._loops:
                self._begin(uid, raw)

    def _settle_memory(self) -> None:
        """Have the garbage collector look no more at what stays: with 1,000 targets that took an eighth of the time."""
        if not self._settled and self._loops:
            self._settled = True
            gc.freeze()
            gc.set_threshold(COLLECT_AFTER)

    async def _serve(self, term: int) -> None:
        """Drop the loops of before, whose books know nothing of what the last holder wrote, and open the gate.

        To be called when everything was listed in this term; new loops must be built before anything is awaited.
        """
        await asyncio.gather(*(loop.close() for loop in self._loops.values()))
        self._loops.clear()
        self.services.status.forget_all()
        self.services.served_term = term
        logger.info("term %d: the books of the last holder are read", term)

    def _begin(self, uid: str, raw: dict[str, Any]) -> None:
        budget, problems = parse(PowerBudget, {key: raw[key] for key in raw if key != "status"})
        if budget is None:
            self._orphans.unreadable(raw, problems)
            return
        try:
            loop = SiteLoop(self.services, budget, raw)
        except ValueError as error:
            self._orphans.unreadable(raw, [f"the books in its status cannot be read: {error}"])
            return
        loop.start()
        self._loops[uid] = loop


async def _wait(event: asyncio.Event, seconds: float) -> bool:
    """Wait for the event, so long at most; whether it is set."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(max(0.0, seconds)):
            await event.wait()
    return event.is_set()


def _identity() -> str:
    """The pod's name in a cluster, where a container only starts again when the last one is dead; else a new name."""
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        return socket.gethostname()
    return f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"


def _micro_timestamp() -> str:
    return datetime.fromtimestamp(clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
