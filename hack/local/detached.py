"""The command `hack/cluster`: a cluster that outlives the command."""

import argparse
import os
import shutil
import sys
import time
from pathlib import Path

from local import cache, programs, record
from local.cluster import Cluster, export_line, kubectl_environment
from local.nodes import racks_for
from local.progress import step


def main() -> int:
    """Run one of the subcommands and return its exit code."""
    chosen = _parser().parse_args()
    directory = cache.root() / "clusters" / chosen.name
    if chosen.command == "up":
        return _up(directory, chosen.nodes, chosen.default_rates)
    if chosen.command == "down":
        return _down(directory)
    if chosen.command == "status":
        return _status(directory)
    return _kubectl(directory, chosen.arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hack/cluster", description=__doc__)
    named = argparse.ArgumentParser(add_help=False)
    named.add_argument("--name", default="default", help="several clusters may run side by side")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", parents=[named], help="start a cluster and leave it running")
    up.add_argument("--nodes", type=int, default=200, help="a quarter for miners, the others with 8 GPUs each")
    up.add_argument("--default-rates", action="store_true", help="controllers at Kubernetes' default request rates")
    commands.add_parser("down", parents=[named], help="stop it and delete its data")
    commands.add_parser("status", parents=[named], help="show which of its programs run")
    kubectl = commands.add_parser("kubectl", parents=[named], help="run kubectl against it: kubectl -- get nodes")
    kubectl.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser


def _up(directory: Path, node_count: int, default_rates: bool) -> int:
    if record.is_complete(directory):
        print(f"it runs already: {export_line(directory)}")
        return 0
    programs.ensure_all()
    record.stop(directory)
    shutil.rmtree(directory, ignore_errors=True)
    qps = None if default_rates else 500
    cluster = Cluster(directory, controller_qps=qps, scheduler_qps=qps, detached=True)
    started = time.monotonic()
    with step(f"cluster with {node_count} nodes"):
        cluster.start()
        try:
            cluster.add_nodes(racks_for(node_count))
        except BaseException:
            cluster.stop()
            raise
    cluster.detach()
    print(f"ready after {time.monotonic() - started:.1f} s: {export_line(directory)}")
    return 0


def _down(directory: Path) -> int:
    if record.running(directory):
        with step("cluster: stopping"):
            record.stop(directory)
    shutil.rmtree(directory, ignore_errors=True)
    return 0


def _status(directory: Path) -> int:
    written = record.read(directory)
    running = record.running(directory)
    if not written:
        print("no cluster of this name; hack/cluster up starts one")
        return 1
    for name, pid in written.items():
        state = f"runs, process {pid}" if name in running else f"died, see {directory / name}.log"
        print(f"{name:24} {state}")
    print(export_line(directory))
    return 0 if written == running else 1


def _kubectl(directory: Path, arguments: list[str]) -> int:
    given = arguments[1:] if arguments[:1] == ["--"] else arguments
    kubectl = str(programs.find("kubectl"))
    sys.stdout.flush()
    os.execve(kubectl, [kubectl, *given], os.environ | kubectl_environment(directory))  # noqa: S606
