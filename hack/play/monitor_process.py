"""The monitor as a process of its own, beside the operator and not below it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from local.tied import tied

READY_LINE = "ready\n"
STOP_SECONDS = 30.0
TAIL_CHARACTERS = 4000


class MonitorDiedError(Exception):
    """The monitor ended although nobody stopped it: nothing that happened since then was seen."""


class MonitorProcess:
    """Starts `play.monitor`, and brings its result when it is told to finish.

    It ends with this process; make it in the main thread.
    """

    def __init__(self, kubeconfig: Path, folder: Path, operator: Path | None = None) -> None:
        self.timeline = folder / "monitor.jsonl"
        self._result, self._log = folder / "monitor.json", folder / "monitor.log"
        command = [sys.executable, "-m", "play.monitor", "--kubeconfig", str(kubeconfig)]
        command += ["--result", str(self._result), "--timeline", str(self.timeline)]
        if operator:
            command += ["--operator", str(operator)]
        with self._log.open("w") as log:
            self._child = subprocess.Popen(
                tied(command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def await_ready(self) -> None:
        """Return when it watches. Raises MonitorDiedError."""
        output = self._child.stdout
        if output is None or output.readline() != READY_LINE:
            self._child.wait()
            raise self._death()

    def check(self) -> None:
        """Raise MonitorDiedError where it ended by itself."""
        if self._child.poll() is not None:
            raise self._death()

    def finish(self) -> dict[str, Any]:
        """Tell it to stop and return what it saw. Raises MonitorDiedError."""
        self.check()
        self._child.terminate()
        if self._child.wait(STOP_SECONDS):
            raise self._death()
        seen: dict[str, Any] = json.loads(self._result.read_text())
        return seen

    def kill(self) -> None:
        """End it without a result."""
        if self._child.poll() is None:
            self._child.kill()
        self._child.wait()
        if self._child.stdout:
            self._child.stdout.close()

    def _death(self) -> MonitorDiedError:
        tail = self._log.read_text(errors="replace")[-TAIL_CHARACTERS:]
        return MonitorDiedError(f"the monitor ended with code {self._child.returncode}\n{tail}")
