"""The command line: `run` the operator, `plan` what it recorded."""

import json
import logging
import os
import sys
from dataclasses import asdict
from pathlib import Path

import click

from wattswitch import __version__
from wattswitch.planner import plan
from wattswitch.planner.explain import explain
from wattswitch.planner.model import Plan, SiteState
from wattswitch.planner.record import from_line
from wattswitch.settings import Settings

PLAIN_WIDTH = 160
"""Characters a line where the output is no terminal, so that no sentence is cut to ribbons."""


@click.group()
@click.version_option(__version__)
def main() -> None:
    """Switch watts between Bitcoin miners and AI inference behind one power connection."""


@main.command()
@click.option("--kubeconfig", help="Kubeconfig file; $KUBECONFIG, ~/.kube/config or the pod's account without it.")
@click.option("--watch-namespace", "namespaces", multiple=True, help="Namespace to watch; all without it.")
@click.option("--namespace", "lease_namespace", default="wattswitch-system", help="Namespace of the Lease.")
@click.option("--lease-name", default="wattswitch", help="Name of the Lease.")
@click.option("--identity", default="", help="Holder of the Lease; the pod's name, or a new one for each process.")
@click.option("--metrics-address", default="127.0.0.1", help="Address of /metrics, /healthz and /readyz.")
@click.option("--metrics-port", default=8080, type=click.IntRange(0, 65535), help="Their port; 0 serves nothing.")
@click.option("--record", type=click.Path(dir_okay=False, path_type=Path), help="Append every decision to this file.")
@click.option("--log-format", type=click.Choice(["json", "text"]), default="json")
@click.option("--verbose", is_flag=True, help="Log debug messages too.")
def run(log_format: str, *, verbose: bool, **options: object) -> None:
    """Run the operator until it is told to stop."""
    import kopf  # noqa: PLC0415  (imports the Kubernetes client, which the other commands do without)

    from wattswitch.engine.handlers import run as run_operator  # noqa: PLC0415

    settings = Settings(**options)  # type: ignore[arg-type]
    if settings.kubeconfig:
        os.environ["KUBECONFIG"] = settings.kubeconfig
    kopf.configure(log_format=kopf.LogFormat.JSON if log_format == "json" else kopf.LogFormat.PLAIN, verbose=verbose)
    for noisy in ("aiohttp", "kopf.objects"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    run_operator(settings)


@main.command("plan")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--line", type=click.IntRange(min=1), help="The decision in this line; the last one without it.")
@click.option("-o", "output", type=click.Choice(["table", "json"]), default="table")
def plan_command(file: Path, line: int | None, output: str) -> None:
    """Decide again from a recorded line of FILE, and say why."""
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
    if output == "json":
        click.echo(json.dumps(asdict(decision)))
    else:
        _show(state, decision)
    if decision != recorded:
        raise click.ClickException("this is not what was recorded: another version of wattswitch decided then")


def _show(state: SiteState, decision: Plan) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    price = "unknown" if decision.price_per_mwh is None else f"{decision.price_per_mwh:.2f}"
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    console.print(
        f"limit {decision.limit_watts} W, committed {decision.committed_watts} W,"
        f" heading for {decision.planned_watts} W, price {price}/MWh"
    )
    table = Table("workload", "now", "ask for", "goal", "wanted", "worth/MWh", "reason", "why")
    workloads = {workload.key: workload for workload in state.workloads}
    for target in decision.targets:
        worth = "" if target.worth_per_mwh is None else f"{target.worth_per_mwh:.2f}"
        sizes = (target.from_replicas, target.replicas, target.goal_replicas, target.wanted_replicas)
        why = explain(target, workloads[target.key], decision, state)
        table.add_row(target.key, *(str(size) for size in sizes), worth, target.reason, why)
    console.print(table)
