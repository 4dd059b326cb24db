"""A real MQTT broker on loopback, for tests of what a bridge hears from one."""

import os
import time
from pathlib import Path
from typing import Self

from local import debian, programs
from local.ports import LOOPBACK, accepts_connections, free_ports
from local.process import Process, ProgramDiedError
from local.tied import tied

START_PATIENCE_SECONDS = 20.0
STOP_PATIENCE_SECONDS = 10.0


class Mosquitto:
    """One broker in its own directory, whose port stays the same when it is stopped and started again."""

    def __init__(self, directory: Path) -> None:
        (self.port,) = free_ports(1)
        self._directory = directory
        self._process: Process | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        """Start it and return when it accepts connections."""
        self._directory.mkdir(parents=True, exist_ok=True)
        configuration = self._directory / "mosquitto.conf"
        configuration.write_text(f"listener {self.port} {LOOPBACK}\nallow_anonymous true\n")
        command = [*program(), "-c", str(configuration)]
        self._process = Process("mosquitto", tied(command), self._directory / "mosquitto.log")
        deadline = time.monotonic() + START_PATIENCE_SECONDS
        while not accepts_connections(self.port):
            if self._process.exit_code is not None:
                raise ProgramDiedError(self._process)
            if time.monotonic() > deadline:
                self.stop()
                raise TimeoutError(f"mosquitto was not ready after {START_PATIENCE_SECONDS:.0f} s")
            time.sleep(0.02)
        return self

    def stop(self) -> None:
        """Stop it."""
        if self._process:
            self._process.ask_to_stop()
            self._process.wait_until_gone(STOP_PATIENCE_SECONDS)
            self._process = None


def program() -> list[str]:
    """Return the words that begin its command line; one from the cache is told where its libraries are.

    Raises NoAptError where it is nowhere and cannot be downloaded.
    """
    found = programs.find("mosquitto")
    if not found.is_relative_to(debian.folder_of("mosquitto")):
        return [str(found)]
    folders = debian.library_folders("mosquitto")
    return ["/usr/bin/env", f"LD_LIBRARY_PATH={os.pathsep.join(map(str, folders))}", str(found)]
