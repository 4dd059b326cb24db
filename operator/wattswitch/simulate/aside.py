"""Work in a second process, which tells how far it is while this one goes on."""

import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Final, Generic, Protocol, TypeVar

from wattswitch.errors import WattswitchError

R = TypeVar("R")

WAIT_SECONDS: Final = 0.1
"""How long one look for news may take while there is nothing else to do."""

BEGIN: Final = "begin"
ADVANCE: Final = "advance"
NOTE: Final = "note"
DONE: Final = "done"
FAILED: Final = "failed"


class Tell(Protocol):
    """Where progress goes."""

    def begin(self, what: str, total: int | None) -> None:
        """The next part begins; `total` None where nobody knows how long it is."""

    def advance(self, done: int) -> None:
        """So much of the part is done."""


class AsideError(WattswitchError):
    """The second process ended without a result. Remedy: give it more memory, or simulate a shorter time."""


class Report:
    """What the work in the second process is given to speak with: a `Tell` that also takes notes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def begin(self, what: str, total: int | None) -> None:
        """The next part begins."""
        self._connection.send((BEGIN, (what, total)))

    def advance(self, done: int) -> None:
        """So much of the part is done."""
        self._connection.send((ADVANCE, (done,)))

    def note(self, what: Any) -> None:
        """Give something over before the result."""
        self._connection.send((NOTE, what))


class Aside(Generic[R]):
    """`work(report, *arguments)` in a process of its own; all of it must be picklable.

    Use it as a context: what is still going on at its end is ended.
    """

    def __init__(self, tell: Tell, work: Callable[..., R], *arguments: Any) -> None:
        self._tell = tell
        self.notes: list[Any] = []
        self._result: R | None = None
        self._ended = False
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe(duplex=False)
        self._process = context.Process(target=_work, args=(theirs, work, arguments), daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> "Aside[R]":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Stop the work where it is."""
        if self._process.is_alive():
            self._process.terminate()
        self._process.join()
        self._connection.close()

    def look(self, seconds: float = 0.0) -> None:
        """Take what the work has said, and wait so long for it. Raises what the work raised, or AsideError."""
        while not self._ended and self._connection.poll(seconds):
            self._hear()
            seconds = 0.0

    def result(self) -> R:
        """Wait for the result. Raises what the work raised, or AsideError."""
        while not self._ended:
            self.look(WAIT_SECONDS)
        return self._result  # type: ignore[return-value]

    def _hear(self) -> None:
        try:
            kind, what = self._connection.recv()
        except EOFError:
            raise AsideError("a second process of the simulation ended before its work was done") from None
        match kind:
            case "begin":
                self._tell.begin(*what)
            case "advance":
                self._tell.advance(*what)
            case "note":
                self.notes.append(what)
            case "failed":
                raise what
            case _:
                self._result, self._ended = what, True


class InTurn(Generic[R]):
    """The same in this process, when the result is asked for."""

    def __init__(self, tell: Tell, work: Callable[..., R], *arguments: Any) -> None:
        self._tell, self._work, self._arguments = tell, work, arguments

    def __enter__(self) -> "InTurn[R]":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is going on."""

    def look(self) -> None:
        """Nothing has been said."""

    def result(self) -> R:
        """Do it. Raises what the work raises."""
        return self._work(self._tell, *self._arguments)


def has_another_core() -> bool:
    """Whether a second process would have a core of its own."""
    return len(os.sched_getaffinity(0)) > 1 if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1) > 1


def _work(connection: Connection, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        connection.send((DONE, work(Report(connection), *arguments)))
    except WattswitchError as problem:
        connection.send((FAILED, problem))
    finally:
        connection.close()
