"""`wattswitch bridge`: what a grid operator or an aggregator says, as CurtailmentEvents and as numbers over HTTP."""

from pathlib import Path
from typing import Final

import click

from wattswitch.cli.logs import LogFormat, configure_logs, log_format_option, verbose_option

KINDS: Final = ("openadr3", "openadr2b", "mqtt", "webhook")


@click.command("bridge")
@click.argument("kind", metavar="KIND", type=click.Choice(KINDS))
@click.option(
    "--config",
    "config_file",
    required=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML file that says who the peer is and how it is understood.",
)
@click.option("--budget", required=True, metavar="NAME", help="PowerBudget that is curtailed.")
@click.option("--kubeconfig", help="Kubeconfig file; $KUBECONFIG, ~/.kube/config or the pod's account without it.")
@click.option("--address", default="127.0.0.1", show_default=True, help="Address of /limit, /price, /curve, /healthz.")
@click.option("--port", default=8081, show_default=True, type=click.IntRange(1, 65535), help="Their port.")
@click.option("--dry-run", is_flag=True, help="Print the events instead of writing them; needs no cluster.")
@log_format_option
@verbose_option
def bridge_command(
    kind: str,
    config_file: Path,
    budget: str,
    kubeconfig: str | None,
    address: str,
    port: int,
    log_format: LogFormat,
    *,
    dry_run: bool,
    verbose: bool,
) -> None:
    """Bring what a peer asks for into the cluster, until told to stop.

    KIND is openadr3, openadr2b, mqtt or webhook.
    """
    from wattswitch.cli.bridging import Asking, bridge, read  # noqa: PLC0415  (imports the Kubernetes client)

    loaded, spec = read(kind, config_file, budget)
    configure_logs(log_format, verbose=verbose)
    bridge(loaded, spec, Asking(budget, kubeconfig, address, port, dry_run=dry_run))
