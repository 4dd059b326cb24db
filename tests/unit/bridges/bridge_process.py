"""`wattswitch bridge` as a process, and a peer of its webhook."""

import http.client
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from local.ports import free_ports
from wattswitch.bridges.signature import sign
from wattswitch.bridges.webhook import SIGNATURE_HEADER, TIMESTAMP_HEADER

SECRET = "correct horse"
PATIENCE_SECONDS = 20.0


class Bridge:
    """`wattswitch bridge` as a process."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        (self.port,) = free_ports(1)
        self._out, self._log = folder / "out.yaml", folder / "bridge.log"
        command = [sys.executable, "-m", "wattswitch", "bridge", *arguments, "--port", str(self.port)]
        with self._out.open("wb") as output, self._log.open("wb") as log:
            self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=log)

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def printed(self) -> list[Any]:
        return list(yaml.safe_load_all(self._out.read_text()))

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str]:
        """Status and text of the answer; 0 where nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def post(self, event: dict[str, Any], *, at: float | None = None) -> tuple[int, Any]:
        """Send a signed message; status and acknowledgement."""
        body, stamp = json.dumps(event).encode(), f"{time.time() if at is None else at:.3f}"
        headers = {TIMESTAMP_HEADER: stamp, SIGNATURE_HEADER: f"sha256={sign(SECRET.encode(), stamp, body)}"}
        status, answer = self.ask("POST", "/events", body, **headers)
        return status, json.loads(answer or "null")

    def await_up(self) -> None:
        ends_at = time.monotonic() + PATIENCE_SECONDS
        while self.ask("GET", "/healthz")[0] == 0:
            assert self._child.poll() is None, self.log
            assert time.monotonic() < ends_at, self.log
            time.sleep(0.05)

    def kill(self) -> None:
        self._child.kill()
        self._child.wait()

    def stop(self, number: int = signal.SIGTERM) -> int:
        self._child.send_signal(number)
        return self._child.wait(PATIENCE_SECONDS)
