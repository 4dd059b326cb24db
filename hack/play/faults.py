"""Operators that are broken on purpose, so that the demo can prove that its monitor sees it. Used by nothing else.

    python -m play.faults raise-first run --kubeconfig ...

runs `wattswitch run ...` with one fault put into it.
"""

import dataclasses
import sys
from collections.abc import Callable
from unittest import mock


def raise_first() -> None:
    """Raise at once to where the site is heading, before the watts are free that lowerings are to free."""
    from wattswitch.planner import order
    from wattswitch.planner.allocate import Room
    from wattswitch.planner.model import SiteState

    def everything_is_free(state: SiteState) -> Room:
        return Room(sys.maxsize, {group.name: sys.maxsize for group in state.budget.gpu_groups})

    _replace(order, "free_now", everything_is_free)


def ignore_terminating() -> None:
    """Count what a target asks for, and nothing of what still dies."""
    from wattswitch.engine.books import Book

    def booked_pods(book: Book, now: float) -> int:
        del now
        return book.size(book.spec_replicas)

    _replace(Book, "booked_pods", booked_pods)
    _replace(Book, "settled", property(lambda _: True))


def forget_deleted() -> None:
    """Strike a target's pods from the books as soon as the target is deleted."""
    from wattswitch.engine import observe
    from wattswitch.engine.books import Book
    from wattswitch.planner.model import Draw

    counted = observe._draw

    def forgotten(book: Book, *, gone: bool, now: float) -> Draw:
        known = counted(book, gone=gone, now=now)
        return dataclasses.replace(known, pods=0, staying_pods=0) if gone else known

    _replace(observe, "_draw", forgotten)


def _replace(owner: object, name: str, broken: object) -> None:
    """Put a broken part in, for as long as the process lives. Raises AttributeError where there is none to replace."""
    mock.patch.object(owner, name, broken).start()


FAULTS: dict[str, Callable[[], None]] = {
    "raise-first": raise_first,
    "ignore-terminating": ignore_terminating,
    "forget-deleted": forget_deleted,
}


def main() -> None:
    """Put the fault into this process and run the operator's command line in it."""
    fault = sys.argv.pop(1)
    if fault != "none":
        FAULTS[fault]()
    from wattswitch.cli import main as run

    run()


if __name__ == "__main__":
    main()
