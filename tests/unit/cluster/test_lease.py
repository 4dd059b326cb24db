import asyncio
import random
from collections.abc import Callable
from typing import Any, cast

import pytest
from aiohttp import web

from unit.cluster.api_server import Store, answering, until
from wattswitch.cluster import KubeClient, LeaderLease
from wattswitch.errors import ApiUnreachable, Conflict, NotFound

PATH = "/apis/coordination.k8s.io/v1/namespaces/ns/leases/wattswitch"


class Clock:
    """A monotonic clock that the test turns."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.stamps = 0

    def __call__(self) -> float:
        return self.now

    def timestamp(self) -> str:
        self.stamps += 1
        return f"2026-01-01T00:00:00.{self.stamps:06d}Z"


class LeaseServer:
    """One Lease with optimistic concurrency; calls take time and get lost, before or after they had their effect."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.lease: dict[str, Any] | None = None
        self.version = 0
        self.lose_before = self.lose_after = False
        self.latency = 0.0
        self.calls: list[str] = []

    async def request(self, method: str, path: str, *, body: Any = None, **_: Any) -> dict[str, Any]:
        self.calls.append(method)
        self.clock.now += self.latency / 2
        if self.lose_before:
            raise ApiUnreachable("lost on the way")
        answer = self._answer(method, body)
        self.clock.now += self.latency / 2
        if self.lose_after:
            raise ApiUnreachable("the answer was lost")
        return answer

    def _answer(self, method: str, body: Any) -> dict[str, Any]:
        if method == "GET":
            if self.lease is None:
                raise NotFound(404, "NotFound", "")
            return self.lease
        if method == "POST" and self.lease is not None:
            raise Conflict(409, "AlreadyExists", "")
        if method == "PUT":
            if self.lease is None:
                raise NotFound(404, "NotFound", "")
            if body["metadata"].get("resourceVersion") != self.lease["metadata"]["resourceVersion"]:
                raise Conflict(409, "Conflict", "")
            if body["spec"] == self.lease["spec"]:
                return self.lease
        self.version += 1
        self.lease = {"metadata": {**body["metadata"], "resourceVersion": str(self.version)}, "spec": body["spec"]}
        return self.lease


def candidate(server: LeaseServer, identity: str, on_term: Callable[[], object] = lambda: None) -> LeaderLease:
    client, clock = cast("KubeClient", server), server.clock
    return LeaderLease(
        client, "ns", "wattswitch", identity, monotonic=clock, timestamp=clock.timestamp, on_term=on_term
    )


async def test_the_first_candidate_creates_the_lease_and_leads() -> None:
    server = LeaseServer(Clock())
    lease = candidate(server, "a")
    assert not lease.leading
    await lease.attempt()
    assert lease.leading
    assert server.lease is not None
    assert server.lease["spec"] == {
        "holderIdentity": "a",
        "leaseDurationSeconds": 15,
        "renewTime": "2026-01-01T00:00:00.000001Z",
        "acquireTime": "2026-01-01T00:00:00.000001Z",
        "leaseTransitions": 0,
    }


async def test_leading_ends_at_the_deadline_without_any_answer() -> None:
    server = LeaseServer(Clock())
    lease = candidate(server, "a")
    await lease.attempt()
    server.clock.now += 9.9
    assert lease.leading
    server.clock.now += 0.2
    assert not lease.leading
    await lease.attempt()
    assert lease.leading, "nobody took it meanwhile"


async def test_the_deadline_counts_from_before_the_renewal_was_sent() -> None:
    server = LeaseServer(Clock())
    lease = candidate(server, "a")
    server.latency = 8.0
    await lease.attempt()  # a read that finds nothing, 4 s, and a create, 8 s
    assert not lease.leading


async def test_a_standby_takes_over_only_after_it_saw_the_record_unchanged_for_the_whole_lease() -> None:
    server = LeaseServer(Clock())
    first, second = candidate(server, "a"), candidate(server, "b")
    await first.attempt()
    server.clock.now += 3600  # it comes late: how old the record is by the wall clock does not matter
    await second.attempt()
    assert not second.leading
    server.clock.now += 14.9
    await second.attempt()
    assert not second.leading
    server.clock.now += 0.2
    await second.attempt()
    assert second.leading
    assert not first.leading
    assert server.lease is not None
    assert server.lease["spec"]["leaseTransitions"] == 1
    await first.attempt()
    assert not first.leading
    assert first.holder == "b"


