"""The logs of commands that run until they are told to stop."""

import logging
from typing import Final, Literal

import click

LogFormat = Literal["json", "text"]

log_format_option: Final = click.option("--log-format", type=click.Choice(["json", "text"]), default="json")
verbose_option: Final = click.option("--verbose", is_flag=True, help="Log debug messages too.")


def configure_logs(log_format: LogFormat, *, verbose: bool) -> None:
    """Log to standard error, a line each."""
    import kopf  # noqa: PLC0415  (as long to import as all the rest, and the other commands do without)

    kopf.configure(log_format=kopf.LogFormat.JSON if log_format == "json" else kopf.LogFormat.PLAIN, verbose=verbose)
    for noisy in ("aiohttp", "kopf.objects"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
