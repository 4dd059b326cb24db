"""A long run in two processes: the second half begins before the first one is done.

The second half is played from a state that is as good as a guess, some days before the middle: what learns has learned
from every step before, but the pods may not be what they will turn out to be. In the days around the middle the two
runs mostly come to the same state. From there on they are the same run, for `plan()` is given the same. Where they do
not, the first one is played to the end: the result is the one of a single run in any case.
"""

from collections.abc import Callable, Hashable
from typing import Final

from wattswitch.simulate.aside import Aside, Report, has_another_core
from wattswitch.simulate.inputs import Inputs
from wattswitch.simulate.run import PROGRESS_STEPS, Run, Runner
from wattswitch.simulate.site import SiteModel

LONG_STEPS: Final = 20_000
"""Steps from which on a second process is worth its start."""

LEAD_DAYS: Final = 4
"""Days before the middle that the second half begins, and after it within which the two have to meet."""

FIRST_PART: Final = 0.54
"""Part of the steps before the middle; the second half must also see all that came before it."""

DAY_SECONDS: Final = 86_400.0


def run_long(site: SiteModel, inputs: Inputs, progress: Callable[[int], None] = lambda steps: None) -> Run:
    """The same as `run()`, in two processes where that is sooner done. Raises ValueError as that does."""
    runner = Runner(site, inputs)
    runner.begin(0)
    if inputs.steps < LONG_STEPS or not has_another_core():
        return _played(runner, range(inputs.steps), inputs, progress).result()
    return _in_halves(runner, site, inputs, progress)


def _in_halves(runner: Runner, site: SiteModel, inputs: Inputs, progress: Callable[[int], None]) -> Run:
    middle, lead = int(inputs.steps * FIRST_PART), round(LEAD_DAYS * DAY_SECONDS / inputs.step_seconds)
    done = _Done(progress)
    with Aside(done, second_half, site, inputs, middle, lead) as second:
        step = 0
        while step < inputs.steps:
            if middle <= step < middle + lead and _met(second, runner, step - middle):
                done.first = middle
                return runner.result().joined(second.result(), step)
            if step == middle + lead:
                done.second = 0
                second.end()
            runner.play(step)
            step += 1
            if step % PROGRESS_STEPS == 0 or step == inputs.steps:
                done.first = step
                if step < middle + lead:
                    second.look()
                done.tell()
    return runner.result()


def _met(second: Aside[Run], runner: Runner, number: int) -> bool:
    """Whether the second half was in the same state at its so-manieth step from the middle on."""
    while len(second.notes) <= number:
        second.look(1.0)
    return bool(second.notes[number] == runner.state())


def second_half(report: Report, site: SiteModel, inputs: Inputs, middle: int, lead: int) -> Run:
    """Play the steps from the middle on, and note the states in which the first of them begin."""
    runner, first = Runner(site, inputs), max(0, middle - lead)
    for step in range(first):
        runner.see(step)
    runner.begin(first)
    for step in range(first, inputs.steps):
        if middle <= step < middle + lead:
            state: Hashable = runner.state()
            report.note(state)
        runner.play(step)
        if step % PROGRESS_STEPS == 0:
            report.advance(max(0, step - middle))
    report.advance(inputs.steps - middle)
    return runner.result()


class _Done:
    """How much both have done, as one number."""

    def __init__(self, progress: Callable[[int], None]) -> None:
        self._progress = progress
        self.first = self.second = 0

    def begin(self, what: str, total: int | None) -> None:
        """The second half has no parts."""

    def advance(self, done: int) -> None:
        """So much of the second half is done."""
        self.second = done
        self.tell()

    def tell(self) -> None:
        """Say it."""
        self._progress(self.first + self.second)


def _played(runner: Runner, steps: range, inputs: Inputs, progress: Callable[[int], None]) -> Runner:
    for step in steps:
        runner.play(step)
        if step % PROGRESS_STEPS == 0:
            progress(step)
    progress(inputs.steps)
    return runner
