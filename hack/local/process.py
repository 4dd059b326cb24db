"""One program that runs in the background, with its log in a file."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

TAIL_CHARACTERS = 3000


class ProgramDiedError(Exception):
    """A program ended although nobody stopped it."""

    def __init__(self, process: "Process") -> None:
        super().__init__(f"{process.name} ended with code {process.exit_code}\n{process.log_tail()}")


def wait_until_gone(child: "subprocess.Popen[bytes]", patience_seconds: float) -> None:
    """Wait for a program's end, and kill it when patience ends or the wait is interrupted: it is gone in any case."""
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(patience_seconds)
    finally:
        child.kill()
        child.wait()


class Process:
    """A program in a session of its own, so that Ctrl-C reaches it only through us and in order."""

    def __init__(self, name: str, command: list[str], log: Path) -> None:
        self.name = name
        self._log = log
        with log.open("ab") as output:
            self._child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code, None while it runs."""
        return self._child.poll()

    def log_tail(self) -> str:
        """Return the end of its log."""
        return self._log.read_text(errors="replace")[-TAIL_CHARACTERS:]

    def ask_to_stop(self) -> None:
        """Send SIGTERM, and wake it where it was suspended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
            os.kill(self.pid, signal.SIGCONT)

    def suspend(self) -> None:
        """Freeze it: connections stay open and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen program go on."""
        os.kill(self.pid, signal.SIGCONT)

    def wait_until_gone(self, patience_seconds: float) -> None:
        """Wait for its end, and kill it when patience ends."""
        wait_until_gone(self._child, patience_seconds)

    def forget(self) -> None:
        """Leave it running when this process ends."""
        self._child.returncode = 0
