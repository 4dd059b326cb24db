"""The operator as a real process: started as a user would, killed as a node would."""

import http.client
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO

from local.ports import free_ports

STOP_SECONDS = 15.0
PROBE_SECONDS = 0.1
TAIL_CHARACTERS = 4000
LEASE_NAMESPACE = "wattswitch-system"


class OperatorDiedError(Exception):
    """The operator ended although nobody stopped it."""


class OperatorProcess:
    """Starts, kills and restarts `wattswitch run`; every start has a record of its own in the folder.

    `operator.jsonl` in the folder says when none could act, for the monitor: {"at": Unix seconds, "running": bool}.
    """

    def __init__(self, kubeconfig: Path, folder: Path, fault: str = "") -> None:
        self.log = folder / "operator.log"
        self.presence = folder / "operator.jsonl"
        self.starts = 0
        self._kubeconfig, self._folder, self._fault = kubeconfig, folder, fault
        self._child: subprocess.Popen[bytes] | None = None
        self._port = 0

    @property
    def records(self) -> list[Path]:
        """Every decision it recorded, by start."""
        return sorted(self._folder.glob("decisions-*.jsonl"))

    def absences(self) -> list[tuple[float, float]]:
        """From when to when none could act, after kills; without end where it did not come back."""
        if not self.presence.exists():
            return []
        told = [json.loads(line) for line in self.presence.read_text().splitlines()]
        found: list[tuple[float, float]] = []
        for line in told:
            if not line["running"]:
                found.append((line["at"], math.inf))
            elif found:
                found[-1] = (found[-1][0], line["at"])
        return found

    def start(self) -> None:
        """Start it; it is at work once its /healthz answers."""
        self.starts += 1
        (self._port,) = free_ports(1)
        with self.log.open("ab") as output:
            self._child = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        if self.starts > 1:
            threading.Thread(target=self._await_return, args=(self._child,), daemon=True, name="return").start()

    def kill(self) -> None:
        """Send SIGKILL: nothing is cleaned up."""
        if self._child:
            self._say(running=False)
            self._child.send_signal(signal.SIGKILL)
            self._child.wait()
            self._child = None

    def stop(self) -> None:
        """Ask it to end, and kill it where it does not."""
        if self._child and self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        self._child = None

    def check(self) -> None:
        """Raise OperatorDiedError where it ended by itself."""
        if self._child and self._child.poll() is not None:
            tail = self.log.read_text(errors="replace")[-TAIL_CHARACTERS:]
            raise OperatorDiedError(f"the operator ended with code {self._child.returncode}\n{tail}")

    def is_healthy(self) -> bool:
        """Tell whether its /healthz answers with 200."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=1)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _command(self) -> list[str]:
        module = ["play.faults", self._fault] if self._fault else ["wattswitch"]
        return [
            *(sys.executable, "-m", *module, "run"),
            *("--kubeconfig", str(self._kubeconfig), "--namespace", LEASE_NAMESPACE, "--identity", "demo"),
            *("--metrics-port", str(self._port), "--log-format", "json"),
            *("--record", str(self._folder / f"decisions-{self.starts:03}.jsonl")),
        ]

    def _await_return(self, child: subprocess.Popen[bytes]) -> None:
        while child is self._child and child.poll() is None:
            if self.is_healthy():
                self._say(running=True)
                return
            time.sleep(PROBE_SECONDS)

    def _say(self, *, running: bool) -> None:
        line = json.dumps({"at": round(time.time(), 3), "running": running}) + "\n"
        with self.presence.open("a") as presence:
            _write_whole(presence, line)


def _write_whole(file: IO[str], line: str) -> None:
    """One write call, so that a reader never sees half a line."""
    os.write(file.fileno(), line.encode())
