"""The books against a model of the controllers: whatever is written when, no pod is ever missing from them.

Bounded by what a book may assume: caches and statuses lag by less than a second, pods are created at least as fast as
`CREATIONS_PER_SECOND`, and every size was seen before another hand undid it (two between two looks cannot be).
"""

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unit.engine.model_cluster import ModelCluster
from unit.engine.targets import empty_book
from wattswitch.engine.books import Book

ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["look", "look late", "raise", "lower", "foreign", "restart"]),
        st.integers(0, 30),
        st.sampled_from([0.0, 0.05, 0.2, 0.5, 1.0, 3.0]),
    ),
    max_size=25,
)


class Hand:
    """Writes as the operator does: lowers whenever it likes, raises only while the book is settled."""

    def __init__(self, cluster: ModelCluster, random: Random) -> None:
        self.cluster = cluster
        self.random = random
        self.book = empty_book()
        self.version = 0
        self.look()

    def look(self, late_seconds: float = 0.0) -> None:
        """Take in the object as it is, or as a late watch shows it; a view never goes back."""
        seen = self.cluster.facts_of(self.cluster.now - late_seconds)
        if seen.resource_version < self.version:
            return
        self.version = seen.resource_version
        self.book.observe(seen, None, self.cluster.now)
        booked = self.book.booked_pods(self.cluster.now)
        assert booked >= self.cluster.truth, (booked, self.cluster.truth, self.book)

    def write(self, replicas: int) -> None:
        """Send a size; the answer comes at once, late, or never, and the write may be refused."""
        book, before = self.book, self.book.spec_replicas
        if replicas == before or (replicas > before and not book.settled):
            return
        asked_before = book.booked_pods(self.cluster.now)
        book.send(replicas)
        if replicas > before:
            assert book.booked_pods(self.cluster.now) == asked_before + book.size(replicas) - book.size(before)
        fate = self.random.choice(["applied", "late", "lost", "lost and landed", "refused"])
        if fate in {"refused", "lost"} or self.cluster.replicas != before:
            book.unsent() if fate == "refused" or self.cluster.replicas != before else book.lost()
            return
        version = self.cluster.scale(replicas)
        if fate == "late":
            self.cluster.run(self.random.uniform(0, 2))
            self.look(self.random.uniform(0, 2))
        if fate == "lost and landed":
            book.lost()
        else:
            book.written(before, replicas, version, self.cluster.now)
        self.look(self.random.choice([0.0, 0.1, 0.5]))

    def restart(self) -> None:
        """Come back with what the ledger holds."""
        old = self.book
        book = empty_book(replicas=max(old.replicas, old.spec_replicas), largest=max(old.largest, old.asked_pods))
        book.restored()
        self.book = book
        self.look()

    def act(self, action: str, replicas: int) -> None:
        wanted = {"raise": replicas > self.book.spec_replicas, "lower": replicas < self.book.spec_replicas}
        if wanted.get(action):
            self.write(replicas)
        elif action == "foreign":
            self.look()
            self.cluster.scale(replicas)
            self.look()
        elif action == "restart":
            self.restart()
        else:
            self.look(self.random.uniform(0, 0.5) if action == "look late" else 0.0)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(start=st.integers(0, 20), actions=ACTIONS, seed=st.integers(0, 2**32))
def test_no_pod_is_ever_missing_from_the_books(start: int, actions: list[tuple[str, int, float]], seed: int) -> None:
    cluster = ModelCluster(Random(seed), replicas=start)
    hand = Hand(cluster, Random(seed + 1))
    for action, replicas, seconds in actions:
        hand.act(action, replicas)
        cluster.run(seconds)
    for _ in range(100):
        cluster.run(0.2)
        hand.look()
    _comes_to_rest(cluster, hand.book)


def _comes_to_rest(cluster: ModelCluster, book: Book) -> None:
    """After all that, the books hold exactly the pods that there are, and a raise is possible again."""
    cluster.run(120)
    for _ in range(2):
        book.observe(cluster.facts, None, cluster.now)
        cluster.run(120)
    assert (cluster.alive, cluster.terminating) == (cluster.replicas, 0)
    assert book.settled
    assert book.booked_pods(cluster.now) == cluster.replicas
