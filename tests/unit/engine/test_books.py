"""The book of one target, one story at a time: booked pods are never below the pods that there are or may yet be."""

from typing import Any

import pytest

from unit.engine.targets import NOW, book_at, empty_book, facts
from wattswitch.cluster import TargetFacts
from wattswitch.engine.books import FOREIGN_SECONDS, LOST_SECONDS, SETTLE_SECONDS, STUCK_AFTER_SECONDS, Book, Pods


def look(book: Book, seconds: float = 0.0, listed: Pods | None = None, **fields: Any) -> int:
    """Have the book see this, that long after the start; the pods that it then books."""
    book.observe(facts(**fields), listed, NOW + seconds)
    return book.booked_pods(NOW + seconds)


def write(book: Book, replicas: int, version: int, seconds: float = 0.0) -> None:
    """Have a size of ours sent and accepted."""
    before = book.spec_replicas
    book.send(replicas)
    book.written(before, replicas, version, NOW + seconds)


def shown(spec: int, alive: int, terminating: int = 0, version: int = 20, **fields: Any) -> dict[str, Any]:
    """Fields of a target whose status is up to date with its generation."""
    sizes = {"spec_replicas": spec, "status_replicas": alive, "terminating_replicas": terminating}
    return {**sizes, "resource_version": version, **fields}


# ---- our own lowering ----------------------------------------------------------------------------------------------


def test_a_status_that_does_not_show_the_lowering_yet_allows_no_raise() -> None:
    """0.1 s after 10 → 0 the status still says 10 and terminating 0; a raise would give 20 pods."""
    book = book_at(10)
    write(book, 0, version=20)
    assert look(book, 0.1, **shown(0, 10)) == 10
    assert not book.settled
    assert look(book, 0.5, **shown(0, 0, 10, version=21)) == 10
    assert book.settled
    assert look(book, 2.0, **shown(0, 0, 0, version=22)) == 0


def test_a_view_older_than_the_write_changes_nothing() -> None:
    book = book_at(10)
    write(book, 4, version=20)
    assert look(book, 0.1, **shown(10, 10, version=19)) == 10
    assert (book.spec_replicas, book.foreign, book.settled) == (4, "", False)


def test_a_status_of_an_older_generation_allows_no_raise() -> None:
    book = book_at(10)
    write(book, 4, version=20)
    assert look(book, 0.1, **shown(4, 4, generation=2, observed_generation=1)) == 10
    assert not book.settled


def test_a_replica_set_that_still_creates_counts_at_the_size_it_was_asked_for() -> None:
    """The status says 3 of 40 when 40 → 0: the sync that is under way may create the other 37."""
    book = book_at(0)
    write(book, 40, version=20)
    look(book, 0.2, **shown(40, 3))
    write(book, 0, version=21, seconds=0.3)
    assert look(book, 0.4, **shown(0, 3, version=22)) == 40
    assert look(book, 1.0, **shown(0, 0, 3, version=23)) == 40
    assert not book.settled
    assert look(book, 2.0, **shown(0, 37, 3, version=24)) == 40
    assert look(book, 3.0, **shown(0, 0, 40, version=25)) == 40


def test_an_overtaken_creation_is_over_after_the_time_it_may_take() -> None:
    book = book_at(0)
    write(book, 40, version=20)
    write(book, 0, version=21)
    assert look(book, 1.0, **shown(0, 0, version=22)) == 40
    free_at = 1.0 + SETTLE_SECONDS + 4.0
    assert book.settles_at() == NOW + free_at
    assert look(book, free_at - 0.1, **shown(0, 0, version=22)) == 40
    assert look(book, free_at, **shown(0, 0, version=22)) == 0
    assert book.settled


def test_an_overtaken_creation_waits_for_those_of_other_targets_too() -> None:
    """One controller creates them all, at one rate."""
    book = book_at(0)
    write(book, 10, version=20)
    write(book, 0, version=21)
    book.observe(facts(**shown(0, 0, version=22)), None, NOW, backlog=500)
    assert book.settles_at() == NOW + SETTLE_SECONDS + 50.0


def test_pods_that_can_not_be_created_do_not_hold_their_watts_for_ever() -> None:
    """A quota lets 8 of 10 pods start: the lowering from 40 settles all the same."""
    book = book_at(0)
    write(book, 40, version=20)
    look(book, 0.5, **shown(40, 8))
    write(book, 10, version=21)
    assert look(book, 1.0, **shown(10, 8, version=22)) == 40
    assert look(book, 10.0, **shown(10, 8, version=23)) == 10
    assert book.settled