async def test_a_renewal_starts_the_standbys_wait_again() -> None:
    server = LeaseServer(Clock())
    first, second = candidate(server, "a"), candidate(server, "b")
    for _ in range(20):
        await first.attempt()
        await second.attempt()
        server.clock.now += 8
        assert not second.leading


async def test_a_longer_promise_of_the_holder_is_kept() -> None:
    server = LeaseServer(Clock())
    lease = candidate(server, "b")
    server.version = 1
    server.lease = {
        "metadata": {"resourceVersion": "1"},
        "spec": {"holderIdentity": "other", "leaseDurationSeconds": 60},
    }
    await lease.attempt()
    server.clock.now += 59
    await lease.attempt()
    assert not lease.leading
    server.clock.now += 2
    await lease.attempt()
    assert lease.leading


async def test_release_lets_the_next_one_lead_at_once() -> None:
    server = LeaseServer(Clock())
    first, second = candidate(server, "a"), candidate(server, "b")
    await first.attempt()
    await first.release()
    assert not first.leading
    await second.attempt()
    assert second.leading


async def test_one_that_does_not_hold_it_releases_nothing() -> None:
    server = LeaseServer(Clock())
    first, second = candidate(server, "a"), candidate(server, "b")
    await first.attempt()
    await second.attempt()
    await second.release()
    assert server.lease is not None
    assert server.lease["spec"]["holderIdentity"] == "a"


async def test_a_renewal_whose_answer_was_lost_is_no_reason_to_follow() -> None:
    server = LeaseServer(Clock())
    lease = candidate(server, "a")
    await lease.attempt()
    server.lose_after = True
    server.clock.now += 5
    await lease.attempt()
    server.lose_after = False
    server.clock.now += 2
    await lease.attempt()
    server.clock.now += 9
    assert lease.leading


async def test_a_wall_clock_that_stands_still_does_not_count_as_renewed() -> None:
    server = LeaseServer(Clock())
    client = cast("KubeClient", server)
    lease = LeaderLease(client, "ns", "x", "a", monotonic=server.clock, timestamp=lambda: "2026-01-01T00:00:00.0Z")
    await lease.attempt()
    server.clock.now += 9
    await lease.attempt()
    server.clock.now += 2
    assert not lease.leading, "others saw no renewal and may be about to take over"


async def test_a_lease_deleted_by_hand_is_made_again() -> None:
    server = LeaseServer(Clock())
    lease = candidate(server, "a")
    await lease.attempt()
    server.lease = None
    server.clock.now += 2
    await lease.attempt()
    server.clock.now += 9
    assert lease.leading


# ---- terms ---------------------------------------------------------------------------------------------------------


async def test_a_term_begins_when_the_lease_is_acquired_and_not_when_it_is_renewed() -> None:
    server, began = LeaseServer(Clock()), []
    lease = candidate(server, "a", on_term=lambda: began.append(server.clock.now))
    assert lease.term == 0
    server.latency = 1.0
    await lease.attempt()
    assert (lease.term, lease.term_began_at, began) == (1, server.clock.now, [server.clock.now])
    for _ in range(5):
        server.clock.now += 5
        await lease.attempt()
    assert (lease.term, len(began)) == (1, 1)


async def test_a_late_renewal_is_of_the_same_term_when_nobody_led_meanwhile() -> None:
    server = LeaseServer(Clock())
    lease = candidate(server, "a")
    await lease.attempt()
    server.clock.now += 60
    assert not lease.leading
    await lease.attempt()
    assert (lease.leading, lease.term) == (True, 1)


async def test_one_that_loses_and_regains_the_lease_within_one_attempt_begins_a_new_term() -> None:
    """It never saw the other one."""
    server = LeaseServer(Clock())
    first, second = candidate(server, "a"), candidate(server, "b")
    await first.attempt()
    await second.attempt()
    server.clock.now += 16
    await second.attempt()
    assert second.leading
    await second.release()
    assert first.holder == "a"
    await first.attempt()
    assert (first.leading, first.term) == (True, 2)


async def test_a_lease_deleted_by_hand_begins_a_new_term() -> None:
    """Another may have made it, and lost it again."""
    server = LeaseServer(Clock())
    lease = candidate(server, "a")
    await lease.attempt()
    server.lease = None
    await lease.attempt()
    assert lease.term == 2


