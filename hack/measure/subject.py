"""The operator under measurement: a process as a user would start it, and what the kernel says that it used."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from local.process import wait_until_gone
from local.tied import tied
from measure.objects import LEASE_NAMESPACE

STOP_SECONDS = 20.0
TAIL_CHARACTERS = 3000
_USER_TICKS, _SYSTEM_TICKS = 11, 12
"""Positions of utime and stime behind the command's name in /proc/PID/stat (proc(5), fields 14 and 15)."""


@dataclass(frozen=True)
class Resident:
    """Resident memory of a process in MiB: now, and the most that it ever was."""

    now_mib: float
    peak_mib: float


class Subject:
    """Runs `wattswitch run` until the block ends, or this process. Enter the block in the main thread."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        self._kubeconfig = kubeconfig
        self._log = folder / "operator.log"
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("ab") as output:
            self._child = subprocess.Popen(
                tied(
                    [
                        *(sys.executable, "-m", "wattswitch", "run", "--kubeconfig", str(self._kubeconfig)),
                        *("--namespace", LEASE_NAMESPACE, "--metrics-port", "0"),
                    ]
                ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._child is not None:
            self._child.terminate()
            wait_until_gone(self._child, STOP_SECONDS)

    def check(self) -> None:
        """Raise RuntimeError where it has ended by itself."""
        if self._child is not None and self._child.poll() is not None:
            tail = self._log.read_text(errors="replace")[-TAIL_CHARACTERS:]
            raise RuntimeError(f"the operator ended with code {self._child.returncode}\n{tail}")

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Hold it still until the block ends: it uses no processor meanwhile, and its Lease may run out."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    @property
    def cpu_seconds(self) -> float:
        """Processor time that it has used so far."""
        return cpu_seconds(Path(f"/proc/{self.pid}/stat").read_text(), os.sysconf("SC_CLK_TCK"))

    @property
    def resident(self) -> Resident:
        """Its resident memory."""
        return resident(Path(f"/proc/{self.pid}/status").read_text())

    @property
    def pid(self) -> int:
        """Its process id. Raises RuntimeError before the block is entered."""
        if self._child is None:
            raise RuntimeError("it is not running")
        return self._child.pid


def cpu_seconds(proc_pid_stat: str, ticks_per_second: int) -> float:
    """User and system time from /proc/PID/stat; the command's name in it may hold anything but a last `)`."""
    fields = proc_pid_stat.rpartition(")")[2].split()
    return (int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])) / ticks_per_second


def resident(proc_pid_status: str) -> Resident:
    """VmRSS and VmHWM from /proc/PID/status, which gives them in KiB."""
    kibibytes = {
        name: int(rest.split()[0])
        for name, _, rest in (line.partition(":") for line in proc_pid_status.splitlines())
        if name in {"VmRSS", "VmHWM"}
    }
    return Resident(kibibytes["VmRSS"] / 1024, kibibytes["VmHWM"] / 1024)
