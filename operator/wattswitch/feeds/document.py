"""JSON documents: strict parsing, and what is found in them by its path."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from wattswitch.feeds.numeric import MAX_DIGITS
from wattswitch.feeds.reading import Problem, Refused

_STEP: Final = re.compile(r"\.?([^.\[\]\s]+)|\[([0-9]{1,4})\]")

Step = str | int
"""A key of an object, or a place in a list."""


def parse_path(path: str) -> tuple[Step, ...]:
    """`data[0].price` as ("data", 0, "price"). Raises Refused where the path is malformed."""
    steps: list[Step] = []
    end = 0
    while match := _STEP.match(path, end):
        key, place = match.groups()
        steps.append(key if key is not None else int(place))
        end = match.end()
    if end < len(path) or not steps:
        raise Refused(Problem.PATH_MISSING, f"path {path!r} is malformed: write it as data[0].price")
    return tuple(steps)


@dataclass(frozen=True, slots=True)
class ListSteps:
    """The way to a list, and from each of its entries to what is wanted of it."""

    before: tuple[Step, ...]
    behind: tuple[Step, ...]


def parse_list_path(path: str) -> ListSteps:
    """`data[].price` as ("data",) and ("price",). Raises Refused where the path is malformed."""
    before, mark, behind = path.partition("[]")
    if not mark or "[]" in behind:
        raise Refused(Problem.PATH_MISSING, f"path {path!r} is malformed: write it as data[].price")
    return ListSteps(*(parse_path(part) if part else () for part in (before, behind)))


def find_all(document: Any, path: ListSteps, most: int) -> list[Any]:
    """What is at `path` in each entry of its list. Raises Refused, also where there are more than `most`."""
    entries = find(document, path.before)
    if not isinstance(entries, list):
        raise Refused(Problem.PATH_MISSING, "what is before [] in the path is no list in the answer")
    if len(entries) > most:
        raise Refused(Problem.TOO_LARGE, f"the answer has a list of more than {most} entries")
    return [find(entry, path.behind) for entry in entries]


def parse_document(body: bytes) -> Any:
    """The JSON document in `body`. Raises Refused: no JSON, NaN or Infinity in it, a number without end."""
    try:
        return json.loads(body, parse_constant=_refuse_constant, parse_int=_read_integer)
    except (ValueError, RecursionError):
        raise Refused(Problem.NOT_JSON, f"the answer of {len(body)} bytes is no JSON") from None


def find(document: Any, path: tuple[Step, ...]) -> Any:
    """What is at `path`. Raises Refused where nothing is."""
    found = document
    for place, step in enumerate(path):
        fits = isinstance(found, dict) if isinstance(step, str) else isinstance(found, list)
        try:
            found = found[step] if fits else _missing(path, place)
        except (KeyError, IndexError):
            _missing(path, place)
    return found


def _missing(path: tuple[Step, ...], place: int) -> NoReturn:
    walked = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path[: place + 1])
    raise Refused(Problem.PATH_MISSING, f"the answer has no {walked.removeprefix('.')}")


def _refuse_constant(name: str) -> NoReturn:
    problem = Problem.NOT_A_NUMBER if name == "NaN" else Problem.INFINITE
    raise Refused(problem, f"the answer holds {name}, which JSON does not have")


def _read_integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise Refused(Problem.TOO_MANY_DIGITS, f"the answer holds a number of {len(digits)} digits")
    return int(digits)
