"""What is written down about a running cluster, so that a process that did not start it can stop it."""

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path

FILE = "programs.json"
# kube-apiserver hangs where etcd is gone before it, so the order is that of the start, reversed.
STOP_ORDER = ("kwok", "kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd")
PATIENCE_SECONDS = 10.0


def write(directory: Path, pids: dict[str, int]) -> None:
    """Write down the process ids, so that a reader never sees half of them."""
    unfinished = directory / f".{FILE}"
    unfinished.write_text(json.dumps(pids))
    unfinished.rename(directory / FILE)


def read(directory: Path) -> dict[str, int]:
    """Return the process ids that were written down."""
    with contextlib.suppress(FileNotFoundError):
        pids: dict[str, int] = json.loads((directory / FILE).read_text())
        return pids
    return {}


def running(directory: Path) -> dict[str, int]:
    """Return those of the written programs that still run."""
    return {name: pid for name, pid in read(directory).items() if _is_ours(pid, directory)}


def is_complete(directory: Path) -> bool:
    """Tell whether all programs of a cluster run."""
    return set(running(directory)) == set(STOP_ORDER)


def stop(directory: Path) -> None:
    """Stop every program that still runs, in order."""
    for name in STOP_ORDER:
        pid = read(directory).get(name)
        if pid is not None:
            _stop_one(pid, directory)
    (directory / FILE).unlink(missing_ok=True)


def _stop_one(pid: int, directory: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    _send(pid, directory, signal.SIGTERM)
    _send(pid, directory, signal.SIGCONT)
    while _is_ours(pid, directory):
        if time.monotonic() > deadline:
            _send(pid, directory, signal.SIGKILL)
        time.sleep(0.02)


def _send(pid: int, directory: Path, number: signal.Signals) -> None:
    if _is_ours(pid, directory):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _is_ours(pid: int, directory: Path) -> bool:
    """Every program names the cluster's folder on its command line; a process id alone may have a new owner."""
    return str(directory) in _command_line(pid)


def _command_line(pid: int) -> str:
    if Path("/proc/self/cmdline").exists():
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
        return ""
    return subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout
