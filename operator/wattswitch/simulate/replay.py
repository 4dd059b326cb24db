"""A recorded operator run, decided again line by line."""

from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

from wattswitch.errors import SpecInvalid
from wattswitch.planner import plan
from wattswitch.planner.model import Plan
from wattswitch.planner.record import from_line


class ReplayError(SpecInvalid):
    """A file that holds no recorded run, or a line that is decided otherwise now; the text names the line."""


def replay(file: Path, progress: Callable[[int], None] = lambda size: None) -> tuple[int, bool]:
    """Decide every line of `file` again; returns how many there are, and whether the last one is cut short.

    A process that is killed leaves such a line, which is left out. `progress` is told how much of the file is done, in
    characters. Raises ReplayError at the first line that cannot be read or whose plan is another now.
    """
    count, size = 0, 0
    for number, line in enumerate(_lines(file), start=1):
        size += len(line)
        progress(size)
        if not line.strip():
            continue
        try:
            state, recorded = from_line(line)
        except ValueError as error:
            if count and not line.endswith("\n"):
                return count, True
            raise ReplayError(f"{file} line {number}: {error}") from error
        decision = plan(state)
        if decision != recorded:
            what = difference(recorded, decision)
            raise ReplayError(f"{file} line {number}: {what}: another version of wattswitch decided then")
        count += 1
    if not count:
        raise ReplayError(f"{file} is empty: it should be a file that `wattswitch run --record` wrote")
    return count, False


def _lines(file: Path) -> Iterator[str]:
    try:
        with file.open(encoding="utf-8") as lines:
            yield from lines
    except UnicodeDecodeError:
        raise ReplayError(f"{file} is not text: it should be a file that `wattswitch run --record` wrote") from None
    except OSError as error:
        raise ReplayError(f"{file} can't be read ({type(error).__name__}): correct its name") from None


def difference(recorded: Plan, decision: Plan) -> str:
    """The first thing in which two plans differ, in words."""
    for before, now in zip(recorded.targets, decision.targets, strict=False):
        if before != now:
            return f"{before.key} was {before.replicas} ({before.reason}), is {now.replicas} ({now.reason}) now"
    for each in fields(Plan):
        before, now = getattr(recorded, each.name), getattr(decision, each.name)
        if before != now and each.name != "targets":
            return f"{each.name} was {before}, is {now} now"
    return f"there were {len(recorded.targets)} targets, there are {len(decision.targets)} now"
