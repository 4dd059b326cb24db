"""Drives the bare client's process."""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Self

LINE_BYTES = 4 * 1024 * 1024


class Written(NamedTuple):
    """Monotonic seconds at which the first request left and the last answer came."""

    began: float
    ended: float


class BareClient:
    """Writes sizes as fast as a client can that decides nothing."""

    def __init__(self, kubeconfig: Path) -> None:
        self._kubeconfig = kubeconfig
        self._child: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self._child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "measure.bareclient", str(self._kubeconfig)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_BYTES,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._child and self._child.stdin:
            self._child.stdin.close()
            await self._child.wait()

    async def write(self, sizes: Mapping[str, int], at_once: int) -> Written:
        """Write these sizes. Raises RuntimeError where the client ended."""
        child = self._child
        if child is None or child.stdin is None or child.stdout is None:
            raise RuntimeError("use it as an asynchronous context manager")
        child.stdin.write(json.dumps({"at_once": at_once, "sizes": dict(sizes)}).encode() + b"\n")
        await child.stdin.drain()
        answer = await child.stdout.readline()
        if not answer:
            raise RuntimeError("the bare client ended: see above")
        return Written(**json.loads(answer))