async def test_an_acquisition_whose_answer_was_lost_is_a_term_all_the_same() -> None:
    server = LeaseServer(Clock())
    first, second = candidate(server, "a"), candidate(server, "b")
    await first.attempt()
    await second.attempt()
    server.clock.now += 16
    await second.attempt()
    await second.release()
    server.lose_after = True
    await first.attempt()
    server.lose_after = False
    assert (first.leading, first.term) == (False, 1)
    await first.attempt()
    assert (first.leading, first.term) == (True, 2)


async def test_an_annotation_by_another_hand_begins_no_term() -> None:
    server = LeaseServer(Clock())
    lease = candidate(server, "a")
    await lease.attempt()
    assert server.lease is not None
    server.version += 1
    server.lease = {**server.lease, "metadata": {"resourceVersion": str(server.version), "annotations": {"by": "hand"}}}
    await lease.attempt()
    assert (lease.leading, lease.term) == (True, 1)


async def test_a_new_process_of_the_same_name_begins_a_term_at_its_first_attempt() -> None:
    server = LeaseServer(Clock())
    await candidate(server, "a").attempt()
    again = candidate(server, "a")
    assert not again.tried.is_set()
    await again.attempt()
    assert (again.leading, again.term, again.tried.is_set()) == (True, 1, True)


async def test_an_attempt_that_failed_was_tried() -> None:
    server = LeaseServer(Clock())
    lease = candidate(server, "a")
    server.lose_before = True
    await lease.attempt()
    assert (lease.tried.is_set(), lease.term) == (True, 0)


@pytest.mark.parametrize("seed", range(50))
async def test_whoever_leads_after_another_is_in_a_new_term(seed: int) -> None:
    rng, clock = random.Random(seed), Clock()
    server = LeaseServer(clock)
    candidates = [candidate(server, name) for name in "abc"]
    last: LeaderLease | None = None
    terms = dict.fromkeys("abc", 0)
    for _ in range(200):
        chosen = rng.choice(candidates)
        server.lose_before, server.lose_after = rng.random() < 0.2, rng.random() < 0.2
        server.latency = rng.choice([0.0, 0.1, 4.0])
        if rng.random() < 0.05:
            await chosen.release()
        else:
            await chosen.attempt()
        clock.now += rng.choice([0.0, 0.5, 2.0, 7.0])
        for each in candidates:
            if each.leading and each is not last:
                assert each.term > terms[each.identity]
                last, terms[each.identity] = each, each.term


# ---- two of them, and real time ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(200))
async def test_two_candidates_never_both_lead(seed: int) -> None:
    rng, clock = random.Random(seed), Clock()
    server = LeaseServer(clock)
    candidates = [candidate(server, name) for name in "abc"]
    leaders: set[str] = set()
    for _ in range(150):
        chosen = rng.choice(candidates)
        server.lose_before, server.lose_after = rng.random() < 0.2, rng.random() < 0.2
        server.latency = rng.choice([0.0, 0.1, 4.0])
        if rng.random() < 0.03:
            await chosen.release()
        else:
            await chosen.attempt()
        clock.now += rng.choice([0.0, 0.5, 2.0, 7.0])
        leading = [each.identity for each in candidates if each.leading]
        leaders.update(leading)
        assert len(leading) <= 1
    assert leaders, "somebody led at some time"


async def test_a_hung_renewal_stops_leading_at_the_deadline_in_real_time() -> None:
    store, hanging = Store(), asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        if hanging.is_set():
            await asyncio.sleep(30)
        return await store(request)

    stamps = iter(range(10**6))
    async with answering(answer, timeout_seconds=20) as client:
        lease = LeaderLease(client, "ns", "wattswitch", "a", 0.8, 0.5, 0.1, timestamp=lambda: str(next(stamps)))
        task = asyncio.create_task(lease.run())
        try:
            await until(lambda: lease.leading)
            hanging.set()
            assert await until(lambda: not lease.leading) <= 0.7
        finally:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task


async def test_a_cancelled_run_gives_the_lease_back() -> None:
    store, stamps = Store(), iter(range(10**6))
    async with answering(store) as client:
        lease = LeaderLease(client, "ns", "wattswitch", "a", timestamp=lambda: str(next(stamps)))
        task = asyncio.create_task(lease.run())
        await until(lambda: lease.leading)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert not lease.leading
    assert store.objects[PATH]["spec"]["holderIdentity"] == ""


def test_times_that_cannot_be_safe_are_refused() -> None:
    server = LeaseServer(Clock())
    with pytest.raises(ValueError, match="renew_deadline_seconds < lease_seconds"):
        LeaderLease(cast("KubeClient", server), "ns", "n", "a", 10, 10, 2, timestamp=str)
