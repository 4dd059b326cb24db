"""`wattswitch plan`: one decision, from resources and signals, from a recorded line, or as a cluster tells it."""

import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import click

from wattswitch.cli.options import named_values, told
from wattswitch.cli.table import show
from wattswitch.planner import plan
from wattswitch.planner.model import Plan, SiteState
from wattswitch.planner.record import from_line

YAML_SUFFIXES: Final = frozenset({".yaml", ".yml"})
RECORD_SUFFIX: Final = ".jsonl"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the command line says of the moment to decide for."""

    price: float | None
    feeds: tuple[str, ...]
    running: tuple[str, ...]
    at: str | None

    @property
    def anything(self) -> bool:
        """Whether it says anything."""
        return self.price is not None or bool(self.feeds or self.running or self.at)


@click.command("plan")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--price", type=float, help="The price now, in the unit of the budget's price source.")
@click.option(
    "--feed",
    "feeds",
    multiple=True,
    metavar="NAME=NUMBER",
    help="What a feed says now, in its source's unit; NAME/namespace/workload for one workload alone.",
)
@click.option("--running", multiple=True, metavar="NS/NAME=REPLICAS", help="Replicas that run now; none without it.")
@click.option(
    "--at",
    metavar="TIME",
    help="The moment to decide for, which schedules follow; UTC where it names no zone, now without it.",
)
@click.option("--line", type=click.IntRange(min=1), help="The decision in this line of FILE; the last without it.")
@click.option("--watch", is_flag=True, help="Show what the operator of a cluster decides, until interrupted.")
@click.option("--once", is_flag=True, help="With --watch: show it once.")
@click.option("--budget", "budget_name", help="With --watch: the PowerBudget; needed where there are several.")
@click.option("--kubeconfig", help="With --watch: kubeconfig file; $KUBECONFIG or ~/.kube/config without it.")
@click.option("--interval", type=click.FloatRange(min=0.2), default=3.0, help="With --watch: seconds between looks.")
@click.option("-o", "output", type=click.Choice(["table", "json"]), default="table")
def plan_command(
    files: tuple[Path, ...],
    price: float | None,
    feeds: tuple[str, ...],
    running: tuple[str, ...],
    at: str | None,
    line: int | None,
    *,
    watch: bool,
    once: bool,
    budget_name: str | None,
    kubeconfig: str | None,
    interval: float,
    output: str,
) -> None:
    """Decide once, and say why.

    FILES are the YAML resources of a site, with --price and --feed for what its feeds say now; or one file that
    `wattswitch run --record` wrote, whose decision is made again. With --watch there are none.
    """
    asked = _Asked(price, feeds, running, at)
    if watch or once:
        if files or asked.anything:
            raise click.UsageError("--watch looks at a cluster: leave out FILES and their options")
        from wattswitch.cli.watch import watch as watch_cluster  # noqa: PLC0415  (imports the Kubernetes client)

        watch_cluster(kubeconfig, budget_name, interval, once=once)
        return
    if not files:
        raise click.UsageError("name the YAML files of a site, or a file that `wattswitch run --record` wrote")
    if asked.anything or any(file.suffix in YAML_SUFFIXES for file in files):
        for file in files:
            if file.suffix == RECORD_SUFFIX:
                raise click.UsageError(f"{file} is a recorded run, which says everything itself: leave out the options")
        state, currency = _state_of(files, asked)
        _tell(state, plan(state), output, currency)
        return
    if len(files) > 1:
        raise click.UsageError("one recorded file at a time; the YAML files of a site end in .yaml or .yml")
    _decide_again(files[0], line, output)


def _tell(state: SiteState, decision: Plan, output: str, currency: str = "") -> None:
    if output == "json":
        click.echo(json.dumps(asdict(decision)))
    else:
        show(state, decision, currency)


def _decide_again(file: Path, line: int | None, output: str) -> None:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{file} is not text: it should be a file that `run --record` wrote") from error
    if not lines or (line or 1) > len(lines):
        raise click.ClickException(f"{file} has {len(lines)} lines")
    try:
        state, recorded = from_line(lines[(line or len(lines)) - 1])
    except ValueError as error:
        raise click.ClickException(f"{file}: {error}") from error
    decision = plan(state)
    _tell(state, decision, output)
    if decision != recorded:
        raise click.ClickException("this is not what was recorded: another version of wattswitch decided then")


def _state_of(files: Sequence[Path], asked: _Asked) -> tuple[SiteState, str]:
    """The state at the moment that was asked for, and the currency of its money."""
    from wattswitch.mapping import currency_of  # noqa: PLC0415
    from wattswitch.simulate.moment import state_at  # noqa: PLC0415  (imports the feeds, which a recorded line needs not)
    from wattswitch.simulate.series import read_moment  # noqa: PLC0415
    from wattswitch.simulate.site import read_site  # noqa: PLC0415

    numbers = {
        name: _number(f"--feed {name}", text)
        for name, text in named_values("--feed", asked.feeds, "NAME=NUMBER").items()
    }
    running = {
        name: _count(f"--running {name}", text)
        for name, text in named_values("--running", asked.running, "NAMESPACE/NAME=REPLICAS").items()
    }
    with told():
        now = time.time() if asked.at is None else read_moment(asked.at)
        price = None if asked.price is None else _number("--price", str(asked.price))
        site = read_site(files)
        return state_at(site, now, price, numbers, running), currency_of(site.spec)


def _number(option: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise click.UsageError(f"{option}: {text!r} is no number: write it as 45 or 0.055")
    return number


def _count(option: str, text: str) -> int:
    if not text.isdecimal():
        raise click.UsageError(f"{option}: {text!r} is no number of replicas: write it as 4")
    return int(text)
