"""The stage of a demo: a cluster with nodes, the CRDs, the site, the monitor and the operator, all ending together."""

import contextlib
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Self

import yaml

from local.api import Access, ApiError, ApiServer
from local.cluster import Cluster
from local.nodes import racks_for
from local.progress import step
from play.day import BUDGET_PATH
from play.monitor_process import MonitorProcess
from play.operator_process import LEASE_NAMESPACE, OperatorProcess
from play.site import Manifest, apply, path_of

CRDS = Path(__file__).resolve().parent.parent.parent / "crds"
NODES = 200
PATIENCE_SECONDS = 30.0
POLL_SECONDS = 0.05


class Stage:
    """Everything that runs, each in a process of its own."""

    def __init__(self, folder: Path, site: list[Manifest], fault: str = "") -> None:
        self.cluster = Cluster(folder / "cluster")
        self._folder, self._site, self._fault = folder, site, fault
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        try:
            self._set_up()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def check(self) -> None:
        """Raise where a program has ended by itself, or where the nodes, which come beside, could not be made."""
        self._nodes.check()
        self.cluster.check()
        self.operator.check()
        self.monitor.check()

    def _set_up(self) -> None:
        with step("control plane: etcd, Kubernetes and kwok"):
            self._stack.enter_context(self.cluster)
        with step(f"site: {NODES} nodes, custom resources, operator and monitor"):
            self._fill()

    def _fill(self) -> None:
        self.server = ApiServer(Access.from_kubeconfig(self.cluster.kubeconfig))
        self._stack.callback(self.server.close)
        self._nodes = _Errand("nodes", lambda: self.cluster.add_nodes(racks_for(NODES)))
        _install(self.server)
        self.operator = OperatorProcess(self.cluster.kubeconfig, self._folder, self._fault)
        self.operator.start()
        self._stack.callback(self.operator.stop)
        self.monitor = MonitorProcess(self.cluster.kubeconfig, self._folder, self.operator.presence)
        self._stack.callback(self.monitor.kill)
        self.monitor.await_ready()
        for manifest in self._site:
            apply(self.server, manifest)
        await_true(self._operator_has_spoken, "the operator's first status", self.check)

    def _operator_has_spoken(self) -> bool:
        return "limitWatts" in self.server.get(BUDGET_PATH).get("status", {})


def await_true(is_done: Callable[[], bool], what: str, look: Callable[[], None]) -> None:
    """Wait until something is true. `look` ends the wait by raising; so does TimeoutError in the end."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_done():
        look()
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {PATIENCE_SECONDS:.0f} s for {what}")
        time.sleep(POLL_SECONDS)


def _install(server: ApiServer) -> None:
    """Install the CRDs and the operator's namespace, and wait until the new kinds are served."""
    definitions = [yaml.safe_load(path.read_text()) for path in sorted(CRDS.glob("*.yaml"))]
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": LEASE_NAMESPACE}}
    for manifest in (*definitions, namespace):
        apply(server, manifest)
    for definition in definitions:
        await_true(partial(_is_served, server, definition), path_of(definition), lambda: None)


def _is_served(server: ApiServer, definition: Manifest) -> bool:
    spec = definition["spec"]
    try:
        return all(
            "items" in server.get(f"/apis/{spec['group']}/{version['name']}/{spec['names']['plural']}")
            for version in spec["versions"]
            if version["served"]
        )
    except ApiError:
        return False


class _Errand:
    """Something that is done beside, and whose failure is told when it is asked for."""

    def __init__(self, name: str, act: Callable[[], None]) -> None:
        self._failure: Exception | None = None
        self._act = act
        threading.Thread(target=self._run, daemon=True, name=name).start()

    def check(self) -> None:
        """Raise what it raised."""
        if self._failure:
            raise self._failure

    def _run(self) -> None:
        try:
            self._act()
        except Exception as failure:  # noqa: BLE001 - handed to the thread that waits
            self._failure = failure
