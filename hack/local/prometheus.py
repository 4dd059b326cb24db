"""A real Prometheus server on loopback, for tests of what the operator reads from one."""

import contextlib
import json
import time
import urllib.request
from pathlib import Path
from typing import Any, Protocol, Self

from local import programs
from local.ports import LOOPBACK, free_ports
from local.process import Process, ProgramDiedError
from local.tied import tied

START_PATIENCE_SECONDS = 30.0
STOP_PATIENCE_SECONDS = 5.0


class Prometheus:
    """One server in its own directory that scrapes what its configuration says."""

    def __init__(
        self, directory: Path, scrape_configs: list[dict[str, Any]], *, scrape_interval_seconds: int = 1
    ) -> None:
        self._directory = directory
        self._port = free_ports(1)[0]
        self._process: Process | None = None
        interval = {"scrape_interval": f"{scrape_interval_seconds}s", "scrape_timeout": f"{scrape_interval_seconds}s"}
        self._configuration = {"global": interval, "scrape_configs": scrape_configs}

    @property
    def url(self) -> str:
        """The server's address."""
        return f"http://{LOOPBACK}:{self._port}"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        """Start it and return when it answers queries."""
        self._directory.mkdir(parents=True, exist_ok=True)
        configuration = self._directory / "prometheus.yml"
        configuration.write_text(json.dumps(self._configuration))
        command = [
            str(programs.find("prometheus")),
            f"--config.file={configuration}",
            f"--storage.tsdb.path={self._directory / 'data'}",
            f"--web.listen-address={LOOPBACK}:{self._port}",
        ]
        self._process = Process("prometheus", tied(command), self._directory / "prometheus.log")
        deadline = time.monotonic() + START_PATIENCE_SECONDS
        while not self._is_ready():
            if self._process.exit_code is not None:
                raise ProgramDiedError(self._process)
            if time.monotonic() > deadline:
                self.stop()
                raise TimeoutError(f"prometheus was not ready after {START_PATIENCE_SECONDS:.0f} s")
            time.sleep(0.05)
        return self

    def process(self) -> Process:
        """Return the program, to suspend and resume it."""
        if self._process is None:
            raise RuntimeError("prometheus is not started")
        return self._process

    def stop(self) -> None:
        """Stop it."""
        if self._process:
            self._process.ask_to_stop()
            self._process.wait_until_gone(STOP_PATIENCE_SECONDS)
            self._process = None

    def _is_ready(self) -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/-/ready", timeout=1) as answer:
            return bool(answer.status == 200)
        return False


class PrometheusFactory(Protocol):
    """Starts a server and stops it when the test ends."""

    def __call__(self, scrape_configs: list[dict[str, Any]], *, scrape_interval_seconds: int = 1) -> Prometheus:
        """Start a server that scrapes what these configurations name."""