def test_pods_that_were_seen_are_not_counted_a_second_time() -> None:
    """All 40 are created, then all die: 40 pods, never 80."""
    book = book_at(0)
    write(book, 40, version=20)
    write(book, 0, version=21)
    assert [look(book, 0.5, **shown(0, alive, 40 - alive, version=30)) for alive in (40, 30, 7, 0)] == [40] * 4


def test_a_plan_that_changes_its_mind_before_sending_books_only_what_was_sent() -> None:
    book = book_at(10)
    book.send(0)
    book.send(5)
    assert book.booked_pods(NOW) == 10
    book.written(10, 5, 20, NOW)
    assert look(book, 0.2, **shown(5, 5, 5)) == 10
    assert book.settled


# ---- writes that are on their way ----------------------------------------------------------------------------------


def test_a_size_on_its_way_counts_as_if_it_had_arrived() -> None:
    book = book_at(10)
    book.send(12)
    assert (book.booked_pods(NOW), book.spec_replicas, book.settled) == (12, 12, False)
    assert look(book, 1.0, **shown(10, 10, version=11)) == 12
    assert not book.settled


def test_a_lowering_on_its_way_counts_as_if_it_had_not_arrived() -> None:
    book = book_at(10)
    book.send(3)
    assert (book.booked_pods(NOW), book.spec_replicas, book.settled) == (10, 3, False)
    assert look(book, 1.0, **shown(10, 10, version=11)) == 10


def test_a_write_that_the_watch_shows_before_its_answer_comes_is_ours() -> None:
    book = book_at(10)
    book.send(12)
    assert look(book, 0.1, **shown(12, 10, version=20, replicas_manager="wattswitch")) == 12
    book.written(10, 12, 20, NOW + 0.2)
    assert look(book, 0.3, **shown(12, 12, version=21)) == 12
    assert (book.foreign, book.settled, book.raised_at) == ("", True, NOW + 0.2)


def test_a_refused_raise_leaves_no_trace() -> None:
    book = book_at(10)
    book.send(40)
    book.unsent()
    assert look(book, 0.1, replicas=10) == 10
    assert (book.settled, book.raised_at) == (True, None)


def test_a_lost_raise_counts_until_it_can_not_arrive_any_more() -> None:
    book = book_at(10)
    book.send(40)
    book.lost()
    assert look(book, 1.0, replicas=10) == 40
    assert look(book, LOST_SECONDS, replicas=10) == 40
    assert not book.settled
    assert look(book, 1.0 + LOST_SECONDS, replicas=10) == 10
    assert book.settled


def test_a_lost_raise_that_arrives_is_ours_and_counted_once() -> None:
    book = book_at(10)
    book.send(40)
    book.lost()
    assert look(book, 1.0, replicas=10) == 40
    assert look(book, 5.0, **shown(40, 10)) == 40
    assert (book.foreign, book.replicas, book.raised_at) == ("", 40, NOW + 5.0)
    assert look(book, 20.0, **shown(40, 40, version=30)) == 40
    assert book.settled


def test_a_lost_lowering_may_be_asked_for_again_and_is_ours_when_it_arrives() -> None:
    book = book_at(10)
    book.send(0)
    book.lost()
    assert look(book, 1.0, replicas=10) == 10
    assert look(book, 2.0, **shown(0, 10)) == 10
    assert (book.foreign, book.lowered_at) == ("", NOW + 2.0)


def test_a_lost_write_that_another_hand_overtook_is_forgotten() -> None:
    """The late write tests for the old size, so it is refused."""
    book = book_at(10)
    book.send(40)
    book.lost()
    look(book, 1.0, **shown(4, 10, replicas_manager="kubectl"))
    assert book.lost_write is None
    assert book.foreign == "kubectl changed replicas from 10 to 4"
    assert look(book, 2.0, **shown(4, 4, 6, version=21)) == 40
    assert look(book, 8.0, **shown(4, 4, 0, version=22)) == 4


# ---- another hand --------------------------------------------------------------------------------------------------


def test_another_hand_that_is_faster_than_the_status_is_counted_twice() -> None:
    """10 → 0 → 10 while the status says 10 all the time: ten die beside ten new ones."""
    book = book_at(10)
    assert look(book, 0.1, **shown(0, 10, version=20)) == 10
    assert look(book, 0.2, **shown(10, 10, version=21)) == 20
    assert not book.settled
    assert look(book, 1.0, **shown(10, 10, 10, version=22)) == 20
    assert look(book, 9.0, **shown(10, 10, 0, version=23)) == 10
    assert book.settled


