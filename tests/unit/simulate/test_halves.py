"""A long run in two processes is the run in one; a second process speaks, gives its result, and fails aloud."""

from typing import Any

import numpy as np
import pytest

from unit.simulate.sites import inputs_of, series, site_of
from wattswitch.errors import SpecInvalid
from wattswitch.simulate import aside, halves
from wattswitch.simulate.aside import Aside, AsideError, InTurn, Report
from wattswitch.simulate.halves import run_long
from wattswitch.simulate.inputs import Inputs
from wattswitch.simulate.run import Run, run
from wattswitch.simulate.site import SiteModel

DAYS = 20


@pytest.fixture
def world(tmp_path, monkeypatch) -> tuple[SiteModel, Inputs]:
    """Three weeks of hours with prices and demand that keep everything moving."""
    random = np.random.default_rng(3)
    site = site_of(tmp_path)
    prices = (60 + 50 * np.sin(np.arange(24 * DAYS) / 4) + random.normal(0, 25, 24 * DAYS)).tolist()
    queue = series(random.uniform(0, 90, 24 * DAYS).round().tolist())
    monkeypatch.setattr(halves, "LONG_STEPS", 24)
    monkeypatch.setattr(halves, "has_another_core", lambda: True)
    return site, inputs_of(site, prices, feeds={"queue": queue})


def words_of(played: Run) -> tuple[list[list[str]], list[str]]:
    """Reasons and bases as words, in whatever order each run has them."""
    reasons = [[played.words[place] for place in row] for row in played.reasons.tolist()]
    return reasons, [played.basis_words[place] for place in played.bases.tolist()]


def same(one: Run, other: Run) -> bool:
    numbers = ((one.replicas, other.replicas), (one.committed_watts, other.committed_watts))
    numbers += ((one.violations, other.violations), (one.decided, other.decided))
    return all((mine == theirs).all() for mine, theirs in numbers) and words_of(one) == words_of(other)


def test_two_halves_that_meet_are_one_run(world, monkeypatch):
    met: list[bool] = []
    first = halves._met
    monkeypatch.setattr(halves, "_met", lambda *of: met.append(first(*of)) or met[-1])
    told: list[int] = []
    assert same(run_long(*world, told.append), run(*world))
    assert met[-1]
    assert told[-1] == 24 * DAYS
    assert told == sorted(told)


def test_two_halves_that_never_meet_are_one_run_too(world, monkeypatch):
    monkeypatch.setattr(halves, "_met", lambda *_: False)
    assert same(run_long(*world), run(*world))


def test_a_short_run_needs_no_second_process(world, monkeypatch):
    monkeypatch.setattr(halves, "LONG_STEPS", 24 * DAYS + 1)
    monkeypatch.setattr(halves, "Aside", None)
    assert same(run_long(*world), run(*world))


class Heard:
    """What was told, in order."""

    def __init__(self) -> None:
        self.parts: list[Any] = []

    def begin(self, what: str, total: int | None) -> None:
        self.parts.append((what, total))

    def advance(self, done: int) -> None:
        self.parts.append(done)


def counting(report: Report, upto: int) -> int:
    report.begin("counting", upto)
    for number in range(upto):
        report.note(number)
        report.advance(number + 1)
    return upto


def refusing(report: Report) -> None:
    raise SpecInvalid("this cannot be simulated")


def dying(report: Report) -> None:
    raise SystemExit(3)


def waiting(report: Report) -> None:
    report.begin("waiting", None)
    while True:
        pass


def test_work_aside_is_heard_and_gives_its_result():
    heard = Heard()
    with Aside(heard, counting, 3) as work:
        assert work.result() == 3
        assert work.result() == 3
    assert work.notes == [0, 1, 2]
    assert heard.parts == [("counting", 3), 1, 2, 3]


def test_what_is_raised_aside_is_raised_here():
    with Aside(Heard(), refusing) as work, pytest.raises(SpecInvalid, match="cannot be simulated"):
        work.result()


def test_a_process_that_ends_without_a_result_is_named():
    with Aside(Heard(), dying) as work, pytest.raises(AsideError):
        work.result()


def test_work_that_nobody_waits_for_is_ended():
    heard = Heard()
    with Aside(heard, waiting) as work:
        while not heard.parts:
            work.look(1.0)
    assert not work._process.is_alive()


def test_work_in_turn_is_done_when_it_is_asked_for():
    heard = Heard()
    with InTurn(heard, lambda tell, what: tell.begin(what, None) or what, "here") as work:
        work.look()
        assert heard.parts == []
        assert work.result() == "here"
    assert heard.parts == [("here", None)]


def test_a_core_is_counted():
    assert isinstance(aside.has_another_core(), bool)
