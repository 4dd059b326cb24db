"""Grid events of one budget: what is remembered of them, what they limit, how they go, and what happens in silence."""

import math
from typing import Any

import pytest

from unit.engine.site_objects import NOW, Stage, pool_raw, reading, target_raw
from wattswitch.api.times import format_time
from wattswitch.curtailment import Amount, Form, GridEvent, Phase, Window
from wattswitch.engine.course import Course, Drawn, Skip
from wattswitch.engine.eventbook import EventBook
from wattswitch.engine.gridfacts import drawn, shed_seconds
from wattswitch.engine.gridlimit import FailsafeLimit
from wattswitch.engine.haste import disjoint
from wattswitch.feeds import Reading
from wattswitch.planner import plan

HOUR = 3600.0


def event_raw(
    name: str = "call", generation: int = 1, status: dict[str, Any] | None = None, **spec: Any
) -> dict[str, Any]:
    metadata = {
        "name": name,
        "uid": f"uid-{name}",
        "generation": generation,
        "resourceVersion": str(generation),
        "creationTimestamp": format_time(NOW),
    }
    given = {"budget": "west", "limit": {"toWatts": 8000}} | spec
    raw = {"apiVersion": "wattswitch.io/v1alpha1", "kind": "CurtailmentEvent", "metadata": metadata, "spec": given}
    return raw | {"status": status or {}}


# ---- what is remembered --------------------------------------------------------------------------------------------


def test_an_event_without_a_start_begins_when_it_was_made() -> None:
    book = EventBook()
    book.follow([event_raw(durationSeconds=60)], NOW + 5)
    event = book.events["uid-call"]
    assert (event.start, event.end, event.amount.value) == (NOW, NOW + 60, 8000)


def test_an_event_that_is_deleted_counts_as_taken_back_then() -> None:
    book = EventBook()
    book.follow([event_raw()], NOW)
    book.follow([], NOW + 10)
    book.follow([], NOW + 20)
    assert book.events["uid-call"].cancelled_at == NOW + 10


def test_an_event_that_ended_before_it_was_deleted_stays_ended() -> None:
    book = EventBook()
    book.follow([event_raw(durationSeconds=5)], NOW)
    book.follow([], NOW + 10)
    assert book.events["uid-call"].ends_at == NOW + 5


def test_the_time_of_a_cancellation_is_kept_over_edits_and_restarts() -> None:
    book = EventBook()
    book.follow([event_raw()], NOW)
    book.follow([event_raw(generation=2, cancelled=True)], NOW + 7)
    book.follow([event_raw(generation=3, cancelled=True, urgency="Firm")], NOW + 9)
    assert book.events["uid-call"].cancelled_at == NOW + 7
    later = EventBook()
    told = {"cancelledAt": format_time(NOW + 7)}
    later.follow([event_raw(generation=3, cancelled=True, status=told)], NOW + 60)
    assert later.events["uid-call"].cancelled_at == NOW + 7


def test_an_event_that_is_cut_short_into_the_past_ends_when_that_is_said_over_a_restart_too() -> None:
    book, later = EventBook(), EventBook()
    book.follow([event_raw(durationSeconds=3600)], NOW)
    cut = event_raw(generation=2, durationSeconds=60)
    book.follow([cut], NOW + 600)
    assert book.events["uid-call"].end == NOW + 600
    later.restore(book.kept(book.events))
    later.follow([cut], NOW + 700)
    assert later.events["uid-call"].end == NOW + 600
    later.follow([event_raw(generation=3, durationSeconds=900)], NOW + 800)
    assert later.events["uid-call"].end == NOW + 900


def test_an_event_that_was_never_in_force_is_cut_short_as_it_says() -> None:
    book = EventBook()
    book.follow([event_raw("ahead", start=format_time(NOW + 60), durationSeconds=3600)], NOW)
    book.follow([event_raw("ahead", 2, start=format_time(NOW - 60), durationSeconds=30)], NOW + 10)
    assert book.events["uid-ahead"].end == NOW - 30


def test_a_second_cancellation_has_a_time_of_its_own() -> None:
    book, told = EventBook(), {"cancelledAt": format_time(NOW)}
    book.follow([event_raw(cancelled=True)], NOW)
    book.follow([event_raw(generation=2, status=told)], NOW + 5)
    book.follow([event_raw(generation=3, cancelled=True, status=told)], NOW + 9)
    assert book.events["uid-call"].cancelled_at == NOW + 9


def test_a_cancellation_that_is_taken_back_puts_the_event_in_force_again() -> None:
    book = EventBook()
    book.follow([event_raw(cancelled=True)], NOW)
    book.follow([event_raw(generation=2)], NOW + 5)
    assert book.events["uid-call"].cancelled_at is None


