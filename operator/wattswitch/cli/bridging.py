"""What `wattswitch bridge` does: it reads a file, connects to the cluster, and runs a bridge until told to stop."""

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from pydantic import TypeAdapter, ValidationError

from wattswitch.api.base import ApiModel, ObjectName
from wattswitch.bridges import Refused
from wattswitch.bridges.board import Board
from wattswitch.bridges.budget import BudgetWatch
from wattswitch.bridges.config import read_config, unreadable_files
from wattswitch.bridges.kinds import Around, Kind, load
from wattswitch.bridges.process import run
from wattswitch.bridges.publish import EventPublisher, PrintingPublisher
from wattswitch.cli.options import told
from wattswitch.cli.run import NoCluster
from wattswitch.cluster import KubeClient
from wattswitch.errors import KubeconfigInvalid

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asking:
    """Which budget is asked, through which cluster, and where the numbers are served."""

    budget: str
    kubeconfig: str | None
    address: str
    port: int
    dry_run: bool = False


def read(kind: str, config_file: Path, budget: str) -> tuple[Kind, ApiModel]:
    """The kind of bridge and its configuration. Raises ClickException for what is wrong with any of it."""
    try:
        TypeAdapter(ObjectName).validate_python(budget)
    except ValidationError:
        raise click.UsageError(f"--budget: {budget!r} is no name of a PowerBudget: see kubectl get pwb") from None
    with told():
        loaded = load(kind)
        return loaded, read_config(config_file, loaded.spec)


def bridge(kind: Kind, spec: Any, asking: Asking) -> None:
    """Run until SIGTERM or SIGINT. Raises ClickException for what only whoever started this can change."""
    for problem in unreadable_files(spec):
        logger.warning("%s", problem)
    asyncio.run(_until_told(kind, spec, asking))


async def _until_told(kind: Kind, spec: Any, asking: Asking) -> None:
    work = asyncio.create_task(_printing(kind, spec, asking) if asking.dry_run else _publishing(kind, spec, asking))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        logger.info("told to stop; what was asked for stays in the cluster")


async def _publishing(kind: Kind, spec: Any, asking: Asking) -> None:
    try:
        client = await KubeClient.connect(asking.kubeconfig)
    except KubeconfigInvalid as problem:
        raise NoCluster(str(problem)) from None
    try:
        board, watch = Board(), BudgetWatch(client, asking.budget)
        publisher = EventPublisher(client, asking.budget, spec.program, time.time)
        built = kind.build(spec, Around(publisher, board, time.time, time.monotonic, watch.estimate))
        async with _told_of(asking):
            await run(built, board, asking.address, asking.port, publisher=publisher, watch=watch)
    finally:
        await client.close()


async def _printing(kind: Kind, spec: Any, asking: Asking) -> None:
    board, publisher = Board(), PrintingPublisher(asking.budget, lambda text: click.echo(text, nl=False))
    built = kind.build(spec, Around(publisher, board, time.time, time.monotonic))
    async with _told_of(asking):
        await run(built, board, asking.address, asking.port)


@asynccontextmanager
async def _told_of(asking: Asking) -> AsyncIterator[None]:
    """What ends a bridge from outside of it as a message instead of a traceback."""
    try:
        yield
    except OSError as error:
        where = f"{asking.address}:{asking.port}"
        raise click.ClickException(
            f"{where} can't be listened at ({error.strerror}): pass --address or --port"
        ) from None
    except ExceptionGroup as group:
        refused = group.subgroup(Refused)
        if refused is None:
            raise
        raise click.ClickException(str(refused.exceptions[0])) from None
