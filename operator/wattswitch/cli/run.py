"""`wattswitch run`: the operator."""

import asyncio
import os
from http import HTTPStatus
from pathlib import Path
from typing import Final

import click

from wattswitch.cli.logs import LogFormat, configure_logs, log_format_option, verbose_option
from wattswitch.errors import ApiError, ApiUnreachable, KubeconfigInvalid
from wattswitch.settings import Settings

REMEDY: Final = "pass --kubeconfig or set KUBECONFIG"


@click.command("run")
@click.option("--kubeconfig", help="Kubeconfig file; $KUBECONFIG, ~/.kube/config or the pod's account without it.")
@click.option("--watch-namespace", "namespaces", multiple=True, help="Namespace to watch; all without it.")
@click.option("--namespace", "lease_namespace", default="wattswitch-system", help="Namespace of the Lease.")
@click.option("--lease-name", default="wattswitch", help="Name of the Lease.")
@click.option("--identity", default="", help="Holder of the Lease; the pod's name, or a new one for each process.")
@click.option("--metrics-address", default="127.0.0.1", help="Address of /metrics, /healthz and /readyz.")
@click.option("--metrics-port", default=8080, type=click.IntRange(0, 65535), help="Their port; 0 serves nothing.")
@click.option("--record", type=click.Path(dir_okay=False, path_type=Path), help="Append every decision to this file.")
@click.option(
    "--store",
    envvar="WATTSWITCH_STORE",
    show_envvar=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder on a volume for the record that `wattswitch report` reads; none is kept without it.",
)
@log_format_option
@verbose_option
def run_command(log_format: LogFormat, *, verbose: bool, **options: object) -> None:
    """Run the operator until it is told to stop."""
    settings = Settings(**options)  # type: ignore[arg-type]
    _require_cluster(settings.kubeconfig)
    from wattswitch.engine.handlers import run as run_operator  # noqa: PLC0415  (imports kopf)

    if settings.kubeconfig:
        os.environ["KUBECONFIG"] = settings.kubeconfig
    configure_logs(log_format, verbose=verbose)
    run_operator(settings)


class NoCluster(click.ClickException):
    """There is no cluster to run in, and only whoever started this can change that."""

    exit_code = 2


def _require_cluster(kubeconfig: str | None) -> None:
    """Raise NoCluster where no API server answers to the credentials that there are."""
    try:
        asyncio.run(_ask(kubeconfig))
    except KubeconfigInvalid as problem:
        raise NoCluster(str(problem)) from None
    except ApiUnreachable as problem:
        raise NoCluster(f"the API server does not answer: {problem}; {REMEDY}") from None
    except ApiError as problem:
        if problem.status == HTTPStatus.UNAUTHORIZED:
            raise NoCluster(f"the API server does not know these credentials: {problem}; {REMEDY}") from None


async def _ask(kubeconfig: str | None) -> None:
    from wattswitch.cluster import KubeClient  # noqa: PLC0415  (imports the Kubernetes client)

    client = await KubeClient.connect(kubeconfig)
    try:
        await client.request("GET", "/version", retry_throttled=False)
    finally:
        await client.close()