def test_every_turn_of_another_hand_adds_to_what_there_may_be() -> None:
    book = book_at(10)
    sizes = [0, 10, 5, 15]
    booked = [look(book, 0.1, **shown(size, 10, version=20 + n)) for n, size in enumerate(sizes)]
    assert booked == [10, 20, 20, 30]


def test_another_hand_is_named_with_what_it_did_for_a_while() -> None:
    """Taking it back takes less time than telling of it."""
    book = book_at(10)
    look(book, 1.0, **shown(14, 10, replicas_manager="kubectl-scale"))
    assert book.foreign == "kubectl-scale changed replicas from 10 to 14"
    write(book, 10, version=30, seconds=1.1)
    look(book, FOREIGN_SECONDS, **shown(10, 10, version=31))
    assert book.foreign == "kubectl-scale changed replicas from 10 to 14"
    look(book, 1.0 + FOREIGN_SECONDS, **shown(10, 10, version=31))
    assert book.foreign == ""


def test_another_hand_without_a_name_is_another_hand() -> None:
    book = book_at(10)
    look(book, 0.1, **shown(0, 10))
    assert book.foreign == "another hand changed replicas from 10 to 0"


def test_another_hand_during_a_write_of_ours_is_counted_too() -> None:
    """10 → 0 → 10 by another hand, and our 10 → 12 passes its test only then."""
    book = book_at(10)
    book.send(12)
    look(book, 0.1, **shown(0, 10, version=20))
    look(book, 0.2, **shown(10, 10, version=21))
    book.written(10, 12, 22, NOW)
    assert book.booked_pods(NOW) == 22


# ---- surge ---------------------------------------------------------------------------------------------------------


def test_surge_is_booked_as_soon_as_it_may_be_there() -> None:
    assert look(empty_book(), replicas=10, surge_percent=25) == 13
    assert look(empty_book(), replicas=10, surge_pods=2) == 12
    assert look(empty_book(), replicas=1, surge_pods=5) == 2


def test_a_rollout_does_not_keep_a_book_unsettled() -> None:
    book = book_at(10)
    assert look(book, 1.0, **shown(10, 13, surge_percent=25)) == 13
    assert book.settled


def test_a_lowering_in_the_middle_of_a_rollout_keeps_the_surge_until_it_is_over() -> None:
    """11 of at most 13 pods are there: the new ReplicaSet may still create two."""
    book = book_at(10)
    look(book, 1.0, **shown(10, 11, surge_percent=25))
    write(book, 0, version=20)
    assert look(book, 1.1, **shown(0, 11, surge_percent=25)) == 13
    assert look(book, 2.0, **shown(0, 0, 11, version=22, surge_percent=25)) == 13
    assert look(book, 9.0, **shown(0, 0, 0, version=23, surge_percent=25)) == 0


@pytest.mark.parametrize("alive", [0, 6, 10])
@pytest.mark.parametrize("percent", [0, 25])
def test_a_raise_of_a_settled_book_adds_what_the_planner_thinks(alive: int, percent: int) -> None:
    """Else a plan within the limit would still pass over it."""
    book = book_at(10)
    booked = look(book, 10.0, **shown(10, alive, 2, surge_percent=percent))
    assert book.settled
    book.send(17)
    assert book.booked_pods(NOW) == booked + book.size(17) - book.size(10)


# ---- the ledger ----------------------------------------------------------------------------------------------------


def restored(replicas: int, largest: int, **fields: Any) -> Book:
    book = empty_book(replicas=replicas, largest=largest, **fields)
    book.restored()
    return book


def test_a_book_from_the_ledger_counts_all_it_allowed_until_it_has_settled() -> None:
    book = restored(replicas=40, largest=40)
    assert book.booked_pods(NOW) == 40
    assert look(book, 0.0, **shown(10, 10)) == 40
    assert not book.settled
    assert look(book, SETTLE_SECONDS + 3.0, **shown(10, 10)) == 10
    assert book.settled


def test_the_size_found_after_a_restart_is_no_other_hand_where_the_ledger_allowed_it() -> None:
    """The process before us ended between reserving 40 and writing it down as asked for, or before sending it."""
    book = restored(replicas=40, largest=40)
    look(book, 0.0, **shown(10, 10))
    assert (book.foreign, book.replicas) == ("", 10)


def test_a_size_that_the_ledger_never_allowed_is_another_hand() -> None:
    book = restored(replicas=10, largest=10)
    assert look(book, 0.0, **shown(50, 10, replicas_manager="kubectl")) == 50
    assert book.foreign == "kubectl changed replicas from 10 to 50"


def test_pods_that_died_while_nobody_looked_have_their_stop_time_and_are_counted_once() -> None:
    book = restored(replicas=10, largest=40, stop_seconds=30)
    assert look(book, 0.0, **shown(10, 10)) == 40
    assert look(book, 29.0, **shown(10, 10)) == 40
    assert look(book, 30.0, **shown(10, 10)) == 10


def test_the_size_before_us_is_the_one_before_our_first_write() -> None:
    book = book_at(7)
    look(book, 1.0, **shown(9, 9))
    write(book, 2, version=30)
    look(book, 2.0, **shown(2, 2, version=31))
    assert book.original_replicas == 9


def test_the_size_before_us_survives_a_restart_before_the_first_raise_was_noted() -> None:
    """The ledger holds what was reserved, and not yet that and when it was asked for."""
    book = restored(replicas=6, largest=6, original_replicas=2)
    look(book, 0.0, **shown(6, 2))
    assert (book.original_replicas, book.foreign) == (2, "")


# ---- stops that nobody saw -----------------------------------------------------------------------------------------


def test_a_fall_that_was_never_seen_terminating_stays_for_the_stop_time() -> None:
    book = book_at(10, stop_seconds=5)
    write(book, 4, version=20)
    assert look(book, 1.0, **shown(4, 4)) == 10
    assert book.tail_end(NOW + 1.0) == NOW + 6.0
    assert look(book, 5.9, **shown(4, 4, version=21)) == 10
    assert look(book, 6.0, **shown(4, 4, version=22)) == 4
    assert book.tail_end(NOW + 6.0) is None


def test_only_the_part_of_a_fall_that_was_not_seen_terminating_has_a_tail() -> None:
    book = book_at(10, stop_seconds=5)
    write(book, 0, version=20)
    assert look(book, 1.0, **shown(0, 3, 7)) == 10
    assert look(book, 2.0, **shown(0, 0, 1, version=21)) == 1 + 2
    assert look(book, 7.0, **shown(0, 0, 1, version=22)) == 1


def test_a_stop_that_was_seen_terminating_is_over_with_the_pod() -> None:
    book = book_at(10, stop_seconds=5)
    write(book, 0, version=20)
    assert look(book, 1.0, **shown(0, 0, 10)) == 10
    assert look(book, 2.0, **shown(0, 0, 0, version=21)) == 0


def test_tails_do_not_keep_a_raise_waiting_but_count_beside_it() -> None:
    book = book_at(10, stop_seconds=5)
    write(book, 4, version=20)
    look(book, 1.0, **shown(4, 4))
    assert book.settled
    write(book, 6, version=21)
    assert look(book, 1.5, **shown(6, 4, version=22)) == 12


# ---- pods that will not die ----------------------------------------------------------------------------------------


def test_pods_are_stuck_when_they_die_longer_than_declared() -> None:
    book = book_at(10, drain_seconds=60)
    write(book, 4, version=20)
    look(book, 0.0, **shown(4, 4, 6))
    late = 60 + STUCK_AFTER_SECONDS
    assert book.stuck_pods(NOW + late - 1) == 0
    assert book.stuck_pods(NOW + late) == 6
    assert look(book, late, **shown(4, 4, 6, version=30)) == 10


def test_pods_that_die_one_after_the_other_are_not_stuck() -> None:
    book = book_at(10)
    write(book, 0, version=20)
    for seconds, left in ((0, 10), (50, 6), (100, 2)):
        look(book, seconds, **shown(0, 0, left, version=21 + seconds))
    assert book.stuck_pods(NOW + 110) == 0
    assert book.stuck_pods(NOW + 160) == 2


# ---- targets whose status does not count all pods ------------------------------------------------------------------

OLD_SERVER = {"terminating_replicas": None}
STATEFUL = {"kind": "StatefulSet", "terminating_replicas": None}


def test_without_a_list_nothing_is_raised() -> None:
    book = empty_book()
    book.observe(facts(replicas=10, **OLD_SERVER), None, NOW)
    assert (book.needs_list, book.settled, book.booked_pods(NOW)) == (True, False, 10)
    book.observe(facts(replicas=10, **OLD_SERVER), Pods(10, 0), NOW)
    assert book.settled