def test_an_edit_that_cannot_be_read_leaves_the_event_as_it_was() -> None:
    book = EventBook()
    book.follow([event_raw()], NOW)
    book.follow([event_raw(generation=2, durationSeconds="soon")], NOW + 5)
    assert book.events["uid-call"].amount.value == 8000
    assert "durationSeconds" in book.problems["uid-call"][0]
    book.follow([event_raw(generation=3, durationSeconds=9)], NOW + 6)
    assert book.problems == {}


@pytest.mark.parametrize(
    "spec",
    [
        {"durationSeconds": 600, "source": {"program": "ers-10", "reference": "1"}},
        {"limit": {"byWatts": 2500}, "urgency": "BestEffort"},
        {"limit": {"all": True}, "urgency": "Emergency", "cancelled": True},
        {"limit": {"toPercent": "25"}, "start": format_time(NOW - 30)},
        {"limit": {"toPercent": "37.123456"}},
    ],
)
def test_what_is_kept_brings_the_same_event_back(spec: dict[str, Any]) -> None:
    book, later = EventBook(), EventBook()
    book.follow([event_raw(**spec)], NOW)
    kept = book.kept(book.events)
    later.restore(kept)
    assert later.events == book.events
    later.follow([], NOW + 3)
    assert later.events["uid-call"].cancelled_at == (NOW if spec.get("cancelled") else NOW + 3)


def test_a_memory_that_cannot_be_read_is_left_out_and_the_others_stay() -> None:
    book = EventBook()
    book.follow([event_raw()], NOW)
    (good,) = book.kept(book.events)
    later = EventBook()
    later.restore([{"uid": "x"}, good | {"uid": "y", "form": "toMoon"}, good])
    assert set(later.events) == {"uid-call"}


# ---- what limits ---------------------------------------------------------------------------------------------------


def stage(**budget: Any) -> Stage:
    return Stage(pool_raw(), target_raw(replicas=4), **budget)


def test_the_lowest_limit_holds_and_is_named() -> None:
    site = stage()
    site.put(event_raw("high", limit={"toWatts": 9000}), event_raw("low", limit={"toWatts": 7000}))
    budget = site.state().budget
    assert budget.limit_watts == 7000
    assert budget.limited_by == "CurtailmentEvent low"
    assert budget.event_limits_watts == (7000, 9000)


def test_an_event_above_the_cap_limits_nothing_and_is_not_named() -> None:
    site = stage()
    cap = site.state().budget.cap_watts
    site.put(event_raw(limit={"toWatts": cap + 5000}))
    budget = site.state().budget
    assert (budget.limit_watts, budget.limited_by) == (cap, "")


def test_an_event_of_another_budget_is_not_ours() -> None:
    site = stage()
    site.put(event_raw(budget="east", limit={"all": True}))
    assert site.state().budget.event_limits_watts == ()


def test_best_effort_leaves_the_floors_after_reserve() -> None:
    site = Stage(pool_raw(replicas={"min": 2, "max": 10}), target_raw(replicas=4), reservePercent=10)
    site.put(event_raw(limit={"all": True}, urgency="BestEffort"))
    state = site.state()
    floors = state.budget.committed_watts(sum(w.it_watts(w.floor_replicas) for w in state.workloads))
    assert floors > state.budget.fixed_watts
    assert floors <= state.budget.limit_watts < floors + 2


def test_only_an_emergency_that_is_in_force_is_one() -> None:
    site = stage()
    site.put(event_raw(urgency="Emergency", start=format_time(NOW + 60)))
    assert not site.state().budget.emergency
    assert site.state(NOW + 61).budget.emergency


def test_time_alone_brings_the_next_look() -> None:
    site = stage(curtailment={"cooldownSeconds": 100})
    site.put(event_raw(durationSeconds=600))
    site.state()
    assert site.site.grid.now.look_again_at == NOW + 600
    site.state(NOW + 601)
    assert site.site.grid.now.look_again_at == NOW + 700
    assert site.state(NOW + 700).budget.event_limits_watts == ()


def test_an_event_that_is_over_and_deleted_is_forgotten() -> None:
    site = stage(curtailment={"cooldownSeconds": 100})
    raw = event_raw()
    site.put(raw)
    site.state()
    site.drop(raw)
    assert site.state(NOW + 1).budget.event_limits_watts == (8000,)
    assert site.site.grid.kept()
    assert site.state(NOW + 102).budget.event_limits_watts == ()
    assert (site.site.grid.kept(), site.site.grid.courses) == ([], {})


# ---- the grid's own number -----------------------------------------------------------------------------------------

