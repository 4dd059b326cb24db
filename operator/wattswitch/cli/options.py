"""Arguments that several commands take, and how bad input is told."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from wattswitch.errors import SpecInvalid


@contextmanager
def told() -> Iterator[None]:
    """Bad input as a message instead of a traceback."""
    try:
        yield
    except SpecInvalid as error:
        raise click.ClickException(str(error)) from error


def named_values(option: str, given: Sequence[str], wanted: str) -> dict[str, str]:
    """NAME=VALUE arguments by name. Raises UsageError for one that is none, or that names the same twice."""
    values: dict[str, str] = {}
    for argument in given:
        name, equals, value = argument.partition("=")
        if not (name and equals and value):
            raise click.UsageError(f"{option} {argument!r} is not {wanted}: write it so")
        if name in values:
            raise click.UsageError(f"{option} {name} is given twice: leave one of the two out")
        values[name] = value
    return values
