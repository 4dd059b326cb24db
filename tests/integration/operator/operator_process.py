"""The operator as a real process: started as a user would, killed as a node would, read as a scraper would."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families

from integration.operator.hand import until
from local.ports import free_ports

STOP_SECONDS: Final = 20.0
START_SECONDS: Final = 60.0


class OperatorProcess:
    """One operator at a time. Every start has a record and a log of its own, and a Lease of its own unless told not.

    A Lease that a killed process held stays taken for 15 s; a new name stands for that wait.
    """

    def __init__(self, kubeconfig: Path, folder: Path, lease_namespace: str, lease_name: str) -> None:
        self.starts = 0
        self._kubeconfig, self._folder = kubeconfig, folder
        self._lease_namespace, self._lease_name = lease_namespace, lease_name
        self._lease_number = 0
        self._child: subprocess.Popen[bytes] | None = None
        self._port = 0

    @property
    def log(self) -> Path:
        """The log of the newest start."""
        return self._folder / f"log-{self.starts:03}.jsonl"

    @property
    def logs(self) -> list[Path]:
        """The logs of all starts."""
        return sorted(self._folder.glob("log-*.jsonl"))

    @property
    def record(self) -> Path:
        """The recorded decisions of the newest start."""
        return self._folder / f"decisions-{self.starts:03}.jsonl"

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._child is not None and self._child.poll() is None

    def start(self, *, same_lease: bool = False) -> None:
        """Start it; returns at once."""
        self.starts += 1
        self._lease_number += not same_lease
        (self._port,) = free_ports(1)
        command = [
            *(sys.executable, "-m", "wattswitch", "run", "--kubeconfig", str(self._kubeconfig)),
            *("--namespace", self._lease_namespace, "--lease-name", f"{self._lease_name}-{self._lease_number}"),
            *("--metrics-port", str(self._port), "--record", str(self.record)),
        ]
        with self.log.open("ab") as output:
            self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def await_leading(self) -> None:
        """Wait until it has seen the cluster and may raise."""
        until(lambda: self.series("wattswitch_leading"), {(): 1.0}, START_SECONDS)

    def kill(self) -> None:
        """SIGKILL: nothing is cleaned up."""
        if self._child:
            self._child.kill()
            self._child.wait()
            self._child = None

    def restart(self, *, same_lease: bool = False) -> None:
        """Kill it and start it again."""
        self.kill()
        self.start(same_lease=same_lease)

    def stop(self) -> int | None:
        """Ask it to end, kill it where it does not; its exit code."""
        child, self._child = self._child, None
        if child is None:
            return None
        child.terminate()
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGCONT)
        try:
            return child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            return child.wait()

    def check(self) -> None:
        """Fail where it ended by itself."""
        if self._child is not None and self._child.poll() is not None:
            tail = self.log.read_text(errors="replace")[-4000:]
            raise AssertionError(f"the operator ended with code {self._child.returncode}\n{tail}")

    def suspend(self) -> None:
        """Freeze it."""
        os.kill(self._pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.kill(self._pid, signal.SIGCONT)

    def get(self, path: str, timeout: float = 3.0) -> tuple[int, str]:
        """Status and text of one of its pages; 0 where nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=timeout)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()

    def series(self, series: str, **labels: str) -> dict[tuple[str, ...], float]:
        """Values of one series with these labels, by the values of its other labels in the order of their names."""
        found = {}
        for family in text_string_to_metric_families(self.get("/metrics")[1]):
            for sample in family.samples:
                if sample.name == series and labels.items() <= sample.labels.items():
                    rest = sorted(sample.labels.keys() - labels.keys())
                    found[tuple(sample.labels[label] for label in rest)] = sample.value
        return found

    def decisions(self, budget: str) -> list[dict[str, Any]]:
        """The recorded decisions of one budget since the newest start; a half-written last line is left out."""
        if not self.record.exists():
            return []
        *whole, _ = self.record.read_text().split("\n")
        return [line for line in map(json.loads, whole) if line["budget"] == budget]

    @property
    def _pid(self) -> int:
        assert self._child is not None, "the operator does not run"
        return self._child.pid
