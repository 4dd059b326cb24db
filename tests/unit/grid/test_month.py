"""A month of grid events in virtual time: met in time, nothing raised within them, and every kilowatt-hour accounted.

The operator's own code observes, decides, remembers and settles, and is killed on the way; the site's meter and the
judge are the test's own. That the judge can object is tested beside it, with operators that each have one thing wrong.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from unit.grid.play import Play
from unit.grid.script import DAY, HOUR, Change, Kill, Script, month_of
from wattswitch.api.times import format_time
from wattswitch.curtailment import SiteFacts, Window, window
from wattswitch.engine import grid, gridfacts, observe
from wattswitch.engine.books import Book
from wattswitch.engine.eventbook import EventBook
from wattswitch.settlement.eventrecord import EventRecord
from wattswitch.settlement.intervalbook import IntervalBook

START = 1_700_000_100 // DAY * DAY
MINUTE = 60


@pytest.mark.parametrize("seed", [20261124])
def test_a_month_of_events_and_kills(tmp_path: Path, seed: int) -> None:
    script = month_of(seed, START)
    assert len({change.uid for change in script.changes}) >= 195
    played = Play(script, tmp_path, seed).run()
    assert played.objections == []
    assert played.judge.seconds_over == 0
    assert len(played.records) > 120
    assert played.metered_kwh > 30_000, "a site that hardly runs proves nothing"


# ---- one day on which each kind of mistake would show ----------------------------------------------------------------


def _event(uid: str, at: int, **spec: Any) -> Change:
    return Change(START + at, uid, {"budget": "west", "urgency": "Firm"} | spec)


def a_day() -> Script:
    """Deleted in mid-course and killed then; one reference twice; floors; an emergency; cut short into the past."""
    reserve = {"program": "ers-10", "reference": "reserve"}
    local = {"program": "dso", "reference": "local"}
    first = _event(
        "first", 50 * MINUTE, start=format_time(START + HOUR), limit={"toWatts": 30_000}, durationSeconds=2 * HOUR
    )
    dips = [
        _event("floor", 3 * HOUR, urgency="BestEffort", limit={"all": True}, durationSeconds=900, source=local),
        _event("again", 3 * HOUR + 300, limit={"toWatts": 60_000}, durationSeconds=1200, source=local),
        _event("now", 4 * HOUR, urgency="Emergency", limit={"toWatts": 20_000}, durationSeconds=900, source=reserve),
    ]
    late = _event("cut", 5 * HOUR, limit={"toPercent": "40"}, durationSeconds=3 * HOUR)
    assert late.spec is not None
    changes = [
        first,
        Change(START + 90 * MINUTE, "first", None),
        *dips,
        late,
        Change(START + 6 * HOUR, "cut", late.spec | {"durationSeconds": 600}),
    ]
    kills = [Kill(START + 90 * MINUTE + 20.0, 3.0), Kill(START + 130 * MINUTE, 3.0), Kill(START + 5.5 * HOUR, 20.0)]
    prices = [(START, 40.0), (START + 8 * HOUR, 400.0), (START + 9 * HOUR, 40.0)]
    return Script(START, START + 10 * HOUR, changes, kills, prices)


def test_the_day_goes_as_it_should(tmp_path: Path) -> None:
    played = Play(a_day(), tmp_path, 1).run()
    assert played.objections == []
    assert [event.name for event in played.events] == ["first", "floor", "now", "cut"]


def _forgets_what_is_deleted(patch: pytest.MonkeyPatch) -> None:
    follow = EventBook.follow

    def forgetting(book: EventBook, raws: Iterable[Any], now: float) -> None:
        raws = list(raws)
        present = {raw["metadata"]["uid"] for raw in raws}
        book.events = {uid: event for uid, event in book.events.items() if uid in present}
        follow(book, raws, now)

    patch.setattr(EventBook, "follow", forgetting)


def _has_no_memory(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(EventBook, "restore", lambda _book, _kept: None)


def _gives_away_what_still_dies(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Book, "booked_pods", lambda book, _now: book.size(book.spec_replicas))
    patch.setattr(Book, "settled", property(lambda _book: True))


def _looks_late(patch: pytest.MonkeyPatch) -> None:
    def late(event: Any, site: SiteFacts, now: float) -> Window:
        seen = window.window_of(event, site, now - 30)
        return replace(seen, until=None if seen.until is None else seen.until + 30)

    patch.setattr(grid, "window_of", late)


def _knows_no_floors(patch: pytest.MonkeyPatch) -> None:
    facts = gridfacts.site_facts

    def floorless(*given: Any, **more: Any) -> SiteFacts:
        return replace(facts(*given, **more), floor_watts=0)

    patch.setattr(observe, "site_facts", floorless)


def _begins_at_the_start(patch: pytest.MonkeyPatch) -> None:
    def unprepared(event: Any, _site: SiteFacts, _limit: int, _now: float) -> Window:
        return Window(window.Phase.SCHEDULED, None, event.start)

    patch.setattr(window, "_before", unprepared)


def _has_no_cooldown(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(window, "_after", lambda *_: Window(window.Phase.OVER, None, None))


def _ends_in_the_past(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("wattswitch.engine.eventbook._ended_no_sooner_than_said", lambda event, _known, _now: event)


def _counts_each_object(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(EventRecord, "key", property(lambda event: event.uid))


def _begins_its_intervals_anew(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(IntervalBook, "resume", classmethod(lambda cls, _text: cls()))


@pytest.mark.parametrize(
    ("mistake", "objection"),
    [
        (_forgets_what_is_deleted, "raised to"),
        (_has_no_memory, "raised to"),
        (_gives_away_what_still_dies, "raised to"),
        (_looks_late, "were allowed"),
        (_knows_no_floors, "below its floor"),
        (_begins_at_the_start, "were allowed"),
        (_has_no_cooldown, "raised to"),
        (_ends_in_the_past, "raised to"),
        (_counts_each_object, "has 2 records"),
        (_begins_its_intervals_anew, "energy by the books"),
    ],
)
def test_the_judge_objects_to_each_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mistake: Callable[[pytest.MonkeyPatch], None], objection: str
) -> None:
    mistake(monkeypatch)
    objections = Play(a_day(), tmp_path, 1).run().objections
    assert any(objection in each for each in objections), objections
