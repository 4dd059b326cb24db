"""Outlives the process that started a cluster, however that ended, and stops the programs it left behind."""

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

from local import record


class Guard:
    """A process that holds the read end of a pipe; the pipe closes with its owner's life."""

    def __init__(self, directory: Path) -> None:
        sources = str(Path(__file__).resolve().parent.parent)
        self._child: subprocess.Popen[bytes] = subprocess.Popen(
            [sys.executable, "-S", "-m", "local.guard", str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": sources},
            start_new_session=True,
        )

    def release(self) -> None:
        """End it; it stops whatever still runs."""
        pipe: IO[bytes] | None = self._child.stdin
        if pipe:
            pipe.close()
        self._child.wait()


if __name__ == "__main__":
    sys.stdin.buffer.read()
    record.stop(Path(sys.argv[1]))