SILENT = Reading(None, 0.0, 0.0, "", "NoReading")


def limits(failsafe: FailsafeLimit, *looks: tuple[float, Reading], starting: bool = False) -> list[int]:
    return [failsafe.watts(reading, 3000, at, starting=starting) for at, reading in looks]


def test_nothing_heard_is_the_failsafe() -> None:
    assert limits(FailsafeLimit(), (NOW, SILENT), (NOW + HOUR, SILENT)) == [3000, 3000]


def test_the_first_number_of_this_process_counts_whatever_its_time() -> None:
    old_but_fresh = Reading(9000.0, NOW - 60, NOW + 1, "iso")
    assert limits(FailsafeLimit(), (NOW, SILENT), (NOW + 1, old_but_fresh)) == [3000, 9000]


def test_after_a_loss_only_a_number_newer_than_it_counts() -> None:
    good = reading(9000.0, at=NOW)
    stale = reading(9000.0, "TooOld", at=NOW)
    old = Reading(9000.0, NOW + 5, NOW + 40, "iso")
    new = reading(9000.0, at=NOW + 50)
    looks = [(NOW, good), (NOW + 30, stale), (NOW + 40, old), (NOW + 50, new)]
    assert limits(FailsafeLimit(), *looks) == [9000, 3000, 3000, 9000]


def test_a_loss_never_raises_the_limit() -> None:
    low, lost = reading(1000.0, at=NOW), reading(1000.0, "Unreachable", at=NOW)
    assert limits(FailsafeLimit(), (NOW, low), (NOW + 9, lost)) == [1000, 1000]


def test_a_number_of_an_earlier_process_stands_in_only_while_it_starts() -> None:
    kept = Reading(9000.0, NOW - 30, NOW - 30, "iso")
    failsafe = FailsafeLimit()
    assert limits(failsafe, (NOW, kept), starting=True) == [9000]
    assert limits(failsafe, (NOW + 4, kept)) == [3000]


# ---- how an event goes ---------------------------------------------------------------------------------------------

CALL = GridEvent("uid-call", "call", NOW, Amount(Form.TO_WATTS, 5000))
ACTIVE = Window(Phase.ACTIVE, 5000, NOW + HOUR)
OVER = Window(Phase.OVER, None, None)


def seen(at: float, committed: int, unlimited: int = 9000, *skipped: Skip) -> Drawn:
    return Drawn(at, committed, unlimited, skipped)


def test_the_target_is_met_when_the_books_are_under_it_and_the_worst_counts_from_then() -> None:
    course = Course(NOW)
    for at, watts in ((0, 9000), (3, 4000), (60, 4500), (120, 6000), (180, 4000)):
        course.note(CALL, ACTIVE, seen(NOW + at, watts))
    assert course.target_met_at == NOW + 3
    assert course.worst_watts == 6000
    assert not course.exceeded


def test_a_target_that_was_met_before_it_was_due_is_met_without_delay() -> None:
    course = Course(NOW - 60)
    course.note(CALL, Window(Phase.APPROACH, 5000, NOW), seen(NOW - 1, 4000))
    course.note(CALL, ACTIVE, seen(NOW + 0.2, 4000))
    assert course.met_after_seconds(CALL) == 0


def test_what_is_held_back_adds_up_and_a_silence_adds_nothing() -> None:
    course = Course(NOW)
    for at in (0, 30, 60):
        course.note(CALL, ACTIVE, seen(NOW + at, 5000))
    assert course.shed_kwh == pytest.approx(4000 * 60 / 3.6e6)
    course.note(CALL, ACTIVE, seen(NOW + 60 + HOUR, 5000))
    assert course.shed_kwh == pytest.approx(4000 * 120 / 3.6e6)


def test_a_course_is_read_back_from_its_status() -> None:
    course = Course(NOW)
    course.note(CALL, ACTIVE, seen(NOW, 9000))
    course.note(CALL, ACTIVE, seen(NOW + 2, 4000, 9000, Skip("a", "Floor")))
    course.shed_kwh = 12.3
    again = Course.of_status(course.to_status(), NOW)
    assert (again.limit_watts, again.target_met_at, again.worst_watts, again.shed_kwh, again.skipped) == (
        5000,
        NOW + 2,
        4000,
        12.3,
        (Skip("a", "Floor"),),
    )


def test_a_status_that_cannot_be_read_begins_anew() -> None:
    assert Course.of_status({"targetMetAt": "noon", "worstWatts": 5}, NOW) == Course(NOW)


