"""Arguments that several commands take, and how bad input is told."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from wattswitch.errors import WattswitchError


@contextmanager
def told() -> Iterator[None]:
    """What goes wrong as a message instead of a traceback."""
    try:
        yield
    except BrokenPipeError:  # whoever reads the output has seen enough, which click knows to take
        raise
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename is not None else str(error)
        raise click.ClickException(f"{what}: name another file or folder, or make room") from error
    except WattswitchError as error:
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
