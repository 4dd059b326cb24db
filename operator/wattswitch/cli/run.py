"""`wattswitch run`: the operator."""

import logging
import os
from pathlib import Path

import click

from wattswitch.settings import Settings


@click.command("run")
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
def run_command(log_format: str, *, verbose: bool, **options: object) -> None:
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