def test_an_end_is_noted_once() -> None:
    course = Course(NOW)
    course.note(CALL, ACTIVE, seen(NOW, 4000))
    course.note(CALL, OVER, seen(NOW + 10, 4000))
    course.note(CALL, OVER, seen(NOW + 20, 4000))
    assert course.restored_at == NOW + 10


def test_who_draws_on_is_named_with_a_reason() -> None:
    paused = pool_raw("b")
    paused["metadata"]["annotations"] = {"wattswitch.io/paused": "true"}
    site = Stage(pool_raw(replicas={"min": 2, "max": 10}), target_raw(replicas=2), paused, target_raw("b", replicas=3))
    site.put(event_raw(limit={"toWatts": 90_000}))
    state = site.state()
    skipped = {each.workload.rpartition("/")[2]: each.reason for each in drawn(state, plan(state)).skipped}
    assert skipped["b"] == "Paused"


def test_the_worst_case_counts_writes_deletions_and_the_longest_grace() -> None:
    site = stage()
    site.state()
    (book,) = site.site.books.values()
    book.stop_seconds, book.drain_seconds, book.grace_seconds = 5, 90, 30
    pods = book.booked_pods(NOW)
    assert shed_seconds([book], NOW) == math.ceil(1 / 200 + pods / 20 + 90)
    assert shed_seconds([], NOW) == 0


def test_the_worst_case_counts_what_may_be_started_anew_within_the_limit() -> None:
    """Else a site that has gone down for an event that is to start would see time to come back, again and again."""
    site = Stage(pool_raw(replicas={"min": 0, "max": 10}), target_raw(replicas=0))
    site.state()
    (book,) = site.site.books.values()
    assert book.booked_pods(NOW) == 0
    assert shed_seconds([book], NOW, 100_000) == math.ceil(1 / 200 + 10 / 20 + 30)
    assert shed_seconds([book], NOW, 4 * book.watts + 1) == math.ceil(1 / 200 + 4 / 20 + 30)
    assert shed_seconds([book], NOW, -1) == 0


def test_what_has_gone_before_a_start_does_not_come_back_before_it() -> None:
    down = Stage(pool_raw(), target_raw(replicas=0))
    down.put(event_raw(start=format_time(NOW + 10), limit={"toWatts": 3000}, durationSeconds=600))
    decision = plan(down.state())
    assert down.site.grid.windows["uid-call"].phase is Phase.APPROACH
    assert not decision.raises


def test_a_namesake_that_asks_for_more_does_not_hide_the_cooldown_of_the_one_before_it() -> None:
    site = stage(curtailment={"cooldownSeconds": 100})
    first = event_raw(limit={"toWatts": 1000})
    site.put(first)
    site.state()
    site.drop(first)
    again = event_raw(limit={"toWatts": 9000})
    again["metadata"]["uid"] = "uid-of-the-second"
    site.put(again)
    assert site.state(NOW + 10).budget.event_limits_watts == (1000, 9000)


def test_an_event_in_force_is_not_ended_by_putting_it_off() -> None:
    book = EventBook()
    book.follow([event_raw(durationSeconds=3600)], NOW)
    book.follow([event_raw(generation=2, durationSeconds=3600, start=format_time(NOW + 7200))], NOW + 10)
    assert (book.events["uid-call"].start, book.events["uid-call"].end) == (NOW, NOW + 7200 + 3600)


def test_an_event_that_is_still_to_come_may_be_put_off() -> None:
    book = EventBook()
    book.follow([event_raw(start=format_time(NOW + 60))], NOW)
    book.follow([event_raw(generation=2, start=format_time(NOW + 7200))], NOW + 10)
    assert book.events["uid-call"].start == NOW + 7200


def test_an_event_that_was_missed_stays_missed_over_a_restart() -> None:
    told = {"targetMetAt": format_time(NOW), "conditions": [{"type": "TargetMet", "reason": "Exceeded"}]}
    assert Course.of_status(told, NOW).exceeded


def test_a_grace_period_of_years_does_not_bring_a_site_down_hours_ahead() -> None:
    site = stage()
    site.state()
    (book,) = site.site.books.values()
    book.grace_seconds = 10**9
    assert shed_seconds([book], NOW) < 3700


@pytest.mark.parametrize(
    ("selector", "other", "apart"),
    [
        ("app=a", "app=b", True),
        ("app=a,row=1", "app=a,row=2", True),
        ("app=a", "app=a,row=2", False),
        ("app=a", "row=2", False),
        ("app=a", "app in (a,b)", False),
        ("gpu", "gpu=x", False),
        ("app!=a", "app=b", False),
    ],
)
def test_pods_are_only_deleted_where_no_other_target_can_have_them(selector: str, other: str, *, apart: bool) -> None:
    assert disjoint(selector, other) is apart
