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
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from local.ports import free_ports
from local.process import wait_until_gone
from local.tied import tied

STOP_SECONDS = 15.0
RETURN_SECONDS = 60.0
"""How long a killed operator may take until it answers again: many times a start on a busy machine."""
PROBE_SECONDS = 0.1
TAIL_CHARACTERS = 4000
LEASE_NAMESPACE = "wattswitch-system"


class OperatorDiedError(Exception):
    """The operator ended although nobody stopped it, or never answered after a kill."""


class OperatorProcess:
    """Starts, kills and restarts `wattswitch run`; every start has a record of its own in the folder.

    It ends with this process; start it in the main thread.
    `operator.jsonl` in the folder says when none could act, for the monitor: {"at": Unix seconds, "running": bool}.
    """

    def __init__(self, kubeconfig: Path, folder: Path, fault: str = "") -> None:
        self.log = folder / "operator.log"
        self.presence = folder / "operator.jsonl"
        self.starts = 0
        self._kubeconfig, self._folder, self._fault = kubeconfig, folder, fault
        self._child: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._absent_since: float | None = None
        self._speaking = threading.Lock()

    @property
    def records(self) -> list[Path]:
        """Every decision it recorded, by start."""
        return sorted(self._folder.glob("decisions-*.jsonl"))

    def absences(self) -> list[tuple[float, float]]:
        """From when to when none could act, after kills; without end where it did not come back."""
        if not self.presence.exists():
            return []
        return absences(json.loads(line) for line in self.presence.read_text().splitlines())

    def start(self) -> None:
        """Start it; it is at work once its /healthz answers."""
        self.starts += 1
        (self._port,) = free_ports(1)
        with self.log.open("ab") as output:
            self._child = subprocess.Popen(
                tied(self._command()), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        if self.starts > 1:
            threading.Thread(target=self._await_return, args=(self._child,), daemon=True, name="return").start()

    def kill(self) -> None:
        """Send SIGKILL: nothing is cleaned up."""
        child = self._child
        if child:
            with self._speaking:
                self._child, self._absent_since = None, time.monotonic()
                self._say(running=False)
            child.send_signal(signal.SIGKILL)
            child.wait()

    def stop(self) -> None:
        """Ask it to end, and kill it where it does not."""
        child, self._child = self._child, None
        if child and child.poll() is None:
            child.terminate()
            wait_until_gone(child, STOP_SECONDS)

    def check(self) -> None:
        """Raise OperatorDiedError where it ended by itself, or has not answered for long after a kill."""
        if self._child and self._child.poll() is not None:
            raise self._death(f"ended with code {self._child.returncode}")
        since = self._absent_since
        if since is not None and time.monotonic() > since + RETURN_SECONDS:
            raise self._death(f"did not answer within {RETURN_SECONDS:.0f} s after a kill")

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
                self._say_returned(child)
                return
            time.sleep(PROBE_SECONDS)

    def _say_returned(self, child: subprocess.Popen[bytes]) -> None:
        """Tell that this one answers, unless it was killed meanwhile: then it is not the one that runs."""
        with self._speaking:
            if child is self._child:
                self._absent_since = None
                self._say(running=True)

    def _death(self, what: str) -> OperatorDiedError:
        tail = self.log.read_text(errors="replace")[-TAIL_CHARACTERS:]
        return OperatorDiedError(f"the operator {what}\n{tail}")

    def _say(self, *, running: bool) -> None:
        line = json.dumps({"at": round(time.time(), 3), "running": running}) + "\n"
        with self.presence.open("a") as presence:
            _write_whole(presence, line)


def absences(told: Iterable[Mapping[str, Any]]) -> list[tuple[float, float]]:
    """From when to when none could act, by what was told in order; without end where none came back.

    Kills before the return from an earlier one belong to the same absence.
    """
    found: list[tuple[float, float]] = []
    is_absent = False
    for line in told:
        if not line["running"] and not is_absent:
            found.append((line["at"], math.inf))
        elif line["running"] and is_absent:
            found[-1] = (found[-1][0], line["at"])
        is_absent = not line["running"]
    return found


def _write_whole(file: IO[str], line: str) -> None:
    """One write call, so that a reader never sees half a line."""
    os.write(file.fileno(), line.encode())
