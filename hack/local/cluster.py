"""A real Kubernetes control plane as child processes on loopback; several may run side by side."""

import contextlib
import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, Self

from local import credentials, nodes, programs, record
from local.api import Api
from local.commands import Settings, command_lines
from local.guard import Guard
from local.nodes import Rack
from local.ports import accepts_connections
from local.process import Process, ProgramDiedError

START_PATIENCE_SECONDS = 90.0
STOP_PATIENCE_SECONDS = 10.0
POLL_SECONDS = 0.03
START_ATTEMPTS = 3
CERTIFICATE_END = "-----END CERTIFICATE-----"


class Kubectl(Protocol):
    """Runs kubectl, returns what it prints, raises RuntimeError with what it complains of."""

    def __call__(self, *arguments: str, given: str | None = None) -> str:
        """Run `kubectl arguments…`; `given` is its standard input."""


def kubectl_environment(directory: Path) -> dict[str, str]:
    """What makes kubectl speak to the cluster of this directory.

    It has a cache of its own: kubectl keeps for hours what an address serves, and ports come back.
    """
    return {"KUBECONFIG": str(directory / "kubeconfig"), "KUBECACHEDIR": str(directory / "kubectl-cache")}


def export_line(directory: Path) -> str:
    """The line that makes kubectl in a shell speak to the cluster of this directory."""
    return "export " + " ".join(
        f"{name}={shlex.quote(value)}" for name, value in kubectl_environment(directory).items()
    )


class Cluster:
    """etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kwok in one directory.

    The programs end with the process that started them, unless the cluster is detached.
    """

    def __init__(
        self,
        directory: Path,
        *,
        controller_qps: int | None = 500,
        scheduler_qps: int | None = 500,
        detached: bool = False,
    ) -> None:
        self.directory = directory.absolute()
        self.token = ""
        self._rates = (controller_qps, scheduler_qps)
        self._settings = Settings(self.directory, *self._rates)
        self._is_detached = detached
        self._processes: dict[str, Process] = {}
        self._guard: Guard | None = None
        self._stopping = threading.Event()

    @property
    def server(self) -> str:
        """The API server's address."""
        return self._settings.server

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self._settings.kubeconfig

    @property
    def ca_file(self) -> Path:
        """The certificate to trust."""
        return self._settings.ca_file

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        """Start every program and return when the API server is ready."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, START_ATTEMPTS + 1):
            try:
                self._start_programs()
                break
            except ProgramDiedError as death:
                self.stop()
                if "address already in use" not in str(death) or attempt == START_ATTEMPTS:
                    raise
                self._settings = Settings(self.directory, *self._rates)
            except BaseException:
                self.stop()
                raise
        threading.Thread(target=self._watch, daemon=True, name=f"watch {self.directory}").start()
        return self

    def stop(self) -> None:
        """Stop every program, kube-apiserver before etcd, and leave no process behind."""
        self._stopping.set()
        self._stop_together("kwok", "kube-scheduler", "kube-controller-manager")
        self._stop_together("kube-apiserver")
        self._stop_together("etcd")
        record.write(self.directory, {})
        if self._guard:
            self._guard.release()
            self._guard = None

    def check(self) -> None:
        """Raise ProgramDiedError where a program has ended by itself."""
        for process in self._processes.values():
            if process.exit_code is not None:
                raise ProgramDiedError(process)

    def process(self, name: str) -> Process:
        """Return one program, to suspend and resume it."""
        return self._processes[name]

    def kill(self, name: str) -> None:
        """Crash one program on purpose."""
        self._processes.pop(name).wait_until_gone(0)

    def relaunch(self, name: str) -> None:
        """Start a killed program again, with the same command line and port."""
        self._launch(name)
        if name == "kube-apiserver":
            self._await_apiserver()

    def connect(self) -> Api:
        """Open a bare connection to the API server as its administrator."""
        return Api(self.server, self.token, self.ca_file)

    def add_nodes(self, racks: list[Rack]) -> None:
        """Create the nodes of these racks and wait until pods may run on them."""
        nodes.create(self.connect, racks)
        with self.connect() as api:
            self._await(lambda: nodes.are_usable(api), "the nodes to become usable")

    def kubectl(self, *arguments: str, given: str | None = None) -> str:
        """Run kubectl as the administrator and return what it prints."""
        command, environment = (
            [str(programs.find("kubectl")), *arguments],
            os.environ | kubectl_environment(self.directory),
        )
        outcome = subprocess.run(
            command, input=given or "", capture_output=True, text=True, check=False, env=environment
        )
        if outcome.returncode:
            raise RuntimeError(f"kubectl {' '.join(arguments)}: {outcome.stderr.strip()}")
        return outcome.stdout

    def write_kubeconfig(self, path: Path, token: str) -> None:
        """Write a kubeconfig for another user, such as a ServiceAccount (`kubectl create token`)."""
        credentials.write_kubeconfig(path, self.server, token, self.ca_file)

    def detach(self) -> None:
        """Let the programs go on when this process ends; `record.stop` ends them."""
        self._stopping.set()
        for process in self._processes.values():
            process.forget()

    def _start_programs(self) -> None:
        self._stopping.clear()
        self.token = credentials.write_admin_token(self._settings.token_file)
        credentials.write_signing_key(self._settings.signing_key)
        record.write(self.directory, {})
        if not self._is_detached:
            self._guard = Guard(self.directory)
        self._launch("etcd")
        self._await(lambda: accepts_connections(self._settings.ports.etcd), "etcd to listen")
        self._launch("kube-apiserver")
        self._await(self._has_certificate, "kube-apiserver to make its certificate")
        credentials.write_kubeconfig(self.kubeconfig, self.server, self.token, self.ca_file)
        self._await_apiserver()
        for name in ("kube-controller-manager", "kube-scheduler", "kwok"):
            self._launch(name)

    def _launch(self, name: str) -> None:
        command = command_lines(self._settings)[name]
        self._processes[name] = Process(name, command, self.directory / f"{name}.log")
        record.write(self.directory, {name: process.pid for name, process in self._processes.items()})

    def _has_certificate(self) -> bool:
        """Tell whether the certificate is there and whole: kube-apiserver makes the file before it fills it."""
        return self.ca_file.exists() and self.ca_file.read_text().rstrip().endswith(CERTIFICATE_END)

    def _await_apiserver(self) -> None:
        with self.connect() as api:
            self._await(api.is_ready, "kube-apiserver to become ready")

    def _await(self, is_done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + START_PATIENCE_SECONDS
        while not is_done():
            self.check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {START_PATIENCE_SECONDS:.0f} s for {what}; logs: {self.directory}")
            time.sleep(POLL_SECONDS)

    def _stop_together(self, *names: str) -> None:
        going = [process for name in names if (process := self._processes.pop(name, None))]
        for process in going:
            process.ask_to_stop()
        for process in going:
            process.wait_until_gone(STOP_PATIENCE_SECONDS)

    def _watch(self) -> None:
        """Say once, when it happens, which program died; check() raises the same later."""
        while not self._stopping.wait(0.5):
            try:
                with contextlib.suppress(RuntimeError):  # a program was added or taken while we looked
                    self.check()
            except ProgramDiedError as death:
                sys.stderr.write(f"\n{death}\n")
                return
