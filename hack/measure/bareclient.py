"""The floor: a client that does nothing but patch the same targets, in a process of its own.

    python -m measure.bareclient KUBECONFIG

reads {"at_once": N, "sizes": {name: replicas}} lines, writes the sizes, and answers each with {"began", "ended"} in
monotonic seconds, which one machine's processes share.
"""

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from measure.api import Client
from measure.objects import NAMESPACE


def scale_path(name: str) -> str:
    """The scale subresource of a target."""
    return f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{name}/scale"


async def write(client: Client, sizes: Mapping[str, int], at_once: int) -> dict[str, float]:
    """Patch every target over connections that are open already."""
    await asyncio.gather(*(client.get("/version") for _ in range(at_once)))
    waiting = iter(sizes.items())

    async def work() -> None:
        for name, size in waiting:
            await client.patch(scale_path(name), [{"op": "add", "path": "/spec/replicas", "value": size}])

    began = time.monotonic()
    await asyncio.gather(*(work() for _ in range(at_once)))
    return {"began": began, "ended": time.monotonic()}


async def serve(kubeconfig: Path) -> None:
    """Answer requests until standard input ends."""
    async with Client(kubeconfig) as client:
        while line := await asyncio.to_thread(sys.stdin.readline):
            request = json.loads(line)
            print(json.dumps(await write(client, request["sizes"], request["at_once"])), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