def test_pods_seen_terminating_stay_when_the_list_is_dropped_for_a_write() -> None:
    """After each write the next list is waited for; until then the dying pods must not vanish from the books."""
    book = empty_book()
    book.observe(facts(spec_replicas=5, status_replicas=5, **OLD_SERVER), Pods(5, 5), NOW)
    assert book.booked_pods(NOW) == 10
    write(book, 6, version=20)
    book.observe(facts(spec_replicas=6, status_replicas=5, resource_version=20, **OLD_SERVER), None, NOW)
    assert book.booked_pods(NOW) == 11
    book.observe(facts(spec_replicas=6, status_replicas=6, resource_version=21, **OLD_SERVER), Pods(6, 0), NOW)
    assert book.booked_pods(NOW) == 6


def test_a_stateful_sets_status_counts_dying_pods_which_are_not_booked_twice() -> None:
    book = empty_book(kind="StatefulSet")
    book.observe(facts(replicas=10, **STATEFUL), Pods(10, 0), NOW)
    write(book, 0, version=20)
    lowered = facts(spec_replicas=0, status_replicas=10, resource_version=21, **STATEFUL)
    book.observe(lowered, None, NOW)
    assert book.booked_pods(NOW) == 10
    book.observe(lowered, Pods(0, 10), NOW)
    assert book.booked_pods(NOW) == 10
    book.observe(facts(spec_replicas=0, status_replicas=0, resource_version=22, **STATEFUL), Pods(0, 0), NOW)
    assert book.booked_pods(NOW) == 0


def test_a_raise_of_a_listed_target_leaves_no_tail() -> None:
    """Pods that were only asked for never stopped."""
    book = empty_book(stop_seconds=30)
    book.observe(facts(replicas=0, **OLD_SERVER), Pods(0, 0), NOW)
    write(book, 40, version=20)
    raised = facts(spec_replicas=40, status_replicas=0, resource_version=21, **OLD_SERVER)
    book.observe(raised, None, NOW)
    book.observe(raised, Pods(2, 0), NOW)
    assert book.booked_pods(NOW) == 40


# ---- targets that are gone -----------------------------------------------------------------------------------------


def test_a_gone_target_counts_its_pods_until_a_list_shows_none() -> None:
    book = book_at(10)
    book.observe_gone(None, NOW)
    assert (book.booked_pods(NOW), book.settled, book.spec_replicas) == (10, False, 0)
    book.observe_gone(Pods(10, 0), NOW)
    assert book.booked_pods(NOW) == 10
    book.observe_gone(Pods(0, 10), NOW + 1)
    assert book.booked_pods(NOW + 1) == 10
    book.observe_gone(Pods(0, 0), NOW + 2)
    assert book.booked_pods(NOW + 2) == 0


def test_a_target_deleted_while_its_pods_are_created_counts_all_that_may_come() -> None:
    """Its ReplicaSet goes after it, and finishes what it began."""
    book = book_at(0)
    write(book, 40, version=20)
    look(book, 0.1, **shown(40, 2))
    book.observe_gone(Pods(2, 0), NOW + 0.2)
    assert book.booked_pods(NOW + 0.2) == 40
    book.observe_gone(Pods(0, 12), NOW + 1.0)
    assert book.booked_pods(NOW + 1.0) == 40
    book.observe_gone(Pods(0, 0), NOW + 9.0)
    assert book.booked_pods(NOW + 9.0) == 0


def test_pods_of_a_gone_target_that_vanish_have_their_stop_time() -> None:
    book = book_at(10, stop_seconds=5)
    book.observe_gone(Pods(0, 0), NOW)
    assert book.booked_pods(NOW + 4.9) == 10
    assert book.booked_pods(NOW + 5.0) == 0


def test_a_book_that_was_never_seen_makes_no_tail() -> None:
    book = empty_book(stop_seconds=5)
    status: TargetFacts = facts(replicas=3)
    book.observe(status, None, NOW)
    assert book.booked_pods(NOW) == 3


def test_a_target_found_in_the_middle_of_a_change_is_not_raised_at_once() -> None:
    book = empty_book()
    assert look(book, 0.0, **shown(4, 10)) == 10
    assert not book.settled
    assert look(book, 1.0, **shown(4, 4, 6)) == 10
    look(book, 1.0 + SETTLE_SECONDS, **shown(4, 4, 6))
    assert book.settled
